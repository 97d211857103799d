"""From statistics to calibrated log-odds: a small logistic model of them and their squares.

Owns the fit and the log-odds of new pictures. A statistic may speak for the generator in the middle of its
range and against it on both sides: that is what squares are for. Groups keep the degraded copies of one
picture together, so that no copy is scored by a model that has seen another. NumPy only, any thread.

Source: Hastie, Tibshirani and Friedman, "The Elements of Statistical Learning", sections 3.3 (forward
selection), 4.4 (logistic regression) and 7.10 (cross-validation); Platt, "Probabilistic Outputs for
Support Vector Machines", for scaling out-of-fold scores.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latentstudio.errors import InputError

Numbers = NDArray[np.float64]
Labels = NDArray[np.bool_]
FOLDS = 5
STRENGTHS = (0.003, 0.03, 0.3, 3.0)  # inverse weights of the L2 penalty that are tried
# A further statistic must lower the cross-validated log loss by this share to be taken in.
LEAST_GAIN, CHOOSING, MOST = 0.02, 0.03, 8
# A value this share of the range beyond what was seen lies outside.
MARGIN = 0.1
FEWEST = 10
NEWTON_STEPS = 50


@dataclass(frozen=True, eq=False)
class LogOdds:
    """A fitted model: statistics in, log-odds at even prior out.

    Attributes:
        names: the statistics it reads, in order.
        mean: of each over the pictures it was fitted to.
        scale: spread of each.
        weights: on the scaled statistics.
        bends: on their squares.
        bias: constant.
        low: smallest value of each that was seen; smaller ones are read as this.
        high: largest value of each that was seen.
        limit: see `capped`.
    """

    names: tuple[str, ...]
    mean: Numbers
    scale: Numbers
    weights: Numbers
    bends: Numbers
    bias: float
    low: Numbers
    high: Numbers
    limit: float

    def __call__(self, values: Numbers) -> Numbers:
        """Scores (N,), log-odds at even prior, of statistics (N, len(names))."""
        scaled = (np.clip(values, self.low, self.high) - self.mean) / self.scale
        scores: Numbers = scaled @ self.weights + scaled**2 @ self.bends + self.bias
        return scores

    def capped(self, scores: Numbers) -> Numbers:
        """Scores (N,) no farther from 0 than this many pictures can support: what a chance is made of."""
        return np.clip(scores, -self.limit, self.limit)

    def outside(self, values: Numbers) -> tuple[str, ...]:
        """Names of the statistics (len(names),) outside what was seen, by more than a margin."""
        margin = (self.high - self.low) * MARGIN
        is_out = (values < self.low - margin) | (values > self.high + margin)
        return tuple(name for name, out in zip(self.names, is_out, strict=True) if out)


def fit(values: Numbers, labels: Labels, groups: NDArray[np.int64], names: Sequence[str]) -> LogOdds:
    """Fit log-odds to statistics.

    Args:
        values: (N, len(names)).
        labels: (N,), True for generated.
        groups: (N,), one number for all copies of one picture.
        names: of the columns.

    Raises:
        InputError: fewer than ten pictures of a class.
    """
    check_sizes(labels, groups)
    return _fit(values, labels, groups, names)


def _fit(values: Numbers, labels: Labels, groups: NDArray[np.int64], names: Sequence[str]) -> LogOdds:
    mean, scale = values.mean(0), np.maximum(values.std(0), 1e-9)
    both, middle, spread = _with_squares((values - mean) / scale)
    tried = {c: out_of_fold(both, labels, groups, c) for c in STRENGTHS}
    strength = min(tried, key=lambda c: _log_loss(tried[c], labels))
    weights, bias = logistic(both, labels, strength)
    # Scores of pictures the model was fitted to are too sure of themselves; those out of fold are not.
    slope, shift = _platt(tried[strength], labels)
    weights, bias = slope * weights, slope * bias + shift
    straight, bends = weights[: len(mean)], weights[len(mean) :] / spread
    fewest = min(len(np.unique(groups[labels])), len(np.unique(groups[~labels])))
    return LogOdds(
        tuple(names),
        mean,
        scale,
        straight,
        bends,
        float(bias - bends @ middle),
        values.min(0),
        values.max(0),
        float(np.log(fewest + 1)),
    )


def _with_squares(scaled: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """Scaled statistics (N, k) and their scaled squares (N, 2 k); the squares' mean and spread, (k,)."""
    squares = scaled**2
    middle, spread = squares.mean(0), np.maximum(squares.std(0), 1e-9)
    return np.column_stack([scaled, (squares - middle) / spread]), middle, spread


def out_of_fold(scaled: Numbers, labels: Labels, groups: NDArray[np.int64], strength: float) -> Numbers:
    """Log-odds (N,), each by a model that has seen no copy of that picture."""
    scores = np.zeros(len(labels))
    for chosen in _folds(labels, groups):
        weights, bias = logistic(scaled[~chosen], labels[~chosen], strength)
        scores[chosen] = scaled[chosen] @ weights + bias
    return scores


def cross_validated(values: Numbers, labels: Labels, groups: NDArray[np.int64]) -> Numbers:
    """Calibrated log-odds (N,), each by a whole fit that has seen no copy of that picture."""
    scores = np.zeros(len(labels))
    names = [str(i) for i in range(values.shape[1])]
    for chosen in _folds(labels, groups):
        scores[chosen] = _fit(values[~chosen], labels[~chosen], groups[~chosen], names)(values[chosen])
    return scores


def choose(
    values: Numbers, labels: Labels, groups: NDArray[np.int64], names: Sequence[str]
) -> tuple[str, ...]:
    """All statistics, or a few of them where these have the lower cross-validated log loss.

    A few (forward selection, at most `MOST`) win where most of the statistics tell nothing and the pictures
    are not many. What never changes (the agreement of a single try) can't tell anything.
    """
    check_sizes(labels, groups)
    scaled = (values - values.mean(0)) / np.maximum(values.std(0), 1e-9)
    both, count = _with_squares(scaled)[0], len(names)

    def loss(columns: Sequence[int]) -> float:
        own = [*columns, *(count + i for i in columns)]
        return _log_loss(out_of_fold(both[:, own], labels, groups, CHOOSING), labels)

    everything = [i for i in range(count) if values[:, i].std() > 1e-9] or [0]
    best = min((_forward(everything, loss), everything), key=loss)
    return tuple(names[i] for i in best)


def _forward(columns: list[int], loss: Callable[[Sequence[int]], float]) -> list[int]:
    chosen: list[int] = []
    best = float(np.log(2))
    while len(chosen) < min(MOST, len(columns)):
        losses = {i: loss([*chosen, i]) for i in columns if i not in chosen}
        winner = min(losses, key=losses.__getitem__)
        if chosen and losses[winner] > best * (1 - LEAST_GAIN):
            break
        chosen.append(winner)
        best = losses[winner]
    return chosen


def check_sizes(labels: Labels, groups: NDArray[np.int64]) -> None:
    """Raise InputError unless there are ten pictures of each class."""
    for words, own in (("generated", labels), ("other", ~labels)):
        count = len(np.unique(groups[own]))
        if count < FEWEST:
            raise InputError(
                f"A calibration needs at least {FEWEST} {words} pictures to fit, but there are {count}.",
                "Use more of them; two hundred of each are a good number.",
            )


def probability(log_odds: Numbers, prior: float = 0.5) -> Numbers:
    """Posterior probabilities of log-odds at even prior.

    Raises:
        InputError: the prior is not between 0 and 1.
    """
    if not 0 < prior < 1:
        raise InputError(f"The prior must lie between 0 and 1, not {prior}.", "0.5 favours neither side.")
    return np.asarray(1 / (1 + np.exp(-(log_odds + np.log(prior / (1 - prior))))))


def _folds(labels: Labels, groups: NDArray[np.int64]) -> list[NDArray[np.bool_]]:
    """FOLDS parts with the same share of each class, no group in two of them."""
    part = np.zeros(len(labels), int)
    for own in (labels, ~labels):
        unique = np.unique(groups[own])
        place = np.random.default_rng(0).permutation(len(unique)) % FOLDS
        part[own] = place[np.searchsorted(unique, groups[own])]
    return [part == i for i in range(FOLDS)]


def logistic(scaled: Numbers, labels: Labels, strength: float) -> tuple[Numbers, float]:
    """Weights and bias of a balanced logistic regression with an L2 penalty on the weights.

    The same minimum as scikit-learn's `LogisticRegression(C=strength, class_weight="balanced")`, by
    Newton's method: a calibration fits more than a thousand small ones.

    Args:
        scaled: (N, k) statistics.
        labels: (N,).
        strength: inverse weight of the penalty.
    """
    count, size = scaled.shape
    design = np.column_stack([scaled, np.ones(count)])
    # Both classes weigh the same, so that the log-odds are those at even prior.
    share = np.where(labels, count / (2 * max(labels.sum(), 1)), count / (2 * max((~labels).sum(), 1)))
    weight = strength * share
    signs = np.where(labels, 1.0, -1.0)
    penalty = np.append(np.ones(size), 1e-9)
    best = np.zeros(size + 1)

    def loss(theta: Numbers) -> float:
        return float(weight @ np.logaddexp(0, -signs * (design @ theta)) + penalty @ theta**2 / 2)

    least = loss(best)
    for _ in range(NEWTON_STEPS):
        chance = 1 / (1 + np.exp(-np.clip(design @ best, -500, 500)))
        gradient = design.T @ (weight * (chance - labels)) + penalty * best
        curvature = (design * (weight * chance * (1 - chance))[:, None]).T @ design
        step = np.linalg.solve(curvature + np.diag(penalty), gradient)
        size_of_step = 1.0
        while (here := loss(best - size_of_step * step)) > least and size_of_step > 1e-6:
            size_of_step /= 2
        if here > least:
            break
        best, gained, least = best - size_of_step * step, least - here, here
        if gained < 1e-10 * max(least, 1e-3):
            break
    return best[:-1], float(best[-1])


def _platt(scores: Numbers, labels: Labels) -> tuple[float, float]:
    """Slope and shift that make scores into log-odds; the slope never turns them round."""
    slopes, shift = logistic(scores[:, None], labels, 1.0)
    return (float(slopes[0]), shift) if slopes[0] > 0 else (1.0, 0.0)


def _log_loss(scores: Numbers, labels: Labels) -> float:
    signed = np.where(labels, scores, -scores)
    each = np.logaddexp(0, -signed)
    # Both classes weigh the same, as in the fit.
    return float((each[labels].mean() + each[~labels].mean()) / 2)
