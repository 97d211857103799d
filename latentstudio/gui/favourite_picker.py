"""Favourites to choose one from, in a small popup.

Owns the popup; the pictures come from the favourites' folder, read on a background thread. GUI thread.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtGui import QIcon, QImage, QPixmap
from PySide6.QtWidgets import QFrame, QGridLayout, QToolButton, QVBoxLayout, QWidget

from latentstudio.gui.studio import Studio
from latentstudio.gui.widgets.labels import label
from latentstudio.settings import user_folders

COLUMNS, SIDE_PX, LIMIT = 4, 56, 32

Kept = tuple[Path, QImage]


class FavouritePicker(QFrame):
    """A popup with favourites.

    Signals:
        chosen(Path): a click on one.
    """

    chosen = Signal(object)

    def __init__(self, studio: Studio, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setProperty("role", "toast")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._studio = studio
        self.buttons: list[QToolButton] = []
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        self._hint = label("No favourites yet. Ctrl+D keeps the picture you see.", "muted", self)
        self._grid = QGridLayout()
        self._grid.setSpacing(4)
        self.column = column
        column.addLayout(self._grid)
        column.addWidget(self._hint)

    def open_at(self, point: QPoint) -> None:
        """Read the folder, then show."""
        self._studio.background.run(read_favourites, lambda kept: self._show(kept, point), self._fail)

    def _show(self, kept: list[Kept], point: QPoint) -> None:
        self._hint.setVisible(not kept)
        for i, (path, image) in enumerate(kept[:LIMIT]):
            button = QToolButton(self)
            button.setIcon(QIcon(QPixmap.fromImage(image)))
            button.setIconSize(QSize(SIDE_PX, SIDE_PX))
            button.setAccessibleName(f"Favourite {i + 1}")
            self.wire(button, path)
            self._grid.addWidget(button, i // COLUMNS, i % COLUMNS)
            self.buttons.append(button)
        self.adjustSize()
        room = self.screen().availableGeometry()
        left = min(point.x(), room.right() - self.width() - 8)
        top = min(point.y(), room.bottom() - self.height() - 8)
        self.move(max(left, room.left()), max(top, room.top()))
        self.show()

    def wire(self, button: QToolButton, path: Path) -> None:
        """What a click on a favourite does."""
        button.clicked.connect(lambda _=False: self._choose(path))

    def _choose(self, path: Path) -> None:
        self.chosen.emit(path)
        self.close()

    def _fail(self, error: Exception) -> None:
        self._studio.tell_error(error)
        self.close()


def read_favourites() -> list[Kept]:
    """The pictures in the favourites' folder, the newest first."""
    folder = user_folders().data / "favourites"
    paths = sorted(folder.glob("*.png"), key=lambda path: path.stat().st_mtime, reverse=True)
    found = [(path, QImage(str(path))) for path in paths[:LIMIT]]
    return [(path, image) for path, image in found if not image.isNull()]
