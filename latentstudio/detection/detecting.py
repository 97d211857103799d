"""Many photos judged: read, measured, stored as they come, and weighed at the end.

Owns the order of a run and what it gives, a `Finding` a photo; a run that was stopped goes on from its
journal. What fails is kept with its reason. Long work as a generator of `Progress`, on whichever `Work`
it is given.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator as Iteration
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from latentstudio.detection.calibration import Calibration
from latentstudio.detection.findings import SHOWN_PX, Finding, finding_of, line_of
from latentstudio.detection.photos import MIDDLE, open_photo
from latentstudio.detection.records import Journal
from latentstudio.detection.work import Task, Work, sentence
from latentstudio.engine.requests import Progress
from latentstudio.errors import LatentStudioError
from latentstudio.media.image import shrunk
from latentstudio.models.info import GeneratorInfo

# Photos are read this many at a time, so that a thousand large ones don't fill the memory.
READ_AHEAD = 64


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
    calibration.check_model(info)
    about = {"model": info.sha256, "protocol": calibration.protocol.digest, "frame": frame}
    found: dict[str, Finding] = {}
    with Journal(journal_path, about) if journal_path else nullcontext() as journal:
        marks = {_mark(path): path for path in photos}
        for line in journal.lines if journal else ():
            if line.get("mark") in marks and not line.get("error"):
                path = marks[line["mark"]]
                found[str(path)] = finding_of(line, path).judged(calibration, prior)
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
                    journal.add({"mark": _mark(finding.path), **line_of(finding)})
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
