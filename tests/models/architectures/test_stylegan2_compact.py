from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from nvidia_files import same
from seam_checks import check_claimed_by, check_seam

from latentstudio.errors import MismatchError
from latentstudio.models.registry import load_generator

# Features at 4, 8, ... pixels; z_dim, w_dim, layers of the mapping.
VARIANTS = (((7, 6, 5), 8, 8, 2), ((4, 9), 6, 10, 1), ((5,), 8, 8, 3), ((3, 5, 4, 2, 2), 9, 7, 4))


def make(channels, z_dim, w_dim, depth, seed=0):
    """A random state dict in the layout of the training script."""
    random = torch.Generator().manual_seed(seed)
    arrays = {}

    def normal(name, *shape, mean=0.0, std=1.0):
        arrays[name] = torch.randn(shape, generator=random) * std + mean

    def conv(name, before, after, kernel):
        normal(f"{name}.affine.weight", before, w_dim)
        normal(f"{name}.affine.bias", before, mean=1.0, std=0.3)
        normal(f"{name}.weight", after, before, kernel, kernel)
        normal(f"{name}.bias", after, std=0.3)
        if kernel > 1:
            normal(f"{name}.noise", std=0.3)

    for i in range(depth):
        normal(f"mapping.{i}.weight", w_dim, w_dim if i else z_dim)
        normal(f"mapping.{i}.bias", w_dim, std=0.3)
    normal("const", 1, channels[0], 4, 4)
    normal("input.weight", channels[0] * 16, w_dim)
    normal("input.bias", channels[0] * 16, std=0.3)
    normal("w_avg", w_dim, std=0.5)
    for i, width in enumerate(channels):
        if i:
            conv(f"conv0.{i - 1}", channels[i - 1], width, 3)
        conv(f"conv1.{i}", width, width, 3)
        conv(f"torgb.{i}", width, 3, 1)
    return arrays


class Plain:
    """The training script's generator, said slowly and in float64."""

    def __init__(self, arrays):
        self.arrays = {name: array.double() for name, array in arrays.items()}

    def linear(self, name, x):
        weight = self.arrays[f"{name}.weight"]
        return x @ weight.t() / math.sqrt(weight.shape[1]) + self.arrays[f"{name}.bias"]

    def map(self, z):
        x = z.double()
        x = x / (x.square().mean(1, keepdim=True) + 1e-8).sqrt()
        depth = sum(name.startswith("mapping.") for name in self.arrays) // 2
        for i in range(depth):
            x = self.linear(f"mapping.{i}", x)
            x = torch.where(x > 0, x, 0.2 * x) * math.sqrt(2)
        return x

    def conv(self, name, x, w, noise, up=False):
        weight = self.arrays[f"{name}.weight"] / math.sqrt(self.arrays[f"{name}.weight"][0].numel())
        results = []
        for sample, style in zip(x, self.linear(f"{name}.affine", w), strict=True):
            kernel = weight * style[None, :, None, None]
            kernel = kernel / (kernel.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
            y = F.conv2d(sample[None], kernel, padding=1)
            results.append(_double(y) if up else y)
        y = torch.cat(results) + self.arrays[f"{name}.bias"][:, None, None]
        if noise is not None:
            y = y + noise.double() * self.arrays[f"{name}.noise"]
        return torch.where(y > 0, y, 0.2 * y) * math.sqrt(2)

    def torgb(self, name, x, w):
        weight = self.arrays[f"{name}.weight"][:, :, 0, 0] / math.sqrt(x.shape[1])
        y = torch.einsum("oi,ni,nihw->nohw", weight, self.linear(f"{name}.affine", w), x)
        return y + self.arrays[f"{name}.bias"][:, None, None]

    def synthesis(self, ws, maps=None):
        """`maps` holds a noise map for each convolution; None for no noise."""
        ws, maps = ws.double(), iter(maps or [])
        count = sum(name.startswith("torgb.") and name.endswith(".affine.bias") for name in self.arrays)
        x = self.arrays["const"] + self.linear("input", ws[:, 0]).reshape(len(ws), -1, 4, 4)
        x = self.conv("conv1.0", x, ws[:, 0], next(maps, None))
        img = self.torgb("torgb.0", x, ws[:, 1])
        for i in range(1, count):
            x = self.conv(f"conv0.{i - 1}", x, ws[:, 2 * i - 1], next(maps, None), up=True)
            x = self.conv(f"conv1.{i}", x, ws[:, 2 * i], next(maps, None))
            img = _double(img) + self.torgb(f"torgb.{i}", x, ws[:, 2 * i + 1])
        return img


def _double(x):
    """Twice the size: each new pixel is 3/4 of the nearest old one and 1/4 of the next, along each axis."""
    for axis in (2, 3):
        first, last = x.narrow(axis, 0, 1), x.narrow(axis, x.shape[axis] - 1, 1)
        before = torch.cat([first, x.narrow(axis, 0, x.shape[axis] - 1)], axis)
        after = torch.cat([x.narrow(axis, 1, x.shape[axis] - 1), last], axis)
        pairs = torch.stack([0.75 * x + 0.25 * before, 0.75 * x + 0.25 * after], axis + 1)
        x = pairs.flatten(axis, axis + 1)
    return x


def opened(tmp_path, arrays):
    path = tmp_path / "network.pt"
    torch.save(arrays, path)
    return load_generator(path)


def ws_of(generator, count=2):
    shape = (count, generator.info.num_ws, generator.info.w_dim)
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


def check_against(generator, plain):
    z = torch.randn((3, generator.info.z_dim), generator=torch.Generator().manual_seed(2))
    expected = plain.map(z)
    same(generator.mapping(z)[:, -1], expected)
    average = plain.arrays["w_avg"]
    same(generator.mapping(z, None, 0.7)[:, 0], average + 0.7 * (expected - average))
    ws = ws_of(generator)
    same(generator.synthesis(ws, "none"), plain.synthesis(ws))
    same(generator.synthesis(ws[1:], "none"), plain.synthesis(ws[1:]))
    # The script draws one map a convolution, in the order of execution.
    torch.manual_seed(4)
    maps = [torch.randn(2, 1, *shape) for shape in generator.noise_shapes]
    torch.manual_seed(4)
    same(generator.synthesis(ws, "random"), plain.synthesis(ws, maps))


@pytest.mark.parametrize("sizes", VARIANTS)
def test_every_size_gives_what_the_training_script_gives(tmp_path, sizes):
    arrays = make(*sizes)
    generator = opened(tmp_path, arrays)
    info = generator.info
    assert info.img_size == (4 * 2 ** (len(sizes[0]) - 1),) * 2
    assert (info.z_dim, info.w_dim, info.num_ws) == (sizes[1], sizes[2], 2 * len(sizes[0]))
    check_against(generator, Plain(arrays))


def test_stages_tell_the_truth_and_carry_gradients(tmp_path):
    check_seam(opened(tmp_path, make(*VARIANTS[0])))


def test_stored_noise_is_the_same_whenever_the_file_is_opened(tmp_path):
    arrays = make(*VARIANTS[0])
    first, second = opened(tmp_path, arrays), opened(tmp_path, arrays)
    ws = ws_of(first)
    assert torch.equal(first.synthesis(ws), second.synthesis(ws))
    assert not torch.equal(first.synthesis(ws), first.synthesis(ws, "none"))


def test_exactly_one_architecture_claims_the_file(tmp_path):
    path = tmp_path / "network.pt"
    torch.save(make(*VARIANTS[0]), path)
    check_claimed_by(path, "stylegan2-compact")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("conv1.1.weight", torch.ones(6, 6)),
        ("conv1.1.weight", torch.ones(6, 5, 3, 3)),
        ("conv0.0.bias", None),
        ("mapping.0.weight", None),
        ("torgb.2.affine.weight", torch.ones(4, 8)),
        ("const", torch.ones(7, 4, 4)),
        ("const", torch.ones(())),
        ("surplus", torch.ones(3)),
    ],
)
def test_what_does_not_fit_is_told_in_a_sentence(tmp_path, name, value):
    arrays = make(*VARIANTS[0])
    if value is None:
        del arrays[name]
    else:
        arrays[name] = value
    with pytest.raises(MismatchError, match="StyleGAN2 compact"):
        opened(tmp_path, arrays)


@pytest.mark.parity
def test_the_bundled_faces_come_out(shared):
    path = shared / "clay" / "clayfaces64_ema.pt"
    if not path.is_file():
        pytest.skip("the training checkpoint of the clay faces is absent")
    check_claimed_by(path, "stylegan2-compact")
    generator = load_generator(path)
    arrays = torch.load(path, weights_only=True)
    check_against(generator, Plain(arrays))
    assert generator.info.img_size == (64, 64)
    z = np.random.RandomState(0).randn(2, generator.info.z_dim)
    assert 0.1 < float(generator(z, truncation_psi=0.7).std()) < 1
