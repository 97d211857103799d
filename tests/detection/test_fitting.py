from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from latentstudio.detection.fitting import choose, cross_validated, fit, logistic, probability
from latentstudio.detection.scoring import auc, expected_calibration_error
from latentstudio.errors import InputError


def made(count: int, gap: float, noise: int = 4, seed: int = 0):
    random = np.random.default_rng(seed)
    labels = np.repeat([True, False], count)
    values = random.normal(size=(2 * count, 1 + noise))
    values[labels, 1] -= gap
    return values, labels, np.arange(2 * count)


def test_log_odds_are_those_of_two_normals() -> None:
    # Two normals of spread 1, gap 2 apart: the true log-odds are linear with that slope.
    values, labels, groups = made(2000, 2.0, noise=1)
    fitted = fit(values, labels, groups, ["noise", "signal"])
    fresh, truth, _ = made(2000, 2.0, noise=1, seed=9)
    exact = -2 * (fresh[:, 1] + 1)
    np.testing.assert_allclose(fitted.capped(fitted(fresh)), fitted.capped(exact), atol=1.0)
    assert expected_calibration_error(probability(fitted(fresh)), truth) < 0.02


def test_probabilities_stay_calibrated_with_few_pictures_and_many_statistics() -> None:
    errors = []
    for seed in range(5):
        values, labels, groups = made(60, 1.5, noise=15, seed=seed)
        fitted = fit(values, labels, groups, [str(i) for i in range(16)])
        fresh, truth, _ = made(1500, 1.5, noise=15, seed=100 + seed)
        errors.append(expected_calibration_error(probability(fitted(fresh)), truth))
    assert np.mean(errors) < 0.08


def test_where_most_statistics_are_noise_a_few_are_read() -> None:
    values, labels, groups = made(30, 2.0, noise=15)
    chosen = choose(values, labels, groups, list("abcdefghijklmnop"))
    assert "b" in chosen
    assert len(chosen) <= 4


def test_where_all_statistics_tell_something_all_are_read() -> None:
    random = np.random.default_rng(4)
    labels = np.repeat([True, False], 150)
    values = random.normal(size=(300, 12)) + np.where(labels, -0.3, 0.3)[:, None]
    values[:, 3] = 7
    chosen = choose(values, labels, np.arange(300), list("abcdefghijkl"))
    assert set(chosen) == set("abcefghijkl")


def test_a_statistic_may_speak_for_the_generator_in_the_middle_of_its_range() -> None:
    # Own pictures lie near 0, others on both sides: no straight line tells them apart.
    random = np.random.default_rng(4)
    labels = np.repeat([True, False], 200)
    values = random.normal(size=(400, 3)) * np.where(labels, 0.4, 2.0)[:, None]
    fitted = fit(values, labels, np.arange(400), list("abc"))
    scores = fitted(values)
    assert auc(scores[labels], scores[~labels]) > 0.95


def test_copies_of_a_picture_never_help_to_score_it() -> None:
    # Pure noise, but every picture ten times: whoever has seen a copy knows the label.
    random = np.random.default_rng(3)
    values = np.repeat(random.normal(size=(40, 30)), 10, axis=0)
    labels, groups = np.repeat(np.arange(40) < 20, 10), np.repeat(np.arange(40), 10)
    scores = cross_validated(values, labels, groups)
    assert 0.2 < auc(scores[labels], scores[~labels]) < 0.75


def test_log_odds_say_no_more_than_the_number_of_pictures_supports() -> None:
    values, labels, groups = made(50, 40.0)
    fitted = fit(values, labels, groups, list("abcde"))
    assert fitted.limit == pytest.approx(np.log(51))
    assert np.abs(fitted(values)).max() > fitted.limit
    assert np.abs(fitted.capped(fitted(values))).max() == fitted.limit
    far = np.zeros(5)
    far[1] = -1e6
    # A value nobody has seen pushes no further than the farthest that was.
    assert fitted(far[None])[0] < 1000
    assert fitted.outside(far) == ("b",)
    assert fitted.outside(values[0]) == ()


def test_a_prior_moves_the_posterior_by_bayes_rule() -> None:
    assert probability(np.array(0.0), 0.2) == pytest.approx(0.2)
    assert probability(np.array(np.log(9)), 0.1) == pytest.approx(0.5)
    for prior in (0, 1, -1, float("nan")):
        with pytest.raises(InputError):
            probability(np.array(0.0), prior)


def test_too_few_pictures_are_refused() -> None:
    values, labels, groups = made(9, 2.0)
    with pytest.raises(InputError, match="at least 10"):
        fit(values, labels, groups, list("abcde"))
    # Copies don't make more pictures.
    with pytest.raises(InputError, match="at least 10"):
        fit(np.tile(values, (5, 1)), np.tile(labels, 5), np.tile(groups, 5), list("abcde"))


@pytest.mark.parametrize("strength", [0.03, 3.0])
@pytest.mark.parametrize("gap", [0.0, 2.0, 30.0])
def test_the_minimum_is_the_one_that_scikit_learn_finds(strength: float, gap: float) -> None:
    values, labels, _ = made(50, gap)
    keep = np.arange(100) < 80  # the classes are not of one size
    values, labels = values[keep], labels[keep]
    reference = LogisticRegression(C=strength, class_weight="balanced", tol=1e-10, max_iter=10_000)
    reference.fit(values, labels)
    weights, bias = logistic(values, labels, strength)
    np.testing.assert_allclose(weights, reference.coef_[0], atol=1e-4)
    assert bias == pytest.approx(reference.intercept_[0], abs=1e-4)
