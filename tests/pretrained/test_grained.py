"""Training where noise has something to learn, at a tiny size."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from clay_data import Bank, Pictures, full_z
from grained import GrainTrainer, energy, texture
from pack import write_checkpoint
from plan import Plan


def _pictures(size):
    random = np.random.default_rng(0)
    latents = torch.from_numpy(random.standard_normal((300, 64)).astype(np.float32))
    features = latents[..., :10]
    level = features[:, :1, None, None] * 30 + 128
    speckled = level + 25 * torch.from_numpy(random.standard_normal((300, 1, size, size)).astype(np.float32))
    smooth, grained = (
        x.clamp(0, 255).byte().expand(300, 3, size, size).contiguous()
        for x in (level.expand(-1, 1, size, size), speckled)
    )
    pictures = Pictures(smooth, features, latents, torch.ones(300), {}, grained)
    return pictures, Bank(full_z(latents), features)


@pytest.fixture
def trainer():
    torch.manual_seed(0)
    return GrainTrainer(*_pictures(16), channels=[8, 8, 8])


def test_grain_is_judged_by_how_much_and_not_by_where():
    torch.manual_seed(0)
    one, other = 0.3 * torch.randn(2, 8, 3, 32, 32)
    told = {}
    same = texture(one, other, told)
    assert told["texture"] == pytest.approx(float(same))
    assert same < 0.2 < texture(torch.zeros_like(one), other, told)
    broad = F.interpolate(one[:, :, ::2, ::2], scale_factor=2)
    assert texture(one, broad, told) > 0.3  # as strong, but in larger grains
    assert [part.shape for part in energy(one)] == [(8, 3, 4, 4)] * 2


def test_noise_learns_how_much_grain_there_is_and_the_smooth_picture_stays_smooth(trainer, tmp_path):
    plan = Plan(lr=8e-3, batch=16, grained=3.0, distil=0.0)
    first = trainer.train_step(plan)
    for _ in range(90):
        last = trainer.train_step(plan)
    assert last["texture"] < 0.5 * first["texture"]
    assert last["l1"] < 0.7 * first["l1"]
    told = trainer.snapshot(tmp_path)
    assert told["grain"] > 0.1
    assert (tmp_path / "random_noise.png").exists()


def test_the_judge_sees_grained_heads_and_the_generator_hears_it(trainer):
    plan = Plan(batch=16, grained=1.0, adversarial=0.5, matching=1.0, via_z=0.5, mixing=0.25)
    before = [p.clone() for p in trainer.d.parameters()]
    told = trainer.train_step(plan)
    assert {"d", "g", "matching", "texture", "l1"} <= told.keys()
    assert any((a != b).any() for a, b in zip(trainer.d.parameters(), before, strict=True))


def test_warming_up_the_judge_leaves_the_generator_alone(trainer):
    before = {key: value.clone() for key, value in trainer.g.state_dict().items()}
    trainer.train_step(Plan(batch=16, grained=1.0, adversarial=0.5, d_only=True, via_z=0.5))
    for key, value in trainer.g.state_dict().items():
        if not key.endswith("w_avg"):
            assert torch.equal(value, before[key]), key


def test_a_run_grows_from_the_checkpoint_of_half_the_size(trainer, tmp_path):
    trainer.train_step(Plan(batch=8, grained=1.0, adversarial=0.5))
    write_checkpoint(trainer.state(), tmp_path / "small.safetensors")
    grown = GrainTrainer(*_pictures(32), channels=[8, 8, 8, 8], fold=4)
    assert grown.start_from(tmp_path / "small.safetensors") == 0.0
    small = GrainTrainer(*_pictures(16), channels=[8, 8, 8])
    small.start_from(tmp_path / "small.safetensors")
    z, images = torch.randn(4, 256), torch.randn(4, 3, 32, 32)
    with torch.no_grad():
        doubled = F.interpolate(small.g_ema(z, noise_mode="none"), scale_factor=2, mode="bilinear")
        torch.testing.assert_close(grown.g_ema(z, noise_mode="none"), doubled, rtol=1e-3, atol=1e-3)
        for judge in (grown.d, small.d):
            judge.compute_dtype = torch.float32
        torch.testing.assert_close(grown.d(images), small.d(F.avg_pool2d(images, 2)), rtol=1e-3, atol=1e-3)
    assert (grown.step, grown.shown) == (1, 8)
    grown.train_step(Plan(batch=8, grained=1.0, adversarial=0.5, matching=1.0))
