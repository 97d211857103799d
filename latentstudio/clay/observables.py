"""Factors as a network can read them off a picture, and back.

Owns the coding of estimates: hues are points on a circle, everything else is itself; and when a factor can be
seen at all. NumPy only, any thread.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from latentstudio.clay.factors import FACTORS, INDEX, NAMES

Array = NDArray[np.float32]

CIRCULAR = ("cloth_hue", "bg_hue")
PLAIN = tuple(name for name in NAMES if name not in CIRCULAR)
# The plain factors first, then cosine and sine of each hue.
OBSERVABLES = (*PLAIN, *(f"{name}.{part}" for name in CIRCULAR for part in ("cos", "sin")))


def to_observables(factors: Array) -> Array:
    """Factors (N, 60) -> float32 (N, 62)."""
    columns = [factors[:, INDEX[name]] for name in PLAIN]
    for name in CIRCULAR:
        angle = 2 * np.pi * factors[:, INDEX[name]]
        columns += [np.cos(angle), np.sin(angle)]
    return np.stack(columns, 1).astype(np.float32)


def from_observables(observed: Array) -> Array:
    """The inverse of `to_observables`, kept within the factors' ranges: (N, 62) -> (N, 60)."""
    factors = np.empty((len(observed), len(NAMES)), np.float32)
    for i, name in enumerate(PLAIN):
        factor = FACTORS[INDEX[name]]
        factors[:, INDEX[name]] = observed[:, i].clip(factor.low, factor.high)
    for i, name in enumerate(CIRCULAR):
        x, y = observed[:, len(PLAIN) + 2 * i], observed[:, len(PLAIN) + 2 * i + 1]
        factors[:, INDEX[name]] = np.arctan2(y, x) / (2 * np.pi) % 1.0
    return factors


def visible(factors: Array) -> NDArray[np.bool_]:
    """Whether each observable can be seen in its head: bool (N, 62).

    The rims' size says nothing without glasses, the iris nothing behind closed lids, a hue nothing in grey.
    """
    seen = np.ones((len(factors), len(OBSERVABLES)), bool)
    column = {name: factors[:, i] for i, name in enumerate(NAMES)}

    def only_if(condition: NDArray[np.bool_], *names: str) -> None:
        for name in names:
            seen[:, OBSERVABLES.index(name)] &= condition

    only_if(column["glasses"] > 0.5, "glasses_size", "glasses_square", "glasses_tone")
    open_lids = column["eye_open"] > 0.2
    only_if(open_lids, "iris_tone", "gaze_x", "gaze_y")
    hair = column["bald"] < 0.5
    only_if(hair, "hair_len", "hair_vol", "hair_curl", "hairline", "hair_part")
    for hue, colourful in (("cloth_hue", "cloth_sat"), ("bg_hue", "bg_sat")):
        only_if(column[colourful] > 0.06, f"{hue}.cos", f"{hue}.sin")
    return seen
