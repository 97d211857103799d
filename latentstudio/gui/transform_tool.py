"""Moving and turning the picture with the mouse, for generators that can.

Owns the sheet that lies over the canvas while the tool is active: its gestures and its ring. Knows no
document. GUI thread.
"""

from __future__ import annotations

import math

from PySide6.QtCore import QEvent, QObject, QPointF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from latentstudio.document.recipe import Transform
from latentstudio.gui.canvas import Canvas
from latentstudio.gui.theme import tokens

RING = 0.3  # radius, in shorter sides of the picture
NEAR_PX = 12
CATCH_DEG = 2.0


class TransformTool(QWidget):
    """Lies over a canvas: drag moves, the ring or Shift turns.

    Signals:
        moved(Transform): a person moved it; more may follow.
        finished(), aborted(): the hand let go; Esc while it was held.
        reset_wanted(): a double click.
        left(): Esc while nothing was held.
    """

    moved = Signal(object)
    finished = Signal()
    aborted = Signal()
    reset_wanted = Signal()
    left = Signal()

    def __init__(self, canvas: Canvas) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._transform = Transform()
        self._start: Transform | None = None  # where the drag under way began
        self._grip = QPointF()
        self._turns = False
        self._near_ring = False
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Move and turn the picture")
        self.setGeometry(canvas.rect())
        canvas.installEventFilter(self)
        canvas.zoom_changed.connect(self.update)
        self._show_cursor()

    @property
    def is_held(self) -> bool:
        """Whether a drag is under way."""
        return self._start is not None

    def set_transform(self, transform: Transform) -> None:
        """Show where the picture is; says nothing."""
        if transform != self._transform:
            self._transform = transform
            self.update()

    def centre(self) -> QPointF:
        """Where the middle of the moved picture stands."""
        place = self._canvas.place()
        t = self._transform
        return place.center() + QPointF(t.x * place.width(), t.y * place.height())

    def knob(self) -> QPointF:
        """The knob on the ring; it stands above the middle when nothing is turned."""
        angle = math.radians(self._transform.angle_deg)
        # The published matrix turns against the clock for a positive angle.
        return self.centre() + QPointF(-math.sin(angle), -math.cos(angle)) * self._radius

    # --- hand -----------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Hold the picture, or its ring."""
        if event.button() != Qt.MouseButton.LeftButton:
            event.ignore()  # the canvas pans with the middle button
            return
        self._start, self._grip = self._transform, event.position()
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        self._turns = shift or self._is_near_ring(event.position())
        self._show_cursor()
        self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Follow the hand."""
        here = event.position()
        if self._start is None:
            near = self._is_near_ring(here)
            if near != self._near_ring:
                self._near_ring = near
                self._show_cursor()
                self.update()
            event.ignore()
            return
        start, place = self._start, self._canvas.place()
        if self._turns:
            centre = self.centre()
            turned = math.degrees(_angle(centre, self._grip) - _angle(centre, here))
            angle = (start.angle_deg + turned + 180) % 360 - 180
            # Upright and the quarters are easy to find again; Ctrl goes in steps of 15 degrees.
            if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
                angle = round(angle / 15) * 15
            quarter = round(angle / 90) * 90
            angle = quarter if abs(angle - quarter) < CATCH_DEG else round(angle, 1)
            self._transform = Transform(start.x, start.y, float(angle))
        else:
            moved = here - self._grip
            x, y = start.x + moved.x() / place.width(), start.y + moved.y() / place.height()
            self._transform = Transform(round(x, 3), round(y, 3), start.angle_deg)
        self.update()
        self.moved.emit(self._transform)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        if self._start is None or event.button() != Qt.MouseButton.LeftButton:
            event.ignore()
            return
        self._let_go()
        self.finished.emit()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Back to where the model puts it."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._let_go()
            self.reset_wanted.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows move by a hundredth, with Shift by a tenth of it; Esc takes back, or leaves the tool."""
        key = Qt.Key(event.key())
        steps = {
            Qt.Key.Key_Left: (-1, 0),
            Qt.Key.Key_Right: (1, 0),
            Qt.Key.Key_Up: (0, -1),
            Qt.Key.Key_Down: (0, 1),
        }
        if key == Qt.Key.Key_Escape:
            held = self.is_held
            self._let_go()
            (self.aborted if held else self.left).emit()
        elif key in steps:
            step = 0.001 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 0.01
            t, (right, down) = self._transform, steps[key]
            moved = Transform(round(t.x + right * step, 3), round(t.y + down * step, 3), t.angle_deg)
            self._transform = moved
            self.update()
            self.moved.emit(moved)
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """A key that was held is one edit."""
        if not event.isAutoRepeat() and not self.is_held:
            self.finished.emit()
        super().keyReleaseEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Cover the canvas at any size."""
        if event.type() == QEvent.Type.Resize:
            self.setGeometry(self._canvas.rect())
        return super().eventFilter(watched, event)

    # --- drawing --------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """The ring, its knob, a cross in the middle."""
        if self._canvas.image.isNull():
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        turning = self._near_ring or (self.is_held and self._turns)
        centre, knob, radius = self.centre(), self.knob(), self._radius
        # A dark line below a light one can be seen on any picture.
        for color, width in ((QColor(0, 0, 0, 110), 3.5), (QColor(255, 255, 255, 220), 1.5)):
            painter.setPen(QPen(tokens().color("accent") if turning and width < 2 else color, width))
            painter.drawEllipse(centre, radius, radius)
            painter.setPen(QPen(color, width))
            painter.drawLine(centre - QPointF(7, 0), centre + QPointF(7, 0))
            painter.drawLine(centre - QPointF(0, 7), centre + QPointF(0, 7))
        painter.setPen(QPen(QColor(0, 0, 0, 140), 1.5))
        painter.setBrush(tokens().color("accent") if turning else QColor(255, 255, 255))
        painter.drawEllipse(knob, 7, 7)

    # --- inside ---------------------------------------------------------------------------------

    @property
    def _radius(self) -> float:
        place = self._canvas.place()
        return RING * min(place.width(), place.height())

    def _is_near_ring(self, point: QPointF) -> bool:
        away = point - self.centre()
        return abs(math.hypot(away.x(), away.y()) - self._radius) < NEAR_PX

    def _let_go(self) -> None:
        self._start, self._turns = None, False
        self._show_cursor()
        self.update()

    def _show_cursor(self) -> None:
        shape = Qt.CursorShape.SizeAllCursor
        if self._near_ring or self._turns:
            shape = Qt.CursorShape.ClosedHandCursor if self.is_held else Qt.CursorShape.OpenHandCursor
        self.setCursor(shape)


def _angle(centre: QPointF, point: QPointF) -> float:
    """Against the clock as seen, in radians."""
    return math.atan2(point.y() - centre.y(), point.x() - centre.x())
