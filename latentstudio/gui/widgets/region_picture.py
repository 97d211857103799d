"""A small picture on which a region can be marked.

Owns the drawing and the gesture; what the region is for belongs to whoever listens. GUI thread.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QImage, QKeyEvent, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from latentstudio.gui.theme import tokens

RECTANGLE, ELLIPSE = "rectangle", "ellipse"
SMALLEST = 0.03  # a click is no region


class RegionPicture(QWidget):
    """The picture with a mark, and a veil over it.

    Signals:
        region_marked(): a person marked a region, or took the mark away.
    """

    region_marked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._image: QImage | None = None
        self._veil: QImage | None = None
        self._shape = RECTANGLE
        self._region: QRectF | None = None  # in shares of the picture's width and height
        self._before: QRectF | None = None
        self._pressed: QPointF | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(204)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setToolTip("Drag to mark a region; a click takes the mark away")
        self.setAccessibleName("The picture, to mark a region on")

    @property
    def region(self) -> QRectF | None:
        """What is marked, in shares of the picture's width and height."""
        return self._region

    @property
    def shape_name(self) -> str:
        """RECTANGLE or ELLIPSE."""
        return self._shape

    def set_image(self, image: QImage | None) -> None:
        """Show a picture."""
        self._image = image
        self.update()

    def set_veil(self, veil: QImage | None) -> None:
        """Lay something half transparent over it."""
        self._veil = veil
        self.update()

    def set_shape(self, shape: str) -> None:
        """Mark with a rectangle or an ellipse from now on; what is marked changes too."""
        self._shape = shape
        self.update()
        if self._region is not None:
            self.region_marked.emit()

    def clear_region(self) -> None:
        """Nothing is marked; says nothing."""
        self._region = None
        self.update()

    def region_mask(self, height: int, width: int) -> NDArray[np.bool_]:
        """The marked region as bool (height, width)."""
        region = self._region
        if region is None:
            return np.zeros((height, width), np.bool_)
        y = ((np.arange(height) + 0.5) / height)[:, None]
        x = ((np.arange(width) + 0.5) / width)[None]
        center = region.center()
        across = np.abs(x - center.x()) / (region.width() / 2)
        down = np.abs(y - center.y()) / (region.height() / 2)
        inside = (across <= 1) & (down <= 1) if self._shape == RECTANGLE else across**2 + down**2 <= 1
        return np.asarray(inside, np.bool_)

    def sizeHint(self) -> QSize:
        """As wide as it is high."""
        return QSize(204, 204)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin to mark."""
        if event.button() == Qt.MouseButton.LeftButton and self._image is not None:
            self._pressed, self._before = self._share(event.position()), self._region
            self._region = None
            self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Mark on."""
        if self._pressed is not None:
            self._region = QRectF(self._pressed, self._share(event.position())).normalized()
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """The region is marked."""
        if self._pressed is None:
            return
        self._pressed = None
        region = self._region
        if region is not None and min(region.width(), region.height()) < SMALLEST:
            self._region = None
        self.update()
        self.region_marked.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc takes back the mark under way."""
        if event.key() == Qt.Key.Key_Escape and self._pressed is not None:
            self._pressed, self._region = None, self._before
            self.update()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Picture, veil, mark."""
        t = tokens()
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        place = self.place()
        path = QPainterPath()
        path.addRoundedRect(place, 6, 6)
        painter.setClipPath(path)
        painter.fillRect(place, t.color("raised"))
        if self._image is not None:
            painter.drawImage(place, self._image)
        if self._veil is not None:
            painter.drawImage(place, self._veil)
        if self._region is None:
            return
        region = self._region
        mark = QRectF(
            place.x() + region.x() * place.width(),
            place.y() + region.y() * place.height(),
            region.width() * place.width(),
            region.height() * place.height(),
        )
        shape = QPainterPath()
        if self._shape == RECTANGLE:
            shape.addRoundedRect(mark, 2, 2)
        else:
            shape.addEllipse(mark)
        painter.fillPath(path - shape, t.color("ground", 0.45 if self._veil is None else 0.0))
        # Dark below light: the mark is seen on any picture.
        painter.strokePath(shape, QPen(t.color("ground", 0.7), 4))
        painter.strokePath(shape, QPen(t.color("accent"), 2))

    def place(self) -> QRectF:
        """Where the picture stands: as large as it fits, at the left."""
        if self._image is None or self._image.isNull():
            side = min(self.width(), self.height())
            return QRectF(0, 0, side, side)
        scale = min(self.width() / self._image.width(), self.height() / self._image.height())
        return QRectF(0, 0, self._image.width() * scale, self._image.height() * scale)

    def _share(self, point: QPointF) -> QPointF:
        place = self.place()
        x, y = point.x() / max(1.0, place.width()), point.y() / max(1.0, place.height())
        return QPointF(min(max(x, 0.0), 1.0), min(max(y, 0.0), 1.0))
