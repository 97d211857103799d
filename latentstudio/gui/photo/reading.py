"""Photographs from files, folders, the clipboard and drops, read one after the other.

Owns the order of reading and the pictures that are drawn of each; what can't be read is told with its reason,
and the rest goes on. GUI thread; files are read on others.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage

from latentstudio.errors import InputError
from latentstudio.gui.engine_bridge import as_image
from latentstudio.gui.photo.framed import FramedPhoto
from latentstudio.media.image import shrunk
from latentstudio.media.photo import MIN_SIDE_PX, SUFFIXES, read_photo

if TYPE_CHECKING:
    from latentstudio.gui.background import Background

PREVIEW_PX, SMALL_PX = 1600, 384


class _Wanted(NamedTuple):
    """Something to read."""

    read: Callable[[], NDArray[np.uint8]]
    name: str
    path: Path | None
    is_alone: bool


class PhotoReading(QObject):
    """A queue of photographs.

    Signals:
        read(FramedPhoto, bool): one is there; whether it was asked for alone.
        failed(Exception, bool): one is not; whether it was asked for alone.
        moved(): something began or ended.

    Args:
        background: where the files are read.
    """

    read = Signal(object, bool)
    failed = Signal(object, bool)
    moved = Signal()

    def __init__(self, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._background = background
        self._waiting: deque[_Wanted] = deque()
        self._under_way = 0

    @property
    def count(self) -> int:
        """How many are still to come."""
        return len(self._waiting) + self._under_way

    def ask_pixels(self, read: Callable[[], NDArray[np.uint8]], name: str) -> None:
        """Read a photograph by a function."""
        self._ask([_Wanted(read, name, None, is_alone=True)])

    def ask_paths(self, paths: Sequence[Path]) -> None:
        """Read files, and those in folders."""
        if len(paths) == 1 and not paths[0].is_dir():
            self._ask([_of_path(paths[0], is_alone=True)])
            return
        self._under_way += 1
        self.moved.emit()
        self._background.run(lambda: _in_folders(paths), self._take_files, self._fail_files)

    def drop_all(self) -> None:
        """Read no more of what waits."""
        self._waiting.clear()

    def _take_files(self, found: tuple[list[Path], list[InputError]]) -> None:
        self._under_way -= 1
        files, errors = found
        for error in errors:
            self.failed.emit(error, len(files) == 0 and len(errors) == 1)
        self._ask([_of_path(path, is_alone=len(files) == 1 and not errors) for path in files])

    def _fail_files(self, error: Exception) -> None:
        self._under_way -= 1
        self.failed.emit(error, True)
        self.moved.emit()

    def _ask(self, wanted: Sequence[_Wanted]) -> None:
        self._waiting.extend(wanted)
        self._next()
        self.moved.emit()

    def _next(self) -> None:
        if self._under_way or not self._waiting:
            return
        wanted = self._waiting.popleft()
        self._under_way += 1

        def end() -> None:
            self._under_way -= 1

        def take(photo: FramedPhoto) -> None:
            end()
            self.read.emit(photo, wanted.is_alone)
            self._next()
            self.moved.emit()

        def fail(error: Exception) -> None:
            end()
            self.failed.emit(error, wanted.is_alone)
            self._next()
            self.moved.emit()

        self._background.run(lambda: framed(wanted.read(), wanted.name, wanted.path), take, fail)


def framed(pixels: NDArray[np.uint8], name: str, path: Path | None = None) -> FramedPhoto:
    """A photograph with the smaller pictures of it; any thread."""
    preview = shrunk(pixels, PREVIEW_PX)
    return FramedPhoto(pixels, as_image(preview), shrunk(preview, SMALL_PX), name, path)


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


def _of_path(path: Path, *, is_alone: bool) -> _Wanted:
    return _Wanted(lambda: read_photo(path), path.name, path, is_alone)


def _in_folders(paths: Sequence[Path]) -> tuple[list[Path], list[InputError]]:
    """The files among files and folders, a folder's in the order of their names; and what is empty."""
    found: list[Path] = []
    errors = []
    for path in paths:
        if not path.is_dir():
            found.append(path)
            continue
        inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
        if not inside:
            errors.append(InputError(f'The folder "{path.name}" holds no photo.', path=path))
        found += inside
    return list(dict.fromkeys(found)), errors
