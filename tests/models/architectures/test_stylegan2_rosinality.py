"""rosinality's StyleGAN2: the original's pictures, every kind of file, and other sizes."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from seam_checks import check_claimed_by, check_seam, close, load
from tensorflow_files import resample, spread

from latentstudio.errors import MismatchError

NAME = "stylegan2-rosinality"


def state(
    random: np.random.Generator,
    *,
    channels: list[int],
    dim: int,
    layers: int,
    taps: list[int],
    noises: bool = True,
) -> dict[str, torch.Tensor]:
    v: dict[str, torch.Tensor] = {}

    def normal(*shape: int) -> torch.Tensor:
        return torch.from_numpy(random.standard_normal(shape).astype(np.float32))

    kernel = torch.outer(torch.tensor(taps), torch.tensor(taps)).float()
    kernel = kernel / kernel.sum() * 4

    def modulation(name: str, width: int) -> None:
        v[f"{name}.conv.modulation.weight"] = normal(width, dim)
        v[f"{name}.conv.modulation.bias"] = normal(width) * 0.2 + 1

    def conv(name: str, i: int, o: int, up: bool = False) -> None:
        v[f"{name}.conv.weight"] = normal(1, o, i, 3, 3)
        if up:
            v[f"{name}.conv.blur.kernel"] = kernel
        modulation(name, i)
        v[f"{name}.noise.weight"] = normal(1) * 0.3
        v[f"{name}.activate.bias"] = normal(o) * 0.3

    def rgb(name: str, i: int, up: bool = True) -> None:
        v[f"{name}.bias"] = normal(1, 3, 1, 1)
        if up:
            v[f"{name}.upsample.kernel"] = kernel
        v[f"{name}.conv.weight"] = normal(1, 3, i, 1, 1)
        modulation(name, i)

    for i in range(layers):
        v[f"style.{i + 1}.weight"], v[f"style.{i + 1}.bias"] = normal(dim, dim) * 100, normal(dim) * 20
    v["input.input"] = normal(1, channels[0], 4, 4)
    conv("conv1", channels[0], channels[0])
    rgb("to_rgb1", channels[0], up=False)
    for i in range(1, len(channels)):
        conv(f"convs.{2 * i - 2}", channels[i - 1], channels[i], up=True)
        conv(f"convs.{2 * i - 1}", channels[i], channels[i])
        rgb(f"to_rgbs.{i - 1}", channels[i])
    if noises:
        for i in range(2 * len(channels) - 1):
            v[f"noises.noise_{i}"] = normal(1, 1, *[4 * 2 ** ((i + 1) // 2)] * 2)
    return v


def plain_style(v: dict[str, Any], z: Any) -> torch.Tensor:
    x = torch.as_tensor(z, dtype=torch.float64)
    x = x / (x.square().mean(1, keepdim=True) + 1e-8).sqrt()
    i = 1
    while f"style.{i}.weight" in v:
        weight, bias = v[f"style.{i}.weight"].double(), v[f"style.{i}.bias"].double()
        x = x @ weight.T * (0.01 / math.sqrt(weight.shape[1])) + bias * 0.01
        x = torch.where(x > 0, x, 0.2 * x) * math.sqrt(2)
        i += 1
    return x


def plain(v: dict[str, Any], ws: Any, noise: dict[int, Any] | None, taps: list[int]) -> torch.Tensor:
    """The picture in float64, sample by sample."""
    v = {key: value.double() for key, value in v.items()}
    ws = torch.as_tensor(ws, dtype=torch.float64)
    seen = 0

    def modulated(x: torch.Tensor, name: str, row: int, demodulate: bool, up: bool = False) -> torch.Tensor:
        weight = v[f"{name}.conv.weight"][0]
        weight = weight / math.sqrt(weight[0].numel())
        out = []
        for sample, w in zip(x, ws[:, row], strict=True):
            affine = v[f"{name}.conv.modulation.weight"]
            style = affine @ w / math.sqrt(len(w)) + v[f"{name}.conv.modulation.bias"]
            own = weight * style[:, None, None]
            if demodulate:
                own = own / (own.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
            if up:
                wide = F.conv_transpose2d(sample[None], own.transpose(0, 1), stride=2)
                pad = (len(taps) - 2) - 2
                out.append(resample(wide, taps, (pad + 1) // 2 + 1, pad // 2 + 1))
            else:
                out.append(F.conv2d(sample[None], own, padding=own.shape[-1] // 2))
        return torch.cat(out)

    def layer(x: torch.Tensor, name: str, up: bool = False) -> torch.Tensor:
        nonlocal seen
        x = modulated(x, name, seen, True, up)
        if noise is not None:
            x = x + noise[seen].double() * v[f"{name}.noise.weight"]
        seen += 1
        x = x + v[f"{name}.activate.bias"][:, None, None]
        return torch.where(x > 0, x, 0.2 * x) * math.sqrt(2)

    x = layer(v["input.input"].expand(len(ws), -1, -1, -1), "conv1")
    img = modulated(x, "to_rgb1", seen, False) + v["to_rgb1.bias"]
    i = 0
    while f"to_rgbs.{i}.bias" in v:
        x = layer(layer(x, f"convs.{2 * i}", up=True), f"convs.{2 * i + 1}")
        y = modulated(x, f"to_rgbs.{i}", seen, False) + v[f"to_rgbs.{i}.bias"]
        pad = len(taps) - 2
        img = y + resample(spread(img), taps, (pad + 1) // 2 + 1, pad // 2)
        i += 1
    return img


@pytest.mark.parity
def test_the_originals_pictures_come_back(shared: Path) -> None:
    folder = shared / "zoo" / "rosinality_64_train"
    check_claimed_by(folder / "checkpoint.pt", NAME)
    generator = load(folder / "checkpoint.pt")
    reference = np.load(folder / "reference.npz")
    z = reference["z"]
    with torch.inference_mode():
        # The original's own mean after seeding with 0, to the last bit.
        close(generator.mean_latent[None], reference["mean_latent_seed0_4096"], 0)
        close(generator.mean_latent[None], reference["truncation_latent_used"], 0)
        close(generator.mapping(z)[:, 0], reference["w"])
        close(generator(z), reference["img_psi1"])
        close(generator(z, None, 0.7), reference["img_psi07"])
        close(generator(z[:1]), reference["img_psi1_first_alone"])
        close(generator(z, noise_mode="none"), reference["img_zero_noise"])
        close(generator.synthesis(reference["ws_rand"]), reference["img_ws_rand"])
        first, second = (generator.mapping(reference[key], None, 0.7) for key in ("z", "z2"))
        mixed = torch.cat([first[:, :3], second[:, 3:]], 1)
        close(generator.synthesis(mixed), reference["img_mix_inject3_psi07"])
        torch.manual_seed(123)
        close(generator(z, noise_mode="random"), reference["img_noise_random_seed123"])


@pytest.mark.parametrize(
    "case",
    [
        {},
        {"channels": [4, 5], "dim": 6, "layers": 1},
        {"channels": [3, 4, 5, 3], "taps": [1, 2, 1]},
        {"taps": [1, 1]},
        {"taps": [1, 2, 4, 5, 3, 1]},
    ],
)
def test_it_is_the_papers_network(case: dict[str, Any], tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    sizes = {"channels": [6, 5, 4], "dim": 8, "layers": 3, "taps": [1, 3, 3, 1], **case}
    averaged, trained = state(random, **sizes), state(random, **sizes)
    average = torch.from_numpy(random.standard_normal(sizes["dim"]).astype(np.float32))
    torch.save({"g": trained, "g_ema": averaged, "latent_avg": average}, tmp_path / "m.pt")
    check_claimed_by(tmp_path / "m.pt", NAME)
    generator = load(tmp_path / "m.pt")
    z = random.standard_normal((2, sizes["dim"]))
    w = plain_style(averaged, z)
    close(generator.mapping(z)[:, 0], w)
    close(generator.mapping(z, None, 0.4)[:, -1], average + 0.4 * (w - average))
    ws = random.standard_normal((2, generator.info.num_ws, sizes["dim"]))
    stored = {i: averaged[f"noises.noise_{i}"] for i in range(len(generator.noise_shapes))}
    close(generator.synthesis(ws), plain(averaged, ws, stored, sizes["taps"]))
    close(generator.synthesis(ws, "none"), plain(averaged, ws, None, sizes["taps"]))
    check_seam(generator)


def test_every_kind_of_file_holds_the_same_network(tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    v = state(random, channels=[6, 5], dim=8, layers=2, taps=[1, 3, 3, 1])
    training = {
        "g": {key: value * 0.5 for key, value in v.items()},
        "d": {"convs.0.0.weight": torch.zeros(2)},
        "g_ema": v,
        "g_optim": {"state": {}, "param_groups": []},
        "args": argparse.Namespace(latent=8, n_mlp=2),
        "ada_aug_p": 0,
    }
    average = torch.full((8,), 0.3)
    encoder = {f"decoder.{key}": value for key, value in v.items()} | {
        "encoder.input_layer.0.weight": torch.zeros(2)
    }
    files = {
        "training": training,
        "trained alone": {"g": v},
        "converted": {"g_ema": v, "latent_avg": average},
        "plain": v,
        "parallel": {f"module.{key}": value for key, value in v.items()},
        "encoder": {"state_dict": encoder, "latent_avg": average.repeat(4, 1), "opts": {"output_size": 8}},
    }
    ws = random.standard_normal((1, 4, 8))
    expected = plain(v, ws, {i: v[f"noises.noise_{i}"] for i in range(3)}, [1, 3, 3, 1])
    for name, root in files.items():
        for zipped in (True, False):
            path = tmp_path / f"{name} {zipped}.pt"
            torch.save(root, path, _use_new_zipfile_serialization=zipped)
            check_claimed_by(path, NAME)
            generator = load(path)
            close(generator.synthesis(ws), expected)
            if "latent_avg" in root:
                close(generator.mean_latent, average, 0)
    assert any("discriminator" in note for note in load(tmp_path / "training True.pt").info.notes)


def test_without_a_mean_latent_it_is_that_of_4096_drawn_after_seed_0(tmp_path: Path) -> None:
    v = state(np.random.default_rng(2), channels=[6, 5], dim=8, layers=2, taps=[1, 3, 3, 1])
    torch.save({"g_ema": v}, tmp_path / "m.pt")
    torch.manual_seed(0)
    expected = plain_style(v, torch.randn(4096, 8)).mean(0)
    close(load(tmp_path / "m.pt").mean_latent, expected, 1e-6)


def test_files_without_noise_maps_get_fixed_ones(tmp_path: Path) -> None:
    v = state(np.random.default_rng(2), channels=[6, 5], dim=8, layers=2, taps=[1, 3, 3, 1], noises=False)
    torch.save(v, tmp_path / "m.pt")
    first, second = load(tmp_path / "m.pt"), load(tmp_path / "m.pt")
    ws = torch.ones(1, 4, 8)
    assert torch.equal(first.synthesis(ws), second.synthesis(ws))
    assert not torch.equal(first.synthesis(ws), first.synthesis(ws, "none"))
    assert any("noise maps" in note for note in first.info.notes)


@pytest.mark.parametrize("part", ["to_rgbs.0.conv.weight", "convs.1.activate.bias", "noises.noise_2"])
def test_a_missing_part_is_named(part: str, tmp_path: Path) -> None:
    v = state(np.random.default_rng(2), channels=[6, 5], dim=8, layers=2, taps=[1, 3, 3, 1])
    del v[part]
    torch.save(v, tmp_path / "m.pt")
    with pytest.raises(MismatchError, match=f"{part} is missing"):
        load(tmp_path / "m.pt")


def test_a_wrong_shape_is_a_mismatch(tmp_path: Path) -> None:
    v = state(np.random.default_rng(2), channels=[6, 5], dim=8, layers=2, taps=[1, 3, 3, 1])
    v["convs.0.activate.bias"] = torch.zeros(9)
    torch.save(v, tmp_path / "m.pt")
    with pytest.raises(MismatchError, match="shape"):
        load(tmp_path / "m.pt")
