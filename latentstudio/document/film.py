"""A film: keyframes on a timeline, and the recipe of every moment between them.

Owns the frozen value and what editing it means; what lies between two recipes is told by `between`, how
films become files on disk by `film_file`. NumPy only, safe on any thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np

from latentstudio.document.between import recipe_between
from latentstudio.document.between_starts import CURVE, HOLD, LINEAR, PATHS, SPHERICAL, Moment
from latentstudio.document.recipe import Recipe
from latentstudio.errors import InputError
from latentstudio.latent.interpolation import curve_weights, eased, loop_weights

__all__ = ["CURVE", "HOLD", "LINEAR", "PATHS", "SPHERICAL", "Film", "Keyframe", "Segment"]

FRAME_RATE = 30.0
MAX_FRAMES = 1_000_000
MAX_RATE = 1000.0
MAX_KEYFRAMES = 10_000
NEGLIGIBLE = 1e-10


@dataclass(frozen=True)
class Keyframe:
    """A picture that the film passes exactly, and how it goes on from there.

    Attributes:
        frame: when, counted from 0.
        recipe: which picture.
        path: the way to the next keyframe: "curve" goes smoothly through several, in w; "linear" goes
            straight, in w; "spherical" goes round, in z, where both starts are one z; "hold" stays.
        easing: how time runs on that way, one of `EASINGS`.
    """

    frame: int
    recipe: Recipe
    path: str = CURVE
    easing: str = "linear"

    def __post_init__(self) -> None:
        if isinstance(self.frame, bool) or not isinstance(self.frame, int) or self.frame < 0:
            raise InputError(f"A keyframe can't stand at frame {self.frame!r}.", "Count frames from 0.")
        if self.path not in PATHS:
            raise InputError(f'There is no path "{self.path}".', f"Use {', '.join(PATHS)}.")
        eased(self.easing, 0)


@dataclass(frozen=True)
class Segment:
    """The way from one keyframe to the next.

    Attributes:
        left: index of the keyframe that begins it.
        right: index of the one that ends it.
        begin: frame of the first.
        end: frame of the second; on the way round a closed film it lies beyond the film's end.
    """

    left: int
    right: int
    begin: int
    end: int


@dataclass(frozen=True)
class Film:
    """Keyframes in order of time.

    Attributes:
        keyframes: at different frames; before the first one and after the last the film stands still,
            unless it is closed.
        length: frames in all.
        closed: whether the last keyframe leads back to the first, so that the film repeats seamlessly.
        frame_rate: frames per second.
        z_dim: length of the model's z, which paths on the sphere need; 0 where it is not known.
    """

    keyframes: tuple[Keyframe, ...]
    length: int
    closed: bool = False
    frame_rate: float = FRAME_RATE
    z_dim: int = 0

    def __post_init__(self) -> None:
        frames = [keyframe.frame for keyframe in self.keyframes]
        if not frames:
            raise InputError("A film needs a keyframe.")
        if len(frames) > MAX_KEYFRAMES or not 1 <= self.length <= MAX_FRAMES:
            raise InputError(f"A film has 1 to {MAX_FRAMES} frames and up to {MAX_KEYFRAMES} keyframes.")
        if any(a >= b for a, b in pairwise(frames)):
            raise InputError("Two keyframes stand at one frame, or not in order of time.")
        if frames[-1] >= self.length:
            raise InputError(f"A keyframe stands at frame {frames[-1]}, after the film's end.")
        if not np.isfinite(self.frame_rate) or not 0 < self.frame_rate <= MAX_RATE:
            raise InputError("The frame rate must be more than 0 and at most 1000 frames per second.")
        models = {k.recipe.model.sha256 for k in self.keyframes if k.recipe.model.sha256}
        if len(models) > 1:
            raise InputError("A film can't pass from one model to another.", "Make a film for each model.")

    # --- looking --------------------------------------------------------------------------------

    @property
    def duration_s(self) -> float:
        """How long it takes, in seconds."""
        return self.length / self.frame_rate

    @cached_property
    def segments(self) -> tuple[Segment, ...]:
        """The ways between keyframes in order; of a closed film also the one from the last to the first."""
        frames = [keyframe.frame for keyframe in self.keyframes]
        found = [Segment(i, i + 1, frames[i], frames[i + 1]) for i in range(len(frames) - 1)]
        if self.closed and len(frames) > 1:
            found.append(Segment(len(frames) - 1, 0, frames[-1], frames[0] + self.length))
        return tuple(found)

    def index_at(self, frame: float) -> int | None:
        """The keyframe that stands exactly there, or None."""
        return next((i for i, k in enumerate(self.keyframes) if k.frame == frame), None)

    def segment_at(self, frame: float) -> int | None:
        """The index of the segment that a frame lies in; None where the film stands still."""
        if self.closed and frame < self.keyframes[0].frame:
            frame += self.length
        return next((i for i, s in enumerate(self.segments) if s.begin <= frame < s.end), None)

    def recipe_at(self, frame: float) -> Recipe:
        """The picture of a moment; at a keyframe that keyframe's own recipe.

        Args:
            frame: 0 to `length`; it may lie between frames. A closed film goes on for ever.

        Raises:
            InputError: two keyframes can't be joined; holding the first one always works.
        """
        frame = float(frame) % self.length if self.closed else float(frame)
        index = self.index_at(frame)
        if index is not None:
            return self.keyframes[index].recipe
        place = self.segment_at(frame)
        if place is None:
            last = self.keyframes[-1]
            return (last if frame > last.frame else self.keyframes[0]).recipe
        return self._between(
            self.segments[place], frame + (self.length if frame < self.segments[place].begin else 0)
        )

    def _between(self, segment: Segment, frame: float) -> Recipe:
        left, right = self.keyframes[segment.left], self.keyframes[segment.right]
        if left.path == HOLD:
            return left.recipe
        t = eased(left.easing, (frame - segment.begin) / (segment.end - segment.begin))
        recipes: tuple[Recipe, ...]
        weights: tuple[float, ...]
        if left.path != CURVE:
            recipes, weights = (left.recipe, right.recipe), (1 - t, t)
        else:
            at = segment.begin + t * (segment.end - segment.begin)
            recipes, weights = self._on_curve(segment, at)
        return recipe_between(Moment(recipes, weights, left.recipe, right.recipe, t, left.path, self.z_dim))

    def _on_curve(self, segment: Segment, at: float) -> tuple[tuple[Recipe, ...], tuple[float, ...]]:
        """The keyframes of the curve that a segment belongs to, and their weights there."""
        count, segments = len(self.keyframes), self.segments
        if self.closed and all(k.path == CURVE for k in self.keyframes):
            knots = tuple(float(k.frame) for k in self.keyframes)
            weights = loop_weights(knots, float(self.length), at)
            # What is far below a float32's last place would only cost time.
            used = [
                i for i in range(count) if abs(weights[i]) > NEGLIGIBLE or i in (segment.left, segment.right)
            ]
            return (
                tuple(self.keyframes[i].recipe for i in used),
                tuple(float(weights[i]) for i in used),
            )
        # Neighbouring curved segments make one curve; it may run over the end of a closed film.
        first = last = segments.index(segment)
        while self._is_curved(first - 1):
            first -= 1
        while self._is_curved(last + 1):
            last += 1
        run = [segments[i % len(segments)] for i in range(first, last + 1)]
        stops: list[float] = []
        places: list[int] = []
        turn = 0
        for offset, piece in enumerate(run):
            # Frames rise along the run although the film begins again.
            if offset and piece.begin < run[offset - 1].begin:
                turn += self.length
            stops.append(float(piece.begin + turn))
            places.append(piece.left)
        stops.append(float(run[-1].end + turn))
        places.append(run[-1].right)
        own = segments.index(segment) - first
        at += stops[own] - segment.begin
        weights = curve_weights(tuple(stops), at)
        return tuple(self.keyframes[i].recipe for i in places), tuple(float(w) for w in weights)

    def _is_curved(self, place: int) -> bool:
        """Whether the segment at `place` exists and is part of a curve; negative places wrap round."""
        if not 0 <= place < len(self.segments) and not self.closed:
            return False
        return self.keyframes[self.segments[place % len(self.segments)].left].path == CURVE

    def recipes(self, frame_rate: float | None = None) -> Iterable[Recipe]:
        """The recipes of all frames, at the film's own rate or at another."""
        return (self.recipe_at(frame) for frame in self.moments(frame_rate))

    def moments(self, frame_rate: float | None = None) -> list[float]:
        """The places on the timeline of the pictures that a file of this rate holds."""
        rate = frame_rate or self.frame_rate
        if rate == self.frame_rate:
            return [float(frame) for frame in range(self.length)]
        count = max(1, round(self.length * rate / self.frame_rate))
        if count > MAX_FRAMES:
            raise InputError(f"At {rate:g} frames per second the film has more than {MAX_FRAMES} frames.")
        return [i * self.frame_rate / rate for i in range(count)]

    # --- editing --------------------------------------------------------------------------------

    def changed(self, **changes: object) -> Film:
        """A copy with some fields replaced."""
        return replace(self, **changes)  # type: ignore[arg-type]

    def with_keyframe(self, keyframe: Keyframe) -> Film:
        """A copy with a keyframe more, in place of one at the same frame; the film grows to hold it."""
        others = [k for k in self.keyframes if k.frame != keyframe.frame]
        length = max(self.length, keyframe.frame + 1)
        return replace(self, keyframes=_ordered([*others, keyframe]), length=length)

    def without(self, index: int) -> Film:
        """A copy without one keyframe.

        Raises:
            InputError: it is the only one.
        """
        if len(self.keyframes) == 1:
            raise InputError("A film needs a keyframe.", "Remove the film to begin anew.")
        return replace(self, keyframes=self.keyframes[:index] + self.keyframes[index + 1 :])

    def replaced(self, index: int, **changes: object) -> Film:
        """A copy with some fields of one keyframe replaced; its frame moves with `moved`."""
        keyframes = list(self.keyframes)
        keyframes[index] = replace(keyframes[index], **changes)  # type: ignore[arg-type]
        return replace(self, keyframes=tuple(keyframes))

    def moved(self, index: int, frame: int) -> Film:
        """A copy with one keyframe at another time, kept between its neighbours; the film may grow."""
        low = self.keyframes[index - 1].frame + 1 if index else 0
        is_last = index == len(self.keyframes) - 1
        high = MAX_FRAMES - 1 if is_last else self.keyframes[index + 1].frame - 1
        frame = min(max(frame, low), high)
        keyframes = list(self.keyframes)
        keyframes[index] = replace(keyframes[index], frame=frame)
        return replace(self, keyframes=tuple(keyframes), length=max(self.length, frame + 1))

    def stretched(self, length: int) -> Film:
        """A copy of another length with its keyframes moved in proportion, as far as they keep apart."""
        length = min(max(length, len(self.keyframes)), MAX_FRAMES)
        frames: list[int] = []
        count = len(self.keyframes)
        for i, keyframe in enumerate(self.keyframes):
            wanted = round(keyframe.frame * length / self.length)
            low = frames[-1] + 1 if frames else 0
            frames.append(min(max(wanted, low), length - count + i))
        keyframes = tuple(replace(k, frame=f) for k, f in zip(self.keyframes, frames, strict=True))
        return replace(self, keyframes=keyframes, length=length)


def _ordered(keyframes: Sequence[Keyframe]) -> tuple[Keyframe, ...]:
    return tuple(sorted(keyframes, key=lambda keyframe: keyframe.frame))
