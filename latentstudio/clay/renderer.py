"""Drawing clay heads: factors in, pictures out.

Owns `render`. Loading the compiled loops takes a second, compiling them the very first time half a minute.
Any thread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentstudio.clay.factors import FACTORS, NAMES
from latentstudio.clay.heads import head_numbers
from latentstudio.errors import InputError

USUAL_GRAIN = 0.16  # of the grained heads that networks learnt from


def has_compiler() -> bool:
    """Whether numba is installed, without loading it."""
    return find_spec("numba") is not None


def render(
    factors: ArrayLike | Mapping[str, float],
    size: int = 64,
    rays: int = 2,
    *,
    grain: float = 0.0,
    seed: int = 0,
) -> NDArray[np.uint8]:
    """Draw heads; the same factors, grain and seed give the same picture on one machine.

    Args:
        factors: (N, 60), one row (60,), or a mapping of every factor's name to its value.
        size: side of the pictures in pixels.
        rays: rays along each side of a pixel.
        grain: how much lighter and darker the clay is from speck to speck, as a share, 0..1; 0 is smooth.
        seed: which specks; head i has those of seed + i.

    Returns:
        uint8 (N, size, size, 3).

    Raises:
        InputError: numba is missing, a factor is missing or not finite, or a size is out of range.
    """
    drawn: NDArray[np.uint8] = render_grains(factors, size, rays, grains=(grain,), seed=seed)[0]
    return drawn


def render_grains(
    factors: ArrayLike | Mapping[str, float],
    size: int = 64,
    rays: int = 2,
    *,
    grains: Sequence[float],
    seed: int = 0,
) -> NDArray[np.uint8]:
    """The same heads with several amounts of grain, each traced once: uint8 (len(grains), N, size, size, 3).

    Arguments and errors are those of `render`.
    """
    if isinstance(factors, Mapping):
        if missing := [name for name in NAMES if name not in factors]:
            raise InputError(f'The head has no "{missing[0]}".', f"It needs {len(NAMES)} factors.")
        factors = [factors[name] for name in NAMES]
    rows = np.atleast_2d(np.asarray(factors, np.float32))
    if rows.ndim != 2 or rows.shape[1] != len(FACTORS):
        raise InputError(f"Factors have shape {rows.shape}, but heads need (N, {len(FACTORS)}).")
    if not np.isfinite(rows).all():
        raise InputError("A factor is not a finite number.")
    if not 4 <= size <= 1024 or not 1 <= rays <= 4:
        raise InputError("A picture may be 4 to 1024 pixels wide, with 1 to 4 rays a pixel.")
    if not all(0 <= grain <= 1 for grain in grains):
        raise InputError("The grain of the clay may be 0 (smooth) to 1.")
    from latentstudio.clay.tracing import develop, trace

    out = np.empty((len(grains), len(rows), size, size, 3), np.uint8)
    linear = np.empty(((size * rays) ** 2, 4))
    for i, row in enumerate(rows):
        shape, look = head_numbers(row)
        trace(shape, look, size * rays, seed + i, linear)
        for grain, pictures in zip(grains, out, strict=True):
            develop(linear, size, rays, float(grain), pictures[i])
    return out
