"""A plane of seeds to walk on: seed x + 100 y stands at (x, y), pictures lie between their neighbours.

Owns the drawing and the gestures; the pictures come from outside. GUI thread.

Source: the visualiser of StyleGAN3, where a drag walks over the same plane.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
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

CELLS = 3.0  # of the plane, across the pad
MARGIN = 0.4  # cells between the handle and the edge before the plane moves
PICTURE = 0.66  # of a cell
HANDLE_PX = 9
STEP, FINE_STEP = 0.1, 0.01


class PlanePad(QWidget):
    """A square window onto the plane, with a handle.

    Signals:
        moved(float, float): a person walked there; more may follow.
        finished(), aborted(): the hand let go; Esc.
        looked(): other points can be seen.
    """

    moved = Signal(float, float)
    finished = Signal()
    aborted = Signal()
    looked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._place = QPointF(0, 0)
        self._corner = QPointF(-CELLS / 2, -CELLS / 2)  # of the window, in the plane
        self._is_there = False
        self._held = False
        self.image_of: Callable[[int, int], QImage | None] = lambda x, y: None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    @property
    def is_held(self) -> bool:
        """Whether a drag is under way."""
        return self._held

    @property
    def place(self) -> tuple[float, float]:
        """Where the handle is."""
        return self._place.x(), self._place.y()

    def set_place(self, x: float, y: float, is_there: bool = True) -> None:
        """Move the handle; `is_there` tells whether the picture on the canvas is that of this place."""
        self._is_there = is_there
        if (x, y) != self.place:
            # Not by this hand: the place comes to the middle.
            self._place = QPointF(x, y)
            self._corner = QPointF(x - CELLS / 2, y - CELLS / 2)
            self.looked.emit()
        self.update()

    def points(self) -> list[tuple[int, int]]:
        """The seeds' places that can be seen, the nearest to the handle first."""
        left, top = int(self._corner.x() // 1), int(self._corner.y() // 1)
        found = [(left + i, top + j) for j in range(int(CELLS) + 2) for i in range(int(CELLS) + 2)]
        x, y = self.place
        return sorted(found, key=lambda p: (p[0] - x) ** 2 + (p[1] - y) ** 2)

    def position_of(self, x: float, y: float) -> QPointF:
        """Where a place lies on the pad."""
        return QPointF((x - self._corner.x()) * self._cell, (y - self._corner.y()) * self._cell)

    def sizeHint(self) -> QSize:
        """Square at the width it has."""
        return QSize(280, max(120, self.width()))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Stay square."""
        self.setFixedHeight(max(120, self.width()))
        super().resizeEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Walk to the pointer."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._held = True
            self._walk(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Follow the hand."""
        if self._held:
            self._walk(event.position())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """The hand lets go."""
        if self._held and event.button() == Qt.MouseButton.LeftButton:
            self._held = False
            self.finished.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows walk, Shift for fine, Esc takes back."""
        fine = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        step = FINE_STEP if fine else STEP
        steps = {
            Qt.Key.Key_Left: (-step, 0.0),
            Qt.Key.Key_Right: (step, 0.0),
            Qt.Key.Key_Up: (0.0, -step),
            Qt.Key.Key_Down: (0.0, step),
        }
        key = event.key()
        if key == Qt.Key.Key_Escape and self._held:
            self._held = False
            self.aborted.emit()
        elif key in steps:
            dx, dy = steps[Qt.Key(key)]
            self._go(self._place.x() + dx, self._place.y() + dy)
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """A key that was held is one edit."""
        if not event.isAutoRepeat() and not self._held:
            self.finished.emit()
        super().keyReleaseEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Seeds at their places, as bright as they count; the handle."""
        t = tokens()
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        frame = QPainterPath()
        frame.addRoundedRect(QRectF(self.rect()), 6, 6)
        painter.setClipPath(frame)
        painter.fillRect(self.rect(), t.color("ground"))
        for x, y in self.points():
            self._paint_seed(painter, x, y)
        painter.setOpacity(1)
        handle = self.position_of(*self.place)
        painter.setPen(QPen(t.color("panel"), 2))
        painter.setBrush(t.color("accent" if self._is_there else "muted"))
        painter.drawEllipse(handle, HANDLE_PX, HANDLE_PX)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(t.color("accent", 0.5), 2))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 6, 6)

    def _paint_seed(self, painter: QPainter, x: int, y: int) -> None:
        t, side = tokens(), self._cell * PICTURE
        middle = self.position_of(x, y)
        place = QRectF(middle.x() - side / 2, middle.y() - side / 2, side, side)
        share = max(0.0, 1 - abs(x - self._place.x())) * max(0.0, 1 - abs(y - self._place.y()))
        painter.setOpacity(0.5 + 0.5 * share)
        image = self.image_of(x, y)
        if image is None:
            painter.fillRect(place, t.color("raised"))
        else:
            painter.drawImage(place, image)
        painter.setOpacity(1)
        painter.setPen(t.color("muted"))
        font = self.font()
        font.setPixelSize(10)
        painter.setFont(font)
        below = QRectF(place.left(), place.bottom() + 1, side, 13)
        seed = (x + 100 * y) % (1 << 32)
        painter.drawText(below, int(Qt.AlignmentFlag.AlignCenter), str(seed))

    @property
    def _cell(self) -> float:
        return max(1.0, self.width() / CELLS)

    def _walk(self, point: QPointF) -> None:
        inside = QPointF(min(max(point.x(), 0), self.width()), min(max(point.y(), 0), self.height()))
        self._go(self._corner.x() + inside.x() / self._cell, self._corner.y() + inside.y() / self._cell)

    def _go(self, x: float, y: float) -> None:
        self._place = QPointF(round(x, 2), round(y, 2))
        self._is_there = True
        self._follow()
        self.update()
        self.moved.emit(*self.place)

    def _follow(self) -> None:
        """Move the window so that the handle keeps its distance from the edge."""
        x, y = self.place
        low, high = MARGIN, CELLS - MARGIN
        corner = QPointF(
            min(max(self._corner.x(), x - high), x - low), min(max(self._corner.y(), y - high), y - low)
        )
        if corner != self._corner:
            self._corner = corner
            self.looked.emit()
