"""A place that asks for a photograph, and shows it once it is there.

Owns the drawing: the invitation, or the photograph small with its frame. GUI thread.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QMimeData, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import (
    QImage,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPolygonF,
)
from PySide6.QtWidgets import QWidget

from latentstudio.gui.icons import pixmap
from latentstudio.gui.theme import tokens
from latentstudio.gui.widgets.drop_target import DropTarget

EMPTY_PX, FULL_PX = 132, 148
INVITATION = ("Drop a photo here, or several", "or click to open, or paste with Ctrl+V")


class DropZone(DropTarget):
    """Drop a photograph, or click.

    Signals:
        clicked(): a person wants to choose a photograph, or to adjust its frame.
        dropped(object): the mime data of a drop.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._image = QImage()
        self._size = (1, 1)
        self._quad: NDArray[np.float64] | None = None
        self.words = INVITATION
        self.setFixedHeight(EMPTY_PX)
        self.setAccessibleName("Photo")

    def set_photo(self, image: QImage, size: tuple[int, int]) -> None:
        """Show a photograph of (height, width) by a smaller picture; a null one for the invitation."""
        self._image, self._size = image, size
        self.setFixedHeight(EMPTY_PX if image.isNull() else FULL_PX)
        self.update()

    def set_quad(self, quad: NDArray[np.float64] | None) -> None:
        """Show the frame."""
        self._quad = quad
        self.update()

    def set_words(self, first: str, second: str) -> None:
        """What the invitation says."""
        self.words = (first, second)
        self.update()

    def place(self) -> QRectF:
        """Where the photograph lies."""
        height, width = self._size
        scale = min(self.width() / width, self.height() / height)
        w, h = width * scale, height * scale
        return QRectF((self.width() - w) / 2, (self.height() - h) / 2, w, h)

    def sizeHint(self) -> QSize:
        """Wide as there is room."""
        return QSize(280, EMPTY_PX if self._image.isNull() else FULL_PX)

    def is_welcome(self, mime: QMimeData) -> bool:
        """Files and pictures."""
        return bool(mime.hasUrls() or mime.hasImage())

    def paintEvent(self, event: QPaintEvent) -> None:
        """The invitation, or the photograph."""
        t = tokens()
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        area = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        accent = self._is_warm or self.hasFocus()
        if self._image.isNull():
            pen = QPen(t.color("accent" if accent else "muted", 0.9 if accent else 0.5), 1.5)
            pen.setDashPattern([5, 4])
            painter.setPen(pen)
            painter.setBrush(t.color("raised", 0.6 if self._is_warm else 0.25))
            painter.drawRoundedRect(area, 8, 8)
            self._paint_invitation(painter, area)
            return
        path = QPainterPath()
        path.addRoundedRect(area, 8, 8)
        painter.fillPath(path, t.color("ground"))
        painter.setClipPath(path)
        place = self.place()
        painter.drawImage(place, self._image)
        if self._quad is not None:
            scale = place.width() / self._size[1]
            corners = [QPointF(place.left() + x * scale, place.top() + y * scale) for x, y in self._quad]
            frame = QPainterPath()
            frame.addPolygon(QPolygonF(corners))
            frame.closeSubpath()
            whole = QPainterPath()
            whole.addRect(place)
            painter.fillPath(whole.subtracted(frame), t.color("ground", 0.6))
            painter.strokePath(frame, QPen(t.color("accent"), 1.5))

    def _paint_invitation(self, painter: QPainter, area: QRectF) -> None:
        t = tokens()
        sign = pixmap("photo", t.accent if self._is_warm else t.muted, 28, self.devicePixelRatioF())
        middle = area.center()
        painter.drawPixmap(QPointF(middle.x() - 14, area.top() + 24), sign)
        font = self.font()
        painter.setPen(t.color("text"))
        line = QRectF(area.left() + 8, area.top() + 60, area.width() - 16, 20)
        painter.drawText(line, int(Qt.AlignmentFlag.AlignCenter), self.words[0])
        font.setPixelSize(12)
        painter.setFont(font)
        painter.setPen(t.color("muted"))
        # Room for two lines: centred in one, words that wrap would lose the top and the bottom of both.
        painter.drawText(
            line.adjusted(0, 24, 0, 40),
            int(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap),
            self.words[1],
        )
