"""The rows of ws as cells that are switched one by one: which layers a direction may move at all.

Owns their drawing and the gesture; GUI thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QHelpEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from latentstudio.gui.theme import tokens


class LayerMask(QWidget):
    """One cell a layer; a click switches it, a stroke gives all it passes the same state.

    Signals:
        painted(tuple): the rows that are on, once the hand lets go.
    """

    painted = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._sides: tuple[int, ...] = ()
        self._on: set[int] = set()
        self._paints: bool | None = None  # the state that the stroke under way gives
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    @property
    def rows(self) -> tuple[int, ...]:
        """The rows that are on, in order."""
        return tuple(sorted(self._on))

    def set_layers(self, sides_px: Sequence[int]) -> None:
        """One cell for each row of ws."""
        self._sides = tuple(sides_px)
        self.update()

    def set_rows(self, rows: Iterable[int]) -> None:
        """Switch these on and the others off; says nothing."""
        self._on = set(rows)
        self.update()

    def sizeHint(self) -> QSize:
        """One line of cells."""
        return QSize(220, 20)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a stroke."""
        if event.button() == Qt.MouseButton.LeftButton and self._sides:
            self._paints = self._at(event.position().x()) not in self._on
            self._paint(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Go on."""
        if self._paints is not None:
            self._paint(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """The mask is painted."""
        if self._paints is not None:
            self._paints = None
            self.painted.emit(self.rows)

    def event(self, event: QEvent) -> bool:
        """Say which layer is under the pointer."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip and self._sides:
            cell = self._at(event.pos().x())
            QToolTip.showText(event.globalPos(), f"Layer {cell}, {self._sides[cell]} px", self)
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Cells, filled where they are on."""
        t = tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for i in range(len(self._sides)):
            is_on = i in self._on
            painter.setPen(Qt.PenStyle.NoPen if is_on else QPen(t.color("line"), 1))
            painter.setBrush(t.color("accent") if is_on else t.color("panel"))
            width = self.width() / len(self._sides)
            gap = 3 if width > 8 else 1
            painter.drawRoundedRect(QRectF(i * width + 0.5, 1.5, width - gap, self.height() - 3), 3, 3)

    def _paint(self, event: QMouseEvent) -> None:
        cell = self._at(event.position().x())
        self._on = self._on | {cell} if self._paints else self._on - {cell}
        self.update()

    def _at(self, x: float) -> int:
        return min(max(int(x / (self.width() / len(self._sides))), 0), len(self._sides) - 1)
