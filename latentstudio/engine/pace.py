"""How fast a running inversion goes, and how long it will still take.

Owns the average, on whichever thread receives the progress; plain values only.
"""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(frozen=True)
class PaceReading:
    """How fast a running inversion goes.

    Attributes:
        steps_per_s: of late; 0 before it is known.
        left_s: how long it will still take; None before it is known.
        elapsed_s: since it began.
    """

    steps_per_s: float
    left_s: float | None
    elapsed_s: float


class Pace:
    """How fast the steps go: an average that forgets, so that it follows a busy machine."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._last: tuple[int, float] | None = None
        self._seconds_a_step = 0.0

    def update(self, step: int, steps: int) -> PaceReading:
        """Take note of how many steps of all are done."""
        now = time.perf_counter()
        if self._last is None or step < self._last[0]:
            self._last = (step, now)
        elif step > self._last[0]:
            spent = (now - self._last[1]) / (step - self._last[0])
            known = self._seconds_a_step
            self._seconds_a_step = spent if known == 0 else 0.9 * known + 0.1 * spent
            self._last = (step, now)
        rate = 1 / self._seconds_a_step if self._seconds_a_step else 0.0
        left = (steps - step) * self._seconds_a_step if self._seconds_a_step else None
        return PaceReading(rate, left, now - self._started)
