"""The photo panel: a person's own photograph into the model, edited, and back.

Owns the order of things: the desk keeps the photograph, the choices say how, a job inverts, the live view
follows it, the document takes the result, the foot puts the edit back. GUI thread.
"""

from __future__ import annotations

from dataclasses import replace
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
from latentstudio.gui.photo.choices import InversionChoices
from latentstudio.gui.photo.counts import WhatCounts
from latentstudio.gui.photo.desk import PhotoDesk
from latentstudio.gui.photo.intake import FINDER, PhotoIntake
from latentstudio.gui.photo.live import LiveView
from latentstudio.gui.photo.origins import PhotoOrigins
from latentstudio.gui.photo.run import Moment, Run
from latentstudio.gui.starting import with_listed
from latentstudio.gui.studio import OpenModel, Studio
from latentstudio.gui.widgets.labels import caption
from latentstudio.inversion.options import DEFAULT_STEPS, ProjectionOptions
from latentstudio.inversion.projection import Checkpoint, Control, Projection
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
        self._options: ProjectionOptions | None = None
        self._result: Projection | None = None
        self._photo: Inverted | None = None  # of the run under way, its recipe not yet known
        self._path: Path | None = None  # the file of that photo
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
        self._result = None
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
        """Take a photograph's file."""
        self.desk.open_path(path)

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
        # The views of a run belong to its photo.
        if self._photo is not None and self._photo.photo is not self.desk.photo and not self._job.is_running:
            self.live.clear()
        self._show()

    def _show(self) -> None:
        there = self.desk.photo is not None and self._model is not None
        # While it runs there is nothing to choose, and the room is for looking.
        self._how.setVisible(there and not self._job.is_running)
        self.intake.set_compact(self.live.run is not None)
        self.invert.setText("Invert" if self._result is None else "Invert again")

    # --- inversion ------------------------------------------------------------------------------

    def start(self) -> None:
        """Invert what is in the frame."""
        try:
            target, options = self.desk.target(self.counts.painted()), self.choices.options()
        except LatentStudioError as error:
            self._studio.tell_error(error)
            return
        assert self.desk.photo is not None
        self._photo = Inverted(target, self.desk.photo, self.desk.name, self._studio.document.recipe)
        self._path = self.desk.path
        self._begin(target, options, None)

    def go_on(self) -> None:
        """As many steps again, from where the last inversion ended."""
        result, options = self._result, self._options
        run = self.live.run
        if result is None or options is None or run is None or result.checkpoint is None:
            return
        done = result.checkpoint.step
        if done >= options.total_steps:
            options = options.changed(steps=done + DEFAULT_STEPS[options.method])
        self._begin(run.target, options, result.checkpoint)

    def stop(self) -> None:
        """Finish now, and keep what was reached."""
        self._control.stop()

    def _begin(self, target: Target, options: ProjectionOptions, resume: Checkpoint | None) -> None:
        self._options, control = options, Control()
        self._control, self._result = control, None
        self.intake.adjust.setChecked(False)
        self.counts.paint.setChecked(False)
        run = Run(target, options)
        before = self.live.run
        if resume is not None and before is not None:
            run.terms, run.moments, run.step = before.terms, before.moments, before.step

        def make() -> Job:
            from latentstudio.engine.inverting import invert_job

            return invert_job([target], options, control=control, resume=[resume] if resume else [])

        self.live.begin(run)
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
        run = self.live.run
        if run is not None and progress.payload is not None:
            run.take(progress.payload)
            self.live.moved()

    def _take(self, projections: list[Projection]) -> None:
        (self._result,) = projections
        result, photo, model = self._result, self._photo, self._model
        if photo is None or model is None:
            return
        self._ended()
        recipe = self._with_sliders(result.to_recipe(model.info))
        words = f"Invert {photo.target.name}" if photo.target.name else "Invert the photo"
        self.origins.keep(replace(photo, recipe=recipe), self._path)
        self._studio.document.edit(words, recipe)

    def _ended(self) -> None:
        result = self._result
        if result is None:
            self.live.end("")
            if self.live.run is not None and not self.live.run.moments:
                self.live.clear()
        else:
            about = f"Measured by {result.about_distance}, {result.seconds:.0f} s."
            self.live.end(about, goes_on=result.checkpoint is not None)
        self._show()

    def _keep_moment(self, moment: Moment) -> None:
        if self._model is None or self._photo is None:
            return
        recipe = self._with_sliders(moment.snapshot.to_recipe(self._model.info))
        self.origins.keep(replace(self._photo, recipe=recipe), self._path)
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
