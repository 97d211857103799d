from __future__ import annotations

import numpy as np
import pytest

from latentstudio import render
from latentstudio.document.recipe import DirectionEdit, Recipe, Source
from latentstudio.document.starts import (
    Tray,
    difference,
    kept_rows,
    moved_in_w,
    moved_in_z,
    plane_position,
    plane_sources,
    start_of_rows,
    start_source,
    start_z,
    tray_sources,
    trays_of,
    without_sliders,
)
from latentstudio.engine.latents import resolve_ws
from latentstudio.errors import InputError
from latentstudio.latent.directions import Direction, coordinate_direction
from latentstudio.latent.sampling import z_from_seed
from latentstudio.latent.spaces import Latent

TURN = coordinate_direction("Turn", 0, 8)


def test_a_bare_seed_stays_a_seed():
    assert start_source(Recipe.from_seed(4), 8) == Source(seed=4)


def test_sliders_in_z_become_part_of_the_start():
    recipe = Recipe.from_seed(4, directions=(DirectionEdit(TURN, 2.0),))
    source = start_source(recipe, 8)
    assert source is not None
    expected = z_from_seed(4, 8)
    expected[0] += 2
    assert np.allclose(source.values.array, expected)
    assert without_sliders(recipe).directions[0].amount == 0


def test_the_picture_of_the_start_is_the_picture_with_its_sliders(tiny):
    z_dim = tiny.info.z_dim
    recipe = Recipe.from_seed(4, directions=(DirectionEdit(coordinate_direction("a", 1, z_dim), -1.5),))
    baked = without_sliders(recipe).changed(sources=(start_source(recipe, z_dim),))
    assert np.array_equal(render(baked, tiny), render(recipe, tiny))


def test_what_only_the_network_can_tell_is_left_to_it():
    in_w = Direction("a", "w", Latent(np.ones(8)))
    assert start_source(Recipe(directions=(DirectionEdit(in_w, 1.0),)), 8) is None
    assert start_source(Recipe(directions=(DirectionEdit(TURN, 1.0, 0, 2),)), 8) is None
    assert start_source(Recipe(sources=(Source(seed=1), Source(seed=2))), 8) is None
    assert start_source(Recipe(sources=(Source(seed=1), Source(seed=2)), combine="z"), 8) is not None


def test_trays_count_as_their_means_and_come_back_from_the_sources():
    a, b, c = (tuple(Source(seed=s) for s in seeds) for seeds in ((1, 2, 3), (4, 5, 6), (7,)))
    trays = [Tray(a, 1.0), Tray(b, -1.0), Tray(c, 1.0)]
    sources = tray_sources(trays)
    assert [round(s.weight, 6) for s in sources] == [0.333333] * 3 + [-0.333333] * 3 + [1]
    assert [t.members for t in trays_of(sources)] == [a, b, c]
    assert [t.weight for t in trays_of(sources)] == pytest.approx([1, -1, 1])


def test_layers_outside_the_range_stay_the_mean_of_c(tiny):
    num_ws = tiny.info.num_ws
    members = (Source(seed=7), Source(seed=8))
    sources = tray_sources([Tray((Source(seed=1),), 1), Tray((Source(seed=2),), -1), Tray(members, 1)])
    recipe = Recipe(sources=sources, mixing=kept_rows(members, 0, 2, num_ws))
    got = resolve_ws(recipe, tiny)
    whole = resolve_ws(recipe.changed(mixing=()), tiny)
    mean = np.mean([resolve_ws(Recipe(sources=(m,)), tiny) for m in members], 0)
    assert np.allclose(got[:2], whole[:2], atol=1e-6)
    assert np.allclose(got[2:], mean[2:], atol=1e-5)
    assert kept_rows(members, 0, num_ws, num_ws) == ()


def test_a_difference_leads_from_b_to_a():
    a, b = [np.ones(4, np.float32) * 3], [np.ones(4, np.float32)]
    way = difference(a, b)
    assert way.sigma == pytest.approx(4)
    assert np.allclose(b[0] + way.sigma * way.values.array, a[0])
    rows = difference([np.arange(8, dtype=np.float32).reshape(2, 4)], [np.zeros((2, 4), np.float32)])
    assert rows.values.shape == (2, 4)
    assert np.allclose(rows.sigma * rows.values.array, np.arange(8).reshape(2, 4))
    with pytest.raises(InputError, match="same"):
        difference(a, a)
    with pytest.raises(InputError, match="A and in B"):
        difference(a, [])


def test_rows_that_agree_are_a_w():
    assert start_of_rows(np.ones((3, 4), np.float32)).space == "w"
    assert start_of_rows(np.arange(12, dtype=np.float32).reshape(3, 4)).space == "w+"


def test_a_neighbour_in_w_adds_to_the_one_before():
    step = np.full(8, 0.5, np.float32)
    twice = moved_in_w(moved_in_w(Recipe(), step), step)
    (edit,) = twice.directions
    assert np.allclose(edit.amount * edit.direction.sigma * edit.direction.values.array, 1)


def test_a_neighbour_in_z_is_an_explicit_z():
    moved = moved_in_z(Recipe(), np.ones(8, np.float32))
    assert np.array_equal(start_z(moved, 8), np.ones(8))


@pytest.mark.parametrize("place", [(0, 0), (3.25, 1.5), (3, 1.5), (7.5, 2), (99.5, 4.25)])
def test_a_place_on_the_plane_is_found_again_from_its_sources(place):
    found = plane_position(Recipe(sources=plane_sources(*place)))
    assert found == pytest.approx(place)


def test_other_sources_stand_nowhere_on_the_plane():
    assert plane_position(Recipe(sources=(Source(seed=1), Source(seed=5)))) is None
    assert plane_position(Recipe(sources=(Source(seed=1, weight=0.5), Source(seed=2, weight=0.9)))) is None
