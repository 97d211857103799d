"""Five small pictures under a slider: where it leads.

Owns their drawing and the click; the pictures come from outside. GUI thread.
"""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QImage, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from latentstudio.gui.theme import tokens
from latentstudio.gui.words import signed
from latentstudio.latent.directions import USUAL_REACH

GAP_PX = 5
SHARES = (-1.0, -0.5, 0.0, 0.5, 1.0)  # of the slider's reach
AMOUNTS = tuple(USUAL_REACH * share for share in SHARES)


class PreviewStrip(QWidget):
    """Pictures at fixed amounts; a click goes there.

    Signals:
        amount_chosen(float): a person clicked the picture at this amount.
    """

    amount_chosen = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._images: list[QImage | None] = [None] * len(AMOUNTS)
        self._amount = 0.0
        self.amounts: tuple[float, ...] = AMOUNTS
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.set_reach(USUAL_REACH)

    def set_reach(self, reach: float) -> None:
        """Put the outer pictures at so many sigmas."""
        self.amounts = tuple(reach * share for share in SHARES)
        self.setToolTip("Where this direction leads: " + ", ".join(map(signed, self.amounts)) + " σ")
        self.update()

    def set_image(self, index: int, image: QImage | None) -> None:
        """Show a picture; None leaves its place empty."""
        self._images[index] = image
        self.update()

    def set_amount(self, amount: float) -> None:
        """Mark the picture nearest to an amount."""
        self._amount = amount
        self.update()

    def has_image(self, index: int) -> bool:
        """Whether a place is filled."""
        return self._images[index] is not None

    def sizeHint(self) -> QSize:
        """Square pictures at any width."""
        return QSize(240, self.heightForWidth(max(1, self.width())))

    def heightForWidth(self, width: int) -> int:
        """Height at which the pictures are square."""
        return round((width - GAP_PX * (len(AMOUNTS) - 1)) / len(AMOUNTS)) + 4

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the pictures square."""
        self.setFixedHeight(max(20, min(96, self.heightForWidth(self.width()))))
        super().resizeEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Go to the amount of the picture."""
        if event.button() == Qt.MouseButton.LeftButton:
            for i, amount in enumerate(self.amounts):
                if self._place(i).contains(event.position()):
                    self.amount_chosen.emit(amount)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The pictures, the nearest one framed."""
        t = tokens()
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        nearest = min(range(len(SHARES)), key=lambda i: abs(self.amounts[i] - self._amount))
        for i, image in enumerate(self._images):
            place = self._place(i)
            path = QPainterPath()
            path.addRoundedRect(place, 4, 4)
            painter.setClipPath(path)
            painter.fillRect(place, t.color("raised"))
            if image is not None:
                painter.drawImage(place, image)
            painter.setClipping(False)
            if i == nearest:
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.setPen(QPen(t.color("accent"), 2))
                painter.drawRoundedRect(place.adjusted(-1, -1, 1, 1), 5, 5)

    def _place(self, index: int) -> QRectF:
        side = (self.width() - 4 - GAP_PX * (len(AMOUNTS) - 1)) / len(AMOUNTS)
        return QRectF(2 + index * (side + GAP_PX), 2, side, min(side, self.height() - 4))
