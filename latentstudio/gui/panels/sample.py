"""The sample panel: where the picture starts.

Owns seed, truncation, noise and class; changes the recipe through the document and nothing else. GUI
thread.
"""

from __future__ import annotations

import secrets
from dataclasses import replace

from PySide6.QtCore import QEvent, QSize
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QToolButton, QVBoxLayout, QWidget

from latentstudio.document.recipe import Noise, Recipe
from latentstudio.gui.class_words import class_line, class_name, mix_words
from latentstudio.gui.icons import icon
from latentstudio.gui.panels.sample_drawing import DrawingSection
from latentstudio.gui.studio import OpenModel, Studio
from latentstudio.gui.theme import figures
from latentstudio.gui.widgets.class_box import ClassBox
from latentstudio.gui.widgets.labels import caption, label
from latentstudio.gui.widgets.segmented import Segmented
from latentstudio.gui.widgets.slider_row import SliderRow
from latentstudio.gui.widgets.value_slider import ValueSlider
from latentstudio.gui.words import plain
from latentstudio.latent.sampling import MAX_SEED

# Seeds that a person can remember and say aloud.
DICE_SIDES = 100_000


class SeedRow(QWidget):
    """A seed: typed, stepped or thrown."""

    def __init__(self, studio: Studio, what: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._studio, self._seed = studio, 0
        self.box = QLineEdit(self)
        self.box.setFont(figures(self.box.font()))
        self.box.setAccessibleName(what)
        self.box.setToolTip(f"A whole number from 0 to {MAX_SEED}")
        self.box.editingFinished.connect(self._typed)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self.box, 1)
        self._buttons: list[QToolButton] = []
        for name, hint, act in (
            ("previous", "The seed before", lambda: self.choose(max(0, self._seed - 1))),
            ("next", "The next seed", lambda: self.choose(min(MAX_SEED, self._seed + 1))),
            ("dice", "A random seed", lambda: self.choose(secrets.randbelow(DICE_SIDES))),
        ):
            button = QToolButton(self)
            button.setObjectName(name)
            button.setProperty("role", "boxed")
            button.setIconSize(QSize(18, 18))
            button.setToolTip(hint)
            button.setAccessibleName(hint)
            button.clicked.connect(act)
            row.addWidget(button)
            self._buttons.append(button)
        self._colour()

    def set_seed(self, seed: int | None, otherwise: str = "") -> None:
        """Show a seed, or words where there is none."""
        self._seed = seed or 0
        if not self.box.hasFocus() or self.box.text() != str(seed):
            self.box.setText(otherwise if seed is None else str(seed))
        self.box.setCursorPosition(0)

    def choose(self, seed: int) -> None:
        """Overridden by what the seed is for."""
        raise NotImplementedError

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        if event.type() == QEvent.Type.PaletteChange:
            self._colour()
        super().changeEvent(event)

    def _typed(self) -> None:
        text = self.box.text().strip()
        if text.isdecimal() and int(text) <= MAX_SEED:
            if int(text) != self._seed:
                self.choose(int(text))
        else:
            self.box.setText(str(self._seed))

    def _colour(self) -> None:
        for button in self._buttons:
            button.setIcon(icon(button.objectName()))


class StartSeed(SeedRow):
    """The seed of the picture."""

    def choose(self, seed: int) -> None:
        """Start from another seed."""
        recipe = self._studio.document.recipe
        self._studio.document.edit(f"Seed {seed}", recipe.changed(sources=(recipe.seeded(seed),)))


class NoiseSeed(SeedRow):
    """The seed of the noise."""

    def choose(self, seed: int) -> None:
        """Draw other noise."""
        recipe = self._studio.document.recipe
        self._studio.document.edit(
            f"Noise seed {seed}", recipe.changed(noise=Noise("random", seed, recipe.noise.layers))
        )


class SamplePanel(QWidget):
    """Seed, truncation, noise, class."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._num_ws = 0
        self.seed = StartSeed(studio, "Seed", self)
        self.psi = SliderRow("Truncation psi", ValueSlider(0, 1.5, origin=0, rest=1, step=0.05), parent=self)
        self.psi.setToolTip("1 is the latent as drawn, 0 the mean picture")
        self.cutoff = SliderRow(
            "Truncation cutoff",
            ValueSlider(0, 1, origin=0, rest=1, step=1),
            words=self._cutoff_words,
            parent=self,
        )
        self.cutoff.setToolTip("How many layers are truncated, counted from the coarse end")
        self.noise = Segmented(self)
        self.noise.set_choices(
            [
                ("const", "Const", "The noise stored with the model"),
                ("random", "Random", "Noise drawn from a seed"),
                ("none", "None", "No noise"),
            ]
        )
        self.noise_seed = NoiseSeed(studio, "Noise seed", self)
        self.classes = ClassBox(self)
        self._names: tuple[str, ...] = ()
        self._map_hint = label(
            "The latent is a map: a seed is noise to it. Conditions opens a picture.", "muted", self
        )
        self._map_hint.setWordWrap(True)
        self._map_hint.hide()
        self._class_part = QWidget(self)
        part = QVBoxLayout(self._class_part)
        part.setContentsMargins(0, 8, 0, 0)
        part.setSpacing(8)
        part.addWidget(caption("Class", self))
        part.addWidget(self.classes)
        self.drawing = DrawingSection(studio, self)
        self._noise_caption = caption("Noise", self)
        self._noise_hint = label("This model reads no noise.", "muted", self)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 16)
        column.setSpacing(8)
        column.addWidget(caption("Seed", self))
        column.addWidget(self.seed)
        column.addWidget(self._map_hint)
        column.addWidget(self._class_part)
        column.addWidget(self.drawing)
        column.addSpacing(8)
        column.addWidget(caption("Truncation", self))
        column.addWidget(self.psi)
        column.addWidget(self.cutoff)
        column.addSpacing(8)
        column.addWidget(self._noise_caption)
        column.addWidget(self.noise)
        column.addWidget(self.noise_seed)
        column.addWidget(self._noise_hint)
        column.addStretch(1)
        self._wire()
        self.setEnabled(False)

    def set_model(self, model: OpenModel) -> None:
        """Offer what this model has."""
        info = model.info
        self._num_ws = info.num_ws
        self.cutoff.slider.set_range(0, info.num_ws, info.num_ws)
        self.cutoff.setVisible(info.num_ws > 1 and not info.truncates_in_synthesis)
        for widget in (self.noise, self.noise_seed):
            widget.setVisible(info.has_noise)
        self._noise_hint.setVisible(not info.has_noise)
        self._class_part.setVisible(info.c_dim > 0)
        self._map_hint.setVisible(info.z_shape is not None)
        self.drawing.set_model(model)
        self._names = info.provenance.class_names
        self.classes.set_classes([class_line(i, self._names) for i in range(info.c_dim)])
        self.setEnabled(True)

    def set_recipe(self, recipe: Recipe) -> None:
        """Show a recipe; says nothing."""
        self.seed.set_seed(recipe.seed, "several sources" if len(recipe.sources) > 1 else "given latent")
        self.drawing.set_recipe(recipe)
        if not self.psi.slider.is_held:
            self.psi.set_value(recipe.truncation_psi)
        if not self.cutoff.slider.is_held:
            cutoff = recipe.truncation_cutoff
            self.cutoff.set_value(float(self._num_ws if cutoff is None else min(cutoff, self._num_ws)))
        self.noise.set_chosen(recipe.noise.mode)
        self.noise_seed.set_seed(recipe.noise.seed)
        self.noise_seed.setEnabled(recipe.noise.mode == "random")
        classes = recipe.classes or ((0, 1.0),)
        is_mix = len(classes) > 1 or classes[0][1] != 1
        self.classes.set_chosen(classes[0][0], mix_words(classes, self._names) if is_mix else "")

    def _wire(self) -> None:
        document = self._studio.document
        self.psi.edited.connect(lambda value: self._set_psi(value, "psi"))
        self.psi.typed.connect(lambda value: self._set_psi(value, None))
        self.cutoff.edited.connect(lambda value: self._set_cutoff(value, "cutoff"))
        self.cutoff.typed.connect(lambda value: self._set_cutoff(value, None))
        for row in (self.psi, self.cutoff):
            row.finished.connect(document.release)
            row.aborted.connect(document.abort)
        self.noise.chosen.connect(self._set_noise)
        self.classes.class_chosen.connect(self._set_class)

    def _set_psi(self, value: float, merge: str | None) -> None:
        recipe = self._studio.document.recipe.changed(truncation_psi=float(value))
        self._studio.document.edit(f"Truncation {plain(value)}", recipe, merge)

    def _set_cutoff(self, value: float, merge: str | None) -> None:
        rows = min(max(round(value), 0), self._num_ws)
        recipe = self._studio.document.recipe.changed(
            truncation_cutoff=None if rows == self._num_ws else rows
        )
        self._studio.document.edit(f"Cutoff {self._cutoff_words(rows)}", recipe, merge)

    def _set_noise(self, mode: str) -> None:
        recipe = self._studio.document.recipe
        self._studio.document.edit(f"Noise {mode}", recipe.changed(noise=replace(recipe.noise, mode=mode)))

    def _set_class(self, index: int) -> None:
        recipe = self._studio.document.recipe.changed(classes=((index, 1.0),))
        name = class_name(index, self._names).removeprefix("Class ")
        self._studio.document.edit(f"Class {name}", recipe)

    def _cutoff_words(self, value: float) -> str:
        rows = round(value)
        return "all" if rows >= self._num_ws else str(rows)
