"""The measures of clay generators, on numbers whose answer is known."""

import numpy as np
import pytest
import torch
from clay_samples import READ, Samples
from evaluate import frechet, nearest
from fit_directions import fit

from latentstudio.clay.words import WORDS


def test_the_frechet_distance_of_two_normal_clouds_is_the_known_one():
    random = np.random.default_rng(0)
    a = random.standard_normal((20_000, 3))
    assert frechet(a, a) == pytest.approx(0, abs=1e-6)
    assert frechet(a, a + np.array([2, 0, 0])) == pytest.approx(4, abs=1e-6)
    # Deviations 1 and 3 along one axis: (1 - 3) squared.
    assert frechet(a, a * np.array([3, 1, 1])) == pytest.approx(4, rel=0.05)


def test_the_nearest_picture_is_found_even_mirrored():
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (30, 16, 16, 3), dtype=np.uint8)
    asked = np.stack([images[7], images[11][:, ::-1]])
    pictures = torch.from_numpy(asked).permute(0, 3, 1, 2).float() / 127.5 - 1
    index, distance = nearest(pictures, images)
    assert list(index) == [7, 11 + 30]
    assert distance.max() < 1e-3


def test_a_direction_moves_its_factor_and_no_other_where_w_is_linear():
    random = np.random.default_rng(0)
    w = random.standard_normal((4000, 80)).astype(np.float32) @ random.standard_normal((80, 80)).astype(
        np.float32
    )
    slopes = random.standard_normal((80, len(READ))).astype(np.float32)
    factors = w @ slopes
    directions, explained = fit(Samples(w, w, factors, factors))
    assert min(explained.values()) > 0.95
    for direction in directions[:5]:
        changes = (direction.sigma * direction.values.array) @ slopes / factors.std(0)
        own = next(i for i, name in enumerate(READ) if f"{WORDS[name]} in w" == direction.name)
        assert changes[own] == pytest.approx(1, abs=0.3)
        assert np.abs(np.delete(changes, own)).max() < 0.35
