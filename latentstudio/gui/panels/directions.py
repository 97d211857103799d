"""The directions panel: sliders in latent space.

Owns the list of sliders, the groups they come from and the pictures that show where the one in use
leads; changes the recipe through the document and nothing else. GUI thread.
"""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QPushButton, QVBoxLayout, QWidget

from latentstudio.document.recipe import DirectionEdit, Recipe
from latentstudio.gui.hover_strip import HoverStrip
from latentstudio.gui.own.bar import OwnBar
from latentstudio.gui.panels.direction_row import DirectionRow
from latentstudio.gui.panels.sefa_layers import SefaLayers
from latentstudio.gui.studio import OpenModel, Studio
from latentstudio.gui.widgets.flow_layout import FlowLayout
from latentstudio.gui.widgets.labels import caption, label
from latentstudio.gui.widgets.preview_strip import SHARES
from latentstudio.gui.widgets.segmented import Segmented
from latentstudio.gui.words import layer_words, signed
from latentstudio.latent.directions import Direction

# (key, words, how it was found); an origin that is none of these belongs to "mine".
GROUPS = (
    ("named", "Named", "Directions whose meaning is known"),
    ("pca", "PCA", "Principal components of w, the strongest first"),
    ("sefa", "SeFa", "Closed-form factorisation of the style weights"),
    ("mine", "Mine", "Your own: from examples, files and recipes"),
)
# Where there is no w: the layers read z, or a part of it with the class, as it is.
PLAIN_HINTS = {
    "pca": "Principal components of the first layer's features, led back to z",
    "map": "Principal components of the latent map's channels, the same at every place",
    "sefa": "Closed-form factorisation of the weights that read z and the class",
}
ALWAYS = ("named", "pca", "sefa")


def group_of(direction: Direction) -> str:
    """The group a direction is listed in."""
    return direction.origin if direction.origin in ALWAYS else "mine"


class DirectionsPanel(QWidget):
    """Sliders by group, and the directions that can be added."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._model: OpenModel | None = None
        self._recipe: Recipe = studio.document.recipe
        self._group = "named"
        self._listed: tuple[Direction, ...] = ()
        self._rows: list[DirectionRow] = []
        self._in_use: int | None = None
        self._leads_to: list[Recipe] = []  # of the slider in use, at each amount of the strip
        self.groups = Segmented(self)
        self.groups.chosen.connect(self.show_group)
        self._sliders = QVBoxLayout()
        self._sliders.setSpacing(6)
        self._empty = label("", "muted", self)
        self._empty.setWordWrap(True)
        self._add_caption = caption("Add", self)
        self._offers = QWidget(self)
        self._flow = FlowLayout(self._offers)
        self.sefa = SefaLayers(studio, self)
        self.sefa.changed.connect(self._show_offers)
        self.own = OwnBar(studio, self)
        self.own.used.connect(self._use_own)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 16)
        column.setSpacing(12)
        column.addWidget(self.groups)
        column.addLayout(self._sliders)
        column.addWidget(self._empty)
        column.addWidget(self.sefa)
        column.addWidget(self._add_caption)
        column.addWidget(self._offers)
        column.addWidget(self.own)
        column.addStretch(1)
        self._strip_timer = QTimer(self, singleShot=True, interval=0)
        self._strip_timer.timeout.connect(self._fill_strip)
        studio.thumbnails.arrived.connect(self._take_thumbnail)
        studio.directions_found.connect(self._take_directions)
        studio.document.history_changed.connect(self._after_edit)
        # What closes above a slider moves it: not before a double click would be over.
        self._close_timer = QTimer(self, singleShot=True, interval=QApplication.doubleClickInterval() + 50)
        self._close_timer.timeout.connect(self._close_others)
        self.hover = HoverStrip(studio, self)
        studio.factors_found.connect(self._show_measured)
        self._show_offers()

    @property
    def rows(self) -> list[DirectionRow]:
        """The sliders, in the order of the recipe."""
        return self._rows

    def set_model(self, model: OpenModel) -> None:
        """Begin with another model."""
        self._model = model
        self._rebuild(())
        self.sefa.set_model(model)
        self._group = "named" if model.directions.get("named") else "pca"
        self._show_offers()

    def set_recipe(self, recipe: Recipe) -> None:
        """Show a recipe; says nothing."""
        before, self._recipe = self._recipe, recipe
        directions = tuple(edit.direction for edit in recipe.directions)
        if directions != self._listed or len(self._rows) != len(directions):
            self._rebuild(directions)
            self._show_offers()
        for row, edit in zip(self._rows, recipe.directions, strict=True):
            row.set_edit(edit)
        if not self._studio.document.is_merging:
            self._reveal_change(before, recipe)
            self._show_counts()

    def show_group(self, group: str) -> None:
        """List the sliders of a group."""
        self._group = group
        self._show_rows()
        self._show_offers()

    def use(self, index: int | None) -> None:
        """Make a slider the one in use."""
        if index == self._in_use:
            return
        self._in_use = index
        self._leads_to = []
        for i, row in enumerate(self._rows):
            if index is None or i >= index:
                row.set_in_use(i == index)
        self._close_timer.start()
        self._strip_timer.start()

    def _close_others(self) -> None:
        if any(row.slider.is_held for row in self._rows):
            self._close_timer.start()
            return
        for i, row in enumerate(self._rows):
            row.set_in_use(i == self._in_use)

    # --- list -----------------------------------------------------------------------------------

    def _rebuild(self, directions: tuple[Direction, ...]) -> None:
        kept = {id(direction): row for direction, row in zip(self._listed, self._rows, strict=True)}
        in_use = None if self._in_use is None else self._rows[self._in_use]
        rows = []
        for i, direction in enumerate(directions):
            row = kept.pop(id(direction), None) or self._make_row(self._recipe.directions[i])
            rows.append(row)
        for row in kept.values():
            self._sliders.removeWidget(row)
            row.hide()
            row.deleteLater()
        for i, row in enumerate(rows):
            self._sliders.insertWidget(i, row)
        self._listed, self._rows = directions, rows
        self._in_use = rows.index(in_use) if in_use in rows and in_use is not None else None
        self._show_rows()

    def _make_row(self, edit: DirectionEdit) -> DirectionRow:
        assert self._model is not None
        row = DirectionRow(edit, self._model, self)
        document = self._studio.document

        # The index is looked up at each signal: sliders above may have come or gone.
        def at() -> int:
            return self._rows.index(row)

        row.grabbed.connect(lambda: self.use(at()))
        row.edited.connect(lambda value: self._set_amount(at(), value, ("direction", at())))
        row.typed.connect(lambda value: self._set_amount(at(), value, None))
        row.finished.connect(document.release)
        row.aborted.connect(document.abort)
        row.range_chosen.connect(lambda start, stop: self._set_range(at(), start, stop))
        row.removed.connect(lambda: self._remove(at()))
        row.set_measured(self._measured_words(edit.direction))
        # The pictures of the slider in use stand below it already.
        self.hover.watch(row.name, lambda: None if at() == self._in_use else row.direction)
        return row

    def _measured_words(self, direction: Direction) -> str:
        words = self._studio.factor_words(direction)
        return f"Measured, per σ: {words}" if words else ""

    def _show_measured(self) -> None:
        for row in self._rows:
            row.set_measured(self._measured_words(row.direction))

    def _show_rows(self) -> None:
        for row, direction in zip(self._rows, self._listed, strict=True):
            row.setVisible(group_of(direction) == self._group)
        self._show_counts()

    def _show_counts(self) -> None:
        moved: dict[str, int] = {}
        for edit in self._recipe.directions:
            if edit.amount:
                moved[group_of(edit.direction)] = moved.get(group_of(edit.direction), 0) + 1
        choices = [
            (key, f"{words} · {moved[key]}" if key in moved else words, self._hint(key, hint))
            for key, words, hint in GROUPS
        ]
        self.groups.set_choices(choices)
        self.groups.set_chosen(self._group)

    def _hint(self, group: str, usual: str) -> str:
        """What a group holds, in the words of the spaces that the model has."""
        if self._model is None or self._model.info.has_mapping:
            return usual
        is_map = group == "pca" and self._model.info.z_shape is not None
        return PLAIN_HINTS.get("map" if is_map else group, usual)

    def _reveal_change(self, before: Recipe, now: Recipe) -> None:
        """After undo and redo, show the group whose slider moved."""
        if len(before.directions) != len(now.directions):
            return
        changed = [
            group_of(b.direction)
            for a, b in zip(before.directions, now.directions, strict=True)
            if a is not b and a != b
        ]
        if changed and self._group not in changed:
            self.show_group(changed[0])

    # --- adding ---------------------------------------------------------------------------------

    def _take_directions(self, group: str) -> None:
        if group == self._group:
            self._show_offers()

    def _show_offers(self) -> None:
        while (item := self._flow.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        found = self._model.directions.get(self._group) if self._model is not None else None
        if self._group == "sefa":
            found = self.sefa.listed()
        self.sefa.setVisible(self._group == "sefa" and self.sefa.has_groups)
        listed = {(d.name, d.origin) for d in self._listed}
        offered = [d for d in found or [] if (d.name, d.origin) not in listed]
        for direction in offered:
            button = QPushButton(direction.name, self._offers)
            button.setProperty("role", "add")
            button.setAccessibleName(f"Add a slider for {direction.name}")
            button.clicked.connect(lambda _=False, d=direction: self.add(d))
            self.hover.watch(button, lambda d=direction: d)  # type: ignore[misc]
            self._flow.addWidget(button)
        self._offers.setVisible(bool(offered))
        self._add_caption.setVisible(bool(offered))
        any_listed = any(group_of(d) == self._group for d in self._listed)
        self._empty.setText("" if any_listed or offered else self._empty_words(found))
        self._empty.setVisible(bool(self._empty.text()))
        self._offers.updateGeometry()
        self.own.setVisible(self._group == "mine")
        self._show_counts()

    def _empty_words(self, found: list[Direction] | None) -> str:
        if self._model is None:
            return "Open a model to see its directions."
        if self._group == "named":
            return "This model names no directions. PCA and SeFa find some."
        if self._group == "mine":
            return "Directions of your own: from examples, from scores, from files."
        if found is None:
            return "Being found; this takes a moment."
        return "This model has none: it has no style layers to factorise."

    def add(self, direction: Direction) -> None:
        """List another slider, at rest."""
        recipe = self._studio.document.recipe
        edits = (*recipe.directions, DirectionEdit(direction))
        self._studio.document.edit(f"Add {direction.name}", recipe.changed(directions=edits))
        self.use(len(edits) - 1)

    def _use_own(self, direction: Direction) -> None:
        self.show_group("mine")
        listed = [i for i, d in enumerate(self._listed) if d == direction]
        if listed:
            self.use(listed[0])
        else:
            self.add(direction)

    # --- edits ----------------------------------------------------------------------------------

    def _set_amount(self, index: int, value: float, merge: object) -> None:
        edit = self._recipe.directions[index]
        changed = replace(edit, amount=float(value))
        label_words = f"{edit.direction.name} {signed(value)}"
        recipe = self._studio.document.recipe.with_direction(index, changed)
        self._studio.document.edit(label_words, recipe, merge)

    def _set_range(self, index: int, start: int, stop: int | None) -> None:
        edit = self._recipe.directions[index]
        assert self._model is not None
        words = layer_words(start, stop, self._model.info.num_ws)
        recipe = self._studio.document.recipe.with_direction(index, replace(edit, start=start, stop=stop))
        self._studio.document.edit(f"{edit.direction.name} on {words}", recipe)

    def _remove(self, index: int) -> None:
        recipe = self._studio.document.recipe
        edits = [e for i, e in enumerate(recipe.directions) if i != index]
        name = recipe.directions[index].direction.name
        self._studio.document.edit(f"Remove {name}", recipe.changed(directions=tuple(edits)))

    # --- where the slider in use leads ----------------------------------------------------------

    def _after_edit(self) -> None:
        if not self._studio.document.is_merging:
            self._show_counts()
            self._strip_timer.start()

    def _strip_recipes(self) -> list[Recipe]:
        index = self._in_use
        if index is None or index >= len(self._recipe.directions):
            return []
        edit = self._recipe.directions[index]
        amounts = [edit.direction.reach * share for share in SHARES]
        return [self._recipe.with_direction(index, replace(edit, amount=amount)) for amount in amounts]

    def _fill_strip(self) -> None:
        if self._in_use is None or not self._rows or not self.isVisible():
            return
        strip = self._rows[self._in_use].strip
        if strip is None:
            return
        self._leads_to = self._strip_recipes()
        for i, recipe in enumerate(self._leads_to):
            found = self._studio.thumbnails.ask(recipe, f"strip {i}")
            if found is not None:
                strip.set_image(i, found)

    def _take_thumbnail(self, digest: str) -> None:
        strip = None if self._in_use is None else self._rows[self._in_use].strip
        if strip is None:
            return
        for i, recipe in enumerate(self._leads_to):
            if recipe.digest == digest:
                strip.set_image(i, self._studio.thumbnails.find(recipe))
