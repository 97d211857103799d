from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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
from latentstudio.document.recipe_json import dumps, from_json, loads, to_json
from latentstudio.errors import InputError, NewerVersionError, RecipeError
from latentstudio.latent.directions import Direction
from latentstudio.latent.spaces import Latent

SMILE = Direction("Smile", "w", Latent(np.arange(4)), 1.5, "pca")
FULL = Recipe(
    model=ModelRef("ab" * 32, "Clay", "bundled:clay"),
    sources=(Source(seed=3, weight=0.5), Source("w", None, Latent([1, 2, 3, 4]), 0.5)),
    classes=((2, 0.5), (1, 0.5)),
    combine="z normalized",
    mixing=(StyleMix.of_rows(Source(seed=8), [1, 3], 0.5),),
    truncation_psi=0.7,
    truncation_cutoff=4,
    truncation_curve=(1.0, 0.5),
    truncation_center=Source("w", None, Latent([0, 0, 1, 0])),
    directions=(DirectionEdit(SMILE, 1.4, 1, 3), DirectionEdit(SMILE, -2.0)),
    channels=(ChannelEdit("b8.conv1", 3, -2.0, 0.7),),
    features=(FeatureEdit("b8.conv1", 3, 0.5),),
    noise=Noise("random", 9, (NoiseLayer(2, 0.5, "const"), NoiseLayer(3, 1.0, None, 4, Latent([[1.0]])))),
    transform=Transform(0.1, -0.2, 30),
)
finite = st.floats(allow_nan=False, allow_infinity=False, width=32)
recipes = st.builds(
    Recipe,
    sources=st.lists(
        st.one_of(
            st.builds(Source, seed=st.integers(0, 2**32 - 1), weight=finite),
            st.builds(
                Source,
                space=st.sampled_from(["z", "w", "w+"]),
                seed=st.none(),
                values=st.builds(Latent, st.lists(finite, min_size=1, max_size=6)),
                weight=finite,
            ),
        ),
        min_size=1,
        max_size=3,
    ).map(tuple),
    truncation_psi=finite,
    truncation_cutoff=st.none() | st.integers(0, 20),
    directions=st.lists(
        st.builds(DirectionEdit, st.just(SMILE), finite, st.integers(0, 5), st.none() | st.integers(5, 9)),
        max_size=3,
    ).map(tuple),
    noise=st.builds(Noise, st.sampled_from(["const", "random", "none"]), st.integers(0, 99)),
)


@given(recipes)
def test_every_recipe_comes_back_equal(recipe):
    again = loads(dumps(recipe))
    assert again == recipe
    assert again.digest == recipe.digest


def test_a_recipe_with_everything_comes_back_equal():
    again = loads(dumps(FULL))
    assert again == FULL
    assert again.model.name == "Clay"


def test_the_digest_tells_pictures_apart_but_not_file_names():
    moved = FULL.changed(model=ModelRef(FULL.model.sha256, "other name", "elsewhere"))
    assert moved.digest == FULL.digest
    assert FULL.changed(truncation_psi=0.71).digest != FULL.digest
    assert FULL.changed(noise=Noise("random", 10)).digest != FULL.digest


def test_a_newer_version_is_told_apart_from_damage():
    with pytest.raises(NewerVersionError, match="newer"):
        from_json({**to_json(FULL), "version": 2})


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"format": "other"}', "NaN", '{"format":"latentstudio.recipe","version":"1"}'],
)
def test_what_is_not_a_recipe_is_refused(text):
    with pytest.raises(RecipeError):
        loads(text)


@pytest.mark.parametrize(
    "key",
    [
        "model",
        "sources",
        "truncation",
        "directions",
        "noise",
        "classes",
        "mixing",
        "channels",
        "features",
        "combine",
    ],
)
@pytest.mark.parametrize("value", [None, 3, "x", [1], {}, [[]], [{}]])
def test_damage_anywhere_is_a_named_error(key, value):
    stored = json.loads(dumps(FULL))
    stored[key] = value
    if value == {}:
        value = stored[key] = {"a": 1}
    if key == "combine" and value == "x":
        value = stored[key] = "y"
    with pytest.raises(RecipeError):
        from_json(stored)


def test_values_out_of_range_are_refused_when_a_recipe_is_made():
    with pytest.raises(InputError):
        Recipe(sources=())
    with pytest.raises(InputError):
        Recipe(truncation_psi=float("nan"))
    with pytest.raises(InputError):
        Source("w", 3)
    with pytest.raises(InputError):
        DirectionEdit(SMILE, float("inf"))
    with pytest.raises(InputError):
        DirectionEdit(SMILE, 1.0, 4, 2)
    with pytest.raises(InputError):
        Noise("loud")


def test_how_a_seed_is_drawn_travels_and_the_usual_way_leaves_the_digest_alone():
    usual = Recipe(sources=(Source(seed=4),))
    drawn = Recipe(sources=(Source(seed=4, draw="truncnorm", limit=0.4),))
    assert loads(dumps(drawn)) == drawn
    assert "draw" not in dumps(usual)
    assert drawn.digest != usual.digest
    assert drawn.seeded(9) == Source(seed=9, draw="truncnorm", limit=0.4)
