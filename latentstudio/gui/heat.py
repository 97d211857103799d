"""Where a picture changes, as a veil over it.

Owns the colouring of a heat map; plain pictures, any thread.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QImage

from latentstudio.gui.theme import tokens

# A change below this many levels of 255 is no change to the eye: it never glows.
FLOOR_LEVELS = 6.0
LIMIT_PX = 384


def heat_image(heat: NDArray[np.float32]) -> QImage:
    """A veil for a map (H, W) of levels: dark where nothing changes, the accent where most does."""
    step = max(1, max(heat.shape) // LIMIT_PX)
    heat = heat[::step, ::step]
    top = max(FLOOR_LEVELS, float(np.percentile(heat, 99.5)))
    # Lifted a little: the eye would lose the weak changes beside the strong ones.
    glow = (np.clip(heat / top, 0, 1) ** 0.8)[..., None]
    t = tokens()
    dark, warm = (
        np.array([color.red(), color.green(), color.blue()], np.float32)
        for color in (t.color("ground"), t.color("accent"))
    )
    veil = np.empty((*heat.shape, 4), np.uint8)
    color = dark + (warm - dark) * glow
    veil[..., :3] = color[..., ::-1]  # blue, green, red, alpha in memory
    veil[..., 3] = (0.86 - 0.14 * glow[..., 0]) * 255
    height, width = heat.shape
    return QImage(veil.data, width, height, 4 * width, QImage.Format.Format_ARGB32).copy()
