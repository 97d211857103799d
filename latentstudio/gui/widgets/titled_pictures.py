"""A few pictures side by side, each with a word under it.

Owns drawing and clicks; the pictures come from outside. GUI thread.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from latentstudio.gui.theme import tokens

GAP_PX, WORDS_PX = 8, 20


class TitledPictures(QWidget):
    """Pictures to choose from.

    Signals:
        chosen(int): a person clicked one.
    """

    chosen = Signal(int)

    def __init__(self, words: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._words = tuple(words)
        self._images: list[QImage | None] = [None] * len(self._words)
        self._under: int | None = None
        self._current: int | None = None
        self._aspect = 1.0
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_aspect(self, aspect: float) -> None:
        """Height over width of the pictures."""
        self._aspect = aspect
        self._images = [None] * len(self._words)
        self._fit()

    def set_image(self, index: int, image: QImage) -> None:
        """Show a picture."""
        self._images[index] = image
        self.update()

    def set_current(self, index: int | None) -> None:
        """Frame the one that is open."""
        if index != self._current:
            self._current = index
            self.update()

    def has_image(self, index: int) -> bool:
        """Whether a place is filled."""
        return self._images[index] is not None

    def place(self, index: int) -> QRectF:
        """Where a picture lies."""
        count = len(self._words)
        wide = (self.width() - 4 - GAP_PX * (count - 1)) / count
        return QRectF(2 + index * (wide + GAP_PX), 2, wide, wide * self._aspect)

    def sizeHint(self) -> QSize:
        """As high as its pictures and words."""
        return QSize(280, round(self.place(0).height()) + WORDS_PX + 4)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the pictures' shape."""
        self._fit()
        super().resizeEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Frame the one under the pointer."""
        under = self._at(event.position())
        if under != self._under:
            self._under = under
            self.update()

    def leaveEvent(self, event: QEvent) -> None:
        """None is."""
        self._under = None
        self.update()
        super().leaveEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Choose."""
        index = self._at(event.position())
        if index is not None and event.button() == Qt.MouseButton.LeftButton:
            self.chosen.emit(index)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows choose the neighbour."""
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        step = steps.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
        elif self._current is None:
            self.chosen.emit(0)
        else:
            self.chosen.emit(min(max(self._current + step, 0), len(self._words) - 1))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Pictures and words."""
        t = tokens()
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        font = self.font()
        font.setPixelSize(11)
        painter.setFont(font)
        for i, words in enumerate(self._words):
            place = self.place(i)
            path = QPainterPath()
            path.addRoundedRect(place, 4, 4)
            painter.save()
            painter.setClipPath(path)
            painter.fillRect(place, t.color("raised"))
            image = self._images[i]
            if image is not None:
                painter.drawImage(place, image)
            painter.restore()
            if i in (self._current, self._under):
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.setPen(QPen(t.color("accent" if i == self._current else "muted"), 2))
                painter.drawRoundedRect(place.adjusted(-1, -1, 1, 1), 5, 5)
            painter.setPen(t.color("text" if i == self._current else "muted"))
            line = QRectF(place.left(), place.bottom() + 2, place.width(), WORDS_PX)
            painter.drawText(line, int(Qt.AlignmentFlag.AlignCenter), words)

    def _fit(self) -> None:
        self.setFixedHeight(self.sizeHint().height())
        self.update()

    def _at(self, point: QPointF) -> int | None:
        return next((i for i in range(len(self._words)) if self.place(i).contains(point)), None)
