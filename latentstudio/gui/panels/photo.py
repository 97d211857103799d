"""The photo panel: a person's own photograph into the model, edited, and back.

Owns the order of things: the desk keeps the photograph, the choices say how, a job inverts, the live view
follows it, the document takes the result, the foot puts the edit back. GUI thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData, QTimer
from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QScrollArea, QVBoxLayout, QWidget

from latentstudio.document.recipe import Recipe
from latentstudio.document.starts import without_sliders
from latentstudio.errors import LatentStudioError
from latentstudio.gui.canvas_sheet import canvas_of
from latentstudio.gui.one_job import OneJob
from latentstudio.gui.photo.back import BackToPhoto, Inverted
from latentstudio.gui.photo.batch import Batch, Part
from latentstudio.gui.photo.choices import InversionChoices
from latentstudio.gui.photo.counts import WhatCounts
from latentstudio.gui.photo.desk import PhotoDesk
from latentstudio.gui.photo.framed import FramedPhoto, cut_all
from latentstudio.gui.photo.intake import FINDER, PhotoIntake
from latentstudio.gui.photo.live import LiveView
from latentstudio.gui.photo.origins import PhotoOrigins
from latentstudio.gui.photo.run import Moment
from latentstudio.gui.starting import with_listed
from latentstudio.gui.studio import OpenModel, Studio
from latentstudio.gui.widgets.labels import caption
from latentstudio.inversion.options import ProjectionOptions
from latentstudio.inversion.projection import Control, Projection
from latentstudio.inversion.target import Target
from latentstudio.latent.spaces import Z

if TYPE_CHECKING:
    from latentstudio.engine.requests import Job, JobFinished, Progress


class PhotoPanel(QWidget):
    """Photo, choices, live view, back."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._model: OpenModel | None = None
        self._control = Control()
        self.batch: Batch | None = None  # what runs, or ran last
        self._preparing = False
        self._base = Recipe()  # what was on the canvas when the batch began
        self._installing: set[int] = set()
        canvas = canvas_of(studio)
        self.desk = PhotoDesk(studio, self)
        self.intake = PhotoIntake(studio, self.desk, canvas, self)
        self.choices = InversionChoices(self)
        self.counts = WhatCounts(self.desk, canvas, self)
        self.live = LiveView(studio.background, self)
        self.back = BackToPhoto(studio, canvas, self)
        self.origins = PhotoOrigins(studio, self)
        self.invert = QPushButton("Invert", self)
        self.invert.setProperty("role", "primary")
        self.invert.setToolTip("Find the latent whose picture is nearest to the photo")
        self._job = OneJob(studio.bridge, self)
        self._how = QWidget(self)
        self._arrange()
        self._wire()
        self._show()

    def _arrange(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.invert, 1)
        row.addWidget(self.choices.more)
        how = QVBoxLayout(self._how)
        how.setContentsMargins(0, 8, 0, 0)
        how.setSpacing(8)
        how.addWidget(caption("Inversion", self._how))
        how.addWidget(self.choices)
        how.addWidget(self.counts)
        how.addLayout(row)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 16)
        column.setSpacing(8)
        column.addWidget(self.intake)
        column.addWidget(self.live)
        column.addWidget(self.back)
        column.addWidget(self._how)
        column.addStretch(1)

    def _wire(self) -> None:
        self.desk.photo_changed.connect(self._take_photo)
        self.desk.row_changed.connect(self._show)
        for one, other in (
            (self.intake.adjust, self.counts.paint),
            (self.counts.paint, self.intake.adjust),
        ):
            # One thing at a time lies over the canvas.
            one.toggled.connect(lambda on, other=other: other.setChecked(other.isChecked() and not on))
            one.toggled.connect(lambda on: self.back.hide_all() if on else None)
        self.invert.clicked.connect(self.start)
        self.intake.install.clicked.connect(self.install_finder)
        self.live.stop_wanted.connect(self.stop)
        self.live.cancel_wanted.connect(self._job.cancel)
        self.live.continue_wanted.connect(self.go_on)
        self.live.moment_kept.connect(self._keep_moment)
        self.origins.found.connect(self._take_origin)
        self._job.progressed.connect(self._follow)
        self._job.finished.connect(self._take)
        self._job.ended.connect(self._ended)
        self._studio.bridge.job_finished.connect(self._take_install)

    # --- what the window says -------------------------------------------------------------------

    def set_model(self, model: OpenModel) -> None:
        """Another generator: another frame, another inversion."""
        self._model = model
        if not self._job.is_running:
            self.batch = None
        self.desk.set_info(model.info)
        self.choices.set_model(model.info)
        self.origins.set_model(model.info)
        self.back.set_inverted(None)
        if not self._job.is_running:
            self.live.clear()
        self._show()

    def set_recipe(self, recipe: Recipe) -> None:
        """The picture on the canvas may be a start, or come from a photo; says nothing."""
        self.choices.set_recipe(recipe)
        self.origins.look(recipe)

    def open_photo(self, path: Path) -> None:
        """Take a photograph's file, or a folder of them."""
        self.desk.open_paths([path])

    def open_photos(self, paths: Sequence[Path]) -> None:
        """Take several files and folders."""
        self.desk.open_paths(paths)

    def paste(self) -> None:
        """Take the photograph on the clipboard."""
        self.intake.paste()

    def take_mime(self, mime: QMimeData) -> bool:
        """Take a dropped picture; False when there is none."""
        return self.intake.take_mime(mime, "the dropped picture")

    def hideEvent(self, event: QHideEvent) -> None:
        """The stage belongs to the panel that shows: elsewhere the canvas is the picture again."""
        if not event.spontaneous():
            self.intake.adjust.setChecked(False)
            self.counts.paint.setChecked(False)
        super().hideEvent(event)

    def _take_photo(self) -> None:
        """The views of a run belong to its photo; in a row the one that is chosen is looked at."""
        batch, running = self.batch, self._job.is_running
        part = None if batch is None else batch.part_of(self.desk.current)
        if part is not None:
            self.live.show_run(part.run)
            self._tell_end(part)
            self._look_at(part)
        elif not running:
            self.live.clear()
        self._show()

    def _show(self) -> None:
        desk, running = self.desk, self._job.is_running
        there = desk.photo is not None and self._model is not None
        # While it runs there is nothing to choose, and the room is for looking.
        self._how.setVisible(there and not running)
        self.intake.set_compact(self.live.run is not None)
        self.intake.set_busy(running)
        self.invert.setEnabled(not self._preparing)
        if self._preparing:
            self.invert.setText("Cutting the photos…")
        elif desk.is_row:
            self.invert.setText(f"Invert {len(desk.photos)} photos")
        else:
            done = self.batch is not None and self.batch.is_done
            self.invert.setText("Invert again" if done else "Invert")
        self._show_shares()

    def _show_shares(self) -> None:
        batch = self.batch
        shares = {} if batch is None else {part.photo: batch.share(part) for part in batch.parts}
        self.intake.row.set_shares(shares)

    # --- inversion ------------------------------------------------------------------------------

    def start(self) -> None:
        """Invert what is in the frame, or in the frames of all."""
        desk, model = self.desk, self._model
        if self._preparing or model is None:
            return
        options, info = self.choices.options(), model.info
        if not desk.is_row:
            try:
                self._start_with(list(desk.photos), [desk.target()], options)
            except LatentStudioError as error:
                self._studio.tell_error(error)
            return
        photos = list(desk.photos)
        self._preparing = True
        self._show()
        # Many large photos take longer to cut than a window may wait.
        self._studio.background.run(
            lambda: cut_all(photos, info),
            lambda found: self._take_cuts(photos, found, options),
            self._studio.tell_error,
        )

    def _take_cuts(
        self, photos: list[FramedPhoto], found: list[Target | LatentStudioError], options: ProjectionOptions
    ) -> None:
        self._preparing = False
        usable = [(p, t) for p, t in zip(photos, found, strict=True) if isinstance(t, Target)]
        for error in found:
            if isinstance(error, LatentStudioError):
                self.desk.refuse(error)
        if usable and not self._job.is_running:
            self._start_with([p for p, _ in usable], [t for _, t in usable], options)
        self._show()

    def _start_with(
        self, photos: list[FramedPhoto], targets: list[Target], options: ProjectionOptions
    ) -> None:
        self._base = self._studio.document.recipe
        self._begin(Batch(photos, targets, options))

    def go_on(self) -> None:
        """What is not finished goes on; what is gets as many steps again."""
        if self.batch is not None and self.batch.goes_on:
            self.batch.go_on()
            self._begin(self.batch)

    def stop(self) -> None:
        """Finish now, and keep what was reached."""
        self._control.stop()

    def _begin(self, batch: Batch) -> None:
        self.batch, control = batch, Control()
        self._control = control
        self.intake.adjust.setChecked(False)
        self.counts.paint.setChecked(False)
        targets, options = [part.target for part in batch.going], batch.options
        resume = batch.checkpoints

        def make() -> Job:
            from latentstudio.engine.inverting import invert_job

            return invert_job(targets, options, control=control, resume=resume)

        chosen = batch.part_of(self.desk.current) or batch.going[0]
        self.live.begin(chosen.run)
        self._job.start(make)
        self._show()
        QTimer.singleShot(0, self, self._bring_to_sight)

    def _bring_to_sight(self) -> None:
        area: QWidget | None = self.parentWidget()
        while area is not None and not isinstance(area, QScrollArea):
            area = area.parentWidget()
        if area is not None:
            area.ensureWidgetVisible(self.live, 0, 16)

    def _follow(self, progress: Progress) -> None:
        batch = self.batch
        if batch is not None and progress.payload is not None:
            batch.take(progress.payload)
            self.live.moved(batch.words())
            if self.desk.is_row:
                self._show_shares()

    def _take(self, projections: list[Projection]) -> None:
        batch, model = self.batch, self._model
        if batch is None or model is None:
            return
        found = batch.take_results(projections)
        shown = self._shown_part()
        # The one that is looked at comes last: it is the picture then.
        ordered = sorted(found, key=lambda part: part is shown)
        for part in ordered:
            assert part.result is not None
            part.recipe = self._with_sliders(part.result.to_recipe(model.info))
        self.origins.keep([(self._inverted(part, part.recipe), part.photo.path) for part in ordered])
        for part in ordered:
            name = part.target.name
            assert part.recipe is not None
            self._studio.document.edit(f"Invert {name}" if name else "Invert the photo", part.recipe)
        self._ended()

    def _shown_part(self) -> Part | None:
        batch, run = self.batch, self.live.run
        return None if batch is None else next((part for part in batch.parts if part.run is run), None)

    def _inverted(self, part: Part, recipe: Recipe | None) -> Inverted:
        return Inverted(part.target, part.photo.pixels, part.photo.name, recipe or self._base)

    def _ended(self) -> None:
        part = self._shown_part()
        self.live.end()
        if part is None or (part.result is None and not part.run.moments):
            self.live.clear()
        else:
            self._tell_end(part)
        self._show()

    def _tell_end(self, part: Part) -> None:
        if self._job.is_running or self.batch is None:
            return
        result = part.result
        about = "" if result is None else f"Measured by {result.about_distance}, {result.seconds:.0f} s."
        self.live.tell_end(about, goes_on=self.batch.goes_on)

    def _look_at(self, part: Part) -> None:
        """The picture of this inversion on the canvas, as it was edited last; no step of the history."""
        document = self._studio.document
        if part.recipe is None or document.recipe.sources == part.recipe.sources:
            return
        sources = part.recipe.sources
        edited = [entry.recipe for entry in document.entries if entry.recipe.sources == sources]
        document.look(f"The inversion of {part.target.name}", edited[-1] if edited else part.recipe)

    def _keep_moment(self, moment: Moment) -> None:
        part = self._shown_part()
        if self._model is None or part is None:
            return
        recipe = self._with_sliders(moment.snapshot.to_recipe(self._model.info))
        self.origins.keep([(self._inverted(part, recipe), part.photo.path)])
        self._studio.document.edit(f"Step {moment.step} of the inversion", recipe)

    def _take_origin(self, inverted: Inverted) -> None:
        if inverted is not self.back.inverted:
            self.back.set_inverted(inverted)

    def _with_sliders(self, recipe: Recipe) -> Recipe:
        """Sliders at rest: those of the present picture that act on the new start, else the first found."""
        listed = without_sliders(self._studio.document.recipe).directions
        acts_on_z = all(source.space == Z for source in recipe.sources)
        kept = tuple(edit for edit in listed if acts_on_z or edit.direction.space != Z)
        recipe = recipe.changed(directions=kept)
        if kept or self._model is None:
            return recipe
        found = self._model.directions
        with_names = [direction for direction in found.get("named", []) if direction.space != Z]
        return with_listed(recipe, with_names or found.get("pca", []))

    # --- the face finder ------------------------------------------------------------------------

    def install_finder(self) -> None:
        """Ask before downloading: licence and caution first."""
        from latentstudio.gui.install_dialog import InstallDialog
        from latentstudio.models.catalogue import row

        dialog = InstallDialog(row(FINDER), self.window())
        dialog.accepted.connect(self._start_install)
        dialog.open()

    def _start_install(self) -> None:
        def make() -> Job:
            from latentstudio.engine.catalogue_jobs import install_job

            return install_job(FINDER)

        self._studio.bridge.submit(make, self._installing.add)

    def _take_install(self, event: JobFinished) -> None:
        if event.job in self._installing:
            self._installing.discard(event.job)
            self.desk.find_faces()
