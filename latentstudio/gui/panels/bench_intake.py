"""What goes into the trays of the A - B + C bench, and the way between two trays.

Owns the way from recipes, seeds and files to members; where only the network can tell a latent, a job
does. GUI thread; files are read on others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject

from latentstudio.document.recipe import Recipe, Source
from latentstudio.document.recipe_json import loads
from latentstudio.document.session_file import read_recipe
from latentstudio.document.starts import difference, start_of_rows, start_source, start_z
from latentstudio.engine.requests import Job
from latentstudio.errors import InputError, LatentStudioError
from latentstudio.gui.answers import Answers
from latentstudio.gui.panels.bench_state import Member
from latentstudio.gui.starting import fits
from latentstudio.gui.studio import Studio
from latentstudio.gui.words import signed
from latentstudio.latent.directions import Direction
from latentstudio.latent.sampling import parse_seeds
from latentstudio.media.image import read_recipe_text

Rows = NDArray[np.float32]
MOST = 64  # members at once


class Intake:
    """Makes members of whatever a person puts into a tray.

    Args:
        studio: the common ground.
        owner: lives as long as the jobs.
    """

    def __init__(self, studio: Studio, owner: QObject) -> None:
        self._studio, self._answers = studio, Answers(studio, owner)

    def recipes(self, recipes: list[Recipe], take: Callable[[list[Member]], None]) -> None:
        """Pictures as they are with their sliders, before truncation."""
        model = self._studio.model
        if model is None or not recipes:
            return
        found = [start_source(recipe, model.info.z_dim) for recipe in recipes]
        words = [recipe_words(recipe) for recipe in recipes]
        missing = [r for r, source in zip(recipes, found, strict=True) if source is None]

        def fill(rows: list[Rows]) -> None:
            arrays = iter(rows)
            sources = [start_of_rows(next(arrays)) if s is None else s for s in found]
            take([Member(s, w) for s, w in zip(sources, words, strict=True)])

        if missing:
            self._latents(missing, fill)
        else:
            fill([])

    def seeds(self, text: str) -> list[Member]:
        """Seeds written like "4,7-9"; none, and a word, where they can't be read."""
        recipe = self._studio.document.recipe
        try:
            seeds = parse_seeds(text)
            if len(seeds) > MOST:
                raise InputError(f"A tray takes up to {MOST} pictures at once.")
        except LatentStudioError as error:
            self._studio.tell_error(error)
            return []
        return [Member(recipe.seeded(seed), f"Seed {seed}") for seed in seeds]

    def files(self, paths: list[Path], take: Callable[[list[Member]], None]) -> None:
        """PNGs that carry a recipe of this model, and recipe files."""
        model = self._studio.model
        if model is None:
            return

        def done(recipes: list[Recipe]) -> None:
            own = [r for r in recipes if fits(r.model, model.info)]
            stranger = next((r for r in recipes if r not in own), None)
            if stranger is not None:
                name = stranger.model.name or "another model"
                words = f"That picture was made with {name}; its latents mean nothing to this model."
                self._studio.tell_error(InputError(words))
            self.recipes(own, take)

        self._studio.background.run(lambda: _read(paths[:MOST]), done, self._studio.tell_error)

    def difference(
        self,
        first: list[Source],
        second: list[Source],
        recipe: Recipe,
        in_z: bool,
        take: Callable[[Direction], None],
    ) -> None:
        """The way from the mean of `second` to that of `first`, in z or in w."""
        model = self._studio.model
        if model is None:
            return

        def done(rows: list[Rows]) -> None:
            try:
                found = difference(rows[: len(first)], rows[len(first) :])
                take(replace(found, space="z" if in_z else "w"))
            except LatentStudioError as error:
                self._studio.tell_error(error)

        bare = Recipe(model=recipe.model, classes=recipe.classes)
        recipes = [bare.changed(sources=(replace(s, weight=1.0),)) for s in (*first, *second)]
        if in_z:
            done([z for z in (start_z(r, model.info.z_dim) for r in recipes) if z is not None])
        else:
            self._latents(recipes, done)

    def _latents(self, recipes: list[Recipe], take: Callable[[list[Rows]], None]) -> None:
        def make() -> Job:
            from latentstudio.engine.examples import latents_job

            return latents_job(recipes, "bench")

        self._answers.ask(make, take)


def recipe_words(recipe: Recipe) -> str:
    """What a picture is called in a tray: "Seed 4, Smile +1.4"."""
    moved = [f"{e.direction.name} {signed(e.amount)}" for e in recipe.directions if e.amount]
    start = f"Seed {recipe.seed}" if recipe.seed is not None else "Picture"
    return ", ".join([start, *moved[:2]])


def _read(paths: list[Path]) -> list[Recipe]:
    return [
        read_recipe(path) if path.suffix.lower() == ".json" else loads(read_recipe_text(path))
        for path in paths
    ]
