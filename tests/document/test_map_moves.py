from __future__ import annotations

import numpy as np
import pytest

from latentstudio.document.map_moves import (
    before_truncation,
    gone_by,
    gone_to_samples,
    moved_z,
    sample_recipe,
    slider_amount,
)
from latentstudio.document.recipe import DirectionEdit, Recipe, Source
from latentstudio.latent.directions import Direction
from latentstudio.latent.spaces import Latent
from latentstudio.latent.truncation import truncate

ACROSS = Direction("Across", "w", Latent([1.0, 0.0, 0.0]), 2.0, "pca")
UP = Direction("Up", "w", Latent([0.0, 1.0, 0.0]), 1.0, "pca")
SMILE = Direction("Smile", "w", Latent([0.0, 0.0, 1.0]))


def test_truncation_is_undone_row_by_row():
    random = np.random.default_rng(0)
    w, mean = random.standard_normal(3).astype(np.float32), random.standard_normal(3).astype(np.float32)
    rows = np.broadcast_to(w, (6, 3))
    for recipe in (
        Recipe(truncation_psi=0.6),
        Recipe(truncation_psi=0.6, truncation_cutoff=2),
        Recipe(truncation_curve=(0.3, 0.5, 0.7, 0.9, 1.0, 1.2)),
    ):
        if recipe.truncation_curve:
            psi = np.array(recipe.truncation_curve, np.float32)[:, None]
            cut = mean + psi * (rows - mean)
        else:
            cut = truncate(rows, mean, recipe.truncation_psi, recipe.truncation_cutoff)
        assert np.allclose(before_truncation(cut, recipe, mean), w, atol=1e-5)


def test_going_somewhere_is_a_step_of_two_sliders_and_counts_truncation():
    start = Recipe(truncation_psi=0.5, directions=(DirectionEdit(SMILE, 1.0), DirectionEdit(UP, 0.5)))
    gone = gone_by(start, (ACROSS, UP), (2.0, -1.0), 4)
    assert slider_amount(gone, ACROSS) == pytest.approx(1.0)
    assert slider_amount(gone, UP) == pytest.approx(0.0)
    assert slider_amount(gone, SMILE) == 1.0
    mean = np.zeros(3, np.float32)
    moved = np.broadcast_to(np.float32(1.0 * 2.0) * ACROSS.values.array, (4, 3))
    assert before_truncation(moved, gone, mean)[0] == pytest.approx(2.0 * 2.0)  # two sigmas of 2


def test_opening_a_sample_lets_the_maps_sliders_rest_and_keeps_the_others():
    start = Recipe(directions=(DirectionEdit(ACROSS, 2.0), DirectionEdit(SMILE, 1.0)))
    opened = gone_to_samples(start, [(7, 1.0)], (ACROSS, UP))
    assert opened.sources == (Source(seed=7),)
    assert [e.amount for e in opened.directions] == [0.0, 1.0]
    between = gone_to_samples(start, [(7, 0.75), (9, 0.25)], (), 3)
    assert between.sources == (Source(seed=7, weight=0.75), Source(seed=9, weight=0.25))
    assert between.classes == ((1, 1.0),)


def test_a_sample_is_bare_and_goes_through_the_classes_in_turn():
    base = Recipe(truncation_psi=0.7, directions=(DirectionEdit(SMILE, 1.0),), classes=((2, 1.0),))
    assert sample_recipe(base, 5) == Recipe.from_seed(5, truncation_psi=0.7, classes=((2, 1.0),))
    assert sample_recipe(base, 5, 3).classes == ((2, 1.0),)
    assert sample_recipe(base, 6, 3).classes == ((0, 1.0),)


def test_in_z_the_place_is_that_of_the_start_and_its_sliders():
    turn = Direction("Turn", "z", Latent([1.0, 0.0]), 1.0)
    recipe = Recipe(
        sources=(Source(seed=None, values=Latent([0.5, -1.0])),), directions=(DirectionEdit(turn, 2),)
    )
    assert np.allclose(moved_z(recipe, 2), [2.5, -1.0])
    assert moved_z(Recipe(sources=(Source("w", None, Latent([1.0, 2.0])),)), 2) is None
    assert slider_amount(gone_by(recipe, (turn, turn), (0.0, 0.0), 4), turn) == 2
