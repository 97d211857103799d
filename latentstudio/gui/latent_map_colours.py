"""Colours of the map's points.

Owns the ramp from the second colour to the accent, and the hues of classes; plain colours, GUI thread.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QColor

from latentstudio.gui.theme import is_dark, tokens
from latentstudio.latent.map_layout import unit_values

BINS = 24
GOLDEN = 0.61803398875


def bins_of(values: NDArray[np.float32], *, is_class: bool) -> NDArray[np.intp]:
    """The colour of each value, 0 to BINS - 1; -1 where there is no value."""
    if is_class:
        return np.asarray(values.astype(np.intp) % BINS)
    unit = unit_values(values)
    known = np.isfinite(unit)
    bins = np.full(len(values), -1, np.intp)
    bins[known] = np.minimum((unit[known] * BINS).astype(np.intp), BINS - 1)
    return bins


def bin_colours(is_class: bool) -> list[QColor]:
    """The colours of all bins in the present appearance."""
    if is_class:
        light = 0.78 if is_dark() else 0.62
        return [QColor.fromHsvF((i * GOLDEN) % 1, 0.55, light) for i in range(BINS)]
    t = tokens()
    low, middle, high = t.color("second"), t.color("muted"), t.color("accent")
    half = (BINS - 1) / 2
    return [
        _between(low, middle, i / half) if i <= half else _between(middle, high, (i - half) / half)
        for i in range(BINS)
    ]


def _between(a: QColor, b: QColor, share: float) -> QColor:
    mixed = (round(x + (y - x) * share) for x, y in zip(a.getRgb()[:3], b.getRgb()[:3], strict=True))  # type: ignore[index]
    return QColor(*mixed)
