"""The row of photographs, where there are several: one to choose, each with its frame and how far it is.

Owns the thumbnails, adding and removing, and the sentences about what could not be read. GUI thread.
"""

from __future__ import annotations

from collections.abc import Mapping
from weakref import WeakKeyDictionary

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from latentstudio.errors import InputError
from latentstudio.gui.engine_bridge import as_image
from latentstudio.gui.photo.desk import PhotoDesk
from latentstudio.gui.photo.framed import FramedPhoto
from latentstudio.gui.theme import tokens
from latentstudio.gui.widgets.labels import label
from latentstudio.gui.widgets.picture_tiles import PictureTiles

COLUMNS, THUMBNAIL_PX, BAR_PX = 6, 112, 3
MOST_SENTENCES = 2  # more would push what comes next out of a small window


class PhotoTiles(PictureTiles):
    """Thumbnails with a bar at the foot of each that is being inverted."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(COLUMNS, removable=True, parent=parent)
        self.shares: list[float | None] = []
        self.setAccessibleName("Photos")

    def set_shares(self, shares: list[float | None]) -> None:
        """How far each is, 0..1; None where nothing is under way or done."""
        if shares != self.shares:
            self.shares = shares
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The pictures, and the bars."""
        super().paintEvent(event)
        t = tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        for i, share in enumerate(self.shares[: self.count]):
            if share is None:
                continue
            place = self.place(i).adjusted(5, 0, -5, -5)
            bar = QRectF(place.left(), place.bottom() - BAR_PX, place.width(), BAR_PX)
            painter.setBrush(t.color("ground", 0.75))
            painter.drawRoundedRect(bar.adjusted(-1, -1, 1, 1), 2, 2)
            painter.setBrush(t.color("accent"))
            bar.setWidth(bar.width() * share)
            painter.drawRoundedRect(bar, 1.5, 1.5)


class PhotoRow(QWidget):
    """Thumbnails, their number, what was left out; hidden while there is nothing to say.

    Args:
        desk: has the photographs.
    """

    def __init__(self, desk: PhotoDesk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._images: WeakKeyDictionary[FramedPhoto, QImage] = WeakKeyDictionary()
        self._size = (0, 0)
        self._shares: dict[FramedPhoto, float] = {}
        self.tiles = PhotoTiles(self)
        self.words = label("", "muted", self)
        self.clear = QPushButton("Remove all", self)
        self.clear.setProperty("role", "link")
        self.clear.setToolTip("An empty desk; what was inverted stays in the history")
        self.refused = label("", "small", self)
        self.refused.setWordWrap(True)
        self.dismiss = QPushButton("Dismiss", self)
        self.dismiss.setProperty("role", "link")
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(self.words, 1)
        line.addWidget(self.clear)
        told = QHBoxLayout()
        told.setSpacing(8)
        told.addWidget(self.refused, 1)
        told.addWidget(self.dismiss, 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.tiles)
        column.addLayout(line)
        column.addLayout(told)
        self.tiles.chosen.connect(desk.choose)
        self.tiles.removed.connect(desk.remove)
        self.clear.clicked.connect(desk.clear)
        self.dismiss.clicked.connect(self._dismiss)
        desk.row_changed.connect(self.show_row)
        desk.photo_changed.connect(self._show_chosen)
        desk.reframed.connect(self._reframe)
        self.show_row()

    def show_row(self) -> None:
        """Show what is on the desk."""
        desk = self._desk
        if desk.img_size != self._size:
            self._size = desk.img_size
            self._images.clear()
        to_come = desk.reading.count
        is_row = desk.is_row or (bool(desk.photos) and to_come > 0)
        if is_row:
            self.tiles.set_cells([photo.name for photo in desk.photos])
            for i, photo in enumerate(desk.photos):
                self.tiles.set_image(i, self._image(photo))
            count = f"{len(desk.photos)} photos" if desk.is_row else "1 photo"
            self.words.setText(f"{count}, {to_come} to come" if to_come else count)
            self._show_chosen()
            self._show_shares()
        shown = desk.refused[:MOST_SENTENCES]
        if len(desk.refused) > MOST_SENTENCES:
            shown.append(f"And {len(desk.refused) - MOST_SENTENCES} more.")
        self.refused.setText("\n".join(shown))
        self.refused.setToolTip("\n".join(desk.refused))
        for widget in (self.tiles, self.words, self.clear):
            widget.setVisible(is_row)
        for widget in (self.refused, self.dismiss):
            widget.setVisible(bool(shown))
        self.setVisible(is_row or bool(shown))

    def set_shares(self, shares: Mapping[FramedPhoto, float]) -> None:
        """How far each is that is being inverted, or was; 0..1."""
        self._shares = dict(shares)
        self._show_shares()

    def _show_shares(self) -> None:
        self.tiles.set_shares([self._shares.get(photo) for photo in self._desk.photos])

    def _show_chosen(self) -> None:
        self.tiles.set_marked(self._desk.index)

    def _reframe(self, index: int) -> None:
        photo = self._desk.photos[index]
        self._images.pop(photo, None)
        if self._desk.is_row and index < self.tiles.count:
            self.tiles.set_image(index, self._image(photo))

    def _image(self, photo: FramedPhoto) -> QImage:
        if photo not in self._images:
            try:
                self._images[photo] = as_image(photo.thumbnail(self._size, THUMBNAIL_PX))
            except InputError:
                # A frame beside the photograph has no picture; inverting will say so.
                self._images[photo] = QImage()
        return self._images[photo]

    def _dismiss(self) -> None:
        self._desk.refused.clear()
        self.show_row()
