"""One line of the layer matrix, and how its picture and its shares look.

Owns the value and the drawing; knows no gestures. GUI thread.
"""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QImage, QPainter, QPainterPath, QPen

from latentstudio.gui.theme import tokens
from latentstudio.gui.words import plain


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


def paint_cell(painter: QPainter, place: QRectF, colors: tuple[str, str, str], amount: float) -> None:
    """A cell, filled from below: half a source is half a cell.

    Args:
        painter: at work.
        place: where.
        colors: tokens of its ground, its edge and its filling.
        amount: 0 to 1.
    """
    t = tokens()
    ground, edge, filling = colors
    frame = place.adjusted(0.5, 0.5, -0.5, -0.5)
    painter.setPen(QPen(t.color(edge), 1))
    painter.setBrush(t.color(ground))
    painter.drawRoundedRect(frame, 3, 3)
    if amount <= 0:
        return
    shape = QPainterPath()
    shape.addRoundedRect(place, 3, 3)
    painter.fillPath(shape, t.color(filling, 0.22))
    painter.save()
    painter.setClipPath(shape)
    high = place.height() * min(amount, 1.0)
    painter.fillRect(QRectF(place.left(), place.bottom() - high, place.width(), high), t.color(filling))
    painter.restore()
    if edge == "text":
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(frame, 3, 3)


def paint_name(painter: QPainter, line: QRectF, name: str, *, is_strong: bool) -> None:
    """A line's name, shortened where there is no room."""
    font = painter.font()
    font.setPixelSize(12)
    painter.setFont(font)
    painter.setPen(tokens().color("text" if is_strong else "muted"))
    words = painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, int(line.width()))
    painter.drawText(line, int(Qt.AlignmentFlag.AlignVCenter), words)


def paint_cross(painter: QPainter, place: QRectF) -> None:
    """The mark that takes a line away."""
    mark = place.adjusted(4, 4, -4, -4)
    painter.setPen(QPen(tokens().color("muted"), 1.5))
    painter.drawLine(mark.topLeft(), mark.bottomRight())
    painter.drawLine(mark.topRight(), mark.bottomLeft())


def cell_words(column: int, side_px: int, share: float, *, is_base: bool) -> str:
    """What a cell says on hover."""
    words = f"Layer {column}, {side_px} px: {plain(share)}"
    return words if is_base else f"{words}. Drag to paint, Shift and drag for an amount."
