"""What every place for dropping has in common: click, keys, warmth under the pointer, the drop.

Owns the gestures; what is welcome and how it looks is each place's own. GUI thread.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QMimeData, Qt, Signal
from PySide6.QtGui import (
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QEnterEvent,
    QKeyEvent,
    QMouseEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget


class DropTarget(QWidget):
    """Drop something, or click.

    Signals:
        clicked(): a person wants to choose.
        dropped(object): what `taken` makes of a drop.
    """

    clicked = Signal()
    dropped = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._is_warm = False
        self.setAcceptDrops(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def is_welcome(self, mime: QMimeData) -> bool:
        """Whether this may be dropped here."""
        return bool(mime.hasUrls())

    def taken(self, mime: QMimeData) -> object:
        """What `dropped` carries."""
        return mime

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
        """Only what is welcome."""
        if self.is_welcome(event.mimeData()):
            event.acceptProposedAction()
            self._warm(True)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """The drag goes elsewhere."""
        self._warm(False)

    def dropEvent(self, event: QDropEvent) -> None:
        """Take it."""
        self._warm(False)
        event.acceptProposedAction()
        self.dropped.emit(self.taken(event.mimeData()))

    def _warm(self, is_warm: bool) -> None:
        self._is_warm = is_warm
        self.update()
