"""Attributes by example: what the highest and the lowest scores differ in.

Owns the choice of score and sample size and the pictures at both ends; a job draws and fits. GUI thread.

Source: Shen et al., "Interpreting the Latent Space of GANs for Semantic Face Editing", section 3.1: the
top and bottom 2 %.
"""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from latentstudio.document.recipe import Recipe
from latentstudio.engine.requests import Job
from latentstudio.gui.answers import Answers
from latentstudio.gui.filling import Filler
from latentstudio.gui.own.result import FitCard
from latentstudio.gui.score_words import COMMON, factor_words
from latentstudio.gui.studio import OpenModel, Studio
from latentstudio.gui.widgets.labels import caption, label
from latentstudio.gui.widgets.picture_tiles import PictureTiles
from latentstudio.gui.widgets.segmented import Segmented
from latentstudio.latent.spaces import W, Z

SAMPLES = (500, 1000, 2000, 5000)
SHARES = (0.02, 0.05, 0.1)
SHOWN = 8


class ScoresPage(QWidget):
    """Score, samples, both ends, the fit.

    Signals:
        kept(Direction): a person wants it.
    """

    kept = Signal(object)

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._recipe = Recipe()
        self._score, self._samples, self._share, self._space = "brightness", 1000, 0.02, W
        self._ends: list[tuple[PictureTiles, int, Recipe]] = []
        self._busy = False
        self._answers = Answers(studio, self)
        self._filler = Filler(studio, "own scores", self)
        self._filler.arrived.connect(self._fill)
        self.score, self.samples, self.share, self.space = (Segmented(self) for _ in range(4))
        self.score.set_choices(COMMON)
        self.factor = QComboBox(self)
        self.factor.setAccessibleName("A factor that is read off the pictures")
        self.factor.activated.connect(lambda _: self._choose("_score", self.factor.currentText()))
        self.samples.set_choices([(n, f"{n:,}".replace(",", " "), f"Seeds 0 to {n - 1}") for n in SAMPLES])
        self.share.set_choices([(s, f"{s:.0%}".replace("%", " %"), "Part taken at each end") for s in SHARES])
        for chooser, name in (
            (self.score, "_score"),
            (self.samples, "_samples"),
            (self.share, "_share"),
            (self.space, "_space"),
        ):
            chooser.chosen.connect(lambda value, name=name: self._choose(name, value))
        self.run = QPushButton("Draw and fit", self)
        self.run.setProperty("role", "primary")
        self.run.setAutoDefault(False)
        self.run.clicked.connect(self.start)
        self.note = label("", "muted", self)
        self.top, self.bottom = PictureTiles(SHOWN, parent=self), PictureTiles(SHOWN, parent=self)
        self._top_caption, self._bottom_caption = caption("Highest", self), caption("Lowest", self)
        self.card = FitCard(studio, "own scores strip", self)
        self.card.setFixedWidth(300)
        self.card.kept.connect(self.kept)
        self._arrange()
        self._show()

    def _arrange(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(caption("What differs in", self))
        line = QHBoxLayout()
        line.addWidget(self.score, 1)
        line.addWidget(self.factor)
        column.addLayout(line)
        row = QHBoxLayout()
        row.setSpacing(16)
        for words, chooser in (("Samples", self.samples), ("At each end", self.share), ("Space", self.space)):
            part = QVBoxLayout()
            part.setSpacing(8)
            part.addWidget(caption(words, self))
            part.addWidget(chooser)
            row.addLayout(part, len(words))
        column.addLayout(row)
        line = QHBoxLayout()
        line.addWidget(self.run)
        line.addWidget(self.note, 1)
        column.addLayout(line)
        column.addSpacing(8)
        ends = QVBoxLayout()
        ends.setSpacing(8)
        for widget in (self._top_caption, self.top, self._bottom_caption, self.bottom):
            ends.addWidget(widget)
        ends.addStretch(1)
        below = QHBoxLayout()
        below.setSpacing(16)
        below.addLayout(ends, 1)
        right = QVBoxLayout()
        right.addWidget(self.card)
        right.addStretch(1)
        below.addLayout(right)
        column.addLayout(below, 1)

    def set_model(self, model: OpenModel) -> None:
        """Nothing is fitted yet."""
        self._space = W if model.info.has_mapping else Z
        choices = [(W, "W", "The direction lives in w")] if model.info.has_mapping else []
        self.space.set_choices([*choices, (Z, "Z", "The direction lives in z")])
        factors = factor_words(model.info)
        self.factor.clear()
        self.factor.addItems(["A factor…", *factors])
        self.factor.setVisible(bool(factors))
        if self._score not in [key for key, _, _ in COMMON]:
            self._score = "brightness"
        self._ends = []
        self.card.clear()
        self._show()

    def set_recipe(self, recipe: Recipe) -> None:
        """Samples are drawn with the picture's class and truncation."""
        self._recipe = Recipe(
            model=recipe.model,
            sources=(recipe.seeded(0),),
            classes=recipe.classes,
            truncation_psi=recipe.truncation_psi,
            truncation_cutoff=recipe.truncation_cutoff,
        )

    def start(self, samples: int | None = None) -> None:
        """Draw, score and fit; it can be cancelled in the status line."""
        recipe, score, share, space = self._recipe, self._score, self._share, self._space
        count = samples or self._samples

        def make() -> Job:
            from latentstudio.engine.examples import score_job

            return score_job(recipe, score, "own score", count, share, space)

        self._busy = True
        self._show()
        self._answers.ask(make, lambda scored: self._take(scored, recipe, score), self._end)

    def _take(self, scored: object, recipe: Recipe, score: str) -> None:
        self._ends = []
        for tiles, seeds in ((self.top, scored.top), (self.bottom, scored.bottom)):  # type: ignore[attr-defined]
            shown = seeds[: 2 * SHOWN]
            tiles.set_cells([f"Seed {seed}" for seed in shown])
            for i, seed in enumerate(shown):
                tiles.set_image(i, None)
                self._ends.append((tiles, i, recipe.changed(sources=(recipe.seeded(seed),))))
        self._filler.want([recipe for _, _, recipe in self._ends])
        self._fill()
        self.card.name.clear()
        self.card.set_fit(scored.fit, scored.space, score.capitalize())  # type: ignore[attr-defined]

    def _end(self) -> None:
        self._busy = False
        self._show()

    def _fill(self) -> None:
        for tiles, index, recipe in self._ends:
            found = self._studio.thumbnails.find(recipe)
            if found is not None:
                tiles.set_image(index, found)

    def _choose(self, name: str, value: object) -> None:
        setattr(self, name, "brightness" if value == "A factor…" else value)
        self._show()

    def _show(self) -> None:
        self.score.set_chosen(self._score)
        self.factor.setCurrentIndex(max(self.factor.findText(self._score), 0))
        self.samples.set_chosen(self._samples)
        self.share.set_chosen(self._share)
        self.space.set_chosen(self._space)
        self.run.setEnabled(not self._busy and self._studio.model is not None)
        self.note.setText("Drawing; the status line shows how far." if self._busy else "")
        for widget in (self._top_caption, self.top, self._bottom_caption, self.bottom):
            widget.setVisible(bool(self._ends))
