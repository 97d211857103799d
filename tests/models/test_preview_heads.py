"""Early pictures fitted for families that have none."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from long_work import ended

from latentstudio.document.recipe import DirectionEdit, Recipe
from latentstudio.engine.render import Renderer, render
from latentstudio.latent.directions import Direction
from latentstudio.latent.spaces import Latent
from latentstudio.models import preview_heads
from latentstudio.models.architectures.stylegan2 import StyleGAN2
from latentstudio.models.generator import State
from latentstudio.models.library import default_model
from latentstudio.models.preview_heads import apply_head, candidates, fit_steps
from latentstudio.models.registry import load_generator


@pytest.fixture
def silent(tiny, monkeypatch):
    """The tiny network as a family without pictures before the end, and sizes small enough for it."""
    monkeypatch.setattr(StyleGAN2, "gives_picture", lambda self, i: i == len(self.stages) - 1)
    monkeypatch.setattr(preview_heads, "SMALLEST_PX", 4)
    monkeypatch.setattr(preview_heads, "SMALLEST_MODEL_PX", 16)
    return tiny


def fit(generator) -> int:
    return ended(fit_steps(generator))[1]


def test_a_head_stands_at_the_end_of_each_resolution(silent):
    names = [silent.stages[i].name for i in candidates(silent)]
    assert names == ["b4.conv1", "b4.torgb", "b8.conv1", "b8.torgb"]
    assert fit(silent) == 4


def test_a_family_with_pictures_of_its_own_gets_none(tiny, monkeypatch):
    monkeypatch.setattr(preview_heads, "SMALLEST_MODEL_PX", 16)
    assert candidates(tiny) == []
    assert fit(tiny) == 0


def test_the_heads_show_what_a_trained_network_is_about_to_draw(silent):
    """On the bundled model; a random network's last layers have nothing to do with those before."""
    trained = load_generator(default_model(), device="cpu")
    assert fit(trained) >= 3
    z = torch.randn(4, trained.info.z_dim, generator=torch.Generator().manual_seed(99))
    inputs, state, features = trained.inputs(trained.mapping(z)), State(), {}
    for index in range(len(trained.stages)):
        state = trained.run_stage(index, state, inputs)
        features[index] = state.x
    picture = trained.image(state)
    judged = 0
    for index, head in trained.preview_heads.items():
        small = apply_head(head, features[index])
        if preview_heads.SAMPLES * small[0, 0].numel() < features[index].shape[1]:
            continue  # fewer pixels than features: such a fit learns its samples by heart
        judged += 1
        target = F.interpolate(picture, size=small.shape[2:], mode="area")
        error = float((small - target).square().mean())
        spread = float((target - target.mean((0, 2, 3), keepdim=True)).square().mean())
        # Skip networks keep most of the picture beside the features, so these tell only a part of it.
        share = 1.0 if max(small.shape[2:]) < 16 else 0.75
        assert error < share * spread, trained.stages[index].name
    assert judged >= 3


def test_live_frames_use_them_and_say_that_they_are_previews(silent):
    fit(silent)
    renderer = Renderer(silent)
    base = Recipe.from_seed(1)
    renderer.frame(base)
    moved = base.changed(directions=(DirectionEdit(Direction("x", "w", Latent(np.ones(8))), 1.0),))
    early = renderer.frame(moved, budget_ms=0.0)
    assert not early.is_exact
    assert early.image.shape == (16, 16, 3)
    assert np.array_equal(renderer.frame(moved).image, render(moved, silent))


def test_what_a_head_misses_of_the_last_picture_is_added_to_the_next_ones(silent):
    fit(silent)
    renderer = Renderer(silent)
    base = Recipe.from_seed(1)
    exact = renderer.frame(base)
    nearly = base.changed(directions=(DirectionEdit(Direction("x", "w", Latent(np.full(8, 1e-4))), 1.0),))
    corrected = renderer.frame(nearly, budget_ms=0.0).image.astype(float)
    renderer._reference, renderer._corrections = None, {}
    plain = renderer.frame(nearly, budget_ms=0.0).image.astype(float)
    assert np.abs(corrected - exact.image).mean() < np.abs(plain - exact.image).mean()


def test_heads_are_kept_on_disk_by_the_models_hash(silent, home):
    fit(silent)
    first = dict(silent.preview_heads)
    assert len(list(home.rglob("previews/*.npz"))) == 1
    steps = fit_steps(silent)
    with pytest.raises(StopIteration):
        next(steps)
    assert all(torch.equal(first[i].weight, head.weight) for i, head in silent.preview_heads.items())
    next(home.rglob("previews/*.npz")).write_bytes(b"damaged")
    assert fit(silent) == 4
