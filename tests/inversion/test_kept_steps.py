"""A step that is kept is the picture that was shown."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from latentstudio.document.recipe import Recipe
from latentstudio.engine.render import render
from latentstudio.inversion import fit, schedule
from latentstudio.inversion.options import ProjectionOptions
from latentstudio.inversion.pictures import as_pixels
from latentstudio.inversion.projector import project
from latentstudio.inversion.synthesis import Rung, picture, rungs
from latentstudio.inversion.target import Target
from latentstudio.models.architectures.stylegan2_compact import build, compact_config
from latentstudio.models.generator import Inputs, Provenance, State
from latentstudio.models.registry import load_generator
from latentstudio.models.spec import NetworkSpec, write_spec

EVERY = ProjectionOptions(steps=30, distance="pyramid", start_samples=8, preview_every=1, precision="exact")


def shown(generator, targets, options):
    return [one for one in project(generator, targets, options) if one.images is not None]


@pytest.fixture
def targets(tiny):
    return [Target(render(Recipe.from_seed(seed), tiny), name=f"seed {seed}") for seed in (1, 2)]


@pytest.mark.parametrize(
    ("method", "space"),
    [("fast", "w"), ("fast", "w+"), ("fast", "z"), ("published", "w"), ("published", "z")],
)
def test_every_step_that_is_kept_draws_the_picture_that_was_shown(tiny, targets, method, space):
    seen = shown(tiny, targets, EVERY.changed(method=method, space=space))
    assert len(seen) >= 29
    for one in seen:
        for image, snapshot in zip(one.images, one.snapshots, strict=True):
            assert snapshot.step == one.step
            drawn = render(snapshot.to_recipe(tiny.info), tiny)
            # A batch may round otherwise than one picture alone.
            assert np.abs(drawn.astype(int) - image).max() <= 1, one.step


def test_rough_steps_show_what_is_kept_but_for_the_rounding_of_their_16_bits(tiny, targets):
    for one in shown(tiny, targets, EVERY.changed(precision="fast")):
        drawn = render(one.snapshots[0].to_recipe(tiny.info), tiny)
        assert np.abs(drawn.astype(int) - one.images[0]).mean() < 1.5, one.step


def test_early_pictures_are_of_the_latents_that_are_kept_with_them(tmp_path, monkeypatch):
    for module in (schedule, fit):
        monkeypatch.setattr(module, "EARLY_FROM_PX", 32)
    monkeypatch.setattr(schedule, "EARLY_PX", 16)
    monkeypatch.setattr(schedule, "COMPARED_PX", 16)
    config = compact_config([12, 10, 8, 6], z_dim=8, w_dim=8, mapping_layers=2)
    torch.manual_seed(5)
    arrays = {name: values.numpy() for name, values in build(config).state_dict().items()}
    path = tmp_path / "early.safetensors"
    write_spec(path, NetworkSpec("stylegan2-compact", config, arrays, Provenance()))
    generator = load_generator(path, "cpu")
    target = Target(render(Recipe.from_seed(3), generator))
    seen = shown(generator, [target], EVERY)
    small, whole = rungs(generator)
    early = [one for one in seen if one.step <= EVERY.steps * (1 - schedule.FIT_NOISE)]
    assert len(early) >= 15
    for one in seen:
        rung = small if one in early else whole
        drawn = drawn_at(generator, one.snapshots[0], rung)
        assert np.abs(drawn.astype(int) - one.images[0]).max() <= 1, one.step


@torch.no_grad()
def drawn_at(generator, snapshot, rung: Rung) -> np.ndarray:
    """A kept step at the size of one of the generator's early pictures."""
    rows = np.array(snapshot.source.values.array).reshape(-1, generator.info.w_dim)
    ws = torch.from_numpy(rows)[None].expand(1, generator.info.num_ws, -1)
    maps = {i: torch.from_numpy(np.array(values))[None, None] for i, values in enumerate(snapshot.noise)}
    inputs, state = Inputs(ws, "const", maps), State()
    for index in range(rung.stage + 1):
        state = generator.run_stage(index, state, inputs)
    return as_pixels(picture(generator, rung, state), generator.info.img_size)[0]
