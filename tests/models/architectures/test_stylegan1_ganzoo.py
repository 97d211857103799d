"""pytorch_GAN_zoo's StyleGAN: the original's pictures, and its own reading of the paper."""

from __future__ import annotations

import itertools
import math
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from seam_checks import check_claimed_by, check_seam, close, close_in_range, load

from latentstudio.errors import MismatchError

NAME = "stylegan1-ganzoo"


class BaseConfig:
    """Pickles as the original's settings do."""


def state(random: np.random.Generator, *, z_dim: int, channels: list[int], mappings: int) -> dict[str, Any]:
    v: dict[str, Any] = {}

    def normal(*shape: int, scale: float = 1.0) -> torch.Tensor:
        return torch.from_numpy((random.standard_normal(shape) * scale).astype(np.float32))

    def layer(name: str, *shape: int, rate: float = 1.0) -> None:
        v[f"{name}.module.weight"] = normal(*shape) / rate
        v[f"{name}.module.bias"] = normal(shape[0])

    first = channels[0]
    v["baseScale0"], v["mean_w"] = normal(1, first, 4, 4), normal(1, first)
    for i in range(mappings):
        layer(f"mapping.FC.{i}", first, first if i else z_dim, rate=0.01)
    layer("conv0", first, first, 3, 3)
    for i in (0, 1):
        layer(f"adain0{i}.styleModulator", 2 * first, first)
        v[f"noiseMod0{i}.module.weight"] = normal(1, 1, 1, 1, scale=0.3)
    for i, (a, b) in enumerate(itertools.pairwise(channels)):
        for j in (0, 1):
            layer(f"scaleLayers.{i}.{2 * j}", b, b if j else a, 3, 3)
            layer(f"scaleLayers.{i}.{2 * j + 1}.styleModulator", 2 * b, first)
            v[f"noiseModulators.{i}.{j}.module.weight"] = normal(1, 1, 1, 1, scale=0.3)
        layer(f"toRGBLayers.{i}", 3, b, 1, 1)
    return v


def plain(
    v: dict[str, Any], z: Any, noise: dict[int, Any] | None, *, psi: float, leak: float, alpha: float
) -> Any:
    """The picture in float64: gains act on convolution and bias together."""
    v = {key: value.double() for key, value in v.items()}
    seen = 0

    def linear(x: torch.Tensor, name: str, rate: float = 1.0) -> torch.Tensor:
        weight = v[f"{name}.module.weight"]
        return (x @ weight.T + v[f"{name}.module.bias"]) * math.sqrt(2 / weight.shape[1]) * rate

    def conv(x: torch.Tensor, name: str) -> torch.Tensor:
        weight = v[f"{name}.module.weight"]
        y = F.conv2d(x, weight, v[f"{name}.module.bias"], padding=weight.shape[-1] // 2)
        return y * math.sqrt(2 / weight[0].numel())

    def rest(x: torch.Tensor, noise_name: str, style_name: str) -> torch.Tensor:
        nonlocal seen
        if noise is not None:
            x = x + noise[seen].double() * v[f"{noise_name}.module.weight"]
        seen += 1
        x = torch.where(x > 0, x, leak * x)
        x = x - x.mean((2, 3), keepdim=True)
        x = x / (x.square().mean((2, 3), keepdim=True) + 1e-8).sqrt()
        a, b = linear(w, f"{style_name}.styleModulator")[:, :, None, None].chunk(2, 1)
        return a * x + b

    def larger(x: torch.Tensor) -> torch.Tensor:
        return x.repeat_interleave(2, 2).repeat_interleave(2, 3)

    x = torch.as_tensor(z, dtype=torch.float64)
    x = x / (x.square().mean(1, keepdim=True) + 1e-8).sqrt()
    i = 0
    while f"mapping.FC.{i}.module.weight" in v:
        x = linear(x, f"mapping.FC.{i}", 0.01)
        x = torch.where(x > 0, x, 0.2 * x)
        i += 1
    w = v["mean_w"] + psi * (x - v["mean_w"])
    x = rest(v["baseScale0"].expand(len(w), -1, -1, -1), "noiseMod00", "adain00")
    x = rest(conv(x, "conv0"), "noiseMod01", "adain01")
    img = torch.zeros(())
    i = 0
    while f"scaleLayers.{i}.0.module.weight" in v:
        x = rest(conv(larger(x), f"scaleLayers.{i}.0"), f"noiseModulators.{i}.0", f"scaleLayers.{i}.1")
        x = rest(conv(x, f"scaleLayers.{i}.2"), f"noiseModulators.{i}.1", f"scaleLayers.{i}.3")
        before, img = img, conv(x, f"toRGBLayers.{i}")
        i += 1
    return alpha * larger(before) + (1 - alpha) * img if alpha else img


def write(path: Path, monkeypatch: pytest.MonkeyPatch, root: dict[str, Any], **settings: Any) -> Path:
    for module in ("models", "models.utils", "models.utils.config"):
        monkeypatch.setitem(sys.modules, module, types.ModuleType(module))
    monkeypatch.setattr(sys.modules["models.utils.config"], "BaseConfig", BaseConfig, raising=False)
    monkeypatch.setattr(BaseConfig, "__module__", "models.utils.config")
    config = BaseConfig()
    config.__dict__.update(settings)
    torch.save({"config": config, **root}, path)
    return path


@pytest.mark.parity
def test_the_originals_pictures_come_back(shared: Path) -> None:
    folder = shared / "zoo" / "stylegan1_fbzoo_32"
    check_claimed_by(folder / "checkpoint.pth", NAME)
    generator = load(folder / "checkpoint.pth")
    reference = np.load(folder / "reference.npz")
    z = reference["z"]
    with torch.inference_mode():
        close(generator.mapping(z)[:, 0], reference["w"])
        for key, psi, count in [
            ("img", 0.5, 3),
            ("img_first_alone", 0.5, 1),
            ("img_phi1_noiseseed123", 1, 3),
        ]:
            torch.manual_seed(123)
            picture = generator(z[:count], None, psi, noise_mode="random")
            # These pictures reach magnitudes of 8 to 19, and the original's own rounding is already
            # 2e-5 to 9e-5 away from the same network in float64: 1e-5 of the range is all there is.
            close_in_range(picture, reference[key])


@pytest.mark.parametrize(
    "case",
    [
        {},
        {"alpha": 0.3},
        {"leakyReluLeak": 0.1, "channels": [5, 6]},
        {"channels": [7, 5, 4, 3], "z_dim": 9, "mappings": 1},
        {"channels": [4, 5], "alpha": 0.5},
        {"lossCriterion": "DCGAN"},
    ],
)
def test_it_is_that_repositorys_network(
    case: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(2)
    z_dim, channels = case.get("z_dim", 6), case.get("channels", [6, 5, 4])
    sizes = {"z_dim": z_dim, "channels": channels, "mappings": case.get("mappings", 3)}
    averaged, trained = state(random, **sizes), state(random, **sizes)
    settings = {"alpha": case.get("alpha", 0), "leakyReluLeak": case.get("leakyReluLeak", 0.2)}
    settings["lossCriterion"] = case.get("lossCriterion", "WGANGP")
    root = {"netG": trained, "netD": {"a.weight": torch.zeros(2)}, "avgG": averaged}
    path = write(tmp_path / "m.pt", monkeypatch, root, phiTruncation=0.5, **settings)
    check_claimed_by(path, NAME)
    generator = load(path)
    assert (generator.info.img_resolution, generator.info.num_ws) == (
        4 * 2 ** (len(channels) - 1),
        2 * len(channels),
    )
    z = random.standard_normal((2, z_dim))
    # With a single doubling there is no picture to fade from.
    alpha = settings["alpha"] if len(channels) > 2 else 0
    for psi in (1.0, 0.4):
        for seed in (None, 7):
            noise = None if seed is None else generator.draw_noise(seed, 2)
            theirs = plain(averaged, z, noise, psi=psi, leak=settings["leakyReluLeak"], alpha=alpha)
            if settings["lossCriterion"] == "DCGAN":
                theirs = theirs.tanh()
            ours = generator(z, None, psi, noise_mode="none", noise_maps=noise)
            close_in_range(ours, theirs)
    check_seam(generator)
    assert any("discriminator" in note for note in generator.info.notes)


def test_alpha_can_be_set_as_lod_when_loading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(2)
    v = state(random, z_dim=6, channels=[6, 5, 4], mappings=2)
    path = write(tmp_path / "m.pt", monkeypatch, {"netG": v}, alpha=0.25)
    z = random.standard_normal((2, 6))
    for options, alpha in (({}, 0.25), ({"lod": 0.75}, 0.75), ({"lod": 0}, 0)):
        theirs = plain(v, z, None, psi=1.0, leak=0.2, alpha=alpha)
        close_in_range(load(path, options)(z, noise_mode="none"), theirs)


def test_a_state_dict_alone_and_a_missing_part(tmp_path: Path) -> None:
    v = state(np.random.default_rng(2), z_dim=6, channels=[6, 5, 4], mappings=2)
    torch.save(v, tmp_path / "plain.pt")
    check_claimed_by(tmp_path / "plain.pt", NAME)
    del v["adain01.styleModulator.module.bias"]
    torch.save(v, tmp_path / "cut.pt")
    with pytest.raises(MismatchError, match=r"adain01\.styleModulator\.module\.bias is missing"):
        load(tmp_path / "cut.pt")
