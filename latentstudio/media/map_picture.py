"""The map of latents as one picture: points, and small pictures that leave room for one another.

Owns the drawing with Pillow; the places and the choice of pictures are `latent.map_layout`'s. NumPy and
Pillow only, any thread.
"""

from __future__ import annotations

import colorsys
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from latentstudio.latent.map_layout import fitted_box, shown_first

GROUND, PLAIN, LINE = (21, 23, 26), (122, 129, 138), (45, 50, 56)
LOW, MIDDLE, HIGH = (111, 177, 255), (152, 160, 170), (240, 163, 94)
SPARSE = 1.7
LARGEST_SMOOTH_PX = 4000
GOLDEN = 0.61803398875

Pixels = NDArray[np.uint8]


class MapPicture:
    """A square map.

    Args:
        points: (N, 2), x to the right and y upward.
        size_px: its side.
        picture_px: side of the small pictures; 0 for none.
    """

    def __init__(self, points: NDArray[np.float64], size_px: int, picture_px: int) -> None:
        self._points, self._size, self._side = points, size_px, picture_px
        left, bottom, right, top = fitted_box(points)
        self._scale = size_px / max(right - left, top - bottom)
        self._center = ((left + right) / 2, (bottom + top) / 2)

    def spots(self) -> NDArray[np.float64]:
        """Where the points are, (N, 2) in pixels from the left and from the top."""
        x = self._size / 2 + (self._points[:, 0] - self._center[0]) * self._scale
        y = self._size / 2 - (self._points[:, 1] - self._center[1]) * self._scale
        return np.stack([x, y], 1)

    def shown(self) -> NDArray[np.intp]:
        """Samples whose pictures find room."""
        if not self._side:
            return np.empty(0, np.intp)
        chosen = shown_first(self._points, SPARSE * self._side / self._scale)
        spots = self.spots()[chosen]
        half = self._side / 2
        inside = ((spots > half) & (spots < self._size - half)).all(1)
        return chosen[inside]

    def draw(
        self,
        pictures: Mapping[int, Pixels],
        values: NDArray[np.float32] | None = None,
        classes: NDArray[np.intp] | None = None,
    ) -> Pixels:
        """uint8 (size, size, 3).

        Args:
            pictures: of `shown()`, uint8 (H, W, 3) each.
            values: 0 to 1 a point, its colour; NaN where it has none.
            classes: a number a point, in place of values.
        """
        # Twice as large and made small again: round points without steps.
        times = 2 if self._size <= LARGEST_SMOOTH_PX else 1
        far = self._size * times
        sheet = Image.new("RGB", (far, far), GROUND)
        pen = ImageDraw.Draw(sheet)
        spots, radius = self.spots(), max(1.2, self._size / 600)
        across = (self._size / 2 - self._center[0] * self._scale) * times
        down = (self._size / 2 + self._center[1] * self._scale) * times
        pen.line([(across, 0), (across, far)], LINE, times)
        pen.line([(0, down), (far, down)], LINE, times)
        for i, (x, y) in enumerate(spots):
            colour = PLAIN
            if classes is not None:
                colour = _hue(int(classes[i]))
            elif values is not None and np.isfinite(values[i]):
                colour = _ramp(float(values[i]))
            left, top, right, bottom = (
                edge * times for edge in (x - radius, y - radius, x + radius, y + radius)
            )
            pen.ellipse((left, top, right, bottom), fill=colour)
        sheet = sheet.resize((self._size, self._size), Image.Resampling.BOX)
        for index, pixels in pictures.items():
            small = Image.fromarray(pixels)
            small.thumbnail((self._side, self._side), Image.Resampling.BOX)
            x, y = spots[index]
            sheet.paste(small, (round(x - small.width / 2), round(y - small.height / 2)))
        return np.asarray(sheet)


def _ramp(value: float) -> tuple[int, int, int]:
    start, end, share = (LOW, MIDDLE, value * 2) if value < 0.5 else (MIDDLE, HIGH, value * 2 - 1)
    r, g, b = (round(a + (c - a) * share) for a, c in zip(start, end, strict=True))
    return r, g, b


def _hue(number: int) -> tuple[int, int, int]:
    r, g, b = (round(255 * part) for part in colorsys.hsv_to_rgb((number * GOLDEN) % 1, 0.55, 0.78))
    return r, g, b
