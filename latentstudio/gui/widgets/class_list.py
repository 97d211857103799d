"""A searchable list of classes with their pictures.

Owns search, list and their drawing; which classes are mixed and where pictures come from is decided
outside. GUI thread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRectF,
    QSize,
    QSortFilterProxyModel,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import (
    QHideEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from latentstudio.gui.icons import pixmap
from latentstudio.gui.theme import figures, tokens
from latentstudio.gui.widgets.labels import label
from latentstudio.gui.words import plain

ROW_PX, PICTURE_PX, ADD_PX = 36, 28, 32
MOST_ROWS = 7
_CLASS = Qt.ItemDataRole.UserRole

Index = QModelIndex | QPersistentModelIndex


class _Classes(QAbstractListModel):
    """One row a class."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.lines: tuple[str, ...] = ()
        self.pictures: dict[int, QImage] = {}
        self.weights: dict[int, float] = {}

    def rowCount(self, parent: Index | None = None) -> int:
        """How many classes."""
        return len(self.lines)

    def data(self, index: Index, role: int = int(Qt.ItemDataRole.DisplayRole)) -> object:
        """Words, picture or number of a class."""
        row = index.row()
        if role == Qt.ItemDataRole.DisplayRole:
            return self.lines[row]
        if role == Qt.ItemDataRole.DecorationRole:
            return self.pictures.get(row)
        return row if role == _CLASS else None

    def show(self, lines: Sequence[str]) -> None:
        """Other classes."""
        self.beginResetModel()
        self.lines, self.pictures, self.weights = tuple(lines), {}, {}
        self.endResetModel()


class _Row(QStyledItemDelegate):
    """Picture, words, and at the right the weight, or a cross to mix it in."""

    def __init__(self, classes: _Classes, parent: QWidget) -> None:
        super().__init__(parent)
        self._classes = classes

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """All rows are alike."""
        return QSize(100, ROW_PX)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """One line."""
        t, place = tokens(), QRectF(option.rect)
        state = option.state
        number = index.data(_CLASS)
        weight = self._classes.weights.get(number)
        painter.save()
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        painter.setPen(Qt.PenStyle.NoPen)
        over = bool(state & QStyle.StateFlag.State_MouseOver)
        focused = bool(state & QStyle.StateFlag.State_HasFocus)
        if over or focused or weight is not None:
            painter.setBrush(t.color("raised" if weight is not None else "hover"))
            painter.drawRoundedRect(place.adjusted(0, 1, 0, -1), 6, 6)
        if weight is not None:
            painter.setBrush(t.color("accent"))
            painter.drawRoundedRect(QRectF(place.x(), place.y() + 8, 3, place.height() - 16), 1.5, 1.5)
        top = place.y() + (ROW_PX - PICTURE_PX) / 2
        frame = QRectF(place.x() + 8, top, PICTURE_PX, PICTURE_PX)
        path = QPainterPath()
        path.addRoundedRect(frame, 4, 4)
        painter.setClipPath(path)
        painter.fillRect(frame, t.color("line"))
        picture = index.data(Qt.ItemDataRole.DecorationRole)
        if isinstance(picture, QImage):
            painter.drawImage(frame, picture)
        painter.setClipping(False)
        words = place.adjusted(8 + PICTURE_PX + 10, 0, -ADD_PX - 4, 0)
        painter.setFont(figures(option.font))
        painter.setPen(t.color("text"))
        line = painter.fontMetrics().elidedText(
            str(index.data()), Qt.TextElideMode.ElideRight, int(words.width())
        )
        painter.drawText(words, int(Qt.AlignmentFlag.AlignVCenter), line)
        right = QRectF(place.right() - ADD_PX - 4, place.y(), ADD_PX, place.height())
        if weight is not None and self._classes.weights != {number: 1.0}:
            painter.setPen(t.color("accent"))
            painter.drawText(right, int(Qt.AlignmentFlag.AlignCenter), plain(weight))
        elif weight is None and (over or focused):
            mark = pixmap("plus", t.muted, 14, painter.device().devicePixelRatio())
            painter.drawPixmap(round(right.center().x() - 7), round(right.center().y() - 7), mark)
        painter.restore()


class ClassList(QWidget):
    """Type to search, click to choose, the cross or Ctrl to mix in.

    Signals:
        chosen(int): this class alone.
        added(int): this class too.
        pictures_wanted(object): the numbers of the classes in view that have no picture.
    """

    chosen = Signal(int)
    added = Signal(int)
    pictures_wanted = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._classes = _Classes(self)
        self._found = QSortFilterProxyModel(self)
        self._found.setSourceModel(self._classes)
        self._found.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.search = QLineEdit(self)
        self.search.setClearButtonEnabled(True)
        self.search.setAccessibleName("Search classes")
        self.search.installEventFilter(self)
        self.view = QListView(self)
        self.view.setModel(self._found)
        self.view.setItemDelegate(_Row(self._classes, self.view))
        self.view.setUniformItemSizes(True)
        self.view.setMouseTracking(True)
        self.view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view.setAccessibleName("Classes")
        self.view.viewport().installEventFilter(self)
        self.view.installEventFilter(self)
        self._nothing = label("No class of this name.", "muted", self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.search)
        column.addWidget(self.view)
        column.addWidget(self._nothing)
        # Pictures are asked for once the list has come to rest.
        self._look = QTimer(self, singleShot=True, interval=120)
        self._look.timeout.connect(self._want_pictures)
        self.view.verticalScrollBar().valueChanged.connect(self._look.start)
        self.search.textChanged.connect(self._search)
        self._fit()

    def set_classes(self, lines: Sequence[str]) -> None:
        """Show these, numbered from 0."""
        self._classes.show(lines)
        self.search.clear()
        self.search.setPlaceholderText(f"Search {len(lines)} classes")
        self.search.setVisible(len(lines) > MOST_ROWS)
        self._fit()
        self._look.start()

    def set_weights(self, weights: Mapping[int, float]) -> None:
        """Mark the classes in use."""
        if dict(weights) != self._classes.weights:
            self._classes.weights = dict(weights)
            self.view.viewport().update()

    def set_picture(self, index: int, image: QImage) -> None:
        """The picture of a class."""
        self._classes.pictures[index] = image
        self.view.viewport().update()

    def show_class(self, index: int) -> None:
        """Scroll a class into view."""
        self.view.scrollTo(self._found.mapFromSource(self._classes.index(index)))

    @property
    def found(self) -> list[int]:
        """The classes that the search leaves, in order."""
        return [self._found.index(row, 0).data(_CLASS) for row in range(self._found.rowCount())]

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Clicks and keys of the list and the search field."""
        if watched is self.view.viewport() and isinstance(event, QMouseEvent):
            if event.type() == QEvent.Type.MouseButtonRelease and event.button() == Qt.MouseButton.LeftButton:
                index = self.view.indexAt(event.position().toPoint())
                at_cross = event.position().x() > self.view.viewport().width() - ADD_PX - 4
                control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
                self._take(index, adds=at_cross or control)
        elif isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            key = Qt.Key(event.key())
            if watched is self.search and key == Qt.Key.Key_Down:
                self.view.setFocus(Qt.FocusReason.TabFocusReason)
                self.view.setCurrentIndex(self._found.index(0, 0))
                return True
            if watched is self.search and key == Qt.Key.Key_Escape and self.search.text():
                self.search.clear()
                return True
            if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                index = self._found.index(0, 0) if watched is self.search else self.view.currentIndex()
                self._take(index, adds=bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier))
                return True
            if watched is self.view and key == Qt.Key.Key_Plus:
                self._take(self.view.currentIndex(), adds=True)
                return True
        return super().eventFilter(watched, event)

    def showEvent(self, event: QShowEvent) -> None:
        """Pictures are drawn for eyes only."""
        super().showEvent(event)
        self._look.start()

    def hideEvent(self, event: QHideEvent) -> None:
        """No more pictures."""
        self._look.stop()
        super().hideEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Other rows may have come into view."""
        super().resizeEvent(event)
        self._look.start()

    def _take(self, index: QModelIndex, *, adds: bool) -> None:
        if index.isValid():
            (self.added if adds else self.chosen).emit(index.data(_CLASS))

    def _search(self, text: str) -> None:
        self._found.setFilterFixedString(text.strip())
        self._fit()
        if not text and self._classes.weights:
            self.show_class(next(iter(self._classes.weights)))
        self._look.start()

    def _fit(self) -> None:
        rows = self._found.rowCount()
        self.view.setFixedHeight(min(max(rows, 1), MOST_ROWS) * ROW_PX + 2)
        self.view.setVisible(rows > 0)
        self._nothing.setVisible(rows == 0 and bool(self._classes.lines))

    def _want_pictures(self) -> None:
        if not self.isVisible() or not self._found.rowCount():
            return
        height = self.view.viewport().height()
        first = self.view.verticalScrollBar().value() // ROW_PX
        last = min(self._found.rowCount(), first + height // ROW_PX + 2)
        shown = [self._found.index(row, 0).data(_CLASS) for row in range(first, last)]
        missing = [number for number in shown if number not in self._classes.pictures]
        if missing:
            self.pictures_wanted.emit(missing)
