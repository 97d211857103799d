"""Between the pictures of people and those of a generator.

Owns the conversions: a target to what a distance compares, a network's output to bytes. Any thread.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentstudio.errors import InputError
from latentstudio.inversion.target import Target
from latentstudio.models.generator import Generator

# Weights of red, green and blue in a grey (ITU-R BT.601, as Pillow converts).
_GREY = (0.299, 0.587, 0.114)


def check_targets(generator: Generator, targets: Sequence[Target]) -> None:
    """Raise InputError unless there are targets, of the generator's size, with masks that fit."""
    height, width = generator.info.img_size
    if not targets:
        raise InputError("There is no photograph to invert.")
    for target in targets:
        name = f'"{target.name}"' if target.name else "The photograph"
        shape = target.image.shape
        if target.image.dtype != np.uint8 or shape != (height, width, 3):
            raise InputError(
                f"{name} has the shape {shape}, but this model draws {height} x {width} pixels.",
                "Crop it to the model's size first.",
            )
        if target.mask is not None and (
            target.mask.shape != (height, width) or not np.isfinite(target.mask).all()
        ):
            raise InputError(f"The mask of {name} must have {height} x {width} finite numbers.")


def target_tensor(generator: Generator, targets: Sequence[Target]) -> Tensor:
    """Targets as the generator would draw them: float32 (N, img_channels, H, W) in [-1, 1]."""
    pixels = torch.from_numpy(np.stack([target.image for target in targets])).to(generator.device)
    images = pixels.permute(0, 3, 1, 2).float() / 127.5 - 1
    channels = generator.info.img_channels
    if channels == 1:
        weights = torch.tensor(_GREY, device=images.device)[None, :, None, None]
        return (images * weights).sum(1, keepdim=True)
    if channels == 4:
        return torch.cat([images, torch.ones_like(images[:, :1])], 1)
    return images


def mask_tensor(generator: Generator, targets: Sequence[Target]) -> Tensor | None:
    """Masks (N, 1, H, W) in [0, 1]; None where no target has one."""
    if all(target.mask is None for target in targets):
        return None
    whole = np.ones(generator.info.img_size, np.float32)
    masks = [whole if t.mask is None else np.clip(t.mask, 0, 1).astype(np.float32) for t in targets]
    return torch.from_numpy(np.stack(masks))[:, None].to(generator.device)


def as_pixels(images: Tensor, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Pictures (N, C, h, w) in [-1, 1] as uint8 (N, H, W, 3), enlarged where they are small."""
    images = images.float()
    if tuple(images.shape[2:]) != size:
        images = torch.nn.functional.interpolate(images, size=size, mode="bilinear", align_corners=False)
    levels = (images * 127.5 + 128).clamp(0, 255).to(torch.uint8)
    levels = levels.expand(-1, 3, -1, -1) if levels.shape[1] == 1 else levels[:, :3]
    return np.ascontiguousarray(levels.permute(0, 2, 3, 1).cpu().numpy())


@torch.inference_mode()
def exact_picture(
    generator: Generator, ws: NDArray[np.float32], noise: Sequence[NDArray[np.float32]]
) -> tuple[Tensor, NDArray[np.uint8]]:
    """What the renderer draws for one latent: (1, C, H, W) as it is, and uint8 (H, W, 3)."""
    before, generator.compute_dtype = generator.compute_dtype, torch.float32
    try:
        maps = {
            i: torch.from_numpy(np.array(values))[None, None].to(generator.device)
            for i, values in enumerate(noise)
        }
        image = generator.synthesis(torch.from_numpy(np.array(ws))[None], noise_maps=maps)
    finally:
        generator.compute_dtype = before
    levels = generator.to_uint8(image)[0]
    levels = levels[:1].expand(3, -1, -1) if levels.shape[0] < 3 else levels[:3]
    return image, np.ascontiguousarray(levels.permute(1, 2, 0).cpu().numpy())


def nominal(generator: Generator, images: Tensor) -> Tensor:
    """A generator's output brought to [-1, 1], whatever its own range is."""
    low, high = generator.img_range
    return images if (low, high) == (-1.0, 1.0) else (images - low) * (2 / (high - low)) - 1
