"""The noise panel: mode, seed, strength by layer, and what noise does to the picture.

Owns the controls and the two views; changes the recipe through the document and nothing else. GUI thread.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

import numpy as np
from PySide6.QtCore import QTimer
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from latentstudio.document import noise_edits
from latentstudio.document.recipe import Noise, Recipe
from latentstudio.engine.requests import Failure, Job, JobCancelled, JobFinished, JobProgress
from latentstudio.gui.noise_layers import NoiseGroup, NoiseInput, fine_from, noise_groups, noise_inputs
from latentstudio.gui.panels.noise_row import NoiseRow
from latentstudio.gui.studio import OpenModel, Studio
from latentstudio.gui.widgets.labels import caption, label
from latentstudio.gui.widgets.seed_field import SeedField
from latentstudio.gui.widgets.segmented import Segmented
from latentstudio.gui.widgets.spread_view import SpreadView
from latentstudio.gui.widgets.titled_pictures import TitledPictures
from latentstudio.gui.words import plain

DRAWS = 32
LEAST_LEVELS = 0.05  # below that no pixel of 8 bits moves
MODES = (
    ("const", "Const", "The noise stored with the model"),
    ("random", "Random", "Noise drawn from a seed"),
    ("none", "None", "No noise"),
)
FIGURE = ("All", "None", "Fine only", "Coarse only")
NO_NOISE = "This model reads no noise: its latent decides every pixel."


class NoisePanel(QWidget):
    """Mode, seed, layers, the published figure and the spread."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._recipe: Recipe = studio.document.recipe
        self._inputs: tuple[NoiseInput, ...] = ()
        self._groups: tuple[NoiseGroup, ...] = ()
        self._figure: list[Recipe] = []
        self._job: int | None = None
        self._measured: Recipe | None = None  # what the spread belongs to
        self._measuring: Recipe | None = None
        self.rows: list[NoiseRow] = []
        self.group_buttons: list[QPushButton] = []
        self._body = QWidget(self)
        self.modes = Segmented(self._body)
        self.modes.set_choices(list(MODES))
        self.seed = SeedField("Noise seed", self._body)
        self.freeze = QPushButton("Freeze this draw", self._body)
        self.freeze.setToolTip("Every layer keeps its present draw, whatever the seed or the mode becomes")
        self.release = QPushButton("Release", self._body)
        self.release.setToolTip("The layers follow the seed and the mode again")
        self.reset = QPushButton("Reset", self._body)
        self.reset.setToolTip("All layers on, at strength 1, following the mode")
        for button in (self.freeze, self.release, self.reset):
            button.setProperty("role", "pill")
        self._frozen = label("", "muted", self._body)
        self.figure = TitledPictures(FIGURE, self._body)
        self.figure.setAccessibleName("Noise in all, no, fine, coarse layers")
        self.spread = SpreadView(self._body)
        self._spread_words = label("", "muted", self._body)
        self._spread_words.setWordWrap(True)
        self.measure = QPushButton("Measure", self._body)
        self.measure.setToolTip(f"Draws the picture with {DRAWS} seeds of noise")
        self._nothing = label(NO_NOISE, "muted", self)
        self._nothing.setWordWrap(True)
        self._arrange()
        self._wire()
        self._pictures = QTimer(self, singleShot=True, interval=0)
        self._pictures.timeout.connect(self._fill_figure)
        self._body.hide()
        self._nothing.hide()

    def _arrange(self) -> None:
        body = QVBoxLayout(self._body)
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(8)
        body.addWidget(self.modes)
        body.addWidget(self.seed)
        draw = QHBoxLayout()
        draw.setSpacing(8)
        draw.addWidget(self.freeze)
        draw.addWidget(self.release)
        draw.addWidget(self._frozen, 1)
        body.addLayout(draw)
        body.addSpacing(8)
        head = QHBoxLayout()
        head.setSpacing(6)
        head.addWidget(caption("Layers", self._body))
        head.addStretch(1)
        head.addWidget(self.reset)
        body.addLayout(head)
        # On a line of their own: "Fine 64-1024" beside the rest is wider than the panel.
        self._switches = QHBoxLayout()
        self._switches.setSpacing(6)
        switches = QHBoxLayout()
        switches.addLayout(self._switches)
        switches.addStretch(1)
        body.addLayout(switches)
        self._list = QVBoxLayout()
        self._list.setSpacing(2)
        body.addLayout(self._list)
        body.addSpacing(8)
        body.addWidget(caption("Where noise acts", self._body))
        body.addWidget(self.figure)
        body.addSpacing(8)
        line = QHBoxLayout()
        line.addWidget(caption("Standard deviation", self._body), 1)
        line.addWidget(self.measure)
        body.addLayout(line)
        body.addWidget(self._spread_words)
        body.addWidget(self.spread)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 16)
        column.addWidget(self._body)
        column.addWidget(self._nothing)
        column.addStretch(1)

    def _wire(self) -> None:
        studio = self._studio
        self.modes.chosen.connect(self._set_mode)
        self.seed.chosen.connect(self._set_seed)
        self.freeze.clicked.connect(self._freeze)
        self.release.clicked.connect(self._release)
        self.reset.clicked.connect(self._reset)
        self.figure.chosen.connect(self._open_figure)
        self.measure.clicked.connect(self._measure)
        studio.document.history_changed.connect(self._after_edit)
        studio.thumbnails.arrived.connect(self._take_thumbnail)
        studio.bridge.job_progressed.connect(self._take_progress)
        studio.bridge.job_finished.connect(self._take_spread)
        studio.bridge.job_cancelled.connect(self._stopped)
        studio.bridge.failed.connect(self._stopped)

    # --- what the window says -------------------------------------------------------------------

    def set_model(self, model: OpenModel) -> None:
        """Offer the noise inputs of this model."""
        self._inputs = noise_inputs(model.stages) if model.info.has_noise else ()
        self._groups = noise_groups(self._inputs)
        self._figure, self._job = [], None
        self._measured, self._measuring = None, None
        self._body.setVisible(bool(self._inputs))
        self._nothing.setVisible(not self._inputs)
        height, width = model.info.img_size
        self.figure.set_aspect(height / width)
        self.spread.set_values(None)
        for old in (*self.rows, *self.group_buttons):
            old.hide()
            old.deleteLater()
        self.rows = [self._make_row(each) for each in self._inputs]
        self.group_buttons = [self._make_switch(group) for group in self._groups]

    def set_recipe(self, recipe: Recipe) -> None:
        """Show a recipe; says nothing."""
        self._recipe = recipe
        noise = recipe.noise
        self.modes.set_chosen(noise.mode)
        self.seed.set_seed(noise.seed)
        self.seed.setEnabled(noise.mode == "random")
        frozen = [row.input.index for row in self.rows if noise_edits.is_frozen(noise, row.input.index)]
        can_freeze = any(
            noise_edits.mode_of(noise, row.input.index) == "random" and row.input.index not in frozen
            for row in self.rows
        )
        self.freeze.setVisible(can_freeze)
        self.release.setVisible(bool(frozen))
        self._frozen.setText(_frozen_words(len(frozen), len(self.rows)))
        self._frozen.setVisible(can_freeze or bool(frozen))
        self.reset.setEnabled(bool(noise.layers))
        for row in self.rows:
            layer = noise_edits.layer_of(noise, row.input.index)
            note = "A fitted map" if layer.values is not None else ""
            if layer.seed is not None:
                note = f"Frozen draw of seed {layer.seed}"
            row.set_state(layer.strength, is_on=self._is_on(row.input.index), note=note)
        for button, group in zip(self.group_buttons, self._groups, strict=True):
            button.setChecked(any(self._is_on(index) for index in group.indices))
        self._show_spread_words()

    # --- edits ----------------------------------------------------------------------------------

    def _edit(self, words: str, noise: Noise, merge: Hashable | None = None) -> None:
        recipe = self._studio.document.recipe.changed(noise=noise)
        self._studio.document.edit(words, recipe, merge)

    @property
    def _noise(self) -> Noise:
        return self._studio.document.recipe.noise

    @property
    def _all(self) -> tuple[int, ...]:
        return tuple(each.index for each in self._inputs)

    def _is_on(self, index: int) -> bool:
        layer = noise_edits.layer_of(self._recipe.noise, index)
        return layer.values is not None or noise_edits.mode_of(self._recipe.noise, index) != "none"

    def _set_mode(self, mode: str) -> None:
        self._edit(f"Noise {mode}", replace(self._noise, mode=mode))

    def _set_seed(self, seed: int) -> None:
        self._edit(f"Noise seed {seed}", replace(self._noise, mode="random", seed=seed))

    def _freeze(self) -> None:
        self._edit("Freeze noise", noise_edits.frozen(self._noise, self._all))

    def _release(self) -> None:
        self._edit("Release noise", noise_edits.released(self._noise, self._all))

    def _reset(self) -> None:
        kept = tuple(replace(x, strength=1.0, mode=None, seed=None) for x in self._noise.layers if x.values)
        self._edit("Reset noise layers", replace(self._noise, layers=kept))

    def _set_strength(self, row: NoiseRow, value: float, merge: Hashable | None) -> None:
        noise = noise_edits.with_strength(self._noise, row.input.index, value)
        self._edit(f"Noise {_plain(row.input.words)} {plain(value)}", noise, merge)

    def _switch(self, words: str, indices: tuple[int, ...], on: bool) -> None:
        state = "on" if on else "off"
        self._edit(f"{words} {state}", noise_edits.switched(self._noise, indices, on))

    def _make_row(self, noise_input: NoiseInput) -> NoiseRow:
        row = NoiseRow(noise_input, self._body)
        document, index = self._studio.document, noise_input.index
        row.edited.connect(lambda value: self._set_strength(row, value, ("noise", index)))
        row.typed.connect(lambda value: self._set_strength(row, value, None))
        row.finished.connect(document.release)
        row.aborted.connect(document.abort)
        row.switched.connect(lambda on: self._switch(f"Noise {_plain(noise_input.words)}", (index,), on))
        self._list.addWidget(row)
        return row

    def _make_switch(self, group: NoiseGroup) -> QPushButton:
        button = QPushButton(f"{group.name} {group.sizes}", self._body)
        button.setProperty("role", "pill")
        button.setCheckable(True)
        button.setToolTip(f"Noise of the {group.name.lower()} layers, {group.sizes} px, on or off")
        words = f"{group.name} noise"
        button.clicked.connect(lambda on: self._switch(words, group.indices, on))
        self._switches.addWidget(button)
        return button

    # --- the published figure -------------------------------------------------------------------

    def _after_edit(self) -> None:
        if not self._studio.document.is_merging:
            self._pictures.start()

    def _fill_figure(self) -> None:
        if not self.isVisible() or not self._groups:
            self.figure.setVisible(bool(self._groups))
            return
        from latentstudio.engine.exploring import noise_panels

        self.figure.show()
        shapes = [(each.side_px, each.side_px) for each in self._inputs]
        self._figure = noise_panels(self._recipe, shapes, fine_from(self._inputs))
        for i, recipe in enumerate(self._figure):
            image = self._studio.thumbnails.ask(recipe, f"noise {i}")
            if image is not None:
                self.figure.set_image(i, image)
        shown = self._figure.index(self._recipe) if self._recipe in self._figure else None
        self.figure.set_current(shown)

    def _take_thumbnail(self, digest: str) -> None:
        for i, recipe in enumerate(self._figure):
            if recipe.digest == digest:
                image = self._studio.thumbnails.find(recipe)
                if image is not None:
                    self.figure.set_image(i, image)

    def _open_figure(self, index: int) -> None:
        if self._figure:
            words = ("Noise in all layers", "No noise", "Noise in fine layers", "Noise in coarse layers")
            self._edit(words[index], self._figure[index].noise)

    def showEvent(self, event: QShowEvent) -> None:
        """What was not drawn while nobody looked."""
        self._pictures.start()
        super().showEvent(event)

    # --- standard deviation ---------------------------------------------------------------------

    def _subject(self) -> Recipe:
        """What the spread depends on: strengths and switches, but neither mode nor draw."""
        noise = noise_edits.released(self._recipe.noise, self._all)
        # Sliders at rest and sources without layers come and go without moving a pixel.
        return self._recipe.changed(
            noise=Noise("random", 0, noise.layers),
            directions=tuple(edit for edit in self._recipe.directions if edit.amount),
            mixing=tuple(mix for mix in self._recipe.mixing if any(mix.amounts)),
        )

    def _measure(self) -> None:
        if self._job is not None:
            self._studio.bridge.cancel(self._job)
            return
        recipe = self._measuring = self._subject()

        def make() -> Job:
            from latentstudio.engine.exploring import noise_spread_job

            return noise_spread_job(recipe, DRAWS)

        self._studio.bridge.submit(make, self._take_number)

    def _take_number(self, number: int) -> None:
        self._job = number
        self.measure.setText("Stop")

    def _take_progress(self, event: JobProgress) -> None:
        if event.job == self._job:
            self._spread_words.setText(f"Draw {event.progress.done} of {event.progress.total}")

    def _take_spread(self, event: JobFinished) -> None:
        if event.job == self._job:
            self._measured = self._measuring
            values = np.asarray(event.value, np.float32)
            self.spread.set_values(values)
            self.spread.setVisible(bool(values.max() >= LEAST_LEVELS))
            self._end()

    def _stopped(self, event: JobCancelled | Failure) -> None:
        if event.job is not None and event.job == self._job:
            self._end()

    def _end(self) -> None:
        self._job, self._measuring = None, None
        self.measure.setText("Measure")
        self._show_spread_words()

    def _show_spread_words(self) -> None:
        if self._job is not None:
            return
        values = self.spread.values
        if values is None or self._measured is None:
            self._spread_words.setText(f"How far each pixel moves over {DRAWS} draws of noise.")
            return
        is_stale = not self._studio.document.is_merging and self._subject() != self._measured
        self.spread.set_stale(is_stale)
        words = f"On average {values.mean():.1f} levels of 255 over {DRAWS} draws."
        if values.max() < LEAST_LEVELS:
            words = "Noise leaves this picture as it is."
        self._spread_words.setText("Of an earlier picture; measure again." if is_stale else words)


def _plain(words: str) -> str:
    return words.replace("  ", " ")


def _frozen_words(frozen: int, total: int) -> str:
    if not frozen:
        return ""
    return "All layers are frozen." if frozen == total else f"{frozen} of {total} layers are frozen."
