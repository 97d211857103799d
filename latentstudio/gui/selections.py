"""What becomes of many samples chosen at once: a tray, a label set, a centre.

Owns the way from seeds to the panels that take them. GUI thread.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from latentstudio.document.recipe import Recipe, Source
from latentstudio.engine.requests import Job
from latentstudio.gui.answers import Answers
from latentstudio.gui.studio import Studio
from latentstudio.latent.spaces import Latent

# More pictures than one can look at in a tray go in as the one picture that is their mean.
MOST_SINGLE = 6


class Selections(QObject):
    """Seeds from the map into the panels.

    Args:
        studio: the common ground.
        panel_of: turns to a tab of the inspector and gives its panel.
    """

    def __init__(self, studio: Studio, panel_of: Callable[[str], QWidget]) -> None:
        super().__init__(studio)
        self._studio, self._panel_of = studio, panel_of
        self._answers = Answers(studio, self)

    def into_tray(self, index: int, seeds: list[int]) -> None:
        """A few as they are; of many their mean."""
        from latentstudio.gui.panels.bench import BenchPanel

        bench = cast(BenchPanel, self._panel_of("bench"))
        if len(seeds) <= MOST_SINGLE:
            bench.put_recipes(index, self._recipes(seeds))
            return

        def take(mean: Latent) -> None:
            bench.put_source(index, Source("w+", None, mean), f"Mean of {len(seeds)}")

        self._answers.ask(lambda: self._mean_job(seeds), take)

    def mark(self, mark: str, seeds: list[int]) -> None:
        """Mark them for a direction of one's own."""
        from latentstudio.gui.panels.directions import DirectionsPanel

        panel = cast(DirectionsPanel, self._panel_of("directions"))
        panel.show_group("mine")
        panel.own.open_marks()
        if panel.own.dialog is not None:
            panel.own.dialog.marks.mark_all(seeds, mark)

    def centre(self, seeds: list[int]) -> None:
        """Truncation moves toward their mean."""

        def take(mean: Latent) -> None:
            center = Source("w+", None, mean)
            document = self._studio.document
            words = f"Centre on the mean of {len(seeds)}"
            document.edit(words, document.recipe.changed(truncation_center=center))

        self._answers.ask(lambda: self._mean_job(seeds), take)

    def _recipes(self, seeds: list[int]) -> list[Recipe]:
        recipe = self._studio.document.recipe
        bare = Recipe(model=recipe.model, classes=recipe.classes)
        return [bare.changed(sources=(recipe.seeded(seed),)) for seed in seeds]

    def _mean_job(self, seeds: list[int]) -> Job:
        from latentstudio.engine.starts import mean_latent_job

        return mean_latent_job(self._recipes(seeds), "selection")
