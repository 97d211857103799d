from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import interp1d

from latentstudio.errors import InputError
from latentstudio.latent.interpolation import (
    EASINGS,
    angle_between,
    curve_weights,
    eased,
    loop_weights,
    slerp,
    slerp_weights,
)

parts = st.floats(0, 1)
numbers = st.floats(-100, 100, width=32)
vectors = st.lists(numbers, min_size=5, max_size=5).map(lambda v: np.array(v, np.float32))
rising = st.lists(st.integers(1, 50), min_size=1, max_size=12).map(
    lambda steps: [float(x) for x in np.cumsum([0, *steps])]
)


@given(st.sampled_from(sorted(EASINGS)), parts, parts)
def test_every_easing_goes_from_0_to_1_and_never_turns_back(name: str, a: float, b: float):
    assert (eased(name, 0), eased(name, 1)) == (0, 1)
    early, late = sorted((a, b))
    assert eased(name, early) <= eased(name, late) + 1e-12


def test_an_unknown_easing_is_told():
    with pytest.raises(InputError, match="bounce"):
        eased("bounce", 0.5)


@given(vectors, vectors, parts)
def test_on_the_sphere_the_length_goes_evenly(a: np.ndarray, b: np.ndarray, t: float):
    lengths = float(np.linalg.norm(a)), float(np.linalg.norm(b))
    if min(lengths) < 1e-3 or not 0.01 < angle_between(a, b) < 3.1:
        return
    expected = (1 - t) * lengths[0] + t * lengths[1]
    assert np.linalg.norm(slerp(a, b, t)) == pytest.approx(expected, rel=1e-3)


@given(parts)
def test_on_the_sphere_the_angle_grows_evenly(t: float):
    a, b = np.array([1, 0], np.float32), np.array([0.5, 0.8], np.float32)
    assert angle_between(a, slerp(a, b, t)) == pytest.approx(t * angle_between(a, b), abs=1e-3)


def test_parallel_and_opposite_vectors_have_a_straight_way():
    a = np.array([1, 2], np.float32)
    np.testing.assert_allclose(slerp(a, 3 * a, 0.5), 2 * a)
    assert slerp_weights(0.25, np.pi) == (0.75, 0.25)


@settings(deadline=None)
@given(rising, parts, st.integers(0, 2**32 - 1))
def test_the_open_curve_is_that_of_scipy(knots: list[float], part: float, seed: int):
    values = np.random.default_rng(seed).normal(size=(len(knots), 3))
    x = knots[0] + part * (knots[-1] - knots[0])
    kind = {2: "linear", 3: "quadratic"}.get(len(knots), "cubic")
    expected = interp1d(knots, values, kind=kind, axis=0)(x)
    np.testing.assert_allclose(curve_weights(knots, x) @ values, expected, rtol=1e-6, atol=1e-7)


@settings(deadline=None)
@given(st.integers(1, 40), st.integers(0, 7), st.integers(0, 2**32 - 1))
def test_the_closed_curve_is_that_of_the_published_tool(count: int, step: int, seed: int):
    values = np.random.default_rng(seed).normal(size=(count, 3))
    places = np.arange(-count * 2, count * 3)
    curve = interp1d(places, np.tile(values, [5, 1]), kind="cubic", axis=0)
    x = (count - 1) + step / 8
    mine = loop_weights([float(i) for i in range(count)], count, x) @ values
    np.testing.assert_allclose(mine, curve(x), rtol=1e-12, atol=1e-13)


@settings(deadline=None)
@given(rising, parts)
def test_weights_sum_to_one_and_a_knot_has_all_of_it(knots: list[float], part: float):
    x = knots[0] + part * (knots[-1] - knots[0])
    assert curve_weights(knots, x).sum() == pytest.approx(1)
    assert loop_weights(knots[:-1], knots[-1], x % knots[-1]).sum() == pytest.approx(1)
    for i, knot in enumerate(knots):
        assert curve_weights(knots, knot).tolist() == np.eye(len(knots))[i].tolist()


@settings(deadline=None)
@given(rising)
def test_a_closed_curve_meets_itself(knots: list[float]):
    length = knots[-1]
    before = loop_weights(knots[:-1], length, length - 1e-7)
    np.testing.assert_allclose(before, np.eye(len(knots) - 1)[0], atol=1e-4)
