"""Small square pictures in rows: members of a tray, neighbours of a picture, examples.

Owns their drawing, the click, and the cross that takes one away; the pictures come from outside. GUI
thread.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QHelpEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from latentstudio.gui.theme import tokens

GAP_PX = 5
CROSS_PX = 16


class PictureTiles(QWidget):
    """Square cells, so many in a row.

    Signals:
        chosen(int): a person clicked a cell, or pressed Return on it.
        removed(int): a person clicked its cross, or pressed Delete.

    Args:
        columns: cells in a row.
        removable: whether cells show a cross under the pointer.
    """

    chosen = Signal(int)
    removed = Signal(int)

    def __init__(self, columns: int, removable: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._columns, self._removable = columns, removable
        self._images: list[QImage | None] = []
        self._words: list[str] = []
        self._marked: int | None = None
        self._under: int | None = None
        self._cursor = 0
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    @property
    def count(self) -> int:
        """How many cells."""
        return len(self._images)

    def set_cells(self, words: list[str]) -> None:
        """Show empty cells with these words on hover."""
        kept = self._images[: len(words)]
        self._images = kept + [None] * (len(words) - len(kept))
        self._words = words
        self._cursor = min(self._cursor, max(0, len(words) - 1))
        self._fit_height()
        self.update()

    def set_image(self, index: int, image: QImage | None) -> None:
        """Fill a cell, or empty it."""
        self._images[index] = image
        self.update()

    def has_image(self, index: int) -> bool:
        """Whether a cell is filled."""
        return self._images[index] is not None

    def set_marked(self, index: int | None) -> None:
        """Frame a cell in the accent."""
        self._marked = index
        self.update()

    def place(self, index: int) -> QRectF:
        """Where a cell lies."""
        side = (self.width() - GAP_PX * (self._columns - 1)) / self._columns
        row, column = divmod(index, self._columns)
        return QRectF(column * (side + GAP_PX), row * (side + GAP_PX), side, side)

    def sizeHint(self) -> QSize:
        """At the width it has."""
        return QSize(200, max(1, self.height()))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the cells square."""
        self._fit_height()
        super().resizeEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Choose, or take away."""
        index = self._at(event.position())
        if index is None or event.button() != Qt.MouseButton.LeftButton:
            return
        if self._removable and self._cross(index).contains(event.position()):
            self.removed.emit(index)
        else:
            self._cursor = index
            self.chosen.emit(index)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Frame the one under the pointer."""
        under = self._at(event.position())
        if under != self._under:
            self._under = under
            self.update()

    def leaveEvent(self, event: QEvent) -> None:
        """None is."""
        self._under = None
        self.update()
        super().leaveEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows move, Return chooses, Delete takes away."""
        steps = {
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Up: -self._columns,
            Qt.Key.Key_Down: self._columns,
        }
        key = event.key()
        if not self._images:
            super().keyPressEvent(event)
        elif key in steps:
            self._cursor = min(max(self._cursor + steps[Qt.Key(key)], 0), len(self._images) - 1)
            self.update()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.chosen.emit(self._cursor)
        elif self._removable and key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.removed.emit(self._cursor)
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        """Say what is under the pointer."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            index = self._at(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), "" if index is None else self._words[index], self)
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The pictures, one framed, the cross."""
        t = tokens()
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        for i, image in enumerate(self._images):
            place = self.place(i)
            path = QPainterPath()
            path.addRoundedRect(place, 4, 4)
            painter.setClipPath(path)
            painter.fillRect(place, t.color("raised"))
            if image is not None:
                painter.drawImage(place, image)
            painter.setClipping(False)
            is_cursor = self.hasFocus() and i == self._cursor
            if i == self._marked or i == self._under or is_cursor:
                painter.setBrush(Qt.BrushStyle.NoBrush)
                name = "accent" if i == self._marked or is_cursor else "muted"
                painter.setPen(QPen(t.color(name), 2))
                painter.drawRoundedRect(place.adjusted(1, 1, -1, -1), 4, 4)
            if self._removable and i == self._under:
                self._paint_cross(painter, self._cross(i))

    def _paint_cross(self, painter: QPainter, place: QRectF) -> None:
        t = tokens()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(t.color("panel", 0.85))
        painter.drawEllipse(place)
        painter.setPen(QPen(t.color("text"), 1.4))
        inner = place.adjusted(5, 5, -5, -5)
        painter.drawLine(inner.topLeft(), inner.bottomRight())
        painter.drawLine(inner.topRight(), inner.bottomLeft())

    def _cross(self, index: int) -> QRectF:
        place = self.place(index)
        return QRectF(place.right() - CROSS_PX - 2, place.top() + 2, CROSS_PX, CROSS_PX)

    def _at(self, point: QPointF) -> int | None:
        return next((i for i in range(len(self._images)) if self.place(i).contains(point)), None)

    def _fit_height(self) -> None:
        rows = -(-len(self._images) // self._columns)
        side = (self.width() - GAP_PX * (self._columns - 1)) / self._columns
        self.setFixedHeight(max(1, round(rows * (side + GAP_PX)) - GAP_PX))
