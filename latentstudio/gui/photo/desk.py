"""The photograph on the desk: its pixels, its faces, and the frame around what is inverted.

Owns reading, looking for faces and the choice of the frame; no widget. GUI thread; files are read and
faces are found on others.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage

from latentstudio.errors import InputError
from latentstudio.gui.engine_bridge import as_image
from latentstudio.gui.one_job import OneJob
from latentstudio.inversion.face_frame import Face, face_quad
from latentstudio.inversion.target import Alignment, Target, central_quad, crop_to_model
from latentstudio.media.image import shrunk
from latentstudio.media.photo import MIN_SIDE_PX, read_photo

if TYPE_CHECKING:
    from latentstudio.engine.requests import Job
    from latentstudio.gui.studio import Studio
    from latentstudio.models.info import GeneratorInfo

WHOLE, FACE, HAND = "whole", "face", "hand"
PREVIEW_PX = 1600
Quad = NDArray[np.float64]


class _Read(NamedTuple):
    """A photograph that was read."""

    pixels: NDArray[np.uint8]
    preview: QImage
    name: str
    path: Path | None = None


class PhotoDesk(QObject):
    """One photograph at a time.

    Signals:
        photo_changed(): another photograph is there.
        faces_changed(): faces were found, or the finder is missing.
        frame_changed(): another part of it is chosen.

    Args:
        studio: the common ground.
    """

    photo_changed = Signal()
    faces_changed = Signal()
    frame_changed = Signal()

    def __init__(self, studio: Studio, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._info: GeneratorInfo | None = None
        self._finding = OneJob(studio.bridge, self)
        self._finding.finished.connect(self._take_faces)
        self._finding.ended.connect(self.faces_changed)
        self._reading = 0
        self.photo: NDArray[np.uint8] | None = None
        self.name = ""
        self.path: Path | None = None  # where it was read from, if from a file
        self.preview = QImage()
        self.faces: list[Face] | None = None  # None until somebody has looked
        self.lacks_finder = False
        self.mode = WHOLE
        self.face = 0
        self._whole: Quad | None = None
        self._hand: Quad | None = None
        self._points: Quad | None = None

    # --- a photograph in ------------------------------------------------------------------------

    @property
    def is_looking(self) -> bool:
        """Whether faces are being looked for."""
        return self._finding.is_running

    @property
    def is_reading(self) -> bool:
        """Whether a file is being read."""
        return self._reading > 0

    def open_path(self, path: Path) -> None:
        """Read a photograph's file."""
        self._read(lambda: read_photo(path), path.name, path)

    def open_bytes(self, data: bytes, name: str) -> None:
        """Read a photograph from the bytes of a file."""
        self._read(lambda: read_photo(data, name), name)

    def open_image(self, image: QImage, name: str) -> None:
        """Take a picture as the clipboard and other programs hand it over."""
        self._read(lambda: pixels_of(image), name)

    def set_pixels(self, pixels: NDArray[np.uint8], name: str) -> None:
        """Take pixels (H, W, 3)."""
        self._take(_Read(pixels, as_image(shrunk(pixels, PREVIEW_PX)), name))

    def _read(self, read: Callable[[], NDArray[np.uint8]], name: str, path: Path | None = None) -> None:
        self._reading += 1
        self.photo_changed.emit()

        def work() -> _Read:
            pixels = read()
            return _Read(pixels, as_image(shrunk(pixels, PREVIEW_PX)), name, path)

        self._studio.background.run(work, self._take_read, self._fail_read)

    def _take_read(self, found: _Read) -> None:
        self._reading -= 1
        self._take(found)

    def _fail_read(self, error: Exception) -> None:
        self._reading -= 1
        self._studio.tell_error(error)
        self.photo_changed.emit()

    def _take(self, found: _Read) -> None:
        self.photo, self.preview, self.name, self.path = found
        self.faces, self.lacks_finder = None, False
        self.mode, self.face = WHOLE, 0
        self._whole = self._hand = self._points = None
        self.photo_changed.emit()
        self.frame_changed.emit()
        self.find_faces()

    # --- faces ----------------------------------------------------------------------------------

    def find_faces(self) -> None:
        """Look for faces, where the finder is installed."""
        photo = self.photo
        if photo is None:
            return
        from latentstudio.models.catalogue import installed_path

        self.lacks_finder = installed_path("mtcnn-face-finder") is None
        if self.lacks_finder:
            self.faces_changed.emit()
            return

        def make() -> Job:
            from latentstudio.engine.photos import faces_job

            return faces_job(photo)

        self._finding.start(make)
        self.faces_changed.emit()

    def _take_faces(self, faces: list[Face]) -> None:
        self.faces = faces
        # Only a frame that nobody has touched moves by itself.
        if faces and self.mode == WHOLE and self._whole is None:
            self.mode = FACE
        self.faces_changed.emit()
        self.frame_changed.emit()

    def choose_face(self, index: int) -> None:
        """One face of several."""
        if self.faces and 0 <= index < len(self.faces):
            self.face, self.mode = index, FACE
            self.frame_changed.emit()

    # --- the frame ------------------------------------------------------------------------------

    def set_info(self, info: GeneratorInfo) -> None:
        """Another generator: a frame of its aspect."""
        if self._info is not None and _aspect(self._info) != _aspect(info):
            self._whole = self._hand = None
        self._info = info
        self.frame_changed.emit()

    @property
    def img_size(self) -> tuple[int, int]:
        """(height, width) of the generator's pictures."""
        return self._info.img_size if self._info is not None else (1, 1)

    @property
    def photo_size(self) -> tuple[int, int]:
        """(height, width) of the photograph."""
        return (0, 0) if self.photo is None else self.photo.shape[:2]

    def set_mode(self, mode: str) -> None:
        """The whole picture, a face, or three points by hand."""
        if mode == FACE and not self.faces:
            return
        self.mode = mode
        self.frame_changed.emit()

    @property
    def quad(self) -> Quad | None:
        """The corners of the frame, as in `Alignment`; None without a photograph."""
        if self.photo is None:
            return None
        if self.mode == FACE and self.faces:
            return self.faces[self.face].quad(self.img_size)
        if self.mode == HAND:
            left, right, mouth = self.points
            # Points in one place make no frame: the last one stays.
            with suppress(InputError):
                return face_quad(left, right, mouth, self.img_size)
        if self._whole is None:
            return central_quad(self.photo_size, self.img_size)
        return self._whole

    def set_quad(self, quad: Quad) -> None:
        """The hand has moved the frame."""
        self._whole, self.mode = quad, WHOLE
        self.frame_changed.emit()

    @property
    def points(self) -> Quad:
        """Float64 (3, 2): the eye on the left, the other eye, the mouth's middle, in photo pixels."""
        if self._points is None:
            if self.faces:
                found = self.faces[self.face].points
                self._points = np.stack([found[0], found[1], found[3:].mean(0)])
            else:
                height, width = self.photo_size
                middle, side = np.array([width / 2, height * 0.45]), min(height, width) * 0.11
                self._points = middle + side * np.array([[-1, -0.6], [1, -0.6], [0, 1.4]])
        return self._points

    def set_points(self, points: Quad) -> None:
        """The hand has moved eyes or mouth."""
        self._points, self.mode = points, HAND
        self.frame_changed.emit()

    def reset_frame(self) -> None:
        """The frame as it was at first."""
        if self.mode == HAND:
            self._points = None
        else:
            self._whole = None
        self.frame_changed.emit()

    def target(self, mask: NDArray[np.float32] | None = None) -> Target:
        """What is inverted; `mask` says what counts, see `Target`.

        Raises:
            InputError: there is no photograph, or the frame lies outside of it.
        """
        if self.photo is None or self._info is None or self.quad is None:
            raise InputError("There is no photo yet.", "Open one, drop it here or paste it.")
        return crop_to_model(self.photo, self._info, self.quad, mask=mask, name=Path(self.name).stem)

    def alignment(self) -> Alignment:
        """Where the frame is."""
        quad = self.quad
        if quad is None:
            raise InputError("There is no photo yet.", "Open one, drop it here or paste it.")
        return Alignment(quad, self.photo_size)


def pixels_of(image: QImage) -> NDArray[np.uint8]:
    """Qt's picture as uint8 (H, W, 3), on white where it is transparent; any thread.

    Raises:
        InputError: it is too small.
    """
    if min(image.width(), image.height()) < MIN_SIDE_PX:
        raise InputError(
            f"The picture is too small: {image.width()} × {image.height()} pixels.",
            f"A photo needs {MIN_SIDE_PX} × {MIN_SIDE_PX} at least.",
        )
    plain = image.convertToFormat(QImage.Format.Format_RGBA8888)
    height, width, stride = plain.height(), plain.width(), plain.bytesPerLine()
    rows = np.frombuffer(plain.constBits(), np.uint8).reshape(height, stride)
    levels = rows[:, : 4 * width].reshape(height, width, 4)
    alpha = levels[..., 3:].astype(np.uint16)
    mixed = (levels[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255
    return mixed.astype(np.uint8)


def _aspect(info: GeneratorInfo) -> float:
    return info.img_size[0] / info.img_size[1]
