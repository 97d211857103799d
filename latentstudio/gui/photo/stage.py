"""The photograph over the canvas, with the frame that a hand moves.

Owns the drawing of photograph, frame, faces and points, and their gestures. Knows neither desk nor document.
GUI thread.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPolygonF,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from latentstudio.gui.canvas import Canvas
from latentstudio.gui.theme import tokens

Quad = NDArray[np.float64]
MARGIN_PX, NEAR_PX, HANDLE_PX, KNOB_PX = 40, 14, 6, 26
MAX_SCALE = 16.0  # screen pixels a photo pixel
SMALLEST = 0.02  # of the photograph's shorter side
POINTS = ("Left eye", "Right eye", "Mouth")
FRAME, DOTS = "frame", "dots"


class PhotoStage(QWidget):
    """Covers a canvas while a frame is chosen.

    Signals:
        quad_edited(object): the hand moved the frame: float64 (4, 2) in photo pixels.
        points_edited(object): the hand moved a point: float64 (3, 2).
        face_chosen(int): a person clicked a face.
        reset_wanted(): a double click.
        left(): Esc or Enter.
    """

    quad_edited = Signal(object)
    points_edited = Signal(object)
    face_chosen = Signal(int)
    reset_wanted = Signal()
    left = Signal()

    def __init__(self, canvas: Canvas) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._image = QImage()
        self._size = (1, 1)  # of the photograph, (height, width)
        self._quad: Quad | None = None
        self._points: Quad | None = None
        self._boxes: list[Quad] = []
        self._chosen_face: int | None = None
        self._kind = FRAME
        self._held: str | int | None = None
        self._grip = QPointF()
        self._start: Quad | None = None
        self._under: str | int | None = None
        self._view: tuple[float, Quad] | None = None  # scale and middle; None shows the whole photograph
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAccessibleName("The photo and its frame")
        self.setGeometry(canvas.rect())
        canvas.installEventFilter(self)

    # --- what is shown --------------------------------------------------------------------------

    def set_photo(self, image: QImage, size: tuple[int, int]) -> None:
        """Show a photograph of (height, width) by a picture of it, which may be smaller."""
        if size != self._size:
            self._view = None
        self._image, self._size = image, size
        self.update()

    def set_frame(self, quad: Quad | None, points: Quad | None, kind: str) -> None:
        """Show the frame, and in DOTS the points that make it, near enough to be placed."""
        if kind != self._kind:
            self._view = None if kind == FRAME or quad is None else self._near(quad)
        self._quad, self._points, self._kind = quad, points, kind
        self.update()

    def set_faces(self, boxes: Sequence[Quad], chosen: int | None) -> None:
        """Show faces by their boxes (4,)."""
        self._boxes, self._chosen_face = list(boxes), chosen
        self.update()

    @property
    def place(self) -> QRectF:
        """Where the photograph lies."""
        height, width = self._size
        scale, middle = self._view or (self._whole_scale(), np.array([width / 2, height / 2]))
        left, top = self.width() / 2 - middle[0] * scale, self.height() / 2 - middle[1] * scale
        return QRectF(left, top, width * scale, height * scale)

    def _whole_scale(self) -> float:
        height, width = self._size
        room_w, room_h = max(16, self.width() - 2 * MARGIN_PX), max(16, self.height() - 2 * MARGIN_PX)
        return min(room_w / width, room_h / height)

    def _near(self, quad: Quad) -> tuple[float, Quad]:
        """A view in which a frame fills most of the room, or of the whole photograph where that is nearer."""
        reach = float(np.ptp(quad, axis=0).max())
        scale = 0.8 * min(self.width(), self.height()) / max(reach, 1.0)
        return max(scale, self._whole_scale()), quad.mean(0)

    def zoom_at(self, point: QPointF, factor: float) -> None:
        """Nearer or farther, with what is under the point where it is; the whole photograph at the least."""
        there, scale = self.in_photo(point), self._scale * factor
        if scale <= self._whole_scale():
            self._view = None
        else:
            scale = min(scale, MAX_SCALE)
            away = np.array([point.x() - self.width() / 2, point.y() - self.height() / 2])
            middle = there - away / scale
            self._view = (scale, np.clip(middle, 0, [self._size[1], self._size[0]]))
        self.update()

    def on_screen(self, point: Quad) -> QPointF:
        """Where a place of the photograph is on the widget."""
        place, scale = self.place, self._scale
        return QPointF(place.left() + point[0] * scale, place.top() + point[1] * scale)

    def in_photo(self, point: QPointF) -> Quad:
        """What of the photograph is at a place of the widget."""
        place, scale = self.place, self._scale
        return np.array([(point.x() - place.left()) / scale, (point.y() - place.top()) / scale])

    def knob(self) -> QPointF | None:
        """The handle that turns the frame."""
        if self._quad is None or self._kind != FRAME:
            return None
        top, up = (self._quad[0] + self._quad[3]) / 2, self._quad[0] - self._quad[1]
        length = float(np.hypot(*up)) or 1.0
        return self.on_screen(top + up / length * KNOB_PX / self._scale)

    @property
    def _scale(self) -> float:
        return self.place.width() / self._size[1]

    # --- hand -----------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take a corner, the knob, a point, or the frame as a whole; a face is chosen."""
        if event.button() != Qt.MouseButton.LeftButton:
            return
        here = event.position()
        self._held = self._what(here)
        self._grip = here
        self._start = self._points if self._kind == DOTS else self._quad
        if self._held is None:
            face = self._face_at(here)
            if face is not None:
                self.face_chosen.emit(face)
        self._show_cursor()
        self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Follow the hand."""
        here = event.position()
        if self._held is None or self._start is None:
            under = self._what(here)
            if under != self._under:
                self._under = under
                self._show_cursor()
                self.update()
            return
        moved = self.in_photo(here) - self.in_photo(self._grip)
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            moved = moved * 0.1
        if self._kind == DOTS:
            points = self._start.copy()
            points[self._held] += moved  # type: ignore[index]
            self._points = points
            self.points_edited.emit(points)
        elif self._held == "frame":
            self._edit(self._start + moved)
        elif self._held == "knob":
            self._edit(self._turned(here, bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)))
        else:
            assert isinstance(self._held, int)
            self._edit(self._resized(self._held, here))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        self._held = self._start = None
        self._show_cursor()
        self.update()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """The frame as it was at first."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._held = self._start = None
            self._view = None
            self.reset_wanted.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """A larger or smaller frame; with Ctrl, or among points, the photograph nearer or farther."""
        zooms = self._kind == DOTS or event.modifiers() & Qt.KeyboardModifier.ControlModifier
        if zooms:
            self.zoom_at(event.position(), 1.2 ** (event.angleDelta().y() / 120))
        elif self._quad is not None and event.angleDelta().y():
            middle = self._quad.mean(0)
            self._edit(middle + (self._quad - middle) * 1.04 ** (-event.angleDelta().y() / 120))
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows move the frame by a hundredth of itself, with Shift by a tenth of that."""
        key = Qt.Key(event.key())
        steps = {
            Qt.Key.Key_Left: (-1, 0),
            Qt.Key.Key_Right: (1, 0),
            Qt.Key.Key_Up: (0, -1),
            Qt.Key.Key_Down: (0, 1),
        }
        if key in (Qt.Key.Key_Escape, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.left.emit()
        elif key in steps and self._quad is not None and self._kind == FRAME:
            fine = 0.1 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1.0
            side = float(np.hypot(*(self._quad[3] - self._quad[0])))
            self._edit(self._quad + np.array(steps[key]) * side * 0.01 * fine)
        else:
            super().keyPressEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Cover the canvas at any size."""
        if event.type() == QEvent.Type.Resize:
            self.setGeometry(self._canvas.rect())
        return super().eventFilter(watched, event)

    # --- gestures in photo pixels ---------------------------------------------------------------

    def _resized(self, corner: int, here: QPointF) -> Quad:
        """The frame with a corner at the hand, its aspect kept, the opposite corner where it is."""
        assert self._start is not None
        fixed, taken = self._start[(corner + 2) % 4], self._start[corner]
        diagonal = taken - fixed
        share = float((self.in_photo(here) - fixed) @ diagonal / (diagonal @ diagonal))
        least = SMALLEST * min(self._size) / (float(np.hypot(*diagonal)) / math.sqrt(2))
        quad: Quad = fixed + (self._start - fixed) * max(share, least)
        return quad

    def _turned(self, here: QPointF, in_steps: bool) -> Quad:
        """The frame turned so that its knob follows the hand; upright is easy to find."""
        assert self._start is not None
        middle = self._start.mean(0)
        before, now = self.in_photo(self._grip) - middle, self.in_photo(here) - middle
        angle = math.atan2(now[1], now[0]) - math.atan2(before[1], before[0])
        across = self._start[3] - self._start[0]
        there = math.degrees(math.atan2(across[1], across[0]) + angle)
        step = 15 if in_steps else 90
        nearest = round(there / step) * step
        if in_steps or abs(there - nearest) < 1.5:
            angle += math.radians(nearest - there)
        turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
        quad: Quad = middle + (self._start - middle) @ turn
        return quad

    def _edit(self, quad: Quad) -> None:
        """The frame where it is, unless its middle has left the photograph."""
        height, width = self._size
        middle = quad.mean(0)
        quad = quad + np.clip(middle, 0, [width, height]) - middle
        self._quad = quad
        self.update()
        self.quad_edited.emit(quad)

    def _what(self, here: QPointF) -> str | int | None:
        """What the hand would take."""
        if self._kind == DOTS:
            near = [] if self._points is None else [self.on_screen(p) for p in self._points]
            return next((i for i, p in enumerate(near) if _distance(p, here) < NEAR_PX), None)
        if self._quad is None:
            return None
        knob = self.knob()
        if knob is not None and _distance(knob, here) < NEAR_PX:
            return "knob"
        corners = [self.on_screen(p) for p in self._quad]
        for i, corner in enumerate(corners):
            if _distance(corner, here) < NEAR_PX:
                return i
        return "frame" if self._outline().containsPoint(here, Qt.FillRule.OddEvenFill) else None

    def _face_at(self, here: QPointF) -> int | None:
        return next((i for i, box in enumerate(self._boxes) if self._face_place(box).contains(here)), None)

    def _face_place(self, box: Quad) -> QRectF:
        return QRectF(self.on_screen(box[:2]), self.on_screen(box[2:]))

    def _outline(self) -> QPolygonF:
        assert self._quad is not None
        return QPolygonF([self.on_screen(p) for p in self._quad])

    def _show_cursor(self) -> None:
        what = self._held if self._held is not None else self._under
        if what is None:
            shape = Qt.CursorShape.ArrowCursor
        elif what == "frame":
            shape = Qt.CursorShape.SizeAllCursor
        elif what == "knob" or self._kind == DOTS:
            held = self._held is not None
            shape = Qt.CursorShape.ClosedHandCursor if held else Qt.CursorShape.OpenHandCursor
        else:
            falling = what in (0, 2)
            shape = Qt.CursorShape.SizeFDiagCursor if falling else Qt.CursorShape.SizeBDiagCursor
        self.setCursor(shape)

    # --- drawing --------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Photograph, veil, frame, faces, points."""
        t = tokens()
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        painter.fillRect(self.rect(), t.color("ground"))
        if self._image.isNull():
            return
        painter.drawImage(self.place, self._image)
        if self._quad is None:
            return
        outline = QPainterPath()
        outline.addPolygon(self._outline())
        outline.closeSubpath()
        outside = QPainterPath()
        outside.addRect(QRectF(self.rect()))
        painter.fillPath(outside.subtracted(outline), t.color("ground", 0.62))
        for i, box in enumerate(self._boxes):
            if i != self._chosen_face and self._kind == FRAME:
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.setPen(QPen(QColor(255, 255, 255, 170), 1.5, Qt.PenStyle.DashLine))
                painter.drawRoundedRect(self._face_place(box), 6, 6)
        painter.strokePath(outline, QPen(QColor(0, 0, 0, 130), 3.5))
        painter.strokePath(outline, QPen(t.color("accent"), 1.5))
        if self._kind == FRAME:
            self._paint_handles(painter)
        else:
            self._paint_points(painter)

    def _paint_handles(self, painter: QPainter) -> None:
        assert self._quad is not None
        knob = self.knob()
        top = self.on_screen((self._quad[0] + self._quad[3]) / 2)
        assert knob is not None
        painter.setPen(QPen(tokens().color("accent"), 1.5))
        painter.drawLine(top, knob)
        for name, at in [("knob", knob), *enumerate(self.on_screen(p) for p in self._quad)]:
            is_warm = name in (self._held, self._under)
            painter.setPen(QPen(QColor(0, 0, 0, 150), 1.5))
            painter.setBrush(tokens().color("accent") if is_warm else QColor(255, 255, 255))
            if name == "knob":
                painter.drawEllipse(at, HANDLE_PX, HANDLE_PX)
            else:
                painter.drawRoundedRect(
                    QRectF(at.x() - HANDLE_PX, at.y() - HANDLE_PX, 2 * HANDLE_PX, 2 * HANDLE_PX), 3, 3
                )

    def _paint_points(self, painter: QPainter) -> None:
        if self._points is None:
            return
        places = [self.on_screen(p) for p in self._points]
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(255, 255, 255, 120), 1, Qt.PenStyle.DashLine))
        painter.drawPolygon(QPolygonF(places))
        font = self.font()
        font.setPixelSize(11)
        painter.setFont(font)
        for i, (at, words) in enumerate(zip(places, POINTS, strict=True)):
            is_warm = i in (self._held, self._under)
            # A ring: what lies under the point must be seen, or nobody could place it.
            for color, width in ((QColor(0, 0, 0, 150), 4.0), (QColor(255, 255, 255), 2.0)):
                painter.setPen(QPen(tokens().color("accent") if is_warm and width < 3 else color, width))
                painter.drawEllipse(at, 8, 8)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(tokens().color("accent"))
            painter.drawEllipse(at, 2, 2)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            line, how = (
                (QRectF(at.x() - 134, at.y() - 8, 120, 16), Qt.AlignmentFlag.AlignRight),
                (QRectF(at.x() + 14, at.y() - 8, 120, 16), Qt.AlignmentFlag.AlignLeft),
                (QRectF(at.x() - 60, at.y() + 12, 120, 16), Qt.AlignmentFlag.AlignHCenter),
            )[i]
            for shift, color in (((1, 1), QColor(0, 0, 0, 190)), ((0, 0), QColor(255, 255, 255))):
                painter.setPen(color)
                painter.drawText(line.translated(*shift), int(how | Qt.AlignmentFlag.AlignVCenter), words)


def _distance(a: QPointF, b: QPointF) -> float:
    return math.hypot(a.x() - b.x(), a.y() - b.y())
