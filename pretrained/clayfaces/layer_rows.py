"""Features of a layer as rows of several pixels, and what every modulated layer does with them in training.

Owns the few memory passes that make the training layers quick on a processor; features are in channels_last.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

TOGETHER = 8  # pixels whose channels make one row: with few channels a row of one is too short to vectorise


def rows(x: Tensor) -> Tensor:
    """(N, C, H, W) in channels_last as rows of a few pixels, (N, H W / 8, 8 C); no copy."""
    n, channels, height, width = x.shape
    x = x.contiguous(memory_format=torch.channels_last).permute(0, 2, 3, 1)
    return x.reshape(n, height * width // TOGETHER, TOGETHER * channels)


def pixels(x: Tensor, like: Tensor) -> Tensor:
    """The reverse of `rows`."""
    n, channels, height, width = like.shape
    return x.view(n, height, width, channels).permute(0, 3, 1, 2)


def every(of_channels: Tensor, dtype: torch.dtype) -> Tensor:
    """A number per channel, (N, C), as `rows` has them: (N, 1, 8 C)."""
    return of_channels.to(dtype).repeat(1, TOGETHER)[:, None]


def over_channels(noise: Tensor, channels: int, dtype: torch.dtype) -> Tensor:
    """(N, 1, H, W) as rows with the same number in every channel, by a matrix product that is a copy."""
    n, _, height, width = noise.shape
    spread = noise.to(dtype).reshape(-1, 1) @ torch.ones(1, channels, dtype=dtype, device=noise.device)
    return spread.view(n, height * width // TOGETHER, TOGETHER * channels)


def summed_product(a: Tensor, b: Tensor) -> Tensor:
    """Sum over pixels of a * b, (N, C); as diagonals of small matrix products, which read memory once."""
    n, channels = a.shape[:2]
    a = a.permute(0, 2, 3, 1).reshape(n, -1, channels)
    b = b.permute(0, 2, 3, 1).reshape(n, -1, channels)
    return torch.bmm(a.transpose(1, 2), b).diagonal(dim1=1, dim2=2).float()


def activated(y: Tensor, scale: Tensor, shift: Tensor, noise: Tensor | None) -> Tensor:
    """leaky_relu(y scale + shift + noise), (N, C, H, W), as every modulated layer ends.

    Args:
        y: (N, C, H, W).
        scale: as `every` gives it.
        shift: (C,).
        noise: (N or 1, 1, H, W); None for none.
    """
    added = every(shift[None], y.dtype)
    if noise is not None:
        added = over_channels(noise, y.shape[1], y.dtype) + added
    return pixels(F.leaky_relu_(torch.addcmul(added, rows(y), scale), 0.2), y)


def activated_backward(
    grad: Tensor, out: Tensor, y: Tensor, scale: Tensor, has_noise: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    """The slopes of `activated` at y, scale (N, C), shift (C,) and noise (None without)."""
    by_row = torch.ops.aten.leaky_relu_backward(rows(grad), rows(out), 0.2, True)
    at_shift = by_row.sum((0, 1)).float().view(TOGETHER, -1).sum(0)
    before = pixels(by_row, y)
    at_noise = before.sum(1, keepdim=True).float() if has_noise else None
    return pixels(by_row * scale, y), summed_product(before, y), at_shift, at_noise
