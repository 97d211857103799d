from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentstudio.errors import InputError
from latentstudio.latent.directions import Direction
from latentstudio.latent.map_layout import (
    Plane,
    enclosed,
    fitted_box,
    mixture_at,
    nearest,
    place_among,
    shown_first,
    unit_values,
)
from latentstudio.latent.spaces import Latent


def direction(values: list[float], sigma: float = 1.0, space: str = "w") -> Direction:
    return Direction("", space, Latent(np.array(values, np.float32)), sigma)


def test_a_step_along_an_axis_moves_its_own_coordinate_only_even_where_axes_lean():
    first, second = direction([1, 0, 0], 2.0), direction([0.6, 0.8, 0], 0.5)
    center = np.array([1, 2, 3], np.float32)
    plane = Plane.of(first, second, center)
    latents = np.stack([center, center + np.array([2, 0, 0]), center + 1.5 * 0.5 * second.values.array])
    assert np.allclose(plane.places(latents.astype(np.float32)), [[0, 0], [1, 0], [0, 1.5]], atol=1e-6)


def test_axes_of_two_spaces_or_of_one_line_are_refused():
    center = np.zeros(2, np.float32)
    with pytest.raises(InputError, match="one space"):
        Plane.of(direction([1, 0]), direction([0, 1], space="z"), center)
    with pytest.raises(InputError, match="same direction"):
        Plane.of(direction([1, 0]), direction([-2, 0]), center)
    with pytest.raises(InputError, match="another model"):
        Plane.of(direction([1, 0]), direction([0, 1]), np.zeros(3, np.float32))


@given(st.integers(0, 1000), st.floats(0.05, 2))
def test_pictures_keep_their_distance_and_stay_when_one_goes_nearer(seed: int, spacing: float):
    points = np.random.default_rng(seed).standard_normal((120, 2))
    far = shown_first(points, spacing)
    near = shown_first(points, spacing / 2, far)
    assert far[0] == 0
    assert near[: len(far)].tolist() == far.tolist()
    for chosen, apart in ((far, spacing), (near, spacing / 2)):
        gaps = np.linalg.norm(points[chosen][:, None] - points[chosen][None], axis=2)
        np.fill_diagonal(gaps, np.inf)
        assert gaps.min() >= apart
        # And nothing that had room was left out.
        reach = np.linalg.norm(points[:, None] - points[chosen][None], axis=2).min(1)
        assert (reach < apart).all()


def test_a_stroke_encloses_what_lies_inside_a_hollow_shape_too():
    points = np.array([[0.5, 0.5], [1.5, 0.5], [2.5, 0.5], [1.5, 2.5], [9, 9]])
    outline = np.array([[0, 0], [3, 0], [3, 3], [2, 3], [2, 1], [1, 1], [1, 3], [0, 3]], float)
    assert enclosed(points, outline).tolist() == [0, 1, 2]


def test_a_samples_own_latent_lies_at_its_own_place_and_between_two_it_lies_between():
    random = np.random.default_rng(0)
    latents, points = random.standard_normal((50, 6)).astype(np.float32), random.standard_normal((50, 2))
    assert np.allclose(place_among(latents, points, latents[7]), points[7], atol=1e-4)
    assert mixture_at(points, tuple(points[7])) == [(7, pytest.approx(1, abs=1e-3))]
    shares = mixture_at(points, (0.1, 0.2))
    assert sum(share for _, share in shares) == pytest.approx(1, abs=5e-3)
    assert nearest(points, tuple(points[3] + 0.001), 0.01) == 3
    assert nearest(points, (50, 50), 1) is None


def test_the_box_and_the_colours_ignore_what_lies_far_out():
    points = np.concatenate([np.random.default_rng(1).uniform(-1, 1, (2000, 2)), [[1e6, 1e6]]])
    left, _, right, _ = fitted_box(points)
    assert -1.3 < left < -0.9
    assert 0.9 < right < 1.3
    assert fitted_box(np.empty((0, 2))) == (-3.0, -3.0, 3.0, 3.0)
    values = np.array([0, 1, 2, 3, np.nan, 1e9], np.float32)
    unit = unit_values(values)
    assert np.isnan(unit[4])
    assert np.nanmin(unit) == 0
    assert np.nanmax(unit) == 1
