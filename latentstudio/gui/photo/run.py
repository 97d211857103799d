"""One inversion as the window follows it: curves, moments to go back to, how fast, how long still.

Owns what is remembered of the progress, and no more of it than the memory allows. No widget; any thread.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from latentstudio.engine.pace import Pace
from latentstudio.gui.words import seconds_words
from latentstudio.inversion.options import ProjectionOptions
from latentstudio.inversion.projection import PENALTIES, ProjectionProgress, Snapshot
from latentstudio.inversion.target import Target

MOMENTS_BYTES = 96 << 20
MOST_MOMENTS = 60


@dataclass(frozen=True, eq=False)
class Moment:
    """A picture on the way.

    Attributes:
        step: after which step.
        image: uint8 (H, W, 3).
        snapshot: what its recipe needs.
        distance: of it from the target.
    """

    step: int
    image: NDArray[np.uint8]
    snapshot: Snapshot
    distance: float


@dataclass
class Run:
    """An inversion, from its first progress on.

    Attributes:
        target: what it aims at.
        options: how it is done.
        step: steps done.
        steps: steps in all.
        text: what is going on.
        rate: steps per second; 0 while unknown.
        left_s: seconds still to go; None while unknown.
        terms: by name the values so far, with the steps they belong to.
        moments: pictures on the way, the oldest first.
        room_bytes: how much memory those may take.
    """

    target: Target
    options: ProjectionOptions
    step: int = 0
    steps: int = 0
    text: str = ""
    rate: float = 0.0
    left_s: float | None = None
    terms: dict[str, tuple[list[int], list[float]]] = field(default_factory=dict)
    moments: list[Moment] = field(default_factory=list)
    room_bytes: int | None = None
    _pace: Pace = field(default_factory=Pace)

    def take(self, progress: ProjectionProgress, index: int = 0) -> None:
        """One more progress; this photograph is one of those that it is about."""
        step = progress.own_step
        self.steps, self.text = progress.own_steps or progress.steps, progress.text
        pace = self._pace.update(step, self.steps)
        self.rate, self.left_s = pace.steps_per_s, pace.left_s
        if step != self.step and progress.terms:
            self.step = step
            for name, values in progress.terms.items():
                steps, numbers = self.terms.setdefault(name, ([], []))
                steps.append(self.step)
                numbers.append(float(values[index]))
        if progress.images is not None and progress.snapshots:
            image = progress.images[index]
            # A view would keep the pictures of the whole batch.
            image = image if len(progress.images) == 1 else image.copy()
            distance = float(progress.distance[index])
            self.moments.append(Moment(step, image, progress.snapshots[index], distance))
            self._thin()

    @property
    def distance(self) -> float | None:
        """The newest distance, penalties left out; None before the first step."""
        parts = [numbers[-1] for name, (_, numbers) in self.terms.items() if name not in PENALTIES]
        return float(sum(parts)) if parts else None

    def words(self) -> str:
        """How it goes, for a person."""
        if not self.step:
            return self.text or "Waiting"
        parts = [f"Step {self.step} of {self.steps}"]
        if self.rate:
            parts.append(f"{self.rate:.1f} steps/s" if self.rate >= 0.2 else f"{1 / self.rate:.0f} s a step")
        if self.left_s is not None and self.step < self.steps:
            parts.append(f"{seconds_words(self.left_s)} left")
        return " · ".join(parts)

    def nearest(self, step: int) -> Moment | None:
        """The picture nearest to a step."""
        return min(self.moments, key=lambda m: abs(m.step - step), default=None)

    def _thin(self) -> None:
        """Keep first, last, and evenly what fits between."""
        moments, room = self.moments, self.room_bytes or MOMENTS_BYTES
        held = sum(_bytes(moment) for moment in moments)
        while len(moments) > MOST_MOMENTS or (held > room and len(moments) > 4):
            # The one whose neighbours are nearest to one another is missed least.
            gaps = [moments[i + 1].step - moments[i - 1].step for i in range(1, len(moments) - 1)]
            held -= _bytes(moments.pop(1 + gaps.index(min(gaps))))


def _bytes(moment: Moment) -> int:
    return moment.image.nbytes + sum(values.nbytes for values in moment.snapshot.noise)
