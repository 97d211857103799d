"""Painting a mask on the picture: brush, eraser, soft edge.

Owns the strokes and the veil that shows them; what the mask is for belongs to whoever listens. GUI
thread.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, Qt, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent

from latentstudio.document.mask import Mask
from latentstudio.gui.canvas import Canvas
from latentstudio.gui.canvas_sheet import CanvasSheet
from latentstudio.gui.theme import tokens

# Finer than a small picture, so that a stroke looks round; a large picture needs no finer one.
LEAST_SIDE, MOST_SIDE = 256, 512
VEIL = 0.42


class MaskBrush(CanvasSheet):
    """A sheet to paint on; the right button, or Alt, erases.

    Signals:
        stroked(): a stroke under way went on.
        painted(): a stroke is finished.
        aborted(): Esc took the stroke under way back.
        left(): Esc while no stroke is under way.
        size_changed(float): Ctrl and the wheel made the brush larger or smaller.
    """

    stroked = Signal()
    painted = Signal()
    aborted = Signal()
    left = Signal()
    size_changed = Signal(float)

    def __init__(self, canvas: Canvas) -> None:
        super().__init__(canvas, "Paint a mask")
        self._levels = np.zeros((LEAST_SIDE, LEAST_SIDE), np.float32)
        self._before: NDArray[np.float32] | None = None  # what a stroke under way began with
        self._last = QPointF()
        self._here: QPointF | None = None
        self._erases_now = False
        self.erases = False
        self.radius = 0.08  # in longer sides of the picture
        self.softness = 0.4  # how much of the radius falls off
        self.color = "accent"
        self.shows_always = True  # or only while the pointer is over the picture
        self.setCursor(Qt.CursorShape.BlankCursor)

    @property
    def painted_mask(self) -> Mask:
        """What is painted."""
        return Mask(np.clip(self._levels, 0, 1))

    def set_size(self, height: int, width: int) -> None:
        """Begin with an empty mask for a picture of this size, in its own pixels."""
        longer = max(height, width)
        side = min(max(longer, LEAST_SIDE), MOST_SIDE)
        shape = (max(1, round(height * side / longer)), max(1, round(width * side / longer)))
        self._levels = np.zeros(shape, np.float32)
        self._before = None
        self.update()

    def set_mask(self, mask: Mask | None) -> None:
        """Show a mask, whatever its size; says nothing."""
        if self._before is not None:
            return
        if mask is None:
            self._levels = np.zeros_like(self._levels)
        else:
            self._levels = mask.shares.copy()
        self.update()

    # --- hand -----------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a stroke."""
        button = event.button()
        if button not in (Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton) or not self.has_picture():
            event.ignore()
            return
        self.setFocus()
        alt = bool(event.modifiers() & Qt.KeyboardModifier.AltModifier)
        self._erases_now = self.erases or alt or button == Qt.MouseButton.RightButton
        self._before = self._levels.copy()
        self._last = self.share_at(event.position())
        self._stroke(self._last)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Paint on."""
        self._here = event.position()
        if self._before is None:
            event.ignore()
        else:
            self._stroke(self.share_at(self._here))
            self.stroked.emit()
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """The stroke is done."""
        if self._before is None:
            event.ignore()
            return
        self._before = None
        self.painted.emit()

    def leaveEvent(self, event: QEvent) -> None:
        """No ring where there is no pointer."""
        self._here = None
        self.update()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Ctrl and the wheel change the brush; the wheel alone zooms."""
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.radius = min(max(self.radius * 1.15 ** (event.angleDelta().y() / 120), 0.005), 0.5)
            self.size_changed.emit(self.radius)
            self.update()
            event.accept()
        else:
            event.ignore()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc takes back the stroke under way, or leaves the brush."""
        if event.key() != Qt.Key.Key_Escape:
            super().keyPressEvent(event)
        elif self._before is not None:
            self._levels, self._before = self._before, None
            self.update()
            self.aborted.emit()
        else:
            self.left.emit()

    # --- painting -------------------------------------------------------------------------------

    def _stroke(self, share: QPointF) -> None:
        """Stamp the brush along the way from the last place."""
        height, width = self._levels.shape
        longer = max(height, width)
        radius = max(self.radius * longer, 0.75)
        start = np.array([self._last.x() * width, self._last.y() * height])
        end = np.array([share.x() * width, share.y() * height])
        count = max(1, int(np.ceil(np.linalg.norm(end - start) / max(radius / 4, 1.0))))
        for i in range(1, count + 1):
            self._stamp(start + (end - start) * i / count, radius)
        self._last = share
        self.update()

    def _stamp(self, centre: NDArray[np.float64], radius: float) -> None:
        height, width = self._levels.shape
        x0, x1 = max(0, int(centre[0] - radius - 1)), min(width, int(centre[0] + radius + 2))
        y0, y1 = max(0, int(centre[1] - radius - 1)), min(height, int(centre[1] + radius + 2))
        if x0 >= x1 or y0 >= y1:
            return
        x, y = np.arange(x0, x1) + 0.5 - centre[0], np.arange(y0, y1) + 0.5 - centre[1]
        away = np.sqrt(x[None] ** 2 + y[:, None] ** 2)
        edge = max(radius * self.softness, 1.0)
        share = np.clip((radius - away) / edge + (0.5 if edge == 1 else 0.0), 0, 1)
        stamp = (share * share * (3 - 2 * share)).astype(np.float32)
        area = self._levels[y0:y1, x0:x1]
        # The stronger of stroke and mask, so that crossing one's own stroke leaves no seam.
        self._levels[y0:y1, x0:x1] = (
            np.minimum(area, 1 - stamp) if self._erases_now else np.maximum(area, stamp)
        )

    # --- drawing --------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """The veil, and the brush as a ring."""
        if not self.has_picture():
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._levels.any() and (self.shows_always or self._here is not None):
            painter.drawImage(self.place(), self._veil())
        if self._here is None:
            return
        place = self.place()
        radius = self.radius * max(place.width(), place.height())
        inner = radius * (1 - self.softness)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for color, width in ((QColor(0, 0, 0, 130), 3.0), (QColor(255, 255, 255, 230), 1.3)):
            painter.setPen(QPen(color, width))
            painter.drawEllipse(self._here, radius, radius)
        if self.softness > 0.05 and inner > 2:
            painter.setPen(QPen(QColor(255, 255, 255, 130), 1, Qt.PenStyle.DashLine))
            painter.drawEllipse(self._here, inner, inner)

    def _veil(self) -> QImage:
        color = tokens().color(self.color)
        alpha = np.clip(self._levels * (255 * VEIL), 0, 255)
        pixels = np.empty((*self._levels.shape, 4), np.uint8)
        # Qt wants colours multiplied by their opacity, in the order blue, green, red, alpha.
        for i, value in enumerate((color.blue(), color.green(), color.red())):
            pixels[..., i] = alpha * (value / 255)
        pixels[..., 3] = alpha
        height, width = self._levels.shape
        image = QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_ARGB32_Premultiplied)
        return image.copy()
