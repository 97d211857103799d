"""Photographs that are inverted together: what each of them aims at, how far it is, what was found.

Owns which of them a progress or a result is about, and which of them go on. No widget. GUI thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from latentstudio.document.recipe import Recipe
from latentstudio.engine.pace import Pace
from latentstudio.gui.photo.framed import FramedPhoto
from latentstudio.gui.photo.run import MOMENTS_BYTES, Run
from latentstudio.gui.words import seconds_words
from latentstudio.inversion.options import DEFAULT_STEPS, ProjectionOptions
from latentstudio.inversion.projection import Checkpoint, Projection, ProjectionProgress
from latentstudio.inversion.target import Target


@dataclass(eq=False)
class Part:
    """One of the photographs.

    Attributes:
        photo: it, as it lay on the desk.
        target: what was in its frame.
        run: how it goes.
        result: what was found; None so far.
        recipe: the picture that this became; None so far.
    """

    photo: FramedPhoto
    target: Target
    run: Run
    result: Projection | None = None
    recipe: Recipe | None = None


class Batch:
    """Photographs of one inversion.

    Args:
        photos: them.
        targets: what is in their frames.
        options: how.
    """

    def __init__(
        self, photos: Sequence[FramedPhoto], targets: Sequence[Target], options: ProjectionOptions
    ) -> None:
        self.options = options
        room = MOMENTS_BYTES // max(1, len(photos))
        pairs = zip(photos, targets, strict=True)
        self.parts = [Part(photo, target, Run(target, options, room_bytes=room)) for photo, target in pairs]
        self._going = list(range(len(self.parts)))
        self._pace = Pace()
        self._left_s: float | None = None
        self._at = (0, 0)

    @property
    def going(self) -> list[Part]:
        """Those under way, in the order of the job's results."""
        return [self.parts[i] for i in self._going]

    @property
    def checkpoints(self) -> list[Checkpoint | None]:
        """For each of those under way, where it goes on from."""
        return [None if part.result is None else part.result.checkpoint for part in self.going]

    @property
    def is_done(self) -> bool:
        """Whether something was found."""
        return any(part.result is not None for part in self.parts)

    def part_of(self, photo: FramedPhoto | None) -> Part | None:
        """The part of a photograph, where it has one."""
        return next((part for part in self.parts if part.photo is photo), None)

    # --- while it runs --------------------------------------------------------------------------

    def take(self, progress: ProjectionProgress) -> None:
        """One more progress."""
        self._left_s = self._pace.update(progress.step, progress.steps).left_s
        start, stop = self._at = progress.photos
        for i, part in enumerate(self.going[start:stop]):
            part.run.take(progress, i)

    def take_results(self, projections: Sequence[Projection]) -> list[Part]:
        """What the job has found; those parts, in order. Stopped early, it has not begun with all."""
        found = self.going[: len(projections)]
        for part, projection in zip(found, projections, strict=True):
            part.result = projection
        return found

    def share(self, part: Part) -> float:
        """How far one is, 0..1."""
        if part.result is not None and part not in self.going:
            return 1.0
        return min(1.0, part.run.step / max(1, part.run.steps))

    def words(self) -> str:
        """How all of them go, for a person; nothing for one alone."""
        count, (start, stop) = len(self._going), self._at
        if count < 2:
            return ""
        if stop - start == count:
            return f"{count} photos together"
        which = f"Photo {start + 1} of {count}"
        if stop - start > 1:
            which = f"Photos {start + 1} to {stop} of {count}"
        left = "" if self._left_s is None else f" · all in {seconds_words(self._left_s)}"
        return which + left

    # --- and on ---------------------------------------------------------------------------------

    @property
    def goes_on(self) -> bool:
        """Whether it can be continued."""
        return bool(self._unfinished()) or all(_can_go_on(part) for part in self.parts)

    def go_on(self) -> None:
        """Those that are not finished go on; where all are, all of them get as many steps again."""
        unfinished = self._unfinished()
        if not unfinished:
            done = max(_steps_done(part) for part in self.parts)
            self.options = self.options.changed(steps=done + DEFAULT_STEPS[self.options.method])
            unfinished = list(range(len(self.parts)))
        self._going = unfinished
        self._pace, self._left_s, self._at = Pace(), None, (0, 0)
        for part in self.going:
            before = part.run
            part.run = Run(part.target, self.options, room_bytes=before.room_bytes)
            if part.result is not None:
                part.run.terms, part.run.moments, part.run.step = before.terms, before.moments, before.step

    def _unfinished(self) -> list[int]:
        if not self.is_done:
            return []
        total = self.options.total_steps
        return [
            i
            for i, part in enumerate(self.parts)
            if part.result is None or (_can_go_on(part) and _steps_done(part) < total)
        ]


def _can_go_on(part: Part) -> bool:
    return part.result is not None and part.result.checkpoint is not None


def _steps_done(part: Part) -> int:
    result = part.result
    return 0 if result is None or result.checkpoint is None else result.checkpoint.step
