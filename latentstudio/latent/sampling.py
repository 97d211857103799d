"""Latents from seeds, with the same numbers as the field's published tools.

Owns how a seed becomes a z and how a class choice becomes a vector. NumPy only, any thread; one way of
drawing reads SciPy's inverse of the normal distribution on first use.

Sources: the seeds of the published StyleGAN figures are those of NumPy's legacy Mersenne Twister. Brock
et al., "Large Scale GAN Training for High Fidelity Natural Image Synthesis", section 3.1 (the truncation
trick: values above a threshold are drawn again).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from latentstudio.errors import InputError

MAX_SEED = 2**32 - 1
NORMAL, RESAMPLED, TRUNCNORM = "normal", "resampled", "truncnorm"
DRAWS = (NORMAL, RESAMPLED, TRUNCNORM)
# Below this a threshold keeps one value in a hundred, and drawing again would take for ever.
SMALLEST_LIMIT = 0.02


def z_from_seed(seed: int, z_dim: int, draw: str = NORMAL, limit: float = 1.0) -> NDArray[np.float32]:
    """The z of a seed.

    Args:
        seed: 0 to 2**32 - 1.
        z_dim: length of z.
        draw: "normal": as drawn. "resampled": BigGAN's paper, values beyond +-limit are drawn again, so
            that nothing is scaled. "truncnorm": the published port of BigGAN, a normal cut at +-2 and
            multiplied by limit. The two are not the same distribution, nor the same numbers.
        limit: for the latter two.

    Returns:
        float32 (z_dim,): drawn in float64, then rounded, as the published tools do.

    Raises:
        InputError: the seed or the limit is out of range, or there is no such way to draw.
    """
    check_seed(seed)
    check_draw(draw, limit)
    random = np.random.RandomState(seed)
    if draw == TRUNCNORM:
        return np.float32(limit) * _cut_normal(random.uniform(size=z_dim))
    z = random.randn(z_dim)
    while draw == RESAMPLED and (beyond := np.abs(z) > limit).any():
        z[beyond] = random.randn(int(beyond.sum()))
    return z.astype(np.float32)


def check_draw(draw: str, limit: float) -> None:
    """Raise InputError unless `draw` is a way to draw z and `limit` a bound it can keep."""
    if draw not in DRAWS:
        raise InputError(f'z can\'t be drawn as "{draw}".', f"Use {', '.join(DRAWS)}.")
    if isinstance(limit, bool) or not isinstance(limit, int | float) or not SMALLEST_LIMIT <= limit <= 10:
        raise InputError(f"The limit of a drawn z must be from {SMALLEST_LIMIT} to 10, not {limit!r}.")


def _cut_normal(uniform: NDArray[np.float64], end: float = 2.0) -> NDArray[np.float32]:
    """Uniform numbers as those of a normal distribution cut at +-end, by the inverse of its integral."""
    from scipy.special import ndtr, ndtri

    low, high = ndtr(-end), ndtr(end)
    return np.asarray(ndtri(low + uniform * (high - low)), np.float64).astype(np.float32)


def check_seed(seed: int) -> None:
    """Raise InputError unless `seed` is a whole number in [0, 2**32 - 1]."""
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= MAX_SEED:
        raise InputError(f"The seed {seed!r} is out of range.", f"Use a whole number from 0 to {MAX_SEED}.")


def class_vector(classes: Iterable[tuple[int, float]], c_dim: int) -> NDArray[np.float32]:
    """Class weights as the vector a conditional generator takes.

    Args:
        classes: pairs (class index, weight); a single (k, 1.0) gives the usual one-hot vector.
        c_dim: number of classes.

    Returns:
        float32 (c_dim,).

    Raises:
        InputError: an index is outside [0, c_dim).
    """
    vector = np.zeros(c_dim, np.float32)
    for index, weight in classes:
        if not 0 <= index < c_dim:
            raise InputError(
                f"There is no class {index}: this model has classes 0 to {c_dim - 1}."
                if c_dim
                else "This model has no classes."
            )
        vector[index] += weight
    return vector


def parse_seeds(text: str) -> list[int]:
    """Read a list of seeds such as "0,2,5-7" -> [0, 2, 5, 6, 7].

    Raises:
        InputError: the text is not such a list, or names more than a million seeds.
    """
    seeds: list[int] = []
    for part in text.replace(" ", "").split(","):
        first, dash, last = part.partition("-")
        if not first.isascii() or not first.isdigit() or (dash and not (last.isascii() and last.isdigit())):
            raise InputError(f'Can\'t read the seeds "{text}".', 'Write them like "0,2,5-7".')
        low, high = int(first), int(last or first)
        if high < low:
            raise InputError(f'The range "{part}" runs backwards.', f'Write "{high}-{low}".')
        if high - low + len(seeds) >= 1_000_000:
            raise InputError("More than a million seeds at once.", "Ask for fewer.")
        check_seed(high)
        seeds.extend(range(low, high + 1))
    return seeds
