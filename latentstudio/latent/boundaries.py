"""Directions from examples: what "has it" and what "has it not".

Owns fitting and its honest score, the choice of extremes by a score, and removing one direction from
another. Arrays only; scikit-learn is loaded on first use. Any thread.

Sources: Shen et al., "Interpreting the Latent Space of GANs for Semantic Face Editing" (linear
boundaries, the top and bottom 2 %, conditional manipulation in section 3.3); Radford et al.,
"Unsupervised Representation Learning with DCGANs", section 6.3.2 (difference of means).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latentstudio.errors import InputError
from latentstudio.latent.directions import Direction
from latentstudio.latent.spaces import Latent

Array = NDArray[np.float32]
TRAIN_SHARE = 0.7
METHODS = ("mean difference", "linear SVM")


@dataclass(frozen=True)
class Fit:
    """A direction and how far to trust it.

    Attributes:
        normal: float32 (dim,), unit length, from "has it not" to "has it".
        sigma: standard deviation of the examples along it.
        accuracy: share of held-out examples on the right side; None where there were too few to hold
            any out.
        held_out: how many examples that is measured on.
    """

    normal: Array
    sigma: float
    accuracy: float | None
    held_out: int

    def as_direction(self, name: str, space: str) -> Direction:
        """A slider's direction; one unit of it is one standard deviation of the examples."""
        return Direction(name, space, Latent(self.normal), self.sigma, "examples")


def fit_boundary(has: Array, has_not: Array, method: str = "linear SVM", seed: int = 0) -> Fit:
    """Fit a direction between two sets of latents.

    Args:
        has: (n, dim) latents whose pictures have it.
        has_not: (m, dim) latents whose pictures have it not.
        method: "mean difference" or "linear SVM".
        seed: for the split into 70 % to fit and 30 % to score.

    Returns:
        The direction fitted on all examples; its accuracy is that of a fit on 70 % of them, measured
        on the rest.

    Raises:
        InputError: a set is empty, the sets have different dimensions, or they are the same points.
    """
    if method not in METHODS:
        raise InputError(f'There is no method "{method}".', f"Use {METHODS[0]} or {METHODS[1]}.")
    has, has_not = np.atleast_2d(has), np.atleast_2d(has_not)
    if has.shape[0] == 0 or has_not.shape[0] == 0 or has.shape[1] != has_not.shape[1]:
        raise InputError("Mark at least one picture that has it and one that has it not.")
    normal, _ = _fit(has, has_not, method)
    accuracy, held_out = _held_out_accuracy(has, has_not, method, seed)
    spread = float(np.concatenate([has - has.mean(0), has_not - has_not.mean(0)]).dot(normal).std())
    # Two single examples have no spread: the way from one to the other is then the unit.
    sigma = spread if spread > 1e-6 else float((has.mean(0) - has_not.mean(0)) @ normal)
    return Fit(normal, sigma, accuracy, held_out)


def extremes(scores: NDArray[np.floating], share: float = 0.02) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Indices of the highest and of the lowest scores.

    Args:
        scores: (n,).
        share: part of all at each end, at most one half; at least one example is taken.
    """
    if not 0 < share <= 0.5:
        raise InputError("The share of extremes must be above 0 and at most one half.")
    count = max(1, min(int(len(scores) * share), len(scores) // 2))
    order = np.argsort(scores, kind="stable")
    return order[::-1][:count], order[:count]


def without(direction: Array, others: Sequence[Array]) -> Array:
    """The part of a direction that leaves the others alone, of unit length.

    Args:
        direction: (dim,).
        others: directions to remove; they need not be orthogonal.

    Raises:
        InputError: nothing is left: the direction lies within the others.
    """
    result = direction.astype(np.float64) / max(float(np.linalg.norm(direction)), 1e-12)
    if others:
        basis = np.stack([o.astype(np.float64) for o in others])
        # Least squares solves the Gram system, and stands two equal directions.
        result = result - np.linalg.lstsq(basis.T, result, rcond=None)[0] @ basis
    length = float(np.linalg.norm(result))
    if length < 1e-6:
        raise InputError("Nothing is left: the direction is a combination of those to remove.")
    return (result / length).astype(np.float32)


def cosine(a: Array, b: Array) -> float:
    """Cosine of the angle between two directions of any length."""
    return float(np.dot(a, b) / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-12))


def _fit(has: Array, has_not: Array, method: str) -> tuple[Array, float]:
    """Unit normal and threshold along it."""
    center_has, center_not = has.mean(0), has_not.mean(0)
    difference = (center_has - center_not).astype(np.float64)
    if method == METHODS[1] and len(has) + len(has_not) > 2:
        from sklearn.svm import LinearSVC

        x = np.concatenate([has, has_not]).astype(np.float64)
        y = np.repeat([1, 0], [len(has), len(has_not)])
        scale = max(float(x.std()), 1e-12)
        machine = LinearSVC(C=1.0, dual="auto", max_iter=20_000, random_state=0, tol=1e-4)
        machine.fit((x - x.mean(0)) / scale, y)
        weights = machine.coef_[0]
        length = float(np.linalg.norm(weights))
        if length > 1e-9:
            normal = (weights / length).astype(np.float32)
            offset = float(x.mean(0) @ normal) - float(machine.intercept_[0]) * scale / length
            return normal, offset
    length = float(np.linalg.norm(difference))
    if length < 1e-9:
        raise InputError("The two sets can't be told apart: their means are the same.")
    normal = (difference / length).astype(np.float32)
    return normal, float((center_has + center_not) @ normal) / 2


def _held_out_accuracy(has: Array, has_not: Array, method: str, seed: int) -> tuple[float | None, int]:
    random = np.random.default_rng(seed)
    parts = []
    for group in (has, has_not):
        order = random.permutation(len(group))
        cut = round(TRAIN_SHARE * len(group))
        parts.append((group[order[:cut]], group[order[cut:]]))
    (train_a, test_a), (train_b, test_b) = parts
    if min(len(train_a), len(train_b), len(test_a), len(test_b)) == 0:
        return None, 0
    normal, threshold = _fit(train_a, train_b, method)
    right = int((test_a @ normal > threshold).sum() + (test_b @ normal <= threshold).sum())
    total = len(test_a) + len(test_b)
    return right / total, total
