"""A place to drop photos on.

Owns the invitation and the drop. GUI thread.
"""

from __future__ import annotations

from PySide6.QtCore import QMimeData, QRectF, Qt
from PySide6.QtGui import (
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QWidget

from latentstudio.gui.dragging import dropped_files
from latentstudio.gui.theme import tokens
from latentstudio.gui.widgets.drop_target import DropTarget

HEIGHT_PX = 76


class DropBox(DropTarget):
    """Drop photos or folders of them, or click to choose.

    Signals:
        clicked(): a person wants to choose.
        dropped(list): files and folders.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._words = ("", "")
        self.setFixedHeight(HEIGHT_PX)
        self.set_words("Drop photos or a folder here", "or click to choose them")

    def set_words(self, first: str, second: str) -> None:
        """What the invitation says."""
        self._words = (first, second)
        self.setAccessibleName(first)
        self.update()

    def is_welcome(self, mime: QMimeData) -> bool:
        """Files on this machine."""
        return bool(dropped_files(mime))

    def taken(self, mime: QMimeData) -> object:
        """Their paths."""
        return dropped_files(mime)

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
