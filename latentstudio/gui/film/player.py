"""Plays a film on the canvas in its own time, leaving out what the engine can't draw in time.

Owns the clock; what a frame looks like is asked of the timeline. GUI thread.
"""

from __future__ import annotations

import time

from PySide6.QtCore import QObject, QTimer, Signal

LEAST_MS = 15


class Player(QObject):
    """A clock that counts frames.

    Signals:
        reached(int): it is time for this frame.
        ended(): the film is over, or was stopped.
    """

    reached = Signal(int)
    ended = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._tick)
        self._begun_s = 0.0
        self._first = self._length = 0
        self._rate = 1.0
        self._repeats = False

    @property
    def is_playing(self) -> bool:
        """Whether the clock runs."""
        return self._timer.isActive()

    def play(self, first: int, length: int, frame_rate: float, *, repeats: bool) -> None:
        """Begin at a frame."""
        self._first, self._length, self._rate, self._repeats = first, length, frame_rate, repeats
        self._begun_s = time.monotonic()
        self._timer.start(max(LEAST_MS, round(1000 / frame_rate)))

    def stop(self) -> None:
        """Stand still."""
        if self._timer.isActive():
            self._timer.stop()
            self.ended.emit()

    def _tick(self) -> None:
        frame = self._first + int((time.monotonic() - self._begun_s) * self._rate)
        if frame >= self._length and not self._repeats:
            self.reached.emit(self._length - 1)
            self.stop()
            return
        self.reached.emit(frame % self._length)
