"""Paths between latents: weights along a line, a sphere or a smooth curve, and the easing of time.

Owns the arithmetic only; what is weighted belongs to whoever asks. NumPy only, any thread.

Sources: Shoemake, "Animating Rotation with Quaternion Curves", for the path on the sphere; de Boor, "A
Practical Guide to Splines", chapter IV, for the cubic with not-a-knot ends; the published gen_video.py for
closed loops (the sequence of keyframes is repeated twice on both sides).
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from latentstudio.errors import InputError

Array = NDArray[np.float32]
Weights = NDArray[np.float64]

# How often the published tool repeats a loop on each side.
WRAPS = 2
# A keyframe so many places away weighs less than 1e-17: more repetitions change nothing.
REACH = 32
# Below this sine two vectors are as good as parallel, and the sphere has no one way between them.
PARALLEL = 1e-6

EASINGS: dict[str, Callable[[float], float]] = {
    "linear": lambda t: t,
    "ease in": lambda t: t * t * t,
    "ease out": lambda t: 1 - (1 - t) ** 3,
    "ease in and out": lambda t: t * t * (3 - 2 * t),
    "slow in the middle": lambda t: 0.5 + 4 * (t - 0.5) ** 3,
}


def eased(name: str, t: float) -> float:
    """Where a segment stands when the part `t` of its time has passed.

    Args:
        name: one of `EASINGS`; each begins at 0, ends at 1 and never turns back.
        t: 0 to 1; what lies outside counts as the end.

    Raises:
        InputError: there is no such easing.
    """
    if name not in EASINGS:
        raise InputError(f'There is no easing "{name}".', f"Use {', '.join(EASINGS)}.")
    return EASINGS[name](min(max(t, 0.0), 1.0))


def angle_between(a: Array, b: Array) -> float:
    """The angle of two vectors, in radians; a right angle where one of them is zero."""
    a64, b64 = a.astype(np.float64).ravel(), b.astype(np.float64).ravel()
    lengths = float(np.linalg.norm(a64) * np.linalg.norm(b64))
    if lengths == 0:
        return math.pi / 2
    return math.acos(min(max(float(a64 @ b64) / lengths, -1.0), 1.0))


def slerp_weights(
    t: float, angle: float = math.pi / 2, length_a: float = 1.0, length_b: float = 1.0
) -> tuple[float, float]:
    """The weights of two vectors on the way from one to the other along the sphere.

    The direction turns at even speed and the length goes evenly from one's to the other's.

    Args:
        t: 0 is the first vector, 1 the second.
        angle: between them, in radians.
        length_a: of the first vector.
        length_b: of the second.

    Source: Shoemake, "Animating Rotation with Quaternion Curves", section 3.3.
    """
    sine = math.sin(angle)
    if t <= 0 or t >= 1 or sine < PARALLEL or length_a == 0 or length_b == 0:
        return 1.0 - t, t
    length = (1 - t) * length_a + t * length_b
    return (
        length / length_a * math.sin((1 - t) * angle) / sine,
        length / length_b * math.sin(t * angle) / sine,
    )


def slerp(a: Array, b: Array, t: float) -> Array:
    """The vector on the way from `a` to `b` along the sphere, of their shape; see `slerp_weights`."""
    lengths = float(np.linalg.norm(a)), float(np.linalg.norm(b))
    of_a, of_b = slerp_weights(t, angle_between(a, b), *lengths)
    return np.asarray(of_a * a.astype(np.float64) + of_b * b.astype(np.float64), np.float32)


def curve_weights(knots: Sequence[float], x: float) -> Weights:
    """What each of several values weighs at `x` on the smooth curve through all of them.

    Args:
        knots: rising positions of the values; two make a line, three a parabola, more a cubic spline
            whose first two and last two pieces are one polynomial each.
        x: a position; outside the knots the end counts.

    Returns:
        float64 (len(knots),), summing to 1; at a knot that value alone.
    """
    knots = tuple(float(knot) for knot in knots)
    if len(knots) == 1:
        return np.ones(1)
    x = min(max(x, knots[0]), knots[-1])
    if x in knots:
        return np.asarray(np.eye(len(knots))[knots.index(x)])
    if len(knots) < 4:
        return _lagrange(knots, x)
    left = bisect_right(knots, x) - 1
    width = knots[left + 1] - knots[left]
    a, b = (knots[left + 1] - x) / width, (x - knots[left]) / width
    bends = _bends(knots)
    weights = ((a**3 - a) * bends[left] + (b**3 - b) * bends[left + 1]) * (width * width / 6)
    weights[left] += a
    weights[left + 1] += b
    return np.asarray(weights)


def loop_weights(knots: Sequence[float], length: float, x: float) -> Weights:
    """What each value weighs at `x` on the smooth closed curve through all of them.

    Args:
        knots: rising positions within one turn.
        length: of a turn; the first value returns at `knots[0] + length`.
        x: a position in `[knots[0], knots[0] + length)`.

    Returns:
        float64 (len(knots),), summing to 1.

    Source: the published gen_video.py: `interp1d(kind="cubic")` over five turns, of which the middle one
    is used.
    """
    count = len(knots)
    sides = min(WRAPS * count, max(REACH, count))
    places = range(-sides, count + sides)
    unrolled = tuple(knots[i % count] + (i // count) * length for i in places)
    weights = np.zeros(count)
    np.add.at(weights, [i % count for i in places], curve_weights(unrolled, x))
    return weights


def _lagrange(knots: tuple[float, ...], x: float) -> Weights:
    """The polynomial through two or three values."""
    weights = np.ones(len(knots))
    for i, own in enumerate(knots):
        for j, other in enumerate(knots):
            if i != j:
                weights[i] *= (x - other) / (own - other)
    return weights


@lru_cache(maxsize=32)
def _bends(knots: tuple[float, ...]) -> Weights:
    """The second derivatives at the knots as a matrix on the values, (n, n).

    Source: de Boor, "A Practical Guide to Splines", chapter IV, equations for a cubic with equal second
    derivatives at the joints, closed by the not-a-knot condition.
    """
    n, x = len(knots), np.array(knots)
    h = np.diff(x)
    left, right = np.zeros((n, n)), np.zeros((n, n))
    inner = np.arange(1, n - 1)
    left[inner, inner - 1] = h[:-1]
    left[inner, inner] = 2 * (h[:-1] + h[1:])
    left[inner, inner + 1] = h[1:]
    right[inner, inner - 1] = 6 / h[:-1]
    right[inner, inner] = -6 / h[:-1] - 6 / h[1:]
    right[inner, inner + 1] = 6 / h[1:]
    # The third derivative does not jump at the second knot and at the last but one.
    left[0, :3] = -h[1], h[0] + h[1], -h[0]
    left[-1, -3:] = -h[-1], h[-2] + h[-1], -h[-2]
    return np.asarray(np.linalg.solve(left, right))
