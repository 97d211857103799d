"""Taking hold of points of the picture and showing where they should go.

Owns the points on the canvas, their gestures and their drawing. Moves no latent: that is the panel's
wish and the engine's work. GUI thread.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QApplication

from latentstudio.document.dragging import DragPoint, Point
from latentstudio.gui.canvas import Canvas
from latentstudio.gui.canvas_sheet import CanvasSheet
from latentstudio.gui.theme import tokens

CATCH_PX = 12
DOT_PX, RING_PX = 5.0, 7.5
HANDLE, TARGET = 0, 1


class DragTool(CanvasSheet):
    """Press and pull sets a handle and its target; a click pins a place.

    Signals:
        points_changed(): a person set, moved or removed a point.
        stop_wanted(): Esc.
    """

    points_changed = Signal()
    stop_wanted = Signal()

    def __init__(self, canvas: Canvas) -> None:
        super().__init__(canvas, "Points to drag")
        self._size = (1, 1)  # (width, height) of the picture, in its own pixels
        self._points: list[list[Point]] = []
        self._held: tuple[int, int] | None = None  # which point, and which end of it
        self._pressed = QPointF()
        self._near: tuple[int, int] | None = None
        self.is_busy = False
        self.setCursor(Qt.CursorShape.CrossCursor)

    @property
    def points(self) -> tuple[DragPoint, ...]:
        """The points, in pixels of the picture."""
        return tuple(DragPoint(handle, target) for handle, target in self._points)

    def set_size(self, height: int, width: int) -> None:
        """The picture's own size."""
        self._size = (width, height)

    def set_points(self, points: Sequence[DragPoint]) -> None:
        """Show points; says nothing."""
        self._points = [[p.handle, p.target] for p in points]
        self._held = self._near = None
        self.update()

    def set_handles(self, handles: Sequence[Point]) -> None:
        """Show where the handles are now; says nothing."""
        for point, handle in zip(self._points, handles, strict=False):
            point[HANDLE] = handle
        self.update()

    def screen_point(self, point: Point) -> QPointF:
        """Where on the screen a point of the picture lies."""
        width, height = self._size
        return self.point_at(QPointF((point[0] + 0.5) / width, (point[1] + 0.5) / height))

    # --- hand -----------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold of a point, or of the picture."""
        here = event.position()
        near = self._found(here)
        if event.button() == Qt.MouseButton.RightButton and near is not None and not self.is_busy:
            del self._points[near[0]]
            self._near = None
            self._changed()
            return
        if event.button() != Qt.MouseButton.LeftButton:
            event.ignore()
            return
        self.setFocus()
        if self.is_busy or not self.has_picture():
            return
        if near is None:
            if not self.place().contains(here):
                return
            self._points.append([self._picture_point(here)] * 2)
            near = (len(self._points) - 1, TARGET)
        self._held, self._pressed = near, here
        self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Pull."""
        if self._held is None:
            near = self._found(event.position())
            if near != self._near:
                self._near = near
                self.update()
            event.ignore()
            return
        index, end = self._held
        here = event.position()
        # A hand that clicks trembles a little: such a point is a pin.
        if (here - self._pressed).manhattanLength() < QApplication.startDragDistance():
            return
        self._points[index][end] = self._picture_point(here)
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        if self._held is None or event.button() != Qt.MouseButton.LeftButton:
            event.ignore()
            return
        self._held = None
        self._changed()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc stops; Delete removes the point under the pointer, or the last one."""
        key = event.key()
        if key == Qt.Key.Key_Escape:
            self.stop_wanted.emit()
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace) and self._points and not self.is_busy:
            del self._points[-1 if self._near is None else self._near[0]]
            self._near = None
            self._changed()
        else:
            super().keyPressEvent(event)

    # --- drawing --------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """An arrow from each handle to its target."""
        if not self.has_picture():
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for i, (handle, target) in enumerate(self._points):
            self._paint(painter, self.screen_point(handle), self.screen_point(target), i)

    def _paint(self, painter: QPainter, handle: QPointF, target: QPointF, index: int) -> None:
        t = tokens()
        way = target - handle
        length = math.hypot(way.x(), way.y())
        shade = QColor(0, 0, 0, 130)
        if length > DOT_PX + RING_PX:
            unit = way / length
            start, end = handle + unit * DOT_PX, target - unit * RING_PX
            side = QPointF(-unit.y(), unit.x())
            tip = QPolygonF([end, end - unit * 9 + side * 4, end - unit * 9 - side * 4])
            # A dark line below a light one can be seen on any picture.
            for color, width in ((shade, 4.0), (QColor(255, 255, 255, 235), 1.6)):
                painter.setPen(QPen(color, width, c=Qt.PenCapStyle.RoundCap))
                painter.drawLine(start, end)
                painter.setBrush(color)
                painter.drawPolygon(tip)
        grows = [1.5 if self._near == (index, end) else 0.0 for end in (HANDLE, TARGET)]
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for color, width in ((shade, 4.5), (t.color("second"), 2.2)):
            painter.setPen(QPen(color, width))
            painter.drawEllipse(target, RING_PX + grows[TARGET], RING_PX + grows[TARGET])
        painter.setPen(QPen(shade, 1.5))
        painter.setBrush(t.color("accent"))
        painter.drawEllipse(handle, DOT_PX + grows[HANDLE], DOT_PX + grows[HANDLE])

    # --- inside ---------------------------------------------------------------------------------

    def _found(self, here: QPointF) -> tuple[int, int] | None:
        """The end of a point that the pointer is over; a target before the handle below it."""
        best, found = float(CATCH_PX), None
        for i, point in enumerate(self._points):
            for end in (TARGET, HANDLE):
                away = self.screen_point(point[end]) - here
                distance = math.hypot(away.x(), away.y())
                if distance < best:
                    best, found = distance, (i, end)
        return found

    def _picture_point(self, here: QPointF) -> Point:
        """A point of the screen in pixels of the picture, kept inside it."""
        share = self.share_at(here)
        width, height = self._size
        x = min(max(share.x() * width - 0.5, 0.0), width - 1.0)
        y = min(max(share.y() * height - 0.5, 0.0), height - 1.0)
        return round(x, 2), round(y, 2)

    def _changed(self) -> None:
        self.update()
        self.points_changed.emit()
