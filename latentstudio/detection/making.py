"""Making a calibration: which pictures, which copies, measured, stored as they come, then fitted.

Owns the plan and its order; a run that was stopped goes on from its journal. Long work as a generator
of `Progress`; on whichever `Work` it is given.
"""

from __future__ import annotations

from collections.abc import Generator as Iteration
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from latentstudio.detection.building import build, split
from latentstudio.detection.calibration import Calibration
from latentstudio.detection.degradations import ALL, STANDARD, check_degradation
from latentstudio.detection.photos import find_photos, open_photo
from latentstudio.detection.protocol import Protocol
from latentstudio.detection.records import (
    GENERATED,
    OTHER,
    REAL,
    Journal,
    Record,
    record_line,
    record_of,
)
from latentstudio.detection.work import Outcome, Task, Work
from latentstudio.engine.requests import Progress
from latentstudio.errors import InputError
from latentstudio.models.info import GeneratorInfo

# Far from the seeds people try by hand, and from those that directions and encoders are made from.
FIRST_SEED = 3_600_000_000
# So many pictures of each kind get a further copy each, in turn: enough to see what those degradations do.
FURTHER_COPIES = 100
# Ends the key of a task that makes them.
FURTHER = " (further)"


@dataclass(frozen=True)
class Plan:
    """Which pictures a calibration is made from.

    Attributes:
        real: photo files and folders.
        others: pictures of other generators, files and folders.
        count: how many pictures of the model itself, and at most of each other kind.
        psi: range of truncation the model's pictures are drawn with.
        first_seed: of the model's pictures; the next ones follow.
        copies: degradations of every picture.
        extras: further ones, in turn, one for each of the first `FURTHER_COPIES` pictures of a kind.
        unseen: others that nothing is fitted to, likewise, but only for held-out pictures.
        frame: how photos are cut, see `photos.open_photo`.
    """

    real: tuple[Path, ...]
    others: tuple[Path, ...] = ()
    count: int = 200
    psi: tuple[float, float] = (0.5, 1.0)
    first_seed: int = FIRST_SEED
    copies: tuple[str, ...] = STANDARD
    extras: tuple[str, ...] = field(default=tuple(name for name in ALL if name not in STANDARD))
    unseen: tuple[str, ...] = ("jpeg60", "resize3")
    frame: str = "middle"

    def __post_init__(self) -> None:
        for name in (*self.copies, *self.extras, *self.unseen):
            check_degradation(name)
        if not self.copies:
            raise InputError("A calibration needs at least one copy of every picture.", 'Name "clean".')
        if not self.real and not self.others:
            raise InputError("A calibration needs pictures the model did not make.", "Name a folder.")
        low, high = self.psi
        if not 0 <= low <= high <= 2:
            raise InputError(f"The range of truncation must lie in 0 to 2, not {low} to {high}.")

    def to_json(self) -> dict[str, object]:
        """What a journal is about; pictures are told by their names, so that a larger count goes on."""
        return {
            "psi": list(self.psi),
            "first_seed": self.first_seed,
            "copies": list(self.copies),
            "extras": list(self.extras),
            "unseen": list(self.unseen),
            "frame": self.frame,
        }


def calibrate(
    plan: Plan, info: GeneratorInfo, protocol: Protocol, work: Work, journal_path: Path | None = None
) -> Iteration[Progress, None, Calibration]:
    """Make a calibration.

    Args:
        plan: from which pictures.
        info: the model.
        protocol: how pictures are measured.
        work: where.
        journal_path: results are kept here, and a later call goes on from them; None keeps nothing.

    Raises:
        InputError: too few pictures can be read, or the journal belongs to something else.
    """
    if not info.sha256:
        raise InputError("Only a model from a file can be calibrated.", "Save it first.")
    tasks, skipped = tasks_of(plan, info)
    about = {"model": info.sha256, "protocol": protocol.digest, "plan": plan.to_json()}
    records: dict[tuple[str, str, str], Record] = {}
    wanted = {key for task in tasks for key in _keys(task)}
    with Journal(journal_path, about) if journal_path else nullcontext() as journal:
        for line in journal.lines if journal else ():
            record = record_of(line)
            if record.key in wanted:
                records[record.key] = record
        missing = [left for task in tasks if (left := _without(task, records))]
        total = sum(len(task.copies) for task in tasks)
        asked = {task.key: task for task in missing}
        yield Progress(len(records), total, "Measuring")
        for event in work.run(missing, protocol):
            if isinstance(event, Progress):
                text = f"Measuring ({event.text.lower()}, step {event.done} of {event.total})"
                yield Progress(len(records), total, text)
                continue
            for record in _records(event, asked[event.key]):
                line = record_line(record)
                # As a run that goes on would read it: both must give the same calibration.
                records[record.key] = record_of(line)
                if journal:
                    journal.add(line)
            if event.error:
                skipped.append(f"{event.key}: {event.error}")
            yield Progress(len(records), total, "Measuring")
    yield Progress(total, total, "Fitting")
    return build(list(records.values()), info, protocol, _about(plan, skipped))


def measured_so_far(plan: Plan, info: GeneratorInfo, protocol: Protocol, journal_path: Path) -> Calibration:
    """The calibration of a run that was stopped: from the pictures all of whose copies are measured.

    Raises:
        InputError: too few pictures, or the journal belongs to something else.
    """
    about = {"model": info.sha256, "protocol": protocol.digest, "plan": plan.to_json()}
    with Journal(journal_path, about) as journal:
        records = [record_of(line) for line in journal.lines]
    held_out = held_out_pictures(records, plan)
    # A degradation that shall be new to the fit may only be tried on held-out pictures.
    used = [
        record
        for record in records
        if (held := held_out.get((record.kind, record.name))) is not None
        and (held or record.degradation not in plan.unseen)
    ]
    return build(used, info, protocol, _about(plan, ()))


def held_out_pictures(records: Sequence[Record], plan: Plan) -> dict[tuple[str, str], bool]:
    """Of the (kind, name) pairs all of whose copies are measured: whether nothing is fitted to them."""
    copies: dict[tuple[str, str], set[str]] = {}
    for record in records:
        copies.setdefault((record.kind, record.name), set()).add(record.degradation)
    pictures = sorted(picture for picture, names in copies.items() if names >= set(plan.copies))
    return dict(zip(pictures, map(bool, split(pictures)), strict=True))


def tasks_of(plan: Plan, info: GeneratorInfo) -> tuple[list[Task], list[str]]:
    """The tasks, and why photos were left out.

    Kinds are mixed, and the copies of every picture come before the further ones: a run that was stopped has
    some of each.
    """
    skipped: list[str] = []
    kinds: dict[str, list[Task]] = {GENERATED: []}
    for i in range(plan.count):
        seed = plan.first_seed + i
        psi = float(np.random.RandomState(seed % 2**32).uniform(*plan.psi))
        kinds[GENERATED].append(Task(f"{GENERATED}/seed{seed}", None, seed % 2**32, round(psi, 4)))
    for kind, given in ((REAL, plan.real), (OTHER, plan.others)):
        kinds[kind] = []
        names: set[str] = set()
        for path in find_photos(given) if given else ():
            if len(kinds[kind]) == plan.count:
                break
            name = path.name if path.name not in names else str(path)
            names.add(name)
            try:
                photo = open_photo(path, info, plan.frame)
            except InputError as error:
                skipped.append(f"{path.name}: {error.message}")
                continue
            kinds[kind].append(Task(f"{kind}/{name}", photo.image))
    pictures = sorted((kind, task.key) for kind, own in kinds.items() for task in own)
    held_out = {key for (_, key), held in zip(pictures, split(pictures), strict=True) if held}
    longest = max(map(len, kinds.values()))
    mixed = [(i, own[i]) for i in range(longest) for own in kinds.values() if i < len(own)]
    first = [replace(task, copies=plan.copies) for _, task in mixed]
    further = [
        replace(task, key=f"{task.key}{FURTHER}", copies=copies)
        for i, task in mixed
        if (copies := _further(plan, i, held_out=task.key in held_out))
    ]
    return [*first, *further], skipped


def _further(plan: Plan, index: int, *, held_out: bool) -> tuple[str, ...]:
    if index >= FURTHER_COPIES:
        return ()
    found = [plan.extras[index % len(plan.extras)]] if plan.extras else []
    if held_out and plan.unseen:
        found.append(plan.unseen[index % len(plan.unseen)])
    return tuple(name for name in dict.fromkeys(found) if name not in plan.copies)


def _keys(task: Task) -> list[tuple[str, str, str]]:
    """The keys of a task's records."""
    name = task.key.removesuffix(FURTHER)
    return [(name.partition("/")[0], name, copy) for copy in task.copies]


def _without(task: Task, records: dict[tuple[str, str, str], Record]) -> Task | None:
    """The task less the copies that are measured already; None when nothing is left."""
    left = tuple(key[2] for key in _keys(task) if key not in records)
    return replace(task, copies=left) if left else None


def _records(outcome: Outcome, task: Task) -> list[Record]:
    return [
        Record(name, kind, copy, measured.values, measured.seconds)
        for (kind, name, copy), measured in zip(_keys(task), outcome.measurements, strict=False)
    ]


def _about(plan: Plan, skipped: Sequence[str]) -> dict[str, str]:
    about = {
        "generated with": f"psi {plan.psi[0]:g} to {plan.psi[1]:g}, seeds from {plan.first_seed}, "
        "odd seeds with drawn noise",
        "copies": ", ".join(dict.fromkeys([*plan.copies, *plan.extras])),
        "never fitted": ", ".join(plan.unseen),
    }
    if skipped:
        about["left out"] = f"{len(skipped)}: " + "; ".join(skipped[:5])
    return about
