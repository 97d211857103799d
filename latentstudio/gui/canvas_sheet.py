"""A sheet that lies over the canvas while a tool is in use.

Owns where it lies, and the way between points of the screen and of the picture. What the canvas does
with the wheel and the middle button stays the canvas's. GUI thread.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QWidget

from latentstudio.gui.canvas import Canvas
from latentstudio.gui.studio import Studio


class CanvasSheet(QWidget):
    """Covers a canvas at any size.

    Args:
        canvas: what it lies on.
        words: what a screen reader says.
    """

    def __init__(self, canvas: Canvas, words: str) -> None:
        super().__init__(canvas)
        self.canvas = canvas
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(words)
        self.setGeometry(canvas.rect())
        canvas.installEventFilter(self)
        canvas.zoom_changed.connect(self.update)
        self.hide()

    def place(self) -> QRectF:
        """Where the picture lies."""
        return self.canvas.place()

    def has_picture(self) -> bool:
        """Whether there is something to work on."""
        return not self.canvas.image.isNull() and not self.canvas.message

    def share_at(self, point: QPointF) -> QPointF:
        """A point of the screen in shares of the picture's width and height."""
        place = self.place()
        return QPointF(
            (point.x() - place.x()) / max(place.width(), 1.0),
            (point.y() - place.y()) / max(place.height(), 1.0),
        )

    def point_at(self, share: QPointF) -> QPointF:
        """The inverse of `share_at`."""
        place = self.place()
        return QPointF(place.x() + share.x() * place.width(), place.y() + share.y() * place.height())

    def show_tool(self, active: bool) -> None:
        """Lay the sheet down, or take it away."""
        self.setVisible(active)
        if active:
            self.setGeometry(self.canvas.rect())
            self.raise_()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Two quick presses are two presses; the canvas must not zoom under a tool."""
        self.mousePressEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the canvas."""
        if event.type() == QEvent.Type.Resize:
            self.setGeometry(self.canvas.rect())
        return super().eventFilter(watched, event)


def canvas_of(studio: Studio) -> Canvas | None:
    """The canvas of the studio's window."""
    window = studio.parent()
    found = window.findChild(Canvas) if window is not None else None
    return found if isinstance(found, Canvas) else None
