from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from latentstudio.document.between import BETWEEN
from latentstudio.document.film import CURVE, HOLD, LINEAR, SPHERICAL, Film, Keyframe
from latentstudio.document.recipe import (
    ChannelEdit,
    DirectionEdit,
    FeatureEdit,
    ModelRef,
    Noise,
    NoiseLayer,
    Recipe,
    Source,
    StyleMix,
    Transform,
)
from latentstudio.errors import InputError
from latentstudio.latent.directions import Direction
from latentstudio.latent.sampling import z_from_seed
from latentstudio.latent.spaces import Latent

SMILE = Direction("Smile", "w", Latent(np.arange(8)), 1.5, "pca")
TURN = Direction("Turn", "z", Latent(np.eye(8)[0]), 2.0)


def middle(left: Recipe, right: Recipe, path: str = LINEAR, t: float = 0.5) -> Recipe:
    film = Film((Keyframe(0, left, path), Keyframe(100, right)), 101, z_dim=8)
    return film.recipe_at(100 * t)


def test_every_field_of_a_recipe_says_how_a_film_passes_it():
    assert set(BETWEEN) == {field.name for field in fields(Recipe)}


def test_starts_are_summed_in_w_and_one_that_both_share_keeps_its_whole_weight():
    found = middle(Recipe.from_seed(1), Recipe.from_seed(2), t=0.25)
    assert found.combine == "w"
    assert [(s.seed, s.weight) for s in found.sources] == [(1, 0.75), (2, 0.25)]
    same = middle(Recipe.from_seed(1, truncation_psi=1.0), Recipe.from_seed(1, truncation_psi=0.5))
    assert same.sources == (Source(seed=1),)
    assert same.truncation_psi == 0.75


def test_the_way_on_the_sphere_keeps_the_length_of_z():
    found = middle(Recipe.from_seed(1), Recipe.from_seed(2), SPHERICAL)
    assert found.combine == "z"
    a, b = z_from_seed(1, 8), z_from_seed(2, 8)
    z = sum(s.weight * x for s, x in zip(found.sources, (a, b), strict=True))
    assert np.linalg.norm(z) == pytest.approx((np.linalg.norm(a) + np.linalg.norm(b)) / 2, rel=1e-5)


def test_a_start_in_w_has_no_way_on_the_sphere_and_goes_straight():
    w = Recipe(sources=(Source("w", None, Latent(np.ones(8))),))
    assert middle(Recipe.from_seed(1), w, SPHERICAL).combine == "w"


def test_a_sum_in_z_becomes_one_z_on_the_way_through_w():
    left = Recipe(sources=(Source(seed=1, weight=0.5), Source(seed=2, weight=0.5)), combine="z normalized")
    found = middle(left, Recipe.from_seed(3))
    start = found.sources[0].values
    assert start is not None
    assert np.linalg.norm(start.array) == pytest.approx(np.sqrt(8), rel=1e-5)
    assert [s.weight for s in found.sources] == [0.5, 0.5]


def test_sliders_of_z_move_into_the_start_where_the_next_keyframe_starts_from_a_w():
    left = Recipe.from_seed(1, directions=(DirectionEdit(TURN, 1.5), DirectionEdit(SMILE, 1.0)))
    w = Recipe(sources=(Source("w", None, Latent(np.ones(8))),))
    found = middle(left, w)
    assert [(e.direction.name, e.amount) for e in found.directions] == [("Smile", 0.5)]
    expected = z_from_seed(1, 8) + np.float32(3.0) * np.eye(8, dtype=np.float32)[0]
    np.testing.assert_array_equal(found.sources[0].values.array, expected)
    layered = left.with_direction(0, DirectionEdit(TURN, 1.5, 0, 2))
    with pytest.raises(InputError, match="Turn"):
        middle(layered, w)


def test_sliders_go_from_amount_to_amount_and_missing_ones_are_at_rest():
    left = Recipe(directions=(DirectionEdit(SMILE, 2.0, 0, 4), DirectionEdit(TURN, 1.0)))
    right = Recipe(directions=(DirectionEdit(SMILE, 2.0, 4, 8), DirectionEdit(TURN, -1.0)))
    found = {(e.direction.name, e.start): e.amount for e in middle(left, right).directions}
    assert found == {("Smile", 0): 1.0, ("Turn", 0): 0.0, ("Smile", 4): 1.0}


def test_classes_and_channels_and_features_cross():
    left = Recipe(classes=(), channels=(ChannelEdit("a", 1, 2.0),), features=(FeatureEdit("s", 0, 0.0),))
    right = Recipe(classes=((3, 1.0),), channels=(ChannelEdit("a", 1, 4.0),))
    found = middle(left, right)
    assert found.classes == ((0, 0.5), (3, 0.5))
    assert found.channels == (ChannelEdit("a", 1, 3.0),)
    assert found.features == (FeatureEdit("s", 0, 0.5),)


def test_mixing_fades_row_by_row_and_a_hidden_row_counts_as_nothing():
    left = Recipe(mixing=(StyleMix(Source(seed=7), (0.5, 0.5)), StyleMix(Source(seed=8), (1.0,))))
    found = middle(left, Recipe(mixing=(StyleMix(Source(seed=9), (0.0, 1.0)),)))
    assert {(m.source.seed, m.amounts) for m in found.mixing} == {
        (7, (0.0, 0.25)),
        (8, (0.5,)),
        (9, (0.0, 0.5)),
    }


def test_cutoffs_become_a_curve_over_the_rows():
    left = Recipe(truncation_psi=0.5, truncation_cutoff=2)
    right = Recipe(truncation_psi=0.7, truncation_curve=(0.1,))
    found = middle(left, right)
    assert found.truncation_cutoff is None
    assert found.truncation_curve == pytest.approx((0.3, 0.6))
    assert found.truncation_psi == pytest.approx(0.85)


def test_the_centre_comes_out_of_the_mean_and_moves_between_two():
    here, there = Source("w", None, Latent(np.zeros(8))), Source("w", None, Latent(np.ones(8)))
    assert middle(Recipe(), Recipe(truncation_center=here)).truncation_center == replace(here, weight=0.5)
    found = middle(Recipe(truncation_center=here), Recipe(truncation_center=there)).truncation_center
    assert found == Source("w", None, Latent(np.full(8, 0.5)))


def test_noise_turns_toward_the_next():
    left, right = Noise("random", 1), Noise("const", 0, (NoiseLayer(0, 0.5),))
    found = middle(Recipe(noise=left), Recipe(noise=right), t=0.25)
    assert found.noise == Noise("random", 1, (), right, 0.25)


def test_a_transform_begins_where_there_was_none_and_an_angle_is_a_number():
    found = middle(Recipe(), Recipe(transform=Transform(0.5, 0, 360)))
    assert found.transform == Transform(0.25, 0, 180)


def test_other_models_are_refused():
    with pytest.raises(InputError, match="model"):
        middle(Recipe(model=ModelRef("a")), Recipe(model=ModelRef("b")))
    named = ModelRef("a", "Clay")
    assert middle(Recipe(), Recipe(model=named)).model == named


@pytest.mark.parametrize("path", [LINEAR, SPHERICAL, CURVE])
def test_close_to_a_keyframe_the_path_is_close_to_it(path: str):
    left = Recipe.from_seed(
        1,
        directions=(DirectionEdit(SMILE, 2.0),),
        mixing=(StyleMix(Source(seed=4), (1.0, 0.5)),),
        truncation_psi=0.6,
        truncation_cutoff=3,
        classes=((1, 1.0),),
        transform=Transform(0.1, 0.2, 30),
    )
    near = middle(left, Recipe.from_seed(2), path, t=1e-6)
    assert near.sources[0].weight == pytest.approx(1, abs=1e-5)
    assert near.directions[0].amount == pytest.approx(2, abs=1e-5)
    assert near.mixing[0].amounts == pytest.approx((1.0, 0.5), abs=1e-5)
    assert near.truncation_curve[:4] == pytest.approx((0.6, 0.6, 0.6), abs=1e-5)
    assert near.truncation_psi == pytest.approx(1, abs=1e-5)
    assert near.transform is not None
    assert near.transform.angle_deg == pytest.approx(30, abs=1e-4)


def test_holding_stays_until_the_next_keyframe():
    assert middle(Recipe.from_seed(1), Recipe.from_seed(2), HOLD, t=0.99) == Recipe.from_seed(1)


def test_a_w_in_a_sum_of_z_is_told_as_the_engine_tells_it():
    odd = Recipe(sources=(Source(seed=1), Source("w", None, Latent(np.ones(8)))), combine="z")
    with pytest.raises(InputError, match="summed in z"):
        middle(odd, Recipe.from_seed(2))
