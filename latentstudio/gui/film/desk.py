"""Films in and out: dialogs answered, files written, the export handed to the engine.

Owns what follows from an answered dialog; the dialogs' `exec` is a method of its own, so that tests answer in
a person's place. GUI thread; files are read and written on others.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QDialog, QFileDialog, QWidget

from latentstudio.document.film import CURVE, SPHERICAL
from latentstudio.document.film_file import SUFFIX, write_film
from latentstudio.document.walks import seed_walk, slider_sweep, with_other_seeds
from latentstudio.engine.requests import Job, JobCancelled, JobFinished
from latentstudio.gui.film.timeline import Timeline
from latentstudio.gui.studio import Studio

if TYPE_CHECKING:
    from latentstudio.media.video import VideoFormat, VideoOptions

FILM_FILTER = f"Film (*{SUFFIX})"
FILM_TAG = "film"


class FilmDesk(QObject):
    """What a person wants with a film.

    Args:
        studio: the common ground.
        timeline: the film on the timeline.
        window: parent of the dialogs.
    """

    def __init__(self, studio: Studio, timeline: Timeline, window: QWidget) -> None:
        super().__init__(window)
        self._studio, self._timeline, self._window = studio, timeline, window
        self._folder = Path.home()
        studio.bridge.job_finished.connect(self._take_written)
        studio.bridge.job_cancelled.connect(self._take_stopped)

    # --- films that make themselves ---------------------------------------------------------------

    def walk(self) -> None:
        """A film through seeds."""
        model, recipe = self._studio.model, self._studio.document.recipe
        if model is None:
            return
        from latentstudio.gui.film.dialogs import WalkDialog

        path = CURVE if model.info.has_mapping else SPHERICAL
        dialog = WalkDialog(recipe.seed, path, self._window)
        if self.ask(dialog):
            walk = dialog.walk()
            film = seed_walk(
                recipe,
                walk.seeds,
                walk.frames,
                path=walk.path,
                closed=walk.closed,
                frame_rate=walk.frame_rate,
                z_dim=model.info.z_dim,
            )
            self._timeline.put(f"Walk through {len(walk.seeds)} seeds", film)

    def sweep(self) -> None:
        """A film of one slider."""
        model, recipe = self._studio.model, self._studio.document.recipe
        if model is None:
            return
        if not recipe.directions:
            self._studio.tell("This picture has no sliders.", "Add one in Directions first.")
            return
        from latentstudio.gui.film.dialogs import SweepDialog

        dialog = SweepDialog([edit.direction.name for edit in recipe.directions], self._window)
        if self.ask(dialog):
            frames = max(1, round(dialog.time.value() * dialog.rate.value()))
            index = dialog.slider.currentIndex()
            film = slider_sweep(
                recipe,
                index,
                dialog.low.value(),
                dialog.high.value(),
                frames,
                frame_rate=dialog.rate.value(),
                z_dim=model.info.z_dim,
            )
            self._timeline.put(f"Sweep of {recipe.directions[index].direction.name}", film)

    def timing(self) -> None:
        """Another length and frame rate."""
        film = self._timeline.film
        if film is None:
            return
        from latentstudio.gui.film.dialogs import TimingDialog

        dialog = TimingDialog(film, self._window)
        if self.ask(dialog):
            self._timeline.set_timing(dialog.rate.value(), dialog.seconds.value())

    # --- files ------------------------------------------------------------------------------------

    def save(self) -> None:
        """Write the film file."""
        film, document = self._timeline.film, self._studio.document
        if film is None:
            self._studio.tell("There is no film yet.", "Keep a picture as a keyframe first (K).")
            return
        proposal = document.film_path or self._folder / f"film{SUFFIX}"
        path = self.ask_path("Save the film", proposal, FILM_FILTER)
        if path is None:
            return
        if not path.name.lower().endswith(SUFFIX):
            path = path.with_name(path.name.removesuffix(".json") + SUFFIX)
        self._folder = path.parent

        def done(_: None) -> None:
            # Whoever went on editing meanwhile has not saved that.
            if document.film == film:
                document.mark_film_saved(path)
            self._studio.tell(f"Saved {path.name}.", "Open it here to go on with the film.")

        self._studio.background.run(lambda: write_film(path, film), done, self._studio.tell_error)

    def export(self) -> None:
        """Write the film as a video or as pictures."""
        film, model = self._timeline.film, self._studio.model
        if film is None or model is None:
            self._studio.tell("There is no film yet.", "Keep a picture as a keyframe first (K).")
            return
        # Dialogs bring the library of video formats with them.
        from latentstudio.gui.film.dialogs import ExportDialog

        height, width = model.info.img_size
        dialog = ExportDialog(film, (width, height), self._window)
        if not self.ask(dialog):
            return
        kind, (columns, rows) = dialog.chosen_format, dialog.chosen_grid
        options = dialog.options()
        path = self.ask_film_path(kind)
        if path is not None:
            self.export_to(path, options, columns, columns * rows)

    def export_to(self, path: Path, options: VideoOptions, columns: int = 1, count: int = 1) -> None:
        """Hand the film to the engine.

        Args:
            path: where to; its ending says the format.
            options: rate, size and quality.
            columns: films in a row.
            count: how many films; the others are of other seeds.
        """
        film = self._timeline.film
        if film is None:
            return
        self._folder = path.parent
        self._studio.document.release()

        def job() -> Job:
            from latentstudio.engine.filming import Reel, film_job

            films = tuple(with_other_seeds(film, i) if i else film for i in range(count))
            return film_job(Reel(films, columns), path, options)

        self._studio.submit(job)

    def _take_written(self, event: JobFinished) -> None:
        if event.tag == FILM_TAG and isinstance(event.value, Path):
            self._studio.tell(f"The film is in {event.value.name}.", str(event.value.parent))

    def _take_stopped(self, event: JobCancelled) -> None:
        if event.tag == FILM_TAG:
            self._studio.tell("The film was stopped.", "Export it again to go on where it was.")

    # --- questions --------------------------------------------------------------------------------

    def ask(self, dialog: QDialog) -> bool:
        """Show a dialog and wait for its answer."""
        return dialog.exec() == QDialog.DialogCode.Accepted

    def ask_path(self, title: str, proposal: Path, kinds: str) -> Path | None:
        """Ask for a file to write."""
        name, _ = QFileDialog.getSaveFileName(self._window, title, str(proposal), kinds)
        return Path(name) if name else None

    def ask_film_path(self, kind: VideoFormat) -> Path | None:
        """Ask where an exported film goes; its name gets the format's ending."""
        film_path = self._studio.document.film_path
        stem = film_path.name.removesuffix(SUFFIX) if film_path is not None else "film"
        kinds = f"{kind.words} (*{kind.suffix})" if kind.suffix else "Folder (*)"
        path = self.ask_path("Export the film", self._folder / f"{stem}{kind.suffix}", kinds)
        if path is None or path.suffix.lower() == kind.suffix:
            return path
        return path.with_name(path.name + kind.suffix) if kind.suffix else path.with_suffix("")
