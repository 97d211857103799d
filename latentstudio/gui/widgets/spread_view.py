"""A map of numbers as a picture of heat, with its scale.

Owns the colours and the scale; GUI thread.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import (
    QHelpEvent,
    QImage,
    QLinearGradient,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from latentstudio.gui.theme import figures, tokens

SCALE_PX, MOST_PX = 28, 300
# From nothing to most, equally far apart to the eye.
COLORS = (
    (0, (11, 13, 22)),
    (0.3, (66, 41, 99)),
    (0.6, (190, 72, 77)),
    (0.85, (240, 163, 94)),
    (1, (255, 240, 205)),
)


class SpreadView(QWidget):
    """A heat picture; the number under the pointer on hover."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._values: NDArray[np.float32] | None = None
        self._image = QImage()
        self._top = 1.0
        self._is_stale = False
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Standard deviation over noise draws")

    @property
    def values(self) -> NDArray[np.float32] | None:
        """The map shown, (H, W); None when there is none."""
        return self._values

    def set_values(self, values: NDArray[np.float32] | None) -> None:
        """Show a map (H, W), not negative; None for nothing."""
        self._values = values
        if values is not None:
            self._top = max(float(np.percentile(values, 99.8)), 1e-3)
            self._image = heat_picture(values / self._top)
        self._fit()

    def set_stale(self, is_stale: bool) -> None:
        """Paler while it belongs to another picture."""
        if is_stale != self._is_stale:
            self._is_stale = is_stale
            self.update()

    def place(self) -> QRectF:
        """Where the picture lies."""
        if self._values is None:
            return QRectF()
        height, width = self._values.shape
        factor = min(self.width() / width, MOST_PX / height)
        return QRectF((self.width() - width * factor) / 2, 0, width * factor, height * factor)

    def sizeHint(self) -> QSize:
        """As high as the picture and its scale."""
        return QSize(280, round(self.place().height()) + SCALE_PX)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep its shape."""
        self._fit()
        super().resizeEvent(event)

    def event(self, event: QEvent) -> bool:
        """Say the number under the pointer."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip and self._values is not None:
            place, point = self.place(), QPointF(event.pos())
            if place.contains(point):
                height, width = self._values.shape
                row = min(int((point.y() - place.top()) / place.height() * height), height - 1)
                column = min(int((point.x() - place.left()) / place.width() * width), width - 1)
                words = f"{self._values[row, column]:.1f} levels of 255"
                QToolTip.showText(event.globalPos(), words, self)
                return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The picture, the scale and its ends."""
        if self._values is None:
            return
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        painter.setOpacity(0.4 if self._is_stale else 1.0)
        place = self.place()
        path = QPainterPath()
        path.addRoundedRect(place, 4, 4)
        painter.save()
        painter.setClipPath(path)
        painter.drawImage(place, self._image)
        painter.restore()
        bar = QRectF(place.left(), place.bottom() + 8, place.width(), 4)
        gradient = QLinearGradient(bar.topLeft(), bar.topRight())
        for at, (red, green, blue) in COLORS:
            gradient.setColorAt(at, f"#{red:02x}{green:02x}{blue:02x}")
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(gradient)
        painter.drawRoundedRect(bar, 2, 2)
        font = figures(self.font())
        font.setPixelSize(11)
        painter.setFont(font)
        painter.setPen(tokens().color("muted"))
        line = QRectF(bar.left(), bar.bottom() + 1, bar.width(), 15)
        painter.drawText(line, int(Qt.AlignmentFlag.AlignLeft), "0")
        painter.drawText(line, int(Qt.AlignmentFlag.AlignRight), f"{self._top:.1f} levels")

    def _fit(self) -> None:
        self.setFixedHeight(self.sizeHint().height() if self._values is not None else 0)
        self.update()


def heat_picture(shares: NDArray[np.float32]) -> QImage:
    """Numbers from 0 to 1 (H, W) as colours."""
    # The root lifts what is small: most of a picture hardly moves.
    level = np.sqrt(np.clip(shares, 0, 1))
    stops = [at for at, _ in COLORS]
    channels = [np.interp(level, stops, [color[i] for _, color in COLORS]) for i in range(3)]
    pixels = np.ascontiguousarray(np.stack(channels, -1).round().astype(np.uint8))
    height, width = level.shape
    return QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()
