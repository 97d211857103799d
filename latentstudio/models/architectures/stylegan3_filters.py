"""StyleGAN3's filtered activation: upsample, leaky ReLU, clamp, downsample, tile by tile.

Owns the one operation that takes the time in StyleGAN3. A FIR filter along one axis is a banded
matrix, so a tile of the output is four small matrix products away from a tile of the input, and
everything between stays in the processor's cache. Knows no checkpoints. Differentiable.

Source: Karras et al., "Alias-Free Generative Adversarial Networks", section 3.2 and appendix D
(order of the steps, filter gains).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from latentstudio.models.layers import may_overwrite, upfirdn2d

# Numbers between two downsampled tiles that are worked on at once; they should fit a core's cache.
_WORKING_SET = 1 << 20


@dataclass(frozen=True)
class _Axis:
    """How one axis is cut into tiles; lengths in samples."""

    tiles: int
    out: int  # of one tile, after downsampling
    middle: int  # of one tile, between the two filters
    read: int  # of one tile, from the input
    step: int  # from one tile's first input sample to the next one's
    phase: int  # zeros before the tile's first input sample once upsampled
    padding: tuple[int, int]  # of the input; negative values crop
    total: int  # of the whole output


@lru_cache(maxsize=256)
def _axis(size: int, up: int, down: int, up_taps: int, down_taps: int, low: int, high: int) -> _Axis:
    total = (size * up + low + high - up_taps + 1 - down_taps) // down + 1
    if total < 1:
        raise ValueError(f"filters of {up_taps} and {down_taps} taps leave nothing of {size} samples")
    first = -(low // up)
    phase = low + first * up
    multiple = up // math.gcd(up, down)  # a tile must begin on an input sample

    def tile(out: int) -> tuple[int, int, int]:
        middle = (out - 1) * down + down_taps
        read = (middle + up_taps - 2 - phase) // up + 1
        return -(-total // out), middle, max(read, 1)

    def cost(out: int) -> float:
        count, middle, read = tile(out)
        # Multiplications of the two products, and a toll on what lies between, which was measured.
        return count**2 * (read * read * middle + read * middle**2 + 60.0 * middle**2)

    largest = min(48, -(-total // multiple) * multiple)
    out = min(range(multiple, max(largest, multiple) + 1, multiple), key=cost)
    count, middle, read = tile(out)
    step = out * down // up
    return _Axis(
        count, out, middle, read, step, phase, (-first, (count - 1) * step + read + first - size), total
    )


def _band(taps: Tensor, rows: int, columns: int, step: int, offset: int) -> Tensor:
    """The matrix with taps[column - row * step + offset], and zeros where there is no such tap."""
    left = (rows - 1) * step - offset
    padded = F.pad(taps, [left, (rows - 1) * step + columns - left - len(taps)])
    return padded.unfold(0, columns, step).flip(0)


def _up_matrix(taps: Tensor, axis: _Axis, up: int) -> Tensor:
    """(middle, read): what upsampling does to one tile along an axis, with the filter's gain `up`."""
    return _band(taps * up, axis.read, axis.middle, up, len(taps) - 1 - axis.phase).t().contiguous()


def filtered_leaky_relu(
    x: Tensor,
    up_filter: Tensor | None,
    down_filter: Tensor | None,
    *,
    up: int,
    down: int,
    padding: tuple[int, int, int, int],
    slope: float = 0.2,
    gain: float = math.sqrt(2),
    clamp: float | None = None,
) -> Tensor:
    """Upsample with a filter, apply leaky ReLU, gain and clamp, downsample with a filter.

    Args:
        x: (N, C, H, W).
        up_filter: (k,) separable or (k, k); None for a single tap.
        down_filter: likewise.
        up: whole factor.
        down: whole factor.
        padding: (left, right, top, bottom) of the upsampled features; negative values crop.
        slope: of the leaky ReLU; 1 leaves values as they are.
        gain: positive factor after it.
        clamp: largest magnitude after the gain; None for no bound.

    Returns:
        (N, C, H', W') with H' = ceil((up H + top + bottom - k_up + 1 - k_down + 1) / down).
    """
    if up == down == 1 and up_filter is None and down_filter is None:
        return _activate(F.pad(x, list(padding)) if any(padding) else x * 1, slope, gain, clamp)
    one = x.new_ones(1)
    up_taps = one if up_filter is None else up_filter.to(x.dtype)
    down_taps = one if down_filter is None else down_filter.to(x.dtype)
    if up_taps.ndim == 2:
        y = _activate(upfirdn2d(x, up_taps, up=up, padding=padding, gain=up**2), slope, gain, clamp)
        return upfirdn2d(y, down_taps, down=down)
    samples, channels, height, width = x.shape
    across = _axis(width, up, down, len(up_taps), down_taps.shape[-1], padding[0], padding[1])
    along = _axis(height, up, down, len(up_taps), down_taps.shape[0], padding[2], padding[3])
    # With channels last the products need no transposed copies, and convolutions like it too.
    padded = F.pad(x, [*across.padding, *along.padding]).contiguous(memory_format=torch.channels_last)
    tiles = padded.permute(0, 2, 3, 1).unfold(1, along.read, along.step).unfold(2, across.read, across.step)
    tiles = tiles.permute(0, 1, 2, 4, 5, 3)  # (N, tiles along, tiles across, read, read, C), a view
    # The gain is positive, so it may come before the activation.
    heighten = _up_matrix(up_taps, along, up) * gain
    widen = _up_matrix(up_taps, across, up)

    def run(part: Tensor) -> Tensor:
        *lead, _, _, width = part.shape
        y = torch.matmul(heighten, part.reshape(-1, along.read, across.read * width))
        y = torch.matmul(widen, y.view(-1, across.read, width)).view(-1, along.middle, across.middle, width)
        y = _downsample(_activate(y, slope, 1, clamp), down_taps, down)
        return y.reshape(*lead, along.out, across.out, width).transpose(-4, -3)

    if x.device.type != "cpu" or not may_overwrite(x):
        out = run(tiles)
    else:
        out = x.new_empty((samples, along.tiles, along.out, across.tiles, across.out, channels))
        chunk = max(16, _WORKING_SET // (across.tiles * along.middle * across.middle))
        for sample in range(samples):
            for row in range(along.tiles):
                for start in range(0, channels, chunk):
                    part = tiles[sample, row, ..., start : start + chunk]
                    out[sample, row, ..., start : start + chunk] = run(part)
    out = out.reshape(samples, along.tiles * along.out, across.tiles * across.out, channels)
    return out[:, : along.total, : across.total].permute(0, 3, 1, 2)


def _activate(x: Tensor, slope: float, gain: float, clamp: float | None) -> Tensor:
    """Leaky ReLU, gain and clamp of features that nobody else holds."""
    if may_overwrite(x):
        if slope != 1:
            F.leaky_relu_(x, slope)
        if gain != 1:
            x.mul_(gain)
        return x if clamp is None else x.clamp_(-clamp, clamp)
    if slope != 1:
        x = F.leaky_relu(x, slope)
    if gain != 1:
        x = x * gain
    return x if clamp is None else x.clamp(-clamp, clamp)


def _downsample(y: Tensor, taps: Tensor, down: int) -> Tensor:
    """Tiles (n, middle, middle, C) -> (n, out, out, C)."""
    # One channel at a time is quickest here: few taps, and every second sample only.
    channels = y.shape[-1]
    flipped = taps.flip(list(range(taps.ndim)))
    y = y.permute(0, 3, 1, 2)
    if taps.ndim == 2:  # radial, so not separable
        y = F.conv2d(y, flipped.expand(channels, 1, -1, -1), stride=down, groups=channels)
    elif len(taps) > 1 or down > 1:
        row, column = flipped.reshape(1, -1), flipped.reshape(-1, 1)
        y = F.conv2d(y, row.expand(channels, 1, -1, -1), stride=(1, down), groups=channels)
        y = F.conv2d(y, column.expand(channels, 1, -1, -1), stride=(down, 1), groups=channels)
    return y.permute(0, 2, 3, 1)
