"""The own directions of a model as a list: star, name, flip, scale, remove another from one.

Owns the rows; the list itself is `own_directions`'s. GUI thread.

Source: Shen et al., "Interpreting the Latent Space of GANs for Semantic Face Editing", section 3.3
(conditional manipulation).
"""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QEvent, QSize, QTimer, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QMenu, QPushButton, QToolButton, QVBoxLayout, QWidget

from latentstudio.document.recipe import DirectionEdit, Recipe
from latentstudio.errors import LatentStudioError
from latentstudio.gui.filling import Filler
from latentstudio.gui.icons import icon
from latentstudio.gui.own.habits import HabitsPopup
from latentstudio.gui.own_directions import add_own, change_own, free_name, own, set_starred, stars
from latentstudio.gui.studio import OpenModel, Studio
from latentstudio.gui.widgets.labels import label
from latentstudio.gui.widgets.preview_strip import PreviewStrip
from latentstudio.gui.words import plain
from latentstudio.latent.boundaries import without
from latentstudio.latent.directions import Direction
from latentstudio.latent.spaces import Latent

STRIP_PX = 236


class LibraryRow(QWidget):
    """One direction.

    Signals:
        used(Direction): make it a slider.
    """

    used = Signal(object)

    def __init__(self, studio: Studio, direction: Direction, starred: bool, parent: QWidget) -> None:
        super().__init__(parent)
        self._studio, self.direction, self._starred = studio, direction, starred
        self.leads_to: list[Recipe] = []
        self.star = QToolButton(self)
        self.star.setIconSize(QSize(16, 16))
        self.star.setToolTip("Keep among the first")
        self.star.setAccessibleName(f"Star {direction.name}")
        self.star.clicked.connect(lambda: set_starred(studio, direction, not starred))
        self.name = QLineEdit(direction.name, self)
        self.name.setAccessibleName("Name")
        self.name.editingFinished.connect(self._rename)
        rows = f", {direction.values.shape[0]} rows" if len(direction.values.shape) == 2 else ""
        mask = f", {len(direction.rows)} layers" if direction.rows else ""
        words = f"{direction.space}{rows}{mask}, σ {plain(direction.sigma, 3)}"
        self.facts = label(words, "small", self)
        self.strip = PreviewStrip(self)
        self.strip.set_reach(direction.reach)
        self.strip.setFixedWidth(STRIP_PX)
        words_column = QVBoxLayout()
        words_column.setSpacing(2)
        words_column.addWidget(self.name)
        words_column.addWidget(self.facts)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self.star)
        row.addLayout(words_column, 1)
        row.addWidget(self.strip)
        self.buttons: dict[str, QPushButton] = {}
        for key, hint, act in (
            ("Flip", "The other way round; its slider keeps the picture", self._flip),
            (
                "÷ 2",
                "Half as far for each σ; its slider keeps the picture",
                lambda: self._scale(0.5),
            ),
            (
                "× 2",
                "Twice as far for each σ; its slider keeps the picture",
                lambda: self._scale(2),
            ),
            ("Range…", "How far its slider goes, and which layers it may move", self.open_habits),
            ("Without…", "A new direction: this one with another removed from it", self._open_others),
            ("Use", "Add a slider", lambda: self.used.emit(self.direction)),
        ):
            button = QPushButton(key, self)
            button.setProperty("role", "add")
            button.setAutoDefault(False)
            button.setToolTip(hint)
            button.clicked.connect(lambda _=False, act=act: act())
            row.addWidget(button)
            self.buttons[key] = button
        self.remove = QToolButton(self)
        self.remove.setIconSize(QSize(12, 12))
        self.remove.setToolTip("Remove from the list; sliders that use it stay")
        self.remove.setAccessibleName(f"Remove {direction.name}")
        self.remove.clicked.connect(lambda: change_own(studio, direction, None))
        row.addWidget(self.remove)
        self._colour()

    def lead_from(self, recipe: Recipe) -> None:
        """Show where it leads from this picture, in place of a slider of it that is in use."""
        others = tuple(e for e in recipe.directions if e.direction != self.direction)
        self.leads_to = [
            recipe.changed(directions=(*others, DirectionEdit(self.direction, amount)))
            for amount in self.strip.amounts
        ]

    def remove_from(self, other: Direction) -> None:
        """Keep a new direction that leaves another alone."""
        mine = self.direction
        try:
            left = without(mine.values.array.ravel(), [other.values.array.ravel()])
        except LatentStudioError as error:
            self._studio.tell_error(error)
            return
        length = float((mine.values.array**2).sum()) ** 0.5
        values = Latent(left.reshape(mine.values.shape))
        name = f"{mine.name} without {other.name}"
        add_own(self._studio, Direction(name, mine.space, values, mine.sigma * length, "examples"))

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        if event.type() == QEvent.Type.PaletteChange:
            self._colour()
        super().changeEvent(event)

    def _colour(self) -> None:
        self.star.setIcon(icon("star", "accent" if self._starred else "muted"))
        self.remove.setIcon(icon("close", "muted"))

    def _rename(self) -> None:
        name, model = self.name.text().strip(), self._studio.model
        if model is None or not name or name == self.direction.name:
            self.name.setText(self.direction.name)
            return
        new = replace(self.direction, name=free_name(model, name))
        change_own(self._studio, self.direction, new, f"Rename {self.direction.name}")

    def _flip(self) -> None:
        values = Latent(-self.direction.values.array)
        words = f"Flip {self.direction.name}"
        change_own(self._studio, self.direction, replace(self.direction, values=values), words)

    def _scale(self, factor: float) -> None:
        new = replace(self.direction, sigma=self.direction.sigma * factor)
        change_own(self._studio, self.direction, new, f"Scale {self.direction.name}")

    def open_habits(self) -> HabitsPopup | None:
        """Reach and layer mask, in a popup."""
        model = self._studio.model
        if model is None:
            return None
        popup = HabitsPopup(self.direction, model, self)
        popup.changed.connect(self._use_like)
        button = self.buttons["Range…"]
        popup.open_at(button.mapToGlobal(button.rect().bottomLeft()))
        return popup

    def _use_like(self, reach: float, rows: tuple[int, ...]) -> None:
        new = replace(self.direction, reach=reach, rows=rows)
        change_own(self._studio, self.direction, new, f"Range of {self.direction.name}")

    def _open_others(self) -> None:
        model = self._studio.model
        if model is None:
            return
        menu = QMenu(self)
        menu.aboutToHide.connect(menu.deleteLater)
        for found in model.directions.values():
            fitting = [
                d
                for d in found
                if d.space == self.direction.space
                and d.values.shape == self.direction.values.shape
                and d != self.direction
            ]
            for other in fitting:
                action = menu.addAction(other.name)
                action.triggered.connect(lambda _=False, other=other: self.remove_from(other))
            if fitting:
                menu.addSeparator()
        if menu.isEmpty():
            menu.addAction("No other direction of this kind").setEnabled(False)
        button = self.buttons["Without…"]
        menu.popup(button.mapToGlobal(button.rect().bottomLeft()))


class LibraryPage(QWidget):
    """All own directions.

    Signals:
        used(Direction): make it a slider.
    """

    used = Signal(object)

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self.rows: list[LibraryRow] = []
        self._empty = label(
            "None yet. Mark examples, take the ends of a score, import a file, or make one from A − B.",
            "muted",
            self,
        )
        self._empty.setWordWrap(True)
        self._list = QVBoxLayout()
        self._list.setSpacing(10)
        self._filler = Filler(studio, "own library", self)
        self._filler.arrived.connect(self._fill)
        self._timer = QTimer(self, singleShot=True, interval=0)
        self._timer.timeout.connect(self._ask)
        studio.document.history_changed.connect(self._ask_later)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._empty)
        column.addLayout(self._list)
        column.addStretch(1)
        studio.directions_found.connect(self._refresh)

    def set_model(self, model: OpenModel) -> None:
        """Other directions."""
        self._refresh("mine")

    def _refresh(self, group: str) -> None:
        model = self._studio.model
        if group != "mine" or model is None:
            return
        for row in self.rows:
            self._list.removeWidget(row)
            row.hide()
            row.deleteLater()
        starred = stars(model)
        self.rows = [LibraryRow(self._studio, d, d.name in starred, self) for d in own(model)]
        for row in self.rows:
            row.used.connect(self.used)
            self._list.addWidget(row)
        self._empty.setVisible(not self.rows)
        self._timer.start()

    def showEvent(self, event: QShowEvent) -> None:
        """What nobody saw was not drawn."""
        self._timer.start()
        super().showEvent(event)

    def _ask_later(self) -> None:
        self._timer.start()

    def _ask(self) -> None:
        """Where each leads from the picture on the canvas, once the hand rests."""
        if not self.isVisible() or self._studio.document.is_merging:
            return
        for row in self.rows:
            row.lead_from(self._studio.document.recipe)
        self._filler.want([recipe for row in self.rows for recipe in row.leads_to])
        self._fill()

    def _fill(self) -> None:
        for row in self.rows:
            for i, recipe in enumerate(row.leads_to):
                found = self._studio.thumbnails.find(recipe)
                if found is not None:
                    row.strip.set_image(i, found)
