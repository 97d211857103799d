"""Long work stops between its pieces: nobody who cancels waits for a whole step."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from long_work import ended

from latentstudio.document.recipe import Recipe
from latentstudio.engine.render import render
from latentstudio.inversion import encoder_training, fit
from latentstudio.inversion.encoder_training import TrainingOptions, train
from latentstudio.inversion.noise_maps import acts_steps
from latentstudio.inversion.options import ProjectionOptions
from latentstudio.inversion.projector import project
from latentstudio.inversion.synthesis import exact_steps, gradients, rungs
from latentstudio.inversion.target import Target
from latentstudio.models.generator import Inputs


def drained(steps):
    seen, value = ended(steps)
    return len(seen), value


def test_a_large_batch_has_more_pieces_than_one_picture_and_the_same_gradients(tiny):
    rung = rungs(tiny)[-1]
    torch.manual_seed(0)
    ws = torch.randn(70, tiny.info.num_ws, tiny.info.w_dim)
    counts, found = [], []
    for some in (ws[:1], ws):
        leaf = some.clone().requires_grad_()
        count, image = drained(gradients(tiny, Inputs(leaf, "const", {}), rung, lambda x: x.square().sum()))
        counts.append(count)
        found.append((image[0], leaf.grad[0]))
    assert counts[0] == 2
    assert counts[1] > counts[0]
    for alone, among_many in zip(*found, strict=True):
        assert torch.allclose(alone, among_many, rtol=1e-3, atol=1e-4)


def test_the_whole_picture_in_pieces_is_the_whole_picture(tiny):
    ws = torch.randn(2, tiny.info.num_ws, tiny.info.w_dim)
    before = tiny.compute_dtype
    _, image = drained(exact_steps(tiny, tiny.inputs(ws)))
    assert torch.equal(image, tiny.synthesis(ws))
    assert tiny.compute_dtype == before
    assert drained(acts_steps(tiny, ws))[1] is True


def test_a_batch_of_small_pictures_reports_within_its_steps(tiny, monkeypatch):
    monkeypatch.setattr(fit, "PATIENCE_S", 0.0)
    targets = [Target(render(Recipe.from_seed(seed), tiny)) for seed in range(1, 4)]
    many = [targets[i % 3] for i in range(32)]
    options = ProjectionOptions(steps=2, distance="pixel", start="mean", fit_noise=False, preview_every=0)
    told = [one.step for one in project(tiny, many, options) if one.text == "Fitting"]
    assert told.count(0) >= 1
    assert told.count(1) >= 2


@pytest.mark.usefixtures("home")
def test_a_step_of_the_encoders_training_reports_between_its_pieces(tiny, monkeypatch, tmp_path):
    monkeypatch.setattr(encoder_training, "PATIENCE_S", 0.0)
    options = TrainingOptions(steps=2, batch=20)
    told = [one.step for one in train(tiny, options, out=tmp_path / "a.safetensors")]
    # Samples twice in the first step, then network, then losses.
    assert told.count(0) >= 3
    assert told.count(1) >= 3
    assert told[-1] == 2


def test_an_abandoned_step_leaves_the_generator_as_it_was(tiny):
    ws = torch.randn(1, tiny.info.num_ws, tiny.info.w_dim)
    before = {name: value.clone() for name, value in tiny.state_dict().items()}
    going = gradients(tiny, Inputs(ws.requires_grad_(), "const", {}), rungs(tiny)[-1], lambda x: x.sum())
    next(going)
    going.close()
    assert all(np.array_equal(before[name], value) for name, value in tiny.state_dict().items())
