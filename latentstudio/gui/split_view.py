"""Before and after on the canvas, with a line between them that a hand moves.

Owns the sheet over the canvas that shows the other picture left of the line. Knows no recipe. GUI thread.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from latentstudio.gui.canvas import Canvas
from latentstudio.gui.theme import tokens

NEAR_PX, GRIP_PX = 12, 14
STEP = 0.02


class SplitView(QWidget):
    """Lies over a canvas; only the line takes the mouse, the rest goes to the canvas.

    Signals:
        left(): Esc.
    """

    left = Signal()

    def __init__(self, canvas: Canvas) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._image = QImage()
        self._words = ("Before", "After")
        self._share = 0.5
        self._held = False
        self._near = False
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Line between before and after")
        self.setGeometry(canvas.rect())
        canvas.installEventFilter(self)
        canvas.zoom_changed.connect(self.update)
        self.hide()

    @property
    def share(self) -> float:
        """Where the line stands, in picture widths from the left."""
        return self._share

    def set_before(self, image: QImage, words: tuple[str, str]) -> None:
        """What is shown left of the line, and what both sides are called."""
        self._image, self._words = image, words
        self.update()

    def set_share(self, share: float) -> None:
        """Move the line."""
        self._share = min(max(share, 0.0), 1.0)
        self.update()

    def line_x(self) -> float:
        """Where the line stands, in widget pixels."""
        place = self._canvas.place()
        return place.left() + self._share * place.width()

    # --- hand -----------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take the line; elsewhere the canvas pans."""
        self._held = event.button() == Qt.MouseButton.LeftButton and self._is_near(event.position())
        if not self._held:
            event.ignore()
        self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Follow the hand."""
        if self._held:
            place = self._canvas.place()
            self.set_share((event.position().x() - place.left()) / max(1.0, place.width()))
            return
        near = self._is_near(event.position())
        if near != self._near:
            self._near = near
            if near:
                self.setCursor(Qt.CursorShape.SplitHCursor)
            else:
                self.unsetCursor()
            self.update()
        event.ignore()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        if not self._held:
            event.ignore()
        self._held = False
        self.update()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """The line back to the middle; elsewhere the canvas zooms."""
        if self._is_near(event.position()):
            self.set_share(0.5)
        else:
            event.ignore()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and right move the line; Esc leaves."""
        key = Qt.Key(event.key())
        if key == Qt.Key.Key_Escape:
            self.left.emit()
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            self.set_share(self._share + (STEP if key == Qt.Key.Key_Right else -STEP))
        else:
            super().keyPressEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Cover the canvas at any size."""
        if event.type() == QEvent.Type.Resize:
            self.setGeometry(self._canvas.rect())
        return super().eventFilter(watched, event)

    # --- drawing --------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """The other picture, the line, the words."""
        if self._image.isNull() or self._canvas.image.isNull():
            return
        place, x = self._canvas.place(), self.line_x()
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        painter.save()
        painter.setClipRect(QRectF(place.left(), place.top(), x - place.left(), place.height()))
        painter.drawImage(place, self._image)
        painter.restore()
        is_warm = self._held or self._near
        top, bottom = max(place.top(), 0.0), min(place.bottom(), float(self.height()))
        for color, width in ((QColor(0, 0, 0, 110), 4.0), (QColor(255, 255, 255, 235), 1.5)):
            painter.setPen(QPen(tokens().color("accent") if is_warm and width < 2 else color, width))
            painter.drawLine(QPointF(x, top), QPointF(x, bottom))
        self._paint_grip(painter, QPointF(x, (top + bottom) / 2), is_warm)
        self._paint_words(painter, QRectF(place.left(), top, place.width(), bottom - top), x)

    def _paint_grip(self, painter: QPainter, at: QPointF, is_warm: bool) -> None:
        painter.setPen(QPen(QColor(0, 0, 0, 120), 1.5))
        painter.setBrush(tokens().color("accent") if is_warm else QColor(255, 255, 255))
        painter.drawEllipse(at, GRIP_PX, GRIP_PX)
        painter.setPen(QPen(QColor(30, 30, 30), 1.8))
        for side in (-1, 1):
            tip = at + QPointF(side * 8, 0)
            painter.drawLine(tip, tip + QPointF(-side * 4, -4))
            painter.drawLine(tip, tip + QPointF(-side * 4, 4))

    def _paint_words(self, painter: QPainter, area: QRectF, x: float) -> None:
        font = self.font()
        font.setPixelSize(12)
        painter.setFont(font)
        for words, left, right in ((self._words[0], area.left(), x), (self._words[1], x, area.right())):
            width = painter.fontMetrics().horizontalAdvance(words) + 18
            if right - left < width + 12:
                continue
            at = left + 8 if left == area.left() else right - width - 8
            chip = QRectF(at, area.top() + 8, width, 22)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(0, 0, 0, 130))
            painter.drawRoundedRect(chip, 11, 11)
            painter.setPen(QColor(255, 255, 255))
            painter.drawText(chip, int(Qt.AlignmentFlag.AlignCenter), words)

    def _is_near(self, point: QPointF) -> bool:
        return not self._image.isNull() and abs(point.x() - self.line_x()) < NEAR_PX
