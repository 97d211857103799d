"""Pieces that several architectures share.

Owns the equalised linear layer, resampling with FIR filters and small elementwise steps; must not
know checkpoints. Differentiable everywhere; without gradients the steps work in place.

Sources: Karras et al., "Progressive Growing of GANs" (equalised learning rate, pixel norm);
Karras et al., "Analyzing and Improving the Image Quality of StyleGAN" (StyleGAN2).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def normalize_2nd_moment(x: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """Scale so that the mean square along `dim` is one."""
    return x * (x.square().mean(dim=dim, keepdim=True) + eps).rsqrt()


def random_normal(*shape: int) -> Tensor:
    """Standard normal initial values; nothing but the shape on the meta device.

    There torch would load its symbolic compiler to draw them, which takes half a second.
    """
    values = torch.empty(*shape)
    return values if values.is_meta else values.normal_()


class KeepsDerived(nn.Module):
    """A module that keeps what follows from its `weight` alone until the weight changes."""

    weight: Tensor

    def kept(self, name: str, compute: Callable[[], Tensor]) -> Tensor:
        """`compute()`, or what it gave last time; always computed anew while the weight is trained."""
        weight = self.weight
        if weight.requires_grad or weight.is_inference():
            return compute()
        state = (weight.data_ptr(), weight._version)
        cache: dict[str, tuple[tuple[int, int], Tensor]] = self.__dict__.setdefault("_derived", {})
        found = cache.get(name)
        if found is None or found[0] != state:
            # Not as a tensor of inference mode, through which a later gradient could not pass.
            with torch.inference_mode(False), torch.no_grad():
                found = cache[name] = (state, compute())
        return found[1]


class FullyConnected(KeepsDerived):
    """Linear layer whose stored weights are scaled at run time.

    Args:
        in_features: length of the input.
        out_features: length of the output.
        weight_gain: factor on the stored weight; by default lr_multiplier / sqrt(in_features).
        lr_multiplier: factor on the stored bias.
        activation: "linear" or "lrelu" (slope 0.2, gain sqrt(2)).
        bias: whether there is one.
        bias_init: initial value of the bias, before `lr_multiplier`.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        weight_gain: float | None = None,
        lr_multiplier: float = 1.0,
        activation: str = "linear",
        bias: bool = True,
        bias_init: float = 0.0,
    ) -> None:
        super().__init__()
        # Multiplied: on the meta device a division would load torch's symbolic compiler.
        self.weight = nn.Parameter(random_normal(out_features, in_features).mul_(1 / lr_multiplier))
        self.bias = nn.Parameter(torch.full((out_features,), bias_init)) if bias else None
        self.weight_gain = lr_multiplier / math.sqrt(in_features) if weight_gain is None else weight_gain
        self.bias_gain = lr_multiplier
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_features) -> (N, out_features)."""
        weight = self.kept("scaled", lambda: self.weight * self.weight_gain)
        bias: Tensor | None = self.bias
        if bias is not None and self.bias_gain != 1:
            bias = bias * self.bias_gain
        x = F.linear(x, weight, bias)
        return F.leaky_relu(x, 0.2) * math.sqrt(2) if self.activation == "lrelu" else x


def upfirdn2d(
    x: Tensor,
    kernel: Tensor,
    *,
    up: int = 1,
    down: int = 1,
    padding: tuple[int, int, int, int] = (0, 0, 0, 0),
    gain: float = 1.0,
    bias: Tensor | None = None,
) -> Tensor:
    """Upsample with zeros, pad, convolve with a FIR kernel, keep every `down`-th sample.

    Args:
        x: (N, C, H, W).
        kernel: (kh, kw), or (k,) for a separable one; a true convolution (the kernel is flipped).
        up: zeros are inserted so that each side grows by this factor.
        down: each side shrinks by this factor at the end.
        padding: (left, right, top, bottom) after upsampling; negative values crop.
        gain: factor on the result.
        bias: (C,), added to the result.
    """
    n, channels, height, width = x.shape
    if up > 1:
        x = x.reshape(n, channels, height, 1, width, 1)
        x = F.pad(x, [0, up - 1, 0, 0, 0, up - 1])
        x = x.reshape(n, channels, height * up, width * up)
    left, right, top, bottom = padding
    inside = (0, 0)
    if left == right >= 0 and top == bottom >= 0:
        inside = (top, left)  # the convolution pads by itself, without a padded copy
    elif any(padding):
        x = F.pad(x, [left, right, top, bottom])
    kernel = kernel.to(x.dtype) * (gain ** (kernel.ndim / 2))
    kernel = kernel.flip(list(range(kernel.ndim)))
    if kernel.ndim == 2:
        weight = kernel.expand(channels, 1, *kernel.shape)
        return F.conv2d(x, weight, bias, stride=down, padding=inside, groups=channels)
    row = kernel.reshape(1, 1, 1, -1).expand(channels, 1, 1, -1)
    column = kernel.reshape(1, 1, -1, 1).expand(channels, 1, -1, 1)
    x = F.conv2d(x, row, stride=(1, down), padding=(0, inside[1]), groups=channels)
    return F.conv2d(x, column, bias, stride=(down, 1), padding=(inside[0], 0), groups=channels)


def upsample2d(x: Tensor, kernel: Tensor) -> Tensor:
    """Twice the size through a FIR kernel, keeping the picture's position.

    The padding follows the kernel's length, so odd and two-tap kernels land where the original
    puts them.
    """
    height, width = kernel.shape[0], kernel.shape[-1]
    if kernel.ndim == 2 and height % 2 == 0 and width % 2 == 0:
        # The same sum as a transposed convolution, without the zeros. A dense kernel is used for
        # pictures, where it is faster than one kernel a channel.
        channels = x.shape[1]
        weight = (kernel * 4).to(x.dtype)
        padding = (height // 2 - 1, width // 2 - 1)
        if channels <= 4:
            weight = torch.eye(channels, dtype=x.dtype, device=x.device)[:, :, None, None] * weight
            return F.conv_transpose2d(x, weight, stride=2, padding=padding)
        weight = weight.expand(channels, 1, height, width)
        return F.conv_transpose2d(x, weight, stride=2, padding=padding, groups=channels)
    left, top = (width + 1) // 2, (height + 1) // 2
    right, bottom = (width - 2) // 2, (height - 2) // 2
    return upfirdn2d(x, kernel, up=2, padding=(left, right, top, bottom), gain=4)


def may_overwrite(x: Tensor) -> bool:
    """Whether a fresh intermediate may be changed in place: only when no gradient flows through it."""
    return not (torch.is_grad_enabled() and x.requires_grad)
