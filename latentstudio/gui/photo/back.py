"""The foot of the photo panel: before and after, and the edit back in the photograph.

Owns the split view, the sheet with the photograph, and saving it at full size. GUI thread; blending runs on
other threads.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from latentstudio.document.recipe import Recipe
from latentstudio.engine.requests import Job, JobFinished, RenderRequest
from latentstudio.gui.canvas import Canvas
from latentstudio.gui.engine_bridge import Picture, as_image
from latentstudio.gui.photo.sheet import PhotoSheet
from latentstudio.gui.split_view import SplitView
from latentstudio.gui.studio import Studio
from latentstudio.gui.widgets.labels import caption, label
from latentstudio.gui.widgets.segmented import Segmented
from latentstudio.gui.widgets.slider_row import SliderRow
from latentstudio.gui.widgets.value_slider import ValueSlider
from latentstudio.inversion.blend import FEATHER, blend_back
from latentstudio.inversion.target import Alignment, Target
from latentstudio.media.image import shrunk

BASE_CHANNEL, SAVE_CHANNEL = "photo-base", "photo-save"
OFF, PHOTO, INVERTED = "off", "photo", "inverted"
CHANGE, WHOLE = "change", "whole"
PREVIEW_PX = 1400
SAVE_FILTER = "PNG (*.png);;JPEG (*.jpg *.jpeg);;WebP (*.webp);;TIFF (*.tif *.tiff)"


@dataclass(frozen=True, eq=False)
class Inverted:
    """What an inversion left behind, for the way back.

    Attributes:
        target: what it aimed at.
        photo: uint8 (H, W, 3), the photograph at full size.
        name: the photograph's.
        recipe: the inversion before any edit.
    """

    target: Target
    photo: NDArray[np.uint8]
    name: str
    recipe: Recipe


class _Small(NamedTuple):
    """A photograph, small enough to be blended while one looks."""

    inverted: Inverted
    photo: NDArray[np.uint8]
    alignment: Alignment
    image: QImage


class BackToPhoto(QWidget):
    """Split, blend, save.

    Signals:
        saved(Path): the photograph is written.

    Args:
        studio: the common ground.
        canvas: what split view and sheet lie over.
    """

    saved = Signal(object)

    def __init__(self, studio: Studio, canvas: Canvas | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio, self._canvas = studio, canvas
        self._inverted: Inverted | None = None
        self._base: NDArray[np.uint8] | None = None  # the inversion's own picture
        self._small: _Small | None = None  # the photo as it is shown
        self._saving: tuple[Path, Recipe] | None = None
        self._saving_jobs: set[int] = set()
        self._blending = self._again = False
        self._split: SplitView | None = None
        self._sheet: PhotoSheet | None = None
        self.split = Segmented(self)
        self.split.set_choices(
            [
                (OFF, "Off", "The picture alone"),
                (PHOTO, "Photo", "The photo left of a line, the picture right of it"),
                (INVERTED, "Inversion", "The inversion left of a line, its edit right of it"),
            ]
        )
        self.split.set_chosen(OFF)
        self.how = Segmented(self)
        self.how.set_choices(
            [
                (CHANGE, "The change alone", "What the edit changed is added: the photo keeps its detail"),
                (WHOLE, "The whole picture", "The model's picture takes the place of the cut"),
            ]
        )
        self._how = CHANGE
        self.how.set_chosen(self._how)
        self.feather = SliderRow(
            "Soft edge",
            ValueSlider(0, 0.5, origin=0, rest=FEATHER, step=0.01),
            words=lambda value: f"{value * 100:.0f}",
            unit="%",
            parent=self,
        )
        self.feather.set_value(FEATHER)
        self.look = QPushButton("Look at the photo", self)
        self.look.setCheckable(True)
        self.look.setToolTip("The whole photo over the canvas, with the edit in it")
        self.save = QPushButton("Save the photo…", self)
        self.save.setToolTip("The photo at its full size, with the edit in it")
        self._note = label("", "muted", self)
        self._note.setWordWrap(True)
        self._soon = QTimer(self, singleShot=True, interval=30)
        self._soon.timeout.connect(self._blend)
        self._arrange()
        self._wire()
        self.hide()

    def _arrange(self) -> None:
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.look)
        buttons.addWidget(self.save)
        buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 8, 0, 0)
        column.setSpacing(8)
        column.addWidget(caption("Before and after", self))
        column.addWidget(self.split)
        column.addSpacing(8)
        column.addWidget(caption("Back into the photo", self))
        column.addWidget(self.how)
        column.addWidget(self.feather)
        column.addLayout(buttons)
        column.addWidget(self._note)

    def _wire(self) -> None:
        studio = self._studio
        self.split.chosen.connect(self.show_split)
        self.how.chosen.connect(self._set_how)
        for changed in (self.feather.edited, self.feather.typed):
            changed.connect(self._set_feather)
        self.look.toggled.connect(self.show_sheet)
        self.save.clicked.connect(self.save_as)
        studio.bridge.picture_ready.connect(self._take_picture)
        studio.bridge.job_finished.connect(self._take_saved)
        studio.binding.picture_changed.connect(self._follow)

    # --- what there is --------------------------------------------------------------------------

    @property
    def inverted(self) -> Inverted | None:
        """What can be put back."""
        return self._inverted

    def set_inverted(self, inverted: Inverted | None) -> None:
        """An inversion is the picture now, or none is."""
        self._inverted, self._base, self._small = inverted, None, None
        self.setVisible(inverted is not None)
        if inverted is None or inverted.target.alignment is None:
            self.hide_all()
            return
        photo, alignment = inverted.photo, inverted.target.alignment

        def work() -> _Small:
            small = shrunk(photo, PREVIEW_PX)
            scale = np.array([small.shape[1] / photo.shape[1], small.shape[0] / photo.shape[0]])
            there = Alignment(alignment.quad * scale, small.shape[:2])
            return _Small(inverted, small, there, as_image(small))

        self._studio.background.run(work, self._take_small, self._studio.tell_error)
        height, width = photo.shape[:2]
        self._note.setText(f"Saved at {width} × {height}, as the photo is.")
        self._studio.bridge.request(RenderRequest(inverted.recipe, channel=BASE_CHANNEL))
        self._show_before()

    def _take_small(self, small: _Small) -> None:
        if small.inverted is self._inverted:
            self._small = small
            self.show_sheet(self.look.isChecked())

    def hide_all(self) -> None:
        """Nothing of this lies over the canvas."""
        self.show_split(OFF)
        self.look.setChecked(False)

    # --- split view -----------------------------------------------------------------------------

    def show_split(self, key: str) -> None:
        """Show something left of a line on the canvas, or nothing."""
        self.split.set_chosen(key)
        if key != OFF:
            self.look.setChecked(False)
        if self._split is None and key != OFF and self._canvas is not None:
            self._split = SplitView(self._canvas)
            self._split.left.connect(lambda: self.show_split(OFF))
        self._split_key = key
        if self._split is not None:
            self._show_before()
            self._split.setVisible(key != OFF)
            if key != OFF:
                self._split.raise_()
                self._split.setFocus()

    _split_key = OFF

    def _show_before(self) -> None:
        inverted = self._inverted
        if self._split is None or inverted is None:
            return
        if self._split_key == PHOTO:
            self._split.set_before(as_image(inverted.target.image), ("Photo", "Picture"))
        elif self._split_key == INVERTED and self._base is not None:
            self._split.set_before(as_image(self._base), ("Inversion", "Edit"))

    # --- the sheet ------------------------------------------------------------------------------

    def show_sheet(self, shows: bool) -> None:
        """Lay the photograph with the edit over the canvas, or take it away."""
        if shows:
            self.show_split(OFF)
        if self._sheet is None and shows and self._canvas is not None:
            self._sheet = PhotoSheet(self._canvas)
            self._sheet.left.connect(lambda: self.look.setChecked(False))
        self.look.setText("Back to the picture" if shows else "Look at the photo")
        if self._sheet is None:
            return
        if shows and self._small is not None:
            self._sheet.set_pictures(self._small.image, self._small.image)
            self._blend()
            self._sheet.raise_()
        self._sheet.setVisible(shows)
        if shows:
            self._sheet.setFocus()

    @property
    def sheet(self) -> PhotoSheet | None:
        """What lies over the canvas, once it was shown."""
        return self._sheet

    @property
    def split_view(self) -> SplitView | None:
        """What lies over the canvas, once it was shown."""
        return self._split

    def _follow(self, picture: Picture) -> None:
        if self.look.isChecked():
            self._soon.start()

    def _set_how(self, how: str) -> None:
        self._how = how
        self._soon.start()

    def _set_feather(self, value: float) -> None:
        self.feather.set_value(min(max(value / 100 if value > 0.5 else value, 0.0), 0.5))
        self._soon.start()

    def _before(self) -> NDArray[np.uint8] | None:
        return self._base if self._how == CHANGE else None

    def _blend(self) -> None:
        """Blend small, for looking; the newest picture wins."""
        picture, small = self._studio.binding.picture, self._small
        ready = self._how == WHOLE or self._base is not None
        if picture is None or small is None or not ready or not self.look.isChecked():
            return
        if self._blending:
            self._again = True
            return
        self._blending, self._again = True, False
        photo, alignment = small.photo, small.alignment
        pixels, before, feather = picture.pixels, self._before(), self.feather.slider.value
        # A preview may be smaller than the picture it stands for.
        if before is not None and before.shape != pixels.shape:
            self._blending = False
            return

        def work() -> QImage:
            return as_image(blend_back(photo, pixels, alignment, feather, before=before))

        self._studio.background.run(work, self._take_blended, self._fail_blended)

    def _take_blended(self, image: QImage) -> None:
        self._blending = False
        if self._sheet is not None and self._small is not None:
            self._sheet.set_pictures(image, self._small.image)
        if self._again:
            self._blend()

    def _fail_blended(self, error: Exception) -> None:
        self._blending = False
        self._studio.tell_error(error)

    # --- saving ---------------------------------------------------------------------------------

    def save_as(self) -> None:
        """Ask for a file, and write the photograph into it."""
        if self._inverted is not None:
            path = self.ask_save_path()
            if path is not None:
                self.save_to(path)

    def ask_save_path(self) -> Path | None:
        """Ask for a file."""
        assert self._inverted is not None
        stem = Path(self._inverted.name).stem or "photo"
        name, _ = QFileDialog.getSaveFileName(
            self, "Save the photo", str(Path.home() / f"{stem}-edited.png"), SAVE_FILTER
        )
        return Path(name) if name else None

    def save_to(self, path: Path) -> None:
        """Write the photograph, at full size, with the present picture in it."""
        if not path.suffix:
            path = path.with_name(path.name + ".png")
        recipe = self._studio.document.recipe
        self._saving = (path, recipe)
        # Drawn for the purpose: what is on the canvas may still be a preview.
        self._studio.bridge.request(RenderRequest(recipe, channel=SAVE_CHANNEL))

    def _take_picture(self, picture: Picture) -> None:
        channel, inverted = picture.request.channel, self._inverted
        if channel == BASE_CHANNEL and inverted is not None and picture.request.recipe == inverted.recipe:
            self._base = picture.pixels
            self._show_before()
            self._soon.start()
        elif channel == SAVE_CHANNEL and self._saving is not None and inverted is not None:
            path, recipe = self._saving
            if picture.request.recipe is recipe and inverted.target.alignment is not None:
                self._saving = None
                self._write(path, picture.pixels, inverted, inverted.target.alignment)

    def _write(self, path: Path, pixels: NDArray[np.uint8], inverted: Inverted, alignment: Alignment) -> None:
        before, feather, photo = self._before(), self.feather.slider.value, inverted.photo

        def make() -> Job:
            from latentstudio.engine.photos import blend_job

            return blend_job(photo, pixels, alignment, feather, before, path)

        self._path = path
        self._studio.bridge.submit(make, self._saving_jobs.add)

    _path = Path()

    def _take_saved(self, event: JobFinished) -> None:
        if event.job in self._saving_jobs:
            self._saving_jobs.discard(event.job)
            self._studio.tell(f"Saved {self._path.name}.", "It is the photo, with the edit in it.")
            self.saved.emit(self._path)
