"""StyleGAN2 and StyleGAN2-ADA as their TensorFlow originals pickle them.

Owns the way from such a file's variables to StyleGAN2's config, among them what NVIDIA's own
converter refuses: labels that are joined before the normalisation, the configurations B to D, unknown
settings, pictures that are no square. Any thread.

Sources: Karras et al., "Analyzing and Improving the Image Quality of StyleGAN"; Karras et al.,
"Training Generative Adversarial Networks with Limited Data"; the layout was measured on files.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from latentstudio.errors import MismatchError
from latentstudio.formats import Contents, StoredArray
from latentstudio.models.architectures.tensorflow_networks import (
    Arrays,
    Config,
    StyleNetwork,
    kernel_2d,
    read_mapping,
    setting,
    style_network,
)
from latentstudio.models.spec import NetworkSpec, as_float32


def is_stylegan2(network: StyleNetwork) -> bool:
    """Whether the synthesis modulates its weights."""
    variables = network.synthesis.variables
    return any(name.endswith("/Conv/mod_weight") for name in variables) and any(
        name.endswith("/Const/const") for name in variables
    )


def is_growing(network: StyleNetwork) -> bool:
    """Whether there is a way to the picture from every resolution (configurations B to D)."""
    return "ToRGB_lod1/mod_weight" in network.synthesis.variables


def claims(contents: Contents) -> bool:
    """A TensorFlow generator with modulated convolutions and a single way to the picture."""
    network = style_network(contents)
    return network is not None and is_stylegan2(network) and not is_growing(network)


def convert(contents: Contents) -> NetworkSpec:
    """Config and arrays from the generator's variables.

    Raises:
        MismatchError: a part of the network is missing, or it does what this program cannot.
    """
    return read(contents, "stylegan2")


def read(contents: Contents, architecture: str) -> NetworkSpec:
    """The spec of a file that `style_network` finds a StyleGAN2 in; see `convert`.

    Args:
        contents: the file.
        architecture: key of the network that the spec is for.
    """
    network = style_network(contents)
    assert network is not None
    try:
        config, arrays = _Reader(network).result()
    except (KeyError, IndexError, TypeError, ValueError, ArithmeticError, RuntimeError) as error:
        told = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
        raise MismatchError(
            f'"{contents.path.name}" looks like a TensorFlow StyleGAN2, but it does not fit: {told}.',
            "It may come from a modified network or be damaged.",
            path=contents.path,
        ) from error
    return NetworkSpec(architecture, config, arrays, notes=network.notes())


class _Reader:
    def __init__(self, network: StyleNetwork) -> None:
        self.network, self.settings = network, network.settings
        self.variables = network.synthesis.variables
        self.arrays: Arrays = {}
        # Without a filter the original resamples with a box.
        given = "resample_kernel" in self.settings
        self.kernel = kernel_2d(self.settings.get("resample_kernel"), [1, 1] if given else [1, 3, 3, 1])
        activation = str(self.settings.get("nonlinearity", "lrelu"))
        if activation not in ("lrelu", "linear"):
            raise ValueError(f'the activation "{activation}" is none that this program knows')
        self.activation = activation
        self.gain = math.sqrt(2) if activation == "lrelu" else 1.0
        clamp = self.settings.get("conv_clamp")
        self.clamp = None if clamp is None else setting(self.settings, "conv_clamp", 0)
        self.convs = 0

    def result(self) -> tuple[Config, Arrays]:
        mapping, arrays = read_mapping(self.network)
        self.arrays.update(arrays)
        scopes = self.network.scopes
        blocks = [self._block(scope, i, len(scopes)) for i, scope in enumerate(scopes)]
        heads = [block["torgb"]["in_channels"] for block in blocks if "torgb" in block]
        if not heads or "torgb" not in blocks[-1]:
            raise ValueError("nothing turns its features into a picture")
        architecture = "resnet" if any("skip" in block for block in blocks) else "skip"
        config = {
            "architecture": "orig" if len(heads) == 1 and architecture == "skip" else architecture,
            "w_dim": mapping["w_dim"],
            "num_ws": self.convs + 1,
            "img_channels": self.arrays[f"blocks.{blocks[-1]['name']}.torgb.bias"].shape[0],
            "mapping": mapping,
            "blocks": blocks,
        }
        return config, self.arrays

    def _array(self, name: str) -> Any:
        return as_float32(self.variables[name])

    def _block(self, scope: str, index: int, count: int) -> Config:
        block: Config = {}
        if index == 0:
            const = self._array(f"{scope}/Const/const")
            self.base = const.shape[2:]
        size = [side * 2**index for side in self.base]
        name = f"b{size[0]}" if size[0] == size[1] else f"b{size[0]}x{size[1]}"
        block.update(name=name, size=size)
        target = f"blocks.{name}"
        if index == 0:
            self.arrays[f"{target}.const"] = const[0]
            block["const"] = list(const.shape[1:])
            block["conv1"] = self._conv(f"{scope}/Conv", f"{target}.conv1", size)
        else:
            block["conv0"] = self._conv(f"{scope}/Conv0_up", f"{target}.conv0", size, up=2)
            block["conv1"] = self._conv(f"{scope}/Conv1", f"{target}.conv1", size)
        if f"{scope}/Skip/weight" in self.variables:
            weight = self._array(f"{scope}/Skip/weight").transpose(3, 2, 0, 1)
            self.arrays[f"{target}.skip.weight"] = weight
            self._filter(f"{target}.skip")
            block["skip"] = {
                "in_channels": weight.shape[1],
                "out_channels": weight.shape[0],
                "filter": list(self.kernel.shape),
            }
            # A residual block halves its energy at the sum; the clamp shrinks with it.
            block["conv1"]["gain"] *= math.sqrt(0.5)
            if self.clamp is not None:
                block["conv1"]["clamp"] = self.clamp * math.sqrt(0.5)
        for head in (f"{scope}/ToRGB", f"ToRGB_lod{count - 1 - index}"):
            if f"{head}/weight" in self.variables:
                block["torgb"] = self._torgb(head, f"{target}.torgb")
        return block

    def _kernel(self, name: str) -> Any:
        """A convolution's weight, (out, in, k, k), with the gain that the original multiplies in."""
        weight = self._array(name)  # (k, k, in, out)
        gain = np.float32(1 / math.sqrt(math.prod(weight.shape[:3])))
        return weight.transpose(3, 2, 0, 1) * gain

    def _affine(self, source: str, target: str) -> None:
        self.arrays[f"{target}.affine.weight"] = self._array(f"{source}/mod_weight").T
        self.arrays[f"{target}.affine.bias"] = self._array(f"{source}/mod_bias") + np.float32(1)

    def _filter(self, target: str) -> None:
        self.arrays[f"{target}.resample_filter"] = self.kernel

    def _conv(self, source: str, target: str, size: list[int], up: int = 1) -> Config:
        weight = self._kernel(f"{source}/weight")
        # Upsampling layers are true convolutions in the original, the others correlations.
        self.arrays[f"{target}.weight"] = weight[:, :, ::-1, ::-1] if up > 1 else weight
        self.arrays[f"{target}.bias"] = self._array(f"{source}/bias")
        self._affine(source, target)
        noise = f"{source}/noise_strength" in self.variables
        if noise:
            strength: StoredArray = self.variables[f"{source}/noise_strength"]
            self.arrays[f"{target}.noise_strength"] = as_float32(strength).reshape(())
            self.arrays[f"{target}.noise_const"] = self._array(f"noise{self.convs}")[0, 0]
        self.convs += 1
        layer: Config = {
            "in_channels": weight.shape[1],
            "out_channels": weight.shape[0],
            "kernel_size": weight.shape[2],
            "up": up,
            "resolution": size,
            "noise": noise,
            "activation": self.activation,
            "gain": self.gain,
            "clamp": self.clamp,
        }
        if up > 1:
            self._filter(target)
            layer["filter"] = list(self.kernel.shape)
        return layer

    def _torgb(self, source: str, target: str) -> Config:
        weight = self._array(f"{source}/weight")  # (k, k, in, out)
        self.arrays[f"{target}.weight"] = weight.transpose(3, 2, 0, 1)
        self.arrays[f"{target}.bias"] = self._array(f"{source}/bias")
        self._affine(source, target)
        self._filter(target)
        return {
            "in_channels": weight.shape[2],
            "kernel_size": weight.shape[0],
            "clamp": self.clamp,
            "filter": list(self.kernel.shape),
        }
