"""Random ProGANs in the originals' layouts, and independent statements of their maths."""

from __future__ import annotations

import itertools
import math
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

Arrays = dict[str, torch.Tensor]


class BaseConfig:
    """Pickles as pytorch_GAN_zoo's settings do."""


class Network:
    """Pickles as the TensorFlow originals' networks do."""


def normal(random: np.random.Generator, *shape: int) -> torch.Tensor:
    return torch.from_numpy(random.standard_normal(shape).astype(np.float32))


def unit(x: torch.Tensor, eps: float = 1e-8) -> torch.Tensor:
    return x / (x.square().mean(1, keepdim=True) + eps).sqrt()


def leaky(x: torch.Tensor, slope: float = 0.2) -> torch.Tensor:
    return torch.where(x > 0, x, slope * x)


def larger(x: torch.Tensor, factor: int = 2) -> torch.Tensor:
    return x.repeat_interleave(factor, 2).repeat_interleave(factor, 3)


def zoo_state(random: np.random.Generator, z_dim: int, channels: list[int], colours: int = 3) -> Arrays:
    v: Arrays = {}

    def layer(name: str, *shape: int) -> None:
        v[f"{name}.module.weight"] = normal(random, *shape)
        v[f"{name}.module.bias"] = normal(random, shape[0])

    layer("formatLayer", 16 * channels[0], z_dim)
    layer("groupScale0.0", channels[0], channels[0], 3, 3)
    layer("toRGBLayers.0", colours, channels[0], 1, 1)
    for i, (a, b) in enumerate(itertools.pairwise(channels)):
        layer(f"scaleLayers.{i}.0", b, a, 3, 3)
        layer(f"scaleLayers.{i}.1", b, b, 3, 3)
        layer(f"toRGBLayers.{i + 1}", colours, b, 1, 1)
    return v


def plain_zoo(v: Arrays, z: Any, *, alpha: float = 0.0, slope: float = 0.2, equalised: bool = True) -> Any:
    """The picture in float64: He's constant acts on what a layer gives, bias included."""
    v = {key: value.double() for key, value in v.items()}

    def layer(x: torch.Tensor, name: str) -> torch.Tensor:
        weight, bias = v[f"{name}.module.weight"], v[f"{name}.module.bias"]
        if weight.ndim == 2:
            y = x @ weight.T + bias
        else:
            y = F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2)
        return y * math.sqrt(2 / weight[0].numel()) if equalised else y

    x = leaky(layer(unit(torch.as_tensor(z).double()), "formatLayer"), slope)
    x = unit(leaky(layer(unit(x.reshape(len(x), -1, 4, 4)), "groupScale0.0"), slope))
    top = sum(key.startswith("toRGBLayers") for key in v) // 2 - 1
    features = [x]
    for i in range(top):
        for k in range(2):
            x = unit(leaky(layer(larger(x) if k == 0 else x, f"scaleLayers.{i}.{k}"), slope))
        features.append(x)
    img = layer(features[top], f"toRGBLayers.{top}")
    if alpha and top:
        img = alpha * larger(layer(features[top - 1], f"toRGBLayers.{top - 1}")) + (1 - alpha) * img
    return img


def write_zoo(
    path: Path, monkeypatch: Any, arrays: Arrays, settings: dict[str, Any], key: str = "avgG"
) -> Path:
    for module in ("models", "models.utils", "models.utils.config"):
        monkeypatch.setitem(sys.modules, module, types.ModuleType(module))
    monkeypatch.setattr(sys.modules["models.utils.config"], "BaseConfig", BaseConfig, raising=False)
    monkeypatch.setattr(BaseConfig, "__module__", "models.utils.config")
    config = BaseConfig()
    config.__dict__.update(settings)
    torch.save({"config": config, "netD": {"w": torch.zeros(2)}, key: arrays}, path)
    return path


def akanimax_state(random: np.random.Generator, latent: int, channels: list[int], older: bool) -> Arrays:
    v: Arrays = {}

    def layer(name: str, *shape: int, out: int = 0) -> None:
        v[f"{name}.weight"] = normal(random, *shape)
        v[f"{name}.bias"] = normal(random, out or shape[0])

    first = "initial_block" if older else "layers.0"
    layer(f"{first}.conv_1", latent, channels[0], 4, 4, out=channels[0])
    layer(f"{first}.conv_2", channels[0], channels[0], 3, 3)
    layer("rgb_converters.0", 3, channels[0], 1, 1)
    for i, (a, b) in enumerate(itertools.pairwise(channels)):
        name = f"layers.{i if older else i + 1}"
        layer(f"{name}.conv_1", b, a, 3, 3)
        layer(f"{name}.conv_2", b, b, 3, 3)
        layer(f"rgb_converters.{i + 1}", 3, b, 1, 1)
    return v


def plain_akanimax(v: Arrays, z: Any, *, older: bool, used: int, alpha: float = 1.0, eql: bool = True) -> Any:
    """The picture in float64: gains act on weights only; the first block is normalised at its end."""
    v = {key: value.double() for key, value in v.items()}

    def conv(x: torch.Tensor, name: str) -> torch.Tensor:
        weight = v[f"{name}.weight"]
        gain = math.sqrt(2 / weight[0].numel()) if eql else 1.0
        return F.conv2d(x, weight * gain, v[f"{name}.bias"], padding=weight.shape[-1] // 2)

    first = "initial_block" if older else "layers.0"
    z = torch.as_tensor(z).double()
    z = z if older else unit(z)
    weight = v[f"{first}.conv_1.weight"] * (math.sqrt(2 / z.shape[1]) if eql else 1.0)
    x = torch.einsum("ni,iohw->nohw", z, weight) + v[f"{first}.conv_1.bias"][:, None, None]
    x = unit(leaky(conv(leaky(x), f"{first}.conv_2")))
    before = x
    for i in range(1, used):
        before, name = x, f"layers.{i - 1 if older else i}"
        x = unit(leaky(conv(unit(leaky(conv(larger(x), f"{name}.conv_1"))), f"{name}.conv_2")))
    img = conv(x, f"rgb_converters.{used - 1}")
    if used > 1:
        img = alpha * img + (1 - alpha) * larger(conv(before, f"rgb_converters.{used - 2}"))
    return img
