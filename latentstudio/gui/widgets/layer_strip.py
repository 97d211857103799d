"""The rows of ws as cells: which layers a slider moves.

Owns their drawing and the painting of a range; GUI thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QHelpEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from latentstudio.gui.theme import tokens


class LayerStrip(QWidget):
    """One cell a layer, filled where the slider acts.

    Signals:
        range_painted(int, int): a person painted the range [start, stop).
    """

    range_painted = Signal(int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._sides: tuple[int, ...] = ()
        self._start, self._stop = 0, 0
        self._masked: frozenset[int] = frozenset()
        self._pressed: int | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def set_layers(self, sides_px: Sequence[int]) -> None:
        """Show as many cells as resolutions are given, one for each row of ws."""
        self._sides = tuple(sides_px)
        self.update()

    def set_range(self, start: int, stop: int | None) -> None:
        """Fill [start, stop)."""
        self._start = start
        self._stop = len(self._sides) if stop is None else min(stop, len(self._sides))
        self.update()

    def set_masked(self, rows: Iterable[int]) -> None:
        """Rows that do not move whatever the range says: they are shown hollow."""
        self._masked = frozenset(rows)
        self.update()

    def sizeHint(self) -> QSize:
        """One line of cells."""
        return QSize(200, 18)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin to paint."""
        if event.button() == Qt.MouseButton.LeftButton and self._sides:
            self._pressed = self._cell_at(event.position().x())
            self.set_range(self._pressed, self._pressed + 1)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Paint on."""
        if self._pressed is not None:
            here = self._cell_at(event.position().x())
            self.set_range(min(here, self._pressed), max(here, self._pressed) + 1)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """The range is painted."""
        if self._pressed is not None:
            self._pressed = None
            self.range_painted.emit(self._start, self._stop)

    def event(self, event: QEvent) -> bool:
        """Say which layer is under the pointer."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip and self._sides:
            cell = self._cell_at(event.pos().x())
            words = f"Layer {cell}, {self._sides[cell]} px. Drag to choose layers."
            if cell in self._masked:
                words = f"Layer {cell}, {self._sides[cell]} px. The direction's own mask leaves it alone."
            QToolTip.showText(event.globalPos(), words, self)
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Cells, a wider gap where the resolution changes group."""
        t = tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for i in range(len(self._sides)):
            filled = self._start <= i < self._stop and i not in self._masked
            painter.setPen(Qt.PenStyle.NoPen if filled else QPen(t.color("line"), 1))
            painter.setBrush(t.color("accent") if filled else t.color("raised"))
            painter.drawRoundedRect(self._place(i), 3, 3)

    def _place(self, index: int) -> QRectF:
        width = self.width() / max(1, len(self._sides))
        gap = 3 if width > 8 else 1
        return QRectF(index * width + 0.5, 1.5, width - gap, self.height() - 3)

    def _cell_at(self, x: float) -> int:
        width = self.width() / max(1, len(self._sides))
        return min(max(int(x / width), 0), len(self._sides) - 1)
