"""Films drawn frame by frame and written to a file: a job that can be stopped and taken up again.

Owns the order of drawing and writing and the store of finished frames, from which a film goes on after a
crash. Frames are drawn one at a time through the stage cache, in exact precision: a batch was measured to
differ from single pictures in the last bit of a few values, and a film's frames are the pictures that their
recipes give. Runs on the engine's thread.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from latentstudio import __version__
from latentstudio.document.film import Film
from latentstudio.document.film_file import film_digest, film_dumps
from latentstudio.document.recipe_json import dumps
from latentstudio.engine.render import Renderer, check_model
from latentstudio.engine.requests import Job, JobSteps, Progress
from latentstudio.errors import InputError, SaveError
from latentstudio.media.image import grid
from latentstudio.media.video import (
    PALETTE_PICTURES,
    VideoOptions,
    VideoWriter,
    open_video,
    video_format,
)
from latentstudio.models.generator import Generator
from latentstudio.settings import user_folders

Pixels = NDArray[np.uint8]
CACHE_BYTES = 256 << 20
# Frames of a film that nobody took up again for so long are removed.
KEPT_S = 7 * 24 * 3600
# A film larger than this is not worth carrying in a video's metadata.
COMMENT_CHARACTERS = 1 << 20
STORE = "films"


@dataclass(frozen=True)
class Reel:
    """One film, or several side by side.

    Attributes:
        films: of one length and rate, row by row.
        columns: films in a row.
    """

    films: tuple[Film, ...]
    columns: int = 1

    def __post_init__(self) -> None:
        if not self.films or self.columns < 1:
            raise InputError("There is no film to write.")
        if len({(film.length, film.frame_rate) for film in self.films}) > 1:
            raise InputError("Films side by side must have one length and one frame rate.")

    def digest(self, frame_rate: float) -> str:
        """What decides the frames, as a hash."""
        # Another version, of the program or of torch, may draw another last bit.
        made_by = (__version__, torch.__version__)
        parts = [*made_by, str(self.columns), repr(frame_rate), *(film_digest(f) for f in self.films)]
        return hashlib.sha256(" ".join(parts).encode()).hexdigest()


class FrameStore:
    """Finished frames in the user's cache folder, one lossless picture each.

    Args:
        key: names the film; empty keeps nothing.
    """

    def __init__(self, key: str) -> None:
        self._folder = user_folders().cache / STORE / key if key else None
        if self._folder is not None:
            self._remove_old()
            self._folder.mkdir(parents=True, exist_ok=True)

    def get(self, index: int) -> Pixels | None:
        """A frame, where it is there and whole."""
        path = self._path(index)
        if path is None:
            return None
        try:
            with Image.open(path) as image:
                return np.asarray(image.convert("RGB"))
        except (OSError, ValueError, SyntaxError):
            return None

    def put(self, index: int, pixels: Pixels) -> None:
        """Keep a frame.

        Raises:
            SaveError: the disk is full.
        """
        path = self._path(index)
        if path is None:
            return
        temporary = path.with_suffix(f".{os.getpid()}.part")
        try:
            # Quick rather than small: the frames go when the film is written.
            Image.fromarray(pixels).save(temporary, "PNG", compress_level=1)
            temporary.replace(path)
        except OSError as error:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise SaveError(
                f"Can't keep the film's frames: {error.strerror or error}.",
                "Make room on the disk, and export again: what is drawn is not lost.",
                path=path,
            ) from error

    def count(self) -> int:
        """How many frames are there."""
        return 0 if self._folder is None else sum(1 for _ in self._folder.glob("*.png"))

    def clear(self) -> None:
        """The film is written: its frames may go."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _path(self, index: int) -> Path | None:
        return None if self._folder is None else self._folder / f"{index:06d}.png"

    def _remove_old(self) -> None:
        assert self._folder is not None
        now = time.time()
        with contextlib.suppress(OSError):
            for folder in self._folder.parent.iterdir():
                if folder != self._folder and now - folder.stat().st_mtime > KEPT_S:
                    shutil.rmtree(folder, ignore_errors=True)


def film_job(reel: Reel, path: Path, options: VideoOptions) -> Job:
    """Draw a film and write it; its value is the path. Stopped or cut short, it goes on the next time.

    Raises (as the job's failure):
        InputError: a keyframe does not fit the model, or the file's name asks for no known format.
        SaveError: the disk refuses.
    """

    def start(generator: Generator | None) -> JobSteps:
        if generator is None:
            raise InputError("No model is open.")
        return film_steps(reel, path, options, generator)

    return Job(f"Filming {path.name}", start, tag="film")


def film_steps(reel: Reel, path: Path, options: VideoOptions, generator: Generator) -> JobSteps:
    """The steps of `film_job`."""
    kind = video_format(path)
    for film in reel.films:
        for keyframe in film.keyframes:
            check_model(keyframe.recipe, generator)
    moments = reel.films[0].moments(options.frame_rate)
    # A model that came from no file has no name by which its frames could be found again.
    sha256 = generator.info.sha256
    store = FrameStore(f"{reel.digest(options.frame_rate)[:32]}-{sha256[:16]}" if sha256 else "")
    frames = _Frames(reel, moments, generator, store)
    total = len(moments)
    writer: VideoWriter | None = None
    finished = False
    try:
        sample: list[Pixels] = []
        if kind.suffix == ".gif":
            for place, index in enumerate(_spread(total)):
                sample.append(frames.draw(index))
                yield Progress(place, total, "Choosing colours")
        writer = open_video(path, options, sample, _comment(reel))
        for index in range(total):
            text = dumps(reel.films[0].recipe_at(moments[index])) if not kind.suffix else None
            writer.write(frames.draw(index), text if len(reel.films) == 1 else None)
            yield Progress(index + 1, total, f"Frame {index + 1} of {total}")
        writer.finish()
        finished = True
    finally:
        if writer is not None and not finished:
            writer.give_up()
    store.clear()
    return path


class _Frames:
    """The frames of a reel, each from the store or drawn."""

    def __init__(self, reel: Reel, moments: list[float], generator: Generator, store: FrameStore) -> None:
        self._reel, self._moments, self._store = reel, moments, store
        self._renderer = Renderer(generator, CACHE_BYTES)

    def draw(self, index: int) -> Pixels:
        """One frame, uint8 (H, W, 3)."""
        found = self._store.get(index)
        if found is not None:
            return found
        moment = self._moments[index]
        cells = [self._renderer.frame(film.recipe_at(moment)).image for film in self._reel.films]
        pixels = cells[0] if len(cells) == 1 else grid(cells, self._reel.columns)
        self._store.put(index, pixels)
        return pixels


def export_film(film: Film | Reel, path: str | Path, generator: Generator, options: VideoOptions) -> Path:
    """Draw a film and write it, from Python.

    Args:
        film: one, or several side by side.
        path: its ending says the format; none means a folder of PNG pictures.
        generator: of whom the keyframes are.
        options: rate, size and quality.

    Raises:
        LatentStudioError: see `film_job`.
    """
    reel = film if isinstance(film, Reel) else Reel((film,))
    for _ in film_steps(reel, Path(path), options, generator):
        pass
    return Path(path)


def _spread(total: int) -> Iterator[int]:
    """Frames from the whole length, to know a film's colours by."""
    count = min(total, PALETTE_PICTURES)
    return (i * total // count for i in range(count))


def _comment(reel: Reel) -> str:
    """The film itself, for a video's metadata; empty for a grid, and where it is too long."""
    text = film_dumps(reel.films[0]) if len(reel.films) == 1 else ""
    return text if len(text) <= COMMENT_CHARACTERS else ""
