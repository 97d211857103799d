"""The channels panel: StyleSpace, one slider for each channel of each layer's style.

Owns the choice of a channel, the sliders and the favourites; changes the recipe through the document
and nothing else. GUI thread.

Source: Wu et al., "StyleSpace Analysis: Disentangled Controls for StyleGAN Image Generation".
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QTimer
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from latentstudio.document.channel_file import favourites_path, read_channels, write_channels
from latentstudio.document.recipe import ChannelEdit, Recipe
from latentstudio.engine.requests import Job
from latentstudio.errors import LatentStudioError
from latentstudio.gui.in_use import channel_words
from latentstudio.gui.one_job import OneJob
from latentstudio.gui.panels.channel_row import ChannelRow
from latentstudio.gui.panels.channel_search import ChannelSearch
from latentstudio.gui.studio import OpenModel, Studio
from latentstudio.gui.text_section import TextSection
from latentstudio.gui.widgets.flow_layout import FlowLayout
from latentstudio.gui.widgets.labels import caption, label
from latentstudio.gui.widgets.number_box import NumberBox
from latentstudio.gui.widgets.pager import Pager
from latentstudio.gui.words import plain, signed
from latentstudio.settings import user_folders

Key = tuple[str, int]


def key_of(edit: ChannelEdit) -> Key:
    """Which channel, whatever its amount."""
    return edit.layer, edit.channel


class ChannelsPanel(QWidget):
    """Channels by layer, the sliders in use, favourites, and the search by region."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._recipe: Recipe = studio.document.recipe
        self._sha256: str | None = None
        # {layer: (mean, std)}; None until it is known, empty where there is nothing to move.
        self._statistics: dict[str, tuple[np.ndarray, np.ndarray]] | None = None
        self._favourites: list[ChannelEdit] = []
        self._channel = 0
        self.rows: list[ChannelRow] = []
        self._job = OneJob(studio.bridge, self)
        self._job.finished.connect(self._take_statistics)
        self.empty = label("", "muted", self)
        self.empty.setWordWrap(True)
        self.content = QWidget(self)
        self._find_caption = caption("Find by region", self.content)
        self.search = ChannelSearch(studio, self.content)
        self.search.channel_wanted.connect(self.add)
        self._layer_caption = caption("Layer", self.content)
        self.layers = QComboBox(self.content)
        self.layers.setAccessibleName("Layer")
        self.layers.activated.connect(lambda _: self.take(self.layer, 0))
        self.number = NumberBox(lambda value: str(round(value)), "", self.content)
        self.number.setAccessibleName("Channel")
        self.number.value_typed.connect(lambda value: self.take(self.layer, round(value)))
        self.pager = Pager("Channel", self.content)
        self.pager.turned.connect(lambda step: self.take(self.layer, self._channel + step))
        self.row = self._wired(ChannelRow(ChannelEdit("", 0), self.content))
        self._sliders_caption = caption("Other sliders", self.content)
        self._sliders = QVBoxLayout()
        self._sliders.setSpacing(6)
        self._stars_caption = caption("Favourites", self.content)
        self._text_caption = caption("By words", self.content)
        self.text = TextSection(studio, self.content)
        self._stars = QWidget(self.content)
        self._flow = FlowLayout(self._stars)
        choice = QHBoxLayout()
        choice.setSpacing(4)
        choice.addWidget(label("Channel", parent=self.content))
        choice.addWidget(self.number)
        choice.addWidget(self.pager, 1)
        inside = QVBoxLayout(self.content)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(8)
        for part in (
            self._find_caption,
            self.search,
            self._layer_caption,
            self.layers,
            choice,
            self.row,
            self._sliders_caption,
            self._sliders,
            self._stars_caption,
            self._stars,
            self._text_caption,
            self.text,
        ):
            if isinstance(part, QLabel) and part is not self._find_caption:
                inside.addSpacing(6)
            if isinstance(part, QWidget):
                inside.addWidget(part)
            else:
                inside.addLayout(part)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 16)
        column.addWidget(self.content)
        column.addWidget(self.empty)
        column.addStretch(1)
        studio.document.history_changed.connect(self._show_rows)
        self._show_content()

    # --- what the window says -------------------------------------------------------------------

    def set_model(self, model: OpenModel) -> None:
        """Begin with another model."""
        self._job.cancel()
        self._statistics, self._channel = None, 0
        self._sha256 = model.info.sha256
        self._favourites = read_channels(self._favourites_path())
        self.layers.clear()
        self.search.set_model()
        self.text.set_model()
        self._show_content()
        self._show_favourites()
        self._ask()

    def set_recipe(self, recipe: Recipe) -> None:
        """Show a recipe; says nothing."""
        self._recipe = recipe
        self.search.set_recipe(recipe)
        self._show_chosen()
        self._show_rows()

    def showEvent(self, event: QShowEvent) -> None:
        """Only a panel that is seen costs anything."""
        super().showEvent(event)
        self._ask()

    # --- choosing -------------------------------------------------------------------------------

    @property
    def layer(self) -> str:
        """Name of the layer whose channel is in hand."""
        return str(self.layers.currentData() or "")

    @property
    def channel(self) -> int:
        """Number of the channel in hand."""
        return self._channel

    def take(self, layer: str, channel: int) -> None:
        """Take a channel in hand."""
        index = self.layers.findData(layer)
        if self._statistics is None or index < 0:
            return
        self.layers.setCurrentIndex(index)
        self._channel = min(max(channel, 0), len(self._statistics[layer][1]) - 1)
        self._show_chosen()

    def add(self, edit: ChannelEdit) -> None:
        """Take a channel in hand, and list a slider for it, at rest."""
        self.take(*key_of(edit))
        recipe = self._studio.document.recipe
        if key_of(edit) not in {key_of(e) for e in recipe.channels}:
            edits = (*recipe.channels, replace(edit, amount=0.0))
            self._studio.document.edit(f"Add {channel_words(edit)}", recipe.changed(channels=edits))
        # Once the new slider has its place.
        QTimer.singleShot(0, self, self._reveal)

    def _reveal(self) -> None:
        parent = self.parentWidget()
        while parent is not None and not isinstance(parent, QScrollArea):
            parent = parent.parentWidget()
        if parent is not None:
            parent.ensureWidgetVisible(self.row, 0, 24)

    def _ask(self) -> None:
        if self.isVisible() and self._studio.model is not None and self._statistics is None:
            self._job.start(_statistics_job)

    def _take_statistics(self, statistics: dict[str, tuple[np.ndarray, np.ndarray]]) -> None:
        self._statistics = statistics
        model = self._studio.model
        sizes = {} if model is None else {stage.name: stage.resolution for stage in model.stages}
        for name, (_, std) in statistics.items():
            height, width = sizes.get(name, (0, 0))
            self.layers.addItem(f"{name}   {width} × {height}   {len(std)} channels", name)
        self.layers.setCurrentIndex(self.layers.count() // 2)
        self._show_content()
        self._show_chosen()

    # --- showing --------------------------------------------------------------------------------

    def _show_content(self) -> None:
        if self._studio.model is None:
            words = "Open a model to see its style channels."
        elif self._statistics is None:
            words = "Measuring the style channels; this takes a moment."
        elif not self._statistics:
            words = "This model has no style channels that could be moved one by one."
        else:
            words = ""
        self.empty.setText(words)
        self.empty.setVisible(bool(words))
        self.content.setVisible(not words)

    def _show_chosen(self) -> None:
        if not self._statistics:
            return
        std = self._statistics[self.layer][1]
        listed = [e for e in self._recipe.channels if key_of(e) == (self.layer, self._channel)]
        at_rest = ChannelEdit(self.layer, self._channel, 0.0, float(std[self._channel]))
        edit = listed[0] if listed else at_rest
        self.row.set_edit(edit, is_listed=bool(listed))
        self.row.set_starred(key_of(edit) in {key_of(e) for e in self._favourites})
        self.number.set_value(self._channel, is_set=True)
        self.pager.set_page(self._channel, 1, len(std))
        self.pager.words.setText(f"of {len(std)}, sigma {plain(edit.sigma)}")
        self._show_rows()

    def _show_rows(self) -> None:
        # A list that grows under a hand would move what the hand holds.
        if not self._studio.document.is_merging:
            in_hand = (self.layer, self._channel) if self._statistics else None
            wanted = [key for key in map(key_of, self._recipe.channels) if key != in_hand]
            if wanted != [key_of(row.edit) for row in self.rows]:
                self._rebuild(wanted)
        edits = {key_of(edit): edit for edit in self._recipe.channels}
        for row in self.rows:
            if key_of(row.edit) in edits:
                row.set_edit(edits[key_of(row.edit)], is_listed=True)
        self._sliders_caption.setVisible(bool(self.rows))

    def _rebuild(self, wanted: list[Key]) -> None:
        kept = {key_of(row.edit): row for row in self.rows}
        starred = {key_of(edit) for edit in self._favourites}
        edits = {key_of(edit): edit for edit in self._recipe.channels}
        self.rows = []
        for i, key in enumerate(wanted):
            row = kept.pop(key, None)
            if row is None:
                row = self._wired(ChannelRow(edits[key], self.content))
                row.set_starred(key in starred)
            self._sliders.insertWidget(i, row)
            self.rows.append(row)
        for row in kept.values():
            self._sliders.removeWidget(row)
            row.hide()
            row.deleteLater()

    def _wired(self, row: ChannelRow) -> ChannelRow:
        document = self._studio.document
        row.edited.connect(lambda value: self._set_amount(row.edit, value, ("channel", *key_of(row.edit))))
        row.typed.connect(lambda value: self._set_amount(row.edit, value, None))
        row.finished.connect(document.release)
        row.aborted.connect(document.abort)
        row.starred.connect(lambda wanted: self._star(row.edit, wanted))
        row.removed.connect(lambda: self._remove(row.edit))
        return row

    # --- edits ----------------------------------------------------------------------------------

    def _set_amount(self, edit: ChannelEdit, value: float, merge: Any) -> None:
        moved = replace(edit, amount=float(value))
        recipe = self._studio.document.recipe
        if key_of(edit) in {key_of(e) for e in recipe.channels}:
            edits = tuple(moved if key_of(e) == key_of(edit) else e for e in recipe.channels)
        else:
            edits = (*recipe.channels, moved)
        words = f"{channel_words(edit)} {signed(value)}"
        self._studio.document.edit(words, recipe.changed(channels=edits), merge)

    def _remove(self, edit: ChannelEdit) -> None:
        recipe = self._studio.document.recipe
        rest = tuple(e for e in recipe.channels if key_of(e) != key_of(edit))
        self._studio.document.edit(f"Remove {channel_words(edit)}", recipe.changed(channels=rest))

    # --- favourites -----------------------------------------------------------------------------

    def _favourites_path(self) -> Path:
        return favourites_path(user_folders().data, self._sha256 or "unsaved")

    def _star(self, edit: ChannelEdit, wanted: bool) -> None:
        others = [e for e in self._favourites if key_of(e) != key_of(edit)]
        self._favourites = [*others, replace(edit, amount=0.0)] if wanted else others
        try:
            write_channels(self._favourites_path(), self._favourites)
        except LatentStudioError as error:
            self._studio.tell_error(error)
        starred = {key_of(e) for e in self._favourites}
        for row in (self.row, *self.rows):
            row.set_starred(key_of(row.edit) in starred)
        self._show_favourites()

    def _show_favourites(self) -> None:
        while (item := self._flow.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for edit in self._favourites:
            button = QPushButton(channel_words(edit), self._stars)
            button.setProperty("role", "add")
            button.setToolTip(f"Add a slider for {channel_words(edit)}")
            button.clicked.connect(lambda _=False, edit=edit: self.add(edit))
            self._flow.addWidget(button)
        for part in (self._stars_caption, self._stars):
            part.setVisible(bool(self._favourites))
        self._stars.updateGeometry()


def _statistics_job() -> Job:
    from latentstudio.engine.exploring import style_statistics_job

    return style_statistics_job()
