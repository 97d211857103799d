"""A contact sheet that scrolls endlessly: only the cells that can be seen exist.

Owns the geometry, the cursor, the gestures and the drawing of cells; pictures and marks are asked of
whoever owns them. GUI thread.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QWidget

from latentstudio.gui.dragging import DragStart
from latentstudio.gui.icons import pixmap
from latentstudio.gui.theme import tokens

GAP_PX = 5
HAS, HAS_NOT = "has", "has not"
AHEAD_ROWS = 60  # the bar always has that much left to scroll
# A scroll bar counts in 32 bits: a seed beyond this many rows begins a sheet of its own.
MOST_ROWS = 10_000_000


class ContactSheet(QAbstractScrollArea):
    """Cells numbered from 0, as many as there are seeds.

    Signals:
        seen(): other cells can be seen.
        chosen(int): left click or Return.
        other_chosen(int): right click.
        starred(int): a click on the star.
        key_pressed(int, int): the cell under the cursor and the key, where the sheet has no use for it.
        carried(int): the hand began to drag this cell away.

    Args:
        limit: one past the last cell.
        cell_px: cells are at least this wide.
        has_stars: whether a star can be clicked.
    """

    seen = Signal()
    chosen = Signal(int)
    other_chosen = Signal(int)
    starred = Signal(int)
    key_pressed = Signal(int, int)
    carried = Signal(int)

    def __init__(
        self, limit: int, cell_px: int = 70, has_stars: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._limit, self._cell_px, self._has_stars = limit, cell_px, has_stars
        self._base = 0
        self._rows = AHEAD_ROWS
        self._cursor = 0
        self._under: int | None = None
        self._drag = DragStart()
        self.image_of: Callable[[int], QImage | None] = lambda index: None
        self.mark_of: Callable[[int], str | None] = lambda index: None
        self.is_starred: Callable[[int], bool] = lambda index: False
        self.is_current: Callable[[int], bool] = lambda index: False
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setAutoFillBackground(False)
        self.viewport().setMouseTracking(True)
        self.viewport().setCursor(Qt.CursorShape.PointingHandCursor)
        self.verticalScrollBar().valueChanged.connect(self._scrolled)

    # --- geometry -------------------------------------------------------------------------------

    @property
    def columns(self) -> int:
        """Cells in a row."""
        return max(1, (self.viewport().width() + GAP_PX) // (self._cell_px + GAP_PX))

    @property
    def cursor_cell(self) -> int:
        """The cell that keys act on."""
        return self._cursor

    def visible_cells(self) -> list[int]:
        """The cells that can be seen, in reading order."""
        pitch, top = self._pitch, self.verticalScrollBar().value()
        first, last = int(top // pitch), int((top + self.viewport().height()) // pitch)
        begin = self._base + first * self.columns
        return list(range(begin, min(self._base + (last + 1) * self.columns, self._limit)))

    def go_to(self, index: int) -> None:
        """Show a cell at the top, and put the cursor there."""
        index = min(max(index, 0), self._limit - 1)
        row = index // self.columns
        self._base = 0 if row < MOST_ROWS else index - index % self.columns
        self._cursor = index
        self._grow(row if row < MOST_ROWS else 0)
        self.verticalScrollBar().setValue(round((row if row < MOST_ROWS else 0) * self._pitch))
        self._scrolled()

    def place(self, index: int) -> QRectF:
        """Where a cell lies in the viewport."""
        row, column = divmod(index - self._base, self.columns)
        top = row * self._pitch - self.verticalScrollBar().value()
        return QRectF(column * self._pitch, top, self._side, self._side)

    def sizeHint(self) -> QSize:
        """Four in a row, as high as there is room."""
        return QSize(4 * (self._cell_px + GAP_PX), 320)

    @property
    def _side(self) -> float:
        return (self.viewport().width() - GAP_PX * (self.columns - 1)) / self.columns

    @property
    def _pitch(self) -> float:
        return max(1.0, self._side + GAP_PX)

    # --- hand -----------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click, or the beginning of a drag."""
        self._drag.press(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Choose, the other way with the right button, or star."""
        self._drag.release()
        index = self._at(event.position())
        if index is None:
            return
        self._cursor = index
        self.viewport().update()
        if event.button() == Qt.MouseButton.RightButton:
            self.other_chosen.emit(index)
        elif event.button() == Qt.MouseButton.LeftButton:
            if self._has_stars and self._star(index).contains(event.position()):
                self.starred.emit(index)
            else:
                self.chosen.emit(index)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Frame the one under the pointer; with the button down, carry it away."""
        start = self._drag.passed(event)
        held = None if start is None else self._at(start)
        if held is not None:
            self.carried.emit(held)
            return
        under = self._at(event.position())
        if under != self._under:
            self._under = under
            self.viewport().update()

    def leaveEvent(self, event: QEvent) -> None:
        """None is."""
        self._under = None
        self.viewport().update()
        super().leaveEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows and pages move the cursor, Return chooses, other keys are passed on."""
        page = max(1, int(self.viewport().height() // self._pitch)) * self.columns
        steps = {
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Up: -self.columns,
            Qt.Key.Key_Down: self.columns,
            Qt.Key.Key_PageUp: -page,
            Qt.Key.Key_PageDown: page,
        }
        key = event.key()
        if key in steps:
            self.move_cursor(steps[Qt.Key(key)])
        elif key == Qt.Key.Key_Home:
            self.go_to(0)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.chosen.emit(self._cursor)
        elif event.modifiers() in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier):
            self.key_pressed.emit(self._cursor, key)
        else:
            super().keyPressEvent(event)

    def move_cursor(self, by: int) -> None:
        """Move the cursor, and keep it in sight."""
        self._cursor = min(max(self._cursor + by, self._base), self._limit - 1)
        row = (self._cursor - self._base) // self.columns
        self._grow(row)
        top, bar = round(row * self._pitch), self.verticalScrollBar()
        bottom = top + round(self._side) - self.viewport().height()
        bar.setValue(min(max(bar.value(), bottom), top))
        self.viewport().update()

    # --- drawing --------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """The cells that can be seen."""
        painter = QPainter(self.viewport())
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        for index in self.visible_cells():
            self._paint_cell(painter, index, self.place(index))

    def _paint_cell(self, painter: QPainter, index: int, place: QRectF) -> None:
        t = tokens()
        path = QPainterPath()
        path.addRoundedRect(place, 4, 4)
        painter.setClipPath(path)
        painter.fillRect(place, t.color("raised"))
        image = self.image_of(index)
        if image is not None:
            painter.drawImage(place, image)
        mark, is_cursor = self.mark_of(index), self.hasFocus() and index == self._cursor
        if index == self._under or is_cursor:
            self._paint_number(painter, index, place)
        painter.setClipping(False)
        color = {HAS: "accent", HAS_NOT: "second"}.get(mark or "")
        if color is None and (self.is_current(index) or is_cursor):
            color = "accent"
        if color is None and index == self._under:
            color = "muted"
        if color is not None:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(t.color(color), 2))
            painter.drawRoundedRect(place.adjusted(1, 1, -1, -1), 4, 4)
        if mark is not None:
            self._paint_mark(painter, mark, place)
        if self._has_stars and (self.is_starred(index) or index == self._under):
            star = self._star(index)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(t.color("panel", 0.8))
            painter.drawEllipse(star)
            name = t.accent if self.is_starred(index) else t.text
            picture = pixmap("star", name, 12, self.devicePixelRatioF())
            painter.drawPixmap(star.topLeft() + QPointF(4, 4), picture)

    def _paint_number(self, painter: QPainter, index: int, place: QRectF) -> None:
        t = tokens()
        font = self.font()
        font.setPixelSize(10)
        painter.setFont(font)
        width = painter.fontMetrics().horizontalAdvance(str(index)) + 8
        box = QRectF(place.left(), place.bottom() - 15, width, 15)
        painter.fillRect(box, t.color("panel", 0.8))
        painter.setPen(t.color("text"))
        painter.drawText(box, int(Qt.AlignmentFlag.AlignCenter), str(index))

    def _paint_mark(self, painter: QPainter, mark: str, place: QRectF) -> None:
        t = tokens()
        badge = QRectF(place.right() - 20, place.top() + 4, 16, 16)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(t.color("accent" if mark == HAS else "second"))
        painter.drawEllipse(badge)
        painter.setPen(QPen(t.color("on_accent"), 1.8))
        middle = badge.center()
        painter.drawLine(middle - QPointF(3.5, 0), middle + QPointF(3.5, 0))
        if mark == HAS:
            painter.drawLine(middle - QPointF(0, 3.5), middle + QPointF(0, 3.5))

    # --- inside ---------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Other cells fit."""
        super().resizeEvent(event)
        self._grow(self._rows - AHEAD_ROWS)
        self._scrolled()

    def showEvent(self, event: QShowEvent) -> None:
        """Now they can be seen."""
        super().showEvent(event)
        self._scrolled()

    def _scrolled(self) -> None:
        bar = self.verticalScrollBar()
        self._grow(int((bar.value() + self.viewport().height()) // self._pitch))
        self.viewport().update()
        self.seen.emit()

    def _grow(self, row: int) -> None:
        last = -(-(self._limit - self._base) // self.columns)
        self._rows = min(max(self._rows, row + AHEAD_ROWS), last)
        bar = self.verticalScrollBar()
        bar.setRange(0, max(0, round(self._rows * self._pitch) - GAP_PX - self.viewport().height()))
        bar.setSingleStep(max(1, round(self._pitch / 2)))
        bar.setPageStep(max(1, self.viewport().height()))

    def _star(self, index: int) -> QRectF:
        place = self.place(index)
        return QRectF(place.right() - 22, place.top() + 2, 20, 20)

    def _at(self, point: QPointF) -> int | None:
        return next((i for i in self.visible_cells() if self.place(i).contains(point)), None)
