"""Favourites: a small grid of pictures worth keeping.

Owns the grid and the files behind it, which are pictures with their recipe like any saved one; opening
one is asked of the window. GUI thread; files are read and written on others.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PySide6.QtCore import QFileSystemWatcher, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QImage, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QMenu, QSizePolicy, QVBoxLayout, QWidget

from latentstudio.document.recipe import Recipe
from latentstudio.document.recipe_json import dumps
from latentstudio.gui.dragging import DragStart, picture_data, start_drag
from latentstudio.gui.studio import OpenModel, Studio
from latentstudio.gui.theme import tokens
from latentstudio.gui.thumbnails import small
from latentstudio.gui.widgets.labels import label
from latentstudio.media.image import write_png
from latentstudio.settings import user_folders

SIDE_PX = 128
COLUMNS = 4
GAP_PX = 6

Kept = tuple[Path, QImage]


class PictureGrid(QWidget):
    """Square pictures, four in a row.

    Signals:
        chosen(Path): a click.
        removed(Path): chosen in the menu.
    """

    chosen = Signal(object)
    removed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pictures: list[Kept] = []
        self._under: int | None = None
        self._drag = DragStart()
        self.setMouseTracking(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def set_pictures(self, pictures: list[Kept]) -> None:
        """Show these."""
        self._pictures = pictures
        self.updateGeometry()
        self.update()

    def place(self, index: int) -> QRectF:
        """Where a picture lies."""
        side = (self.width() - GAP_PX * (COLUMNS - 1)) / COLUMNS
        row, column = divmod(index, COLUMNS)
        return QRectF(column * (side + GAP_PX), row * (side + GAP_PX), side, side)

    def hasHeightForWidth(self) -> bool:
        """As high as its rows."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Height of all rows."""
        rows = -(-len(self._pictures) // COLUMNS)
        side = (width - GAP_PX * (COLUMNS - 1)) / COLUMNS
        return max(0, round(rows * (side + GAP_PX)) - GAP_PX)

    def sizeHint(self) -> QSize:
        """At the width it has."""
        return QSize(200, self.heightForWidth(max(1, self.width())))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click, or the beginning of a drag."""
        self._drag.press(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Choose."""
        self._drag.release()
        index = self._at(event.position().x(), event.position().y())
        if index is not None and event.button() == Qt.MouseButton.LeftButton:
            self.chosen.emit(self._pictures[index][0])

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Frame the one under the pointer; with the button down, carry it away."""
        start = self._drag.passed(event)
        held = None if start is None else self._at(start.x(), start.y())
        if held is not None:
            path, image = self._pictures[held]
            start_drag(self, picture_data(path=path), image)
            return
        under = self._at(event.position().x(), event.position().y())
        if under != self._under:
            self._under = under
            self.update()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer to remove."""
        index = self._at(event.pos().x(), event.pos().y())
        if index is not None:
            path = self._pictures[index][0]
            menu = QMenu(self)
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.addAction("Remove from favourites", lambda: self.removed.emit(path))
            menu.popup(event.globalPos())

    def paintEvent(self, event: QPaintEvent) -> None:
        """The pictures with round corners."""
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        for i, (_, image) in enumerate(self._pictures):
            place = self.place(i)
            path = QPainterPath()
            path.addRoundedRect(place, 4, 4)
            painter.setClipPath(path)
            painter.drawImage(place, image)
            painter.setClipping(False)
            if i == self._under:
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.setPen(QPen(tokens().color("accent"), 2))
                painter.drawRoundedRect(place.adjusted(1, 1, -1, -1), 4, 4)

    def _at(self, x: float, y: float) -> int | None:
        return next((i for i in range(len(self._pictures)) if self.place(i).contains(x, y)), None)


class FavouritesPanel(QWidget):
    """The grid and its files.

    Signals:
        wanted(Path): open this picture with its recipe.
    """

    wanted = Signal(object)

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self.grid = PictureGrid(self)
        self._hint = label(
            "Ctrl+D keeps the picture you see, to be dragged into trays and onto layers.",
            "muted",
            self,
        )
        self._hint.setWordWrap(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 6, 12, 12)
        column.addWidget(self.grid)
        column.addWidget(self._hint)
        column.addStretch(1)
        self.grid.chosen.connect(self.wanted)
        self.grid.removed.connect(self._remove)
        # Other panels keep pictures too, and know only the folder.
        self._watch = QFileSystemWatcher([str(_folder())], self)
        self._watch.directoryChanged.connect(self.refresh)
        self.refresh()

    def set_model(self, model: OpenModel) -> None:
        """The grid holds pictures of all models."""

    def set_recipe(self, recipe: Recipe) -> None:
        """The grid does not depend on the recipe."""

    def refresh(self) -> None:
        """Read the folder again."""
        self._studio.background.run(_read_all, self._show, self._studio.tell_error)

    def add(self) -> None:
        """Keep the picture that is shown."""
        picture = self._studio.binding.picture
        if picture is None:
            return
        recipe, image = picture.request.recipe, small(picture.image, SIDE_PX)

        def work() -> None:
            path = _folder() / f"{recipe.digest[:24]}.png"
            write_png(path, _pixels(image), dumps(recipe))

        self._studio.background.run(work, lambda _: self.refresh(), self._studio.tell_error)

    def _remove(self, path: Path) -> None:
        self._studio.background.run(
            lambda: path.unlink(missing_ok=True), lambda _: self.refresh(), self._studio.tell_error
        )

    def _show(self, pictures: list[Kept]) -> None:
        self.grid.set_pictures(pictures)
        self.grid.setVisible(bool(pictures))
        self._hint.setVisible(not pictures)


def _folder() -> Path:
    folder = user_folders().data / "favourites"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _read_all() -> list[Kept]:
    paths = sorted(_folder().glob("*.png"), key=lambda path: path.stat().st_mtime, reverse=True)
    found = [(path, QImage(str(path))) for path in paths]
    return [(path, image) for path, image in found if not image.isNull()]


def _pixels(image: QImage) -> np.ndarray:
    """uint8 (H, W, 3) of an image."""
    rgb = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(rgb.constBits(), np.uint8).reshape(rgb.height(), rgb.bytesPerLine())
    return rows[:, : 3 * rgb.width()].reshape(rgb.height(), rgb.width(), 3).copy()
