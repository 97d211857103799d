"""A small picture with a veil over it, such as a heat map.

Owns the drawing; GUI thread.
"""

from __future__ import annotations

from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage, QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import QWidget

from latentstudio.gui.theme import tokens


class VeiledPicture(QWidget):
    """Both pictures, one over the other, with round corners."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._image: QImage | None = None
        self._veil: QImage | None = None

    @property
    def has_veil(self) -> bool:
        """Whether a veil lies over the picture."""
        return self._veil is not None

    def set_picture(self, image: QImage | None, veil: QImage | None) -> None:
        """Show these; None for nothing yet."""
        self._image, self._veil = image, veil
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Ground, picture, veil."""
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        place = QRectF(self.rect())
        path = QPainterPath()
        path.addRoundedRect(place, 4, 4)
        painter.setClipPath(path)
        painter.fillRect(place, tokens().color("panel"))
        for image in (self._image, self._veil):
            if image is not None:
                painter.drawImage(place, image)
