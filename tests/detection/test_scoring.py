from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, roc_auc_score

from latentstudio.detection.scoring import (
    auc,
    auc_interval,
    brier,
    calibration_curve,
    expected_calibration_error,
    percentile,
    roc,
    share_above,
    threshold_at,
)
from latentstudio.errors import InputError

SCORES = st.lists(st.integers(-5, 5), min_size=1, max_size=30)


@given(SCORES, SCORES)
def test_the_area_counts_pairs_with_ties_as_halves(positive, negative) -> None:
    a, b = np.array(positive, float), np.array(negative, float)
    labels = [True] * len(a) + [False] * len(b)
    assert auc(a, b) == pytest.approx(roc_auc_score(labels, np.concatenate([a, b])))


@given(SCORES, SCORES)
def test_the_area_lies_under_the_curve(positive, negative) -> None:
    a, b = np.array(positive, float), np.array(negative, float)
    curve = roc(a, b)
    assert (curve.false_positives[0], curve.true_positives[0]) == (0, 0)
    assert (curve.false_positives[-1], curve.true_positives[-1]) == (1, 1)
    assert np.trapezoid(curve.true_positives, curve.false_positives) == pytest.approx(auc(a, b))


def test_the_interval_holds_the_true_area_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(1)
    true = 0.8413  # two normals of spread 1 that are sqrt(2) apart: Phi(1)
    held = 0
    for seed in range(60):
        a, b = random.normal(2**0.5, 1, 60), random.normal(0, 1, 60)
        interval = auc_interval(a, b, rounds=300, seed=seed)
        assert interval.low <= interval.value <= interval.high
        held += interval.low <= true <= interval.high
    assert 50 <= held <= 60


def test_a_perfect_area_of_few_pictures_is_not_sure() -> None:
    interval = auc_interval(np.arange(30) + 100.0, np.arange(30.0))
    assert (interval.value, interval.high) == (1.0, 1.0)
    assert interval.low == pytest.approx(0.9)


def test_a_threshold_lets_through_what_it_may() -> None:
    negative = np.random.default_rng(0).normal(size=400)
    for rate in (0.01, 0.05):
        assert share_above(negative, threshold_at(negative, rate)) == pytest.approx(rate)
    assert threshold_at(np.arange(10.0), 0.01) == 9.0


def test_probabilities_that_mean_what_they_say_have_no_calibration_error() -> None:
    random = np.random.default_rng(2)
    said = random.uniform(size=20_000)
    labels = random.uniform(size=20_000) < said
    assert expected_calibration_error(said, labels) < 0.02
    assert brier(said, labels) == pytest.approx(brier_score_loss(labels, said))
    # Twice as sure as it may be.
    sure = np.clip(2 * said - 0.5, 0, 1)
    assert expected_calibration_error(sure, labels) > 0.1


def test_the_calibration_curve_counts_every_picture_once() -> None:
    said = np.array([0.0, 0.05, 0.95, 1.0])
    curve = calibration_curve(said, np.array([False, False, True, True]))
    assert [(part.count, part.share) for part in curve] == [(2, 0.0), (2, 1.0)]


def test_percentiles_and_empty_classes() -> None:
    assert percentile(2.0, np.array([1.0, 2.0, 3.0, 4.0])) == pytest.approx(37.5)
    assert np.isnan(percentile(2.0, np.array([])))
    with pytest.raises(InputError):
        auc(np.array([]), np.array([1.0]))
