"""A table of pictures with a picture at the head of each row and column.

Owns drawing and clicks; the pictures come from outside. GUI thread.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QHelpEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from latentstudio.gui.theme import figures, tokens

GAP_PX, HEAD_GAP_PX, CAPTION_PX, MAX_SIDE_PX = 4, 10, 18, 192
NAMES_PX = 62

Place = tuple[int, int]  # row and column; -1 is the head


class PictureTable(QWidget):
    """Rows by columns.

    Signals:
        chosen(int, int): a click on a picture; -1 stands for a head.
    """

    chosen = Signal(int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._row_names: tuple[str, ...] = ()
        self._column_names: tuple[str, ...] = ()
        self._images: dict[Place, QImage] = {}
        self._under: Place | None = None
        self._current: Place | None = None
        self.aspect = 1.0  # height over width
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Mixing grid")

    def set_names(self, rows: Sequence[str], columns: Sequence[str]) -> None:
        """Another table; the pictures of equal places stay until new ones arrive."""
        if (tuple(rows), tuple(columns)) != (self._row_names, self._column_names):
            self._row_names, self._column_names = tuple(rows), tuple(columns)
            self._images = {
                (r, c): image
                for (r, c), image in self._images.items()
                if r < len(self._row_names) and c < len(self._column_names)
            }
            self._under, self._current = None, None
        self.update()

    def set_image(self, row: int, column: int, image: QImage) -> None:
        """Show a picture; -1 stands for a head."""
        self._images[row, column] = image
        # One cell: pictures arrive faster than the whole table is painted.
        self.update(self.place(row, column).adjusted(-3, -3, 3, 3).toAlignedRect())

    def has_image(self, row: int, column: int) -> bool:
        """Whether a place is filled."""
        return (row, column) in self._images

    def set_current(self, place: Place | None) -> None:
        """Frame the picture that is open."""
        if place != self._current:
            self._current = place
            self.update()

    def place(self, row: int, column: int) -> QRectF:
        """Where a picture lies."""
        wide, high = self._cell()
        total = QSize(
            round((len(self._column_names) + 1) * (wide + GAP_PX) + HEAD_GAP_PX + NAMES_PX),
            round((len(self._row_names) + 1) * (high + GAP_PX) + HEAD_GAP_PX + CAPTION_PX),
        )
        left, top = max(0, (self.width() - total.width()) // 2), max(0, (self.height() - total.height()) // 2)
        x = left + NAMES_PX + (0 if column < 0 else wide + HEAD_GAP_PX + GAP_PX + column * (wide + GAP_PX))
        y = top + CAPTION_PX + (0 if row < 0 else high + HEAD_GAP_PX + GAP_PX + row * (high + GAP_PX))
        return QRectF(x, y, wide, high)

    def sizeHint(self) -> QSize:
        """Room for small pictures."""
        return QSize(620, 640)

    def minimumSizeHint(self) -> QSize:
        """Smaller than that nothing can be seen."""
        return QSize(240, 240)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Frame the one under the pointer."""
        under = self._at(event.position())
        if under != self._under:
            self._under = under
            shape = Qt.CursorShape.ArrowCursor if under is None else Qt.CursorShape.PointingHandCursor
            self.setCursor(shape)
            self.update()

    def leaveEvent(self, event: QEvent) -> None:
        """None is."""
        self._under = None
        self.update()
        super().leaveEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Choose."""
        place = self._at(event.position())
        if place is not None and event.button() == Qt.MouseButton.LeftButton:
            self.chosen.emit(*place)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows walk over the cells; each is opened as it is reached."""
        key = Qt.Key
        steps = {key.Key_Left: (0, -1), key.Key_Right: (0, 1), key.Key_Up: (-1, 0), key.Key_Down: (1, 0)}
        step = steps.get(Qt.Key(event.key()))
        if step is None or not self._row_names or not self._column_names:
            super().keyPressEvent(event)
            return
        row, column = self._current or (-1, -1)
        row = min(max(row + step[0], -1), len(self._row_names) - 1)
        column = min(max(column + step[1], -1), len(self._column_names) - 1)
        if (row, column) != (-1, -1):
            self.chosen.emit(row, column)

    def event(self, event: QEvent) -> bool:
        """Say whose picture it is."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            place = self._at(QPointF(event.pos()))
            if place is not None:
                QToolTip.showText(event.globalPos(), self.words(*place), self)
                return True
        return super().event(event)

    def words(self, row: int, column: int) -> str:
        """What a place shows."""
        if row < 0:
            return f"Styles of {self._column_names[column]}"
        if column < 0:
            return f"The rest of {self._row_names[row]}"
        return f"{self._row_names[row]} with styles of {self._column_names[column]}"

    def paintEvent(self, event: QPaintEvent) -> None:
        """Heads in the colours of base and source, then the cells."""
        t = tokens()
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        dirty = QRectF(event.rect()).adjusted(-4, -4, 4, 4)  # a frame lies around its cell
        font = figures(self.font())
        font.setPixelSize(11)
        painter.setFont(font)
        for column, name in enumerate(self._column_names):
            place = self.place(-1, column)
            painter.setPen(t.color("muted"))
            line = QRectF(place.left(), place.top() - CAPTION_PX, place.width(), CAPTION_PX)
            words = painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, int(place.width()))
            painter.drawText(line, int(Qt.AlignmentFlag.AlignCenter), words)
        for row, name in enumerate(self._row_names):
            place = self.place(row, -1)
            line = QRectF(place.left() - NAMES_PX, place.top(), NAMES_PX - 8, place.height())
            words = painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, int(line.width()))
            right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.setPen(t.color("muted"))
            painter.drawText(line, int(right), words)
        for row in range(-1, len(self._row_names)):
            for column in range(-1, len(self._column_names)):
                if (row, column) != (-1, -1) and self.place(row, column).intersects(dirty):
                    self._paint_cell(painter, row, column)

    def _paint_cell(self, painter: QPainter, row: int, column: int) -> None:
        t = tokens()
        place = self.place(row, column)
        path = QPainterPath()
        path.addRoundedRect(place, 3, 3)
        painter.save()
        painter.setClipPath(path)
        painter.fillRect(place, t.color("raised"))
        image = self._images.get((row, column))
        if image is not None:
            painter.drawImage(place, image)
        painter.restore()
        token = "second" if row < 0 else "accent" if column < 0 else ""
        if (row, column) in (self._current, self._under):
            is_current = (row, column) == self._current
            painter.setPen(QPen(t.color("accent" if is_current else "text"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(place.adjusted(-1, -1, 1, 1), 4, 4)
        elif token:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(t.color(token))
            edge = (
                QRectF(place.left(), place.bottom() + 3, place.width(), 2)
                if row < 0
                else QRectF(place.right() + 3, place.top(), 2, place.height())
            )
            painter.drawRoundedRect(edge, 1, 1)

    def _cell(self) -> tuple[float, float]:
        columns, rows = len(self._column_names) + 1, len(self._row_names) + 1
        wide = (self.width() - HEAD_GAP_PX - NAMES_PX) / columns - GAP_PX
        high = (self.height() - HEAD_GAP_PX - CAPTION_PX) / rows - GAP_PX
        side = min(wide, high / self.aspect, MAX_SIDE_PX)
        return max(side, 8.0), max(side, 8.0) * self.aspect

    def _at(self, point: QPointF) -> Place | None:
        for row in range(-1, len(self._row_names)):
            for column in range(-1, len(self._column_names)):
                if (row, column) != (-1, -1) and self.place(row, column).contains(point):
                    return row, column
        return None
