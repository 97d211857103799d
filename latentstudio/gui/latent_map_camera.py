"""What part of the map a view sees, how near, and which samples show as pictures there.

Owns the geometry between map and widget, and the levels of detail; draws nothing. GUI thread.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize

from latentstudio.latent.map_layout import fitted_box, shown_first

PICTURE_PX = 44  # at the beginning of a level; twice that at its end
SPARSE = 1.7  # pictures are so many sides apart, so that points stay visible between them
FARTHEST, NEAREST = 0.3, 400.0  # as against the whole map

Points = NDArray[np.float64]


class MapCamera:
    """A place, a scale, and the size of the widget."""

    def __init__(self) -> None:
        self.points: Points = np.empty((0, 2))
        self.size = QSize(1, 1)
        self.center = QPointF(0, 0)  # of the view, on the map
        self.scale = 1.0  # pixels a unit
        self.fit_scale = 1.0
        self._levels: dict[int, NDArray[np.intp]] = {}

    def set_points(self, points: Points) -> None:
        """Another map."""
        self.points = points
        self._levels.clear()

    def fit(self) -> None:
        """The whole map."""
        left, bottom, right, top = fitted_box(self.points)
        self.center = QPointF((left + right) / 2, (bottom + top) / 2)
        scale = min(self.size.width() / (right - left), self.size.height() / (top - bottom))
        if scale != self.fit_scale:
            self._levels.clear()
        self.scale = self.fit_scale = scale

    def pan_by(self, x: float, y: float) -> None:
        """Move what is seen by pixels."""
        self.center -= QPointF(x / self.scale, -y / self.scale)

    def zoom_at(self, point: QPointF, factor: float) -> None:
        """Nearer or farther; what is under the point stays there."""
        before = self.map_place(point)
        low, high = FARTHEST * self.fit_scale, NEAREST * self.fit_scale
        self.scale = min(max(self.scale * factor, low), high)
        after = self.map_place(point)
        self.center += QPointF(before[0] - after[0], before[1] - after[1])

    def map_place(self, point: QPointF) -> tuple[float, float]:
        """The place on the map under a point of the widget."""
        return (
            self.center.x() + (point.x() - self.size.width() / 2) / self.scale,
            self.center.y() - (point.y() - self.size.height() / 2) / self.scale,
        )

    def widget_point(self, place: tuple[float, float]) -> QPointF:
        """Where a place of the map is in the widget."""
        return QPointF(
            self.size.width() / 2 + (place[0] - self.center.x()) * self.scale,
            self.size.height() / 2 - (place[1] - self.center.y()) * self.scale,
        )

    def spots(
        self, width: float, height: float, which: NDArray[np.intp] | None = None
    ) -> tuple[Points, Points]:
        """x and y in pixels of all points, or of some, on a ground of this size around the center."""
        points = self.points if which is None else self.points[which]
        x = width / 2 + (points[:, 0] - self.center.x()) * self.scale
        y = height / 2 - (points[:, 1] - self.center.y()) * self.scale
        return x, y

    def shown_pictures(self) -> list[tuple[int, QRectF]]:
        """Samples that show as pictures at this scale and can be seen, and where."""
        if not len(self.points):
            return []
        exponent = math.log2(max(self.scale / self.fit_scale, 1e-6))
        level = math.floor(exponent)
        side = PICTURE_PX * 2 ** (exponent - level)
        chosen = self._chosen(level)
        width, height = self.size.width(), self.size.height()
        x, y = self.spots(width, height, chosen)
        half = side / 2
        seen = (x > -half) & (x < width + half) & (y > -half) & (y < height + half)
        return [(int(chosen[i]), QRectF(x[i] - half, y[i] - half, side, side)) for i in np.flatnonzero(seen)]

    def _chosen(self, level: int) -> NDArray[np.intp]:
        """The samples that show as pictures on a level; those of coarser levels are among them."""
        if level not in self._levels:
            kept = None
            for number in range(min(level, 0), level + 1):
                if number not in self._levels:
                    spacing = SPARSE * PICTURE_PX / (self.fit_scale * 2.0**number)
                    self._levels[number] = shown_first(self.points, spacing, kept)
                kept = self._levels[number]
        return self._levels[level]
