"""The exact StyleGAN2 as it is trained, and its comparison with the compact one."""

import json

import compare_networks
import numpy as np
import pytest
import torch
from clay_data import Bank, Pictures, full_z
from compare_networks import learning_rate, measure_speed, new_trainer, train
from exact import new_exact_generator
from networks import assert_same_function
from plan import Plan
from trainable import parameter_groups

from latentstudio.models.architectures.stylegan2 import StyleGAN2

SIZES = {"z_dim": 8, "w_dim": 8, "mapping_layers": 2}


@pytest.fixture
def data():
    torch.manual_seed(0)
    latents = torch.from_numpy(np.random.default_rng(0).standard_normal((300, 64)).astype(np.float32))
    features = latents[..., :10]
    level = (features[:, :1, None, None] * 40 + 128).clamp(0, 255).byte()
    images = level.expand(300, 3, 16, 16).contiguous()
    pictures = Pictures(images, features, latents, torch.ones(300), {})
    return pictures, Bank(full_z(latents), features)


def test_the_training_layers_are_the_programs_stylegan2_in_values_and_gradients():
    torch.manual_seed(0)
    mine = new_exact_generator([8, 8, 4], **SIZES)
    assert "blocks.b8.conv0.weight" in assert_same_function(mine, StyleGAN2(mine.config))


def test_its_folded_convolutions_learn_as_slowly_as_their_gain_says():
    network = new_exact_generator([8, 4], **SIZES)
    factors = {}
    for group in parameter_groups(network):
        factors |= {id(p): group["factor"] for p in group["params"]}
    assert len(factors) == len(list(network.parameters()))
    up, conv = network.blocks["b8"].conv0, network.blocks["b8"].conv1
    assert factors[id(up.weight)] == pytest.approx((8 * 9) ** -0.5)
    assert factors[id(conv.weight)] == pytest.approx((4 * 9) ** -0.5)
    assert factors[id(network.blocks["b8"].torgb.weight)] == 1.0
    # At the start each kernel's squares sum to about one, so that features keep their size.
    assert up.weight.detach().square().sum((1, 2, 3)).mean() == pytest.approx(1, abs=0.3)


def test_both_networks_begin_alike_and_see_the_same_pictures(data):
    exact, compact = (new_trainer(name, *data, [8, 8, 8]) for name in ("exact", "compact"))
    assert type(exact.g) is not type(compact.g)
    for mine, other in ((exact.g, compact.g), (exact.m, compact.m)):
        theirs = other.state_dict()
        for name, value in mine.state_dict().items():
            if "resample_filter" not in name:  # of these the compact one has none
                assert torch.equal(value, theirs[name]), name
    seen = []
    for name in ("exact", "compact"):
        trainer = new_trainer(name, *data, [8, 8, 8])
        for _ in range(3):  # the mapping's draws come between
            trainer.train_step(Plan(batch=8))
        seen.append(trainer.pictures.batch(8)[0])
    assert torch.equal(*seen)


def test_the_exact_network_trains_in_the_trainer_with_noise_and_mixing_too(data):
    trainer = new_trainer("exact", *data, [8, 8, 8])
    before = {name: value.clone() for name, value in trainer.g.named_parameters()}
    plan = Plan(batch=16, adversarial=0.5, via_z=1.0, mixing=0.25)
    for _ in range(2):
        assert all(np.isfinite(value) for value in trainer.train_step(plan).values())
    same = [name for name, value in trainer.g.named_parameters() if torch.equal(value, before[name])]
    assert not same


def test_the_learning_rate_falls_in_the_last_fifth_only():
    assert learning_rate(0.0) == learning_rate(0.8) == 2e-3
    assert learning_rate(0.9) == pytest.approx(1.1e-3)
    assert learning_rate(1.0) == pytest.approx(2e-4)
    assert learning_rate(1.1) == pytest.approx(2e-4)


def test_a_run_is_logged_by_processor_time_and_goes_on_where_it_was_cut(data, tmp_path, monkeypatch):
    monkeypatch.setattr(compare_networks, "MARK_S", 0.25)
    trainer = new_trainer("exact", *data, [8, 8, 8])
    train(trainer, "exact", tmp_path, minutes=0.01)
    lines = [json.loads(line) for line in (tmp_path / "exact.jsonl").read_text().splitlines()]
    assert len(lines) == 3  # at a quarter and a half of a second, and at the end
    assert lines[-1]["minutes"] == pytest.approx(0.01, abs=0.005)
    assert {"kimg", "pictures_s", "psnr_features", "psnr_z", "detail_features"} <= lines[-1].keys()
    assert (tmp_path / "exact" / "00" / "pairs_features.png").exists()

    other = new_trainer("exact", *data, [8, 8, 8])
    torch.manual_seed(99)
    train(other, "exact", tmp_path, minutes=0.01)  # nothing is left to do
    assert (other.step, other.shown, other.seconds) == (trainer.step, trainer.shown, trainer.seconds)
    saved = torch.load(tmp_path / "exact" / "state.pt", weights_only=True)
    assert torch.equal(torch.get_rng_state(), saved["chance"]), "the pictures would come in another order"
    train(other, "exact", tmp_path, minutes=0.015)
    assert other.step > trainer.step


def test_speed_is_told_of_both_networks(data):
    trainers = {name: new_trainer(name, *data, [8, 8, 8]) for name in ("exact", "compact")}
    told = measure_speed(trainers, rounds=1, steps=1)
    assert all(told[name][key] > 0 for name in trainers for key in ("pictures_s", "draw_ms"))
    assert told["compact"]["weights"] > told["exact"]["weights"]  # its input is a linear map of w
