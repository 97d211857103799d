"""The picture of the channels panel: mark a region, find what moves it, see where a slider acts.

Owns the mark, the search for channels and the heat map; changes no recipe. GUI thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QTimer, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from latentstudio.document.recipe import Recipe
from latentstudio.engine.requests import Job, Progress
from latentstudio.gui.heat import heat_image
from latentstudio.gui.in_use import InUse, LastMoved, channel_words
from latentstudio.gui.one_job import OneJob
from latentstudio.gui.studio import Studio
from latentstudio.gui.thumbnails import small
from latentstudio.gui.widgets.flow_layout import FlowLayout
from latentstudio.gui.widgets.labels import label
from latentstudio.gui.widgets.region_picture import ELLIPSE, RECTANGLE, RegionPicture
from latentstudio.gui.words import plain

if TYPE_CHECKING:
    from latentstudio.engine.exploring import ChannelScore

REST_MS = 200
SHOWN = 8


class ChannelSearch(QWidget):
    """A picture, and what was found for the region marked on it.

    Signals:
        channel_wanted(ChannelEdit): a person chose a result.
    """

    channel_wanted = Signal(object)

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._recipe: Recipe = studio.document.recipe
        self._last = LastMoved()
        self._heated: InUse | None = None
        self._heat: NDArray[np.float32] | None = None
        self.results: list[QPushButton] = []
        self.job = OneJob(studio.bridge, self)
        self.job.finished.connect(self._take_scores)
        self.job.progressed.connect(self._show_progress)
        self.job.ended.connect(self._show_state)
        self._heat_job = OneJob(studio.bridge, self)
        self._heat_job.finished.connect(self._take_heat)
        self.picture = RegionPicture(self)
        self.picture.region_marked.connect(self._show_state)
        self.shapes = QButtonGroup(self)
        side = QVBoxLayout()
        side.setSpacing(6)
        for shape, words in ((RECTANGLE, "Rectangle"), (ELLIPSE, "Ellipse")):
            button = self._pill(words, f"Mark a region with {'an' if shape == ELLIPSE else 'a'} {shape}")
            button.clicked.connect(lambda _=False, shape=shape: self.picture.set_shape(shape))
            button.setChecked(shape == RECTANGLE)
            self.shapes.addButton(button)
            side.addWidget(button)
        side.addStretch(1)
        self.heat = self._pill("Heat map", "Where the slider moved last changes the picture")
        self.heat.toggled.connect(self._toggle_heat)
        side.addWidget(self.heat)
        top = QHBoxLayout()
        top.setSpacing(10)
        top.addWidget(self.picture, 1)
        top.addLayout(side)
        self.words = label("", "small", self)
        self.words.setWordWrap(True)
        self.search = QPushButton("Find channels", self)
        self.search.setToolTip("The channels that change the marked region most and the rest least")
        self.search.clicked.connect(self._search_or_stop)
        self._found = QWidget(self)
        self._flow = FlowLayout(self._found)
        self._found.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(top)
        column.addWidget(self.search)
        column.addWidget(self.words)
        column.addWidget(self._found)
        self._timer = QTimer(self, singleShot=True, interval=REST_MS)
        self._timer.timeout.connect(self._ask_heat)
        studio.binding.picture_changed.connect(self._take_picture)
        studio.document.history_changed.connect(self._wish_heat)
        self._show_state()

    def set_model(self) -> None:
        """Begin with another model."""
        self.job.cancel()
        self._heat_job.cancel()
        self._last = LastMoved()
        self._heated = self._heat = None
        self.picture.clear_region()
        self.picture.set_veil(None)
        self._show_results(())
        self._show_state()

    def set_recipe(self, recipe: Recipe) -> None:
        """Show a recipe; says nothing."""
        self._recipe = recipe
        self._last.follow(recipe)
        self._wish_heat()

    def showEvent(self, event: QShowEvent) -> None:
        """What changed while nobody looked."""
        super().showEvent(event)
        self._take_picture()
        self._wish_heat()

    def changeEvent(self, event: QEvent) -> None:
        """The veil has the theme's colours."""
        if event.type() == QEvent.Type.PaletteChange and self._heat is not None and self.heat.isChecked():
            self.picture.set_veil(heat_image(self._heat))
        super().changeEvent(event)

    # --- the picture ----------------------------------------------------------------------------

    def _pill(self, words: str, hint: str) -> QPushButton:
        button = QPushButton(words, self)
        button.setCheckable(True)
        button.setProperty("role", "pill")
        button.setToolTip(hint)
        return button

    def _take_picture(self) -> None:
        picture = self._studio.binding.picture
        if picture is not None and self.isVisible():
            # Twice the size on screen is enough for any display, and painted without steps.
            self.picture.set_image(small(picture.image, 2 * self.picture.height()))

    # --- searching ------------------------------------------------------------------------------

    def _search_or_stop(self) -> None:
        if self.job.is_running:
            self.job.cancel()
            return
        model = self._studio.model
        if model is None or self.picture.region is None:
            return
        recipe, mask = self._recipe, self.picture.region_mask(*model.info.img_size)
        self.job.start(lambda: _search_job(recipe, mask))
        self._show_state()

    def _take_scores(self, scores: Sequence[ChannelScore]) -> None:
        self._show_results(scores[:SHOWN])
        self._show_state()

    def _show_progress(self, progress: Progress) -> None:
        share = f" {progress.done} of {progress.total}" if progress.total else ""
        self.words.setText(f"{progress.text}{share}")

    def _show_results(self, scores: Sequence[ChannelScore]) -> None:
        while (item := self._flow.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self.results = []
        for score in sorted(scores, key=lambda score: score.ratio, reverse=True):
            ratio = plain(score.ratio, 1)
            button = QPushButton(f"{channel_words(score.edit)}   {ratio} ×", self._found)
            button.setProperty("role", "add")
            button.setToolTip(
                f"Add a slider. At 3 sigma the region changes by {plain(score.inside, 1)} of 255 levels, "
                f"{ratio} times as much as the rest."
            )
            button.clicked.connect(lambda _=False, edit=score.edit: self.channel_wanted.emit(edit))
            self._flow.addWidget(button)
            self.results.append(button)
        self._found.setVisible(bool(self.results))
        self._found.updateGeometry()

    def _show_state(self) -> None:
        running = self.job.is_running
        self.search.setText("Stop" if running else "Find channels")
        self.search.setEnabled(running or self.picture.region is not None)
        if running:
            self.words.setText("Ranking channels")
        elif self.heat.isChecked():
            self._show_heat_words()
        elif self.picture.region is None:
            self.words.setText("Mark a part of the picture to find the channels that change it.")
        elif self.results:
            self.words.setText("Channels, by how many times more the region changes than the rest:")
        else:
            self.words.setText("A region is marked.")

    # --- the heat map ---------------------------------------------------------------------------

    def _toggle_heat(self, wanted: bool) -> None:
        if not wanted:
            self._heat_job.cancel()
            self._heated = self._heat = None
            self.picture.set_veil(None)
        self._show_state()
        self._ask_heat()

    def _wish_heat(self) -> None:
        if self.heat.isChecked() and self.isVisible() and not self._studio.document.is_merging:
            self._timer.start()

    def _ask_heat(self) -> None:
        if not self.heat.isChecked() or not self.isVisible():
            return
        in_use = self._last.find()
        if in_use == self._heated:
            return
        self._heated = in_use
        if in_use is None:
            self.picture.set_veil(None)
        else:
            before, after = in_use.without, in_use.moved
            self._heat_job.start(lambda: _heat_job(before, after))
        self._show_state()

    def _take_heat(self, heat: NDArray[np.float32]) -> None:
        if self.heat.isChecked():
            self._heat = heat
            self.picture.set_veil(heat_image(heat))
            self._show_state()

    def _show_heat_words(self) -> None:
        if self._heated is None:
            self.words.setText("Move a slider, of any kind, to see where it acts.")
        elif self._heat is None:
            self.words.setText(f"{self._heated.words} …")
        else:
            mean = plain(float(self._heat.mean()), 1)
            self.words.setText(f"Where {self._heated.words} acts: {mean} of 255 levels on the average.")


def _search_job(recipe: Recipe, mask: NDArray[np.bool_]) -> Job:
    from latentstudio.engine.exploring import channel_search_job

    return channel_search_job(recipe, mask)


def _heat_job(before: Recipe, after: Recipe) -> Job:
    from latentstudio.engine.exploring import heat_map_job

    return heat_map_job(before, after)
