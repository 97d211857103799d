"""StyleGAN 1 as pytorch_GAN_zoo saves it.

Owns the way from its container to StyleGAN 1's config. What it does otherwise than NVIDIA: the style
scales without adding 1, the noise has one strength a layer, nothing is blurred, and the gain acts on
the bias too. It truncates by a psi of its settings (0.5) inside the network: here psi is the
caller's. It draws new noise every time and stores none: fixed random maps stand in for "const".
Any thread.

Source: Karras et al., "A Style-Based Generator Architecture for Generative Adversarial Networks";
the layout was measured on files.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentstudio.errors import MismatchError
from latentstudio.formats import Contents
from latentstudio.models.architectures.ganzoo_container import GanZoo, gan_zoo
from latentstudio.models.generator import Option
from latentstudio.models.spec import NetworkSpec, as_float32

MAPPING_RATE = 0.01
# The losses whose generator ends in tanh.
_TANH_LOSSES = ("MSE", "DCGAN")
_KEYS = {"baseScale0", "mean_w", "conv0.module.weight", "adain00.styleModulator.module.weight"}


def claims(contents: Contents) -> bool:
    """A generator with `baseScale0`, `mean_w` and `adain00`."""
    zoo = gan_zoo(contents)
    return zoo is not None and zoo.generator.keys() >= _KEYS


def convert(contents: Contents) -> NetworkSpec:
    """Config and arrays from the container.

    Raises:
        MismatchError: a part of the network is missing.
    """
    zoo = gan_zoo(contents)
    assert zoo is not None
    try:
        return _Reader(zoo).spec()
    except (KeyError, IndexError, TypeError, ValueError, ArithmeticError, RuntimeError) as error:
        told = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
        raise MismatchError(
            f'"{contents.path.name}" looks like pytorch_GAN_zoo\'s StyleGAN, but it does not fit: {told}.',
            "It may come from a modified network or be damaged.",
            path=contents.path,
        ) from error


def _gain(fan_in: int) -> float:
    return math.sqrt(2 / fan_in)


class _Reader:
    def __init__(self, zoo: GanZoo) -> None:
        self.zoo, self.settings, self.source = zoo, zoo.settings, zoo.generator
        self.arrays: dict[str, NDArray[Any]] = {}
        leak = self.settings.get("leakyReluLeak")
        self.slope = 0.2 if leak is None else float(leak)
        self.random = np.random.default_rng(0)
        self.layers = 0

    def spec(self) -> NetworkSpec:
        mapping = self._mapping()
        count = 0
        while f"scaleLayers.{count}.0.module.weight" in self.source:
            count += 1
        blocks = [self._block(i) for i in range(count + 1)]
        if not count:
            raise ValueError("it has no resolution above the first")
        # Its alpha is the weight of the picture before the last doubling: what others call lod.
        highest = float(count - 1)
        lod = min(max(float(self.settings.get("alpha") or 0), 0.0), 1.0, highest)
        config: dict[str, Any] = {
            "w_dim": mapping["w_dim"],
            "num_ws": self.layers,
            "img_channels": self._array("toRGBLayers.0.module.bias").shape[0],
            "mapping": mapping,
            "lod": lod,
            "blocks": blocks,
        }
        if self.settings.get("lossCriterion") in _TANH_LOSSES:
            config["output_activation"] = "tanh"
        psi = self.settings.get("phiTruncation", 0.5)
        notes = (
            f"The original always truncates at psi {psi} and draws new noise; here both are yours to set.",
            *self.zoo.notes,
        )
        options = (Option("lod", 0.0, highest, lod),) if highest else ()
        return NetworkSpec("stylegan1", config, self.arrays, notes=notes, options=options)

    def _array(self, name: str) -> NDArray[np.float32]:
        return as_float32(self.source[name])

    def _mapping(self) -> dict[str, Any]:
        layers: list[dict[str, Any]] = []
        while (source := f"mapping.FC.{len(layers)}.module") + ".weight" in self.source:
            target = f"mapping_network.layers.{len(layers)}"
            weight = self._array(f"{source}.weight")
            self.arrays[f"{target}.weight"] = weight
            self.arrays[f"{target}.bias"] = self._array(f"{source}.bias")
            # The activation has a gain of sqrt(2) here, which the original has not.
            gain = MAPPING_RATE * _gain(weight.shape[1]) / math.sqrt(2)
            layers.append(
                {
                    "in_features": weight.shape[1],
                    "out_features": weight.shape[0],
                    "weight_gain": gain,
                    "lr_multiplier": gain,
                    "activation": "lrelu",
                }
            )
        average = self._array("mean_w").reshape(-1)
        self.arrays["mapping_network.w_avg"] = average
        z_dim = layers[0]["in_features"] if layers else average.shape[0]
        return {"z_dim": z_dim, "c_dim": 0, "w_dim": average.shape[0], "layers": layers}

    def _block(self, index: int) -> dict[str, Any]:
        size = [4 * 2**index] * 2
        name = f"b{size[0]}"
        target = f"blocks.{name}"
        if index == 0:
            const = self._array("baseScale0")[0]
            self.arrays[f"{target}.layers.conv0.const"] = const
            first = {"source": "const", "out_channels": const.shape[0], "bias": False}
            first |= self._epilogue("noiseMod00", "adain00", f"{target}.layers.conv0", size)
            second = self._conv("conv0", f"{target}.layers.conv1")
            second |= self._epilogue("noiseMod01", "adain01", f"{target}.layers.conv1", size)
            return {"name": name, "size": size, "layers": {"conv0": first, "conv1": second}, "torgb": None}
        layers = {}
        for i in range(2):
            own, scale = f"{target}.layers.conv{i}", f"scaleLayers.{index - 1}"
            layer = self._conv(f"{scale}.{2 * i}", own)
            layer |= self._epilogue(f"noiseModulators.{index - 1}.{i}", f"{scale}.{2 * i + 1}", own, size)
            layers[f"conv{i}"] = layer
        layers["conv0"]["up"] = "nearest"
        head = self._conv(f"toRGBLayers.{index - 1}", f"{target}.torgb")
        torgb = {"in_channels": head["in_channels"], "kernel_size": head["kernel_size"]}
        return {"name": name, "size": size, "layers": layers, "torgb": torgb}

    def _conv(self, source: str, target: str) -> dict[str, Any]:
        weight = self._array(f"{source}.module.weight")
        gain = np.float32(_gain(math.prod(weight.shape[1:])))
        self.arrays[f"{target}.weight"] = weight * gain
        self.arrays[f"{target}.bias"] = self._array(f"{source}.module.bias") * gain
        return {
            "source": "conv",
            "in_channels": weight.shape[1],
            "out_channels": weight.shape[0],
            "kernel_size": weight.shape[2],
        }

    def _epilogue(self, noise: str, adain: str, target: str, size: list[int]) -> dict[str, Any]:
        self.arrays[f"{target}.noise_strength"] = self._array(f"{noise}.module.weight").reshape(-1)
        self.arrays[f"{target}.noise_const"] = as_float32(self.random.standard_normal(size))
        weight = self._array(f"{adain}.styleModulator.module.weight")
        self.arrays[f"{target}.affine.weight"] = weight
        self.arrays[f"{target}.affine.bias"] = self._array(f"{adain}.styleModulator.module.bias")
        self.layers += 1
        gain = _gain(weight.shape[1])
        return {
            "resolution": size,
            "noise": 1,
            "slope": self.slope,
            "style_gain": gain,
            "style_bias_gain": gain,
        }
