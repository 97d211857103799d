"""Plain generator stacks: the original's pictures, and networks of other shapes made by torch itself."""

from __future__ import annotations

import itertools
import sys
import time
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from dcgan_files import Unflatten, deconvs, draw, saved, trained
from seam_checks import check_claimed_by, check_seam, close, load
from torch import nn

from latentstudio.formats import read_checkpoint
from latentstudio.models.registry import claimants

NAME = "dcgan-sequential"


STACKS: dict[str, tuple[list[int], list[tuple[int, ...]], int]] = {
    "64 px": ([30, 12, 10, 8, 6, 3], [(4, 1, 0)] + [(4, 2, 1)] * 4, 64),
    "32 px": ([17, 12, 10, 8, 3], [(4, 1, 0)] + [(4, 2, 1)] * 3, 32),
    "128 px": ([12, 8, 8, 6, 6, 4, 1], [(4, 1, 0)] + [(4, 2, 1)] * 5, 128),
    "digits, 7 in between": ([20, 12, 10, 8, 1], [(4, 1, 0), (3, 2, 1), (4, 2, 1), (4, 2, 1)], 28),
    "digits, first kernel 7": ([20, 12, 10, 1], [(7, 1, 0), (4, 2, 1), (4, 2, 1)], 28),
    "digits, cropped at the end": ([20, 12, 8, 6, 5, 1], [(4, 1, 0)] + [(4, 2, 1)] * 3 + [(1, 1, 2)], 28),
    "digits without padding": ([20, 12, 10, 8, 1], [(3, 2, 0), (4, 1, 0), (3, 2, 0), (4, 2, 0)], 28),
    "kernels of 5": ([20, 12, 10, 8, 3], [(4, 1, 0)] + [(5, 2, 2, 1)] * 3, 32),
}


@pytest.mark.parametrize("name", STACKS)
@pytest.mark.parametrize("trains", [True, False])
def test_strides_and_paddings_follow_from_kernels_and_sizes(tmp_path: Path, name: str, trains: bool) -> None:
    widths, kernels, size = STACKS[name]
    torch.manual_seed(1)
    network = deconvs(widths, kernels).eval()
    if trains:
        trained(network, lambda: torch.randn(32, widths[0], 1, 1))
    path = saved(tmp_path / "g.pth", network)
    check_claimed_by(path, NAME)
    generator, z = load(path), draw(2, widths[0])
    assert generator.info.img_size == (size, size)
    close(generator(z), network(z[..., None, None]).detach())


@pytest.mark.parametrize(
    ("root", "prefix"),
    [
        ({}, "module.main."),
        ({}, ""),
        ({"netG_state_dict": None}, "main."),
        ({"epoch": 3, "generator": None}, "gen."),
        ({"G": None, "optimizer": {"state": {}}}, "net."),
        ({"state_dict": None}, "generator.layers."),
    ],
)
def test_wrappers_and_prefixes_make_no_difference(tmp_path: Path, root: Any, prefix: str) -> None:
    torch.manual_seed(1)
    network = deconvs(*STACKS["32 px"][:2]).eval()
    path = saved(tmp_path / "g.pth", network, prefix, **root)
    check_claimed_by(path, NAME)
    close(load(path)(draw(2, 17)), network(draw(2, 17, 1, 1)).detach())
    check_seam(load(path))


def test_of_generator_and_critic_in_one_state_dict_the_generator_is_taken(tmp_path: Path) -> None:
    torch.manual_seed(1)
    network = deconvs(*STACKS["32 px"][:2]).eval()
    critic = nn.Sequential(nn.Conv2d(3, 4, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(4, 1, 4))
    arrays = {f"discriminator.{k}": v for k, v in critic.state_dict().items()}
    arrays |= {f"generator.{k}": v for k, v in network.state_dict().items()}
    torch.save({"state_dict": arrays, "epoch": 1}, tmp_path / "g.ckpt")
    generator = load(tmp_path / "g.ckpt")
    close(generator(draw(2, 17)), network(draw(2, 17, 1, 1)).detach())
    assert any("discriminator" in note for note in generator.info.notes)


@pytest.mark.parametrize("act", [nn.LeakyReLU, nn.ELU])
def test_trained_batch_norms_tell_the_activation(tmp_path: Path, act: type[nn.Module]) -> None:
    made = (lambda: nn.LeakyReLU(0.2)) if act is nn.LeakyReLU else act
    network = deconvs([40, 48, 40, 32, 3], [(4, 1, 0)] + [(4, 2, 1)] * 3, made)  # type: ignore[arg-type]
    trained(network, lambda: torch.randn(64, 40, 1, 1))
    generator = load(saved(tmp_path / "g.pth", network))
    close(generator(draw(2, 40)), network(draw(2, 40, 1, 1)).detach())


def test_trained_batch_norms_tell_that_there_is_no_activation(tmp_path: Path) -> None:
    # Only where functions are called in between: a gap in the numbers is a module.
    network = deconvs([40, 48, 40, 3], [(4, 1, 0)] + [(4, 2, 1)] * 2, nn.Identity)
    trained(network, lambda: torch.randn(64, 40, 1, 1))
    names = {"0": "deconv1", "1": "bn1", "3": "deconv2", "4": "bn2", "6": "deconv3"}
    arrays = {
        f"{names[k.partition('.')[0]]}.{k.partition('.')[2]}": v for k, v in network.state_dict().items()
    }
    torch.save(arrays, tmp_path / "g.pth")
    close(load(tmp_path / "g.pth")(draw(2, 40)), network(draw(2, 40, 1, 1)).detach())


def test_untrained_batch_norms_leave_the_usual_activation(tmp_path: Path) -> None:
    network = deconvs(*STACKS["32 px"][:2])
    random = torch.Generator().manual_seed(2)
    for module in network:
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(generator=random)
            module.running_var.uniform_(0.1, 3, generator=random)
    network.eval()
    generator = load(saved(tmp_path / "g.pth", network))
    close(generator(draw(2, 17)), network(draw(2, 17, 1, 1)).detach())


def test_numbers_from_a_uniform_training_are_noticed(tmp_path: Path) -> None:
    network = trained(deconvs(*STACKS["32 px"][:2]), lambda: torch.rand(64, 17, 1, 1) * 2 - 1)
    generator = load(saved(tmp_path / "g.pth", network))
    assert any("from -1 to 1" in note for note in generator.info.notes)


class Upsampling(nn.Module):
    """A dense layer, then nearest doublings and convolutions, with an embedded label."""

    def __init__(self, z_dim: int, classes: int, width: int, join: str, eps: float, size: int = 7) -> None:
        super().__init__()
        self.join, self.size = join, size
        self.label_emb = nn.Embedding(classes, width)
        inside = z_dim if join == "times" else z_dim + width
        self.l1 = nn.Sequential(nn.Linear(inside, 24 * size * size))
        self.conv_blocks = nn.Sequential(
            nn.BatchNorm2d(24),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(24, 24, 3, 1, 1),
            nn.BatchNorm2d(24, eps),
            nn.LeakyReLU(0.2),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(24, 12, 3, 1, 1),
            nn.BatchNorm2d(12, eps),
            nn.LeakyReLU(0.2),
            nn.Conv2d(12, 1, 3, 1, 1),
            nn.Tanh(),
        )

    def forward(self, z: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
        e = self.label_emb(c)
        x = {"times": z * e if self.join == "times" else z, "after": None, "before": None}[self.join]
        if x is None:
            x = torch.cat([z, e] if self.join == "after" else [e, z], 1)
        return self.conv_blocks(self.l1(x).reshape(len(z), 24, self.size, self.size))


@pytest.mark.parametrize("join", ["times", "after", "before"])
@pytest.mark.parametrize("eps", [0.8, 1e-5])
def test_an_embedded_label_is_read_where_training_had_it(tmp_path: Path, join: str, eps: float) -> None:
    torch.manual_seed(1)
    network = Upsampling(12, 5, 12 if join == "times" else 6, join, eps)
    nn.init.normal_(network.label_emb.weight, 0, 2.0)
    wrapped = lambda _: network(torch.randn(60, 12), torch.arange(60) % 5)  # noqa: E731
    network.train()
    trained(_Call(network, wrapped), lambda: None)
    path = saved(tmp_path / "g.pth", network.eval(), "")
    check_claimed_by(path, NAME)
    generator, z = load(path), draw(5, 12)
    assert (generator.info.z_dim, generator.info.c_dim) == (12, 5)
    assert generator.info.img_size == (28, 28)
    close(generator(z, torch.eye(5)), network(z, torch.arange(5)).detach(), 2e-5)
    close(generator.mapping(z, torch.eye(5), truncation_psi=0.5)[:, 0, 12:], torch.eye(5))
    check_seam(generator)


class _Call(nn.Module):
    def __init__(self, network: nn.Module, call: Any) -> None:
        super().__init__()
        self.network, self.call = network, call

    def forward(self, x: Any) -> torch.Tensor:
        return self.call(x)


def test_a_one_hot_label_beside_z_is_recognised_and_may_be_set(tmp_path: Path) -> None:
    network = deconvs([108, 24, 16, 12, 3], [(4, 1, 0)] + [(4, 2, 1)] * 3)

    def inputs() -> torch.Tensor:
        return torch.cat([torch.randn(64, 100), torch.eye(8)[torch.arange(64) % 8]], 1)[..., None, None]

    path = saved(tmp_path / "g.pth", trained(network, inputs))
    generator = load(path)
    assert (generator.info.z_dim, generator.info.c_dim) == (100, 8)
    z, c = draw(2, 100), torch.eye(8)[:2]
    close(generator(z, c), network(torch.cat([z, c], 1)[..., None, None]).detach())
    check_seam(generator)
    free = load(path, {"classes": 0})
    assert (free.info.z_dim, free.info.c_dim) == (108, 0)
    close(free(torch.cat([z, c], 1)), generator(z, c))


@pytest.mark.parametrize("colours", [1, 3])
def test_an_mlp_makes_a_picture_of_its_last_layer(tmp_path: Path, colours: int) -> None:
    torch.manual_seed(1)
    network = nn.Sequential(
        nn.Linear(9, 20), nn.ReLU(), nn.Linear(20, 30), nn.ReLU(), nn.Linear(30, colours * 256), nn.Tanh()
    )
    path = saved(tmp_path / "g.ckpt", network, "")
    check_claimed_by(path, NAME)
    generator, z = load(path), draw(3, 9)
    close(generator(z), network(z).detach().reshape(3, colours, 16, 16))
    check_seam(generator)
    (weight,) = generator.style_weights()
    close(weight.weight, network[0].weight.detach())


def test_a_leaky_mlp_of_the_well_known_collection_keeps_its_large_epsilon(tmp_path: Path) -> None:
    torch.manual_seed(1)
    layers: list[nn.Module] = [nn.Linear(10, 16), nn.LeakyReLU(0.2)]
    for a, b in ((16, 20), (20, 24)):
        layers += [nn.Linear(a, b), nn.BatchNorm1d(b, 0.8), nn.LeakyReLU(0.2)]
    network = nn.Sequential(*layers, nn.Linear(24, 784), nn.Tanh()).eval()
    generator = load(saved(tmp_path / "g.pth", network, "model."))
    close(generator(draw(2, 10)), network(draw(2, 10)).detach().reshape(2, 1, 28, 28))


def test_a_dense_start_before_transposed_convolutions(tmp_path: Path) -> None:
    torch.manual_seed(1)
    network = nn.Sequential(
        nn.Linear(11, 16 * 16, bias=False),
        Unflatten(16, 4, 4),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.ConvTranspose2d(16, 8, 5, 2, 2, 1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.ConvTranspose2d(8, 3, 5, 2, 2, 1),
        nn.Tanh(),
    ).eval()
    generator = load(saved(tmp_path / "g.pth", network, "net."))
    close(generator(draw(2, 11)), network(draw(2, 11)).detach())
    check_seam(generator)


def test_what_is_no_generator_is_not_claimed(tmp_path: Path) -> None:
    torch.manual_seed(1)
    others = {
        "critic": nn.Sequential(nn.Conv2d(3, 8, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(8, 1, 4)),
        "classifier": nn.Sequential(nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 10)),
        "mapping": nn.Sequential(*(nn.Linear(256, 256) for _ in range(8))),
        "without statistics": nn.Sequential(
            nn.ConvTranspose2d(9, 8, 4), nn.GroupNorm(2, 8), nn.ConvTranspose2d(8, 3, 4, 4)
        ),
        "broken chain": nn.Sequential(nn.ConvTranspose2d(9, 8, 4), nn.ConvTranspose2d(7, 3, 4, 4)),
    }
    for network in others.values():
        contents = read_checkpoint(saved(tmp_path / "x.pth", network, ""))
        assert claimants(contents) == []


def test_odd_shapes_are_left_alone_and_take_no_time(tmp_path: Path) -> None:
    odd = {
        "empty": {"0.weight": torch.zeros(0, 4), "1.weight": torch.zeros(0, 0, 3, 3)},
        "bias only": {"0.bias": torch.zeros(3)},
        "scalars": {"0.weight": torch.tensor(1.0), "1.weight": torch.tensor(2.0)},
        "five axes": {"0.weight": torch.zeros(2, 2, 2, 2, 2)},
        "flat then odd": {"0.weight": torch.zeros(30, 4), "1.weight": torch.zeros(7, 11, 3, 3)},
    }
    for arrays in odd.values():
        torch.save(arrays, tmp_path / "x.pth")
        assert claimants(read_checkpoint(tmp_path / "x.pth")) == []
    for kernel in (3, 4):  # a chain, but far too long to try everything
        deep = {f"{i}.weight": torch.zeros(4, 4, kernel, kernel) for i in range(120)}
        torch.save(deep, tmp_path / "x.pth")
        started = time.perf_counter()
        claimants(read_checkpoint(tmp_path / "x.pth"))
        assert time.perf_counter() - started < 3


class BaseConfig:
    """Pickles as pytorch_GAN_zoo's settings do."""


@pytest.mark.parametrize("loss", ["DCGAN", "WGANGP"])
@pytest.mark.parametrize("classes", [0, 3])
def test_pytorch_gan_zoos_dcgan_ends_as_its_loss_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loss: str, classes: int
) -> None:
    torch.manual_seed(1)
    network = nn.Sequential()
    network.add_module("formatLayer", nn.ConvTranspose2d(9, 12, 4, 1, 0, bias=False))
    network.add_module("batchNorm0", nn.BatchNorm2d(12))
    network.add_module("relu0", nn.ReLU())
    for i, (a, b) in enumerate(itertools.pairwise([12, 8, 6]), 1):
        network.add_module(f"convTranspose{i}", nn.ConvTranspose2d(a, b, 4, 2, 1, bias=False))
        network.add_module(f"batchNorm{i}", nn.BatchNorm2d(b))
        network.add_module(f"relu{i}", nn.ReLU())
    network.add_module("outlayer", nn.ConvTranspose2d(6, 3, 4, 2, 1, bias=False))
    arrays = {k if k.startswith("format") else f"main.{k}": v for k, v in network.eval().state_dict().items()}
    for module in ("models", "models.utils", "models.utils.config"):
        monkeypatch.setitem(sys.modules, module, types.ModuleType(module))
    monkeypatch.setattr(sys.modules["models.utils.config"], "BaseConfig", BaseConfig, raising=False)
    monkeypatch.setattr(BaseConfig, "__module__", "models.utils.config")
    config = BaseConfig()
    config.__dict__.update(lossCriterion=loss, categoryVectorDim=classes, noiseVectorDim=9 - classes)
    other = {key: value + 1 for key, value in arrays.items()}
    path = tmp_path / "g.pth"
    torch.save({"config": config, "netG": other, "netD": {"w": torch.zeros(2)}, "avgG": arrays}, path)
    check_claimed_by(path, NAME)
    generator, z, c = load(path), draw(2, 9 - classes), torch.eye(3)[:2, :classes]
    img = network(torch.cat([z, c], 1)[..., None, None]).detach()
    close(generator(z, c if classes else None), torch.tanh(img) if loss == "DCGAN" else img)


def test_sefa_reads_the_first_layer_of_a_deconvolution(tmp_path: Path) -> None:
    torch.manual_seed(1)
    network = deconvs(*STACKS["32 px"][:2])
    (weight,) = load(saved(tmp_path / "g.pth", network)).style_weights()
    assert weight.weight.shape == (12 * 16, 17)
    close(weight.weight[:16, 4], network[0].weight[4, 0].detach().flatten())


@pytest.mark.parity
@pytest.mark.parametrize("name", ["netG_epoch_24.pth", "variant_dataparallel.pth"])
def test_pytorch_examples_dcgan_gives_the_originals_pictures(shared: Path, name: str) -> None:
    # img_trainmode_batchstats is not given back: its script normalises by the batch it happens to draw.
    folder = shared / "zoo" / "dcgan_examples_64"
    stored = np.load(folder / "reference.npz")
    check_claimed_by(folder / name, NAME)
    generator, z = load(folder / name), stored["z"][:, :, 0, 0]
    close(generator(z), stored["img_eval"])
    close(generator(z[:1]), stored["img_eval_first_alone"])
    check_seam(generator)


@pytest.mark.parity
@pytest.mark.parametrize(
    ("file", "z_dim", "c_dim", "size"),
    [
        ("ryhan9834_wgangp_mnist/generator.pth", 64, 0, 28),
        ("hayatohongo_cwgangp_mnist/generator.pth", 10, 10, 28),
        ("fletchersarip93_face32/generator.pt", 100, 0, 32),
        ("csinva_mnist/mnist_gan_mlp_weights_G--300.ckpt", 64, 0, 28),
    ],
)
def test_real_weights_open(shared: Path, file: str, z_dim: int, c_dim: int, size: int) -> None:
    path = shared / "weights" / file
    check_claimed_by(path, NAME)
    generator = load(path)
    info = generator.info
    assert (info.z_dim, info.c_dim, info.img_size) == (z_dim, c_dim, (size, size))
    c = torch.eye(c_dim)[:4] if c_dim else None
    img = generator(draw(4, z_dim), c)
    if size == 28:  # a dark ground and bright strokes
        assert 0.05 < float((img > 0).float().mean()) < 0.35
        assert float(img[:, :, 0].mean()) < -0.8
    names = [s["name"] for s in generator.config["steps"] if s["op"] == "activation"]
    if "fletcher" in file:
        assert names == ["identity", "lrelu", "lrelu", "lrelu", "tanh"]
    if "hayato" in file:
        assert [s["eps"] for s in generator.config["steps"] if s["op"] == "norm"] == [1e-5, 0.8, 0.8]
        assert generator.config["label"] == "embedded after"
