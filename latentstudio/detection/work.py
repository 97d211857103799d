"""Many pictures measured, here or elsewhere, behind one seam.

Owns `Task` (what is to be measured) and `Outcome` (what came back), and the work on this machine's own
loaded model; `latentstudio.cluster` does the same on many. One thread at a time per model.
"""

from __future__ import annotations

from collections.abc import Generator as Iteration
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol as Seam

import numpy as np
from numpy.typing import NDArray

from latentstudio.detection.degradations import CLEAN, degrade
from latentstudio.detection.measuring import Measurement, measure_pictures, own_picture
from latentstudio.detection.protocol import Protocol
from latentstudio.engine.requests import Progress
from latentstudio.errors import CancelledError, LatentStudioError
from latentstudio.inversion.projector import batch_size
from latentstudio.models.generator import Generator


@dataclass(frozen=True, eq=False)
class Task:
    """One picture, with the degraded copies that are measured beside it.

    Attributes:
        key: unique within a run.
        picture: uint8 (H, W, 3) at the model's size; None where the model draws it from `seed`.
        seed: of the model's own picture.
        psi: truncation of that picture.
        copies: names of degradations; "clean" is the picture itself.
    """

    key: str
    picture: NDArray[np.uint8] | None
    seed: int = 0
    psi: float = 1.0
    copies: tuple[str, ...] = (CLEAN,)


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of a task.

    Attributes:
        key: the task's.
        measurements: one for each copy; empty where it failed.
        error: one sentence where it failed.
    """

    key: str
    measurements: tuple[Measurement, ...] = ()
    error: str = ""


class Work(Seam):
    """A place where tasks are done."""

    def run(self, tasks: Sequence[Task], protocol: Protocol) -> Iterator[Progress | Outcome]:
        """Do tasks in any order; progress tells of the steps of what is under way."""


class WorkHere:
    """Work on a loaded model in this thread, as many pictures together as fit.

    Args:
        generator: the model.
        batch: how many pictures at a time; 0 lets the projector decide.
    """

    def __init__(self, generator: Generator, batch: int = 0) -> None:
        self._generator = generator
        self._batch = batch or batch_size(generator)

    def run(self, tasks: Sequence[Task], protocol: Protocol) -> Iterator[Progress | Outcome]:
        """See `Work`."""
        waiting: list[Task] = []
        for task in tasks:
            if waiting and sum(len(t.copies) for t in (*waiting, task)) > self._batch:
                yield from self._together(waiting, protocol)
                waiting = []
            waiting.append(task)
        if waiting:
            yield from self._together(waiting, protocol)

    def _together(self, tasks: list[Task], protocol: Protocol) -> Iterator[Progress | Outcome]:
        try:
            yield from (yield from _measured(self._generator, tasks, protocol))
        except CancelledError:
            raise
        except (LatentStudioError, MemoryError, RuntimeError) as error:
            if len(tasks) == 1:
                yield Outcome(tasks[0].key, error=sentence(error))
                return
            # One bad picture must not take its neighbours with it.
            for task in tasks:
                yield from self._together([task], protocol)


def _measured(
    generator: Generator, tasks: Sequence[Task], protocol: Protocol
) -> Iteration[Progress, None, list[Outcome]]:
    pictures = [picture for task in tasks for picture in copies_of(generator, task)]
    found = yield from measure_pictures(generator, pictures, protocol)
    outcomes, start = [], 0
    for task in tasks:
        stop = start + len(task.copies)
        outcomes.append(Outcome(task.key, tuple(found[start:stop])))
        start = stop
    return outcomes


def do_tasks(generator: Generator, tasks: Sequence[Task], protocol: Protocol) -> list[Outcome]:
    """Tasks to their end, together, with failures as values: what a worker of a cluster runs."""
    copies = sum(len(task.copies) for task in tasks)
    events = WorkHere(generator, batch=max(copies, 1)).run(tasks, protocol)
    return [event for event in events if isinstance(event, Outcome)]


def copies_of(generator: Generator, task: Task) -> list[NDArray[np.uint8]]:
    """The pictures of a task, degraded as it asks."""
    picture = task.picture
    if picture is None:
        picture = own_picture(generator, task.seed, task.psi)
    return [degrade(picture, name) for name in task.copies]


def sentence(error: BaseException) -> str:
    """An error as one sentence for a table."""
    if isinstance(error, LatentStudioError):
        return error.message
    if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
        return "The memory was exhausted."
    return f"Something unexpected went wrong: {error}."
