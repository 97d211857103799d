"""The compact StyleGAN2: quick on a CPU; the architecture of the bundled clay faces.

Owns what differs from StyleGAN2: the 4 x 4 input is a constant plus a linear map of w, up layers
convolve at the low resolution and then upsample bilinearly, the picture is upsampled bilinearly too.
Trainable, like its parent.

Source: Karras et al., "Analyzing and Improving the Image Quality of StyleGAN", with those changes.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from latentstudio.errors import MismatchError
from latentstudio.formats import Contents, state_dict
from latentstudio.models.architectures.stylegan2 import Block, StyleGAN2
from latentstudio.models.architectures.stylegan2_layers import ModulatedConv, ToRGB
from latentstudio.models.generator import Generator
from latentstudio.models.layers import FullyConnected
from latentstudio.models.same_conv import convolve_same
from latentstudio.models.spec import NetworkSpec, as_float32


def _double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


class CompactConv(ModulatedConv):
    """A modulated convolution whose upsampling comes after it."""

    doubles_after = True

    def _convolve(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        # A constant stays what it is through the upsampling, so the bias may come before it.
        x = F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2)
        return _double(x) if self.up == 2 else x

    def _convolve_shared(self, x: Tensor) -> Tensor:
        x = convolve_same(self, x, self._weight)
        return _double(x) if self.up == 2 else x


class CompactStyleGAN2(StyleGAN2):
    """The network; its config is StyleGAN2's."""

    architecture = "stylegan2-compact"
    family = "StyleGAN2 compact"
    conv_class = CompactConv

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        channels, height, width = config["blocks"][0]["const"]
        self.input = FullyConnected(config["w_dim"], channels * height * width)

    def _first_features(self, block: Block, w: Tensor) -> Tensor:
        shaped: Tensor = self.input(w).reshape(len(w), *block.const.shape)
        return block.const + shaped

    def _upsample_picture(self, img: Tensor, torgb: ToRGB) -> Tensor:
        return _double(img)


def compact_config(
    channels: list[int], *, z_dim: int, w_dim: int, mapping_layers: int, img_channels: int = 3
) -> dict[str, Any]:
    """The config of a square network.

    Args:
        channels: features at 4, 8, 16, ... pixels.
        z_dim: length of z.
        w_dim: length of w.
        mapping_layers: fully connected layers of the mapping.
        img_channels: channels of the picture.
    """
    blocks: list[dict[str, Any]] = []
    for i, width in enumerate(channels):
        size = [4 * 2**i] * 2
        block: dict[str, Any] = {"name": f"b{size[0]}", "size": size}
        if i == 0:
            block["const"] = [width, 4, 4]
        else:
            block["conv0"] = {
                "in_channels": channels[i - 1],
                "out_channels": width,
                "up": 2,
                "resolution": size,
                "filter": None,
            }
        block["conv1"] = {"in_channels": width, "out_channels": width, "resolution": size}
        block["torgb"] = {"in_channels": width, "filter": None}
        blocks.append(block)
    layers = [
        {"in_features": w_dim if i else z_dim, "out_features": w_dim, "activation": "lrelu"}
        for i in range(mapping_layers)
    ]
    return {
        "architecture": "skip",
        "w_dim": w_dim,
        "num_ws": 2 * len(channels),
        "img_channels": img_channels,
        "mapping": {"z_dim": z_dim, "c_dim": 0, "w_dim": w_dim, "layers": layers},
        "blocks": blocks,
    }


def build(config: dict[str, Any]) -> Generator:
    """The network of a config; see `compact_config`."""
    return CompactStyleGAN2(config)


_KEYS = {"const", "input.weight", "input.bias", "w_avg", "conv1.0.noise", "torgb.0.affine.weight"}


def claims(contents: Contents) -> bool:
    """The trial's own training files: a plain state dict with a constant and its linear input."""
    arrays = state_dict(contents.root)
    return arrays is not None and arrays.keys() >= _KEYS


def convert(contents: Contents) -> NetworkSpec:
    """Rename the arrays and fold the equalised gains that demodulation would cancel.

    Raises:
        MismatchError: an array is missing, left over or of another shape.
    """
    arrays = state_dict(contents.root)
    assert arrays is not None
    try:
        return _spec({key: as_float32(value) for key, value in arrays.items()})
    except (KeyError, IndexError, TypeError, ValueError) as error:
        told = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
        raise MismatchError(
            f'"{contents.path.name}" looks like StyleGAN2 compact, but it does not fit: {told}.',
            "It may come from a modified network or be damaged.",
            path=contents.path,
        ) from error


def _spec(found: dict[str, NDArray[np.float32]]) -> NetworkSpec:
    depth = len({key.split(".")[1] for key in found if key.startswith("mapping.")})
    count = sum(key.startswith("conv1.") and key.endswith(".affine.weight") for key in found)
    channels = [found[f"conv1.{i}.weight"].shape[0] for i in range(count)]
    w_dim, z_dim = found["mapping.0.weight"].shape
    config = compact_config(channels, z_dim=z_dim, w_dim=w_dim, mapping_layers=depth)
    if found["const"].ndim != 4 or len(found["const"]) != 1:
        raise ValueError(f"const has shape {found['const'].shape}")
    named = {
        "mapping_network.w_avg": found.pop("w_avg"),
        "input.weight": found.pop("input.weight"),
        "input.bias": found.pop("input.bias"),
        "blocks.b4.const": found.pop("const")[0],
    }
    for i in range(depth):
        for part in ("weight", "bias"):
            named[f"mapping_network.layers.{i}.{part}"] = found.pop(f"mapping.{i}.{part}")
    noise = np.random.default_rng(0)
    for i in range(count):
        block = f"blocks.b{4 * 2**i}"
        sources = {"conv1": f"conv1.{i}", "torgb": f"torgb.{i}"}
        if i:
            sources["conv0"] = f"conv0.{i - 1}"
        for layer, source in sources.items():
            for part in ("affine.weight", "affine.bias", "bias"):
                named[f"{block}.{layer}.{part}"] = found.pop(f"{source}.{part}")
            weight = found.pop(f"{source}.weight")
            if layer != "torgb":
                weight = weight * as_float32(1 / math.sqrt(weight[0].size))
                named[f"{block}.{layer}.noise_strength"] = found.pop(f"{source}.noise")
                # Training drew fresh noise every time; a stored map makes "const" mean something.
                size = (4 * 2**i, 4 * 2**i)
                named[f"{block}.{layer}.noise_const"] = as_float32(noise.standard_normal(size))
            named[f"{block}.{layer}.weight"] = weight
    if found:
        raise ValueError(f"{', '.join(sorted(found)[:3])} would be left over")
    return NetworkSpec("stylegan2-compact", config, named)
