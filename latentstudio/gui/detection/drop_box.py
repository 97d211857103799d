"""A place to drop photos on.

Owns the invitation and the drop. GUI thread.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRectF, Qt, Signal
from PySide6.QtGui import (
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QEnterEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from latentstudio.gui.dragging import dropped_files
from latentstudio.gui.theme import tokens

HEIGHT_PX = 76


class DropBox(QWidget):
    """Drop photos or folders of them, or click to choose.

    Signals:
        clicked(): a person wants to choose.
        dropped(list): files and folders.
    """

    clicked = Signal()
    dropped = Signal(list)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._is_warm = False
        self._words = ("", "")
        self.setAcceptDrops(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(HEIGHT_PX)
        self.set_words("Drop photos or a folder here", "or click to choose them")

    def set_words(self, first: str, second: str) -> None:
        """What the invitation says."""
        self._words = (first, second)
        self.setAccessibleName(first)
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Chosen."""
        if event.button() == Qt.MouseButton.LeftButton and self.rect().contains(event.position().toPoint()):
            self.clicked.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter and space choose, too."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.clicked.emit()
        else:
            super().keyPressEvent(event)

    def enterEvent(self, event: QEnterEvent) -> None:
        """Warm under the pointer."""
        self._warm(True)

    def leaveEvent(self, event: QEvent) -> None:
        """And not beside it."""
        self._warm(False)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Files on this machine are welcome."""
        if dropped_files(event.mimeData()):
            event.acceptProposedAction()
            self._warm(True)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """The drag goes elsewhere."""
        self._warm(False)

    def dropEvent(self, event: QDropEvent) -> None:
        """Take them."""
        self._warm(False)
        event.acceptProposedAction()
        self.dropped.emit(dropped_files(event.mimeData()))

    def paintEvent(self, event: QPaintEvent) -> None:
        """A dashed frame with two lines of words."""
        t = tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        warm = (self._is_warm or self.hasFocus()) and self.isEnabled()
        area = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        pen = QPen(t.color("accent" if warm else "muted", 0.9 if warm else 0.5), 1.5)
        pen.setDashPattern([5, 4])
        painter.setPen(pen)
        painter.setBrush(t.color("raised", 0.6 if self._is_warm else 0.25))
        painter.drawRoundedRect(area, 8, 8)
        painter.setPen(t.color("text" if self.isEnabled() else "muted"))
        middle = int(Qt.AlignmentFlag.AlignCenter)
        line = QRectF(area.left() + 8, area.center().y() - 21, area.width() - 16, 20)
        painter.drawText(line, middle, self._words[0])
        font = self.font()
        font.setPixelSize(12)
        painter.setFont(font)
        painter.setPen(t.color("muted"))
        painter.drawText(line.translated(0, 21), middle, self._words[1])

    def _warm(self, is_warm: bool) -> None:
        self._is_warm = is_warm
        self.update()
