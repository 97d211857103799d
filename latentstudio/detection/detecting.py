"""Many photos judged: read, measured, stored as they come, and weighed at the end.

Owns the order of a run and what it gives, a `Finding` a photo; a run that was stopped goes on from its
journal. What fails is kept with its reason. Long work as a generator of `Progress`, on whichever `Work`
it is given.
"""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Generator as Iteration
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from latentstudio.detection.calibration import Calibration
from latentstudio.detection.photos import MIDDLE, open_photo
from latentstudio.detection.verdict import Framing, Verdict, judge
from latentstudio.detection.work import Task, Work, sentence
from latentstudio.engine.requests import Progress
from latentstudio.errors import InputError, LatentStudioError
from latentstudio.media.image import png_bytes, shrunk
from latentstudio.models.info import GeneratorInfo

# Pictures in results are for looking at; the numbers come from the full size.
SHOWN_PX = 256
# Photos are read this many at a time, so that a thousand large ones don't fill the memory.
READ_AHEAD = 64


@dataclass(frozen=True, eq=False)
class Finding:
    """One photo.

    Attributes:
        path: where it was.
        verdict: what may be said; None where it failed.
        error: why it failed, one sentence.
        values: the statistics by name.
        framing: how it came to the model's size.
        picture: uint8 (h, w, 3), the photo as it was measured, shrunk to be looked at.
        resynthesis: uint8 (h, w, 3), the model's closest picture, likewise.
        seconds: what measuring it took.
    """

    path: Path
    verdict: Verdict | None = None
    error: str = ""
    values: Mapping[str, float] | None = None
    framing: Framing | None = None
    picture: NDArray[np.uint8] | None = None
    resynthesis: NDArray[np.uint8] | None = None
    seconds: float = 0.0

    @property
    def difference(self) -> NDArray[np.uint8] | None:
        """Where the two differ, uint8 (h, w, 3): grey where they agree, doubled."""
        return (
            None
            if self.picture is None or self.resynthesis is None
            else difference_map(self.picture, self.resynthesis)
        )

    def judged(self, calibration: Calibration, prior: float) -> Finding:
        """The same measurements under another prior."""
        if self.values is None:
            return self
        return replace(self, verdict=judge(self.values, calibration, prior, self.framing))


def difference_map(a: NDArray[np.uint8], b: NDArray[np.uint8], gain: float = 2.0) -> NDArray[np.uint8]:
    """Signed differences around mid-grey, uint8 (H, W, 3)."""
    signed = 128 + gain * (a.astype(np.float32) - b.astype(np.float32))
    return np.asarray(np.clip(np.rint(signed), 0, 255).astype(np.uint8))


def detect(
    photos: Sequence[Path],
    info: GeneratorInfo,
    calibration: Calibration,
    work: Work,
    *,
    prior: float = 0.5,
    frame: str = MIDDLE,
    journal_path: Path | None = None,
) -> Iteration[Progress, None, list[Finding]]:
    """Judge photos.

    Args:
        photos: files; see `photos.find_photos` for folders.
        info: the model.
        calibration: of that model.
        work: where they are measured.
        prior: chance that a photo is the model's before looking.
        frame: how photos are cut, see `photos.open_photo`.
        journal_path: results are kept here, and a later call goes on from them; None keeps nothing.

    Yields:
        progress; its payload is the `Finding` that has just been made. The returned value is one a
        photo, in their order.

    Raises:
        InputError: the calibration belongs to another model, or the journal to something else.
    """
    from latentstudio.detection.records import Journal

    calibration.check_model(info)
    about = {"model": info.sha256, "protocol": calibration.protocol.digest, "frame": frame}
    found: dict[str, Finding] = {}
    with Journal(journal_path, about) if journal_path else nullcontext() as journal:
        marks = {_mark(path): path for path in photos}
        for line in journal.lines if journal else ():
            if line.get("mark") in marks and not line.get("error"):
                path = marks[line["mark"]]
                found[str(path)] = _finding_of(line, path).judged(calibration, prior)
        waiting = [path for path in photos if str(path) not in found]
        yield Progress(len(found), len(photos), "Looking at photos")
        for start in range(0, len(waiting), READ_AHEAD):
            some = waiting[start : start + READ_AHEAD]
            for event in _measured(some, info, calibration, work, frame):
                if isinstance(event, Progress):
                    yield Progress(len(found), len(photos), event.text)
                    continue
                finding = event.judged(calibration, prior)
                found[str(finding.path)] = finding
                if journal:
                    journal.add({"mark": _mark(finding.path), **_line_of(finding)})
                yield Progress(len(found), len(photos), "Looking at photos", finding)
    return [found[str(path)] for path in photos]


def _measured(
    paths: Sequence[Path], info: GeneratorInfo, calibration: Calibration, work: Work, frame: str
) -> Iteration[Progress | Finding, None, None]:
    tasks, opened = [], {}
    for path in paths:
        try:
            photo = open_photo(path, info, frame)
        except (LatentStudioError, MemoryError) as error:
            yield Finding(path, error=sentence(error))
            continue
        opened[str(path)] = path, photo
        tasks.append(Task(str(path), photo.image))
    for event in work.run(tasks, calibration.protocol):
        if isinstance(event, Progress):
            yield event
            continue
        path, photo = opened[event.key]
        picture = shrunk(photo.image, SHOWN_PX)
        if event.error:
            yield Finding(path, error=event.error, framing=photo.framing, picture=picture)
            continue
        (measured,) = event.measurements
        yield Finding(
            path,
            values=measured.values,
            framing=photo.framing,
            picture=picture,
            resynthesis=shrunk(measured.resynthesis, SHOWN_PX),
            seconds=measured.seconds,
        )


def _mark(path: Path) -> str:
    """What a photo is known by in a journal: its place and its bytes, so that a changed file is new."""
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        digest = "unreadable"
    return f"{digest[:32]} {path}"


# --- lines of the journal ---------------------------------------------------------------------------


def _line_of(finding: Finding) -> dict[str, Any]:
    if finding.error:
        return {"error": finding.error}
    assert finding.values is not None
    assert finding.framing is not None
    framing = finding.framing
    return {
        "values": {name: round(value, 6) for name, value in finding.values.items()},
        "framing": [list(framing.size), framing.was_cropped, framing.was_aligned],
        "seconds": round(finding.seconds, 3),
        "picture": encoded(finding.picture),
        "resynthesis": encoded(finding.resynthesis),
    }


def _finding_of(line: Mapping[str, Any], path: Path) -> Finding:
    try:
        (height, width), was_cropped, was_aligned = line["framing"]
        return Finding(
            path,
            values={str(name): float(value) for name, value in line["values"].items()},
            framing=Framing((int(height), int(width)), bool(was_cropped), bool(was_aligned)),
            picture=_decoded(line["picture"]),
            resynthesis=_decoded(line["resynthesis"]),
            seconds=float(line["seconds"]),
        )
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise InputError("A line of the results has the wrong form.", "Remove the file.") from error


def encoded(picture: NDArray[np.uint8] | None) -> str:
    """A picture as PNG in base64; empty for none."""
    return "" if picture is None else base64.b64encode(png_bytes(picture)).decode()


def _decoded(text: str) -> NDArray[np.uint8] | None:
    if not text:
        return None
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text)), formats=["PNG"]).convert("RGB"))
