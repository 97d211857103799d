"""One tray of the A - B + C bench: its weight, its pictures, the ways to put one in.

Owns the row; what a tray means belongs to the bench. GUI thread.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QEvent, QSize, Signal
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent, QIcon, QPixmap
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QPushButton,
    QToolButton,
    QWidget,
    QWidgetAction,
)

from latentstudio.gui.dragging import dropped_files, dropped_recipe, is_picture
from latentstudio.gui.icons import icon
from latentstudio.gui.theme import tokens
from latentstudio.gui.widgets.labels import label
from latentstudio.gui.widgets.picture_tiles import PictureTiles
from latentstudio.gui.widgets.slider_row import SliderRow
from latentstudio.gui.widgets.value_slider import ValueSlider
from latentstudio.gui.words import signed
from latentstudio.settings import user_folders

COLUMNS = 6
SHOWN_FAVOURITES = 24


class TrayRow(SliderRow):
    """Weight above, pictures below.

    Signals:
        current_wanted(): put the picture that is shown in.
        seeds_typed(str): put these seeds in.
        random_wanted(): put three random seeds in.
        files_wanted(list): put these PNG recipes in.
        recipe_dropped(Recipe): put this picture in.
        member_chosen(int), member_removed(int): a click on a picture, on its cross.
        removed(): a person took the tray away.
    """

    current_wanted = Signal()
    seeds_typed = Signal(str)
    random_wanted = Signal()
    files_wanted = Signal(object)
    recipe_dropped = Signal(object)
    member_chosen = Signal(int)
    member_removed = Signal(int)
    removed = Signal()

    def __init__(self, letter: str, weight: float, may_go: bool, parent: QWidget | None = None) -> None:
        slider = ValueSlider(-2, 2, rest=weight)
        super().__init__(letter, slider, words=signed, parent=parent)
        self.setAcceptDrops(True)
        self.letter = letter
        self.ask_files: Callable[[], list[Path]] = self._ask_files
        self.count = label("", "small", self)
        self.head.insertWidget(1, self.count)
        self._remove = QToolButton(self)
        self._remove.setIconSize(QSize(12, 12))
        self._remove.setFixedSize(20, 20)
        self._remove.setToolTip(f"Remove tray {letter}")
        self._remove.setAccessibleName(f"Remove tray {letter}")
        self._remove.clicked.connect(self.removed)
        self._remove.setVisible(may_go)
        self.head.insertWidget(2, self._remove)
        self.tiles = PictureTiles(COLUMNS, removable=True, parent=self)
        self.tiles.chosen.connect(self.member_chosen)
        self.tiles.removed.connect(self.member_removed)
        # An empty tray says in words what a filled one says with two small signs.
        self._words = QWidget(self)
        row = QHBoxLayout(self._words)
        row.setContentsMargins(0, 4, 0, 0)
        row.setSpacing(6)
        self.put = QPushButton("Put in the picture", self._words)
        self.put.setToolTip(f"Put the picture you see into tray {letter}")
        self.more = QPushButton("More…", self._words)
        self.more.setToolTip("Seeds, favourites, files. Pictures can be dropped here too.")
        for button in (self.put, self.more):
            button.setProperty("role", "add")
            row.addWidget(button)
        row.addStretch(1)
        self._put_sign, self._more_sign = QToolButton(self), QToolButton(self)
        for sign, button in ((self._put_sign, self.put), (self._more_sign, self.more)):
            sign.setIconSize(QSize(14, 14))
            sign.setFixedSize(22, 20)
            sign.setToolTip(button.toolTip())
            sign.setAccessibleName(f"{button.text()}, tray {letter}")
            self.head.insertWidget(self.head.count() - 1, sign)
        for starter in (self.put, self._put_sign):
            starter.clicked.connect(self.current_wanted)
        for starter in (self.more, self._more_sign):
            starter.clicked.connect(self.open_menu)
        self.column.addSpacing(2)
        self.column.addWidget(self.tiles)
        self.column.addWidget(self._words)
        self.set_members([])
        self._colour()

    def set_members(self, words: Sequence[str]) -> None:
        """Show so many pictures, empty as yet."""
        self.tiles.set_cells(list(words))
        self.tiles.setVisible(bool(words))
        self._words.setVisible(not words)
        for sign in (self._put_sign, self._more_sign):
            sign.setVisible(bool(words))
        self.count.setText("" if len(words) < 2 else f"mean of {len(words)}")

    def open_menu(self) -> None:
        """The other ways to put a picture in."""
        menu = QMenu(self)
        menu.aboutToHide.connect(menu.deleteLater)
        field = QLineEdit(menu)
        field.setPlaceholderText("Seeds, such as 4,7-9")
        field.setAccessibleName("Seeds")
        field.setMinimumWidth(190)

        def typed() -> None:
            text = field.text()
            menu.close()
            if text.strip():
                self.seeds_typed.emit(text)

        field.returnPressed.connect(typed)
        seeds = QWidgetAction(menu)
        seeds.setDefaultWidget(field)
        menu.addAction(seeds)
        menu.addAction("Three random seeds").triggered.connect(lambda _=False: self.random_wanted.emit())
        favourites = sorted((user_folders().data / "favourites").glob("*.png"))[:SHOWN_FAVOURITES]
        if favourites:
            chosen = menu.addMenu("Favourites")
            for path in favourites:
                picture = QIcon(QPixmap(str(path)))
                action = chosen.addAction(picture, path.stem[:6])
                action.triggered.connect(lambda _=False, path=path: self.files_wanted.emit([path]))
        menu.addAction("Pictures with a recipe…", self._choose_files)
        below = self._more_sign if self._more_sign.isVisible() else self.more
        menu.popup(below.mapToGlobal(below.rect().bottomLeft()))
        field.setFocus()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Pictures are welcome."""
        if is_picture(event.mimeData()):
            event.acceptProposedAction()
            self.setStyleSheet(f"TrayRow {{ background: {tokens().hover}; }}")

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """Gone again."""
        self.setStyleSheet("")

    def dropEvent(self, event: QDropEvent) -> None:
        """Put them in."""
        self.setStyleSheet("")
        event.acceptProposedAction()
        recipe = dropped_recipe(event.mimeData())
        if recipe is not None:
            self.recipe_dropped.emit(recipe)
        else:
            self.files_wanted.emit(dropped_files(event.mimeData()))

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        if event.type() == QEvent.Type.PaletteChange:
            self._colour()
        super().changeEvent(event)

    def _colour(self) -> None:
        self._remove.setIcon(icon("close", "muted"))
        self._put_sign.setIcon(icon("plus", "muted"))
        self._more_sign.setIcon(icon("down", "muted"))

    def _choose_files(self) -> None:
        paths = self.ask_files()
        if paths:
            self.files_wanted.emit(paths)

    def _ask_files(self) -> list[Path]:
        words = f"Pictures for tray {self.letter}"
        names, _ = QFileDialog.getOpenFileNames(self, words, "", "Pictures with a recipe (*.png *.json)")
        return [Path(name) for name in names]
