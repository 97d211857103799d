"""Jobs: long work as Python generators that yield progress.

Owns the life of one job, from start to finished, failed or cancelled. Cancelling closes the generator,
so that its `finally` blocks clean up. One thread at a time per runner.
"""

from __future__ import annotations

from collections.abc import Callable

from latentstudio.engine.requests import (
    Event,
    Failure,
    Job,
    JobCancelled,
    JobFinished,
    JobProgress,
    JobSteps,
)
from latentstudio.errors import CancelledError
from latentstudio.models.generator import Generator


class JobRunner:
    """Runs one job step by step and tells what happens.

    Args:
        number: comes back with every event.
        job: what to run.
        emit: where events go.
    """

    def __init__(self, number: int, job: Job, emit: Callable[[Event], None]) -> None:
        self._number, self._job, self._emit = number, job, emit
        self._steps: JobSteps | None = None

    def start(self, generator: Generator | None) -> None:
        """Make the steps; nothing of them runs yet."""
        try:
            self._steps = self._job.start(generator)
        except Exception as error:
            self._fail(error)

    def step(self, stop: bool) -> bool:
        """Run to the next progress; False when there is nothing left to run."""
        steps = self._steps
        if steps is None:
            return False
        job = self._job
        try:
            if stop:
                close = getattr(steps, "close", None)
                if close is not None:
                    close()
                raise CancelledError(f"{job.title}: stopped.")
            progress = next(steps)
        except StopIteration as end:
            self._steps = None
            self._emit(JobFinished(self._number, job.title, job.tag, end.value))
            return False
        except CancelledError:
            self._steps = None
            self._emit(JobCancelled(self._number, job.title, job.tag))
            return False
        except Exception as error:
            self._fail(error)
            return False
        self._emit(JobProgress(self._number, job.title, job.tag, progress))
        return True

    def _fail(self, error: Exception) -> None:
        self._steps = None
        self._emit(Failure.of(self._job.title, error, job=self._number))
