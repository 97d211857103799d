from __future__ import annotations

import shutil

import numpy as np
import pytest

from latentstudio.document.recipe import Recipe, TuningRef
from latentstudio.document.recipe_json import dumps, loads
from latentstudio.engine.render import Renderer, render
from latentstudio.errors import InputError, ModelNotFoundError
from latentstudio.inversion.options import ProjectionOptions
from latentstudio.inversion.projector import projected
from latentstudio.inversion.target import Target
from latentstudio.inversion.tuning_store import adopt_tuning, export_tuning, tuning_path

OPTIONS = ProjectionOptions(
    steps=10, distance="pixel", start_samples=8, tune_steps=25, tune_rate=3e-3, tune_stop=0.0
)


@pytest.fixture
def photo(random):
    return Target(random.integers(60, 200, (16, 16, 3)).astype(np.uint8), name="photo")


@pytest.fixture
def pair(tiny, photo):
    pivot = projected(tiny, [photo], OPTIONS.changed(tune_steps=0))[0]
    return pivot, projected(tiny, [photo], OPTIONS)[0]


def test_tuning_comes_nearer_than_the_pivot_and_keeps_its_latent(pair):
    pivot, tuned = pair
    assert tuned.source == pivot.source
    assert tuned.distance < 0.5 * pivot.distance
    assert len(tuned.curve) == len(pivot.curve) + 25


def test_a_tuned_recipe_draws_its_picture_bit_for_bit_also_after_a_file(tiny, pair):
    recipe = loads(dumps(pair[1].to_recipe(tiny.info)))
    assert recipe.tuning == pair[1].tuning
    assert np.array_equal(render(recipe, tiny), pair[1].image)


def test_the_renderer_goes_to_and_fro_between_tuned_and_plain(tiny, pair):
    renderer = Renderer(tiny)
    tuned = pair[1].to_recipe(tiny.info)
    plain = tuned.changed(tuning=None)
    for _ in range(2):
        assert np.array_equal(renderer.frame(tuned).image, pair[1].image)
        assert np.array_equal(renderer.frame(plain).image, pair[0].image)


def test_the_tuning_travels_beside_the_recipe(tiny, pair, tmp_path):
    recipe = pair[1].to_recipe(tiny.info)
    beside = export_tuning(recipe, tmp_path)
    assert beside.name == "photo.tuning.safetensors"
    shutil.rmtree(tuning_path("").parent)
    with pytest.raises(ModelNotFoundError, match=r"photo\.tuning"):
        render(recipe, tiny)
    adopt_tuning(recipe, tmp_path)
    assert np.array_equal(render(recipe, tiny), pair[1].image)


def test_a_file_with_other_content_is_not_taken_for_the_tuning(tiny, pair, tmp_path):
    recipe = pair[1].to_recipe(tiny.info)
    shutil.rmtree(tuning_path("").parent)
    (tmp_path / recipe.tuning.name).write_bytes(b"something else")
    adopt_tuning(recipe, tmp_path)
    with pytest.raises(ModelNotFoundError):
        render(recipe, tiny)


@pytest.mark.parametrize(("sha256", "name"), [("x", ""), ("0" * 64, "../up"), ("0" * 63 + "/", "")])
def test_a_reference_can_name_no_other_place(sha256, name):
    with pytest.raises(InputError):
        TuningRef(sha256, name)


def test_a_recipe_without_tuning_is_stored_as_before():
    assert "tuning" not in dumps(Recipe.from_seed(1))


def test_a_rate_that_leads_away_leaves_the_pivot_as_it_was(tiny, photo):
    pivot = projected(tiny, [photo], OPTIONS.changed(tune_steps=0))[0]
    spoilt = projected(tiny, [photo], OPTIONS.changed(tune_rate=100.0, tune_steps=3))[0]
    assert spoilt.tuning is None
    assert spoilt.distance == pivot.distance
    assert np.array_equal(render(spoilt.to_recipe(tiny.info), tiny), spoilt.image)
