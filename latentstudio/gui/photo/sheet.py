"""The whole photograph over the canvas, with the edit in it.

Owns the drawing, and that the original shows while the mouse is held. GUI thread.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QRectF, Qt, Signal
from PySide6.QtGui import QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from latentstudio.gui.canvas import Canvas
from latentstudio.gui.theme import tokens

MARGIN_PX, FOOT_PX = 24, 22
HINT = "Hold the mouse on the photo to see it as it was"


class PhotoSheet(QWidget):
    """Covers a canvas.

    Signals:
        left(): Esc.
    """

    left = Signal()

    def __init__(self, canvas: Canvas) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._edited, self._original = QImage(), QImage()
        self._shows_original = False
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAccessibleName("The photo with the edit in it")
        self.setGeometry(canvas.rect())
        canvas.installEventFilter(self)
        self.hide()

    @property
    def edited(self) -> QImage:
        """The photograph with the edit, as it is shown."""
        return self._edited

    def set_pictures(self, edited: QImage, original: QImage) -> None:
        """Show a photograph with and without the edit."""
        self._edited, self._original = edited, original
        self.update()

    def place(self) -> QRectF:
        """Where the photograph lies."""
        image = self._edited
        if image.isNull():
            return QRectF()
        room_w, room_h = self.width() - 2 * MARGIN_PX, self.height() - 2 * MARGIN_PX - FOOT_PX
        scale = max(0.01, min(room_w / image.width(), room_h / image.height()))
        width, height = image.width() * scale, image.height() * scale
        return QRectF((self.width() - width) / 2, (self.height() - FOOT_PX - height) / 2, width, height)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """The original, while it is held."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._shows_original = True
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """The edit again."""
        self._shows_original = False
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc leaves."""
        if event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        else:
            super().keyPressEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Cover the canvas at any size."""
        if event.type() == QEvent.Type.Resize:
            self.setGeometry(self._canvas.rect())
        return super().eventFilter(watched, event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Ground, photograph, a word."""
        t = tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.fillRect(self.rect(), t.color("ground"))
        if self._edited.isNull():
            return
        place = self.place()
        painter.drawImage(place, self._original if self._shows_original else self._edited)
        font = self.font()
        font.setPixelSize(12)
        painter.setFont(font)
        painter.setPen(t.color("muted"))
        line = QRectF(0, place.bottom() + 6, self.width(), FOOT_PX)
        painter.drawText(
            line, int(Qt.AlignmentFlag.AlignCenter), "The photo as it was" if self._shows_original else HINT
        )
