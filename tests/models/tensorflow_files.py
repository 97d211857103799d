"""Small TensorFlow pickles made without TensorFlow, and StyleGAN2 stated plainly beside them."""

from __future__ import annotations

import math
import pickle
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

State = dict[str, Any]


class Network:
    """Pickles as the original's class does: its name, then its state."""

    def __init__(self, state: State) -> None:
        self.__dict__.update(state)


def network_state(
    name: str, func: str, settings: State, variables: State, version: int = 4, **components: State
) -> State:
    return {
        "version": version,
        "name": name,
        "static_kwargs": settings,
        "components": components,
        "build_module_src": "# omitted",
        "build_func_name": func,
        "variables": list(variables.items()),
    }


def write_networks(path: Path, states: list[State], monkeypatch: Any, protocol: int = 4) -> Path:
    """A pickled tuple of networks."""
    for module in ("dnnlib", "dnnlib.tflib", "dnnlib.tflib.network"):
        monkeypatch.setitem(sys.modules, module, types.ModuleType(module))
    monkeypatch.setattr(sys.modules["dnnlib.tflib.network"], "Network", Network, raising=False)
    monkeypatch.setattr(Network, "__module__", "dnnlib.tflib.network")

    def made(state: State) -> Network:
        return Network({**state, "components": {k: made(v) for k, v in state["components"].items()}})

    path.write_bytes(pickle.dumps(tuple(made(state) for state in states), protocol=protocol))
    return path


def style_files(
    random: np.random.Generator, top: State, mapping: State, synthesis: State, **own: Any
) -> list[State]:
    """(G, D, Gs) with another G, so that taking the wrong one shows."""
    settings, version = own["settings"], own["version"]
    discriminator = network_state(
        "D", "D_stylegan2", {}, {"w": random.standard_normal(3).astype("f4")}, version
    )

    def whole(name: str, scale: float) -> State:
        def scaled(variables: State) -> State:
            return {key: np.float32(value * scale) for key, value in variables.items()}

        return network_state(
            name,
            own["func"],
            settings,
            scaled(top),
            version,
            synthesis=network_state("G_synthesis", "G_synthesis", settings, scaled(synthesis), version),
            mapping=network_state("G_mapping", "G_mapping", settings, scaled(mapping), version),
        )

    return [whole("G", 0.5), discriminator, whole("Gs", 1.0)]


def mapping_variables(
    random: np.random.Generator,
    *,
    z_dim: int,
    w_dim: int,
    layers: int,
    hidden: int,
    label: str = "",
    c_dim: int = 0,
    label_dim: int = 0,
    rate: float = 0.01,
) -> State:
    """`label`: "", "LabelConcat" or "LabelEmbed"."""

    def normal(*shape: int) -> Any:
        return random.standard_normal(shape).astype(np.float32)

    variables: State = {}
    width = z_dim
    if label == "LabelConcat":
        variables["LabelConcat/weight"] = normal(c_dim, z_dim)
        width += z_dim
    elif label == "LabelEmbed":
        variables["LabelEmbed/weight"] = normal(c_dim, label_dim)
        variables["LabelEmbed/bias"] = normal(label_dim)
        width += label_dim
    for i in range(layers):
        out = w_dim if i == layers - 1 else hidden
        variables[f"Dense{i}/weight"] = normal(width, out) / rate
        variables[f"Dense{i}/bias"] = normal(out) / rate * 0.3
        width = out
    return {key: value.astype(np.float32) for key, value in variables.items()}


def doubles(variables: State) -> dict[str, torch.Tensor]:
    return {key: torch.from_numpy(np.asarray(value, np.float64)) for key, value in variables.items()}


def plain_mapping(
    v: State, z: Any, c: Any, *, rate: float, first_style_gan: bool, normalize: bool = True
) -> Any:
    """w as the papers have it, in float64."""
    v = doubles(v)
    x = torch.as_tensor(z, dtype=torch.float64)

    def unit(x: torch.Tensor) -> torch.Tensor:
        return x / (x.square().mean(1, keepdim=True) + 1e-8).sqrt()

    if "LabelConcat/weight" in v:
        x = torch.cat([x, torch.as_tensor(c, dtype=torch.float64) @ v["LabelConcat/weight"]], 1)
    x = unit(x) if normalize else x
    if "LabelEmbed/weight" in v:
        weight = v["LabelEmbed/weight"]
        y = torch.as_tensor(c, dtype=torch.float64) @ weight / math.sqrt(len(weight)) + v["LabelEmbed/bias"]
        x = torch.cat([x, unit(y)], 1)
    i = 0
    while f"Dense{i}/weight" in v:
        weight, bias = (
            v[f"Dense{i}/weight"] * rate / math.sqrt(len(v[f"Dense{i}/weight"])),
            v[f"Dense{i}/bias"] * rate,
        )
        x = x @ weight * math.sqrt(2) + bias if first_style_gan else x @ weight + bias
        x = torch.maximum(x, 0.2 * x) * (1 if first_style_gan else math.sqrt(2))
        i += 1
    return x


def stylegan2_variables(
    random: np.random.Generator,
    *,
    channels: list[int],
    w_dim: int,
    kind: str = "skip",
    base: tuple[int, int] = (4, 4),
    const: int | None = None,
    img_channels: int = 3,
    noise: bool = True,
) -> State:
    """`kind`: "skip", "orig", "resnet" or "growing"."""

    def normal(*shape: int) -> Any:
        return random.standard_normal(shape).astype(np.float32)

    const = channels[0] if const is None else const
    v: State = {"4x4/Const/const": normal(1, const, *base)}
    if kind == "growing":
        v["lod"] = np.float32(0)
    convs = 0

    def conv(scope: str, i: int, o: int, size: tuple[int, int]) -> None:
        nonlocal convs
        v.update({f"{scope}/weight": normal(3, 3, i, o), f"{scope}/bias": normal(o) * 0.2})
        modulation(scope, i)
        if noise:
            v[f"{scope}/noise_strength"] = np.float32(0.1 + 0.1 * convs)
            v[f"noise{convs}"] = normal(1, 1, *size)
        convs += 1

    def modulation(scope: str, i: int) -> None:
        v.update({f"{scope}/mod_weight": normal(w_dim, i), f"{scope}/mod_bias": normal(i) * 0.2})

    def rgb(scope: str, i: int) -> None:
        v.update({f"{scope}/weight": normal(1, 1, i, img_channels), f"{scope}/bias": normal(img_channels)})
        modulation(scope, i)

    last = len(channels) - 1
    for i, width in enumerate(channels):
        scope, size = f"{4 * 2**i}x{4 * 2**i}", (base[0] * 2**i, base[1] * 2**i)
        if i == 0:
            conv("4x4/Conv", const, width, size)
        else:
            conv(f"{scope}/Conv0_up", channels[i - 1], width, size)
            conv(f"{scope}/Conv1", width, width, size)
            if kind == "resnet":
                v[f"{scope}/Skip/weight"] = normal(1, 1, channels[i - 1], width)
        if kind == "growing":
            rgb(f"ToRGB_lod{last - i}", width)
        elif kind == "skip" or i == last:
            rgb(f"{scope}/ToRGB", width)
    return v


def resample(x: torch.Tensor, kernel: Any, low: int, high: int) -> torch.Tensor:
    """True convolution with a kernel of gain 4."""
    kernel = torch.as_tensor(np.asarray(kernel, np.float64))
    kernel = torch.outer(kernel, kernel)
    kernel = (kernel / kernel.sum() * 4).flip(0, 1)
    return F.conv2d(F.pad(x, [low, high, low, high]), kernel.expand(x.shape[1], 1, -1, -1), groups=x.shape[1])


def spread(x: torch.Tensor) -> torch.Tensor:
    """Zeros between the samples and after the last."""
    y = x.new_zeros((*x.shape[:2], 2 * x.shape[2], 2 * x.shape[3]))
    y[:, :, ::2, ::2] = x
    return y


def plain_stylegan2(
    v: State,
    ws: Any,
    *,
    kernel: Any = (1, 3, 3, 1),
    clamp: float | None = None,
    noise: bool = True,
    lod: float = 0.0,
) -> torch.Tensor:
    """The picture by the paper's equations 1 to 3, sample by sample, in float64."""
    v = doubles(v)
    ws = torch.as_tensor(ws, dtype=torch.float64)
    taps, convs = len(kernel), 0

    def bounded(x: torch.Tensor) -> torch.Tensor:
        return x if clamp is None else x.clamp(-clamp, clamp)

    def modulated(
        x: torch.Tensor, scope: str, row: int, demodulate: bool = True, up: bool = False
    ) -> torch.Tensor:
        weight = v[f"{scope}/weight"]
        weight = weight / math.sqrt(math.prod(weight.shape[:3]))
        out = []
        for sample, w in zip(x, ws[:, row], strict=True):
            style = w @ v[f"{scope}/mod_weight"] / math.sqrt(len(w)) + v[f"{scope}/mod_bias"] + 1
            own = weight * style[:, None]
            if demodulate:
                own = own / (own.square().sum((0, 1, 2)) + 1e-8).sqrt()
            own = own.permute(3, 2, 0, 1)
            if up:
                wide = F.conv2d(F.pad(spread(sample[None])[:, :, :-1, :-1], [2] * 4), own)
                pad = (taps - 2) - 2
                out.append(resample(wide, kernel, (pad + 1) // 2 + 1, pad // 2 + 1))
            else:
                out.append(F.conv2d(sample[None], own, padding=weight.shape[0] // 2))
        return torch.cat(out)

    def layer(x: torch.Tensor, scope: str, up: bool = False) -> torch.Tensor:
        nonlocal convs
        x = modulated(x, scope, convs, up=up)
        if noise and f"{scope}/noise_strength" in v:
            x = x + v[f"noise{convs}"] * v[f"{scope}/noise_strength"]
        convs += 1
        x = x + v[f"{scope}/bias"][:, None, None]
        return bounded(torch.where(x > 0, x, 0.2 * x) * math.sqrt(2))

    def rgb(x: torch.Tensor, scope: str) -> torch.Tensor:
        return bounded(modulated(x, scope, convs, demodulate=False) + v[f"{scope}/bias"][:, None, None])

    def larger(img: torch.Tensor, factor: int = 2) -> torch.Tensor:
        return img.repeat_interleave(factor, 2).repeat_interleave(factor, 3)

    def smooth(x: torch.Tensor) -> torch.Tensor:
        return resample(spread(x), kernel, (taps - 1) // 2 + 1, (taps - 2) // 2)

    x = layer(v["4x4/Const/const"].expand(len(ws), -1, -1, -1), "4x4/Conv")
    img = rgb(x, "4x4/ToRGB") if "4x4/ToRGB/weight" in v else None
    count = sum(key.endswith("/Conv1/weight") for key in v)
    growing = "ToRGB_lod1/weight" in v
    heads = [rgb(x, f"ToRGB_lod{count}")] if growing else []
    for i in range(1, count + 1):
        scope, before = f"{4 * 2**i}x{4 * 2**i}", x
        x = layer(layer(x, f"{scope}/Conv0_up", up=True), f"{scope}/Conv1")
        if f"{scope}/Skip/weight" in v:
            weight = v[f"{scope}/Skip/weight"].permute(3, 2, 0, 1)
            x = (x + smooth(F.conv2d(before, weight / math.sqrt(weight.shape[1])))) / math.sqrt(2)
        if growing:
            heads.append(rgb(x, f"ToRGB_lod{count - i}"))
        elif f"{scope}/ToRGB/weight" in v:
            y = rgb(x, f"{scope}/ToRGB")
            img = y if img is None else y + smooth(img)
    if growing:
        img = heads[0]
        for i in range(1, count + 1):
            amount = min(max(lod - (count - i), 0), 1)
            img = heads[i] + amount * (larger(img) - heads[i])
    assert img is not None
    return img
