from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from latentstudio import Recipe, render
from latentstudio.cli.main import app
from latentstudio.document.edits import Source
from latentstudio.document.recipe_json import loads
from latentstudio.errors import InputError
from latentstudio.media.image import read_pixels, read_recipe_text


def call(*arguments: object):
    result = CliRunner().invoke(app, ["region", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def mask(tmp_path):
    pixels = np.zeros((32, 32), np.uint8)
    pixels[:, 16:] = 255
    Image.fromarray(pixels).save(tmp_path / "mask.png")
    return tmp_path / "mask.png"


def test_the_command_draws_the_recipe_it_writes(tiny_path, tiny, tmp_path, mask):
    out = tmp_path / "a.png"
    options = [
        "--inside",
        9,
        "--layers",
        "0-3",
        "--slider",
        "turn=2",
        "--feather",
        0,
        "--stages",
        "b8.conv0:",
    ]
    call(tiny_path, "--seed", 1, "--mask", mask, *options, "--out", out)
    recipe = loads(read_recipe_text(out))
    (edit,) = recipe.local
    assert (edit.source, edit.start, edit.stop) == (Source(seed=9), 0, 4)
    assert (edit.first_stage, edit.last_stage) == (2, None)
    assert [(e.direction.name, e.amount) for e in edit.directions] == [("Turn", 2.0)]
    assert np.array_equal(read_pixels(out), render(recipe, tiny))
    assert not np.array_equal(read_pixels(out), render(recipe.changed(local=()), tiny))


def test_a_second_region_is_added_to_the_first_and_may_show_a_picture(tiny_path, tiny, tmp_path, mask):
    first, second, other = tmp_path / "a.png", tmp_path / "b.png", tmp_path / "c.png"
    call(tiny_path, "--mask", mask, "--inside", 9, "--out", first)
    call(tiny_path, "--mask", mask, "--slider", "Nod=2", "--out", other)
    call(first, "--mask", mask, "--invert", "--inside", other, "--out", second)
    recipe = loads(read_recipe_text(second))
    assert [edit.name for edit in recipe.local] == ["Region 1", "Region 2"]
    assert recipe.local[1].mask == recipe.local[0].mask.inverted()
    assert np.array_equal(read_pixels(second), render(recipe, tiny))


def test_a_region_that_changes_nothing_is_told_of(tiny_path, tiny, tmp_path, mask):
    out = tmp_path / "a.png"
    assert "changes nothing" in call(tiny_path, "--mask", mask, "--out", out).output
    assert np.array_equal(read_pixels(out), render(Recipe.from_seed(0), tiny))


@pytest.mark.parametrize(
    "wrong",
    [
        ["--inside", "1,2"],
        ["--slider", "Turn"],
        ["--slider", "Nonsense=1"],
        ["--stages", "b99:b8.conv0"],
        ["--strength", "2"],
        ["--layers", "0-99"],
    ],
)
def test_what_makes_no_sense_is_told_in_a_sentence(tiny_path, tmp_path, mask, wrong):
    with pytest.raises(InputError):
        call(tiny_path, "--mask", mask, *wrong, "--out", tmp_path / "a.png")
