"""The regions panel: paint a mask, and say what it shows.

Owns the region in hand and its brush on the canvas; changes the recipe through the document and nothing
else. GUI thread.

Source: Suzuki et al., "Spatially Controllable Image Synthesis with Internal Representation
Collaging".
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from typing import Any

import numpy as np
from PySide6.QtCore import QEvent
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from latentstudio.document.edits import DirectionEdit, Source
from latentstudio.document.local_edits import LocalEdit
from latentstudio.document.mask import Mask
from latentstudio.document.recipe import Recipe
from latentstudio.gui.canvas_sheet import canvas_of
from latentstudio.gui.mask_brush import MaskBrush
from latentstudio.gui.mask_controls import MaskControls
from latentstudio.gui.region_list import RegionList, region_words
from latentstudio.gui.region_sliders import RegionSliders
from latentstudio.gui.source_bar import SourceBar
from latentstudio.gui.studio import OpenModel, Studio
from latentstudio.gui.widgets.labels import caption, label
from latentstudio.gui.widgets.layer_strip import LayerStrip
from latentstudio.gui.widgets.segmented import Segmented
from latentstudio.gui.widgets.slider_row import SliderRow
from latentstudio.gui.widgets.value_slider import ValueSlider
from latentstudio.gui.words import layer_words, plain, signed
from latentstudio.latent.directions import Direction

SAME, OTHER = "same", "other"
NONE = "A region shows another picture, or the same with more sliders, inside a mask that you paint."
PAINT = "Paint on the picture; the right button erases. The veil shows while the pointer is over the picture."


def _percent(value: float) -> str:
    return f"{value:.0f}"


class RegionsPanel(QWidget):
    """The list, the brush, what the region shows, and where it is joined."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._recipe: Recipe = studio.document.recipe
        self._in_hand = 0
        self._strokes = 0
        self._last_source: Source | None = None
        self.brush: MaskBrush | None = None
        self.new = QPushButton("New region", self)
        self.new.setProperty("role", "primary")
        self.list = RegionList(self)
        self.hint = label(NONE, "muted", self)
        self.hint.setWordWrap(True)
        self.body = QWidget(self)
        self.brushes = MaskControls(self.body)
        self.amount = self._slider("Strength", ValueSlider(0, 100, origin=0, rest=100, step=5))
        self.feather = self._slider("Feather", ValueSlider(0, 40, origin=0, rest=5, step=1))
        self.feather.setToolTip("How far the edge fades, in sides of the picture")
        self.start = Segmented(self.body)
        self.start.set_choices(
            [
                (SAME, "This picture", "The same start, with the sliders below"),
                (OTHER, "Another start", "A seed, a favourite or a kept picture"),
            ]
        )
        self.sources = SourceBar(studio, self.body)
        self.layers = LayerStrip(self.body)
        self.layers_words = label("", "small", self.body)
        self.sliders = RegionSliders(self.body)
        self.first, self.last = QComboBox(self.body), QComboBox(self.body)
        self.first.setAccessibleName("First stage that is joined")
        self.last.setAccessibleName("Last stage that is joined")
        self._place()
        self._wire()
        self._show()

    def _slider(self, name: str, slider: ValueSlider) -> SliderRow:
        return SliderRow(name, slider, words=_percent, unit="%", parent=self.body)

    def _place(self) -> None:
        joined = QHBoxLayout()
        joined.setSpacing(8)
        joined.addWidget(self.first, 1)
        joined.addWidget(label("to", "muted", self.body))
        joined.addWidget(self.last, 1)
        body = QVBoxLayout(self.body)
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(8)
        for part in (
            self.brushes,
            self.feather,
            self.amount,
            caption("What it shows", self.body),
            self.start,
            self.sources,
            self.layers_words,
            self.layers,
            caption("Sliders inside", self.body),
            self.sliders,
            caption("Joined at", self.body),
        ):
            if part.property("role") == "caption":
                body.addSpacing(6)
            body.addWidget(part)
        body.addLayout(joined)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 16)
        column.setSpacing(8)
        column.addWidget(self.new)
        column.addWidget(self.list)
        column.addWidget(self.hint)
        column.addWidget(self.body)
        column.addStretch(1)

    def _wire(self) -> None:
        document = self._studio.document
        self.new.clicked.connect(self.add)
        self.list.taken.connect(self.take)
        self.list.hidden.connect(self._hide)
        self.list.removed.connect(self._remove)
        self.brushes.changed.connect(lambda: self._set_mask(None))
        self.start.chosen.connect(self._choose_start)
        self.sources.found.connect(lambda source, _name, _group: self.set_source(source))
        self.layers.range_painted.connect(self._set_layers)
        for row, name, words in ((self.amount, "amount", "Strength"), (self.feather, "feather", "Feather")):
            row.edited.connect(lambda v, n=name, w=words: self._set_share(n, w, v, ("region", n)))
            row.typed.connect(lambda v, n=name, w=words: self._set_share(n, w, v, None))
            row.finished.connect(document.release)
            row.aborted.connect(document.abort)
        self.sliders.added.connect(self.add_slider)
        self.sliders.edited.connect(lambda i, v: self._set_slider(i, v, ("region slider", i)))
        self.sliders.typed.connect(lambda i, v: self._set_slider(i, v, None))
        self.sliders.finished.connect(document.release)
        self.sliders.aborted.connect(document.abort)
        self.sliders.removed.connect(self._remove_slider)
        self.first.activated.connect(self._set_stages)
        self.last.activated.connect(self._set_stages)
        self._studio.directions_found.connect(lambda _: self.sliders.set_model(self._studio.model))

    # --- what the window says -------------------------------------------------------------------

    def set_model(self, model: OpenModel) -> None:
        """Begin with another model."""
        self._in_hand, self._last_source = 0, None
        self._make_brush()
        if self.brush is not None:
            self.brush.set_size(*model.info.img_size)
        self.sources.set_model(model)
        self.sliders.set_model(model)
        self.layers.set_layers(model.sides)
        for box in (self.first, self.last):
            box.clear()
            for i, stage in enumerate(model.stages):
                box.addItem(f"{stage.name}   {max(stage.resolution)}", i)
        self._show()

    def set_recipe(self, recipe: Recipe) -> None:
        """Show a recipe; says nothing."""
        self._recipe = recipe
        self._show()

    def showEvent(self, event: QShowEvent) -> None:
        """The brush lies on the canvas while its panel is looked at."""
        super().showEvent(event)
        self._make_brush()
        self.sliders.set_model(self._studio.model)
        self._show()

    def hideEvent(self, event: QHideEvent) -> None:
        """Elsewhere the hand pans again. A window that is minimised hides everything: no choice of anyone."""
        if not event.spontaneous() and self.brush is not None:
            self.brush.show_tool(False)
        super().hideEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        if event.type() == QEvent.Type.PaletteChange:
            self._show()
        super().changeEvent(event)

    # --- regions --------------------------------------------------------------------------------

    @property
    def region(self) -> LocalEdit | None:
        """The region in hand."""
        regions = self._recipe.local
        return regions[self._in_hand] if self._in_hand < len(regions) else None

    def take(self, index: int) -> None:
        """Take a region in hand."""
        self._in_hand = index
        self._show()

    def add(self) -> None:
        """A new region, with nothing painted yet."""
        model = self._studio.model
        if model is None:
            return
        document = self._studio.document
        taken = {region_words(edit, i) for i, edit in enumerate(document.recipe.local)}
        number = next(n for n in range(1, 99) if f"Region {n}" not in taken)
        shape = (256, 256) if self.brush is None else self.brush.painted_mask.shape
        region = LocalEdit(Mask(np.zeros(shape, np.uint8)), f"Region {number}")
        document.release()
        self._in_hand = len(document.recipe.local)
        document.edit(f"New {region.name}", document.recipe.changed(local=(*document.recipe.local, region)))

    def _remove(self, index: int) -> None:
        document = self._studio.document
        regions = list(document.recipe.local)
        words = region_words(regions.pop(index), index)
        self._in_hand = max(0, min(self._in_hand, len(regions) - 1))
        document.edit(f"Remove {words}", document.recipe.changed(local=tuple(regions)))

    def _hide(self, index: int, is_hidden: bool) -> None:
        self._in_hand = index
        self._edit("Hide" if is_hidden else "Show", amount=0.0 if is_hidden else 1.0)

    def _edit(self, words: str, merge: Hashable | None = None, **changes: Any) -> None:
        """Change the region in hand."""
        document = self._studio.document
        regions = list(document.recipe.local)
        if self._in_hand >= len(regions):
            return
        regions[self._in_hand] = replace(regions[self._in_hand], **changes)
        name = region_words(regions[self._in_hand], self._in_hand)
        if merge is None:
            document.release()
        document.edit(f"{words}, {name}", document.recipe.changed(local=tuple(regions)), merge)

    # --- edits ----------------------------------------------------------------------------------

    def _set_mask(self, merge: Hashable | None) -> None:
        if self.brush is not None:
            self._edit("Paint", merge, mask=self.brush.painted_mask)

    def _stroke(self) -> None:
        self._set_mask(("stroke", self._strokes))

    def _end_stroke(self) -> None:
        self._stroke()
        self._strokes += 1
        self._studio.document.release()

    def _set_share(self, name: str, words: str, percent: float, merge: Hashable | None) -> None:
        share = min(max(percent / 100, 0.0), 1.0)
        self._edit(f"{words} {plain(percent, 0).removesuffix('.0')} %", merge, **{name: share})

    def _choose_start(self, choice: object) -> None:
        region = self.region
        if region is None:
            return
        if choice == SAME:
            self._last_source = region.source or self._last_source
            self._edit("This picture's start", source=None)
        else:
            seed = self._recipe.seed
            self.set_source(self._last_source or self._recipe.seeded(0 if seed is None else seed + 1))

    def set_source(self, source: Source) -> None:
        """Show another start inside the region in hand."""
        words = f"Seed {source.seed}" if source.seed is not None else "Another picture"
        self._edit(words, source=source)

    def _set_layers(self, start: int, stop: int) -> None:
        model = self._studio.model
        if model is not None:
            end = None if stop >= model.info.num_ws else stop
            self._edit(f"On {layer_words(start, end, model.info.num_ws)}", start=start, stop=end)

    def add_slider(self, direction: Direction) -> None:
        """A slider inside the region in hand, at rest."""
        region = self.region
        if region is not None and all(e.direction != direction for e in region.directions):
            self._edit(
                f"Add {direction.name}", directions=(*region.directions, DirectionEdit(direction, 0.0))
            )

    def _set_slider(self, index: int, value: float, merge: Hashable | None) -> None:
        region = self.region
        if region is None:
            return
        edits = list(region.directions)
        edits[index] = replace(edits[index], amount=float(value))
        self._edit(f"{edits[index].direction.name} {signed(value)}", merge, directions=tuple(edits))

    def _remove_slider(self, index: int) -> None:
        region = self.region
        if region is not None:
            edits = list(region.directions)
            words = edits.pop(index).direction.name
            self._edit(f"Remove {words}", directions=tuple(edits))

    def _set_stages(self, _: int) -> None:
        first, last = int(self.first.currentData()), int(self.last.currentData())
        first, last = min(first, last), max(first, last)
        end = None if last == self.last.count() - 1 else last
        names = f"{self.first.itemText(first).split()[0]} to {self.last.itemText(last).split()[0]}"
        self._edit(f"Joined at {names}", first_stage=first, last_stage=end)

    # --- showing --------------------------------------------------------------------------------

    def _make_brush(self) -> None:
        canvas = canvas_of(self._studio)
        if self.brush is not None or canvas is None:
            return
        self.brush = MaskBrush(canvas)
        self.brush.color = "second"
        self.brush.shows_always = False
        self.brush.stroked.connect(self._stroke)
        self.brush.painted.connect(self._end_stroke)
        self.brush.aborted.connect(self._studio.document.abort)
        self.brushes.set_brush(self.brush)
        if self._studio.model is not None:
            self.brush.set_size(*self._studio.model.info.img_size)

    def _show(self) -> None:
        regions = self._recipe.local
        self._in_hand = max(0, min(self._in_hand, len(regions) - 1))
        region, model = self.region, self._studio.model
        self.new.setEnabled(model is not None)
        self.list.set_regions(regions, self._in_hand)
        self.body.setVisible(region is not None)
        self.hint.setText(NONE if region is None else PAINT)
        if self.brush is not None:
            self.brush.show_tool(region is not None and self.isVisible())
        if region is None or model is None:
            return
        if self.brush is not None:
            self.brush.set_mask(region.mask)
        for row, value in ((self.amount, region.amount * 100), (self.feather, region.feather * 100)):
            if not row.slider.is_held:
                row.set_value(value)
        has_other = region.source is not None
        self.start.set_chosen(OTHER if has_other else SAME)
        has_layers = has_other and model.info.num_ws > 1
        for part, shows in (
            (self.sources, has_other),
            (self.layers, has_layers),
            (self.layers_words, has_layers),
        ):
            part.setVisible(shows)
        self.layers.set_range(region.start, region.stop)
        self.layers_words.setText(f"Gives {layer_words(region.start, region.stop, model.info.num_ws)}")
        self.sliders.set_edits(region.directions)
        self.first.setCurrentIndex(min(region.first_stage, self.first.count() - 1))
        last = self.last.count() - 1 if region.last_stage is None else region.last_stage
        self.last.setCurrentIndex(min(last, self.last.count() - 1))
