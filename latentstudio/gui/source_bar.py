"""Where sources of style mixing come from: seeds, favourites, the picture that is shown, files.

Owns the row of controls and the way from a recipe to a source; what becomes of a source belongs to
whoever listens. GUI thread; files are read on others.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from PySide6.QtCore import QEvent, QPoint, Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QWidget

from latentstudio.document.recipe import Recipe, Source
from latentstudio.document.recipe_json import loads
from latentstudio.document.session_file import read_recipe
from latentstudio.engine.requests import Failure, Job, JobCancelled, JobFinished
from latentstudio.errors import InputError, LatentStudioError
from latentstudio.gui.favourite_picker import FavouritePicker
from latentstudio.gui.icons import icon
from latentstudio.gui.starting import fits
from latentstudio.gui.studio import OpenModel, Studio
from latentstudio.gui.widgets.seed_field import DICE_SIDES, boxed_button
from latentstudio.latent.sampling import parse_seeds
from latentstudio.media.image import read_recipe_text

AT_ONCE = 16


class SourceBar(QWidget):
    """A field for seeds, and buttons for the other ways.

    Signals:
        found(Source, str, object): a source, its name where it has one, and the index of the layer group
            that it shall give, or None.
    """

    found = Signal(object, str, object)

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._model: OpenModel | None = None
        self._asked: dict[int, tuple[str, int | None]] = {}  # job -> name, group
        self.picker: FavouritePicker | None = None
        self.seeds = QLineEdit(self)
        self.seeds.setPlaceholderText("Seed, or 1,4-6")
        self.seeds.setAccessibleName("Seed of a new source")
        self.seeds.setToolTip("Enter adds the seed as a source")
        self.dice = boxed_button("dice", "Add a random seed", self)
        self.favourites = boxed_button("star", "Add a favourite", self)
        self.keep = boxed_button("keep", "Add the picture you see", self)
        self.file = boxed_button("folder", "Add a picture file with its recipe", self)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self.seeds, 1)
        for button in (self.dice, self.favourites, self.keep, self.file):
            row.addWidget(button)
        self.seeds.returnPressed.connect(self._add_typed)
        self.dice.clicked.connect(self._throw)
        self.favourites.clicked.connect(self._pick_favourite)
        self.keep.clicked.connect(lambda: self.add_recipe(studio.document.recipe, "Kept picture"))
        self.file.clicked.connect(self._choose_file)
        studio.bridge.job_finished.connect(self._take_source)
        studio.bridge.job_cancelled.connect(self._forget_job)
        studio.bridge.failed.connect(self._forget_job)

    def set_model(self, model: OpenModel) -> None:
        """Sources come from this model."""
        self._model = model
        self._asked.clear()

    def ask_path(self) -> Path | None:
        """Ask for a picture with a recipe."""
        name, _ = QFileDialog.getOpenFileName(
            self.window(), "A picture with its recipe", "", "Pictures and recipes (*.png *.json)"
        )
        return Path(name) if name else None

    def add_file(self, path: Path, name: str = "", group: int | None = None) -> None:
        """A picture saved here, or a recipe, as a source."""
        model = self._model
        if model is None:
            return

        def read() -> Recipe:
            is_recipe = path.suffix.lower() == ".json"
            recipe = read_recipe(path) if is_recipe else loads(read_recipe_text(path))
            if not fits(recipe.model, model.info):
                made_with = recipe.model.name or "another model"
                raise InputError(
                    f'"{path.name}" was made with {made_with}.',
                    "Sources come from the open model.",
                    path=path,
                )
            return recipe

        self._studio.background.run(
            read, lambda recipe: self.add_recipe(recipe, name or path.stem, group), self._studio.tell_error
        )

    def add_recipe(self, recipe: Recipe, name: str, group: int | None = None) -> None:
        """A whole picture as a source; the engine works out its latent."""
        if self._model is None:
            return
        base = self._studio.document.recipe

        def make() -> Job:
            from latentstudio.engine.mixing import mix_source_job

            return mix_source_job(recipe, base)

        def numbered(number: int) -> None:
            self._asked[number] = (name, group)

        self._studio.bridge.submit(make, numbered)

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        if event.type() == QEvent.Type.PaletteChange:
            for button in (self.dice, self.favourites, self.keep, self.file):
                button.setIcon(icon(button.objectName()))
        super().changeEvent(event)

    def _add_typed(self) -> None:
        text = self.seeds.text().strip()
        if not text:
            return
        try:
            seeds = parse_seeds(text)
            if len(seeds) > AT_ONCE:
                raise InputError(f"These are {len(seeds)} seeds.", f"Add {AT_ONCE} at a time.")
        except LatentStudioError as error:
            self._studio.tell_error(error)
            return
        self.seeds.clear()
        for seed in seeds:
            self.found.emit(self._studio.document.recipe.seeded(seed), "", None)

    def _throw(self) -> None:
        self.found.emit(self._studio.document.recipe.seeded(secrets.randbelow(DICE_SIDES)), "", None)

    def _pick_favourite(self) -> None:
        self.picker = FavouritePicker(self._studio, self)
        self.picker.chosen.connect(lambda path: self.add_file(path, "Favourite"))
        self.picker.open_at(self.favourites.mapToGlobal(QPoint(0, self.favourites.height() + 4)))

    def _choose_file(self) -> None:
        path = self.ask_path()
        if path is not None:
            self.add_file(path)

    def _take_source(self, event: JobFinished) -> None:
        asked = self._asked.pop(event.job, None)
        if asked is not None:
            source: Source = event.value
            self.found.emit(source, "" if source.seed is not None else asked[0], asked[1])

    def _forget_job(self, event: JobCancelled | Failure) -> None:
        if event.job is not None:
            self._asked.pop(event.job, None)
