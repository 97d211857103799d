"""The layer matrix: rows are sources, columns are rows of ws; painting cells mixes styles.

Owns drawing and gestures; what a painted cell does belongs to whoever listens. GUI thread.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QHelpEvent,
    QHideEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QPushButton, QSizePolicy, QToolTip, QWidget

from latentstudio.gui.layers import LayerGroup
from latentstudio.gui.theme import figures, tokens
from latentstudio.gui.widgets.matrix_row import (
    MatrixRow,
    cell_words,
    paint_cell,
    paint_cross,
    paint_name,
    paint_picture,
)
from latentstudio.gui.words import layer_words

HEAD_PX, ROW_PX, THUMB_PX, LEFT_PX, GAP_PX = 40, 52, 40, 52, 6
CLOSE_PX = 14
# A vertical way this long takes an amount from nothing to the whole.
AMOUNT_PX = 80
DRAG_PX = 6


class LayerMatrix(QWidget):
    """Lines of cells; the first line is the base, which shows what remains.

    Signals:
        selected(int): a line became the one in use.
        painted(int, object, float): line, columns (tuple of int) and amount; more may follow.
        finished(), aborted(): the hand let go; Esc.
        group_chosen(int): a group's button was pressed, for the line in use.
        group_dropped(int, int): a line's picture was dropped on a group.
        removed(int): a person took a line away.
    """

    selected = Signal(int)
    painted = Signal(int, object, float)
    finished = Signal()
    aborted = Signal()
    group_chosen = Signal(int)
    group_dropped = Signal(int, int)
    removed = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._sides: tuple[int, ...] = ()
        self._groups: tuple[LayerGroup, ...] = ()
        self._rows: list[MatrixRow] = []
        self._selected = 0
        self._column = 0  # of the keyboard
        self._under: tuple[int, int | None] | None = None  # line and column under the pointer
        self._drop: int | None = None
        self._amount: float | None = None  # of the stroke under way
        self._stroke: set[int] = set()
        self._level: tuple[float, float] | None = None  # amount and y where a Shift drag began
        self._carried: tuple[int, QPointF] | None = None  # a picture on its way to a group
        self._pressed_at = QPointF()
        self.paint_amount = 1.0
        self.buttons: list[QPushButton] = []
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Layers of the sources")

    # --- content --------------------------------------------------------------------------------

    def set_layers(self, sides_px: Sequence[int], groups: Sequence[LayerGroup]) -> None:
        """Columns with their resolutions, and the groups over them."""
        self._sides, self._groups = tuple(sides_px), tuple(groups)
        while len(self.buttons) > len(groups):
            self.buttons.pop().deleteLater()
        while len(self.buttons) < len(groups):
            index = len(self.buttons)
            button = QPushButton(self)
            button.setProperty("role", "segment")
            button.setProperty("edge", "only")
            button.setCheckable(True)
            button.clicked.connect(self._check_buttons)  # it shows the recipe, not the click
            button.clicked.connect(lambda _=False, i=index: self.group_chosen.emit(i))
            button.show()
            self.buttons.append(button)
        for button, group in zip(self.buttons, groups, strict=True):
            button.setText(f"{group.name}\n{group.sizes}")
            layers = layer_words(group.start, group.stop, len(self._sides)).capitalize()
            button.setToolTip(f"{layers}, {group.sizes} px, from the chosen source")
            button.setAccessibleName(f"{group.name} {group.sizes}")
        self._place_buttons()
        self._check_buttons()
        self.updateGeometry()
        self.update()

    def set_rows(self, rows: Sequence[MatrixRow]) -> None:
        """Show these lines; says nothing."""
        self._rows = list(rows)
        self._selected = min(self._selected, len(rows) - 1) if rows else 0
        self._check_buttons()
        self.updateGeometry()
        self.update()

    @property
    def rows(self) -> list[MatrixRow]:
        """The lines, the base first."""
        return self._rows

    @property
    def selected_row(self) -> int:
        """The line in use."""
        return self._selected

    @property
    def is_held(self) -> bool:
        """Whether a stroke is under way."""
        return self._amount is not None

    def select(self, row: int) -> None:
        """Make a line the one in use."""
        if row != self._selected and 0 <= row < len(self._rows):
            self._selected = row
            self._check_buttons()
            self.update()
            self.selected.emit(row)

    def group_at(self, x: float) -> int | None:
        """The group over or under a point."""
        column = self._column_at(x)
        if x < LEFT_PX or column is None:
            return None
        return next((i for i, g in enumerate(self._groups) if g.start <= column < g.stop), None)

    def show_drop(self, group: int | None) -> None:
        """Light up the group that something would be dropped on."""
        if group != self._drop:
            self._drop = group
            self.update()

    # --- places ---------------------------------------------------------------------------------

    def cell(self, row: int, column: int) -> QRectF:
        """Where a cell lies."""
        width = (self.width() - LEFT_PX) / max(1, len(self._sides))
        gap = 3 if width > 10 else 1
        top = HEAD_PX + row * ROW_PX + 24
        return QRectF(LEFT_PX + column * width, top, width - gap, 20)

    def thumb(self, row: int) -> QRectF:
        """Where a line's picture lies."""
        return QRectF(4, HEAD_PX + row * ROW_PX + (ROW_PX - THUMB_PX) / 2, THUMB_PX, THUMB_PX)

    def close_mark(self, row: int) -> QRectF:
        """Where a line is taken away."""
        return QRectF(self.width() - CLOSE_PX - 4, HEAD_PX + row * ROW_PX + 5, CLOSE_PX, CLOSE_PX)

    def sizeHint(self) -> QSize:
        """As high as its lines."""
        return QSize(280, HEAD_PX + ROW_PX * max(1, len(self._rows)))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The buttons stand over their columns."""
        self._place_buttons()

    # --- hand -----------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a stroke, an amount, or to carry a picture."""
        if event.button() != Qt.MouseButton.LeftButton or self.is_held:
            return
        point = event.position()
        row = self._row_at(point.y())
        if row is None:
            return
        self._pressed_at = point
        if row and self._under_mark(point, row):
            self.removed.emit(row)
            return
        self.select(row)
        if point.x() < LEFT_PX:
            self._carried = (row, point) if row else None
            return
        column = self._column_at(point.x())
        if column is None or not self.cell(row, column).adjusted(0, -3, 3, 3).contains(point):
            return
        self._column, here = column, self._rows[row].amounts[column]
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self._level, self._amount = (here, point.y()), here
            self._stroke = {column}
            return
        self._stroke = {column}
        self._amount = 1.0 if row == 0 else 0.0 if here else self.paint_amount
        self.painted.emit(row, (column,), self._amount)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Paint on; with Shift up is more and down is less."""
        point = event.position()
        if self._carried is not None:
            if (point - self._pressed_at).manhattanLength() > DRAG_PX:
                self._carried = (self._carried[0], point)
                self.setCursor(Qt.CursorShape.ClosedHandCursor)
                self.show_drop(self.group_at(point.x()))
                self.update()
            return
        if self._amount is None:
            self._point_at(point)
            return
        if self._level is not None:
            start, y = self._level
            self._amount = round(min(max(start + (y - point.y()) / AMOUNT_PX, 0.0), 1.0), 2)
        else:
            column = self._column_at(min(max(point.x(), LEFT_PX), self.width() - 1))
            assert column is not None
            self._stroke |= set(range(min(self._column, column), max(self._column, column) + 1))
            self._column = column
        self.painted.emit(self._selected, tuple(sorted(self._stroke)), self._amount)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """The hand lets go."""
        if event.button() != Qt.MouseButton.LeftButton:
            return
        carried, self._carried = self._carried, None
        if carried is not None:
            group, self._drop = self._drop, None
            self.unsetCursor()
            self.update()
            if group is not None:
                self.group_dropped.emit(carried[0], group)
        self._finish()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows choose a cell, Space paints it, plus and minus change it, Delete removes the source."""
        key, row = event.key(), self._selected
        if key == Qt.Key.Key_Escape and (self.is_held or self._carried is not None):
            self._abort()
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self.select(row + (1 if key == Qt.Key.Key_Down else -1))
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            step = 1 if key == Qt.Key.Key_Right else -1
            self._column = min(max(self._column + step, 0), max(0, len(self._sides) - 1))
            self.update()
        elif key == Qt.Key.Key_Space and self._rows and not self.is_held:
            here = self._rows[row].amounts[self._column]
            amount = 1.0 if row == 0 else 0.0 if here else self.paint_amount
            self.painted.emit(row, (self._column,), amount)
            self.finished.emit()
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace) and row:
            self.removed.emit(row)
        else:
            super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Whatever was under way is finished."""
        self._finish()
        self.update()

    def hideEvent(self, event: QHideEvent) -> None:
        """So it is when the panel goes away."""
        self._finish()
        super().hideEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        """Nothing is under the pointer."""
        self._under = None
        self.update()

    def event(self, event: QEvent) -> bool:
        """Say what is under the pointer."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            words = self._words_at(QPointF(event.pos()))
            if words:
                QToolTip.showText(event.globalPos(), words, self)
                return True
        return super().event(event)

    # --- drawing --------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """The lines, and the picture that is being carried."""
        t = tokens()
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        if self._drop is not None:
            group = self._groups[self._drop]
            first, last = self.cell(0, group.start), self.cell(0, group.stop - 1)
            painter.setPen(QPen(t.color("second"), 1))
            painter.setBrush(t.color("second", 0.12))
            painter.drawRoundedRect(
                QRectF(first.left() - 2, 0, last.right() - first.left() + 4, self.height()), 6, 6
            )
        for i, row in enumerate(self._rows):
            self._paint_row(painter, i, row)
        if self._carried is not None:
            index, point = self._carried
            if (point - self._pressed_at).manhattanLength() > DRAG_PX:
                painter.setOpacity(0.85)
                place = QRectF(point.x() - THUMB_PX / 2, point.y() - THUMB_PX / 2, THUMB_PX, THUMB_PX)
                paint_picture(painter, place, self._rows[index].image)

    def _paint_row(self, painter: QPainter, index: int, row: MatrixRow) -> None:
        t = tokens()
        if index == self._selected:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(t.color("raised"))
            painter.drawRoundedRect(QRectF(0, HEAD_PX + index * ROW_PX, self.width(), ROW_PX - 2), 6, 6)
        paint_picture(painter, self.thumb(index), row.image)
        line = QRectF(LEFT_PX, HEAD_PX + index * ROW_PX + 3, self.width() - LEFT_PX - CLOSE_PX - 10, 18)
        painter.setFont(figures(self.font()))
        paint_name(painter, line, row.name, is_strong=index == self._selected)
        if index and self._under is not None and self._under[0] == index:
            paint_cross(painter, self.close_mark(index))
        token = "second" if index else "accent"
        for column, amount in enumerate(row.amounts):
            place = self.cell(index, column)
            is_under = self._under == (index, column) and not self.is_held
            edge = token if is_under else "line"
            if self.hasFocus() and (index, column) == (self._selected, self._column):
                edge = "text"
            ground = "panel" if index == self._selected else "raised"
            paint_cell(painter, place, (ground, edge, token), amount)

    # --- inside ---------------------------------------------------------------------------------

    def _check_buttons(self) -> None:
        amounts = self._rows[self._selected].amounts if self._rows else ()
        for button, group in zip(self.buttons, self._groups, strict=True):
            button.setEnabled(len(self._rows) > 1)
            taken = bool(amounts) and all(a > 0 for a in amounts[group.start : group.stop])
            button.setChecked(taken and len(self._rows) > 1)

    def _place_buttons(self) -> None:
        for button, group in zip(self.buttons, self._groups, strict=True):
            first, last = self.cell(0, group.start), self.cell(0, group.stop - 1)
            button.setGeometry(round(first.left()), 0, round(last.right() - first.left()), HEAD_PX - 4)

    def _finish(self) -> None:
        self._level, self._stroke = None, set()
        if self._amount is not None:
            self._amount = None
            self.finished.emit()

    def _abort(self) -> None:
        self._carried, self._drop, self._level, self._stroke = None, None, None, set()
        self.unsetCursor()
        self.update()
        if self._amount is not None:
            self._amount = None
            self.aborted.emit()

    def _point_at(self, point: QPointF) -> None:
        row = self._row_at(point.y())
        column = self._column_at(point.x()) if point.x() >= LEFT_PX else None
        if row is not None and column is not None and not self.cell(row, column).contains(point):
            column = None
        under = None if row is None else (row, column)
        if under != self._under:
            self._under = under
            can_carry = row is not None and row > 0 and point.x() < LEFT_PX
            shapes = Qt.CursorShape
            shape = shapes.OpenHandCursor if can_carry else shapes.PointingHandCursor
            self.setCursor(shape if row is not None else shapes.ArrowCursor)
            self.update()

    def _words_at(self, point: QPointF) -> str:
        row, column = self._row_at(point.y()), self._column_at(point.x())
        if row is None or column is None:
            return ""
        if point.x() < LEFT_PX:
            return "Drag onto a group" if row else "What the picture starts from"
        if row and self._under_mark(point, row):
            return f"Remove {self._rows[row].name}"
        return cell_words(column, self._sides[column], self._rows[row].amounts[column], is_base=row == 0)

    def _under_mark(self, point: QPointF, row: int) -> bool:
        return self.close_mark(row).adjusted(-3, -3, 3, 3).contains(point)

    def _row_at(self, y: float) -> int | None:
        row = int((y - HEAD_PX) // ROW_PX)
        return row if y >= HEAD_PX and row < len(self._rows) else None

    def _column_at(self, x: float) -> int | None:
        count = len(self._sides)
        share = (x - LEFT_PX) / max(1, self.width() - LEFT_PX)
        return min(max(int(share * count), 0), count - 1) if count and x < self.width() else None
