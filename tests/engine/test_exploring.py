from __future__ import annotations

import numpy as np
import pytest
from long_work import ended

from latentstudio import render
from latentstudio.document.recipe import FeatureEdit, Noise, Recipe, Source
from latentstudio.engine.discovery import sample_w
from latentstudio.engine.exploring import (
    _tiles,
    channel_search_job,
    feature_maps_job,
    heat_map_job,
    mixing_recipes,
    noise_panels,
    noise_spread_job,
    pictures_job,
    style_statistics,
)
from latentstudio.engine.requests import Progress
from latentstudio.errors import InputError


def run(job, generator):
    seen, value = ended(job.start(generator))
    return value, seen


def test_a_mixing_grid_holds_the_pictures_of_its_recipes(tiny):
    rows, columns = [Source(seed=s) for s in (1, 2)], [Source(seed=s) for s in (3, 4, 5)]
    grid = mixing_recipes(Recipe(truncation_psi=0.7), rows, columns, range(3))
    flat = [recipe for line in grid for recipe in line]
    pictures, progress = run(pictures_job(flat), tiny)
    assert len(pictures) == 6
    for recipe, picture in zip(flat, pictures, strict=True):
        assert np.array_equal(picture, render(recipe, tiny))
    assert all(isinstance(p, Progress) for p in progress)
    assert np.array_equal(progress[2].payload[1], pictures[2])
    assert not np.array_equal(pictures[0], pictures[1])


def test_the_spread_over_noise_is_that_of_the_drawn_pictures(tiny):
    spread, _ = run(noise_spread_job(Recipe.from_seed(1), 6), tiny)
    pictures = np.stack(
        [render(Recipe.from_seed(1, noise=Noise("random", s)), tiny) for s in range(6)]
    ).astype(np.float64)
    assert np.allclose(spread, pictures.std(0).mean(2), atol=1e-4)
    assert spread.max() > 0


def test_the_four_panels_switch_the_layers_of_the_published_figure(tiny):
    every, none, fine, coarse = noise_panels(Recipe.from_seed(1), tiny.noise_shapes, 8)
    assert every.noise == Noise("const")
    assert none.noise == Noise("none")
    sizes = [max(shape) for shape in tiny.noise_shapes]
    assert [sizes[layer.index] for layer in fine.noise.layers] == [s for s in sizes if s < 8]
    assert [sizes[layer.index] for layer in coarse.noise.layers] == [s for s in sizes if s >= 8]
    pictures = [render(r, tiny) for r in (every, none, fine, coarse)]
    assert len({p.tobytes() for p in pictures}) == 4


def test_a_heat_map_shows_where_two_recipes_differ(tiny):
    a, b = Recipe.from_seed(1), Recipe.from_seed(1, features=(FeatureEdit("b16.conv1", 0, 3.0),))
    heat, _ = run(heat_map_job(a, b), tiny)
    expected = np.abs(render(a, tiny).astype(float) - render(b, tiny)).mean(2)
    assert np.allclose(heat, expected, atol=1e-4)
    assert not run(heat_map_job(a, a), tiny)[0].any()


def test_feature_maps_are_those_of_the_edited_picture(tiny):
    edited = Recipe.from_seed(1, features=(FeatureEdit("b8.conv1", 2, 0.0),))
    silent, _ = run(feature_maps_job(edited, "b8.conv1"), tiny)
    assert not silent.maps[2].any()
    assert (silent.tiles[2] == 127).all()
    later, _ = run(feature_maps_job(edited, "b16.conv1"), tiny)
    plain, _ = run(feature_maps_job(Recipe.from_seed(1), "b16.conv1"), tiny)
    assert not np.array_equal(later.maps, plain.maps)


def test_tiles_are_stretched_and_small():
    flat = np.full((2, 5, 5), 3.0, np.float32)
    flat[1] = np.linspace(0, 1, 25).reshape(5, 5)
    tiles = _tiles(flat)
    assert (tiles[0] == 127).all()
    assert (tiles[1].min(), tiles[1].max()) == (0, 255)
    assert _tiles(np.zeros((3, 200, 100), np.float32)).shape == (3, 50, 25)
    # Single numbers are compared with one another; what is no number is grey.
    assert _tiles(np.array([[[0]], [[1]], [[2]]], np.float32)).ravel().tolist() == [0, 127, 255]
    assert (_tiles(np.full((1, 2, 2), np.nan, np.float32)) == 127).all()


def test_feature_maps_come_with_their_statistics(tiny):
    maps, _ = run(feature_maps_job(Recipe.from_seed(1), "b8.conv1"), tiny)
    assert maps.maps.shape == (10, 8, 8)
    assert np.allclose(maps.mean, maps.maps.mean((1, 2)), atol=1e-6)
    assert maps.tiles.shape == (10, 8, 8)
    assert (maps.tiles.min(), maps.tiles.max()) == (0, 255)
    with pytest.raises(InputError, match="nowhere"):
        run(feature_maps_job(Recipe(), "nowhere"), tiny)


def test_style_statistics_are_those_of_the_affines_on_samples(tiny):
    statistics = style_statistics(tiny, 500)
    w = sample_w(tiny, 500, np.random.RandomState(0))
    weight = tiny.blocks["b8"].conv1.affine
    expected = w @ (weight.weight * weight.weight_gain).numpy().T
    assert np.allclose(statistics["b8.conv1"][1], expected.std(0, ddof=1), rtol=1e-4)


def test_the_channel_search_ranks_by_a_real_edit(tiny):
    region = np.zeros((16, 16), bool)
    region[:8, :8] = True
    scores, _ = run(channel_search_job(Recipe.from_seed(1), region, candidates=10), tiny)
    assert len(scores) == 10
    best = scores[0]
    moved = Recipe.from_seed(
        1, channels=(type(best.edit)(best.edit.layer, best.edit.channel, 3.0, best.edit.sigma),)
    )
    change = np.abs(render(moved, tiny).astype(float) - render(Recipe.from_seed(1), tiny)).mean(2)
    assert best.inside == pytest.approx(change[region].mean(), abs=1e-3)
    assert best.ratio == pytest.approx(change[region].mean() / (change[~region].mean() + 0.1), rel=1e-3)
    for bad in (np.zeros((16, 16), bool), np.ones((16, 16), bool), np.ones((3, 3), bool)):
        with pytest.raises(InputError):
            run(channel_search_job(Recipe(), bad), tiny)
