"""How well scores tell two classes apart, and whether probabilities mean what they say.

Owns ROC curves, the area under them with its bootstrap interval, thresholds, Brier score and
calibration error. Plain numbers in and out; knows no picture. NumPy only, any thread.

Source: Fawcett, "An introduction to ROC analysis"; Efron and Tibshirani, "An Introduction to the
Bootstrap" (percentile intervals); Naeini et al., "Obtaining Well Calibrated Probabilities Using
Bayesian Binning", for the expected calibration error.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latentstudio.errors import InputError

Numbers = NDArray[np.float64]
BINS = 10


@dataclass(frozen=True, eq=False)
class Roc:
    """A ROC curve.

    Attributes:
        false_positives: rates, rising from 0 to 1.
        true_positives: rates, rising from 0 to 1.
    """

    false_positives: Numbers
    true_positives: Numbers


@dataclass(frozen=True)
class Interval:
    """A number with the bounds of its 95 % interval."""

    value: float
    low: float
    high: float


def auc(positive: Numbers, negative: Numbers) -> float:
    """Chance that a positive scores above a negative; ties count half.

    Raises:
        InputError: a class is empty.
    """
    _check(positive, negative)
    ordered = np.sort(negative)
    below = np.searchsorted(ordered, positive, "left")
    not_above = np.searchsorted(ordered, positive, "right")
    return float((below + not_above).mean() / (2 * len(negative)))


def auc_interval(positive: Numbers, negative: Numbers, rounds: int = 1000, seed: int = 0) -> Interval:
    """The area with a percentile bootstrap over pictures, each class drawn anew.

    Where nothing overlaps every draw gives 1, so the lower bound is then what this many pictures
    can exclude at most: by the rule of three, one pair in n / 3 may be in the wrong order.
    """
    area = auc(positive, negative)
    random = np.random.default_rng(seed)
    drawn = np.array(
        [
            auc(random.choice(positive, len(positive)), random.choice(negative, len(negative)))
            for _ in range(rounds)
        ]
    )
    low, high = np.quantile(drawn, (0.025, 0.975))
    if low == 1.0:
        low = max(0.5, 1 - 3 / min(len(positive), len(negative)))
    return Interval(area, float(min(low, area)), float(max(high, area)))


def roc(positive: Numbers, negative: Numbers) -> Roc:
    """The ROC curve: one point for each distinct score, and (0, 0)."""
    _check(positive, negative)
    scores = np.concatenate([positive, negative])
    is_positive = np.arange(len(scores)) < len(positive)
    order = np.argsort(-scores, kind="stable")
    scores, is_positive = scores[order], is_positive[order]
    last_of_ties = np.append(np.flatnonzero(np.diff(scores)), len(scores) - 1)
    true = np.cumsum(is_positive)[last_of_ties] / len(positive)
    false = np.cumsum(~is_positive)[last_of_ties] / len(negative)
    return Roc(np.concatenate([[0.0], false]), np.concatenate([[0.0], true]))


def threshold_at(negative: Numbers, false_positive_rate: float) -> float:
    """The lowest score above which at most that share of the negatives lie.

    With fewer than 1 / rate negatives that is the highest of them.
    """
    allowed = int(np.floor(false_positive_rate * len(negative) + 1e-9))
    return float(np.sort(negative)[::-1][min(allowed, len(negative) - 1)])


def share_above(scores: Numbers, threshold: float) -> float:
    """Share of the scores strictly above a threshold; 0 for none."""
    return float((scores > threshold).mean()) if len(scores) else 0.0


def percentile(score: float, scores: Numbers) -> float:
    """Where a score lies among others, 0 to 100; ties count half."""
    if not len(scores):
        return float("nan")
    return float(100 * ((scores < score).mean() + (scores <= score).mean()) / 2)


def brier(probabilities: Numbers, labels: NDArray[np.bool_]) -> float:
    """Mean square difference between probabilities and what was true."""
    return float(np.square(probabilities - labels).mean())


@dataclass(frozen=True)
class Bin:
    """Pictures whose probabilities are alike.

    Attributes:
        probability: mean of what was said.
        share: share of them that were generated.
        count: how many.
    """

    probability: float
    share: float
    count: int


def calibration_curve(probabilities: Numbers, labels: NDArray[np.bool_], bins: int = BINS) -> tuple[Bin, ...]:
    """Said against true, in bins of equal width; empty bins are left out."""
    place = np.minimum((probabilities * bins).astype(int), bins - 1)
    return tuple(
        Bin(float(probabilities[own].mean()), float(labels[own].mean()), int(own.sum()))
        for own in (place == i for i in range(bins))
        if own.any()
    )


def expected_calibration_error(probabilities: Numbers, labels: NDArray[np.bool_], bins: int = BINS) -> float:
    """Mean distance between said and true over the bins, weighted by their pictures."""
    curve = calibration_curve(probabilities, labels, bins)
    total = sum(part.count for part in curve)
    return sum(abs(part.probability - part.share) * part.count for part in curve) / max(total, 1)


def calibration_floor(probabilities: Numbers, rounds: int = 200, seed: int = 0) -> float:
    """The calibration error that so many pictures show by chance though every probability is exact."""
    random = np.random.default_rng(seed)
    drawn = [random.random(len(probabilities)) < probabilities for _ in range(rounds)]
    return float(np.mean([expected_calibration_error(probabilities, labels) for labels in drawn]))


def _check(positive: Numbers, negative: Numbers) -> None:
    if not len(positive) or not len(negative):
        raise InputError("Comparing two classes needs pictures of both.")
