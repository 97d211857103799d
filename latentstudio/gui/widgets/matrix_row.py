"""One line of the layer matrix, and how its picture and its shares look.

Owns the value and the drawing; knows no gestures. GUI thread.
"""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath

from latentstudio.gui.theme import tokens


@dataclass(frozen=True, eq=False)
class MatrixRow:
    """One line.

    Attributes:
        name: what a person reads.
        amounts: one for each column, 0 to 1.
        image: its picture; None while it is not there.
    """

    name: str
    amounts: tuple[float, ...]
    image: QImage | None = None


def paint_picture(painter: QPainter, place: QRectF, image: QImage | None) -> None:
    """A picture with round corners, or its empty place."""
    t = tokens()
    painter.save()
    path = QPainterPath()
    path.addRoundedRect(place, 4, 4)
    painter.setClipPath(path)
    painter.fillRect(place, t.color("line"))
    if image is not None:
        painter.drawImage(place, image)
    painter.restore()


def paint_share(painter: QPainter, place: QRectF, color: QColor, amount: float) -> None:
    """A cell filled from below: half a source is half a cell."""
    shape = QPainterPath()
    shape.addRoundedRect(place, 3, 3)
    pale = QColor(color)
    pale.setAlphaF(0.22)
    painter.fillPath(shape, pale)
    painter.save()
    painter.setClipPath(shape)
    high = place.height() * min(amount, 1.0)
    painter.fillRect(QRectF(place.left(), place.bottom() - high, place.width(), high), color)
    painter.restore()
