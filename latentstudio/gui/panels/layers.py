"""The layers panel: what each stage hands to the next.

Owns the choice of a stage, the pages of its feature maps with their statistics, and the slider that
scales one of them; changes the recipe through the document and nothing else. GUI thread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QTimer
from PySide6.QtGui import QImage, QShowEvent
from PySide6.QtWidgets import QComboBox, QVBoxLayout, QWidget

from latentstudio.document.recipe import FeatureEdit, Recipe
from latentstudio.engine.requests import Job
from latentstudio.gui.one_job import OneJob
from latentstudio.gui.studio import OpenModel, Studio
from latentstudio.gui.widgets.edit_line import EditLine
from latentstudio.gui.widgets.labels import caption, label
from latentstudio.gui.widgets.map_grid import PER_PAGE, MapGrid, MapTile
from latentstudio.gui.widgets.pager import Pager
from latentstudio.gui.widgets.segmented import Segmented
from latentstudio.gui.widgets.slider_row import SliderRow
from latentstudio.gui.widgets.value_slider import ValueSlider
from latentstudio.gui.words import MINUS, plain

if TYPE_CHECKING:
    from latentstudio.engine.exploring import FeatureMaps

REST_MS = 150
LARGEST_FACTOR = 3.0
ORDERS = (
    ("number", "Number", "In the network's own order"),
    ("mean", "Mean", "By the mean; press again to turn the order round"),
    ("std", "Deviation", "By the standard deviation; press again to turn the order round"),
)


class LayersPanel(QWidget):
    """A stage's feature maps, and a factor on each."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._recipe: Recipe = studio.document.recipe
        self._maps: FeatureMaps | None = None
        self._asked: tuple[str, Recipe] | None = None
        self._order: list[int] = []
        self._order_by, self._is_reversed = "number", False
        self._page = 0
        self._channel = 0
        self._edits: tuple[FeatureEdit, ...] | None = None
        self._listed: tuple[FeatureEdit, ...] | None = None
        self._job = OneJob(studio.bridge, self)
        self._job.finished.connect(self._take_maps)
        self.stages = QComboBox(self)
        self.stages.setAccessibleName("Stage")
        self.stages.activated.connect(lambda _: self._choose_stage())
        self.orders = Segmented(self)
        self.orders.chosen.connect(self.order_by)
        self.grid = MapGrid(self)
        self.grid.chosen.connect(self.choose)
        self.pager = Pager("Page", self)
        for signal in (self.grid.page_turned, self.pager.turned):
            signal.connect(self.turn_page)
        self.factor = SliderRow(
            "",
            ValueSlider(0, LARGEST_FACTOR, origin=1, rest=1, step=0.1),
            unit="×",
            parent=self,
        )
        self.factor.slider.setToolTip("1 leaves the map as it is, 0 silences it")
        self.numbers = label("", "small", self)
        self.empty = label("", "muted", self)
        self.empty.setWordWrap(True)
        self._scaled_caption = caption("Scaled maps", self)
        self._scaled = QVBoxLayout()
        self._scaled.setSpacing(0)
        self.lines: list[EditLine] = []
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 16)
        column.setSpacing(8)
        column.addWidget(caption("Feature maps of", self))
        column.addWidget(self.stages)
        # The slider stands above the maps: on a small screen the last of them are out of sight.
        column.addWidget(self.factor)
        column.addWidget(self.numbers)
        column.addSpacing(2)
        column.addWidget(self.orders)
        column.addWidget(self.grid)
        column.addWidget(self.pager)
        column.addSpacing(8)
        column.addWidget(self._scaled_caption)
        column.addLayout(self._scaled)
        column.addWidget(self.empty)
        column.addStretch(1)
        self._timer = QTimer(self, singleShot=True, interval=REST_MS)
        self._timer.timeout.connect(self._ask)
        document = studio.document
        self.factor.edited.connect(lambda value: self._set_factor(value, "feature"))
        self.factor.typed.connect(lambda value: self._set_factor(value, None))
        self.factor.finished.connect(document.release)
        self.factor.aborted.connect(document.abort)
        document.history_changed.connect(self._after_edit)
        self._show_orders()
        self._show_empty()

    # --- what the window says -------------------------------------------------------------------

    def set_model(self, model: OpenModel) -> None:
        """Offer the stages that hand feature maps on."""
        self._job.cancel()
        self._maps, self._asked, self._page, self._channel, self._order = None, None, 0, 0, []
        self.stages.clear()
        # A picture layer passes the maps on untouched, and after the last stage nobody reads them.
        for stage in model.stages[:-1]:
            if not stage.name.endswith("torgb"):
                height, width = stage.resolution
                self.stages.addItem(f"{stage.name}   {width} × {height}", stage.name)
        self.stages.setCurrentIndex(self.stages.count() // 2)
        self.grid.set_tiles(())
        self._show_empty()
        self._wish()

    def set_recipe(self, recipe: Recipe) -> None:
        """Show a recipe; says nothing."""
        self._recipe = recipe
        if recipe.features != self._edits:
            self._edits = recipe.features
            self._show_page()
        self._show_chosen()
        if not self._studio.document.is_merging:
            self._show_edits()
            self._wish()

    def showEvent(self, event: QShowEvent) -> None:
        """Only a panel that is seen costs anything."""
        super().showEvent(event)
        self._wish()

    # --- the maps -------------------------------------------------------------------------------

    @property
    def stage(self) -> str:
        """Name of the stage whose maps are shown."""
        return str(self.stages.currentData() or "")

    @property
    def maps(self) -> FeatureMaps | None:
        """What is shown, once it is there."""
        return self._maps

    def show_stage(self, name: str) -> None:
        """Turn to another stage."""
        index = self.stages.findData(name)
        if index >= 0 and name != self.stage:
            self.stages.setCurrentIndex(index)
            self._choose_stage()

    def choose(self, channel: int) -> None:
        """Take a map in hand."""
        self._channel = channel
        self._show_chosen()

    def order_by(self, key: str) -> None:
        """Sort by number, mean or deviation; the same again turns the order round."""
        self._is_reversed = not self._is_reversed if key == self._order_by else False
        self._order_by, self._page = key, 0
        self._sort()
        self._show_orders()
        self._show_page()

    def turn_page(self, step: int) -> None:
        """The next page or the one before."""
        last = max(0, (len(self._order) - 1) // PER_PAGE)
        self._page = min(max(self._page + step, 0), last)
        self._show_page()

    def _choose_stage(self) -> None:
        self._page, self._channel = 0, 0
        self._ask()

    def _wish(self) -> None:
        if self.isVisible() and self._asked != (self.stage, self._recipe):
            self._timer.start()

    def _after_edit(self) -> None:
        if not self._studio.document.is_merging:
            self._show_edits()
            self._wish()

    def _ask(self) -> None:
        stage, recipe = self.stage, self._recipe
        if not stage or not self.isVisible():
            return
        self._asked = (stage, recipe)
        self._job.start(lambda: _maps_job(recipe, stage))

    def _take_maps(self, maps: FeatureMaps) -> None:
        if maps.stage != self.stage:
            return
        self._maps = maps
        self._channel = min(self._channel, len(maps.mean) - 1)
        self._sort()
        self.turn_page(0)
        self._show_chosen()
        self._show_empty()

    def _sort(self) -> None:
        if self._maps is None:
            return
        values = {"mean": self._maps.mean, "std": self._maps.std}.get(self._order_by)
        # The largest first: a list of statistics is looked through from its strong end.
        order = np.arange(len(self._maps.mean)) if values is None else np.argsort(-values, kind="stable")
        self._order = [int(i) for i in (order[::-1] if self._is_reversed else order)]

    # --- showing --------------------------------------------------------------------------------

    def _show_page(self) -> None:
        maps = self._maps
        if maps is None or maps.stage != self.stage:
            return
        first = self._page * PER_PAGE
        factors = {e.channel: e.factor for e in self._recipe.features if e.stage == maps.stage}
        shown = []
        for channel in self._order[first : first + PER_PAGE]:
            mean, std = float(maps.mean[channel]), float(maps.std[channel])
            words = _short(mean if self._order_by == "mean" else std)
            if channel in factors:
                words = f"× {plain(factors[channel])}"
            hint = f"Map {channel}: mean {plain(mean, 3)}, standard deviation {plain(std, 3)}"
            shown.append(MapTile(channel, _image(maps.tiles[channel]), words, hint, channel in factors))
        self.grid.set_tiles(shown)
        self.pager.set_page(first, len(shown), len(self._order))

    def _show_chosen(self) -> None:
        factor = next(
            (e.factor for e in self._recipe.features if (e.stage, e.channel) == (self.stage, self._channel)),
            1.0,
        )
        self.grid.set_chosen(self._channel)
        self.factor.name.setText(f"Map {self._channel}")
        self.factor.slider.setAccessibleName(f"Factor on map {self._channel}")
        if not self.factor.slider.is_held or self.factor.slider.value != factor:
            self.factor.set_value(factor)
        maps = self._maps
        if maps is not None and maps.stage == self.stage and self._channel < len(maps.mean):
            mean, std = float(maps.mean[self._channel]), float(maps.std[self._channel])
            self.numbers.setText(f"Mean {plain(mean, 3)}   standard deviation {plain(std, 3)}")

    def _show_orders(self) -> None:
        arrow = " ↑" if self._is_reversed else " ↓"
        choices = []
        for key, words, hint in ORDERS:
            turned = arrow if key == self._order_by and (key != "number" or self._is_reversed) else ""
            choices.append((key, words + turned, hint))
        self.orders.set_choices(choices)
        self.orders.set_chosen(self._order_by)

    def _show_empty(self) -> None:
        has_stages = self.stages.count() > 0
        for widget in (self.stages, self.orders, self.grid, self.pager, self.factor, self.numbers):
            widget.setVisible(has_stages and (self._maps is not None or widget is self.stages))
        if has_stages:
            words = "" if self._maps is not None else "Being drawn; this takes a moment."
        elif self._studio.model is None:
            words = "Open a model to see its feature maps."
        else:
            words = "This model draws in a single step: it has no feature maps between."
        self.empty.setText(words)
        self.empty.setVisible(bool(words))

    def _show_edits(self) -> None:
        # Only while no hand is on the slider: a list that grows below may move what stands above it.
        if self._recipe.features == self._listed:
            return
        self._listed = self._recipe.features
        for line in self.lines:
            self._scaled.removeWidget(line)
            line.hide()
            line.deleteLater()
        self.lines = []
        for edit in self._recipe.features:
            line = EditLine(
                f"{edit.stage} · {edit.channel}", f"× {plain(edit.factor)}", "close", "No longer scale", self
            )
            line.chosen.connect(lambda edit=edit: self._go_to(edit))
            line.acted.connect(lambda edit=edit: self._remove(edit))
            self._scaled.addWidget(line)
            self.lines.append(line)
        self._scaled_caption.setVisible(bool(self.lines))

    def _go_to(self, edit: FeatureEdit) -> None:
        self.show_stage(edit.stage)
        if self._order and edit.channel in self._order:
            self._page = self._order.index(edit.channel) // PER_PAGE
            self._show_page()
        self.choose(edit.channel)

    # --- edits ----------------------------------------------------------------------------------

    def _set_factor(self, value: float, merge: str | None) -> None:
        stage, channel = self.stage, self._channel
        recipe = self._studio.document.recipe
        others = tuple(e for e in recipe.features if (e.stage, e.channel) != (stage, channel))
        # A factor of 1 is no edit.
        edits = others if value == 1 else (*others, FeatureEdit(stage, channel, float(value)))
        key = None if merge is None else (merge, stage, channel)
        words = f"{stage} · {channel} × {plain(value)}"
        self._studio.document.edit(words, recipe.changed(features=edits), key)

    def _remove(self, edit: FeatureEdit) -> None:
        recipe = self._studio.document.recipe
        rest = tuple(e for e in recipe.features if (e.stage, e.channel) != (edit.stage, edit.channel))
        self._studio.document.edit(
            f"No longer scale {edit.stage} · {edit.channel}", recipe.changed(features=rest)
        )


def _maps_job(recipe: Recipe, stage: str) -> Job:
    from latentstudio.engine.exploring import feature_maps_job

    return feature_maps_job(recipe, stage)


def _image(tile: np.ndarray) -> QImage:
    tile = np.ascontiguousarray(tile)
    height, width = tile.shape
    return QImage(tile.data, width, height, width, QImage.Format.Format_Grayscale8).copy()


def _short(value: float) -> str:
    # Two digits always, so that a column of numbers stands still.
    return f"{value:.{2 if abs(value) < 10 else 0}f}".replace("-", MINUS)
