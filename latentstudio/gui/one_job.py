"""One piece of long work at a time, of which only the newest result counts.

Owns the number of the job under way and the sorting out of events; knows no panel. GUI thread.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from latentstudio.engine.requests import Failure, Job, JobCancelled, JobFinished, JobProgress
from latentstudio.gui.engine_bridge import EngineBridge


class OneJob(QObject):
    """A place for one job; a new one takes the place of the old.

    Signals:
        finished(object): the job's value.
        progressed(Progress): a step of it.
        ended(): it is over, well or not.

    Args:
        bridge: the way to the engine; failures are told by whoever listens there.
        parent: owner.
    """

    finished = Signal(object)
    progressed = Signal(object)
    ended = Signal()

    def __init__(self, bridge: EngineBridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._wish = 0  # which wish is the newest
        self._number: int | None = None
        self._is_running = False
        bridge.job_finished.connect(self._take)
        bridge.job_progressed.connect(self._progress)
        bridge.job_cancelled.connect(self._take_end)
        bridge.failed.connect(self._take_end)

    @property
    def is_running(self) -> bool:
        """Whether a job waits or runs."""
        return self._is_running

    def start(self, make_job: Callable[[], Job]) -> None:
        """Ask for work in place of what is under way."""
        self.cancel()
        self._wish += 1
        self._is_running = True
        wish = self._wish
        self._bridge.submit(make_job, lambda number: self._take_number(wish, number))

    def cancel(self) -> None:
        """Stop what is under way; its result no longer counts."""
        self._wish += 1
        number, self._number = self._number, None
        was_running, self._is_running = self._is_running, False
        if number is not None:
            self._bridge.cancel(number)
        if was_running:
            self.ended.emit()

    def _take_number(self, wish: int, number: int) -> None:
        if wish == self._wish:
            self._number = number
        else:
            self._bridge.cancel(number)

    def _take(self, event: JobFinished) -> None:
        if event.job == self._number:
            self._end()
            self.finished.emit(event.value)

    def _progress(self, event: JobProgress) -> None:
        if event.job == self._number:
            self.progressed.emit(event.progress)

    def _take_end(self, event: JobCancelled | Failure) -> None:
        if event.job is not None and event.job == self._number:
            self._end()

    def _end(self) -> None:
        self._number, self._is_running = None, False
        self.ended.emit()
