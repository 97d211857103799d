"""The map of latents, drawn: points, pictures by scale, the dot that is the picture on the canvas.

Owns the drawing and the gestures; what a place means belongs to `LatentMap`. GUI thread.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QHelpEvent,
    QHideEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
    QResizeEvent,
    QShowEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QToolTip, QWidget

from latentstudio.gui.latent_map import LatentMap
from latentstudio.gui.latent_map_camera import MapCamera
from latentstudio.gui.latent_map_choice import BY_CLASS
from latentstudio.gui.latent_map_points import PointsLayer
from latentstudio.gui.theme import tokens
from latentstudio.gui.words import plain
from latentstudio.latent.map_layout import enclosed, nearest

POINT_PX = 3.2
DOT_PX = 7.0
GRAB_PX = 12.0
TOUCH_PX = 7.0
ZOOM_STEP = 1.25


class MapView(QWidget):
    """One view of a map.

    Signals:
        selected(object): indices that a stroke enclosed.
        opened(): a double click on the small map.

    Args:
        latent_map: what is shown.
        is_small: a small world: no pictures between points, no lasso, a double click opens the large one.
    """

    selected = Signal(object)
    opened = Signal()

    def __init__(self, latent_map: LatentMap, is_small: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.map, self._is_small = latent_map, is_small
        self.camera = MapCamera()
        self._has_moved = False  # a person chose what is seen: a new map does not fit itself
        self._layer = PointsLayer(1.8 if is_small else POINT_PX)
        self._grip: QPointF | None = None
        self._pressed: QPointF | None = None
        self._walks = False
        self._stroke: list[QPointF] | None = None
        self._selection: NDArray[np.intp] = np.empty(0, np.intp)
        self._outline: NDArray[np.float64] | None = None
        self._under: int | None = None
        self.lasso = False
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAccessibleName("Map of latents")
        self.setMinimumSize(QSize(120, 110) if is_small else QSize(320, 240))
        self._wish = QTimer(self, singleShot=True, interval=60)
        self._wish.timeout.connect(self._want_pictures)
        latent_map.changed.connect(self._take_map)
        latent_map.dot_moved.connect(self.update)
        latent_map.pictures.arrived.connect(lambda _: self.update())
        self._take_map()  # it may be there already

    # --- what is seen ---------------------------------------------------------------------------

    @property
    def selection(self) -> NDArray[np.intp]:
        """What the last stroke enclosed."""
        return self._selection

    def fit(self) -> None:
        """The whole map."""
        self.camera.fit()
        self._has_moved = False
        self._moved()

    def pan_by(self, x: float, y: float) -> None:
        """Move what is seen by pixels."""
        self.camera.pan_by(x, y)
        self._has_moved = True
        self._moved()

    def zoom_at(self, point: QPointF, factor: float) -> None:
        """Nearer or farther, around a point of the widget."""
        self.camera.zoom_at(point, factor)
        self._has_moved = True
        self._moved()

    def shown_pictures(self) -> list[tuple[int, QRectF]]:
        """Samples that show as pictures, and where; none in a small world."""
        return [] if self._is_small else self.camera.shown_pictures()

    def clear_selection(self) -> None:
        """Forget the stroke."""
        self._selection, self._outline = np.empty(0, np.intp), None
        self.update()

    # --- hand -----------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take the dot, begin a stroke, or take hold of the map."""
        point = event.position()
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed = point
            shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            if (self.lasso or shift) and not self._is_small:
                self._stroke = [point]
                return
            dot = self.map.dot
            self._walks = dot is not None and _length(self.camera.widget_point(dot) - point) < GRAB_PX
        if event.button() in (
            Qt.MouseButton.LeftButton,
            Qt.MouseButton.RightButton,
            Qt.MouseButton.MiddleButton,
        ):
            self._grip = point

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Go there, go on with the stroke, or pan."""
        point = event.position()
        if self._stroke is not None:
            self._stroke.append(point)
            self.update()
        elif self._walks and self._grip is not None:
            self.map.go_to(self.camera.map_place(point), "map walk")
        elif self._grip is not None:
            if self._pressed is not None and _length(point - self._pressed) < 4:
                return
            self._pressed = None
            moved, self._grip = point - self._grip, point
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
            self.pan_by(moved.x(), moved.y())
        else:
            self._hover(point)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go: the walk is one edit, the stroke a selection, a click a step."""
        self.unsetCursor()
        stroke, self._stroke = self._stroke, None
        pressed, self._pressed = self._pressed, None
        self._grip = None
        if stroke is not None:
            self._close(stroke)
        elif self._walks:
            self._walks = False
            self.map.studio.document.release()
        elif pressed is not None and event.button() == Qt.MouseButton.LeftButton:
            index = self._at(event.position())
            if index is not None:
                self.map.open_sample(index)
            else:
                self.map.go_to(self.camera.map_place(event.position()))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """The small world opens large; the large one fits."""
        if self._is_small:
            self.opened.emit()
        else:
            self.fit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Nearer or farther."""
        delta = event.angleDelta().y()
        if delta:
            self.zoom_at(event.position(), ZOOM_STEP ** (delta / 120))
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows pan, plus and minus zoom, 0 fits, Esc takes a walk back or drops the selection."""
        steps = {
            Qt.Key.Key_Left: (60, 0),
            Qt.Key.Key_Right: (-60, 0),
            Qt.Key.Key_Up: (0, 60),
            Qt.Key.Key_Down: (0, -60),
        }
        key, middle = event.key(), QPointF(self.rect().center())
        if key in steps:
            self.pan_by(*steps[Qt.Key(key)])
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom_at(middle, ZOOM_STEP)
        elif key == Qt.Key.Key_Minus:
            self.zoom_at(middle, 1 / ZOOM_STEP)
        elif key == Qt.Key.Key_0:
            self.fit()
        elif key == Qt.Key.Key_Escape and self._walks:
            self._walks, self._grip = False, None
            self.map.studio.document.abort()
        elif key == Qt.Key.Key_Escape and (len(self._selection) or self._stroke):
            self._stroke = None
            self.clear_selection()
            self.selected.emit(self._selection)
        else:
            super().keyPressEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        """Nothing is under the pointer."""
        if self._under is not None:
            self._under = None
            self.update()
        super().leaveEvent(event)

    def event(self, event: QEvent) -> bool:
        """Say what is under the pointer."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            index = self._at(QPointF(event.pos()))
            words = "" if index is None else f"Seed {index}"
            value = None if index is None else self.map.colour_of(index)
            if index is not None and value is not None:
                is_class = self.map.choice.colour == BY_CLASS
                words += f", class {value:.0f}" if is_class else f", {plain(value, 3)}"
            QToolTip.showText(event.globalPos(), words, self)
            return True
        return super().event(event)

    # --- drawing --------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Ground, points, pictures, stroke, dot."""
        t = tokens()
        painter = QPainter(self)
        painter.fillRect(self.rect(), t.color("ground"))
        if not len(self.map.points):
            painter.setPen(t.color("muted"))
            words = self.map.words or "The map is being made…"
            painter.drawText(self.rect().adjusted(8, 8, -8, -8), _CENTERED, words)
            return
        layer, origin = self._layer.around(self.map, self.camera, self._selection, self.devicePixelRatioF())
        offset = self.camera.widget_point((origin.x(), origin.y()))
        size = layer.deviceIndependentSize()
        painter.drawPixmap(offset - QPointF(size.width() / 2, size.height() / 2), layer)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        self._paint_pictures(painter)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_stroke(painter)
        self._paint_dot(painter)

    def _paint_pictures(self, painter: QPainter) -> None:
        t = tokens()
        for index, place in self.shown_pictures():
            picture = self.map.pictures.find(index)
            if picture is None:
                continue
            target = place.toRect()
            painter.drawPixmap(target, picture)
            if index == self._under:
                painter.setPen(QPen(t.color("accent"), 2))
                painter.drawRect(target)

    def _paint_stroke(self, painter: QPainter) -> None:
        t = tokens()
        shown: list[QPointF] | None = self._stroke
        if shown is None and self._outline is not None:
            shown = [self.camera.widget_point((x, y)) for x, y in self._outline]
        if shown:
            painter.setPen(QPen(t.color("second"), 1.5))
            painter.setBrush(t.color("second", 0.12))
            painter.drawPolygon(QPolygonF(shown))

    def _paint_dot(self, painter: QPainter) -> None:
        if self.map.dot is None:
            return
        t = tokens()
        place = self.camera.widget_point(self.map.dot)
        inner = QRectF(self.rect()).adjusted(6, 6, -6, -6)
        is_seen = inner.contains(place)
        # Off the view the dot waits at its edge, hollow: one sees which way it is.
        place = QPointF(
            min(max(place.x(), inner.left()), inner.right()), min(max(place.y(), inner.top()), inner.bottom())
        )
        size = DOT_PX if not self._is_small else 5.0
        painter.setPen(QPen(t.color("ground"), 2) if is_seen else QPen(t.color("accent"), 2))
        painter.setBrush(t.color("accent") if is_seen else t.color("ground"))
        painter.drawEllipse(place, size, size)
        if is_seen:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(t.color("accent"), 1.2))
            painter.drawEllipse(place, size + 3, size + 3)

    # --- inside ---------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        """A map that fits keeps fitting."""
        super().resizeEvent(event)
        self.camera.size = QSize(event.size())  # the event owns its own
        if not self._has_moved:
            self.fit()

    def showEvent(self, event: QShowEvent) -> None:
        """Somebody looks."""
        super().showEvent(event)
        self.map.want()
        self._wish.start()

    def hideEvent(self, event: QHideEvent) -> None:
        """Nobody looks: what is not drawn yet need not be."""
        if not self._is_small:
            self.map.pictures.want([])
        super().hideEvent(event)

    def _take_map(self) -> None:
        if self.camera.points is not self.map.points:
            # What was enclosed lies elsewhere now.
            self._selection, self._outline = np.empty(0, np.intp), None
            self.camera.set_points(self.map.points)
        if not self._has_moved:
            self.fit()
        self._wish.start()
        self.update()

    def _moved(self) -> None:
        self._wish.start()
        self.update()

    def _want_pictures(self) -> None:
        """Ask for the pictures that can be seen, those in the middle first."""
        if not self.isVisible() or self._is_small:
            return
        middle = QPointF(self.rect().center())
        shown = sorted(self.shown_pictures(), key=lambda pair: _length(pair[1].center() - middle))
        self.map.pictures.want([index for index, _ in shown])

    def _at(self, point: QPointF) -> int | None:
        for index, place in reversed(self.shown_pictures()):
            if place.contains(point) and self.map.pictures.find(index) is not None:
                return index
        return nearest(self.map.points, self.camera.map_place(point), TOUCH_PX / self.camera.scale)

    def _hover(self, point: QPointF) -> None:
        under = self._at(point)
        if under != self._under:
            self._under = under
            self.setCursor(
                Qt.CursorShape.PointingHandCursor if under is not None else Qt.CursorShape.ArrowCursor
            )
            self.update()

    def _close(self, stroke: list[QPointF]) -> None:
        outline = np.array([self.camera.map_place(point) for point in stroke])
        found = enclosed(self.map.points, outline) if len(outline) > 2 else np.empty(0, np.intp)
        self._outline = outline if len(found) else None
        self._selection = found
        self.update()
        self.selected.emit(found)


_CENTERED = int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap)


def _length(vector: QPointF) -> float:
    return math.hypot(vector.x(), vector.y())
