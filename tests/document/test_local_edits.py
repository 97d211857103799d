from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from latentstudio.document.between import recipe_between
from latentstudio.document.between_starts import Moment
from latentstudio.document.edits import ChannelEdit, DirectionEdit, Source
from latentstudio.document.local_edits import LocalEdit, inside_recipe
from latentstudio.document.mask import Mask
from latentstudio.document.recipe import Recipe
from latentstudio.document.recipe_json import dumps, loads, to_json
from latentstudio.errors import InputError, RecipeError
from latentstudio.latent.directions import Direction
from latentstudio.latent.spaces import Latent

TURN = Direction("Turn", "z", Latent(np.eye(8)[0]))
SMILE = Direction("Smile", "w", Latent(np.eye(8)[1]))


def half() -> Mask:
    levels = np.zeros((16, 16), np.uint8)
    levels[:, 8:] = 255
    return Mask(levels)


def region(**changes) -> LocalEdit:
    return LocalEdit(half(), "Right half", directions=(DirectionEdit(SMILE, 2.0),), **changes)


def test_regions_survive_json_and_count_in_the_digest():
    edit = region(
        source=Source(seed=4),
        start=1,
        stop=3,
        channels=(ChannelEdit("b8.conv1", 2, 1.5, 0.5),),
        amount=0.5,
        feather=0.1,
        first_stage=2,
        last_stage=7,
    )
    recipe = Recipe.from_seed(1, local=(edit,))
    assert loads(dumps(recipe)) == recipe
    assert recipe.digest != Recipe.from_seed(1).digest
    assert recipe.digest != recipe.changed(local=(replace(edit, mask=half().inverted()),)).digest
    assert recipe.unedited() == Recipe.from_seed(1)


def test_a_recipe_without_regions_is_written_as_before():
    assert "local" not in to_json(Recipe())


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("mask", None),
        ("amount", 2.0),
        ("feather", -1.0),
        ("layers", [3, 1]),
        ("layers", [1]),
        ("stages", [0.5, None]),
        ("source", {"space": "z"}),
        ("name", 3),
        ("directions", [1]),
    ],
)
def test_a_damaged_region_is_told_in_a_sentence(key, value):
    stored = json.loads(dumps(Recipe(local=(region(),))))
    stored["local"][0][key] = value
    with pytest.raises(RecipeError):
        loads(json.dumps(stored))


def test_more_regions_than_sense_are_refused():
    with pytest.raises(InputError):
        Recipe(local=tuple(region() for _ in range(17)))


def test_inside_is_the_picture_with_the_regions_sliders_after_its_own():
    around = Recipe.from_seed(1, directions=(DirectionEdit(TURN, 1.0),), local=(region(),))
    inside = inside_recipe(around, around.local[0], 8, 6)
    assert inside.local == ()
    assert [e.direction.name for e in inside.directions] == ["Turn", "Smile"]
    assert inside.sources == around.sources


def test_another_start_on_all_layers_is_that_picture_with_the_sliders_of_both():
    around = Recipe.from_seed(1, directions=(DirectionEdit(TURN, 1.0),))
    inside = inside_recipe(around, region(source=Source(seed=9)), 8, 6)
    assert inside.sources == (Source(seed=9),)
    assert inside.mixing == ()
    assert len(inside.directions) == 2


def test_another_start_on_some_layers_is_mixed_in_with_the_sliders_of_z_inside_it():
    around = Recipe.from_seed(1, directions=(DirectionEdit(TURN, 1.0),))
    inside = inside_recipe(around, region(source=Source(seed=9), start=1, stop=3), 8, 6)
    (mix,) = inside.mixing
    assert mix.amounts == (0.0, 1.0, 1.0)
    moved = Source(seed=9).z(8) + np.eye(8, dtype=np.float32)[0]
    assert np.allclose(mix.source.z(8), moved)


def test_what_changes_nothing_is_known():
    assert LocalEdit(half()).does_nothing
    assert region(amount=0.0).does_nothing
    assert LocalEdit(Mask(np.zeros((2, 2))), source=Source(seed=1)).does_nothing
    assert not region().does_nothing
    assert not LocalEdit(half(), source=Source(seed=1)).does_nothing


def test_a_slider_is_set_once():
    edit = LocalEdit(half()).with_slider(DirectionEdit(SMILE, 1.0)).with_slider(DirectionEdit(TURN, 1.0))
    assert edit.with_slider(DirectionEdit(SMILE, 3.0)).directions == (
        DirectionEdit(SMILE, 3.0),
        DirectionEdit(TURN, 1.0),
    )


def test_between_two_keyframes_regions_fade_and_their_sliders_move():
    left = Recipe.from_seed(1, local=(region(),))
    right = Recipe.from_seed(1, local=(replace(region(), directions=(DirectionEdit(SMILE, 4.0),)),))
    (edit,) = recipe_between(Moment((left, right), (0.5, 0.5), left, right, 0.5)).local
    assert edit.directions[0].amount == pytest.approx(3)
    none = Recipe.from_seed(1)
    (edit,) = recipe_between(Moment((left, none), (0.25, 0.75), left, none, 0.75)).local
    assert edit.amount == pytest.approx(0.25)
    assert edit.directions[0].amount == pytest.approx(2)
