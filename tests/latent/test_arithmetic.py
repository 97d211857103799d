from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentstudio.errors import InputError
from latentstudio.latent.arithmetic import (
    combined,
    four_seed_corners,
    neighbours,
    renormalized,
    tray_weights,
)


def test_a_tray_counts_as_the_mean_of_its_members():
    assert tray_weights([(1.0, 3), (-1.0, 2), (0.5, 0)]) == [[1 / 3] * 3, [-0.5] * 2, []]


def test_the_classic_sum_of_three_means():
    random = np.random.default_rng(0)
    a, b, c = random.standard_normal((3, 3, 5)).astype(np.float32)
    weights = [w for tray in tray_weights([(1, 3), (-1, 3), (1, 3)]) for w in tray]
    assert np.allclose(combined([*a, *b, *c], weights), a.mean(0) - b.mean(0) + c.mean(0), atol=1e-6)
    with pytest.raises(InputError):
        combined([a[0], b], [1, 1])


def test_renormalising_gives_the_length_of_a_typical_z():
    assert np.linalg.norm(renormalized(np.full(64, 0.1, np.float32))) == pytest.approx(8)


def test_neighbours_surround_the_centre_within_the_published_noise():
    center = np.random.default_rng(0).standard_normal(10).astype(np.float32)
    square = neighbours(center, 3)
    assert square.shape == (9, 10)
    assert np.array_equal(square[4], center)
    assert 0.2 < np.abs(square - center).max() <= 0.25
    assert np.array_equal(square, neighbours(center, 3))
    assert len({row.tobytes() for row in square}) == 9


@given(st.floats(-50, 50), st.floats(-50, 50))
def test_the_plane_of_seeds_is_bilinear_between_whole_coordinates(x, y):
    corners = four_seed_corners(x, y)
    assert sum(w for _, w in corners) == pytest.approx(1)
    assert 1 <= len(corners) <= 4


def test_a_whole_coordinate_is_one_seed_of_the_published_plane():
    assert four_seed_corners(7, 3) == [(307, 1.0)]
    assert four_seed_corners(-1, 0) == [(2**32 - 1, 1.0)]
