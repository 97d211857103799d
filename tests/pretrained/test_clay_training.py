"""The training of the clay faces, at a tiny size."""

import copy

import numpy as np
import pytest
import torch
from checkpoints import write_checkpoint
from clay_data import Bank, Pictures, full_z
from fit_mapping import Front, felt_by, fit, rarity
from networks import assert_same_function
from pack import spec_of
from plan import Plan
from train_on_accelerator import run
from trainable import Discriminator, Embedding, new_generator, parameter_groups
from trainer import Trainer

from latentstudio import clay
from latentstudio.models.architectures.stylegan2_compact import CompactStyleGAN2
from latentstudio.models.registry import build_network, load_generator


@pytest.fixture
def trainer():
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    count = 300
    latents = torch.from_numpy(random.standard_normal((count, 64)).astype(np.float32))
    features = latents[..., :10]
    # Bright where the first feature is high: something that can be learnt in a few steps.
    level = (features[:, :1, None, None] * 40 + 128).clamp(0, 255).byte()
    images = level.expand(count, 3, 16, 16).contiguous()
    pictures = Pictures(images, features, latents, torch.ones(count), {})
    z = full_z(latents)
    return Trainer(pictures, Bank(z, features), channels=[8, 8, 8])


def test_the_training_layers_are_the_programs_in_values_and_gradients():
    torch.manual_seed(0)
    mine = new_generator([8, 8, 4], z_dim=8, w_dim=8, mapping_layers=2)
    assert "blocks.b8.conv0.weight" in assert_same_function(mine, CompactStyleGAN2(mine.config))


def test_folded_convolutions_learn_as_slowly_as_their_gain_says():
    network = new_generator([8, 8], z_dim=8, w_dim=8, mapping_layers=1)
    factors = {}
    for group in parameter_groups(network):
        factors |= {id(p): group["factor"] for p in group["params"]}
    assert len(factors) == len(list(network.parameters()))
    assert factors[id(network.blocks["b8"].conv0.weight)] == pytest.approx((8 * 9) ** -0.5)
    assert factors[id(network.blocks["b8"].torgb.weight)] == 1.0


def test_the_finest_block_alone_learns_at_its_own_rate(trainer):
    def rates(plan):
        trainer._set_rates(plan)
        return {id(p): group["lr"] for group in trainer.g_optimiser.param_groups for p in group["params"]}

    newest = {id(p) for p in trainer.g.blocks["b16"].parameters()}
    usual, now = rates(Plan(lr=1e-3, fine_lr=1.5)), rates(Plan(lr=1e-3, fine_lr=1.5, newest_lr=4.0))
    assert usual.keys() == now.keys() >= newest | {id(p) for p in trainer.m.parameters()}
    for key, rate in now.items():
        assert rate == pytest.approx(usual[key] * (4 if key in newest else 1))
    assert now[id(trainer.g.blocks["b8"].torgb.weight)] == pytest.approx(1e-3)


def test_a_few_steps_bring_the_pictures_nearer(trainer):
    plan = Plan(lr=5e-3, batch=16)
    first = trainer.train_step(plan)["l1"]
    for _ in range(25):
        last = trainer.train_step(plan)["l1"]
    assert last < 0.7 * first


def moments(trainer):
    """What Adam remembers of each parameter of the generator and the embedding, by name."""
    named = {id(p): f"{net}.{name}" for net in "gm" for name, p in getattr(trainer, net).named_parameters()}
    return {
        named[id(p)]: state["exp_avg"].clone()
        for p, state in trainer.g_optimiser.state.items()
        if "exp_avg" in state
    }


def test_adversary_mixing_and_pictures_through_z_train_every_part(trainer):
    plan = Plan(batch=16, adversarial=0.5, via_z=1.0, mixing=0.25)
    before = {name: value.clone() for name, value in trainer.g.state_dict().items()}
    d_before = [p.clone() for p in trainer.d.parameters()]
    told = trainer.train_step(plan)
    told = trainer.train_step(plan)
    assert {"d", "g", "l1"} <= set(told)
    after = trainer.g.state_dict()
    for name in ("mapping_network.layers.0.weight", "blocks.b16.conv1.noise_strength", "blocks.b4.const"):
        assert not torch.equal(before[name], after[name]), name
    assert any(not torch.equal(a, b) for a, b in zip(d_before, trainer.d.parameters(), strict=True))


def test_warming_the_discriminator_up_leaves_the_generator_alone(trainer):
    before = {name: value.clone() for name, value in trainer.g.named_parameters()}
    trainer.train_step(Plan(batch=8, adversarial=1.0, d_only=True))
    assert all(torch.equal(before[name], value) for name, value in trainer.g.named_parameters())


def test_a_frozen_embedding_stays(trainer):
    before = [p.clone() for p in trainer.m.parameters()]
    trainer.train_step(Plan(batch=8, embedding_lr=0.0))
    assert all(torch.equal(a, b) for a, b in zip(before, trainer.m.parameters(), strict=True))


def test_a_run_goes_on_where_it_stopped_with_a_mapping_of_another_width_too(trainer):
    trainer.train_step(Plan(batch=8))
    before = {k: v for k, v in moments(trainer).items() if "mapping_network" not in k}
    trainer.set_mapping(24)
    kept = moments(trainer)
    assert before
    assert kept.keys() == before.keys()
    assert all(torch.equal(kept[name], value) for name, value in before.items())
    trainer.train_step(Plan(batch=8, via_z=1.0))
    state = copy.deepcopy(trainer.state())  # as from a file: nothing shared
    other = Trainer(trainer.pictures, trainer.bank, channels=[8, 8, 8])
    other.restore(state)
    assert (other.step, other.shown, other.mapping_width) == (2, 16, 24)
    told = []
    for which in (trainer, other):
        torch.manual_seed(5)
        # The second tells whether what Adam remembers came along, too.
        told.append([which.train_step(Plan(batch=8, via_z=1.0)) for _ in range(2)])
    assert told[0] == told[1]


def test_a_run_from_before_its_parameters_were_grouped_so_goes_on_with_new_moments(trainer):
    trainer.train_step(Plan(batch=8))
    state = trainer.state()
    first, second, *others = state["g_optimiser"]["param_groups"]
    joined = {**first, "params": first["params"] + second["params"]}
    state["g_optimiser"] = {**state["g_optimiser"], "param_groups": [joined, *others]}
    other = Trainer(trainer.pictures, trainer.bank, channels=[8, 8, 8])
    other.restore(state)
    assert other.step == 1
    assert not moments(other)
    assert torch.equal(other.g.blocks["b4"].const, trainer.g.blocks["b4"].const)


def test_another_run_goes_on_from_the_small_checkpoint(trainer, tmp_path):
    trainer.set_mapping(24)
    trainer.train_step(Plan(batch=8))
    write_checkpoint(trainer.state(), tmp_path / "checkpoint.safetensors")
    other = Trainer(trainer.pictures, trainer.bank, channels=[8, 8, 8])
    other.start_from(tmp_path / "checkpoint.safetensors")
    assert (other.step, other.shown, other.mapping_width) == (1, 8, 24)
    z, features = torch.randn(2, 256), trainer.bank.features[:2]
    torch.testing.assert_close(other.m(features), trainer.m_ema(features), rtol=1e-2, atol=1e-2)
    pictures = trainer.pictures.images[:4].float() / 127.5 - 1
    torch.testing.assert_close(other.d(pictures), trainer.d(pictures), rtol=5e-2, atol=5e-2)
    w, expected = other.g.mapping(z), trainer.g_ema.mapping(z)
    torch.testing.assert_close(w, expected, rtol=2e-2, atol=2e-2)


def test_z_begins_with_the_renderers_latents_and_passes_the_normalisation_unchanged():
    latents = torch.randn(20, 64)
    z = full_z(latents)
    torch.testing.assert_close(z[:, :64], latents)
    torch.testing.assert_close(z.square().mean(1), torch.ones(20), rtol=1e-5, atol=1e-5)


def test_heads_whose_switch_is_rarely_on_are_shown_more_often():
    shown = torch.randn(400, 3)
    shown[:, 1] = -0.2
    shown[:12, 1] = 4.0  # of two values: a switch
    shown[50, 0] = 9.0  # far out, but no switch
    often = rarity(shown)
    assert (often[:12] == 3.5).all()
    assert (often[12:] == 1).all()


def test_a_mapping_learns_what_the_embedding_says(trainer):
    embedding = Embedding(torch.zeros(10), torch.ones(10), width=32).requires_grad_(False)
    latents = torch.randn(1500, 64)
    features = (latents[:, :10] > 0).float() + latents[:, :10] / 4
    felt = felt_by(trainer.g.state_dict())
    early = fit(embedding, felt, latents, features, 0, every=5, steps=5)
    mapping, late, front = fit(embedding, felt, latents, features, 0, every=150, steps=300)
    assert late < 0.6 * early.unexplained
    # What was fitted in two parts is one mapping of z, deaf to the coordinates that mean nothing.
    z = full_z(latents[:150])
    w, felt_w = embedding(features[:150]), mapping(z, None)
    left = ((felt_w - w) @ felt.T).square().sum(1).mean() / (embedding(features) @ felt.T).var(0).sum()
    assert float(left) == pytest.approx(late, rel=0.05)
    other = full_z(latents[:150])
    torch.testing.assert_close(mapping(other, None), felt_w, rtol=1e-4, atol=1e-4)
    # Another embedding of the same features takes the front over as it is, without a step.
    later = Embedding(torch.zeros(10), torch.ones(10), width=32).requires_grad_(False)
    nothing = fit(later, felt, latents, features, 0, front=Front(64, 10, 32))
    again = fit(later, felt, latents, features, 0, front=front)
    assert again.unexplained < 0.6 * nothing.unexplained


def test_the_packed_generator_draws_what_was_trained(trainer):
    trainer.train_step(Plan(batch=8))
    spec = spec_of(trainer.state())
    network = build_network(spec)
    z = torch.randn(2, 256)
    trainer.g_ema.compute_dtype = torch.float32
    torch.testing.assert_close(
        network(z, noise_mode="none"), trainer.g_ema(z, noise_mode="none"), rtol=1e-4, atol=1e-4
    )


def test_the_discriminator_sees_whether_a_batch_is_all_alike():
    torch.manual_seed(0)
    net = Discriminator(16, (8, 8, 8))
    one = torch.randn(1, 3, 16, 16)
    alike, varied = net(one.expand(4, -1, -1, -1)), net(torch.cat([one, torch.randn(3, 3, 16, 16)]))
    assert (alike[0] - varied[0]).abs() > 1e-6


def test_what_a_picture_should_show_counts_only_where_it_is_known():
    torch.manual_seed(0)
    net = Discriminator(16, (8, 8, 8), fold=2, told=5)
    pictures, features = torch.randn(4, 3, 16, 16), torch.randn(4, 5)
    known = torch.tensor([[1.0], [0.0], [1.0], [0.0]])
    plain, asked = net(pictures), net(pictures, features, known)
    changed = (plain - asked).abs().flatten() > 1e-6
    assert changed.tolist() == [True, False, True, False]
    assert torch.equal(net(pictures, features), net(pictures, features, torch.ones(4, 1)))


def test_folding_pixels_into_channels_keeps_every_pixel_in_sight():
    torch.manual_seed(0)
    net = Discriminator(16, (8, 8, 8), fold=2)
    pictures = torch.randn(2, 3, 16, 16, requires_grad=True)
    (slope,) = torch.autograd.grad(net(pictures).sum(), pictures)
    assert (slope.abs().amax(1) > 0).all()


def test_matching_what_the_discriminator_sees_moves_the_generator_alone(trainer):
    plan = Plan(
        batch=16, pixel=0.0, adversarial=1e-9, matching=1.0, via_z=1.0, mixing=0.0, distil=0.0, d_lr=0.0
    )
    d_before = [p.clone() for p in trainer.d.parameters()]
    first = trainer.train_step(plan)["matching"]
    for _ in range(30):
        last = trainer.train_step(plan)["matching"]
    assert last < 0.9 * first
    assert all(torch.equal(a, b) for a, b in zip(d_before, trainer.d.parameters(), strict=True))


def test_a_run_of_before_goes_on_with_a_new_discriminator(trainer):
    state = trainer.state()
    state["d"] = {"score.weight": torch.zeros(1, 3)}
    fresh = {key: value.clone() for key, value in trainer.d.state_dict().items()}
    trainer.restore(state)
    assert all(torch.equal(value, fresh[key]) for key, value in trainer.d.state_dict().items())


def test_coarse_blocks_learn_alone_and_come_back(trainer, tmp_path):
    write_checkpoint(trainer.state(), tmp_path / "large.safetensors")
    small = Trainer(trainer.pictures.pooled(8), trainer.bank, channels=[8, 8])
    small.start_from(tmp_path / "large.safetensors")
    torch.testing.assert_close(
        small.g.blocks["b8"].conv1.weight, trainer.g_ema.blocks["b8"].conv1.weight, rtol=1e-2, atol=1e-3
    )
    small.train_step(Plan(lr=5e-3, batch=16))
    finest = trainer.g.blocks["b16"].conv1.weight.clone()
    trainer.take_coarse(small.state())
    assert torch.equal(trainer.g.blocks["b8"].conv1.weight, small.g.blocks["b8"].conv1.weight)
    assert torch.equal(trainer.g_ema.mapping_network.w_avg, small.g_ema.mapping_network.w_avg)
    assert torch.equal(trainer.g.blocks["b16"].conv1.weight, finest)
    assert trainer.shown == small.shown
    trainer.train_step(Plan(batch=16))


@pytest.mark.skipif(not clay.has_compiler(), reason="numba (the extra clay) is not installed")
def test_everything_in_one_go_leaves_a_model_that_opens(tmp_path):
    run(tmp_path, size=16, minutes=0.15, count=500, curly=500, bank=400, batch=8, device="cpu")
    generator = load_generator(tmp_path / "clayfaces16.safetensors", device="cpu")
    assert generator.info.img_resolution == 16
    assert generator.info.provenance.z_names[49] == "Turn"
    left = {path.name for path in tmp_path.iterdir()}
    carried = {"clayfaces16.discriminator.safetensors", "checkpoint16.safetensors", "random_noise.png"}
    assert carried | {"log.jsonl", "random.png", "pairs_z.png"} <= left
    assert all(path.stat().st_size < 16 * 2**20 for path in tmp_path.iterdir() if path.is_file())
