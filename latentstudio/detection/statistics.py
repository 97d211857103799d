"""Numbers drawn from one projection that tell a generator's own pictures from others.

Owns `Evidence`, what a projection leaves to judge by, and the table of statistics: one entry and one
function each, in the words the report uses. Low values speak for the generator in most of them; the
calibration learns which and how much. NumPy only, any thread.

Source: the comparison of a picture with its projection is section 5 of Karras et al., "Analyzing and
Improving the Image Quality of StyleGAN"; the statistics beside the distance are ours.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from latentstudio.detection.degradations import CLEAN, degrade

# What may have happened to a picture after the generator made it.
EXPLANATIONS = (
    *("jpeg95", "jpeg85", "jpeg75", "jpeg65", "jpeg50", "jpeg35"),
    *("resize1.5", "resize2", "resize2.5", "resize4"),
    *("blur0.5", "blur0.7", "blur1", "blur1.4"),
)
# Below this mean square, in levels of 255, rounding to whole levels is all that is seen.
FLOOR = 1 / 12
BLOCKS = 8


@dataclass(frozen=True, eq=False)
class Evidence:
    """One picture and what its projection gave.

    Attributes:
        target: uint8 (H, W, 3), the picture at the generator's size.
        resynthesis: uint8 (H, W, 3), the generator's closest picture in W.
        freer: uint8 (H, W, 3), the closest in W+, reached from there.
        curve: (steps,), the distance at each step in W.
        distance: the named distance at the end in W.
        further: (steps + 1,), mean square difference, in levels of 255, before and after each further step,
            seen through the softening that explains most; empty where there were none.
        nearest: mean square difference, in levels of 255, to the nearest of some of the generator's
            samples.
        ws: float32 (num_ws, w_dim), the latent in W.
        restarts: the distances that each restart ended with.
        critic: what the model's own discriminator says of the picture and of the resynthesis, where the
            checkpoint holds one; higher is more like what it was trained on.
    """

    target: NDArray[np.uint8]
    resynthesis: NDArray[np.uint8]
    freer: NDArray[np.uint8]
    curve: NDArray[np.float32]
    distance: float
    nearest: float
    ws: NDArray[np.float32]
    further: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    restarts: tuple[float, ...] = ()
    critic: tuple[float, float] | None = None

    @cached_property
    def explanation(self) -> tuple[str, NDArray[np.uint8]]:
        """The degradation that brings the resynthesis nearest to the picture, and what it makes of it."""
        tried = [(CLEAN, self.resynthesis)]
        tried += [(name, degrade(self.resynthesis, name)) for name in EXPLANATIONS]
        return min(tried, key=lambda one: mean_square(self.target, one[1]))

    @property
    def explained(self) -> NDArray[np.uint8]:
        """The resynthesis, uint8 (H, W, 3), after that degradation."""
        return self.explanation[1]


@dataclass(frozen=True, eq=False)
class WSpread:
    """Where a generator's own w's lie.

    Attributes:
        mean: float64 (w_dim,).
        axes: float64 (w_dim, k), principal axes divided by their spread.
    """

    mean: NDArray[np.float64]
    axes: NDArray[np.float64]

    @classmethod
    def of(cls, w: NDArray[np.float32]) -> WSpread:
        """The spread of samples (N, w_dim), along the axes that carry 99.9 % of it."""
        centred = w.astype(np.float64) - w.mean(0, dtype=np.float64)
        values, vectors = np.linalg.eigh(centred.T @ centred / len(w))
        values, vectors = values[::-1], vectors[:, ::-1]
        share = np.cumsum(np.maximum(values, 0)) / max(float(np.maximum(values, 0).sum()), 1e-30)
        kept = int(np.searchsorted(share, 0.999)) + 1
        scale = np.sqrt(np.maximum(values[:kept], 1e-20))
        return cls(w.mean(0, dtype=np.float64), vectors[:, :kept] / scale)

    def depth(self, ws: NDArray[np.float32]) -> float:
        """How far w is from the mean, in standard deviations an axis; about 1 for own samples."""
        along = (ws.mean(0, dtype=np.float64) - self.mean) @ self.axes
        return float(np.sqrt((along**2).mean()))


class Statistic(NamedTuple):
    """One number.

    Attributes:
        words: what it is, for people.
        measure: the number, given the evidence and the spread of the generator's w.
    """

    words: str
    measure: Callable[[Evidence, WSpread], float]


def measure(evidence: Evidence, spread: WSpread, names: Sequence[str] | None = None) -> dict[str, float]:
    """The statistics by name; every value is finite.

    By default all of them, but for the discriminator's where the checkpoint holds none.
    """
    if names is None:
        names = [name for name in STATISTICS if evidence.critic is not None or name not in CRITICS]
    return {name: _finite(STATISTICS[name].measure(evidence, spread)) for name in names}


def mean_square(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Mean square difference in levels of 255, not below that of rounding."""
    return max(float(np.square(a.astype(np.float32) - b.astype(np.float32)).mean()), FLOOR)


def _finite(value: float) -> float:
    return float(np.clip(np.nan_to_num(value, nan=0.0, posinf=1e6, neginf=-1e6), -1e6, 1e6))


def _decibels(power: float) -> float:
    return 10 * math.log10(max(power, 1e-12))


def _distance(e: Evidence, spread: WSpread) -> float:
    return _decibels(e.distance)


def _pixels(e: Evidence, spread: WSpread) -> float:
    return _decibels(mean_square(e.target, e.resynthesis))


def _explained(e: Evidence, spread: WSpread) -> float:
    """What no usual degradation of the resynthesis explains."""
    return _decibels(mean_square(e.target, e.explained))


def _texture(e: Evidence, spread: WSpread) -> float:
    """The picture's own fine detail sets what a miss is worth."""
    return _explained(e, spread) - _decibels(max(_detail(e.target), FLOOR))


def _detail_gap(e: Evidence, spread: WSpread) -> float:
    return _decibels(max(_detail(e.target), FLOOR)) - _decibels(max(_detail(e.resynthesis), FLOOR))


def _detail_left(e: Evidence, spread: WSpread) -> float:
    return _decibels(max(_detail(e.target), FLOOR)) - _decibels(max(_detail(e.explained), FLOOR))


def _coarse(e: Evidence, spread: WSpread) -> float:
    """The miss after halving both pictures: what compression and resizing leave alone."""
    return _decibels(max(float(np.square(_halved(e.target) - _halved(e.explained)).mean()), FLOOR / 4))


def _coarsest(e: Evidence, spread: WSpread) -> float:
    a, b = _halved(_halved(e.target)), _halved(_halved(e.explained))
    return _decibels(max(float(np.square(a - b).mean()), FLOOR / 16))


def _worst(e: Evidence, spread: WSpread) -> float:
    """The worst of 8 x 8 patches: a generator's own picture is missed evenly, others in places."""
    return _decibels(max(float(_patches(e).max()), FLOOR))


def _uneven(e: Evidence, spread: WSpread) -> float:
    patches = np.maximum(_patches(e), FLOOR)
    return _decibels(float(patches.max())) - _decibels(float(np.median(patches)))


def _structure(e: Evidence, spread: WSpread) -> float:
    """How alike neighbouring differences are: noise and compression are not, missed shapes are."""
    rest = e.target.astype(np.float32) - e.explained
    rest -= rest.mean((0, 1))
    power = max(float(np.square(rest).mean()), 1e-6)
    across = float((rest[:, 1:] * rest[:, :-1]).mean())
    return (across + float((rest[1:] * rest[:-1]).mean())) / (2 * power)


def _gain(e: Evidence, spread: WSpread) -> float:
    """How much closer than the nearest of some samples the projection came."""
    return _explained(e, spread) - _decibels(max(e.nearest, FLOOR))


def _still_falling(e: Evidence, spread: WSpread) -> float:
    """The fall of the last third of the curve: own pictures keep coming closer."""
    return _last_third(e.curve)


def _further(e: Evidence, spread: WSpread) -> float:
    """What the further steps gained."""
    curve = np.maximum(np.asarray(e.further, np.float64), FLOOR)
    return _decibels(float(curve[-1])) - _decibels(float(curve[0])) if len(curve) else 0.0


def _further_falling(e: Evidence, spread: WSpread) -> float:
    return _last_third(np.maximum(e.further, FLOOR))


def _last_third(values: NDArray[np.float32]) -> float:
    curve = np.maximum(np.asarray(values, np.float64), 1e-12)
    if len(curve) < 3:
        return 0.0
    return _decibels(float(curve[-1])) - _decibels(float(curve[-1 - len(curve) // 3]))


def _freedom(e: Evidence, spread: WSpread) -> float:
    """What W+ gains over W: little where W holds the picture already."""
    return _explained(e, spread) - _freest(e, spread)


def _freest(e: Evidence, spread: WSpread) -> float:
    return _decibels(mean_square(e.target, degrade(e.freer, e.explanation[0])))


def _softness(e: Evidence, spread: WSpread) -> float:
    """How much fine detail the explanation takes away: what happened to the photo."""
    return _decibels(max(_detail(e.explained), FLOOR)) - _decibels(max(_detail(e.resynthesis), FLOOR))


def _depth(e: Evidence, spread: WSpread) -> float:
    return spread.depth(e.ws)


def _agreement(e: Evidence, spread: WSpread) -> float:
    """How far restarts end apart; 0 where there is one."""
    if len(e.restarts) < 2:
        return 0.0
    return _decibels(max(e.restarts)) - _decibels(min(e.restarts))


def _critic(e: Evidence, spread: WSpread) -> float:
    return e.critic[0] if e.critic else 0.0


def _critic_gap(e: Evidence, spread: WSpread) -> float:
    return e.critic[0] - e.critic[1] if e.critic else 0.0


CRITICS = ("critic", "critic_gap")
STATISTICS: Mapping[str, Statistic] = {
    "distance": Statistic("the named distance to the resynthesis", _distance),
    "pixels": Statistic("mean square difference in pixels", _pixels),
    "explained": Statistic("the difference that compression, resizing or blur don't explain", _explained),
    "texture": Statistic("what isn't explained relative to the picture's own fine detail", _texture),
    "detail": Statistic("fine detail the resynthesis lacks", _detail_gap),
    "detail_left": Statistic("fine detail it lacks after what explains most", _detail_left),
    "coarse": Statistic("what isn't explained at half size", _coarse),
    "coarsest": Statistic("what isn't explained at a quarter of the size", _coarsest),
    "worst": Statistic("what isn't explained in the worst patch", _worst),
    "uneven": Statistic("how unevenly that is spread", _uneven),
    "structure": Statistic("how alike neighbouring differences are", _structure),
    "gain": Statistic("how much closer than the nearest sample it came", _gain),
    "falling": Statistic("whether the distance was still falling at the end", _still_falling),
    "further": Statistic("what further steps gained that looked through a softening", _further),
    "further_falling": Statistic("whether those still gained at their end", _further_falling),
    "softness": Statistic("how much fine detail the explanation takes away", _softness),
    "freedom": Statistic("what W+ gains over W", _freedom),
    "freest": Statistic("what isn't explained in W+", _freest),
    "depth": Statistic("distance of w from the mean", _depth),
    "agreement": Statistic("how far restarts end apart", _agreement),
    "critic": Statistic("the score of the model's own discriminator", _critic),
    "critic_gap": Statistic("that score against the resynthesis's", _critic_gap),
}


def _detail(picture: NDArray[np.uint8]) -> float:
    """Mean square of the fine detail: each pixel against the mean of its four neighbours."""
    p = picture.astype(np.float32)
    around = (p[:-2, 1:-1] + p[2:, 1:-1] + p[1:-1, :-2] + p[1:-1, 2:]) / 4
    return float(np.square(p[1:-1, 1:-1] - around).mean())


def _halved(picture: NDArray[np.generic]) -> NDArray[np.float32]:
    height, width = picture.shape[0] // 2 * 2, picture.shape[1] // 2 * 2
    p = picture[:height, :width].astype(np.float32)
    return np.asarray((p[::2, ::2] + p[1::2, ::2] + p[::2, 1::2] + p[1::2, 1::2]) / 4, np.float32)


def _patches(e: Evidence) -> NDArray[np.float64]:
    """Mean square difference of the BLOCKS x BLOCKS patches of a picture."""
    error = np.square(e.target.astype(np.float64) - e.explained).mean(2)
    rows = [part.mean(0) for part in np.array_split(error, min(BLOCKS, len(error)))]
    return np.array(
        [part.mean(1) for part in np.array_split(np.stack(rows), min(BLOCKS, error.shape[1]), axis=1)]
    )
