"""Adding and subtracting concepts.

Owns trays of latents, their means, the weighted sum and its noisy neighbours. NumPy only, any thread.

Source: Radford et al., "Unsupervised Representation Learning with DCGANs", section 6.3.2: one
exemplar is unstable, the mean of three is not; the result is shown with eight neighbours under noise.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from latentstudio.errors import InputError

Array = NDArray[np.float32]
NEIGHBOURS = 8
PUBLISHED_NOISE = 0.25


def tray_weights(trays: Sequence[tuple[float, int]]) -> list[list[float]]:
    """The weight of every member so that each tray counts as its mean.

    Args:
        trays: for each tray its weight (+1 for A, -1 for B, ...) and its number of members.
    """
    return [[weight / count] * count if count else [] for weight, count in trays]


def combined(latents: Sequence[Array], weights: Sequence[float]) -> Array:
    """The weighted sum of latents of one shape.

    Raises:
        InputError: there is none, or their shapes differ.
    """
    if not latents or len({latent.shape for latent in latents}) != 1:
        raise InputError("Only latents of one shape can be added.")
    return np.asarray(sum(np.float32(w) * x for w, x in zip(weights, latents, strict=True)), np.float32)


def renormalized(z: Array) -> Array:
    """A z of the length that a random one typically has, sqrt(z_dim)."""
    return z * np.float32(np.sqrt(z.shape[-1]) / max(float(np.linalg.norm(z)), 1e-12))


def neighbours(
    center: Array, seed: int, radius: float = PUBLISHED_NOISE, sigma: Array | None = None
) -> Array:
    """The latent itself amid its eight noisy neighbours.

    Args:
        center: (dim,).
        seed: of the noise.
        radius: half width of the uniform noise.
        sigma: (dim,), scales the noise in each coordinate; None means 1.

    Returns:
        float32 (9, dim), row by row of a 3 x 3 square; the centre is at index 4.
    """
    noise = np.random.default_rng(seed).uniform(-radius, radius, (NEIGHBOURS + 1, *center.shape))
    noise[NEIGHBOURS // 2] = 0
    scale = np.ones_like(center) if sigma is None else sigma
    return (center + noise * scale).astype(np.float32)


def four_seed_corners(x: float, y: float) -> list[tuple[int, float]]:
    """The seeds around a point of the published visualiser's plane and their bilinear weights.

    Source: the visualiser of StyleGAN3: seed = x + 100 y, modulo 2^32, at whole coordinates.
    """
    left, top = int(np.floor(x)), int(np.floor(y))
    across, down = x - left, y - top
    corners = []
    for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
        weight = (across if dx else 1 - across) * (down if dy else 1 - down)
        if weight > 0:
            corners.append((((left + dx) + 100 * (top + dy)) % (1 << 32), float(weight)))
    return corners
