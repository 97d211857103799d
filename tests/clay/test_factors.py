"""Latents and factors of the clay heads."""

import numpy as np

from latentstudio.clay import (
    FACTORS,
    LATENT_NAMES,
    NAMES,
    latents_to_factors,
    mirrored_latents,
    sample_latents,
)
from latentstudio.clay.features import explicit_features


def test_the_same_seed_gives_the_same_heads():
    first, second = sample_latents(3, 5), sample_latents(3, 5)
    np.testing.assert_array_equal(latents_to_factors(first), latents_to_factors(second))
    assert np.abs(sample_latents(3, 6) - first).max() > 0.1


def test_every_factor_stays_within_its_range_even_for_wild_latents():
    factors = latents_to_factors(sample_latents(500, 0) * 3)
    low, high = (np.array([getattr(factor, end) for factor in FACTORS]) for end in ("low", "high"))
    assert (factors >= low - 1e-6).all()
    assert (factors <= high + 1e-6).all()


def test_what_is_there_or_not_is_zero_or_one():
    factors = latents_to_factors(sample_latents(500, 1))
    for i, factor in enumerate(FACTORS):
        if not factor.smooth:
            assert set(np.unique(factors[:, i])) == {0.0, 1.0}


def test_the_law_of_the_heads_is_plausible():
    columns = dict(zip(NAMES, latents_to_factors(sample_latents(4000, 2)).T, strict=True))
    assert 0.17 < columns["glasses"].mean() < 0.25
    bearded = columns["beard"] > 0
    assert 0.1 < bearded.mean() < 0.2
    assert columns["jaw_w"][bearded].mean() > columns["jaw_w"][~bearded].mean()
    assert not (columns["bun"] * columns["bald"]).any()


def test_mirroring_turns_the_head_the_other_way_and_twice_gives_it_back():
    latents = sample_latents(50, 3)
    mirrored = mirrored_latents(latents)
    yaw = NAMES.index("yaw")
    np.testing.assert_allclose(
        latents_to_factors(mirrored)[:, yaw], -latents_to_factors(latents)[:, yaw], atol=1e-6
    )
    np.testing.assert_array_equal(mirrored_latents(mirrored), latents)


def test_explicit_features_are_finite_and_a_part_that_is_absent_has_no_size():
    latents = sample_latents(60, 4)
    features = explicit_features(latents)
    assert features.shape == (60, 114)
    assert np.isfinite(features).all()
    bare = latents.copy()
    bare[:, LATENT_NAMES.index("glasses")] = -3
    other = bare.copy()
    other[:, LATENT_NAMES.index("glasses_size")] += 1
    np.testing.assert_array_equal(explicit_features(bare), explicit_features(other))
