"""Examples marked by hand: "has it", "has it not", and the direction between them.

Owns the marks and the fit; the pictures are seeds of the open model. GUI thread.

Sources: Shen et al., "Interpreting the Latent Space of GANs for Semantic Face Editing"; Radford et al.,
"Unsupervised Representation Learning with DCGANs", section 6.3.2 (difference of means).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from latentstudio.document.recipe import Recipe
from latentstudio.engine.requests import Job
from latentstudio.gui.answers import Answers
from latentstudio.gui.filling import Filler
from latentstudio.gui.own.result import FitCard
from latentstudio.gui.studio import OpenModel, Studio
from latentstudio.gui.widgets.contact_sheet import HAS, HAS_NOT, ContactSheet
from latentstudio.gui.widgets.labels import caption, label
from latentstudio.gui.widgets.segmented import Segmented
from latentstudio.latent.boundaries import METHODS, Fit
from latentstudio.latent.sampling import MAX_SEED
from latentstudio.latent.spaces import W, Z

HAS_KEYS = (Qt.Key.Key_H, Qt.Key.Key_Plus, Qt.Key.Key_1)
HAS_NOT_KEYS = (Qt.Key.Key_N, Qt.Key.Key_Minus, Qt.Key.Key_0)
CLEAR_KEYS = (Qt.Key.Key_Delete, Qt.Key.Key_Backspace)
SIDE_PX = 300
OTHERS = 256
REMEMBERED = 2000


class MarksPage(QWidget):
    """The sheet left, the fit right.

    Signals:
        kept(Direction): a person wants it.
    """

    kept = Signal(object)

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self.marks: dict[int, str] = {}
        self.fits: dict[str, Fit] = {}
        self._recipe = Recipe()
        self._recipes: dict[int, Recipe] = {}
        self._space, self._method = W, METHODS[1]
        self._answers = Answers(studio, self)
        self._round = 0  # a fit of older marks is not shown
        self._filler = Filler(studio, "own examples", self)
        self.sheet = ContactSheet(MAX_SEED + 1, 84, parent=self)
        self.sheet.setAccessibleName("Samples to mark")
        self.sheet.image_of = self._image
        self.sheet.mark_of = self.marks.get
        self._filler.arrived.connect(self.sheet.viewport().update)
        self.sheet.seen.connect(self._ask)
        self.sheet.chosen.connect(lambda seed: self.mark(seed, HAS))
        self.sheet.other_chosen.connect(lambda seed: self.mark(seed, HAS_NOT))
        self.sheet.key_pressed.connect(self._key)
        self.counts = label("", "", self)
        self.space = Segmented(self)
        self.space.chosen.connect(self._set_space)
        self.method = Segmented(self)
        self.method.chosen.connect(self._set_method)
        self.fit = QPushButton("Fit", self)
        self.fit.setProperty("role", "primary")
        self.fit.setAutoDefault(False)
        self.fit.clicked.connect(self.start_fit)
        self.clear = QPushButton("Clear marks", self)
        self.clear.setAutoDefault(False)
        self.clear.clicked.connect(self._clear)
        self.card = FitCard(studio, "own marks strip", self)
        self.card.kept.connect(self.kept)
        self._arrange()
        self._show()

    def _arrange(self) -> None:
        side = QWidget(self)
        side.setFixedWidth(SIDE_PX)
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        how = label(
            "Click what has it, right click what has it not; or move with the arrows and press H or N. "
            "A few dozen suffice.",
            "muted",
            side,
        )
        how.setWordWrap(True)
        buttons = QHBoxLayout()
        buttons.addWidget(self.fit)
        buttons.addWidget(self.clear)
        buttons.addStretch(1)
        for widget in (how, self.counts, caption("Space", side), self.space):
            column.addWidget(widget)
        column.addWidget(caption("Method", side))
        column.addWidget(self.method)
        column.addLayout(buttons)
        column.addSpacing(8)
        column.addWidget(self.card)
        column.addStretch(1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(16)
        row.addWidget(self.sheet, 1)
        row.addWidget(side)

    def set_model(self, model: OpenModel) -> None:
        """Other samples; the marks were another model's."""
        self._space = W if model.info.has_mapping else Z
        choices = [(Z, "Z", "The direction lives in z")]
        if model.info.has_mapping:
            choices.insert(0, (W, "W", "The direction lives in w, where attributes are less entangled"))
        self.space.set_choices(choices)
        self._clear()

    def set_recipe(self, recipe: Recipe) -> None:
        """Samples are drawn with the picture's class and truncation."""
        bare = Recipe(
            model=recipe.model,
            sources=(recipe.seeded(0),),
            classes=recipe.classes,
            truncation_psi=recipe.truncation_psi,
            truncation_cutoff=recipe.truncation_cutoff,
        )
        if bare != self._recipe:
            self._recipe = bare
            self._recipes.clear()
            self._ask()

    def mark(self, seed: int, mark: str) -> None:
        """Mark a sample; the same mark again takes it away."""
        if self.marks.get(seed) == mark:
            del self.marks[seed]
        else:
            self.marks[seed] = mark
        self.sheet.viewport().update()
        self._show()

    def mark_all(self, seeds: Iterable[int], mark: str) -> None:
        """Give many samples one mark, as a selection on the map does."""
        self.marks.update(dict.fromkeys(seeds, mark))
        self.sheet.viewport().update()
        self._show()

    def start_fit(self) -> None:
        """Fit by both methods, so that they can be compared."""
        seeds = [seed for seed, mark in self.marks.items() if mark == HAS]
        count = len(seeds)
        seeds += [seed for seed, mark in self.marks.items() if mark == HAS_NOT]
        model = self._studio.model
        if model is None or not 0 < count < len(seeds):
            return
        self._round += 1
        self.fits.clear()
        self.fit.setEnabled(False)
        number, space, z_dim = self._round, self._space, model.info.z_dim

        marked = len(seeds)
        seeds += range(OTHERS)  # as they come: their spread is the slider's unit

        def split(latents: NDArray[np.float32]) -> None:
            if number == self._round:
                for method in METHODS:
                    self._fit(method, np.split(latents, [count, marked]), number)

        if space == Z:
            split(np.stack([self._recipe.seeded(seed).z(z_dim) for seed in seeds]))
            return
        recipe = self._recipe

        def make() -> Job:
            from latentstudio.engine.examples import latents_job, seeds_as_recipes

            return latents_job(seeds_as_recipes(recipe, seeds), "own latents")

        self._answers.ask(make, lambda rows: split(np.stack([ws[0] for ws in rows])), self._show)

    def _fit(self, method: str, parts: list[NDArray[np.float32]], number: int) -> None:
        def make() -> Job:
            from latentstudio.engine.examples import fit_job

            return fit_job(parts[0], parts[1], parts[2], method, "own fit")

        def take(fit: Fit) -> None:
            if number == self._round:
                self.fits[method] = fit
                self._show()

        self._answers.ask(make, take, self._show)

    def _key(self, seed: int, key: int) -> None:
        if key in HAS_KEYS or key in HAS_NOT_KEYS:
            mark = HAS if key in HAS_KEYS else HAS_NOT
            if self.marks.get(seed) != mark:
                self.mark(seed, mark)
            self.sheet.move_cursor(1)
        elif key in CLEAR_KEYS and seed in self.marks:
            self.mark(seed, self.marks[seed])

    def _clear(self) -> None:
        self.marks.clear()
        self.fits.clear()
        self._round += 1
        self.sheet.viewport().update()
        self._ask()
        self._show()

    def _set_space(self, space: str) -> None:
        self._space = space
        self.fits.clear()
        self._show()
        self.start_fit()

    def _set_method(self, method: str) -> None:
        self._method = method
        self._show()

    def _show(self) -> None:
        has = sum(mark == HAS for mark in self.marks.values())
        has_not = len(self.marks) - has
        self.counts.setText(f"{has} with it, {has_not} without")
        self.space.set_chosen(self._space)
        choices = []
        for method in METHODS:
            fit = self.fits.get(method)
            score = "" if fit is None or fit.accuracy is None else f" {fit.accuracy:.0%}".replace("%", " %")
            words = method[0].upper() + method[1:]
            choices.append((method, words + score, f"{words}; the share of held-out examples it gets right"))
        self.method.set_choices(choices)
        self.method.set_chosen(self._method)
        self.fit.setEnabled(bool(has and has_not))
        fit = self.fits.get(self._method)
        if fit is None:
            self.card.clear()
        else:
            self.card.set_fit(fit, self._space)

    def _recipe_of(self, seed: int) -> Recipe:
        # Kept while it can be seen: a recipe computes its digest once, and every paint asks for it.
        if seed not in self._recipes:
            if len(self._recipes) > REMEMBERED:
                self._recipes.clear()
            self._recipes[seed] = self._recipe.changed(sources=(self._recipe.seeded(seed),))
        return self._recipes[seed]

    def _image(self, seed: int) -> QImage | None:
        return self._studio.thumbnails.find(self._recipe_of(seed))

    def _ask(self) -> None:
        if self.sheet.isVisible() and self._studio.model is not None:
            self._filler.want([self._recipe_of(seed) for seed in self.sheet.visible_cells()])
            self.sheet.viewport().update()
