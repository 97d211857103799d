from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from long_work import ended

from latentstudio.document.recipe import Recipe
from latentstudio.engine.render import render
from latentstudio.errors import CheckpointError, InputError
from latentstudio.inversion.encoder import (
    Encoder,
    config_for,
    encoder_for,
    encoder_path,
    read_encoder,
    write_encoder,
)
from latentstudio.inversion.encoder_training import (
    FRESH,
    MIXED,
    TrainingOptions,
    _as_photographed,
    _Trainer,
    train,
)
from latentstudio.inversion.options import ProjectionOptions
from latentstudio.inversion.projection import Control
from latentstudio.inversion.projector import projected
from latentstudio.inversion.target import Target
from latentstudio.models.library import default_model
from latentstudio.models.registry import load_generator

FEW = TrainingOptions(steps=60, batch=16)


def test_a_training_learns_and_its_encoder_is_found_by_the_model(tiny):
    assert encoder_for(tiny) is None
    seen, path = ended(train(tiny, FEW))
    assert path == encoder_path(tiny)
    told = [one for one in seen if one.losses]
    first, last = (np.mean([one.losses["latent"] for one in part]) for part in (told[:5], told[-5:]))
    assert last < 0.6 * first
    assert seen[-1].images.shape == (2, 16, 16, 3)
    encoder = encoder_for(tiny)
    assert encoder is not None
    assert encoder_for(tiny) is encoder


def test_an_encoder_starts_a_projection_nearer_than_the_mean(tiny):
    ended(train(tiny, FEW))
    targets = [Target(render(Recipe.from_seed(s, truncation_psi=0.7), tiny)) for s in range(4)]
    options = ProjectionOptions(steps=1, distance="pixel", noise_factor=0.0, fit_noise=False)
    by_encoder, by_mean = (
        np.mean([one.curve[0] for one in projected(tiny, targets, options.changed(start=start))])
        for start in ("encoder", "mean")
    )
    assert by_encoder < by_mean


def test_a_stopped_training_goes_on_where_it_stood(tiny):
    control = Control()
    steps = train(tiny, FEW, control=control)
    while next(steps).step < 10:
        pass
    control.stop()
    ended(steps)
    seen, _ = ended(train(tiny, FEW))
    assert next(one.step for one in seen if one.losses) == 11


def test_a_file_gives_back_what_was_written_in_half_the_size(tiny, tmp_path):
    torch.manual_seed(0)
    encoder = Encoder(config_for(tiny, (16, 16))).eval()
    path = tmp_path / "a.encoder"
    write_encoder(path, encoder, "a" * 64, {"steps": 1})
    found, sha256 = read_encoder(path)
    assert sha256 == "a" * 64
    images = torch.rand(2, 3, 32, 32) * 2 - 1
    assert torch.allclose(found(images), encoder(images), atol=0.02)


@pytest.mark.parametrize("content", [b"", b"junk" * 100])
def test_a_damaged_encoder_is_refused_and_none_is_found(tiny, content):
    path = encoder_path(tiny)
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with pytest.raises(CheckpointError):
        read_encoder(path)
    assert encoder_for(tiny) is None


def test_an_encoder_of_another_model_is_not_used(tiny):
    path = encoder_path(tiny)
    path.parent.mkdir(parents=True)
    write_encoder(path, Encoder(config_for(tiny, (16, 16))), "b" * 64, {})
    assert encoder_for(tiny) is None


def test_a_model_without_a_file_can_have_no_encoder(tiny):
    tiny.info = dataclasses.replace(tiny.info, sha256="")
    assert encoder_for(tiny) is None
    with pytest.raises(InputError, match="in none"):
        next(train(tiny, FEW))


def test_training_leaves_the_generator_and_the_random_numbers_alone(tiny):
    before = torch.random.get_rng_state()
    reference = render(Recipe.from_seed(3), tiny)
    for _ in train(tiny, TrainingOptions(steps=3, batch=4)):
        assert np.array_equal(render(Recipe.from_seed(3), tiny), reference)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_the_bundled_model_has_an_encoder_of_at_most_6_mib_and_starts_from_it():
    generator = load_generator(default_model(), "cpu")
    path = default_model().with_suffix(".encoder")
    assert read_encoder(path)[1] == generator.info.sha256, "the bundled weights are newer than their encoder"
    assert path.stat().st_size <= 6 << 20
    assert encoder_for(generator) is not None
    targets = [Target(render(Recipe.from_seed(seed), generator)) for seed in range(3)]
    alone, mean = (
        projected(generator, targets, ProjectionOptions(steps=1, start=start, learning_rate=1e-12))
        for start in ("encoder", "mean")
    )
    for by_encoder, by_mean in zip(alone, mean, strict=True):
        assert by_encoder.distance < 0.6 * by_mean.distance


def test_it_also_learns_from_pictures_that_no_single_latent_draws(tiny):
    trainer = _Trainer(tiny, FEW)
    for _ in range(3):
        ended(trainer.one())
    assert len(trainer.is_known) == len(trainer.images) == 3 * FRESH
    assert sum(trainer.is_known) == 3 * (FRESH - MIXED)


def test_pictures_are_shown_as_a_camera_might_have_seen_them(tiny):
    images = torch.rand(40, 3, 16, 16) * 2 - 1
    seen = _as_photographed(images, np.random.RandomState(0))
    changed = (seen != images).flatten(1).any(1)
    assert 5 < int(changed.sum()) < 35
    assert seen.abs().max() <= 1
    assert (seen - images).abs().mean() < 0.25
    assert torch.equal(seen, _as_photographed(images, np.random.RandomState(0)))
