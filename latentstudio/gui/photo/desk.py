"""The photographs on the desk, one of them chosen: its pixels, its faces, its frame.

Owns which photographs are there and looking for faces; no widget. GUI thread; files are read and faces are
found on others.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QImage

from latentstudio.document.mask import Mask
from latentstudio.errors import InputError, LatentStudioError
from latentstudio.gui.one_job import OneJob
from latentstudio.gui.photo.framed import FACE, HAND, WHOLE, FramedPhoto, Quad, Size
from latentstudio.gui.photo.reading import PhotoReading, framed, pixels_of
from latentstudio.inversion.face_frame import Face
from latentstudio.inversion.target import Alignment, Target

if TYPE_CHECKING:
    from latentstudio.engine.requests import Job
    from latentstudio.gui.studio import Studio
    from latentstudio.models.info import GeneratorInfo

# Photographs are held at full size: as many as can be overlooked, and as fit in the memory beside a model.
MOST_PHOTOS, MOST_BYTES = 64, 1 << 30


class PhotoDesk(QObject):
    """Photographs, one of them chosen.

    Several that come together lie in a row, and what comes later is laid beside them; one alone takes the
    place of the one before.

    Signals:
        photo_changed(): another photograph is chosen.
        row_changed(): there are more of them, or fewer, or one was refused.
        faces_changed(): faces were found, or the finder is missing.
        frame_changed(): another part of the chosen one is framed.
        reframed(int): the frame of this one has changed.

    Args:
        studio: the common ground.
    """

    photo_changed = Signal()
    row_changed = Signal()
    faces_changed = Signal()
    frame_changed = Signal()
    reframed = Signal(int)

    def __init__(self, studio: Studio, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._info: GeneratorInfo | None = None
        self.photos: list[FramedPhoto] = []
        self.index = 0
        self.refused: list[str] = []  # a sentence for each that could not be read
        self.lacks_finder = False
        self.reading = PhotoReading(studio.background, self)
        self.reading.read.connect(self._take_read)
        self.reading.failed.connect(self._refuse)
        self.reading.moved.connect(self.row_changed)
        self._unlooked: deque[FramedPhoto] = deque()
        self._looked_at: FramedPhoto | None = None
        self._finding = OneJob(studio.bridge, self)
        self._finding.finished.connect(self._take_faces)
        self._finding.ended.connect(self._end_looking)

    # --- photographs in -------------------------------------------------------------------------

    @property
    def current(self) -> FramedPhoto | None:
        """The chosen one; None where there is none."""
        return self.photos[self.index] if self.photos else None

    @property
    def is_row(self) -> bool:
        """Whether there are several."""
        return len(self.photos) > 1

    @property
    def is_looking(self) -> bool:
        """Whether faces of the chosen one are being looked for."""
        current = self.current
        return current is not None and (current is self._looked_at or current in self._unlooked)

    @property
    def is_reading(self) -> bool:
        """Whether files are being read."""
        return self.reading.count > 0

    def open_paths(self, paths: Sequence[Path]) -> None:
        """Read the files of photographs, and folders of them."""
        self.reading.ask_paths(paths)

    def open_bytes(self, data: bytes, name: str) -> None:
        """Read a photograph from the bytes of a file."""
        from latentstudio.media.photo import read_photo

        self.reading.ask_pixels(lambda: read_photo(data, name), name)

    def open_image(self, image: QImage, name: str) -> None:
        """Take a picture as the clipboard and other programs hand it over."""
        self.reading.ask_pixels(lambda: pixels_of(image), name)

    def set_pixels(self, pixels: NDArray[np.uint8], name: str) -> None:
        """Take pixels (H, W, 3)."""
        self._take_read(framed(pixels, name), True)

    def choose(self, index: int) -> None:
        """Turn to another one of the row."""
        if index != self.index and 0 <= index < len(self.photos):
            self.index = index
            self._say_photo()

    def remove(self, index: int) -> None:
        """Take one off the desk."""
        if not 0 <= index < len(self.photos):
            return
        was_current = index == self.index
        self._forget([self.photos.pop(index)])
        self.index = max(0, min(self.index - (index < self.index), len(self.photos) - 1))
        self.row_changed.emit()
        if was_current:
            self._say_photo()

    def clear(self) -> None:
        """An empty desk."""
        self.reading.drop_all()
        self._forget(self.photos)
        self.photos, self.index, self.refused = [], 0, []
        self.row_changed.emit()
        self._say_photo()

    def _take_read(self, photo: FramedPhoto, is_alone: bool) -> None:
        if is_alone and not self.is_row:
            # One after the other: the newer takes the place of the older.
            self._forget(self.photos)
            self.photos, self.index, self.refused = [], 0, []
        held = sum(other.pixels.nbytes for other in self.photos) + photo.pixels.nbytes
        if self.photos and (len(self.photos) >= MOST_PHOTOS or held > MOST_BYTES):
            self._refuse(
                InputError(f'"{photo.name}" is too much at once.', "Invert it after the others."), False
            )
            return
        self.photos.append(photo)
        self.row_changed.emit()
        if len(self.photos) == 1:
            self._say_photo()
        self.find_faces(photo)

    def _refuse(self, error: Exception, is_alone: bool) -> None:
        if is_alone and not self.is_row:
            self._studio.tell_error(error)
            self.photo_changed.emit()
            return
        self.refuse(error)

    def refuse(self, error: Exception) -> None:
        """List why one of several is left out."""
        words = error.message if isinstance(error, LatentStudioError) else str(error)
        self.refused.append(words)
        self.row_changed.emit()

    def _forget(self, photos: Sequence[FramedPhoto]) -> None:
        """Nobody needs to look for faces in them any more."""
        for photo in photos:
            if photo in self._unlooked:
                self._unlooked.remove(photo)
        if self._looked_at in photos:
            self._finding.cancel()

    def _say_photo(self) -> None:
        self.photo_changed.emit()
        self.frame_changed.emit()
        self.faces_changed.emit()

    # --- faces ----------------------------------------------------------------------------------

    def find_faces(self, photo: FramedPhoto | None = None) -> None:
        """Look for faces, where the finder is installed: in one photograph, or in all."""
        from latentstudio.models.catalogue import installed_path

        self.lacks_finder = installed_path("mtcnn-face-finder") is None
        if not self.lacks_finder:
            wanted = self.photos if photo is None else [photo]
            known = [self._looked_at, *self._unlooked]
            self._unlooked.extend(one for one in wanted if one.faces is None and one not in known)
            self._look_on()
        self.faces_changed.emit()

    def _look_on(self) -> None:
        """One photograph after the other: each takes all the processor that there is."""
        if self._finding.is_running or not self._unlooked:
            return
        photo = self._looked_at = self._unlooked.popleft()

        def make() -> Job:
            from latentstudio.engine.photos import faces_job

            return faces_job(photo.pixels)

        self._finding.start(make)

    def _end_looking(self) -> None:
        # What was found comes after the end; only then the next one begins.
        ended = self._looked_at

        def go_on() -> None:
            if self._looked_at is ended:
                self._looked_at = None
            self._look_on()
            self.faces_changed.emit()

        QTimer.singleShot(0, self, go_on)

    def _take_faces(self, faces: list[Face]) -> None:
        photo = self._looked_at or self.current
        self._looked_at = None
        if photo is None or photo not in self.photos:
            return
        photo.take_faces(faces)
        self.reframed.emit(self.photos.index(photo))
        if photo is self.current:
            self.faces_changed.emit()
            self.frame_changed.emit()

    def choose_face(self, index: int) -> None:
        """One face of several."""
        if self.faces and 0 <= index < len(self.faces):
            assert self.current is not None
            self.current.face, self.current.mode = index, FACE
            self._say_frame()

    # --- the chosen one -------------------------------------------------------------------------

    @property
    def photo(self) -> NDArray[np.uint8] | None:
        """Its pixels (H, W, 3)."""
        return None if self.current is None else self.current.pixels

    @property
    def photo_size(self) -> Size:
        """(height, width) of it."""
        return (0, 0) if self.current is None else self.current.size

    @property
    def preview(self) -> QImage:
        """A smaller picture of it."""
        return QImage() if self.current is None else self.current.preview

    @property
    def name(self) -> str:
        """What it is called."""
        return "" if self.current is None else self.current.name

    @property
    def faces(self) -> list[Face] | None:
        """Its faces; None until somebody has looked."""
        return None if self.current is None else self.current.faces

    @property
    def face(self) -> int:
        """Which of its faces."""
        return 0 if self.current is None else self.current.face

    @property
    def mode(self) -> str:
        """How it is framed."""
        return WHOLE if self.current is None else self.current.mode

    # --- the frame ------------------------------------------------------------------------------

    def set_info(self, info: GeneratorInfo) -> None:
        """Another generator: frames of its aspect, and nothing painted on them."""
        is_other_shape = self._info is not None and _aspect(self._info) != _aspect(info)
        for photo in self.photos:
            photo.painted = None
            if is_other_shape:
                photo.whole = None
        self._info = info
        self.frame_changed.emit()
        self.row_changed.emit()

    @property
    def img_size(self) -> Size:
        """(height, width) of the generator's pictures."""
        return self._info.img_size if self._info is not None else (1, 1)

    def set_mode(self, mode: str) -> None:
        """The whole picture, a face, or three points by hand."""
        if self.current is None or (mode == FACE and not self.faces):
            return
        self.current.mode = mode
        self._say_frame()

    @property
    def quad(self) -> Quad | None:
        """The corners of the frame, as in `Alignment`; None without a photograph."""
        return None if self.current is None else self.current.quad(self.img_size)

    def set_quad(self, quad: Quad) -> None:
        """The hand has moved the frame."""
        if self.current is not None:
            self.current.whole, self.current.mode = quad, WHOLE
            self._say_frame()

    @property
    def points(self) -> Quad:
        """Eyes and mouth, see `FramedPhoto.placed_points`."""
        assert self.current is not None
        return self.current.placed_points()

    def set_points(self, points: Quad) -> None:
        """The hand has moved eyes or mouth."""
        if self.current is not None:
            self.current.points, self.current.mode = points, HAND
            self._say_frame()

    def reset_frame(self) -> None:
        """The frame as it was at first."""
        if self.current is not None:
            if self.mode == HAND:
                self.current.points = None
            else:
                self.current.whole = None
            self._say_frame()

    def set_painted(self, mask: Mask | None) -> None:
        """What of the frame counts; None for all of it."""
        if self.current is not None:
            self.current.painted = mask

    def _say_frame(self) -> None:
        """Another frame: what was painted belongs to the old one."""
        self.set_painted(None)
        self.frame_changed.emit()
        self.reframed.emit(self.index)

    def target(self) -> Target:
        """What is inverted of the chosen one.

        Raises:
            InputError: there is no photograph, or the frame lies outside of it.
        """
        if self.current is None or self._info is None:
            raise InputError("There is no photo yet.", "Open one, drop it here or paste it.")
        return self.current.target(self._info)

    def alignment(self) -> Alignment:
        """Where the frame of the chosen one is."""
        quad = self.quad
        if quad is None:
            raise InputError("There is no photo yet.", "Open one, drop it here or paste it.")
        return Alignment(quad, self.photo_size)


def _aspect(info: GeneratorInfo) -> float:
    return info.img_size[0] / info.img_size[1]
