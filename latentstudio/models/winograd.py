"""3 x 3 convolutions of many channels with fewer multiplications: Winograd's F(2 x 2, 3 x 3).

Owns the transformed weights and the three steps: differences of the input's tiles, one matrix product
for each of the 16 positions in a tile, sums of those. It needs 4 multiplications where the direct way
needs 9, and pays with passes over the features; from 256 channels on that is the better bargain, by
1.35 to 1.75 times on processors whose convolutions already run at full speed. In float32 the result is
closer to the exact one than the direct way's, whose sums are longer. CPU only, without gradients;
whoever asks must have another way.

Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", section 4.1.
"""

from __future__ import annotations

import torch
from torch import Tensor

MIN_CHANNELS = 256
# Smaller maps give too few tiles for the transformed weights, which are 16/9 as large, to pay.
MIN_PIXELS = 256
# Tiles whose transformed features may lie in memory at once.
MAX_TILES = 4096

_WEIGHT_TRANSFORM = ((1.0, 0.0, 0.0), (0.5, 0.5, 0.5), (0.5, -0.5, 0.5), (0.0, 0.0, 1.0))


def fits(x: Tensor, weight: Tensor) -> bool:
    """Whether features (N, in, H, W) and a weight (out, in, k, k) gain by going this way, and can."""
    height, width = x.shape[2:]
    return (
        tuple(weight.shape[2:]) == (3, 3)
        and min(weight.shape[:2]) >= MIN_CHANNELS
        and height * width >= MIN_PIXELS
        and height % 2 == width % 2 == 0
        and x.device.type == "cpu"
        and x.dtype in (torch.float32, torch.bfloat16)
        and not weight.requires_grad
        and not (torch.is_grad_enabled() and x.requires_grad)
    )


def transform(weight: Tensor) -> Tensor:
    """The weight (out, in, 3, 3) as 16 matrices (16, in, out), in its own type."""
    g = torch.tensor(_WEIGHT_TRANSFORM, device=weight.device)
    tiles = torch.einsum("ai,ocij,bj->abco", g, weight.float(), g)
    return tiles.reshape(16, weight.shape[1], weight.shape[0]).to(weight.dtype)


def convolve(x: Tensor, transformed: Tensor) -> Tensor:
    """The convolution with "same" padding: (N, in, H, W), H and W even -> (N, out, H, W), channels last."""
    n, channels, height, width = x.shape
    out_channels = transformed.shape[2]
    y = x.new_empty(n, height // 2, 2, width // 2, 2, out_channels)
    rows = max(1, MAX_TILES // (width // 2))
    for i in range(n):
        padded = x.new_zeros(height + 2, width + 2, channels)
        padded[1:-1, 1:-1] = x[i].permute(1, 2, 0)
        for start in range(0, height // 2, rows):
            stop = min(start + rows, height // 2)
            tiles = _input_tiles(padded[2 * start : 2 * stop + 2])
            products = torch.bmm(tiles.view(16, -1, channels), transformed)
            _sum_tiles(products.view(4, 4, stop - start, width // 2, out_channels), y[i, start:stop])
    return y.view(n, height, width, out_channels).permute(0, 3, 1, 2)


def _input_tiles(x: Tensor) -> Tensor:
    """Overlapping tiles of rows (2h + 2, 2w + 2, C) transformed along both sides: (4, 4, h, w, C)."""
    height, width, channels = x.shape[0] - 2, x.shape[1] - 2, x.shape[2]
    rows = x.new_empty(4, height // 2, width + 2, channels)
    _differences([x[i : height + i : 2] for i in range(4)], list(rows))
    tiles = x.new_empty(4, 4, height // 2, width // 2, channels)
    _differences([rows[:, :, i : width + i : 2] for i in range(4)], list(tiles.unbind(1)))
    return tiles


def _differences(x: list[Tensor], out: list[Tensor]) -> None:
    torch.sub(x[0], x[2], out=out[0])
    torch.add(x[1], x[2], out=out[1])
    torch.sub(x[2], x[1], out=out[2])
    torch.sub(x[1], x[3], out=out[3])


def _sum_tiles(products: Tensor, out: Tensor) -> None:
    """Products (4, 4, h, w, C) to the four pixels of each tile, written to `out` (h, 2, w, 2, C)."""
    rows = products.new_empty(2, *products.shape[1:])
    torch.add(products[1], products[2], out=rows[0]).add_(products[0])
    torch.sub(products[1], products[2], out=rows[1]).sub_(products[3])
    pixels = out.permute(1, 3, 0, 2, 4)
    between = torch.add(rows[:, 1], rows[:, 2])
    torch.add(rows[:, 0], between, out=pixels[:, 0])
    torch.sub(rows[:, 1], rows[:, 2], out=between)
    torch.sub(between, rows[:, 3], out=pixels[:, 1])
