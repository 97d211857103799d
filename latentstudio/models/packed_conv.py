"""Convolutions of few pixels with many channels, on weights that are laid out once.

Owns the packed form of a weight. There the library otherwise spends most of the time on bringing the
weights into its own layout, anew for every frame; and a transposed convolution of stride 2 is quicker
as a plain one that gives its four phases. CPU only, a single picture, without gradients; whoever asks
must have another way.
"""

from __future__ import annotations

from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

# Up to this many input pixels the four phases cost less than the transposed convolution.
MAX_PHASE_PIXELS = 256


@cache
def is_available() -> bool:
    """Whether this build of torch packs weights, as seen by trying it."""
    try:
        weight, x = torch.ones(8, 8, 3, 3), torch.ones(1, 8, 4, 4)
        y = _convolve(x, _pack(weight, x, 1), 1)
    except (AttributeError, RuntimeError, NotImplementedError, TypeError):
        return False
    return torch.allclose(y, F.conv2d(x, weight, padding=1))


def fits(x: Tensor, weight: Tensor) -> bool:
    """Whether these features and weights can go this way."""
    return (
        len(x) == 1
        and x.device.type == "cpu"
        and x.dtype in (torch.float32, torch.bfloat16)
        and not weight.requires_grad
        and not (torch.is_grad_enabled() and x.requires_grad)
        and is_available()
    )


def pack(weight: Tensor, x: Tensor) -> Tensor:
    """The weight (out, in, k, k) in the library's own layout for features of the shape of `x`."""
    return _pack(weight, x, weight.shape[-1] // 2)


def convolve(x: Tensor, packed: Tensor, kernel_size: int) -> Tensor:
    """The plain convolution with "same" padding: (1, in, H, W) -> (1, out, H, W)."""
    return _convolve(x, packed, kernel_size // 2)


def pack_phases(weight: Tensor, x: Tensor) -> Tensor:
    """The weight (out, in, 3, 3) of a transposed convolution of stride 2, as that of its four phases.

    Along one side the even outputs are x[m-1] w[2] + x[m] w[0], the odd ones x[m] w[1].
    """
    out_channels, in_channels = weight.shape[:2]
    phases = weight.new_zeros(out_channels, 2, 2, in_channels, 2, 2)
    taps = {0: ((0, 2), (1, 0)), 1: ((1, 1),)}  # for each phase: (place in the kernel, index into w)
    for a, rows in taps.items():
        for b, columns in taps.items():
            for i, p in rows:
                for j, q in columns:
                    phases[:, a, b, :, i, j] = weight[:, :, p, q]
    return _pack(phases.reshape(4 * out_channels, in_channels, 2, 2), x, 1)


def convolve_phases(x: Tensor, packed: Tensor) -> Tensor:
    """The transposed convolution with one more row and column of zeros at the end.

    Returns:
        (1, out, 2H + 2, 2W + 2).
    """
    return F.pixel_shuffle(_convolve(x, packed, 1), 2)


def pack_four_taps(weight: Tensor, x: Tensor) -> Tensor:
    """The weight (in, out, 4, 4) of a transposed convolution of stride 2 and padding 1, as its phases.

    Along one side the even outputs are x[m-1] w[3] + x[m] w[1], the odd ones x[m] w[2] + x[m+1] w[0]: two
    taps each, so nothing is wasted.
    """
    in_channels, out_channels = weight.shape[:2]
    rows = torch.stack([weight[:, :, [3, 1]], weight[:, :, [2, 0]]])  # (2, in, out, 2, 4)
    phases = torch.stack([rows[..., [3, 1]], rows[..., [2, 0]]], 1)  # (2, 2, in, out, 2, 2)
    return _pack(phases.transpose(2, 3).reshape(4 * out_channels, in_channels, 2, 2), x, 1)


def convolve_four_taps(x: Tensor, packed: Tensor) -> Tensor:
    """That transposed convolution: (1, in, H, W) -> (1, out, 2H, 2W), channels last."""
    height, width = x.shape[2:]
    phases = _convolve(x, packed, 1).permute(0, 2, 3, 1)  # (1, H + 1, W + 1, 4 out)
    phases = phases.reshape(1, height + 1, width + 1, 2, 2, -1)
    y = x.new_empty(1, height, 2, width, 2, phases.shape[-1])
    for a in (0, 1):
        for b in (0, 1):
            y[:, :, a, :, b] = phases[:, a : a + height, b : b + width, a, b]
    return y.reshape(1, 2 * height, 2 * width, -1).permute(0, 3, 1, 2)


def _pack(weight: Tensor, x: Tensor, padding: int) -> Tensor:
    packed: Tensor = torch.ops.mkldnn._reorder_convolution_weight(
        weight.contiguous(), [padding] * 2, [1, 1], [1, 1], 1, list(x.shape)
    )
    return packed


def _convolve(x: Tensor, packed: Tensor, padding: int) -> Tensor:
    y: Tensor = torch.ops.mkldnn._convolution_pointwise(
        x, packed, None, [padding] * 2, [1, 1], [1, 1], 1, "none", [], ""
    )
    return y
