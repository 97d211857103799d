"""Jobs whose value goes back to the one who asked.

Owns the numbers of the jobs that are under way; knows no panel. GUI thread.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject

from latentstudio.engine.requests import Failure, Job, JobCancelled, JobFinished
from latentstudio.gui.studio import Studio


class Answers(QObject):
    """Jobs whose value goes to the one who asked.

    Args:
        studio: the common ground.
    """

    def __init__(self, studio: Studio, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._waiting: dict[int, Callable[[Any], None]] = {}
        self._ended: dict[int, Callable[[], None]] = {}
        studio.bridge.job_finished.connect(self._take)
        studio.bridge.job_cancelled.connect(self._forget)
        studio.bridge.failed.connect(self._forget)

    @property
    def is_busy(self) -> bool:
        """Whether something is under way."""
        return bool(self._waiting)

    def ask(
        self,
        make_job: Callable[[], Job],
        take: Callable[[Any], None],
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        """Submit a job.

        Args:
            make_job: called once the engine is there.
            take: given the job's value. A failure is told by the studio.
            ended: called at the end, whichever it is.
        """

        def numbered(number: int) -> None:
            self._waiting[number], self._ended[number] = take, ended

        self._studio.bridge.submit(make_job, numbered)

    def _take(self, event: JobFinished) -> None:
        take = self._waiting.pop(event.job, None)
        if take is not None:
            take(event.value)
            self._ended.pop(event.job)()

    def _forget(self, event: JobCancelled | Failure) -> None:
        if event.job is not None and self._waiting.pop(event.job, None) is not None:
            self._ended.pop(event.job)()
