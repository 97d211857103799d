"""The model with classes: whose head is in which, and what is put into the first layer."""

import numpy as np
import pytest
import torch
from make_classes import CLASSES, SAID, grid, kinds_of, law, with_classes
from train_vae import Run, write
from vae_network import new_vae

from latentstudio.formats import read_checkpoint
from latentstudio.models.registry import build_network, load_generator
from latentstudio.models.spec import read_spec, write_spec

SMALL = {"z_dim": 10, "channels": (8, 8, 8, 6, 4)}


@pytest.fixture
def spec(tmp_path):
    torch.manual_seed(0)
    run = Run(np.zeros((0, 64, 64, 3), np.uint8), **SMALL)
    net = run.training.net.to(memory_format=torch.contiguous_format).requires_grad_(False)
    write(net, ("Turn", "Hair colour", "Smile"), tmp_path / "vae.safetensors")
    return read_spec(read_checkpoint(tmp_path / "vae.safetensors"))


def test_a_head_is_in_the_class_of_what_it_shows():
    heads = {
        "Black hair, short": {},
        "Brown hair, long": {"hair_tone": 0.4, "hair_len": 1.0},
        "Blond hair, short": {"hair_tone": 0.8},
        "Red hair": {"hair_red": 0.9, "hair_len": 1.0},
        "Grey hair": {"hair_grey": 0.8, "hair_red": 0.9},
        "Beard": {"beard": 0.6, "hair_grey": 0.8},
        "Bald": {"bald": 1.0, "beard": 0.6},
    }
    names = ("hair_tone", "hair_len", "hair_red", "hair_grey", "beard", "bald")
    factors = {name: np.array([head.get(name, 0.0) for head in heads.values()]) for name in names}
    assert [CLASSES[kind] for kind in kinds_of(factors)] == list(heads)


def test_means_and_the_law_around_them_add_up_to_the_whole():
    random = torch.Generator().manual_seed(0)
    kinds = torch.arange(6000) % 3
    centres = torch.tensor([[0.8, 0, 0], [-0.8, 0, 0], [0, 0.5, 0]])
    z = centres[kinds] + 0.5 * torch.randn(6000, 3, generator=random)
    z = z - z.mean(0)
    values, vectors = torch.linalg.eigh(torch.cov(z.T))
    z = z @ vectors @ values.rsqrt().diag()  # now of covariance 1, as the autoencoder's
    means, root = law(z, kinds, 3)
    for kind in range(3):
        torch.testing.assert_close(means[kind], z[kinds == kind].mean(0), rtol=1e-3, atol=1e-3)
    around = torch.cov((z - means[kinds]).T)
    torch.testing.assert_close(root @ root, around, rtol=0.01, atol=0.01)


def test_a_class_draws_what_the_autoencoder_draws_at_its_mean_and_mixtures_lie_between(spec):
    means, root = torch.randn(4, 10), torch.eye(10) + 0.1
    autoencoder, generator = build_network(spec), build_network(with_classes(spec, means, root))
    assert (generator.info.z_dim, generator.info.c_dim, generator.info.has_encoder) == (10, 4, False)
    classes = torch.eye(4)
    with torch.no_grad():
        torch.testing.assert_close(
            generator(torch.zeros(4, 10), classes), autoencoder(means), rtol=1e-3, atol=1e-4
        )
        half = torch.tensor([[0.5, 0.5, 0, 0]])
        torch.testing.assert_close(
            generator(torch.zeros(1, 10), half), autoencoder(means[:2].mean(0)[None]), rtol=1e-3, atol=1e-4
        )
        # Around a mean, z is turned by the root; coordinates keep their names but for what classes say.
        assert generator.info.provenance.z_names == ("Turn", "Smile")
        assert "Hair colour" in SAID
        smile = torch.zeros(1, 10)
        smile[0, 1] = 1.5
        torch.testing.assert_close(
            generator(smile, classes[:1]),
            autoencoder(means[:1] + 1.5 * root[:, 2]),
            rtol=1e-3,
            atol=1e-4,
        )


def test_its_file_opens_with_the_names_of_its_classes(spec, tmp_path):
    made = with_classes(spec, torch.randn(len(CLASSES), 10), torch.eye(10))
    write_spec(tmp_path / "clayclasses64.safetensors", made, half=True)
    generator = load_generator(tmp_path / "clayclasses64.safetensors", device="cpu")
    assert generator.info.provenance.class_names == CLASSES
    grid(generator, tmp_path / "samples.png", count=2)
    assert (tmp_path / "samples.png").stat().st_size > 1000


def test_the_encoder_begins_with_the_eyes_of_the_factor_network():
    from latentstudio.models.clay_factors import load_factor_network

    x = torch.rand(2, 3, 64, 64) * 2 - 1
    with torch.no_grad():
        wanted = load_factor_network().look(x)
        for step in new_vae(**SMALL).encoder[:-1]:
            x = step(x)
        torch.testing.assert_close(x, wanted, rtol=1e-3, atol=1e-3)
