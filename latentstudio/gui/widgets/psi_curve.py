"""A psi for each layer, as a curve that a hand draws.

Owns the gesture and the drawing; what the numbers mean belongs to whoever listens. GUI thread.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QHelpEvent,
    QHideEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from latentstudio.gui.theme import figures, tokens
from latentstudio.gui.words import plain

TOP = 1.5  # psi at the upper edge
LEFT_PX, FOOT_PX, HEAD_PX = 26, 18, 6
FINE = 0.1


class PsiCurve(QWidget):
    """One point a layer; drag a point, or draw across several.

    Signals:
        curve_edited(object): a person moved it: a tuple of floats, one for each layer.
        edit_finished(): the hand let go.
        edit_aborted(): Esc while it was held.
        reset_wanted(): a double click.
    """

    curve_edited = Signal(object)
    edit_finished = Signal()
    edit_aborted = Signal()
    reset_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._sides: tuple[int, ...] = ()
        self._values: tuple[float, ...] = ()
        self._is_own = False
        self._point: int | None = None  # the one that is held
        self._last: QPointF | None = None
        self._under: int | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setMouseTracking(True)
        self.setAccessibleName("Truncation psi by layer")

    @property
    def values(self) -> tuple[float, ...]:
        """The numbers shown."""
        return self._values

    @property
    def is_held(self) -> bool:
        """Whether a drag is under way."""
        return self._point is not None

    def set_layers(self, sides_px: Sequence[int]) -> None:
        """One point for each row of ws, with its resolution."""
        self._sides = tuple(sides_px)
        self._values = (1.0,) * len(self._sides)
        self.update()

    def set_curve(self, values: Sequence[float], *, is_own: bool) -> None:
        """Show numbers; `is_own` says that they differ from layer to layer by choice."""
        if len(values) == len(self._sides) and (tuple(values), is_own) != (self._values, self._is_own):
            self._values, self._is_own = tuple(values), is_own
            self.update()

    def place_of(self, index: int) -> QPointF:
        """Where a point stands."""
        return QPointF(self._x(index), self._y(self._values[index]))

    def sizeHint(self) -> QSize:
        """Wide as there is room."""
        return QSize(240, 132)

    # --- hand -----------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take the nearest point."""
        if event.button() == Qt.MouseButton.LeftButton and self._sides:
            self._point, self._last = self._nearest(event.position().x()), event.position()
            # A press on a point holds it; a press elsewhere brings it there.
            if (event.position() - self.place_of(self._point)).manhattanLength() > 12:
                self._set(self._point, self._value_at(event.position().y()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Draw: every point that is passed takes the hand's height; with Shift one point, finely."""
        here = event.position()
        if self._point is None or self._last is None:
            under = self._nearest(here.x()) if self._sides else None
            if under != self._under:
                self._under = under
                self.update()
            return
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            moved = (self._last.y() - here.y()) / self._height_px * TOP * FINE
            self._last = here
            self._set(self._point, round(min(max(self._values[self._point] + moved, 0), TOP), 3))
            return
        # The hand is faster than its events: what lies between two of them is drawn, too.
        first, last = self._point, self._nearest(here.x())
        values = list(self._values)
        start, end = self._last.y(), here.y()
        for index in range(min(first, last), max(first, last) + 1):
            share = 1.0 if first == last else abs(index - first) / abs(last - first)
            values[index] = self._value_at(start + share * (end - start))
        self._point, self._last, self._under = last, here, last
        self._change(tuple(values))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        if self._point is not None:
            self._point = self._last = None
            self.edit_finished.emit()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Flat again."""
        self._point = self._last = None
        self.reset_wanted.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """The scroll area's; a curve has no one value to turn."""
        event.ignore()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and right choose a point, up and down move it, Esc takes a drag back."""
        key = Qt.Key(event.key())
        steps = {Qt.Key.Key_Up: 0.05, Qt.Key.Key_Down: -0.05}
        if key == Qt.Key.Key_Escape and self._point is not None:
            self._point = self._last = None
            self.edit_aborted.emit()
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Right) and self._sides:
            step = 1 if key == Qt.Key.Key_Right else -1
            under = 0 if self._under is None else self._under + step
            self._under = min(max(under, 0), len(self._sides) - 1)
            self.update()
        elif key in steps and self._sides:
            index = self._under = self._under or 0
            self._set(index, round(min(max(self._values[index] + steps[key], 0), TOP), 3))
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.reset_wanted.emit()
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """A key that was held is one edit."""
        if not event.isAutoRepeat() and self._point is None:
            self.edit_finished.emit()
        super().keyReleaseEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        """Nothing under the pointer."""
        if self._point is None:
            self._under = None
            self.update()
        super().leaveEvent(event)

    def hideEvent(self, event: QHideEvent) -> None:
        """A curve that goes away lets go."""
        if self._point is not None:
            self._point = self._last = None
            self.edit_finished.emit()
        super().hideEvent(event)

    def event(self, event: QEvent) -> bool:
        """Say which layer is under the pointer."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip and self._sides:
            index = self._nearest(event.pos().x())
            words = f"Layer {index}, {self._sides[index]} px: psi {plain(self._values[index])}"
            QToolTip.showText(event.globalPos(), words, self)
            return True
        return super().event(event)

    # --- drawing --------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Grid, curve, points, resolutions."""
        if not self._sides:
            return
        t = tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = figures(self.font())
        font.setPixelSize(11)
        painter.setFont(font)
        for psi in (0.0, 0.5, 1.0, 1.5):
            y = round(self._y(psi)) + 0.5
            painter.setPen(QPen(t.color("muted" if psi == 1 else "line", 0.6 if psi == 1 else 1), 1))
            painter.drawLine(QPointF(LEFT_PX, y), QPointF(self.width(), y))
            painter.setPen(t.color("muted"))
            middle = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            painter.drawText(QRectF(0, y - 8, LEFT_PX - 7, 16), middle, plain(psi))
        points = [self.place_of(i) for i in range(len(self._sides))]
        colour = t.color("accent" if self._is_own else "muted")
        if self._is_own:
            area = QPainterPath(QPointF(points[0].x(), self._y(0)))
            for point in points:
                area.lineTo(point)
            area.lineTo(QPointF(points[-1].x(), self._y(0)))
            painter.fillPath(area, t.color("accent", 0.12))
        painter.setPen(QPen(colour, 1.75))
        painter.drawPolyline(points)
        radius = 3.5 if len(points) <= 20 else 2.5
        for i, point in enumerate(points):
            held = i == self._point or (i == self._under and (self.underMouse() or self.hasFocus()))
            painter.setPen(QPen(t.color("panel"), 1.5))
            painter.setBrush(t.color("knob") if held else colour)
            painter.drawEllipse(point, radius + 2 * held, radius + 2 * held)
        self._paint_sides(painter)

    def _paint_sides(self, painter: QPainter) -> None:
        painter.setPen(tokens().color("muted"))
        free = 0.0
        for i, side in enumerate(self._sides):
            if i and side == self._sides[i - 1]:
                continue
            same = next((j for j in range(i, len(self._sides)) if self._sides[j] != side), len(self._sides))
            words = str(side)
            width = painter.fontMetrics().horizontalAdvance(words)
            x = (self._x(i) + self._x(same - 1)) / 2 - width / 2
            x = min(x, self.width() - width)
            if x >= free:
                place = QRectF(x, self.height() - FOOT_PX + 4, width + 1, FOOT_PX - 4)
                painter.drawText(place, int(Qt.AlignmentFlag.AlignCenter), words)
                free = x + width + 8

    # --- inside ---------------------------------------------------------------------------------

    @property
    def _height_px(self) -> float:
        return float(self.height() - FOOT_PX - HEAD_PX)

    def _x(self, index: int) -> float:
        step = (self.width() - LEFT_PX - 16) / max(1, len(self._sides) - 1)
        return LEFT_PX + 8 + index * step

    def _y(self, psi: float) -> float:
        return HEAD_PX + (1 - min(max(psi, 0), TOP) / TOP) * self._height_px

    def _nearest(self, x: float) -> int:
        step = (self.width() - LEFT_PX - 16) / max(1, len(self._sides) - 1)
        return min(max(round((x - LEFT_PX - 8) / max(step, 1e-6)), 0), len(self._sides) - 1)

    def _value_at(self, y: float) -> float:
        value = min(max((1 - (y - HEAD_PX) / self._height_px) * TOP, 0), TOP)
        # A light catch at the lines, so that a hand finds them again.
        return next((line for line in (0.0, 0.5, 1.0) if abs(value - line) < 0.03), round(value, 2))

    def _set(self, index: int, value: float) -> None:
        self._change((*self._values[:index], value, *self._values[index + 1 :]))

    def _change(self, values: tuple[float, ...]) -> None:
        if values != self._values:
            self._values, self._is_own = values, True
            self.update()
            self.curve_edited.emit(values)
