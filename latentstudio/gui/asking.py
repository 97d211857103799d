"""A question to the engine whose answer belongs to the model that was open when it was asked.

Owns the tag of each question and drops answers that come too late. GUI thread.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject

from latentstudio.engine.requests import Job, JobFinished
from latentstudio.gui.studio import Studio

_numbers = itertools.count()


class Asker(QObject):
    """Submits jobs and hands their values on.

    Args:
        studio: the way to the engine.
        topic: the latest question of a topic is the only one that is answered.
    """

    def __init__(self, studio: Studio, topic: str, parent: QObject) -> None:
        super().__init__(parent)
        self._studio, self._topic = studio, topic
        self._waiting: tuple[str, Callable[[Any], None]] | None = None
        studio.bridge.job_finished.connect(self._take)
        studio.model_opened.connect(self.forget)

    def ask(self, make_job: Callable[[str], Job], done: Callable[[Any], None]) -> None:
        """Have a job done.

        Args:
            make_job: given the tag that the job must carry; may import from the engine.
            done: called with the job's value; a failure is told by the studio.
        """
        tag = f"{self._topic} {next(_numbers)}"
        self._waiting = (tag, done)
        self._studio.submit(lambda: make_job(tag))

    def forget(self, model: object = None) -> None:
        """The answer is no longer wanted."""
        self._waiting = None

    def _take(self, event: JobFinished) -> None:
        if self._waiting is not None and event.tag == self._waiting[0]:
            done, self._waiting = self._waiting[1], None
            done(event.value)
