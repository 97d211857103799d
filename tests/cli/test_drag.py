from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from latentstudio.cli.main import app
from latentstudio.document.dragging import DragOptions, DragPoint
from latentstudio.document.recipe_json import loads
from latentstudio.engine.dragging import drag
from latentstudio.engine.render import render
from latentstudio.errors import InputError
from latentstudio.media.image import read_pixels, read_recipe_text

POINTS = ["--from", "5,5", "--to", "9,8"]


def call(*arguments: object):
    result = CliRunner().invoke(app, ["drag", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_the_command_draws_what_the_function_drags(tiny_path, tiny, tmp_path):
    out = tmp_path / "a.png"
    call(
        tiny_path,
        *POINTS,
        "--seed",
        3,
        "--trunc",
        0.7,
        "--steps",
        4,
        "--out",
        out,
        "--frames",
        tmp_path / "f",
    )
    recipe = loads(read_recipe_text(out))
    start = recipe.changed(directions=())
    assert drag(start, [DragPoint((5, 5), (9, 8))], tiny, DragOptions(max_steps=4)) == recipe
    assert np.array_equal(read_pixels(out), render(recipe, tiny))
    frames = sorted((tmp_path / "f").iterdir())
    assert len(frames) == 5
    assert np.array_equal(read_pixels(frames[-1]), read_pixels(out))


def test_a_picture_is_dragged_on(tiny_path, tmp_path):
    first, second = tmp_path / "a.png", tmp_path / "b.png"
    call(tiny_path, *POINTS, "--steps", 2, "--out", first)
    white = tmp_path / "mask.png"
    Image.fromarray(np.full((20, 20), 255, np.uint8)).save(white)
    call(first, *POINTS, "--steps", 2, "--mask", white, "--layers", 2, "--out", second)
    names = [edit.direction.name for edit in loads(read_recipe_text(second)).directions]
    assert names == ["Drag", "Drag 2"]


def test_points_that_make_no_sense_are_told_in_a_sentence(tiny_path, tmp_path):
    out = ["--out", tmp_path / "a.png"]
    for wrong in (["--from", "5,5"], ["--from", "5;5", "--to", "1,1"], ["--from", "5,5", "--to", "90,1"]):
        if "--to" not in wrong:
            assert call(tiny_path, *wrong, *out).exit_code == 2
        else:
            with pytest.raises(InputError):
                call(tiny_path, *wrong, *out)
    with pytest.raises(InputError, match="1 points to drag from, but 2"):
        call(tiny_path, *POINTS, "--to", "3,3", *out)
