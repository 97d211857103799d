from __future__ import annotations

import numpy as np
import pytest

from latentstudio.document.dragging import DragOptions, DragPoint, check_points, drag_name, with_drag
from latentstudio.document.recipe import Recipe
from latentstudio.document.recipe_json import dumps, loads
from latentstudio.errors import InputError


def step() -> np.ndarray:
    moved = np.zeros((6, 8), np.float32)
    moved[:3] = 0.25
    return moved


def test_a_drag_is_one_more_slider_that_reaches_the_rows_it_moved():
    recipe = with_drag(Recipe.from_seed(3), step(), "Drag")
    edit = recipe.directions[-1]
    assert (edit.amount, edit.start, edit.stop, edit.direction.origin) == (1.0, 0, 3, "drag")
    assert recipe.seed == 3
    assert loads(dumps(recipe)) == recipe


def test_drags_are_counted():
    recipe = with_drag(Recipe(), step(), drag_name(Recipe()))
    assert drag_name(recipe) == "Drag 2"
    assert drag_name(with_drag(recipe, step(), "Drag 2")) == "Drag 3"


def test_points_must_lie_in_the_picture():
    inside = DragPoint((0, 0), (63, 31))
    check_points([inside], (32, 64))
    for wrong in ([], [DragPoint((0, 0), (64.6, 0))], [DragPoint((0, -3), (0, 0))], [inside] * 65):
        with pytest.raises(InputError):
            check_points(wrong, (32, 64))
    with pytest.raises(InputError):
        DragPoint((float("nan"), 0), (0, 0))


@pytest.mark.parametrize(
    "wrong", [{"patch": 0}, {"search": -1}, {"rate": 0}, {"mask_weight": -1}, {"max_steps": 0}, {"rows": 0}]
)
def test_options_that_make_no_sense_are_refused(wrong):
    with pytest.raises(InputError):
        DragOptions(**wrong)
