"""Latents that are asked for by themselves: where a picture stands, and what an encoder sees in a file.

Jobs for panels that need the latent of a picture as a start or as a centre. Runs on the engine's thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps

from latentstudio.document.recipe import Recipe
from latentstudio.engine.latents import resolve_ws
from latentstudio.engine.requests import Job, JobSteps, Progress
from latentstudio.errors import InputError
from latentstudio.latent.spaces import Latent
from latentstudio.models.generator import Generator

CHUNK = 16  # latents between two chances for a waiting picture


def latent_job(recipe: Recipe, tag: str) -> Job:
    """The latents of a recipe after every edit; its value is a `Latent` (num_ws, w_dim)."""

    def start(generator: Generator | None) -> JobSteps:
        if generator is None:
            raise InputError("No model is open.")
        yield Progress(0, 1, "Finding the latent")
        return Latent(resolve_ws(recipe, generator))

    return Job("Latent of a picture", start, tag=tag)


def mean_latent_job(recipes: Sequence[Recipe], tag: str) -> Job:
    """The mean of the latents of several recipes, each after every edit; a `Latent` (num_ws, w_dim).

    Raises (as the job's failure):
        InputError: there is none, or one does not fit the generator.
    """

    def start(generator: Generator | None) -> JobSteps:
        if generator is None:
            raise InputError("No model is open.")
        if not recipes:
            raise InputError("A mean needs at least one picture.")
        total = np.zeros((generator.info.num_ws, generator.info.w_dim))
        for index, recipe in enumerate(recipes):
            if index % CHUNK == 0:
                yield Progress(index, len(recipes), "Finding the latents")
            with torch.inference_mode():
                total += resolve_ws(recipe, generator)
        return Latent((total / len(recipes)).astype(np.float32))

    return Job(f"Mean of {len(recipes)} pictures", start, tag=tag)


def encode_job(path: Path, tag: str) -> Job:
    """What the model's encoder makes of a picture file; its value is a `Latent` (z_dim,).

    The largest centred part of the model's proportions is used.

    Raises (as the job's failure):
        InputError: the file is no picture, or the model has no encoder.
    """

    def start(generator: Generator | None) -> JobSteps:
        if generator is None:
            raise InputError("No model is open.")
        yield Progress(0, 2, "Reading the picture")
        pixels = _fitting_pixels(path, generator.info.img_size, generator.info.img_channels)
        yield Progress(1, 2, "Encoding")
        with torch.inference_mode():
            images = torch.from_numpy(pixels).to(generator.device) / 127.5 - 1
            return Latent(generator.encode(images[None])[0].float().cpu().numpy())

    return Job(f"Encoding {path.name}", start, tag=tag)


def _fitting_pixels(path: Path, size: tuple[int, int], channels: int) -> NDArray[np.float32]:
    """The middle of a picture, (channels, H, W) in [0, 255]."""
    try:
        with Image.open(path) as opened:
            upright = ImageOps.exif_transpose(opened)
            picture = upright.convert("L" if channels == 1 else "RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(f'Can\'t read the picture "{path.name}".', path=path) from error
    height, width = size
    fitted = ImageOps.fit(picture, (width, height), Image.Resampling.LANCZOS)
    pixels = np.asarray(fitted, np.float32)
    pixels = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    if channels == 4:
        pixels = np.concatenate([pixels, np.full((1, height, width), 255, np.float32)])
    return np.ascontiguousarray(pixels)
