"""A page of feature maps: small grey pictures with a number under each.

Owns their drawing and the choice of one; the maps come from outside. GUI thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QFont,
    QHelpEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from latentstudio.gui.theme import figures, tokens

COLUMNS, ROWS = 5, 5
PER_PAGE = COLUMNS * ROWS
GAP_PX, WORDS_PX = 6, 15


@dataclass(frozen=True, eq=False)
class MapTile:
    """One map.

    Attributes:
        channel: its number.
        image: what it looks like.
        words: under the picture, right.
        hint: on hover.
        is_scaled: whether the recipe scales it.
    """

    channel: int
    image: QImage
    words: str
    hint: str
    is_scaled: bool = False


class MapGrid(QWidget):
    """Up to PER_PAGE maps.

    Signals:
        chosen(int): a person chose the map of this number.
        page_turned(int): a person wants the next page (1) or the one before (-1).
    """

    chosen = Signal(int)
    page_turned = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tiles: tuple[MapTile, ...] = ()
        self._channel: int | None = None
        self._hovered: int | None = None
        self._turned = 0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setAccessibleName("Feature maps")

    @property
    def tiles(self) -> tuple[MapTile, ...]:
        """What is shown."""
        return self._tiles

    def set_tiles(self, tiles: Sequence[MapTile]) -> None:
        """Show a page."""
        rows = self._rows
        self._tiles, self._hovered = tuple(tiles), None
        if rows != self._rows:
            self._fit()
        self.update()

    def set_chosen(self, channel: int | None) -> None:
        """Frame a map; says nothing."""
        self._channel = channel
        self.update()

    def place_of(self, index: int) -> QRectF:
        """Where the picture of the tile at an index stands."""
        side = self._side
        row, column = divmod(index, COLUMNS)
        return QRectF(2 + column * (side + GAP_PX), 2 + row * (side + GAP_PX + WORDS_PX), side, side)

    def sizeHint(self) -> QSize:
        """Square pictures at any width."""
        return QSize(280, self._height)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the pictures square."""
        self._fit()
        super().resizeEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose a map."""
        index = self._index_at(event.position())
        if event.button() == Qt.MouseButton.LeftButton and index is not None:
            self.chosen.emit(self._tiles[index].channel)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Light up what is under the pointer."""
        index = self._index_at(event.position())
        if index != self._hovered:
            self._hovered = index
            self.setCursor(Qt.CursorShape.ArrowCursor if index is None else Qt.CursorShape.PointingHandCursor)
            self.update()

    def leaveEvent(self, event: QEvent) -> None:
        """Nothing is under the pointer."""
        self._hovered = None
        self.update()
        super().leaveEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """With Ctrl the wheel turns pages; without, the panel scrolls."""
        if not event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            event.ignore()
            return
        self._turned += event.angleDelta().y()
        if abs(self._turned) >= 120:
            self.page_turned.emit(-1 if self._turned > 0 else 1)
            self._turned = 0
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows choose a neighbour, Page up and down turn."""
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Up: -COLUMNS, Qt.Key.Key_Down: COLUMNS}
        pages = {Qt.Key.Key_PageUp: -1, Qt.Key.Key_PageDown: 1}
        key = event.key()
        if key in pages:
            self.page_turned.emit(pages[Qt.Key(key)])
        elif key in steps and self._tiles:
            channels = [tile.channel for tile in self._tiles]
            here = channels.index(self._channel) if self._channel in channels else -1
            there = 0 if here < 0 else here + steps[Qt.Key(key)]
            if 0 <= there < len(channels):
                self.chosen.emit(channels[there])
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        """Tell a map's numbers."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            index = self._index_at(QPointF(event.pos()))
            if index is None:
                QToolTip.hideText()
            else:
                QToolTip.showText(event.globalPos(), self._tiles[index].hint, self)
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The pictures, their numbers, the chosen one framed."""
        t = tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = QFont(self.font())
        font.setPixelSize(10)
        painter.setFont(figures(font))
        for i, tile in enumerate(self._tiles):
            place = self.place_of(i)
            path = QPainterPath()
            path.addRoundedRect(place, 4, 4)
            painter.setClipPath(path)
            # Maps of a few pixels stay what they are: squares.
            smooth = tile.image.width() > place.width()
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
            painter.drawImage(place, tile.image)
            painter.setClipping(False)
            is_chosen = tile.channel == self._channel
            if is_chosen or i == self._hovered:
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.setPen(QPen(t.color("accent" if is_chosen else "muted"), 2 if is_chosen else 1))
                painter.drawRoundedRect(place.adjusted(-1, -1, 1, 1), 5, 5)
            line = QRectF(place.x(), place.bottom() + 2, place.width(), WORDS_PX - 3)
            strong = is_chosen or tile.is_scaled
            painter.setPen(t.color("accent" if tile.is_scaled else "text" if strong else "muted"))
            painter.drawText(
                line, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, str(tile.channel)
            )
            painter.setPen(t.color("accent" if tile.is_scaled else "muted"))
            painter.drawText(line, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, tile.words)

    @property
    def _rows(self) -> int:
        return max(1, -(-len(self._tiles) // COLUMNS))

    @property
    def _side(self) -> float:
        return (self.width() - 4 - GAP_PX * (COLUMNS - 1)) / COLUMNS

    @property
    def _height(self) -> int:
        return round(4 + self._rows * (self._side + GAP_PX + WORDS_PX) - GAP_PX)

    def _fit(self) -> None:
        self.setFixedHeight(max(40, self._height))

    def _index_at(self, point: QPointF) -> int | None:
        for i in range(len(self._tiles)):
            if self.place_of(i).adjusted(0, 0, 0, WORDS_PX).contains(point):
                return i
        return None
