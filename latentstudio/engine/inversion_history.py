"""What a running inversion leaves behind while it runs: its pace, its curves, pictures to scrub through.

Owns the bookkeeping of progress, on whichever thread receives it; plain values only.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from latentstudio.inversion.projection import ProjectionProgress, Snapshot

# Pictures of the history that are kept; when there are more, every second one goes.
MAX_MOMENTS = 64


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


@dataclass(frozen=True)
class Moment:
    """A step of which the pictures were kept.

    Attributes:
        step: which.
        images: uint8 (N, H, W, 3).
        snapshots: what can be kept of it, one a photograph.
    """

    step: int
    images: NDArray[np.uint8]
    snapshots: tuple[Snapshot, ...]


@dataclass
class History:
    """What a person scrubs through: every step's terms, and pictures as many as fit.

    Attributes:
        steps: of the terms.
        terms: by name a list of float32 (N,), one for each of `steps`.
        moments: pictures, in order.
    """

    steps: list[int] = field(default_factory=list)
    terms: dict[str, list[NDArray[np.float32]]] = field(default_factory=dict)
    moments: list[Moment] = field(default_factory=list)

    def add(self, progress: ProjectionProgress) -> None:
        """Take note of a progress; the ones between two steps change nothing."""
        if progress.terms and (not self.steps or progress.step > self.steps[-1]):
            for name, values in progress.terms.items():
                known = self.terms.setdefault(name, [np.zeros_like(values)] * len(self.steps))
                known.append(values)
            self.steps.append(progress.step)
            for known in self.terms.values():
                known.extend([np.zeros_like(known[-1])] * (len(self.steps) - len(known)))
        if progress.images is not None:
            self.moments.append(Moment(progress.step, progress.images, progress.snapshots))
            if len(self.moments) > MAX_MOMENTS:
                # The first and the last stay; in between every second one goes.
                self.moments = [*self.moments[:-1:2], self.moments[-1]]
