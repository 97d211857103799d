"""Small work off the GUI thread: reading a file, hashing, listing models.

Owns short-lived threads and the way of their results back to the GUI thread. Long work with progress
is a job of the engine instead. Called on the GUI thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal


class Background(QObject):
    """Runs functions on threads and hands their results back on the GUI thread."""

    _ended = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._threads: set[threading.Thread] = set()
        self._closed = False
        self._ended.connect(self._deliver, Qt.ConnectionType.QueuedConnection)

    def run(
        self,
        work: Callable[[], Any],
        done: Callable[[Any], None],
        failed: Callable[[Exception], None],
    ) -> None:
        """Do `work` on a thread, then call `done` with its value, or `failed`, on the GUI thread."""

        def body() -> None:
            try:
                value = work()
            except Exception as error:
                end = (failed, error)
            else:
                end = (done, value)
            if not self._closed:
                self._ended.emit((threading.current_thread(), *end))

        thread = threading.Thread(target=body, name="latentstudio-background", daemon=True)
        self._threads.add(thread)
        thread.start()

    @property
    def is_idle(self) -> bool:
        """Whether nothing runs and nothing waits to be delivered."""
        return not self._threads

    def close(self) -> None:
        """Deliver nothing more and wait for the threads."""
        self._closed = True
        for thread in self._threads:
            thread.join(10)
        self._threads.clear()

    def _deliver(self, end: tuple[threading.Thread, Callable[[Any], None], Any]) -> None:
        thread, receive, value = end
        self._threads.discard(thread)
        if not self._closed:
            receive(value)
