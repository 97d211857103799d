"""Factors as a network reads them."""

import numpy as np

from latentstudio.clay import NAMES, sample_factors
from latentstudio.clay.observables import OBSERVABLES, from_observables, to_observables, visible
from latentstudio.clay.words import WORDS


def test_observables_give_the_factors_back():
    factors = sample_factors(100, 0)
    observed = to_observables(factors)
    assert observed.shape == (100, len(OBSERVABLES)) == (100, 62)
    np.testing.assert_allclose(from_observables(observed), factors, atol=1e-5)


def test_wild_estimates_stay_within_the_ranges():
    factors = from_observables(np.full((1, len(OBSERVABLES)), 99.0, np.float32))
    assert factors[0, NAMES.index("beard")] == 1
    assert 0 <= factors[0, NAMES.index("bg_hue")] <= 1


def test_what_is_not_there_is_not_judged():
    factors = sample_factors(200, 1)
    seen = visible(factors)
    glasses = factors[:, NAMES.index("glasses")] > 0.5
    np.testing.assert_array_equal(seen[:, OBSERVABLES.index("glasses_size")], glasses)
    assert seen[:, OBSERVABLES.index("yaw")].all()


def test_every_factor_has_words_of_its_own():
    assert set(NAMES) <= set(WORDS)
    assert len(set(WORDS.values())) == len(WORDS)
