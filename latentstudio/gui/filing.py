"""Opening and saving: models, pictures with a recipe, recipe files.

Owns what a dropped or chosen file means and how a picture is saved; the dialogs are methods of their
own, so that tests answer in a person's place. GUI thread; files are read and written on others.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

from latentstudio.document.film import Film
from latentstudio.document.recipe import Recipe
from latentstudio.document.recipe_json import dumps, loads
from latentstudio.document.session_file import SUFFIX, read_recipe, write_recipe
from latentstudio.engine.film_files import VIDEOS, film_model, is_film_file, read_any_film
from latentstudio.engine.requests import Job, JobFinished, Progress, RenderRequest
from latentstudio.errors import InputError, ModelNotFoundError
from latentstudio.gui.engine_bridge import Picture
from latentstudio.gui.starting import fits
from latentstudio.gui.studio import Studio
from latentstudio.media.image import find_recipe_text, write_png
from latentstudio.media.photo import SUFFIXES
from latentstudio.models.library import find_model

SAVE_CHANNEL = "save"
SAVE_TAG = "save-picture"
PICTURE_FILTER = "Picture with its recipe (*.png)"
RECIPE_FILTER = f"Recipe (*{SUFFIX})"
_MODELS = "*.pkl *.pt *.pth *.ckpt *.bin *.safetensors *.npz *.xml *.tar"
_PHOTOS = " ".join(f"*{suffix}" for suffix in sorted(SUFFIXES))
OPEN_FILTER = (
    f"All that opens here ({_MODELS} {_PHOTOS} *.json *.mp4 *.webm);;Models ({_MODELS})"
    f";;Pictures and recipes (*.png *.json);;Photos ({_PHOTOS});;Films (*.film.json *.mp4 *.webm)"
    ";;All files (*)"
)


@dataclass(frozen=True)
class _Found:
    """What a path turned out to be: a recipe or a film with its model, a model, or a photo."""

    path: Path
    recipe: Recipe | None = None
    model: Path | None = None
    is_photo: bool = False
    film: Film | None = None


class Filing(QObject):
    """Files in and out of the window.

    Signals:
        saved(Path): a file is written.
        photo_wanted(Path): a picture without a recipe: something to invert.

    Args:
        studio: the common ground.
        window: parent of the dialogs.
    """

    saved = Signal(object)
    photo_wanted = Signal(object)

    def __init__(self, studio: Studio, window: QWidget) -> None:
        super().__init__(window)
        self._studio, self._window = studio, window
        self._folder = Path.home()
        self._to_save: tuple[Path, Recipe] | None = None
        studio.bridge.picture_ready.connect(self._take_picture)
        studio.bridge.job_finished.connect(self._take_saved)

    # --- open -----------------------------------------------------------------------------------

    def open_path(self, path: Path) -> None:
        """Open whatever it is: a model, a picture with a recipe, a recipe, a film, a photo."""
        self._folder = path.parent
        model = self._studio.model
        self._studio.background.run(
            lambda: _look(path, None if model is None else model.info),
            self._open_found,
            lambda error: self._tell_open_error(path, error),
        )

    def choose_and_open(self) -> None:
        """Ask for a file and open it."""
        path = self.ask_open_path("Open a model, a picture or a recipe")
        if path is not None:
            self.open_path(path)

    def open_model(self, path: Path) -> None:
        """Open a model from the list."""
        model = self._studio.model
        if model is not None and str(path) == model.info.path and not self._studio.is_opening:
            return
        if self.may_discard() and self.may_discard_film():
            self._studio.open_model(path)

    def _open_found(self, found: _Found) -> None:
        changes_model = found.recipe is None or found.model is not None
        if found.is_photo:
            self.photo_wanted.emit(found.path)
        elif found.film is not None and found.model is None:
            # The picture stays as a step of the history.
            if self.may_discard_film():
                self._studio.begin_film(found.film, found.path)
        elif not self.may_discard() or (changes_model and not self.may_discard_film()):
            return
        elif found.recipe is None:
            self._studio.open_model(found.path)
        elif found.model is None:
            self._studio.begin(found.recipe, found.path)
        else:
            self._studio.open_model(found.model, found.recipe, found.path, found.film)

    def _tell_open_error(self, path: Path, error: Exception) -> None:
        if isinstance(error, _ModelMissing):
            recipe, film = error.recipe, error.film
            self._studio.tell_error(
                error.cause, "Find the model…", lambda: self._find_model(path, recipe, film)
            )
        else:
            self._studio.tell_error(error)

    def _find_model(self, path: Path, recipe: Recipe, film: Film | None = None) -> None:
        """The person knows where the recipe's model is."""
        name = recipe.model.name or "the recipe's model"
        model = self.ask_open_path(f"Where is {name}?")
        if model is not None:
            self._studio.open_model(model, recipe, path, film)

    # --- save -----------------------------------------------------------------------------------

    def save(self) -> None:
        """Write to the file of before, or ask for one."""
        path = self._studio.document.path
        if path is None:
            self.save_as()
        else:
            self.save_to(path)

    def save_as(self) -> None:
        """Ask for a file and write it."""
        if self._studio.model is None:
            return
        path = self.ask_save_path()
        if path is not None:
            self._folder = path.parent
            self.save_to(path)

    def save_to(self, path: Path) -> None:
        """Write a picture with its recipe, or the recipe alone, by the file's ending."""
        recipe = self._studio.document.recipe
        self._studio.document.release()
        if path.suffix.lower() == ".json":
            self._studio.background.run(
                lambda: _write_recipe(path, recipe),
                lambda _: self._after_save(path, recipe),
                self._studio.tell_error,
            )
            return
        if path.suffix.lower() != ".png":
            path = path.with_name(path.name + ".png")
        # Drawn for the purpose: what is on the canvas may still be a preview.
        self._to_save = (path, recipe)
        self._studio.bridge.request(RenderRequest(recipe, channel=SAVE_CHANNEL))

    def copy(self) -> None:
        """The picture to the clipboard."""
        picture = self._studio.binding.picture
        if picture is not None:
            QGuiApplication.clipboard().setImage(picture.image)
            self._studio.tell("The picture is on the clipboard.")

    def _take_picture(self, picture: Picture) -> None:
        if picture.request.channel != SAVE_CHANNEL or self._to_save is None:
            return
        path, recipe = self._to_save
        if picture.request.recipe is not recipe:
            return
        self._to_save = None
        text, pixels = dumps(recipe), picture.pixels

        def steps(_: object) -> Generator[Progress, None, tuple[Path, Recipe]]:
            yield Progress(0, 0, path.name)
            write_png(path, pixels, text)
            _put_tuning_beside(recipe, path)
            return (path, recipe)

        job = Job(f"Saving {path.name}", steps, on_engine=False, tag=SAVE_TAG)
        self._studio.submit(lambda: job)

    def _take_saved(self, event: JobFinished) -> None:
        if event.tag == SAVE_TAG:
            self._after_save(*event.value)

    def _after_save(self, path: Path, recipe: Recipe) -> None:
        # Whoever went on editing meanwhile has not saved that.
        if self._studio.document.recipe == recipe:
            self._studio.document.mark_saved(path)
        self._studio.tell(f"Saved {path.name}.", "It carries its recipe: open it here to go on.")
        self.saved.emit(path)

    # --- questions ------------------------------------------------------------------------------

    def may_discard(self) -> bool:
        """Whether the picture may be left: asks when it has edits that are in no file."""
        document = self._studio.document
        if self._studio.model is None or not document.is_modified:
            return True
        return self.ask_discard()

    def may_discard_film(self) -> bool:
        """Whether the film may be left: asks when it is in no file."""
        if not self._studio.document.is_film_modified:
            return True
        return self.ask_discard("The film is not saved.", "Its keyframes would be lost.")

    def ask_discard(
        self,
        what: str = "This picture is not saved.",
        loses: str = "Its recipe, with all sliders, would be lost.",
    ) -> bool:
        """Ask whether to go without saving."""
        box = QMessageBox(self._window)
        box.setIcon(QMessageBox.Icon.NoIcon)
        box.setWindowTitle("LatentStudio")
        box.setText(what)
        box.setInformativeText(loses)
        leave = box.addButton("Go without saving", QMessageBox.ButtonRole.DestructiveRole)
        stay = box.addButton("Stay", QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(stay)
        box.exec()
        return box.clickedButton() is leave

    def ask_open_path(self, title: str) -> Path | None:
        """Ask for a file to open."""
        name, _ = QFileDialog.getOpenFileName(self._window, title, str(self._folder), OPEN_FILTER)
        return Path(name) if name else None

    def ask_save_path(self) -> Path | None:
        """Ask for a file to write."""
        proposal = self._studio.document.path or self._folder / f"{self._proposed_name()}.png"
        name, chosen = QFileDialog.getSaveFileName(
            self._window, "Save the picture", str(proposal), f"{PICTURE_FILTER};;{RECIPE_FILTER}"
        )
        if not name:
            return None
        path = Path(name)
        if chosen == RECIPE_FILTER and path.suffix.lower() != ".json":
            path = path.with_name(path.stem + SUFFIX)
        return path

    def _proposed_name(self) -> str:
        model, recipe = self._studio.model, self._studio.document.recipe
        title = model.info.provenance.title if model is not None else "picture"
        words = "-".join(title.lower().split()) or "picture"
        safe = "".join(c for c in words if c.isalnum() or c in "-_")
        return f"{safe}-seed{recipe.seed}" if recipe.seed is not None else safe


def _write_recipe(path: Path, recipe: Recipe) -> None:
    write_recipe(path, recipe)
    _put_tuning_beside(recipe, path)


def _put_tuning_beside(recipe: Recipe, path: Path) -> None:
    """The model's own changes, where a recipe has some, go where its file goes."""
    if recipe.tuning is not None:
        from latentstudio.inversion.tuning_store import export_tuning

        export_tuning(recipe, path.parent)


class _ModelMissing(Exception):
    """The recipe is fine, its model is not here."""

    def __init__(self, cause: ModelNotFoundError, recipe: Recipe, film: Film | None = None) -> None:
        super().__init__(cause.message)
        self.cause, self.recipe, self.film = cause, recipe, film


def _look(path: Path, open_info: object | None) -> _Found:
    """What a path is; on a background thread."""
    if not path.exists():
        raise InputError(
            f'"{path.name}" is not there any more.', "It may have been moved or renamed.", path=path
        )
    suffix = path.suffix.lower()
    if suffix in VIDEOS or (suffix == ".json" and is_film_file(path)):
        return _look_at_film(path, open_info)
    if path.is_dir() and _holds_photos(path):
        return _Found(path, is_photo=True)
    if path.is_dir() or suffix not in (*SUFFIXES, ".json"):
        return _Found(path)
    text = find_recipe_text(path) if suffix == ".png" else None
    if suffix in SUFFIXES and text is None:
        return _Found(path, is_photo=True)
    recipe = read_recipe(path) if text is None else loads(text)
    if recipe.tuning is not None:
        from latentstudio.inversion.tuning_store import adopt_tuning

        adopt_tuning(recipe, path.parent)
    if open_info is not None and fits(recipe.model, open_info):  # type: ignore[arg-type]
        return _Found(path, recipe)
    try:
        return _Found(path, recipe, find_model(recipe.model))
    except ModelNotFoundError as error:
        raise _ModelMissing(error, recipe) from error


def _holds_photos(folder: Path) -> bool:
    """Whether a folder is one of photos, and not of a model that brings some pictures along."""
    suffixes = {inside.suffix.lower() for inside in folder.iterdir() if inside.is_file()}
    models = {pattern.removeprefix("*") for pattern in _MODELS.split()} | {".pb", ".json"}
    return bool(suffixes & SUFFIXES) and not suffixes & models


def _look_at_film(path: Path, open_info: object | None) -> _Found:
    film = read_any_film(path)
    first, reference = film.keyframes[0].recipe, film_model(film)
    if open_info is not None and fits(reference, open_info):  # type: ignore[arg-type]
        return _Found(path, first, film=film)
    try:
        return _Found(path, first, find_model(reference), film=film)
    except ModelNotFoundError as error:
        raise _ModelMissing(error, first, film) from error
