"""The model panel: which generator.

Owns the list of models, and installing and removing those of the catalogue; opens models through the
studio. GUI thread.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QImage
from PySide6.QtWidgets import QMenu, QVBoxLayout, QWidget

from latentstudio.document.recipe import Recipe
from latentstudio.engine.requests import Failure, Job, JobFinished, JobProgress
from latentstudio.gui.engine_bridge import Picture
from latentstudio.gui.install_dialog import InstallDialog
from latentstudio.gui.model_list import ModelEntry, list_models, picture_path
from latentstudio.gui.studio import OpenModel, Studio
from latentstudio.gui.thumbnails import small
from latentstudio.gui.widgets.model_card import ModelCard

PICTURE_SIDE_PX = 128


class ModelsPanel(QWidget):
    """Cards: bundled, recent, catalogue.

    Signals:
        model_wanted(Path): a person chose a model that is here.
    """

    model_wanted = Signal(object)

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._entries: list[ModelEntry] = []
        self._cards: list[ModelCard] = []
        self._pictures: dict[str, QImage] = {}
        self._installing: dict[int, str] = {}  # job -> catalogue id
        self._waiting: list[str] = []  # asked for, number not yet known
        self._model: OpenModel | None = None
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(8, 4, 8, 8)
        self._column.setSpacing(2)
        self._column.addStretch(1)
        bridge = studio.bridge
        bridge.job_progressed.connect(self._progressed)
        bridge.job_finished.connect(self._finished)
        bridge.job_cancelled.connect(lambda event: self._ended(event.job))
        bridge.failed.connect(self._failed)
        studio.binding.picture_changed.connect(self._keep_picture)
        studio.model_opened.connect(self.set_model)
        self.refresh()

    @property
    def entries(self) -> list[ModelEntry]:
        """What is listed."""
        return self._entries

    def card(self, title: str) -> ModelCard:
        """The card of a title."""
        return next(c for c, e in zip(self._cards, self._entries, strict=True) if e.title == title)

    def refresh(self) -> None:
        """Look again which models there are."""
        self._studio.background.run(_list_with_pictures, self._show, self._studio.tell_error)

    def set_model(self, model: OpenModel) -> None:
        """Mark the model that is open."""
        self._model = model
        self.refresh()

    def set_recipe(self, recipe: Recipe) -> None:
        """The list does not depend on the recipe."""

    def install(self, identity: str) -> None:
        """Ask before downloading a model of the catalogue: its licence and caution first."""
        entry = next(e for e in self._entries if e.row is not None and e.row.id == identity)
        assert entry.row is not None
        dialog = InstallDialog(entry.row, self.window())
        dialog.accepted.connect(lambda: self._start_install(identity))
        dialog.open()

    # --- list -----------------------------------------------------------------------------------

    def _show(self, found: tuple[list[ModelEntry], dict[str, QImage]]) -> None:
        entries, pictures = found
        self._pictures.update(pictures)
        if entries != self._entries:
            for card in self._cards:
                self._column.removeWidget(card)
                card.hide()
                card.deleteLater()
            self._entries = entries
            self._cards = [self._make_card(entry) for entry in entries]
            for i, card in enumerate(self._cards):
                self._column.insertWidget(i, card)
        here = "" if self._model is None else self._model.info.path
        for card, entry in zip(self._cards, self._entries, strict=True):
            card.set_open(entry.path is not None and str(entry.path) == here)
            card.picture.set_image(self._pictures.get(_key(entry)))

    def _make_card(self, entry: ModelEntry) -> ModelCard:
        card = ModelCard(entry.title, entry.about, is_here=entry.path is not None, parent=self)
        hint = f"{entry.title}\n{entry.about}"
        if entry.row is not None:
            hint += f"\nLicence: {entry.row.licence}\n{entry.row.caution}"
        if entry.path is not None:
            hint += f"\n{entry.path}"
        card.setToolTip(hint)
        card.chosen.connect(lambda: self._choose(entry))
        card.cancelled.connect(lambda: self._cancel(entry))
        if entry.is_installed:
            card.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
            card.customContextMenuRequested.connect(lambda at: self._menu(entry, card, at))
        return card

    def _choose(self, entry: ModelEntry) -> None:
        if entry.path is not None:
            self.model_wanted.emit(entry.path)
        elif entry.row is not None and entry.row.id not in [*self._installing.values(), *self._waiting]:
            self.install(entry.row.id)

    def _menu(self, entry: ModelEntry, card: ModelCard, at: object) -> None:
        menu = QMenu(card)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        remove = QAction("Remove from this machine", menu)
        remove.triggered.connect(lambda: self._remove(entry))
        menu.addAction(remove)
        menu.popup(card.mapToGlobal(at))  # type: ignore[call-overload]

    def _remove(self, entry: ModelEntry) -> None:
        assert entry.row is not None
        identity = entry.row.id

        def work() -> None:
            from latentstudio.models.catalogue import remove

            remove(identity)

        self._studio.background.run(work, lambda _: self.refresh(), self._studio.tell_error)

    def _keep_picture(self, picture: Picture) -> None:
        """The first exact picture of a model becomes its small one."""
        model = self._model
        if model is None or not picture.is_exact:
            return
        sha256 = model.info.sha256
        if not sha256 or sha256 in self._pictures or picture.request.recipe.model.sha256 != sha256:
            return
        image = small(picture.image, PICTURE_SIDE_PX)
        self._pictures[sha256] = image
        path = picture_path(sha256)

        def work() -> None:
            path.parent.mkdir(parents=True, exist_ok=True)
            image.save(str(path))

        self._studio.background.run(work, lambda _: self.refresh(), lambda _: None)

    # --- installing -----------------------------------------------------------------------------

    def _start_install(self, identity: str) -> None:
        self._waiting.append(identity)

        def make() -> Job:
            from latentstudio.engine.catalogue_jobs import install_job

            return install_job(identity)

        self._studio.bridge.submit(make, lambda number: self._numbered(number, identity))
        self._show_progress(identity, 0, 0, "Beginning")

    def _numbered(self, number: int, identity: str) -> None:
        self._waiting.remove(identity)
        self._installing[number] = identity

    def _progressed(self, event: JobProgress) -> None:
        identity = self._installing.get(event.job)
        if identity is not None:
            step = event.progress
            self._show_progress(identity, step.done, step.total, step.text)

    def _finished(self, event: JobFinished) -> None:
        if event.job in self._installing:
            self._ended(event.job)
            self.refresh()
            path = Path(event.value)
            self._studio.tell(f"{event.title.removeprefix('Install ')} is installed.", "Click it to open it.")
            if not self._studio.document.is_modified:
                self.model_wanted.emit(path)

    def _failed(self, failure: Failure) -> None:
        if failure.job is not None:
            self._ended(failure.job)

    def _ended(self, number: int) -> None:
        identity = self._installing.pop(number, None)
        for card, entry in zip(self._cards, self._entries, strict=True):
            if entry.row is not None and entry.row.id == identity:
                card.end_progress()

    def _show_progress(self, identity: str, done: int, total: int, text: str) -> None:
        for card, entry in zip(self._cards, self._entries, strict=True):
            if entry.row is not None and entry.row.id == identity:
                card.set_progress(done, total, text)

    def _cancel(self, entry: ModelEntry) -> None:
        for number, identity in self._installing.items():
            if entry.row is not None and identity == entry.row.id:
                self._studio.bridge.cancel(number)


def _key(entry: ModelEntry) -> str:
    """What the picture of an entry is kept under: a model that was never opened has no hash yet."""
    return entry.sha256 or str(entry.path)


def _list_with_pictures() -> tuple[list[ModelEntry], dict[str, QImage]]:
    entries = list_models()
    pictures = {}
    for entry in entries:
        # What was seen here first, or the picture that travels with a bundled model.
        kept = [picture_path(entry.sha256)] if entry.sha256 else []
        shipped = [entry.path.with_suffix(".png")] if entry.path is not None else []
        for path in kept + shipped:
            image = QImage(str(path))
            if not image.isNull():
                pictures[_key(entry)] = image
                break
    return entries, pictures
