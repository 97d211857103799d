"""StyleGAN2 as both NVIDIA repositories pickle it (stylegan2-ada-pytorch, stylegan3).

Owns the way from a persistent object's attributes and arrays to StyleGAN2's config. The attributes of
each module are the authority: defaults differ between the repositories and are never assumed.

Source: Karras et al., "Training Generative Adversarial Networks with Limited Data"; the layout of
the pickles was measured on files.
"""

from __future__ import annotations

import re
from typing import Any

from latentstudio.errors import MismatchError
from latentstudio.formats import Contents, flatten_module
from latentstudio.models.architectures.nvidia_modules import (
    ModuleReader,
    activation,
    clamp,
    generator_notes,
    persistent_generator,
)
from latentstudio.models.spec import NetworkSpec


def claims(contents: Contents) -> bool:
    """A persistent generator whose synthesis has blocks b4, b8, ..."""
    if contents.kind != "pickle":
        return False
    generator = persistent_generator(contents)
    if generator is None:
        return False
    arrays, _, _ = flatten_module(generator)
    return any(re.fullmatch(r"synthesis\.b\d+\.conv1\.affine\.weight", name) for name in arrays)


def convert(contents: Contents) -> NetworkSpec:
    """Config and arrays from the generator's modules.

    Raises:
        MismatchError: a part of the network is missing.
    """
    generator = persistent_generator(contents)
    assert generator is not None
    arrays, attributes, _ = flatten_module(generator)
    try:
        return _Reader(arrays, attributes).spec().changed(notes=generator_notes(contents))
    except (KeyError, IndexError, TypeError, ValueError) as error:
        told = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
        raise MismatchError(
            f'"{contents.path.name}" looks like StyleGAN2, but it does not fit: {told}.',
            "It may come from a modified network or be damaged.",
            path=contents.path,
        ) from error


class _Reader(ModuleReader):
    def spec(self) -> NetworkSpec:
        mapping = self.attributes["mapping"]
        synthesis = self.attributes["synthesis"]
        names = {match[1] for key in self.arrays if (match := re.match(r"synthesis\.(b\d+)\.", key))}
        blocks: list[dict[str, Any]] = []
        architectures = set()
        for i, name in enumerate(sorted(names, key=lambda b: int(b[1:]))):
            blocks.append(self._block(name, i))
            architectures.add(str(self.attributes[f"synthesis.{name}"]["architecture"]))
        if len(architectures) != 1:
            raise ValueError(f"its blocks are of several architectures ({', '.join(sorted(architectures))})")
        if "torgb" not in blocks[-1]:
            raise ValueError("its last block gives no picture")
        num_ws = int((synthesis if "num_ws" in synthesis else mapping)["num_ws"])
        # The last picture shares no row with a later convolution.
        needed = sum(layer in block for block in blocks for layer in ("conv0", "conv1")) + 1
        if num_ws != needed:
            raise ValueError(f"it takes {num_ws} rows of w, but its layers read {needed}")
        config = {
            "architecture": architectures.pop(),
            "w_dim": int(mapping["w_dim"]),
            "num_ws": num_ws,
            "img_channels": int(synthesis["img_channels"]),
            "mapping": self.mapping(),
            "blocks": blocks,
        }
        return NetworkSpec("stylegan2", config, self.named)

    def _block(self, name: str, index: int) -> dict[str, Any]:
        source, target = f"synthesis.{name}", f"blocks.{name}"
        block: dict[str, Any] = {"name": name}
        if index == 0:
            block["const"] = list(self.take(f"{source}.const", f"{target}.const").shape)
            self.base = tuple(block["const"][1:])
        size = [side * 2**index for side in self.base]
        block["size"] = size
        for layer in ("conv0", "conv1"):
            if f"{source}.{layer}.weight" in self.arrays:
                block[layer] = self._conv(f"{source}.{layer}", f"{target}.{layer}", size)
        if f"{source}.skip.weight" in self.arrays:
            block["skip"] = self._skip(f"{source}.skip", f"{target}.skip")
            # A residual block halves its energy at the sum; the clamp shrinks with it.
            conv1 = block["conv1"]
            conv1["gain"] *= 0.5**0.5
            if conv1["clamp"] is not None:
                conv1["clamp"] *= 0.5**0.5
        if f"{source}.torgb.weight" in self.arrays:
            block["torgb"] = self._torgb(source, f"{target}.torgb")
        return block

    def _conv(self, source: str, target: str, size: list[int]) -> dict[str, Any]:
        own = self.attributes[source]
        shape = self.take(f"{source}.weight", f"{target}.weight").shape
        self.take(f"{source}.bias", f"{target}.bias")
        up, noise = int(own["up"]), bool(own["use_noise"])
        if noise:
            self.take(f"{source}.noise_const", f"{target}.noise_const")
            self.take(f"{source}.noise_strength", f"{target}.noise_strength")
        layer: dict[str, Any] = {
            "in_channels": shape[1],
            "out_channels": shape[0],
            "kernel_size": shape[2],
            "up": up,
            "resolution": size,
            "noise": noise,
            "activation": activation(own),
            "gain": float(own["act_gain"]),
            "clamp": clamp(own),
            "affine_gain": self.affine(source, target),
        }
        if up > 1:
            layer["filter"] = self._filter(source, target)
        return layer

    def _torgb(self, block: str, target: str) -> dict[str, Any]:
        source = f"{block}.torgb"
        shape = self.take(f"{source}.weight", f"{target}.weight").shape
        self.take(f"{source}.bias", f"{target}.bias")
        own = self.attributes[source]
        return {
            "in_channels": shape[1],
            "kernel_size": shape[2],
            "clamp": clamp(own),
            "weight_gain": float(own["weight_gain"]),
            "affine_gain": self.affine(source, target),
            "filter": self._filter(block, target),
        }

    def _skip(self, source: str, target: str) -> dict[str, Any]:
        shape = self.take(f"{source}.weight", f"{target}.weight").shape
        return {
            "in_channels": shape[1],
            "out_channels": shape[0],
            "weight_gain": float(self.attributes[source]["weight_gain"]),
            "filter": self._filter(source, target),
        }

    def _filter(self, source: str, target: str) -> list[int]:
        return list(self.take(f"{source}.resample_filter", f"{target}.resample_filter").shape)
