"""The map of latents as the window keeps it: samples, places, colours, and where the picture stands.

Owns the state that the small map and the large one share, the jobs behind it, and what going somewhere
does to the document; draws nothing. GUI thread.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer, Signal

from latentstudio.document.map_moves import (
    before_truncation,
    effective_psi,
    gone_by,
    gone_to_samples,
    moved_z,
    sample_recipe,
    slider_amount,
)
from latentstudio.document.recipe import Recipe
from latentstudio.engine.requests import Job, Progress
from latentstudio.errors import LatentStudioError
from latentstudio.gui.engine_bridge import Picture
from latentstudio.gui.latent_map_choice import (
    BY_CLASS,
    DIRECTIONS,
    LIKENESS,
    PCA,
    PLAIN,
    MapChoice,
    with_axes,
)
from latentstudio.gui.latent_map_pictures import MapPictures
from latentstudio.gui.one_job import OneJob
from latentstudio.gui.studio import OpenModel, Studio
from latentstudio.latent.directions import Direction
from latentstudio.latent.map_layout import Plane, mixture_at, place_among
from latentstudio.latent.spaces import W, Z

if TYPE_CHECKING:
    from latentstudio.engine.latent_map import MapLatents

REST_MS = 200
MOST_VALUES, FEWEST = 16_000_000, 200

Place = tuple[float, float]


class LatentMap(QObject):
    """One map, shown by as many views as there are.

    Signals:
        changed(): other points, colours or words.
        dot_moved(): the picture stands elsewhere.

    Args:
        studio: the common ground.
    """

    changed = Signal()
    dot_moved = Signal()

    def __init__(self, studio: Studio, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.studio = studio
        self.choice = MapChoice()
        self.pictures = MapPictures(studio.bridge, self)
        self.latents: MapLatents | None = None
        self.points: NDArray[np.float64] = np.empty((0, 2))
        self.values: NDArray[np.float32] | None = None  # of the colour, one a point
        self.dot: Place | None = None
        self.words = ""
        self.generation = 0  # of the points: views keep what they drew for one
        self._plane: Plane | None = None
        self._factors: dict[str, NDArray[np.float32]] = {}
        self._base: Recipe | None = None
        self._is_wanted = False
        self._find, self._arrange, self._measure = (OneJob(studio.bridge, self) for _ in range(3))
        self._find.finished.connect(self._take_latents)
        self._arrange.finished.connect(self._take_points)
        self._arrange.progressed.connect(self._take_arranging)
        self._measure.finished.connect(self._take_factors)
        self._measure.progressed.connect(self._take_measuring)
        self._rest = QTimer(self, singleShot=True, interval=REST_MS)
        self._rest.timeout.connect(self._follow_base)
        studio.model_opened.connect(self._take_model)
        studio.directions_found.connect(self._take_directions)
        studio.binding.picture_changed.connect(self._follow)
        studio.document.history_changed.connect(self._rest_later)

    # --- what is shown --------------------------------------------------------------------------

    def want(self) -> None:
        """Somebody looks: make the map once there is a model with directions."""
        self._is_wanted = True
        self._begin()

    def choose(self, choice: MapChoice) -> None:
        """Show something else; only what differs is computed."""
        before, self.choice = self.choice, choice
        if (before.samples, before.all_classes, self._space(before)) != (
            choice.samples,
            choice.all_classes,
            self._space(choice),
        ):
            self.latents = None
            self._factors.clear()
            self._begin()
        elif (before.kind, before.axes) != (choice.kind, choice.axes):
            self._place()
        else:
            self._colour()

    @property
    def axes(self) -> tuple[Direction, Direction] | None:
        """The directions of the plane that is shown; None on a map by likeness."""
        return None if self._plane is None else (self._plane.first, self._plane.second)

    @property
    def classes(self) -> int:
        """How many classes the samples go through; 0 for one class or none."""
        return 0 if self.latents is None else self.latents.classes

    def colour_of(self, index: int) -> float | None:
        """The value that a sample is coloured by."""
        if self.values is None or not np.isfinite(self.values[index]):
            return None
        return float(self.values[index])

    def recipe_of(self, index: int) -> Recipe:
        """What the map shows for a sample."""
        return sample_recipe(self.studio.document.recipe, index, self.classes)

    # --- going there ----------------------------------------------------------------------------

    def open_sample(self, index: int) -> None:
        """Start from a sample; the map's own sliders rest, the others stay."""
        recipe = gone_to_samples(self.studio.document.recipe, [(index, 1.0)], self.axes or (), self.classes)
        self.studio.document.edit(f"Seed {index}", recipe)

    def go_to(self, place: Place, merge: str | None = None) -> None:
        """Go to a place: along the axes of a plane, or between the nearest samples."""
        model, document = self.studio.model, self.studio.document
        if model is None or self.latents is None:
            return
        if self._plane is None:
            samples = mixture_at(self.points, place)
            recipe = gone_to_samples(document.recipe, samples, (), self.classes)
        elif self.dot is None:
            return
        else:
            at = self._place_of(document.recipe) or self.dot
            by = (place[0] - at[0], place[1] - at[1])
            recipe = gone_by(document.recipe, (self._plane.first, self._plane.second), by, model.info.num_ws)
        self.studio.document.edit("Walk on the map", recipe, merge)
        self._set_dot(place)

    # --- making it ------------------------------------------------------------------------------

    def _space(self, choice: MapChoice) -> str:
        model = self.studio.model
        if choice.axes is not None and choice.kind == DIRECTIONS:
            return choice.axes[0].space
        components = [] if model is None else model.directions.get("pca", [])
        if choice.kind == PCA and components:
            return components[0].space
        return W if model is not None and model.info.has_mapping else Z

    def _take_model(self, model: OpenModel) -> None:
        for job in (self._find, self._arrange, self._measure):
            job.cancel()
        self.choice = MapChoice(samples=self.choice.samples)
        self.latents, self._plane, self.dot, self.values = None, None, None, None
        self._factors.clear()
        self._base = None
        self.pictures.begin(None)
        self._set_points(np.empty((0, 2)))

    def _take_directions(self, group: str) -> None:
        if group == "pca":
            self._begin()

    def _begin(self) -> None:
        model, choice = self.studio.model, self.choice
        if not self._is_wanted or model is None or self.latents is not None:
            return
        if choice.kind == PCA and len(model.directions.get("pca", [])) < 2:
            if "pca" not in model.directions:
                self._say("The map follows when the directions are found.")
                return
            # A model without components is seen by its named directions, or by likeness.
            named = model.directions.get("named", [])[:2]
            other = with_axes(choice, *named) if len(named) == 2 else replace(choice, kind=LIKENESS)
            self.choice = choice = other
        recipe, space = self.studio.document.recipe, self._space(choice)
        # Latents that are maps hold thousands of numbers each: fewer samples, not all the memory.
        most = MOST_VALUES // (model.info.w_dim if space == W else model.info.z_dim)
        samples = min(choice.samples, max(FEWEST, most))

        def make() -> Job:
            from latentstudio.engine.latent_map import map_latents_job

            return map_latents_job(recipe, samples, space, "map latents", all_classes=choice.all_classes)

        self._find.start(make)

    def _take_latents(self, latents: MapLatents) -> None:
        self.latents = latents
        self._place()

    def _place(self) -> None:
        model, latents, choice = self.studio.model, self.latents, self.choice
        if model is None or latents is None:
            return
        self._arrange.cancel()
        self._plane = None
        if choice.kind == LIKENESS:
            from_latents = latents.latents

            def make() -> Job:
                from latentstudio.engine.latent_map import embedding_job

                return embedding_job(from_latents, "map likeness")

            self._say("Arranging by likeness…")
            self._arrange.start(make)
            return
        axes = choice.axes if choice.kind == DIRECTIONS else None
        if axes is None:
            first = model.directions.get("pca", [])[:2]
            if len(first) < 2 or first[0].space != latents.space:
                return
            axes = (first[0], first[1])
        try:
            self._plane = Plane.of(*axes, latents.center)
        except LatentStudioError as error:
            self.studio.tell_error(error)
            return
        self._take_points(self._plane.places(latents.latents))

    def _take_arranging(self, progress: Progress) -> None:
        self._say(f"Arranging by likeness, {progress.done} of {progress.total}")
        if progress.payload is not None:
            self._set_points(np.asarray(progress.payload, np.float64))
            self._follow_again()

    def _take_points(self, points: NDArray[np.float64]) -> None:
        self._say("")
        self._set_points(np.asarray(points, np.float64))
        self._begin_pictures()
        self._colour()
        self._follow_again()

    def _set_points(self, points: NDArray[np.float64]) -> None:
        self.points = points
        self.generation += 1
        if self.values is not None and len(self.values) != len(points):
            self.values = None
        self.changed.emit()

    # --- colours --------------------------------------------------------------------------------

    def _colour(self) -> None:
        latents, choice = self.latents, self.choice
        self._measure.cancel()
        self._say("")
        self.values = None
        if latents is None:
            return
        if choice.colour == BY_CLASS and latents.classes:
            self.values = (np.arange(len(self.points)) % latents.classes).astype(np.float32)
        elif choice.colour == "direction" and choice.along is not None:
            vector = choice.along.values.array
            vector = vector if vector.ndim == 1 else vector.mean(0)
            if len(vector) == latents.latents.shape[1]:
                length = max(float((vector**2).sum()) * choice.along.sigma, 1e-12)
                self.values = np.asarray((latents.latents - latents.center) @ vector / length, np.float32)
        elif choice.colour in self._factors:
            self.values = self._factors[choice.colour]
        elif choice.colour not in (PLAIN, BY_CLASS):
            recipe, count, classes = self.studio.document.recipe, len(self.points), latents.classes

            def make() -> Job:
                from latentstudio.engine.latent_map import map_factors_job

                return map_factors_job(recipe, count, classes, "map factors")

            self._say("Measuring the pictures…")
            self._measure.start(make)
        self.generation += 1
        self.changed.emit()

    def _take_measuring(self, progress: Progress) -> None:
        if progress.payload is not None and self.choice.colour in progress.payload:
            self.values = progress.payload[self.choice.colour].copy()
            self.generation += 1
            self.changed.emit()

    def _take_factors(self, factors: dict[str, NDArray[np.float32]]) -> None:
        self._factors = dict(factors)
        if self.choice.colour not in factors:
            words = f"Nothing here measures the {self.choice.colour} of this model's pictures."
            is_realism = self.choice.colour == "realism"
            self.studio.tell(words, "It needs a discriminator in the model's file." if is_realism else "")
            self.choice = replace(self.choice, colour=PLAIN)
        self._colour()

    # --- where the picture stands ---------------------------------------------------------------

    def _follow_again(self) -> None:
        picture = self.studio.binding.picture
        if picture is not None:
            self._follow(picture)

    def _follow(self, picture: Picture) -> None:
        if self.latents is None or not len(self.points):
            return
        self._set_dot(self._place_of(picture.request.recipe, picture.ws))

    def _place_of(self, recipe: Recipe, ws: NDArray[np.float32] | None = None) -> Place | None:
        """Where a recipe stands; without its latents only what sliders of the plane did since is known."""
        latents, model = self.latents, self.studio.model
        if latents is None or model is None:
            return None
        if latents.space == Z:
            latent = moved_z(recipe, model.info.z_dim)
        elif ws is None:
            picture = self.studio.binding.picture
            if picture is None or picture.ws is None or self._plane is None:
                return None
            seen = self._place_of(picture.request.recipe, picture.ws)
            return None if seen is None else self._moved_since(seen, picture.request.recipe, recipe)
        else:
            truncates = not model.info.truncates_in_synthesis
            latent = before_truncation(ws, recipe, latents.mean, truncates=truncates)
        if latent is None:
            return None
        if self._plane is None:
            return place_among(latents.latents, self.points, latent)
        x, y = self._plane.places(latent[None])[0]
        return float(x), float(y)

    def _moved_since(self, place: Place, seen: Recipe, now: Recipe) -> Place:
        assert self._plane is not None
        assert self.studio.model is not None
        share = float(np.mean(1 / effective_psi(now, self.studio.model.info.num_ws)))
        x, y = (
            at + (slider_amount(now, axis) - slider_amount(seen, axis)) * share
            for at, axis in zip(place, (self._plane.first, self._plane.second), strict=True)
        )
        return x, y

    def _set_dot(self, place: Place | None) -> None:
        if place != self.dot:
            self.dot = place
            self.dot_moved.emit()

    # --- pictures -------------------------------------------------------------------------------

    def _rest_later(self) -> None:
        if not self.studio.document.is_merging:
            self._rest.start()

    def _follow_base(self) -> None:
        """Another truncation, noise or class: other pictures, in the same places."""
        if self.latents is not None and self._base is not None and self._base != self.recipe_of(0):
            old = self._base
            self._begin_pictures()
            own_class = not self.latents.classes and old.classes != self.recipe_of(0).classes
            draws = old.sources != self.recipe_of(0).sources
            self._factors.clear()
            if own_class or draws:
                self.latents = None
                self._begin()
            else:
                self._colour()

    def _begin_pictures(self) -> None:
        self._base = self.recipe_of(0)
        self.pictures.begin(self.recipe_of)
        self.changed.emit()

    def _say(self, words: str) -> None:
        if words != self.words:
            self.words = words
            self.changed.emit()
