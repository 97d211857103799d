"""Noise that lies between two others: each map turns on the sphere, its strength goes straight.

Owns what a recipe's `Noise.toward` means on a generator; the maps of plain noise belong to `latents`. One
thread at a time per generator.

Source: Shoemake, "Animating Rotation with Quaternion Curves", section 3.3; a mean of two noise maps would
be weaker than either.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from latentstudio.document.recipe import Noise
from latentstudio.errors import InputError
from latentstudio.latent.interpolation import slerp_weights
from latentstudio.models.generator import Generator

# What to make of a noise input's stored map.
NoisePath = Callable[[Tensor | None], Tensor | None]


def noise_paths(noise: Noise, generator: Generator) -> dict[int, NoisePath]:
    """For each noise input its map between the two noises; empty where there is no other.

    Raises:
        InputError: a layer names an input that the generator does not have, or its map has another shape.
    """
    if noise.toward is None:
        return {}
    drawn: dict[int, dict[int, Tensor]] = {}
    count = len(generator.noise_shapes)
    return {index: _path(noise, index, generator, drawn) for index in range(count)}


def noise_strengths(noise: Noise, count: int) -> dict[int, float]:
    """By noise input the factors that are not 1."""
    strengths = {index: _strength(noise, index) for index in range(count)}
    return {index: strength for index, strength in strengths.items() if strength != 1}


def _strength(noise: Noise, index: int) -> float:
    own = next((layer.strength for layer in noise.layers if layer.index == index), 1.0)
    if noise.toward is None:
        return own
    other = _strength(noise.toward, index)
    return own if own == other else (1 - noise.share) * own + noise.share * other


def _path(noise: Noise, index: int, generator: Generator, drawn: dict[int, dict[int, Tensor]]) -> NoisePath:
    own = _plain(noise, index, generator, drawn)
    if noise.toward is None:
        return own
    other = _path(noise.toward, index, generator, drawn)

    def between(const: Tensor | None) -> Tensor | None:
        return turned(own(const), other(const), noise.share)

    return between


def _plain(noise: Noise, index: int, generator: Generator, drawn: dict[int, dict[int, Tensor]]) -> NoisePath:
    """One noise's own map."""
    shape = generator.noise_shapes[index]
    if any(layer.index >= len(generator.noise_shapes) for layer in noise.layers):
        raise InputError(f"A noise input is out of range: this model has {len(generator.noise_shapes)}.")
    layer = next((layer for layer in noise.layers if layer.index == index), None)
    if layer is not None and layer.values is not None:
        if layer.values.shape != shape:
            raise InputError(f"Noise map {index} has shape {layer.values.shape}, but {shape} is needed.")
        values = torch.from_numpy(np.array(layer.values.array))[None, None].to(generator.device)
        return lambda const: values
    mode = noise.mode if layer is None or layer.mode is None else layer.mode
    if mode == "random":
        seed = noise.seed if layer is None or layer.seed is None else layer.seed
        if seed not in drawn:
            drawn[seed] = generator.draw_noise(seed)
        random = drawn[seed][index]
        return lambda const: random
    return (lambda const: const) if mode == "const" else (lambda const: None)


def turned(a: Tensor | None, b: Tensor | None, share: float) -> Tensor | None:
    """The map on the way from `a` to `b` along the sphere; None counts as no noise at all."""
    if share == 0 or share == 1:
        return b if share else a
    if a is None or b is None:
        left = None if a is None else a * (1 - share)
        return left if b is None else b * share
    # Stored maps may be (H, W), drawn ones (1, 1, H, W).
    a, b = a + torch.zeros_like(b), b + torch.zeros_like(a)
    first, second = a.flatten().cpu().double(), b.flatten().cpu().double()
    lengths = float(first.norm()), float(second.norm())
    cosine = float(first @ second) / max(lengths[0] * lengths[1], 1e-30)
    of_a, of_b = slerp_weights(share, float(np.arccos(np.clip(cosine, -1, 1))), *lengths)
    return a * of_a + b * of_b
