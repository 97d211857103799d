"""The map's points on a ground larger than the view, drawn once for a scale: panning only shifts it.

Owns that layer; GUI thread.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPixmap, QPolygonF

from latentstudio.gui.latent_map import LatentMap
from latentstudio.gui.latent_map_camera import MapCamera
from latentstudio.gui.latent_map_choice import BY_CLASS
from latentstudio.gui.latent_map_colours import BINS, bin_colours, bins_of
from latentstudio.gui.theme import tokens

MARGIN = 0.5  # of the view that is drawn beyond its edges
LARGEST_PX = 7.0
FADED = 70  # opacity, of 255, of points outside a selection

Which = NDArray[np.intp]


class PointsLayer:
    """Axes and points.

    Args:
        point_px: diameter of a point when the whole map is seen.
    """

    def __init__(self, point_px: float) -> None:
        self._point_px = point_px
        self._kept: tuple[tuple[object, ...], QPixmap, QPointF] | None = None
        self.drawn = 0  # how often it had to be drawn

    def around(
        self, shown: LatentMap, camera: MapCamera, selection: Which, ratio: float
    ) -> tuple[QPixmap, QPointF]:
        """The layer, and the place of the map in its middle."""
        key = (shown.generation, camera.scale, camera.size, ratio, tokens(), selection.tobytes())
        size = camera.size
        if self._kept is not None and self._kept[0] == key:
            shift = (camera.center - self._kept[2]) * camera.scale
            if abs(shift.x()) <= MARGIN * size.width() and abs(shift.y()) <= MARGIN * size.height():
                return self._kept[1], self._kept[2]
        width, height = size.width() * (1 + 2 * MARGIN), size.height() * (1 + 2 * MARGIN)
        pixmap = QPixmap(round(width * ratio), round(height * ratio))
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(tokens().color("ground"))
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if shown.axes is not None:
            painter.setPen(QPen(tokens().color("line"), 1))
            x, y = width / 2 - camera.center.x() * camera.scale, height / 2 + camera.center.y() * camera.scale
            painter.drawLine(QPointF(x, 0), QPointF(x, height))
            painter.drawLine(QPointF(0, y), QPointF(width, y))
        self._paint_points(painter, shown, camera, selection, width, height)
        painter.end()
        self.drawn += 1
        middle = QPointF(camera.center)
        self._kept = (key, pixmap, middle)
        return pixmap, middle

    def _paint_points(
        self,
        painter: QPainter,
        shown: LatentMap,
        camera: MapCamera,
        selection: Which,
        width: float,
        height: float,
    ) -> None:
        x, y = camera.spots(width, height)
        seen = (x > -4) & (x < width + 4) & (y > -4) & (y < height + 4)
        size = min(self._point_px * max(1.0, camera.scale / camera.fit_scale) ** 0.3, LARGEST_PX)
        groups = self._groups(shown)
        if len(selection):
            is_in = np.zeros(len(x), bool)
            is_in[selection] = True
            plain = shown.values is None
            chosen = [(tokens().color("second") if plain else c, mask & is_in) for c, mask in groups]
            groups = [(_faded(c), mask & ~is_in) for c, mask in groups] + chosen
        for colour, mask in groups:
            where = np.flatnonzero(mask & seen)
            if len(where):
                pen = QPen(colour, size)
                pen.setCapStyle(Qt.PenCapStyle.RoundCap)
                painter.setPen(pen)
                painter.drawPoints(QPolygonF([QPointF(x[i], y[i]) for i in where]))

    @staticmethod
    def _groups(shown: LatentMap) -> list[tuple[QColor, NDArray[np.bool_]]]:
        """Points by colour."""
        t, values = tokens(), shown.values
        if values is None:
            return [(t.color("muted", 0.75), np.ones(len(shown.points), bool))]
        is_class = shown.choice.colour == BY_CLASS
        bins = bins_of(values, is_class=is_class)
        colours = bin_colours(is_class)
        return [(t.color("muted", 0.35), bins < 0)] + [(colours[i], bins == i) for i in range(BINS)]


def _faded(colour: QColor) -> QColor:
    faded = QColor(colour)
    faded.setAlpha(FADED)
    return faded
