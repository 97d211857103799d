"""Which photograph the present picture comes from.

Owns the inversions of this session, and looks up those of earlier ones; says so when a picture starts from
one of them. GUI thread; files are read on others.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from latentstudio.document.recipe import Recipe, Source
from latentstudio.gui.photo.back import Inverted
from latentstudio.gui.photo.memory import Remembered, recall, remember
from latentstudio.inversion.target import crop_to_model
from latentstudio.media.photo import read_photo

if TYPE_CHECKING:
    from latentstudio.gui.studio import Studio
    from latentstudio.models.info import GeneratorInfo

MOST_KNOWN = 6  # each holds its photo


class PhotoOrigins(QObject):
    """From a recipe's start to its photograph.

    Signals:
        found(Inverted): the picture starts from this inversion.

    Args:
        studio: the common ground.
    """

    found = Signal(object)

    def __init__(self, studio: Studio, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._info: GeneratorInfo | None = None
        self._known: list[Inverted] = []  # the newest first
        self._sought: tuple[Source, ...] | None = None

    def set_model(self, info: GeneratorInfo) -> None:
        """Another generator: other inversions."""
        self._info, self._known, self._sought = info, [], None

    def keep(self, inversions: Sequence[tuple[Inverted, Path | None]]) -> None:
        """Remember inversions, and where the photograph of each lies; the last is the newest."""
        newest = [inverted for inverted, _ in reversed(inversions)]
        self._known = [*newest, *self._known][: max(MOST_KNOWN, len(newest))]
        stored = [
            (inverted.recipe, Remembered(path, inverted.target.alignment))
            for inverted, path in inversions
            if path is not None and inverted.target.alignment is not None
        ]

        def work() -> None:
            for recipe, found in stored:
                remember(recipe, found)

        if stored:
            self._studio.background.run(work, lambda _: None, self._studio.tell_error)

    def look(self, recipe: Recipe) -> None:
        """Say so when a picture starts from an inversion, now or soon."""
        sources, info = recipe.sources, self._info
        for inverted in self._known:
            if inverted.recipe.sources == sources:
                self.found.emit(inverted)
                return
        is_drawn = all(source.seed is not None for source in sources)
        if info is None or is_drawn or sources == self._sought:
            return
        self._sought = sources

        def work() -> Inverted | None:
            found = recall(recipe)
            if found is None:
                return None
            photo = read_photo(found.path)
            if photo.shape[:2] != found.alignment.source_size:
                return None
            target = crop_to_model(photo, info, found.alignment.quad, name=found.path.stem)
            base = recipe.unedited().changed(truncation_psi=1.0, truncation_curve=())
            return Inverted(target, photo, found.path.name, base)

        # A photo that can't be read any more is no news to a person who did not ask for it.
        self._studio.background.run(work, self._take, lambda _: None)

    def _take(self, inverted: Inverted | None) -> None:
        if inverted is not None and inverted.recipe.sources == self._studio.document.recipe.sources:
            self._known = [inverted, *self._known][:MOST_KNOWN]
            self.found.emit(inverted)
