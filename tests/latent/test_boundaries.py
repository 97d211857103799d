from __future__ import annotations

import numpy as np
import pytest

from latentstudio.errors import InputError
from latentstudio.latent.boundaries import METHODS, cosine, extremes, fit_boundary, without

TRUE = np.array([0.6, 0.0, -0.8, 0, 0, 0], np.float32)


def examples(count: int, gap: float, seed: int = 0):
    points = np.random.default_rng(seed).standard_normal((4000, 6)).astype(np.float32)
    along = points @ TRUE
    return points[along > gap][:count], points[along < -gap][:count]


@pytest.mark.parametrize("method", METHODS)
def test_a_few_dozen_examples_find_the_direction_and_say_how_well(method):
    fit = fit_boundary(*examples(60, 0.8), method)
    assert cosine(fit.normal, TRUE) > 0.95
    assert np.linalg.norm(fit.normal) == pytest.approx(1, abs=1e-5)
    assert fit.accuracy > 0.9
    assert fit.held_out == 36


def test_the_accuracy_is_honest_where_there_is_nothing_to_find():
    random = np.random.default_rng(1)
    a, b = random.standard_normal((2, 60, 6)).astype(np.float32)
    fit = fit_boundary(a, b)
    assert fit.accuracy < 0.75


def test_two_single_pictures_give_the_way_from_one_to_the_other():
    fit = fit_boundary(np.array([[2.0, 0, 0]], np.float32), np.array([[0.0, 0, 0]], np.float32))
    assert np.allclose(fit.normal, [1, 0, 0])
    assert fit.sigma == pytest.approx(2)
    assert fit.accuracy is None


@pytest.mark.parametrize(
    ("has", "has_not"),
    [(np.zeros((0, 3)), np.ones((2, 3))), (np.ones((2, 3)), np.ones((2, 4))), (np.ones((1, 3)),) * 2],
)
def test_what_cannot_be_fitted_is_a_sentence(has, has_not):
    with pytest.raises(InputError):
        fit_boundary(has.astype(np.float32), has_not.astype(np.float32))


def test_extremes_are_the_published_two_per_cent_at_each_end():
    scores = np.random.default_rng(0).permutation(1000).astype(float)
    high, low = extremes(scores)
    assert sorted(scores[high]) == list(range(980, 1000))
    assert sorted(scores[low]) == list(range(20))
    assert len(extremes(scores[:3])[0]) == 1
    with pytest.raises(InputError):
        extremes(scores, 0.6)


def test_a_direction_can_be_freed_of_others():
    random = np.random.default_rng(2)
    a, b, c = random.standard_normal((3, 8)).astype(np.float32)
    free = without(a, [b, c, b])
    assert abs(cosine(free, b)) < 1e-6
    assert abs(cosine(free, c)) < 1e-6
    assert np.linalg.norm(free) == pytest.approx(1, abs=1e-6)
    with pytest.raises(InputError, match="Nothing is left"):
        without(b + c, [b, c])


def test_freeing_of_one_direction_is_the_papers_formula():
    n1, n2 = (
        v / np.linalg.norm(v) for v in np.random.default_rng(3).standard_normal((2, 8)).astype(np.float32)
    )
    expected = n1 - (n1 @ n2) * n2
    assert np.allclose(without(n1, [n2]), expected / np.linalg.norm(expected), atol=1e-6)
