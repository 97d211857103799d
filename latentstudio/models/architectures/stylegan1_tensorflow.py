"""StyleGAN 1 as its TensorFlow original pickles it, and as StyleGAN2's does (configuration A).

Owns the way from such a file's variables to StyleGAN 1's config. The original truncates only the
first 8 rows by default, and none at all without a cutoff; here no cutoff means all rows, as in all
families. Any thread.

Source: Karras et al., "A Style-Based Generator Architecture for Generative Adversarial Networks";
the layout was measured on files.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from latentstudio.errors import MismatchError
from latentstudio.formats import Contents
from latentstudio.models.architectures.stylegan2_tensorflow import is_stylegan2
from latentstudio.models.architectures.tensorflow_networks import (
    Arrays,
    Config,
    StyleNetwork,
    kernel_2d,
    read_mapping,
    style_network,
)
from latentstudio.models.generator import Option
from latentstudio.models.spec import NetworkSpec, as_float32

_SLOPES = {"lrelu": 0.2, "relu": 0.0}
# From this output size on the original upsamples by a transposed convolution, unless told otherwise.
_FUSED_FROM = 128


def claims(contents: Contents) -> bool:
    """A TensorFlow generator with a mapping, plain convolutions and `ToRGB_lod0`."""
    network = style_network(contents)
    if network is None or is_stylegan2(network):
        return False
    return "ToRGB_lod0/weight" in network.synthesis.variables


def convert(contents: Contents) -> NetworkSpec:
    """Config and arrays from the generator's variables.

    Raises:
        MismatchError: a part of the network is missing, or it does what this program cannot.
    """
    network = style_network(contents)
    assert network is not None
    try:
        config, arrays, highest = _Reader(network).result()
    except (KeyError, IndexError, TypeError, ValueError, ArithmeticError, RuntimeError) as error:
        told = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
        raise MismatchError(
            f'"{contents.path.name}" looks like a TensorFlow StyleGAN, but it does not fit: {told}.',
            "It may come from a modified network or be damaged.",
            path=contents.path,
        ) from error
    options = (Option("lod", 0.0, highest, config["lod"]),) if highest else ()
    return NetworkSpec("stylegan1", config, arrays, notes=network.notes(), options=options)


class _Reader:
    def __init__(self, network: StyleNetwork) -> None:
        self.network, self.settings = network, network.settings
        self.variables = network.synthesis.variables
        self.arrays: Arrays = {}
        self.layers = 0
        activation = str(self.settings.get("nonlinearity", "lrelu"))
        if activation not in _SLOPES:
            raise ValueError(f'the activation "{activation}" is none that this program knows')
        self.common = {
            "slope": _SLOPES[activation],
            "pixel_norm": bool(self.settings.get("use_pixel_norm", False)),
            "instance_norm": bool(self.settings.get("use_instance_norm", True)),
        }
        taps = self.settings.get("blur_filter", [1, 2, 1])
        has_blur = taps is not None and not (isinstance(taps, (list, tuple)) and not taps)
        self.kernel = kernel_2d(taps, [1, 2, 1]) if has_blur else None
        self.equalised = bool(self.settings.get("use_wscale", True))

    def result(self) -> tuple[Config, Arrays, float]:
        """Config, arrays and the highest lod that there are ways to the picture for."""
        mapping, arrays = read_mapping(self.network, root_two_inside=True)
        self.arrays.update(arrays)
        scopes = self.network.scopes
        blocks = [self._block(scope, i, len(scopes)) for i, scope in enumerate(scopes)]
        heads = [block["torgb"] is not None for block in blocks]
        highest = next((i for i, head in enumerate(reversed(heads)) if not head), len(heads)) - 1
        # A network that was built without growing ignores where the growing stood.
        lod = 0.0 if self.settings.get("structure") == "fixed" else self.network.lod
        has_styles = any("/StyleMod/weight" in name for name in self.variables)
        config = {
            "w_dim": mapping["w_dim"],
            "num_ws": self.layers if has_styles else 1,
            "img_channels": self._array("ToRGB_lod0/bias").shape[0],
            "mapping": mapping,
            "lod": min(max(lod, 0.0), float(highest)),
            "blocks": blocks,
        }
        return config, self.arrays, float(highest)

    def _array(self, name: str) -> Any:
        return as_float32(self.variables[name])

    def _block(self, scope: str, index: int, count: int) -> Config:
        if index == 0:
            beginning = f"{scope}/Const"
            if f"{beginning}/const" in self.variables:
                self.base = list(self._array(f"{beginning}/const").shape[2:])
            else:
                beginning = f"{scope}/Dense"
                self.base = [int(side) for side in scope.split("x")]
        size = [side * 2**index for side in self.base]
        name = f"b{size[0]}" if size[0] == size[1] else f"b{size[0]}x{size[1]}"
        target = f"blocks.{name}"
        layers = {}
        if index == 0:
            layers["conv0"] = self._beginning(beginning, f"{target}.layers.conv0", size)
            layers["conv1"] = self._conv(f"{scope}/Conv", f"{target}.layers.conv1", size)
        else:
            layers["conv0"] = self._conv(f"{scope}/Conv0_up", f"{target}.layers.conv0", size, up=True)
            layers["conv1"] = self._conv(f"{scope}/Conv1", f"{target}.layers.conv1", size)
        head = f"ToRGB_lod{count - 1 - index}"
        torgb = None
        if f"{head}/weight" in self.variables:
            weight = self._kernel(f"{head}/weight", 1.0)
            self.arrays[f"{target}.torgb.weight"] = weight
            self.arrays[f"{target}.torgb.bias"] = self._array(f"{head}/bias")
            torgb = {"in_channels": weight.shape[1], "kernel_size": weight.shape[2]}
        return {"name": name, "size": size, "layers": layers, "torgb": torgb}

    def _gain(self, gain: float, fan_in: int) -> np.float32:
        return np.float32(gain / math.sqrt(fan_in) if self.equalised else 1.0)

    def _kernel(self, name: str, gain: float = math.sqrt(2)) -> Any:
        """A convolution's weight, (out, in, k, k), with its gain multiplied in."""
        weight = self._array(name)  # (k, k, in, out)
        return weight.transpose(3, 2, 0, 1) * self._gain(gain, math.prod(weight.shape[:3]))

    def _beginning(self, source: str, target: str, size: list[int]) -> Config:
        if f"{source}/const" in self.variables:
            const = self._array(f"{source}/const")[0]
            self.arrays[f"{target}.const"] = const
            return {"source": "const", **self._epilogue(source, target, const.shape[0], size)}
        weight = self._array(f"{source}/weight")  # (w_dim, channels height width)
        self.arrays[f"{target}.dense.weight"] = weight.T * self._gain(math.sqrt(2) / 4, weight.shape[0])
        channels = weight.shape[1] // math.prod(size)
        return {"source": "dense", **self._epilogue(source, target, channels, size)}

    def _conv(self, source: str, target: str, size: list[int], up: bool = False) -> Config:
        weight = self._kernel(f"{source}/weight")
        layer: Config = {"source": "conv", "in_channels": weight.shape[1]}
        if up:
            fused = self.settings.get("fused_scale", "auto")
            if fused == "auto":
                fused = min(size) >= _FUSED_FROM
            layer["up"] = "fused" if fused else "nearest"
            if fused:
                # Four shifted copies do what repeating the features would have done.
                wide = np.pad(weight, [(0, 0), (0, 0), (1, 1), (1, 1)])
                rows = wide[:, :, 1:] + wide[:, :, :-1]
                weight = rows[..., 1:] + rows[..., :-1]
            if self.kernel is not None:
                self.arrays[f"{target}.blur_filter"] = self.kernel
                layer["blur"] = list(self.kernel.shape)
        self.arrays[f"{target}.weight"] = weight
        layer["kernel_size"] = weight.shape[2]
        return {**layer, **self._epilogue(source, target, weight.shape[0], size)}

    def _epilogue(self, source: str, target: str, channels: int, size: list[int]) -> Config:
        """What follows every convolution: bias, noise, style."""
        self.arrays[f"{target}.bias"] = self._array(f"{source}/bias")
        noise = 0
        if f"{source}/Noise/weight" in self.variables:
            strength = self._array(f"{source}/Noise/weight").reshape(-1)
            noise = strength.shape[0]
            self.arrays[f"{target}.noise_strength"] = strength
            self.arrays[f"{target}.noise_const"] = self._array(f"noise{self.layers}")[0, 0]
        self.layers += 1
        style = f"{source}/StyleMod/weight" in self.variables
        gain = None if self.equalised else 1.0
        if style:
            self.arrays[f"{target}.affine.weight"] = self._array(f"{source}/StyleMod/weight").T
            bias = np.array(self._array(f"{source}/StyleMod/bias"))
            # The original scales by 1 plus the style.
            bias[:channels] += 1
            self.arrays[f"{target}.affine.bias"] = bias
        return {
            "out_channels": channels,
            "resolution": size,
            "noise": noise,
            "style": style,
            "style_gain": gain,
            **self.common,
        }
