"""The training of the small autoencoder, at a tiny size, and what is baked into its file."""

import numpy as np
import pytest
import torch
from train_vae import GROWS, Run, finished, write, write_bundle
from vae_network import batches, move_latents, naming, new_vae, whitening

from latentstudio.models.registry import load_generator

SMALL = {"z_dim": 12, "channels": (8, 8, 8, 6, 4)}


@pytest.fixture(scope="module")
def images():
    random = np.random.default_rng(0)
    grey = random.integers(100, 256, (40, 1, 1, 1), dtype=np.uint8)  # quickly learnt
    return np.broadcast_to(grey, (40, 64, 64, 3)).copy()


@pytest.fixture
def run(images):
    return Run(images, **SMALL)


def test_it_learns_at_every_size_and_the_encoders_eyes_only_at_the_last(run):
    eyes = run.training.net.encoder[0].weight.detach().clone()
    for shown, size in ((0, 16), (GROWS[16], 32), (GROWS[32], 64)):
        run.shown = shown
        assert run.size == size
        first = run.train_step(8, 0.03)  # times a hundredth for each step: it warms up
        assert torch.equal(run.training.net.encoder[0].weight, eyes) == (size < 64)
        for _ in range(25):
            last = run.train_step(8, 0.03)
        assert last < first
    assert np.isfinite(run.quality(run.images[:4]))


def test_a_run_goes_on_where_it_stopped(run, images):
    run.train_step(8, 1e-3)
    other = Run(images, **SMALL)
    other.restore(run.state())
    told = []
    for which in (run, other):
        torch.manual_seed(3)
        told.append(which.train_step(8, 1e-3))
    assert told[0] == told[1]
    assert (other.step, other.shown) == (2, 16)


def test_another_meaning_of_z_leaves_pictures_and_reconstructions_alone():
    torch.manual_seed(0)
    net = new_vae(**SMALL)
    x, z = torch.rand(2, 3, 64, 64) * 2 - 1, torch.randn(2, 12)
    with torch.no_grad():
        pictures, through = net(z), net(net.encode(x))
        mean, root = torch.randn(12), torch.eye(12) + 0.1 * torch.randn(12, 12)
        move_latents(net, mean, root)
        torch.testing.assert_close(
            net(torch.linalg.solve(root, (z - mean).T).T), pictures, rtol=1e-3, atol=1e-4
        )
        torch.testing.assert_close(net(net.encode(x)), through, rtol=1e-3, atol=1e-4)


def test_normal_z_have_the_mean_and_the_covariance_of_the_datas():
    random = torch.Generator().manual_seed(0)
    z = torch.randn(5000, 4, generator=random) @ torch.randn(4, 4, generator=random) + 3
    spread = torch.full((4,), 0.5)
    mean, root = whitening(z, spread)
    torch.testing.assert_close(mean, z.double().mean(0))
    torch.testing.assert_close(root @ root.T, torch.cov(z.T.double()) + 0.25 * torch.eye(4).double())


def test_leading_coordinates_are_what_the_renderer_was_asked_for():
    random = torch.Generator().manual_seed(0)
    latents = torch.randn(6000, 64, generator=random)
    # Turn and smile can be seen, mixed into other things; the rest of z knows nothing of the renderer.
    hidden = torch.cat([latents[:, [49, 22]], torch.randn(6000, 4, generator=random)], 1)
    mixed, _ = torch.linalg.qr(torch.randn(6, 6, generator=random))
    turn, names = naming(hidden @ mixed, latents)
    assert set(names) == {"Turn", "Smile"}
    torch.testing.assert_close(turn @ turn.T, torch.eye(6), rtol=1e-4, atol=1e-4)
    z = hidden @ mixed @ turn
    column = {"Turn": 49, "Smile": 22}
    for i, name in enumerate(names):
        assert torch.corrcoef(torch.stack([z[:, i], latents[:, column[name]]]))[0, 1] > 0.95


def test_where_nothing_can_be_named_z_keeps_its_meaning():
    random = torch.Generator().manual_seed(0)
    turn, names = naming(torch.randn(500, 3, generator=random), torch.randn(500, 64, generator=random))
    assert names == ()
    torch.testing.assert_close(turn @ turn.T, torch.eye(3), rtol=1e-4, atol=1e-4)


def test_the_file_opens_with_its_encoder_and_draws_what_was_trained(run, images, tmp_path):
    latents = np.random.default_rng(1).standard_normal((len(images), 64)).astype(np.float32)
    net, names = finished(run, latents)
    path = tmp_path / "clayvae64" / "clayvae64.safetensors"
    write(net, names, path)
    generator = load_generator(path, device="cpu")
    assert (generator.info.family, generator.info.has_encoder) == ("VAE", True)
    assert generator.info.provenance.z_names == names
    z, x = torch.randn(2, 12), next(batches(images[:2], 2))
    with torch.no_grad():
        torch.testing.assert_close(generator(z), net(z), rtol=2e-2, atol=2e-2)
        wanted = run.average.draw(run.average.look(x, learn=False))
        torch.testing.assert_close(generator(generator.encode(x)), wanted, rtol=5e-2, atol=5e-2)


def test_the_bundle_says_how_it_was_made(run, images, tmp_path):
    run.train_step(8, 1e-3)
    latents = np.random.default_rng(1).standard_normal((len(images), 64)).astype(np.float32)
    write_bundle(run, latents, images[:20], tmp_path / "clayvae64.safetensors")
    assert {path.name for path in tmp_path.iterdir()} == {
        "clayvae64.safetensors",
        "figures.json",
        "samples.png",
        "reconstructions.png",
    }
