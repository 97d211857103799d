"""The history strip: every step as a small picture; a click goes there.

Owns the list along the bottom; changes nothing but the position in the document's history. GUI thread.
"""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QMouseEvent, QPainter, QPainterPath, QPen, QWheelEvent
from PySide6.QtWidgets import QListView, QStyledItemDelegate, QStyleOptionViewItem, QVBoxLayout, QWidget

from latentstudio.document.document import Document
from latentstudio.document.history import Entry
from latentstudio.document.recipe import Recipe
from latentstudio.gui.dragging import DragStart, picture_data, start_drag
from latentstudio.gui.studio import OpenModel, Studio
from latentstudio.gui.theme import tokens
from latentstudio.gui.thumbnails import Thumbnails

PICTURE_PX = 80
LABEL_PX = 20
GAP_PX = 10

Index = QModelIndex | QPersistentModelIndex


class HistoryModel(QAbstractListModel):
    """The document's entries as rows."""

    def __init__(self, document: Document, parent: QWidget) -> None:
        super().__init__(parent)
        self._document = document
        self._entries: tuple[Entry, ...] = document.entries

    def rowCount(self, parent: Index | None = None) -> int:
        """How many states."""
        return 0 if parent is not None and parent.isValid() else len(self._entries)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The label of a state."""
        if not index.isValid() or index.row() >= len(self._entries):
            return None
        label = self._entries[index.row()].label
        return label if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole) else None

    def entry(self, row: int) -> Entry:
        """The state of a row."""
        return self._entries[row]

    def refresh(self) -> None:
        """Take over what the document has, with as little change as there was."""
        new, old = self._document.entries, self._entries
        both = min(len(new), len(old))
        if len(new) < len(old):
            self.beginRemoveRows(QModelIndex(), both, len(old) - 1)
            self._entries = old[:both]
            self.endRemoveRows()
        elif len(new) > len(old):
            self.beginInsertRows(QModelIndex(), both, len(new) - 1)
            self._entries = new
            self.endInsertRows()
        self._entries = new
        changed = [row for row in range(both) if new[row] is not old[row]]
        if changed:
            self.dataChanged.emit(self.index(changed[0]), self.index(changed[-1]))


class _Painter(QStyledItemDelegate):
    """Draws a state: its picture, its name, a frame round the present one."""

    def __init__(self, document: Document, thumbnails: Thumbnails, parent: QWidget) -> None:
        super().__init__(parent)
        self._document, self._thumbnails = document, thumbnails

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """One size for all."""
        return QSize(PICTURE_PX + GAP_PX, PICTURE_PX + LABEL_PX + 4)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """One state."""
        t, model = tokens(), index.model()
        assert isinstance(model, HistoryModel)
        row, document = index.row(), self._document
        if row >= model.rowCount():
            return
        entry = model.entry(row)
        is_here, is_ahead = row == document.position, row > document.position
        area: QRect = option.rect
        place = QRectF(area.x() + 3, area.y() + 3, PICTURE_PX, PICTURE_PX)
        painter.save()
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        path = QPainterPath()
        path.addRoundedRect(place, 6, 6)
        painter.fillPath(path, t.color("raised"))
        # The entry that a drag rewrites at every move gets its picture when the hand lets go.
        moving = is_here and document.is_merging
        image = self._thumbnails.find(entry.recipe) if moving else self._thumbnails.ask(entry.recipe)
        if image is not None:
            painter.setClipPath(path)
            painter.setOpacity(0.45 if is_ahead else 1.0)
            painter.drawImage(place, image)
            painter.setOpacity(1.0)
            painter.setClipping(False)
        if is_here:
            painter.setPen(QPen(t.color("accent"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(place.adjusted(-2, -2, 2, 2), 8, 8)
        font = painter.font()
        font.setPixelSize(11)
        painter.setFont(font)
        painter.setPen(t.color("text" if is_here else "muted", 0.6 if is_ahead else 1))
        words = QRectF(place.x(), place.bottom() + 5, PICTURE_PX + 4, LABEL_PX - 4)
        line = painter.fontMetrics().elidedText(entry.label, Qt.TextElideMode.ElideRight, PICTURE_PX + 2)
        painter.drawText(words, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), line)
        painter.restore()


class _Strip(QListView):
    """A list that the wheel moves sideways, and whose pictures can be carried away."""

    carried = Signal(QModelIndex)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._drag = DragStart()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click, or the beginning of a drag."""
        self._drag.press(event)
        super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Carry the picture away."""
        start = self._drag.passed(event)
        if start is not None and self.indexAt(start.toPoint()).isValid():
            self.carried.emit(self.indexAt(start.toPoint()))
            return
        super().mouseMoveEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scroll along."""
        delta = event.angleDelta().y() or event.angleDelta().x()
        bar = self.horizontalScrollBar()
        bar.setValue(bar.value() - delta)
        event.accept()


class HistoryPanel(QWidget):
    """The strip."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document, self._thumbnails = studio.document, studio.thumbnails
        self.model = HistoryModel(studio.document, self)
        self.view = _Strip(self)
        self.view.setFlow(QListView.Flow.LeftToRight)
        self.view.setWrapping(False)
        self.view.setUniformItemSizes(True)
        self.view.setHorizontalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.view.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view.setSelectionMode(QListView.SelectionMode.NoSelection)
        self.view.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.view.setCursor(Qt.CursorShape.PointingHandCursor)
        self.view.setItemDelegate(_Painter(studio.document, studio.thumbnails, self))
        self.view.setModel(self.model)
        self.view.clicked.connect(self._go)
        self.view.carried.connect(self._carry)
        self.view.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 0, 10, 2)
        column.addWidget(self.view)
        self.setMinimumHeight(PICTURE_PX + LABEL_PX + 8)
        studio.document.history_changed.connect(self._refresh)
        studio.thumbnails.arrived.connect(lambda _: self.view.viewport().update())

    def set_model(self, model: OpenModel) -> None:
        """Without a model there is nothing to draw the steps with."""
        self.view.show()

    def set_recipe(self, recipe: Recipe) -> None:
        """The strip follows the document's history."""

    def _refresh(self) -> None:
        self.model.refresh()
        if not self._document.is_merging:
            self.view.viewport().update()
            self.view.scrollTo(self.model.index(self._document.position))

    def _carry(self, index: QModelIndex) -> None:
        recipe = self.model.entry(index.row()).recipe
        start_drag(self.view, picture_data(recipe), self._thumbnails.find(recipe))

    def _go(self, index: QModelIndex) -> None:
        self._document.go_to(index.row())
