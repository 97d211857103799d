from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from latentstudio import Recipe, render
from latentstudio.document.dragging import DragOptions, DragPoint
from latentstudio.document.edits import DirectionEdit, FeatureEdit, Source
from latentstudio.document.local_edits import LocalEdit, inside_recipe
from latentstudio.document.mask import Mask
from latentstudio.engine.dragging import drag_steps
from latentstudio.engine.masks import fitted_mask
from latentstudio.engine.render import Renderer
from latentstudio.errors import InputError
from latentstudio.latent.directions import Direction
from latentstudio.latent.spaces import Latent
from latentstudio.models.registry import load_generator

SMILE = Direction("Smile", "w", Latent(np.linspace(-1, 1, 8)))
FULL = Mask(np.ones((16, 16)))


def half(side: int = 16) -> Mask:
    levels = np.zeros((side, side), np.uint8)
    levels[:, side // 2 :] = 255
    return Mask(levels)


def other(mask: Mask, **changes) -> LocalEdit:
    return LocalEdit(mask, source=Source(seed=9), **{"feather": 0.0, **changes})


def test_a_region_that_covers_all_is_the_picture_inside_and_an_empty_one_is_none(tiny):
    base = Recipe.from_seed(1)
    assert np.array_equal(render(base.changed(local=(other(FULL),)), tiny), render(Recipe.from_seed(9), tiny))
    assert np.array_equal(
        render(base.changed(local=(other(Mask(np.zeros((4, 4)))),)), tiny), render(base, tiny)
    )


def test_inside_is_the_one_and_outside_the_other_where_only_the_last_stage_is_joined(tiny):
    base, last = Recipe.from_seed(1), len(tiny.stages) - 1
    joined = render(base.changed(local=(other(half(), first_stage=last),)), tiny)
    assert np.array_equal(joined[:, :8], render(base, tiny)[:, :8])
    assert np.array_equal(joined[:, 8:], render(Recipe.from_seed(9), tiny)[:, 8:])


def test_joined_at_all_stages_the_edge_is_neither_picture(tiny):
    base = Recipe.from_seed(1)
    joined = render(base.changed(local=(other(half()),)), tiny).astype(int)
    around, inside = (render(r, tiny).astype(int) for r in (base, Recipe.from_seed(9)))
    cut = np.where(half().levels[..., None] > 0, inside, around)
    # Inside the mask every stage ends with the features of the picture inside.
    assert np.array_equal(joined[:, 9:], inside[:, 9:])
    near, far = np.abs(joined - cut)[:, 6:8].mean(), np.abs(joined - around)[:, :3].mean()
    assert near > 0
    assert np.abs(inside - around)[:, :3].mean() > far


def test_an_edit_acts_inside_the_mask(tiny):
    base = Recipe.from_seed(1)
    edit = LocalEdit(half(), directions=(DirectionEdit(SMILE, 3.0),), feather=0.1)
    changed = np.abs(render(base.changed(local=(edit,)), tiny).astype(int) - render(base, tiny)).mean((0, 2))
    everywhere = base.changed(directions=(DirectionEdit(SMILE, 3.0),))
    whole = np.abs(render(everywhere, tiny).astype(int) - render(base, tiny)).mean((0, 2))
    assert changed[12:].mean() > 0.9 * whole[12:].mean()
    assert changed[:4].mean() < 0.35 * whole[:4].mean()


def test_the_cache_changes_no_pixel_and_a_moved_slider_outside_the_region_is_seen_inside(tiny):
    renderer = Renderer(tiny)
    local = (
        other(half(), feather=0.2),
        LocalEdit(half().inverted(), directions=(DirectionEdit(SMILE, 2.0),)),
    )
    recipes = [
        Recipe.from_seed(1),
        Recipe.from_seed(1, local=local),
        Recipe.from_seed(1, local=local[:1]),
        Recipe.from_seed(1, local=local[::-1]),
        Recipe.from_seed(1, local=(replace(local[0], amount=0.5),)),
        Recipe.from_seed(1, local=(replace(local[0], mask=half().inverted()),)),
        Recipe.from_seed(1, local=(replace(local[0], last_stage=4),)),
        Recipe.from_seed(1, local=local, directions=(DirectionEdit(SMILE, 1.0, 4),)),
        Recipe.from_seed(1, local=local, features=(FeatureEdit("b8.conv0", 1, 0.0),)),
        Recipe.from_seed(1, local=local),
    ]
    for recipe in (*recipes, *recipes[::-1]):
        assert np.array_equal(renderer.frame(recipe).image, render(recipe, tiny))
    assert renderer.frame(recipes[1]).stages_run == 0
    pictures = {render(recipe, tiny).tobytes() for recipe in recipes}
    assert len(pictures) == len(recipes) - 1


def test_a_soft_edge_mixes(tiny):
    hard, soft = (
        render(Recipe.from_seed(1, local=(other(half(), feather=width),)), tiny) for width in (0.0, 0.5)
    )
    assert not np.array_equal(hard, soft)


def test_a_start_that_does_not_fit_is_told(tiny):
    wrong = LocalEdit(half(), source=Source("w", None, Latent(np.zeros(5))))
    with pytest.raises(InputError):
        render(Recipe.from_seed(1, local=(wrong,)), tiny)


def test_masks_fit_features_of_any_size():
    shares = torch.from_numpy(half(64).shares)
    assert np.array_equal(fitted_mask(shares, (8, 8), (1, 1)), half(8).shares)
    beyond = fitted_mask(shares, (12, 12), (2 / 3, 2 / 3))
    assert beyond.shape == (12, 12)
    assert np.array_equal(beyond[2:10, 2:10], half(8).shares)
    assert beyond[0, 11] == 1
    assert beyond[0, 0] == 0


def test_what_is_dragged_is_the_picture_with_its_regions(tiny):
    recipe = Recipe.from_seed(1, local=(other(half()),))
    *_, last = drag_steps(tiny, recipe, [DragPoint((11, 5), (8, 8))], DragOptions(max_steps=3))
    inside = inside_recipe(recipe, recipe.local[0], 8, 6)
    *_, alone = drag_steps(tiny, inside, [DragPoint((11, 5), (8, 8))], DragOptions(max_steps=3))
    assert last.recipe.local == recipe.local
    assert not np.array_equal(render(last.recipe, tiny), render(recipe, tiny))
    # Deep inside the region it is that picture which is followed.
    assert last.recipe.directions[0].direction != alone.recipe.directions[0].direction


@pytest.mark.parametrize(
    "file",
    [
        "sg2ada_resnet/checkpoint_nosrc.pkl",
        "sg3t_small/checkpoint_nosrc.pkl",
        "stylegan1_fbzoo_32/checkpoint.pth",
        "progan_fbzoo_32/checkpoint.pth",
        "biggan_hf_tiny",
        "dcgan_examples_64/netG_epoch_24.pth",
        "sagan_mimicry_32/netG_1000_steps.pth",
    ],
)
def test_every_family_has_regions(shared, file):
    generator = load_generator(shared / "zoo" / file, device="cpu")
    base = Recipe.from_seed(1)
    joined = render(base.changed(local=(other(half(64)),)), generator).astype(int)
    around, inside = (render(r, generator).astype(int) for r in (base, Recipe.from_seed(9)))
    width = joined.shape[1]
    assert np.abs(joined - inside)[:, -width // 8 :].mean() <= 1
    assert np.abs(joined - around)[:, : width // 8].mean() < np.abs(inside - around)[:, : width // 8].mean()
