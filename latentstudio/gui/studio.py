"""What the panels share: the document, the open model, its directions, the way to the engine.

Owns opening a model and what follows from it; knows no panel and no widget. GUI thread.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from latentstudio.document.direction_file import SUFFIX, read_directions
from latentstudio.document.document import Document
from latentstudio.document.factors import Factors, find_factors
from latentstudio.document.film import Film
from latentstudio.document.recipe import Recipe
from latentstudio.engine.requests import Failure, Job, JobFinished, ModelOpened
from latentstudio.errors import LatentStudioError
from latentstudio.gui.background import Background
from latentstudio.gui.binding import PictureBinding
from latentstudio.gui.engine_bridge import EngineBridge, MakeEngine, real_engine
from latentstudio.gui.layers import LayerGroup, layer_groups, row_sides
from latentstudio.gui.notices import INFO, Notice
from latentstudio.gui.starting import fits, named, starting_recipe, with_listed
from latentstudio.gui.thumbnails import Thumbnails
from latentstudio.gui.words import signed
from latentstudio.latent.directions import Direction
from latentstudio.settings import Settings, save_settings

if TYPE_CHECKING:
    from latentstudio.models.generator import GeneratorInfo, StageInfo


@dataclass(frozen=True, eq=False)
class OpenModel:
    """The model that is open.

    Attributes:
        info: what it is.
        stages: its synthesis stages.
        device: a few words for the status line.
        devices: where else it could be: pairs of a name and words.
        directions: found so far, by group: "named", "pca", "sefa".
        factors: what its directions were measured to change; empty where nobody measured.
    """

    info: GeneratorInfo
    stages: tuple[StageInfo, ...]
    device: str
    devices: tuple[tuple[str, str], ...] = ()
    directions: dict[str, list[Direction]] = field(default_factory=dict)
    factors: list[Factors] = field(default_factory=list)

    @cached_property
    def sides(self) -> tuple[int, ...]:
        """For each row of ws the resolution of the layer it drives."""
        return row_sides(self.stages, self.info.num_ws)

    @cached_property
    def groups(self) -> tuple[LayerGroup, ...]:
        """Coarse, middle, fine, as far as the model has them."""
        return layer_groups(self.sides)


@dataclass(frozen=True)
class _Opening:
    path: Path
    recipe: Recipe | None
    file: Path | None
    keeps_document: bool = False
    film: Film | None = None


class Studio(QObject):
    """The window's common ground.

    Signals:
        model_opening(str): a model is being loaded; its title.
        model_opened(OpenModel): another model is open; the document follows at once.
        opening_ended(): loading is over, well or not.
        directions_found(str): the directions of this group are there.
        factors_found(): what directions were measured to change is there.
        told(Notice): something to read.

    Args:
        settings: what the person chose.
        make_engine: builds the engine; the real one by default.
        parent: owner.
    """

    model_opening = Signal(str)
    model_opened = Signal(object)
    opening_ended = Signal()
    directions_found = Signal(str)
    factors_found = Signal()
    told = Signal(object)

    def __init__(
        self, settings: Settings, make_engine: MakeEngine | None = None, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.settings = settings
        self.document = Document()
        self.bridge = EngineBridge(make_engine or real_engine(settings), self)
        self.background = Background(self)
        self.thumbnails = Thumbnails(self.bridge, self)
        self.binding = PictureBinding(self.document, self.bridge, self)
        self.model: OpenModel | None = None
        self._opening: _Opening | None = None
        self.bridge.model_opened.connect(self._take_model)
        self.bridge.job_finished.connect(self._take_job)
        self.bridge.failed.connect(self._take_failure)
        self.binding.failed.connect(self._tell_failure)
        self.binding.picture_changed.connect(self._keep_thumbnail)

    def tell(self, message: str, hint: str = "") -> None:
        """News that need no action."""
        self.told.emit(Notice(message, hint, tone=INFO))

    def tell_error(
        self, error: BaseException, action: str = "", act: Callable[[], None] | None = None
    ) -> None:
        """A failure."""
        self.told.emit(Notice.of(error, action, act))

    @property
    def is_opening(self) -> bool:
        """Whether a model is being loaded."""
        return self._opening is not None

    def open_model(
        self, path: Path, recipe: Recipe | None = None, file: Path | None = None, film: Film | None = None
    ) -> None:
        """Load a model, and begin with a recipe.

        Args:
            path: the checkpoint.
            recipe: what to show; by default a good first picture.
            file: where that recipe, or the film, came from, if from a file.
            film: what to put on the timeline.
        """
        self._opening = _Opening(path, recipe, file, film=film)
        self.model_opening.emit(path.stem)
        self.bridge.open_model(path, self.settings.device)

    def choose_device(self, name: str) -> None:
        """Draw on another device from now on; the document stays as it is."""
        if name == self.settings.device:
            return
        self.settings = replace(self.settings, device=name)
        try:
            save_settings(self.settings)
        except LatentStudioError as error:
            self.tell_error(error)
        if self.model is not None and self.model.info.path:
            path = Path(self.model.info.path)
            self._opening = _Opening(path, None, None, keeps_document=True)
            self.model_opening.emit(path.stem)
            self.bridge.open_model(path, name)

    def begin(self, recipe: Recipe, file: Path | None = None) -> None:
        """Begin a new history with a recipe of the open model; a film of that model stays."""
        film, info = self.document.film, None if self.model is None else self.model.info
        stays = film is None or info is None or all(fits(k.recipe.model, info) for k in film.keyframes)
        self.document.restart(recipe, f"Opened {file.name}" if file else "Start", file, keep_film=stays)

    def begin_film(self, film: Film, file: Path) -> None:
        """Put a film of the open model on the timeline."""
        self.document.edit_film(f"Opened {file.name}", film)
        self.document.mark_film_saved(file if file.suffix.lower() == ".json" else None)

    def submit(self, make_job: Callable[[], Job]) -> None:
        """Long work; see `EngineBridge.submit`."""
        self.bridge.submit(make_job)

    def close(self) -> None:
        """Stop all threads."""
        self.background.close()
        self.bridge.close()

    # --- what the engine says -------------------------------------------------------------------

    def _take_model(self, event: ModelOpened) -> None:
        opening, self._opening = self._opening, None
        directions = {"named": named(event.info)}
        self.model = OpenModel(event.info, event.stages, event.device, event.devices, directions)
        self.binding.set_open(True)
        self.model_opened.emit(self.model)
        self.opening_ended.emit()
        if event.note:
            self.tell(event.note)
        recipe = None if opening is None else opening.recipe
        if recipe is not None and not fits(recipe.model, event.info):
            name = recipe.model.name or recipe.model.sha256[:12]
            self.told.emit(Notice(f'This is not the model that the recipe was made with ("{name}").'))
            recipe = None
        if opening is not None and opening.keeps_document:
            self.document.tell_again()
        elif recipe is None or opening is None:
            self.begin(starting_recipe(event.info))
        elif opening.film is not None and opening.file is not None:
            self.begin(recipe)
            self.begin_film(opening.film, opening.file)
        else:
            self.begin(recipe, opening.file)
        self._find_directions()
        self._find_beside(self.model)

    def factor_words(self, direction: Direction) -> str:
        """What one sigma was measured to change: "Turn +11.2°, Nod −1.3°"; empty where nobody measured."""
        found = [
            effect
            for table in (self.model.factors if self.model is not None else [])
            for effect in table.strongest(direction.origin, direction.name)
        ]
        return ", ".join(f"{name} {signed(amount)}{unit}" for name, amount, unit in found)

    def _find_beside(self, model: OpenModel) -> None:
        """What may lie beside the model: named directions, and what they were measured to change."""
        info = model.info
        path = Path(info.path) if info.path else None

        def done(found: Factors | None) -> None:
            if found is not None:
                model.factors.append(found)
                self.factors_found.emit()

        def shipped(found: list[Direction]) -> None:
            if found:
                model.directions["named"] += [replace(d, origin="named") for d in found]
                self.directions_found.emit("named")

        self.background.run(lambda: find_factors(info.sha256, path), done, self.tell_error)
        beside = None if path is None else path.with_name(path.stem + SUFFIX)
        if beside is not None and beside.is_file():
            self.background.run(
                lambda: read_directions(beside, z_dim=info.z_dim, w_dim=info.w_dim), shipped, self.tell_error
            )

    def _find_directions(self) -> None:
        """Look for the directions that are not known yet."""
        assert self.model is not None
        samples = self.settings.discovery_samples
        if "sefa" not in self.model.directions:
            self.submit(_sefa_job)
        self.submit(_precision_job)
        self.submit(_preview_job)
        if "pca" not in self.model.directions:
            self.submit(lambda: _pca_job(samples))

    def _take_job(self, event: JobFinished) -> None:
        if self.model is None or event.tag not in ("pca", "sefa"):
            return
        self.model.directions[event.tag] = list(event.value or [])
        document = self.document
        if event.tag == "pca" and len(document.entries) == 1 and document.path is None:
            recipe = document.recipe
            if not recipe.directions:
                document.restart(with_listed(recipe, self.model.directions["pca"]))
        self.directions_found.emit(event.tag)

    def _take_failure(self, failure: Failure) -> None:
        if failure.request is not None:
            return  # the canvas's own come through the binding; a thumbnail's are not worth a word
        if failure.ticket is not None:
            self._opening = None
            self.opening_ended.emit()
            # Opening has emptied the queue: what was waiting of the present model is asked again.
            if self.model is not None:
                self.binding.ask_again()
                self._find_directions()
        self._tell_failure(failure)

    def _tell_failure(self, failure: Failure) -> None:
        self.told.emit(Notice(failure.message, failure.hint, failure.details))

    def _keep_thumbnail(self) -> None:
        picture = self.binding.picture
        # What a drag passes through is never looked for, and digests are not free.
        if picture is not None and picture.is_exact and not self.document.is_merging:
            self.thumbnails.offer(picture.request.recipe, picture.image)


def _sefa_job() -> Job:
    from latentstudio.engine.discovery import sefa_job

    return sefa_job()


def _precision_job() -> Job:
    from latentstudio.engine.quickening import precision_job

    return precision_job()


def _preview_job() -> Job:
    from latentstudio.engine.quickening import preview_job

    return preview_job()


def _pca_job(samples: int) -> Job:
    from latentstudio.engine.discovery import pca_job

    return pca_job(samples)
