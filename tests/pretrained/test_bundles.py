"""What travels with the program: it opens, says where it comes from, and keeps to its size."""

import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from latentstudio.detection.calibration import read_calibration
from latentstudio.inversion.encoder import encoder_for
from latentstudio.models.discriminators import load_discriminator
from latentstudio.models.library import bundled_models, default_model
from latentstudio.models.registry import load_generator

# Pixels, and MiB at most.
NETWORKS = {
    "clayfaces64": (64, 12),
    "clayfaces128": (128, 12),
    "clayfaces256": (256, 12),
    "clayvae64": (64, 3),
    "clayclasses64": (64, 3),
}

FACES = [name for name in NETWORKS if name.startswith("clayfaces")]


def bundled(name):
    return next(path for path in bundled_models() if path.stem == name)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_bundled_network_opens_and_has_a_card(name):
    path = bundled(name)
    pixels, size_mib = NETWORKS[name]
    assert path.stat().st_size <= size_mib * 2**20
    assert (path.parent / "MODEL_CARD.md").read_text().startswith("# ")
    info = load_generator(path, device="cpu").info
    assert (info.img_resolution, info.provenance.licence) == (pixels, "MIT")
    assert info.provenance.origin == f"bundled:{name}"
    assert default_model().stem == "clayfaces128"


@pytest.mark.parametrize("name", ["clayfaces128", "clayfaces256"])
def test_the_noise_of_the_larger_heads_is_grain_on_the_clay_and_leaves_the_wall_alone(name):
    generator = load_generator(bundled(name), device="cpu")
    with torch.inference_mode():
        ws = generator.mapping(torch.randn(2, 256, generator=torch.Generator().manual_seed(0)))
        maps = [generator.draw_noise(seed, 2) for seed in range(4)]
        drawn = torch.stack([generator.synthesis(ws, noise_maps=each) for each in maps])
    moved = F.avg_pool2d(drawn.std(0), drawn.shape[-1] // 128).mean(1) * 127.5  # levels of 255, (2, 128, 128)
    face, wall = moved[:, 48:88, 44:84].mean(), moved[:, :12, :12].mean()
    assert face > 2
    assert face > 5 * wall


@pytest.mark.parametrize("name", FACES)
def test_the_encoder_beside_the_heads_guesses_far_better_than_the_mean(name):
    generator = load_generator(bundled(name), device="cpu")
    encoder = encoder_for(generator)
    assert encoder is not None
    with torch.inference_mode():
        wanted = generator(torch.randn(16, 256, generator=torch.Generator().manual_seed(5)))
        guessed = generator.synthesis(encoder(wanted))
        middle = generator.synthesis(generator.mean_latent.reshape(1, -1))
    gain = 10 * ((middle - wanted).square().mean() / (guessed - wanted).square().mean()).log10()
    assert gain > 5


@pytest.mark.parametrize("name", FACES)
def test_all_that_was_fitted_belongs_to_the_weights_beside_it(name):
    path = bundled(name)
    sha256 = load_generator(path, device="cpu").info.sha256
    calibration = path.with_suffix(".calibration.json")
    assert calibration.exists() == (name != "clayfaces256")  # as its card says
    assert not calibration.exists() or read_calibration(calibration).sha256 == sha256
    factors = json.loads(path.with_suffix(".factors.json").read_text())
    assert factors["model"] == sha256
    shipped = json.loads(path.with_suffix(".directions.json").read_text())["directions"]
    measured = {entry["name"] for entry in factors["directions"]}
    assert {entry["name"] for entry in shipped} <= measured


def test_the_autoencoder_brings_a_drawn_head_back_through_its_encoder():
    generator = load_generator(bundled("clayvae64"), device="cpu")
    assert generator.info.has_encoder
    z = torch.randn(8, generator.info.z_dim, generator=torch.Generator().manual_seed(0)) * 0.8
    with torch.inference_mode():
        heads = generator(z)
        back = generator(generator.encode(heads))
        strangers = (heads - heads.roll(1, 0)).square().mean()
        assert (heads - back).square().mean() < 0.1 * strangers


def test_every_class_has_a_name_and_a_look_of_its_own():
    generator = load_generator(bundled("clayclasses64"), device="cpu")
    names = generator.info.provenance.class_names
    assert len(set(names)) == generator.info.c_dim == 10
    with torch.inference_mode():
        heads = generator(torch.zeros(10, generator.info.z_dim), torch.eye(10))
    top = heads[:, :, 8:16, 24:40].mean((1, 2, 3))  # where hair is
    by_name = dict(zip(names, top.tolist(), strict=True))
    assert by_name["Black hair, short"] < by_name["Brown hair, short"] < by_name["Blond hair, short"]
    assert by_name["Bald"] > by_name["Blond hair, short"]
    apart = torch.cdist(heads.flatten(1), heads.flatten(1)) + 99 * torch.eye(10)
    assert apart.min() > 1


@pytest.mark.parametrize("name", FACES)
def test_the_judge_beside_the_heads_prefers_them_to_their_mean(name):
    path = bundled(name)
    generator, judge = load_generator(path, device="cpu"), load_discriminator(path)
    assert judge.resolution == generator.info.img_resolution
    z = np.random.default_rng(0).standard_normal((24, generator.info.z_dim), dtype=np.float32)
    with torch.inference_mode():
        varied, middling = (judge(generator(z, None, psi).clamp(-1, 1)).mean() for psi in (1.0, 0.5))
    assert varied > middling + 0.1
