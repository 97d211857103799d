"""Work on photographs as jobs: finding faces, putting an edit back.

Owns the translation into `Job`; runs on threads of their own, beside the engine. Any thread.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from latentstudio.engine.requests import Job, JobSteps, Progress
from latentstudio.inversion.blend import blend_back
from latentstudio.inversion.faces import find_faces
from latentstudio.inversion.target import Alignment
from latentstudio.media.photo import write_photo
from latentstudio.models.feature_networks import MTCNN, load_mtcnn
from latentstudio.models.generator import Generator

FACES_TAG, BLEND_TAG = "faces", "blend"


@lru_cache(maxsize=1)
def _finder(_stamp: tuple[str, int]) -> MTCNN:
    return load_mtcnn()


def finder() -> MTCNN:
    """The installed face finder; read anew when its files change.

    Raises:
        ModelNotFoundError: it is not installed.
    """
    from latentstudio.models.catalogue import installed_path

    folder = installed_path("mtcnn-face-finder")
    stamp = ("", 0) if folder is None else (str(folder), folder.stat().st_mtime_ns)
    return _finder(stamp)


def faces_job(photo: NDArray[np.uint8]) -> Job:
    """A job whose value is the list of `Face` in a photograph (H, W, 3), the largest first.

    Raises (as the job's failure):
        ModelNotFoundError: the face finder is not installed.
    """

    def steps() -> JobSteps:
        yield Progress(0, 0, "Looking for faces")
        return find_faces(photo, finder())

    return _job("Looking for faces", steps, FACES_TAG)


def blend_job(
    photo: NDArray[np.uint8],
    edited: NDArray[np.uint8],
    alignment: Alignment,
    feather: float,
    before: NDArray[np.uint8] | None = None,
    path: Path | None = None,
) -> Job:
    """A job that puts a picture back into its photograph, see `blend_back`.

    Args:
        photo: uint8 (H, W, 3).
        edited: uint8 (h, w, 3).
        alignment: where the cut was made.
        feather: width of the soft edge.
        before: the picture before the edit, to add the change alone.
        path: where the result is written, too; nowhere by default.

    Its value is the photograph, uint8 (H, W, 3).
    """
    title = "Blending into the photo" if path is None else f"Saving {path.name}"

    def steps() -> JobSteps:
        yield Progress(0, 2 if path else 1, "Blending")
        blended = blend_back(photo, edited, alignment, feather, before=before)
        if path is not None:
            yield Progress(1, 2, path.name)
            write_photo(path, blended)
        return blended

    return _job(title, steps, BLEND_TAG)


def _job(title: str, steps: Callable[[], JobSteps], tag: str) -> Job:
    def start(_: Generator | None) -> JobSteps:
        return steps()

    return Job(title, start, on_engine=False, tag=tag)
