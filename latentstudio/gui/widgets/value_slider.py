"""A slider for a hand: relative drag, fine steps, a coloured part that grows from a mark.

Owns the gesture and the drawing; what the value means belongs to whoever listens. GUI thread.
"""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QEnterEvent,
    QFocusEvent,
    QHideEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from latentstudio.gui.theme import tokens

HANDLE_PX = 14
FINE = 0.1
# A wheel has no release: a pause this long ends the gesture.
WHEEL_PAUSE_MS = 500


class ValueSlider(QWidget):
    """A horizontal slider.

    Signals:
        value_edited(float): a person moved it.
        edit_finished(): the hand let go.
        edit_aborted(): Esc while it was held.
        grabbed(): it became the one in use.

    Args:
        minimum: value at the left end.
        maximum: value at the right end.
        origin: where the coloured part begins and the mark stands.
        rest: value after a double click.
        step: one arrow or wheel step; Shift makes it a tenth.
    """

    value_edited = Signal(float)
    edit_finished = Signal()
    edit_aborted = Signal()
    grabbed = Signal()

    def __init__(
        self,
        minimum: float,
        maximum: float,
        *,
        origin: float = 0.0,
        rest: float = 0.0,
        step: float = 0.1,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._minimum, self._maximum = minimum, maximum
        self._origin, self._rest, self._step = origin, rest, step
        self._value = rest
        self._held: float | None = None  # the unrounded value while the mouse drags
        self._last_x = 0.0
        self._editing = False
        self._pause = QTimer(self, singleShot=True, interval=WHEEL_PAUSE_MS)
        self._pause.timeout.connect(self._finish)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)

    # --- value ----------------------------------------------------------------------------------

    @property
    def value(self) -> float:
        """The present value; it may lie beyond the ends when it was typed."""
        return self._value

    @property
    def rest(self) -> float:
        """The value after a double click."""
        return self._rest

    @property
    def is_held(self) -> bool:
        """Whether a gesture is under way."""
        return self._editing

    def set_value(self, value: float) -> None:
        """Show a value; says nothing."""
        if value != self._value:
            self._value = value
            self.update()

    def set_range(self, minimum: float, maximum: float, rest: float | None = None) -> None:
        """Change the ends, and the resting value."""
        self._minimum, self._maximum = minimum, maximum
        self._rest = self._rest if rest is None else rest
        self.update()

    def position_of(self, value: float) -> QPointF:
        """Where the handle's centre stands for a value."""
        clipped = min(max(value, self._minimum), self._maximum)
        share = (clipped - self._minimum) / (self._maximum - self._minimum)
        return QPointF(HANDLE_PX / 2 + share * self._travel_px, self.height() / 2)

    def reset(self) -> None:
        """Back to the resting value, as one edit."""
        self._edit(self._rest)
        self._finish()

    def sizeHint(self) -> QSize:
        """Wide as there is room, as high as a hand needs."""
        return QSize(160, 22)

    # --- hand -----------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Hold the handle, or bring it to the pointer."""
        if event.button() != Qt.MouseButton.LeftButton:
            return
        self._finish()
        self.grabbed.emit()
        self._last_x = event.position().x()
        self._editing = True
        self._held = min(max(self._value, self._minimum), self._maximum)
        if abs(self._last_x - self.position_of(self._value).x()) > HANDLE_PX / 2 + 2:
            self._held = self._value_at(self._last_x)
            self._edit(self._rounded(self._held, event.modifiers()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Follow the hand; with Shift ten times finer."""
        if self._held is None:
            return
        fine = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        moved = (event.position().x() - self._last_x) * (FINE if fine else 1)
        self._last_x = event.position().x()
        held = self._held + moved / max(1.0, self._travel_px) * (self._maximum - self._minimum)
        # Past the end the handle waits until the hand comes back, as with any slider.
        if not fine:
            held = self._value_at(self._last_x) if not self._minimum <= held <= self._maximum else held
        self._held = min(max(held, self._minimum), self._maximum)
        self._edit(self._rounded(self._held, event.modifiers()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """The hand lets go."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._finish()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Back to rest."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.reset()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """One step a notch."""
        # Some systems turn the wheel sideways while Shift is held.
        delta = event.angleDelta().y() or event.angleDelta().x()
        if delta:
            self.grabbed.emit()
            self._nudge(delta / 120, event.modifiers())
            self._pause.start()
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows step, Home and End go to the ends, Delete rests, Esc takes back."""
        key = event.key()
        steps = {
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Down: -1,
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Up: 1,
            Qt.Key.Key_PageDown: -10,
            Qt.Key.Key_PageUp: 10,
        }
        if key == Qt.Key.Key_Escape and self._editing:
            self._abort()
        elif key in steps:
            self._nudge(steps[Qt.Key(key)], event.modifiers())
        elif key in (Qt.Key.Key_Home, Qt.Key.Key_End):
            self._edit(self._minimum if key == Qt.Key.Key_Home else self._maximum)
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.reset()
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """A key that was held is one edit."""
        if not event.isAutoRepeat() and self._held is None and not self._pause.isActive():
            self._finish()
        super().keyReleaseEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """The one in use."""
        if event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason):
            self.grabbed.emit()
        self.update()
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Whatever was under way is finished."""
        self._finish()
        self.update()
        super().focusOutEvent(event)

    def hideEvent(self, event: QHideEvent) -> None:
        """A slider that goes away lets go."""
        self._finish()
        super().hideEvent(event)

    # --- drawing --------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Track, coloured part, mark, handle."""
        t = tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle, radius = self.height() / 2, HANDLE_PX / 2
        enabled = self.isEnabled()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(t.color("line"))
        painter.drawRoundedRect(QRectF(0, middle - 2, self.width(), 4), 2, 2)
        mark, handle = self.position_of(self._origin), self.position_of(self._value)
        if enabled and abs(handle.x() - mark.x()) > 0.5:
            left, right = sorted((mark.x(), handle.x()))
            painter.setBrush(t.color("accent"))
            painter.drawRoundedRect(QRectF(left, middle - 2, right - left, 4), 1, 1)
        if self._minimum < self._origin < self._maximum:
            painter.setBrush(t.color("muted"))
            painter.drawRect(QRectF(mark.x() - 0.5, middle - 5, 1, 10))
        if self.hasFocus() or self.underMouse():
            painter.setBrush(t.color("accent", 0.28 if self.hasFocus() else 0.18))
            painter.drawEllipse(handle, radius + 3, radius + 3)
        painter.setBrush(t.color("knob" if enabled else "line"))
        painter.setPen(QPen(t.color("panel"), 1))
        painter.drawEllipse(handle, radius - 0.5, radius - 0.5)

    def enterEvent(self, event: QEnterEvent) -> None:
        """Show that it can be held."""
        self.update()
        super().enterEvent(event)

    # --- inside ---------------------------------------------------------------------------------

    @property
    def _travel_px(self) -> float:
        return float(self.width() - HANDLE_PX)

    def _value_at(self, x: float) -> float:
        share = (x - HANDLE_PX / 2) / max(1.0, self._travel_px)
        return self._minimum + min(max(share, 0.0), 1.0) * (self._maximum - self._minimum)

    def _rounded(self, value: float, modifiers: Qt.KeyboardModifier) -> float:
        if modifiers & Qt.KeyboardModifier.ShiftModifier:
            return round(value, 3)
        # A light catch at rest and at the mark, so that a hand finds them again.
        catch = 5 / max(1.0, self._travel_px) * (self._maximum - self._minimum)
        for anchor in (self._rest, self._origin):
            if abs(value - anchor) < catch:
                return anchor
        return round(value, 2)

    def _nudge(self, steps: float, modifiers: Qt.KeyboardModifier) -> None:
        fine = bool(modifiers & Qt.KeyboardModifier.ShiftModifier)
        step = self._step * (FINE if fine else 1)
        value = self._value + steps * step
        if self._minimum <= self._value <= self._maximum:
            value = min(max(value, self._minimum), self._maximum)
        self._edit(round(value, 3))

    def _edit(self, value: float) -> None:
        self._editing = True
        if value != self._value:
            self._value = value
            self.update()
            self.value_edited.emit(value)

    def _finish(self) -> None:
        self._pause.stop()
        self._held = None
        if self._editing:
            self._editing = False
            self.edit_finished.emit()

    def _abort(self) -> None:
        self._pause.stop()
        self._held, self._editing = None, False
        self.edit_aborted.emit()
