"""lucidrains' stylegan2-pytorch files: one state dict of all networks, and a hidden side file.

Owns the way from such a file to the config of `lucidrains_stylegan2`. The side file `.config.json`
tells the mapping's learning rate alone; without it the usual one is taken, and everything else comes
from shapes. No file keeps a mean latent: the original averages 2000 random ones each time; here it is
always the same 2000. Any thread.

Source: the layout was measured on files.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from latentstudio.errors import MismatchError
from latentstudio.formats import Contents, StoredArray, state_dict
from latentstudio.models.spec import NetworkSpec, as_float32

USUAL_MAPPING_RATE = 0.1
MEAN_SAMPLES = 2000
# Any would do: this one makes the mean that the reference pictures were truncated to.
MEAN_SEED = 271
HEADS = 8
# Weights that are scaled at run time were drawn with deviation 1; plain ones with sqrt(2 / n).
_SCALED_FROM = 2.6

Found = tuple[dict[str, StoredArray], dict[str, StoredArray], bool]


def _networks(contents: Contents) -> Found | None:
    """Mapping and generator by their own names, and whether they are the averaged ones."""
    root = contents.root
    if not isinstance(root, dict):
        return None
    arrays = state_dict(root.get("GAN")) or state_dict(root)
    if arrays is None:
        return None
    for mapping, generator in (("SE.", "GE."), ("S.", "G.")):
        style = {key[len(mapping) :]: value for key, value in arrays.items() if key.startswith(mapping)}
        synthesis = {
            key[len(generator) :]: value for key, value in arrays.items() if key.startswith(generator)
        }
        if "net.0.weight" in style and "blocks.0.to_style1.weight" in synthesis:
            return style, synthesis, mapping == "SE."
    return None


def claims(contents: Contents) -> bool:
    """`SE.net.*` and `GE.blocks.*.to_style1` (or `S`, `G`), perhaps under "GAN"."""
    return _networks(contents) is not None


def convert(contents: Contents) -> NetworkSpec:
    """Config and arrays from the state dict.

    Raises:
        MismatchError: a part of the network is missing, or its attention is of an older kind.
    """
    found = _networks(contents)
    assert found is not None
    style, synthesis, averaged = found
    try:
        reader = _Reader(style, synthesis)
        config = reader.config(_stored_rate(contents))
    except (KeyError, IndexError, TypeError, ValueError, ArithmeticError, RuntimeError) as error:
        told = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
        raise MismatchError(
            f'"{contents.path.name}" looks like lucidrains\' StyleGAN2, but it does not fit: {told}.',
            "It may come from a modified or an older version, or be damaged.",
            path=contents.path,
        ) from error
    notes = [f"The file has no mean latent: it is the average of {MEAN_SAMPLES} random ones."]
    if not averaged:
        notes.append("It holds no averaged generator; the trained one is used.")
    if any(key.startswith("D.") for key in state_dict(contents.root.get("GAN")) or contents.root):
        notes.append("It holds a discriminator too.")
    return NetworkSpec("lucidrains-stylegan2", config, reader.named, notes=tuple(notes))


def _stored_rate(contents: Contents) -> float | None:
    for side in contents.side_files.values():
        # Other programs have side files of that name too.
        if isinstance(side, dict) and "network_capacity" in side:
            rate = side.get("lr_mlp")
            return float(rate) if isinstance(rate, (int, float)) else None
    return None


class _Reader:
    def __init__(self, style: dict[str, StoredArray], synthesis: dict[str, StoredArray]) -> None:
        self.style, self.synthesis = style, synthesis
        self.named: dict[str, NDArray[Any]] = {}

    def config(self, stored_rate: float | None) -> dict[str, Any]:
        count = 0
        while f"blocks.{count}.conv1.weight" in self.synthesis:
            count += 1
        no_const = "initial_block" not in self.synthesis
        if no_const:
            self.named["initial"] = self._array("to_initial_block.weight")
        else:
            self.named["initial"] = self._array("initial_block")[0]
        initial_conv = "initial_conv.weight" in self.synthesis
        if initial_conv:
            for part in ("weight", "bias"):
                self.named[f"initial_conv.{part}"] = self._array(f"initial_conv.{part}")
        channels = [int(self._array("blocks.0.conv1.weight").shape[1])]
        attention = []
        for i in range(count):
            channels.append(self._block(i))
            attention.append(self._attention(i))
        blur = self.synthesis.get("blocks.0.to_rgb.upsample.1.f")
        if blur is not None:
            self.named["blur_filter"] = as_float32(blur)
        size = 4 * 2 ** (count - 1)
        # The original draws its noise anew for every picture; a stored map makes "const" mean something.
        self.named["noise_const"] = as_float32(np.random.default_rng(0).random((size, size)))
        rgb = self._array("blocks.0.to_rgb.conv.weight")
        layers, normalize = self._mapping(stored_rate, initial_conv)
        return {
            "w_dim": int(self._array("blocks.0.to_style1.weight").shape[1]),
            "img_channels": rgb.shape[0],
            "channels": channels,
            "mapping": {"layers": layers, "normalize": normalize},
            "attention": attention,
            "no_const": no_const,
            "initial_conv": initial_conv,
            "kernel_size": self._array("blocks.0.conv1.weight").shape[-1],
            "rgb_kernel_size": rgb.shape[-1],
            "rgb_blur": None if blur is None else list(blur.shape),
        }

    def _array(self, name: str) -> NDArray[np.float32]:
        return as_float32(self.synthesis[name])

    def _mapping(self, stored_rate: float | None, is_recent: bool) -> tuple[list[dict[str, Any]], bool]:
        weights: list[NDArray[np.float32]] = []
        biases: list[NDArray[np.float32]] = []
        while f"net.{2 * len(weights)}.weight" in self.style:
            i = 2 * len(weights)
            weights.append(as_float32(self.style[f"net.{i}.weight"]))
            biases.append(as_float32(self.style[f"net.{i}.bias"]))
        # The first versions had plain layers and left z as it was; their weights are far smaller.
        deviation = float(weights[0].std()) * math.sqrt(weights[0].shape[1])
        is_scaled = is_recent or stored_rate is not None or deviation > _SCALED_FROM
        rate = (USUAL_MAPPING_RATE if stored_rate is None else stored_rate) if is_scaled else 1.0
        layers = []
        for i, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
            self.named[f"mapping_network.layers.{i}.weight"] = weight
            self.named[f"mapping_network.layers.{i}.bias"] = bias
            layers.append(
                {
                    "in_features": weight.shape[1],
                    "out_features": weight.shape[0],
                    # The activation has a gain of sqrt(2) here, which the original has not.
                    "weight_gain": rate / math.sqrt(2),
                    "lr_multiplier": rate / math.sqrt(2),
                    "activation": "lrelu",
                }
            )
        with torch.inference_mode():
            drawn = np.random.RandomState(MEAN_SEED).randn(MEAN_SAMPLES, weights[0].shape[1])
            x = torch.from_numpy(drawn.astype(np.float32))
            x = F.normalize(x, dim=1) if is_scaled else x
            for weight, bias in zip(weights, biases, strict=True):
                matrix, offset = torch.from_numpy(np.array(weight)), torch.from_numpy(np.array(bias))
                x = F.leaky_relu(F.linear(x, matrix * rate, offset * rate), 0.2)
            self.named["mapping_network.w_avg"] = np.asarray(x.numpy().mean(0))
        return layers, is_scaled

    def _affine(self, source: str, target: str) -> None:
        self.named[f"{target}.affine.weight"] = self._array(f"{source}.weight")
        # The original scales by 1 plus the style.
        self.named[f"{target}.affine.bias"] = self._array(f"{source}.bias") + np.float32(1)

    def _block(self, index: int) -> int:
        """One resolution; returns how many features it gives."""
        source, target = f"blocks.{index}", f"blocks.b{4 * 2**index}"
        for i in (1, 2):
            conv = f"{target}.conv{i}"
            self._affine(f"{source}.to_style{i}", conv)
            self.named[f"{conv}.weight"] = self._array(f"{source}.conv{i}.weight")
            self.named[f"{conv}.noise_strength"] = self._array(f"{source}.to_noise{i}.weight")[:, 0]
            self.named[f"{conv}.noise_bias"] = self._array(f"{source}.to_noise{i}.bias")
        self._affine(f"{source}.to_rgb.to_style", f"{target}.torgb")
        self.named[f"{target}.torgb.weight"] = self._array(f"{source}.to_rgb.conv.weight")
        return int(self._array(f"{source}.conv2.weight").shape[0])

    def _attention(self, index: int) -> dict[str, int] | None:
        source, target = f"attns.{index}", f"blocks.b{4 * 2**index}.attention"
        if not any(key.startswith(f"{source}.") for key in self.synthesis):
            return None
        if (
            f"{source}.0.fn.norm.g" not in self.synthesis
            or f"{source}.0.fn.fn.to_q.weight" not in self.synthesis
        ):
            raise ValueError("its attention is of an older kind, from before April 2021")
        names = {
            "norm1.scale": "0.fn.norm.g",
            "norm1.shift": "0.fn.norm.b",
            "query.weight": "0.fn.fn.to_q.weight",
            "depthwise.weight": "0.fn.fn.to_kv.net.0.weight",
            "key_value.weight": "0.fn.fn.to_kv.net.1.weight",
            "out.weight": "0.fn.fn.to_out.weight",
            "out.bias": "0.fn.fn.to_out.bias",
            "norm2.scale": "1.fn.norm.g",
            "norm2.shift": "1.fn.norm.b",
            "hidden.weight": "1.fn.fn.0.weight",
            "hidden.bias": "1.fn.fn.0.bias",
            "back.weight": "1.fn.fn.2.weight",
            "back.bias": "1.fn.fn.2.bias",
        }
        for own, theirs in names.items():
            self.named[f"{target}.{own}"] = self._array(f"{source}.{theirs}")
        inner, hidden = (
            self.named[f"{target}.query.weight"].shape[0],
            self.named[f"{target}.hidden.weight"].shape[0],
        )
        return {"inner": int(inner), "heads": HEADS, "hidden": int(hidden)}
