"""Latents from seeds, with the same numbers as the field's published tools.

Owns how a seed becomes a z and how a class choice becomes a vector. NumPy only, any thread.

Source: the seeds of the published StyleGAN figures are those of NumPy's legacy Mersenne Twister.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from latentstudio.errors import InputError

MAX_SEED = 2**32 - 1


def z_from_seed(seed: int, z_dim: int) -> NDArray[np.float32]:
    """Standard normal z of a seed.

    Args:
        seed: 0 to 2**32 - 1.
        z_dim: length of z.

    Returns:
        float32 (z_dim,): drawn in float64, then rounded, as the published tools do.

    Raises:
        InputError: the seed is out of range.
    """
    check_seed(seed)
    return np.random.RandomState(seed).randn(z_dim).astype(np.float32)


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
