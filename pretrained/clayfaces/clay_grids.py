"""Grids of pictures as files."""

from __future__ import annotations

from pathlib import Path

from PIL import Image
from torch import Tensor


def save_grid(images: Tensor, path: Path, columns: int) -> None:
    """Write (N, 3, H, W) in [-1, 1] as one PNG; a last row that is not full is left out."""
    pixels = ((images.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
    rows, (height, width, channels) = len(pixels) // columns, pixels.shape[1:]
    pixels = pixels[: rows * columns].reshape(rows, columns, height, width, channels)
    Image.fromarray(pixels.swapaxes(1, 2).reshape(rows * height, columns * width, channels)).save(path)
