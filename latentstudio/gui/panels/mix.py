"""The mix panel: styles of other latents, layer by layer.

Owns the list of sources and what painting their cells does to the recipe; changes the recipe through the
document and nothing else. GUI thread.
"""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QPointF, Qt, QTimer
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDragMoveEvent, QDropEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from latentstudio.document.recipe import Recipe, Source, StyleMix
from latentstudio.document.style_mixing import Mixing, amounts_of, painted, remaining
from latentstudio.gui.dragging import dropped_files, dropped_recipe, is_picture
from latentstudio.gui.favourite_files import favourite_folder
from latentstudio.gui.layers import LayerGroup
from latentstudio.gui.mixing import published_groups, rows_words, source_words, strict_groups
from latentstudio.gui.mixing_grid import MixingGrid
from latentstudio.gui.source_bar import AT_ONCE, SourceBar
from latentstudio.gui.studio import OpenModel, Studio
from latentstudio.gui.widgets.labels import caption, label
from latentstudio.gui.widgets.layer_matrix import LayerMatrix
from latentstudio.gui.widgets.matrix_row import MatrixRow
from latentstudio.gui.widgets.segmented import Segmented
from latentstudio.gui.widgets.slider_row import SliderRow
from latentstudio.gui.widgets.value_slider import ValueSlider
from latentstudio.gui.words import plain

ONE_ROW = "This model reads its latent all at once, so there are no layers to mix."
HINT = (
    "Add a source, then paint the layers that it gives. Favourites, seeds and files can be dropped on "
    "the layers."
)


class MixPanel(QWidget):
    """Sources, the layer matrix, and the way to the mixing grid."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._model: OpenModel | None = None
        self._recipe: Recipe = studio.document.recipe
        self._before: Mixing | None = None  # as the gesture under way found it
        self._names: dict[Source, str] = {}
        self._shown: list[Recipe] = []  # of each line's picture
        self._groups: tuple[LayerGroup, ...] = ()
        self._grid: MixingGrid | None = None
        self.setAcceptDrops(True)
        self._body = QWidget(self)
        self.sources = SourceBar(studio, self._body)
        self.counting = Segmented(self._body)
        self.counting.set_choices(
            [
                ("published", "Published", "Layers 0–3, 4–7 and 8 up, as papers and scripts count them"),
                ("strict", "Strict", "The layers that drive 4–8, 16–32 and 64 pixels up"),
            ]
        )
        self.matrix = LayerMatrix(self._body)
        self.amount = SliderRow("Amount", ValueSlider(0, 1, rest=1, step=0.05), parent=self._body)
        self._hint = label(HINT, "muted", self._body)
        self._hint.setWordWrap(True)
        self._nothing = label("", "muted", self)
        self._nothing.setWordWrap(True)
        self.grid_button = QPushButton("Mixing grid…", self._body)
        self.grid_button.setToolTip("Many seeds mixed with many others, as a table")
        self._arrange()
        self._wire()
        self._pictures = QTimer(self, singleShot=True, interval=0)
        self._pictures.timeout.connect(self._fill_pictures)
        self.counting.set_chosen("published")
        self._body.hide()

    def _arrange(self) -> None:
        line = QHBoxLayout()
        line.addWidget(caption("Layers", self._body))
        line.addStretch(1)
        line.addWidget(self.counting)
        body = QVBoxLayout(self._body)
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(8)
        body.addWidget(caption("Add a source", self._body))
        body.addWidget(self.sources)
        body.addSpacing(8)
        body.addLayout(line)
        body.addWidget(self.matrix)
        body.addWidget(self.amount)
        body.addWidget(self._hint)
        body.addSpacing(8)
        body.addWidget(self.grid_button, 0, Qt.AlignmentFlag.AlignLeft)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 16)
        column.addWidget(self._body)
        column.addWidget(self._nothing)
        column.addStretch(1)

    def _wire(self) -> None:
        studio, matrix = self._studio, self.matrix
        self.sources.found.connect(self.add_source)
        self.counting.chosen.connect(self.count_by)
        matrix.selected.connect(self._select)
        matrix.painted.connect(self._paint)
        matrix.finished.connect(self._finish)
        matrix.aborted.connect(self._abort)
        matrix.group_chosen.connect(lambda group: self._take_group(matrix.selected_row, group))
        matrix.group_dropped.connect(lambda row, group: self._take_group(row, group, is_dropped=True))
        matrix.removed.connect(self._remove)
        self.amount.edited.connect(self._set_amount)
        self.amount.typed.connect(self._type_amount)
        self.amount.finished.connect(self._finish)
        self.amount.aborted.connect(self._abort)
        self.grid_button.clicked.connect(self.open_grid)
        studio.thumbnails.arrived.connect(self._take_thumbnail)
        studio.document.history_changed.connect(self._after_edit)

    # --- what the window says -------------------------------------------------------------------

    def set_model(self, model: OpenModel) -> None:
        """Offer the layers of this model."""
        self._model, self._before = model, None
        self._names.clear()
        self.sources.set_model(model)
        has_layers = model.info.num_ws > 1
        self._body.setVisible(has_layers)
        self._nothing.setVisible(not has_layers)
        self._nothing.setText("" if has_layers else ONE_ROW)
        # Where sizes do not rise from 4 (StyleGAN3), layers are counted by number only.
        differ = bool(model.groups) and model.groups != published_groups(model.sides)
        self.counting.setVisible(differ)
        self.count_by("published")

    def set_recipe(self, recipe: Recipe) -> None:
        """Show a recipe; says nothing."""
        self._recipe = recipe
        self._show_rows()

    def count_by(self, counting: str) -> None:
        """Group layers as published or by resolution."""
        if self._model is None:
            return
        sides = self._model.sides
        published = counting == "published"
        self._groups = published_groups(sides) if published else strict_groups(sides, self._model.groups)
        self.counting.set_chosen(counting)
        self.matrix.set_layers(sides, self._groups)
        self._show_rows()

    def open_grid(self) -> None:
        """Show the mixing grid in a window of its own."""
        if self._grid is None:
            self._grid = MixingGrid(self._studio, self.window())
        self._grid.open_with(self._recipe)

    @property
    def grid(self) -> MixingGrid | None:
        """The mixing grid, once it was opened."""
        return self._grid

    # --- lines ----------------------------------------------------------------------------------

    def name_of(self, index: int) -> str:
        """What a source is called."""
        source = self._recipe.mixing[index].source
        return source_words(source, self._names.get(source, ""))

    def _show_rows(self) -> None:
        if self._model is None or self._model.info.num_ws < 2:
            return
        num_ws, recipe = self._model.info.num_ws, self._recipe
        if not self._studio.document.is_merging or len(self._shown) != len(recipe.mixing) + 1:
            # While the hand moves the pictures stay: sources do not change by being painted.
            whole = (1.0,) * num_ws
            bare = recipe.changed(mixing=())
            self._shown = [bare] + [bare.changed(mixing=(StyleMix(m.source, whole),)) for m in recipe.mixing]
        find = self._studio.thumbnails.find
        base = "Base" if recipe.seed is None else f"Base, seed {recipe.seed}"
        rows = [MatrixRow(base, remaining(recipe.mixing, num_ws), find(self._shown[0]))]
        for i, mix in enumerate(recipe.mixing):
            rows.append(MatrixRow(self.name_of(i), amounts_of(mix, num_ws), find(self._shown[i + 1])))
        kept = {row.name: row.image for row in self.matrix.rows}
        # A picture that is being drawn anew leaves its predecessor standing.
        rows = [
            row if row.image is not None else MatrixRow(row.name, row.amounts, kept.get(row.name))
            for row in rows
        ]
        self.matrix.set_rows(rows)
        self._select(self.matrix.selected_row)

    def _select(self, row: int) -> None:
        """The amount belongs to the line in use."""
        self.amount.setVisible(len(self.matrix.rows) > 1)
        self.amount.setEnabled(row > 0)
        self._hint.setVisible(len(self.matrix.rows) < 2)
        if self._before is not None:
            return
        most = max(self.matrix.rows[row].amounts, default=0.0) if row else 0.0
        self.matrix.paint_amount = most or 1.0
        self.amount.set_value(self.matrix.paint_amount)
        self.amount.name.setText(f"Amount of {_lower(self.name_of(row - 1))}" if row else "Amount")

    # --- edits ----------------------------------------------------------------------------------

    def add_source(self, source: Source, name: str = "", group: int | None = None) -> None:
        """Another source, at first without layers, or with those of a group."""
        recipe = self._studio.document.recipe
        if name:
            self._names[source] = name
        mixing: Mixing = (*recipe.mixing, StyleMix(source, ()))
        words = f"Add {_lower(source_words(source, name))}"
        if group is not None:
            rows = self._group_rows(group)
            mixing = painted(mixing, len(mixing) - 1, rows, 1.0)
            words = f"{source_words(source, name)} on {self._words(rows)}"
        self._studio.document.edit(words, recipe.changed(mixing=mixing))
        self.matrix.select(len(mixing))

    def _remove(self, row: int) -> None:
        recipe = self._studio.document.recipe
        name = self.name_of(row - 1)
        mixing = tuple(mix for i, mix in enumerate(recipe.mixing) if i != row - 1)
        self._studio.document.edit(f"Remove {_lower(name)}", recipe.changed(mixing=mixing))

    def _paint(self, row: int, columns: Iterable[int], amount: float) -> None:
        chosen = tuple(columns)
        words = self._words(chosen)
        if row == 0:
            text = f"Base on {words}"
        elif amount == 0:
            text = f"{self.name_of(row - 1)} off {words}"
        else:
            text = f"{self.name_of(row - 1)} on {words}" + ("" if amount == 1 else f", {plain(amount)}")
        self._edit(text, row, chosen, amount, merge="mix")

    def _take_group(self, row: int, group: int, *, is_dropped: bool = False) -> None:
        rows = self._group_rows(group)
        amounts = self.matrix.rows[row].amounts
        is_taken = all(amounts[i] > 0 for i in rows)
        amount = 1.0 if is_dropped or row == 0 else 0.0 if is_taken else self.matrix.paint_amount
        self._paint(row, rows, amount)
        self._finish()

    def _set_amount(self, value: float) -> None:
        row = self.matrix.selected_row
        if row == 0:
            return
        mixing = self._recipe.mixing if self._before is None else self._before
        columns = tuple(i for i, amount in enumerate(mixing[row - 1].amounts) if amount > 0)
        self.matrix.paint_amount = value or 1.0
        if columns:
            self._edit(f"{self.name_of(row - 1)} {plain(value)}", row, columns, value, merge="mix")

    def _type_amount(self, value: float) -> None:
        self._set_amount(value)
        self._finish()

    def _edit(self, words: str, row: int, columns: tuple[int, ...], amount: float, merge: str) -> None:
        recipe = self._studio.document.recipe
        if self._before is None:
            self._before = recipe.mixing
        # From the beginning of the gesture each time: what a stroke passes over comes back.
        mixing = painted(self._before, row - 1 if row else None, columns, amount)
        self._studio.document.edit(words, recipe.changed(mixing=mixing), merge)

    def _finish(self) -> None:
        self._before = None
        self._studio.document.release()

    def _abort(self) -> None:
        self._before = None
        self._studio.document.abort()

    def _group_rows(self, group: int) -> tuple[int, ...]:
        return tuple(range(self._groups[group].start, self._groups[group].stop))

    def _words(self, columns: Iterable[int]) -> str:
        assert self._model is not None
        return rows_words(columns, self._groups, self._model.info.num_ws)

    # --- pictures -------------------------------------------------------------------------------

    def _after_edit(self) -> None:
        if not self._studio.document.is_merging:
            self._show_rows()
            self._pictures.start()

    def _fill_pictures(self) -> None:
        if self.isVisible() and self._model is not None:
            for i, recipe in enumerate(self._shown):
                self._studio.thumbnails.ask(recipe, f"mix {i}")

    def _take_thumbnail(self, digest: str) -> None:
        if any(recipe.digest == digest for recipe in self._shown):
            self._show_rows()

    def showEvent(self, event: QShowEvent) -> None:
        """What was not drawn while nobody looked."""
        self._pictures.start()
        super().showEvent(event)

    # --- dropped files --------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Pictures with a recipe are welcome; the rest is the window's."""
        if is_picture(event.mimeData()):
            event.acceptProposedAction()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        """Light up the group under it."""
        self.matrix.show_drop(self._group_under(event.position()))
        event.acceptProposedAction()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """It went elsewhere."""
        self.matrix.show_drop(None)

    def dropEvent(self, event: QDropEvent) -> None:
        """Each file is a source, on the group it fell on."""
        group = self._group_under(event.position())
        self.matrix.show_drop(None)
        event.acceptProposedAction()
        recipe = dropped_recipe(event.mimeData())
        if recipe is not None:
            self.sources.add_recipe(recipe, "Dropped picture", group)
            return
        kept = favourite_folder()
        for path in dropped_files(event.mimeData())[:AT_ONCE]:
            self.sources.add_file(path, "Favourite" if path.parent == kept else "", group)

    def _group_under(self, point: QPointF) -> int | None:
        inside = self.matrix.mapFrom(self, point.toPoint())
        if not self.matrix.isVisible() or not self.matrix.rect().contains(inside):
            return None
        return self.matrix.group_at(float(inside.x()))


def _lower(name: str) -> str:
    """A source's name within a sentence."""
    return f"seed {name[5:]}" if name.startswith("Seed ") else name
