"""Pictures for the cells that can be seen, a few at a time.

Owns the order in which a sheet's missing thumbnails are asked for: only what is wanted now, the first
first, never more than a few on their way, so that what was scrolled past costs nothing and the canvas
goes first. GUI thread.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, Signal

from latentstudio.document.recipe import Recipe
from latentstudio.engine.requests import Failure
from latentstudio.gui.studio import Studio
from latentstudio.gui.thumbnails import PREFIX

LANES = 2  # one being drawn, one waiting: the engine never idles, and a scroll is followed at once


class Filler(QObject):
    """Asks for missing thumbnails.

    Signals:
        arrived(): one of the wanted pictures is there.

    Args:
        studio: the common ground.
        name: of the channels, unique among the sheets.
    """

    arrived = Signal()

    def __init__(self, studio: Studio, name: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._studio, self._name = studio, name
        self._wanted: list[Recipe] = []
        self._lanes: list[str | None] = [None] * LANES
        self._refused: set[str] = set()
        studio.thumbnails.arrived.connect(self._take)
        studio.bridge.failed.connect(self._take_failure)
        studio.model_opened.connect(self._begin_again)

    def want(self, recipes: Sequence[Recipe]) -> None:
        """Ask for these, and for nothing that was wanted before."""
        self._wanted = [r for r in recipes if self._studio.thumbnails.find(r) is None]
        # A lane whose wish is no longer wanted is asked for something else at once: latest wins.
        digests = {r.digest for r in self._wanted}
        self._lanes = [lane if lane in digests else None for lane in self._lanes]
        self._next()

    def _next(self) -> None:
        for lane, under_way in enumerate(self._lanes):
            if under_way is not None:
                continue
            recipe = self._first_missing()
            if recipe is None:
                return
            self._lanes[lane] = recipe.digest
            self._studio.thumbnails.ask(recipe, f"{self._name} {lane}")

    def _first_missing(self) -> Recipe | None:
        for recipe in self._wanted:
            digest = recipe.digest
            if digest in self._lanes or digest in self._refused:
                continue
            if self._studio.thumbnails.find(recipe) is None:
                return recipe
        return None

    def _take(self, digest: str) -> None:
        if any(recipe.digest == digest for recipe in self._wanted):
            self._wanted = [r for r in self._wanted if r.digest != digest]
            self.arrived.emit()
        self._free(digest)

    def _take_failure(self, failure: Failure) -> None:
        request = failure.request
        if request is not None and request.channel.startswith(f"{PREFIX}{self._name} "):
            self._refused.add(request.recipe.digest)
            self._free(request.recipe.digest)
        elif failure.ticket is not None:
            # Opening another model has emptied the engine's queue.
            self._lanes = [None] * LANES
            self._next()

    def _free(self, digest: str) -> None:
        if digest in self._lanes:
            self._lanes[self._lanes.index(digest)] = None
            self._next()

    def _begin_again(self) -> None:
        self._wanted, self._lanes = [], [None] * LANES
        self._refused.clear()
