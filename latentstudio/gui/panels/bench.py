"""The A - B + C bench: concepts added and subtracted.

Owns the trays, the sum on the canvas and its noisy neighbours; changes the recipe through the document
and nothing else. GUI thread.

The sum follows the hand from the moment it is shown: as long as the recipe starts from the bench's own
sources, every change in a tray is an edit. Until then pictures can be collected without losing sight
of the one on the canvas.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from latentstudio.document.recipe import Recipe, Source
from latentstudio.document.starts import plane_position, without_sliders
from latentstudio.gui.filling import Filler
from latentstudio.gui.neighbourhood import CENTER, NeighbourControls
from latentstudio.gui.own_directions import add_own
from latentstudio.gui.panels.bench_difference import DifferenceRow
from latentstudio.gui.panels.bench_intake import Intake
from latentstudio.gui.panels.bench_options import SUMS, SumOptions
from latentstudio.gui.panels.bench_presets import PresetRow
from latentstudio.gui.panels.bench_state import (
    LETTERS,
    BenchState,
    Member,
    example_recipes,
    preset_state,
    state_of,
    state_of_examples,
)
from latentstudio.gui.panels.tray_row import TrayRow
from latentstudio.gui.studio import OpenModel, Studio
from latentstudio.gui.widgets.labels import caption, label
from latentstudio.gui.widgets.picture_tiles import PictureTiles
from latentstudio.gui.words import layer_words, signed
from latentstudio.latent.directions import Direction

SIDES = 100_000  # of the dice: seeds that a person can remember
REMEMBERED = 200


class BenchPanel(QWidget):
    """Trays, their sum, its neighbours."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._model: OpenModel | None = None
        self.state = BenchState()
        self._before: BenchState | None = None  # where a drag began
        self._known: OrderedDict[tuple[object, ...], BenchState] = OrderedDict()
        self._is_live = False
        self._seen: tuple[object, ...] = ()
        self._neighbours: list[Recipe] = []
        self._cells: list[tuple[PictureTiles, int, Recipe]] = []
        self._intake = Intake(studio, self)
        self._filler = Filler(studio, "bench", self)
        self._filler.arrived.connect(self._fill)
        self.rows: list[TrayRow] = []
        self._hint = label(
            "Put pictures into the trays, or try an example: the people in A have something that "
            "those in B lack, and C gets it.",
            "muted",
            self,
        )
        self._hint.setWordWrap(True)
        self.presets = PresetRow(self)
        self.presets.chosen.connect(self.use_preset)
        self._trays = QVBoxLayout()
        self._trays.setSpacing(14)
        self.add_tray = QPushButton("Add a tray", self)
        self.add_tray.setProperty("role", "add")
        self.add_tray.clicked.connect(self._add_tray)
        self.title = caption("Result", self)
        self.result = PictureTiles(3, parent=self)
        self.result.set_cells([""] * 9)
        self.result.set_marked(CENTER)
        self.result.chosen.connect(self._open_neighbour)
        self.show_result = QPushButton("Show the result", self)
        self.show_result.setProperty("role", "primary")
        self.show_result.clicked.connect(lambda: self._go_live())
        self.near = NeighbourControls(self)
        self.near.changed.connect(self._refresh_later)
        self.options = SumOptions(self)
        self.options.combine_chosen.connect(self._set_combine)
        self.options.range_chosen.connect(self._set_range)
        self.difference = DifferenceRow(self)
        self.difference.wanted.connect(self.make_direction)
        self._timer = QTimer(self, singleShot=True, interval=0)
        self._timer.timeout.connect(self._refresh)
        # During a drag only the middle follows; the neighbours do when the hand lets go.
        studio.document.history_changed.connect(self._refresh_later)
        studio.directions_found.connect(lambda _: self.presets.set_model(self._model))
        self._arrange()
        self._show_trays()
        self.setEnabled(False)

    def _arrange(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 16)
        column.setSpacing(10)
        column.addWidget(self._hint)
        column.addWidget(self.presets)
        column.addLayout(self._trays)
        end = QHBoxLayout()
        end.addWidget(self.add_tray)
        end.addStretch(1)
        column.addLayout(end)
        column.addSpacing(4)
        column.addWidget(self.title)
        column.addWidget(self.result)
        column.addWidget(self.show_result)
        column.addWidget(self.near)
        column.addSpacing(4)
        column.addWidget(self.options)
        column.addWidget(caption("Direction", self))
        column.addWidget(self.difference)
        column.addStretch(1)

    # --- what others say ------------------------------------------------------------------------

    def set_model(self, model: OpenModel) -> None:
        """Begin with empty trays."""
        self._model = model
        info = model.info
        self._known.clear()
        self._seen, self._is_live = (), False
        self.state = BenchState(combine="w" if info.has_mapping else "z")
        self.presets.set_model(model)
        self.options.set_model(model)
        self._show_trays()
        self.setEnabled(True)

    def set_recipe(self, recipe: Recipe) -> None:
        """Show a recipe; says nothing."""
        if self._model is None:
            return
        seen = (recipe.sources, recipe.combine, recipe.mixing)
        if self._seen and all(a is b for a, b in zip(seen, self._seen, strict=True)):
            return
        self._seen = seen
        known = self._known.get(seen)
        is_sum = len(recipe.sources) > 1 and plane_position(recipe) is None
        if known is None and is_sum and not recipe.mixing:
            known = state_of(recipe)
        self._is_live = known is not None
        if known is not None and known != self.state:
            self.state = known
            self._show_trays()
        self._show_live()

    def showEvent(self, event: QShowEvent) -> None:
        """What nobody saw was not drawn."""
        self._refresh_later()
        super().showEvent(event)

    @property
    def is_live(self) -> bool:
        """Whether the canvas shows the sum, so that every change is an edit."""
        return self._is_live

    # --- putting in and taking out --------------------------------------------------------------

    def use_preset(self, name: str) -> None:
        """Three with it, three without, and the picture on the canvas; shown at once."""
        if self._model is None:
            return
        info = self._model.info

        def fill(present: list[Member]) -> None:
            if name in info.provenance.z_names:
                self.state = preset_state(info.provenance.z_names, info.z_dim, name, present[0])
            else:
                self.state = state_of_examples(present)
            self.difference.name.setText(name)
            self._show_trays()
            self._go_live(f"Example: {name}")

        shown = self._studio.document.recipe
        along = None if name in info.provenance.z_names else self.presets.direction(name)
        self._intake.recipes([shown, *example_recipes(shown, along)], fill)

    def put_recipes(self, index: int, recipes: list[Recipe]) -> None:
        """Put pictures into a tray, as they are with their sliders."""
        self._intake.recipes(recipes, lambda members: self._put(index, members))

    def put_seeds(self, index: int, text: str) -> None:
        """Put seeds into a tray, written like "4,7-9"."""
        self._put(index, self._intake.seeds(text))

    def put_source(self, index: int, source: Source, words: str) -> None:
        """Put a latent into a tray, such as the mean of a selection."""
        if self.state.combine != "w":
            self.state = replace(self.state, combine="w")
        self._put(index, [Member(source, words)])

    def put_files(self, index: int, paths: list[Path]) -> None:
        """Put PNGs or recipe files into a tray."""
        self._intake.files(paths, lambda members: self._put(index, members))

    def _put(self, index: int, members: list[Member]) -> None:
        if members and index < len(self.state.trays):
            words = members[0].words if len(members) == 1 else f"{len(members)} pictures"
            letter = LETTERS[index]
            state = self.state.with_tray(index, (*self.state.trays[index], *members))
            self._change(f"{words} into {letter}", state)

    def _take_out(self, index: int, member: int) -> None:
        members = list(self.state.trays[index])
        gone = members.pop(member)
        self._change(f"{gone.words} out of {LETTERS[index]}", self.state.with_tray(index, members))

    def _add_tray(self) -> None:
        state = self.state
        if len(state.trays) < len(LETTERS):
            self.state = replace(state, trays=(*state.trays, ()), weights=(*state.weights, 1.0))
            self._show_trays()

    def _remove_tray(self, index: int) -> None:
        trays, weights = list(self.state.trays), list(self.state.weights)
        del trays[index], weights[index]
        state = replace(self.state, trays=tuple(trays), weights=tuple(weights))
        self._change(f"Remove tray {LETTERS[index]}", state)

    def _set_weight(self, index: int, weight: float, is_drag: bool) -> None:
        if is_drag and self._before is None:
            self._before = self.state
        state = self.state.with_weight(index, float(weight))
        words = f"Weight of {LETTERS[index]} {signed(weight)}"
        self._change(words, state, ("bench weight", index) if is_drag else None)

    def _end_drag(self, *, abort: bool = False) -> None:
        before, self._before = self._before, None
        if self._is_live:
            document = self._studio.document
            if abort:
                document.abort()
            else:
                document.release()
        elif abort and before is not None:
            self.state = before
            self._show_trays()

    def _set_combine(self, combine: str) -> None:
        words = next(words for key, words, _ in SUMS if key == combine)
        self._change(f"Sum in {words}", replace(self.state, combine=combine))

    def _set_range(self, start: int, stop: int) -> None:
        assert self._model is not None
        rows = self._model.info.num_ws
        end = None if stop >= rows else stop
        self._change(f"Sum on {layer_words(start, end, rows)}", replace(self.state, start=start, stop=end))

    # --- the sum --------------------------------------------------------------------------------

    def sum_recipe(self) -> Recipe | None:
        """The recipe of the sum; None while all trays are empty."""
        if self._model is None:
            return None
        base = self._studio.document.recipe
        # Sliders are in the pictures that were put in; and none in z can act on a w.
        if not self._is_live or not self.state.has_only_z:
            base = without_sliders(base)
        elif self.state.start <= 0 and self.state.stop is None:
            base = base.changed(mixing=())
        return self.state.applied(base, self._model.info.num_ws)

    def _go_live(self, words: str = "") -> None:
        recipe = self.sum_recipe() if not self._is_live else None
        if recipe is None:
            self._is_live = False
            recipe = self.sum_recipe()
        if recipe is not None:
            self._remember(recipe)
            self._studio.document.edit(words or self.state.formula(), recipe)
            self.set_recipe(recipe)

    def _change(self, words: str, state: BenchState, merge: Hashable | None = None) -> None:
        self.state = state
        recipe = self.sum_recipe() if self._is_live else None
        if recipe is not None:
            self._remember(recipe)
            self._studio.document.edit(words, recipe, merge)
        self._show_trays()
        self._refresh_later()

    def _remember(self, recipe: Recipe) -> None:
        self._known[(recipe.sources, recipe.combine, recipe.mixing)] = self.state
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    def _open_neighbour(self, index: int) -> None:
        if index == CENTER or not self._neighbours:
            self._go_live()
        elif index < len(self._neighbours):
            recipe = self._neighbours[index]
            self._studio.document.edit(f"Neighbour of {self.state.formula()}", recipe)

    def make_direction(self) -> None:
        """A − B as a slider, at rest."""
        if self._model is None:
            return
        first, second = ([m.source for m in tray] for tray in self.state.trays[:2])
        in_z = self.state.combine != "w"
        self._intake.difference(first, second, self._studio.document.recipe, in_z, self._add_direction)

    def _add_direction(self, found: Direction) -> None:
        named = replace(found, name=self.difference.name.text().strip() or "A − B")
        kept = add_own(self._studio, named)
        if kept is not None:
            self._studio.tell(f"{kept.name} is a direction now.", "It is among your own in Directions.")

    # --- showing --------------------------------------------------------------------------------

    def _show_trays(self) -> None:
        state = self.state
        while len(self.rows) > len(state.trays):
            row = self.rows.pop()
            self._trays.removeWidget(row)
            row.hide()
            row.deleteLater()
        while len(self.rows) < len(state.trays):
            self._trays.addWidget(self._make_row(len(self.rows)))
        for row, members, weight in zip(self.rows, state.trays, state.weights, strict=True):
            row.set_members([member.words for member in members])
            if not row.slider.is_held or row.slider.value != weight:
                row.set_value(weight)
        self.options.set_state(state)
        self.title.setText(f"RESULT   {state.formula()}")
        self.difference.set_ready(all(state.trays[:2]) and len(state.trays) > 1)
        self._hint.setVisible(not any(state.trays))
        self._show_live()

    def _show_live(self) -> None:
        has_sum = any(self.state.trays)
        self.show_result.setVisible(has_sum and not self._is_live)
        for widget in (self.title, self.result, self.near):
            widget.setVisible(has_sum)

    def _make_row(self, index: int) -> TrayRow:
        weight = self.state.weights[index]
        row = TrayRow(LETTERS[index], weight, index > 2, self)
        row.edited.connect(lambda value: self._set_weight(index, value, True))
        row.typed.connect(lambda value: self._set_weight(index, value, False))
        row.finished.connect(self._end_drag)
        row.aborted.connect(lambda: self._end_drag(abort=True))
        row.current_wanted.connect(lambda: self.put_recipes(index, [self._studio.document.recipe]))
        row.seeds_typed.connect(lambda text: self.put_seeds(index, text))
        row.random_wanted.connect(
            lambda: self.put_seeds(index, ",".join(str(secrets.randbelow(SIDES)) for _ in range(3)))
        )
        row.files_wanted.connect(lambda paths: self.put_files(index, paths))
        row.recipe_dropped.connect(lambda recipe: self.put_recipes(index, [recipe]))
        row.member_chosen.connect(lambda member: self._open_member(index, member))
        row.member_removed.connect(lambda member: self._take_out(index, member))
        row.removed.connect(lambda: self._remove_tray(index))
        self.rows.append(row)
        return row

    def _open_member(self, index: int, member: int) -> None:
        chosen = self.state.trays[index][member]
        base = without_sliders(self._studio.document.recipe)
        self._studio.document.edit(chosen.words, base.changed(sources=(chosen.source,), combine="w"))

    def _refresh_later(self) -> None:
        if self.isVisible():
            self._timer.start()

    def _refresh(self) -> None:
        total = self.sum_recipe()
        if total is None or self._model is None or not self.isVisible():
            return
        self._neighbours = self.near.recipes(total, self._model)
        cells = [(self.result, CENTER, self._neighbours[CENTER])]
        base = without_sliders(self._studio.document.recipe).changed(combine="w")
        for row, members in zip(self.rows, self.state.trays, strict=True):
            cells += [(row.tiles, i, base.changed(sources=(m.source,))) for i, m in enumerate(members)]
        if not self._studio.document.is_merging:
            cells += [(self.result, i, r) for i, r in enumerate(self._neighbours) if i != CENTER]
        self._cells = cells
        self._filler.want([recipe for _, _, recipe in cells])
        self._fill()

    def _fill(self) -> None:
        for tiles, index, recipe in self._cells:
            found = self._studio.thumbnails.find(recipe)
            if found is not None and index < tiles.count:
                tiles.set_image(index, found)
