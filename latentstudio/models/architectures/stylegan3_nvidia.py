"""StyleGAN3-T and -R as NVIDIA's repository pickles them.

Owns the way from a persistent object's attributes and arrays to StyleGAN3's config. Filters are taken
as they are stored, never designed anew; sizes and paddings come from each layer's attributes.

Source: Karras et al., "Alias-Free Generative Adversarial Networks"; the layout of the pickles was
measured on files.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from latentstudio.errors import MismatchError
from latentstudio.formats import Contents, StoredArray, flatten_module
from latentstudio.models.architectures.nvidia_modules import (
    ModuleReader,
    clamp,
    generator_notes,
    persistent_generator,
)
from latentstudio.models.spec import NetworkSpec, as_float32


def claims(contents: Contents) -> bool:
    """A persistent generator whose synthesis begins with waves."""
    if contents.kind != "pickle":
        return False
    generator = persistent_generator(contents)
    if generator is None:
        return False
    arrays, _, _ = flatten_module(generator)
    has_layer = any(re.fullmatch(r"synthesis\.[^.]+\.magnitude_ema", name) for name in arrays)
    return has_layer and "synthesis.input.freqs" in arrays


def convert(contents: Contents) -> NetworkSpec:
    """Config and arrays from the generator's modules.

    Raises:
        MismatchError: a part of the network is missing, or there are parts that StyleGAN3 lacks.
    """
    generator = persistent_generator(contents)
    assert generator is not None
    arrays, attributes, _ = flatten_module(generator)
    reader = _Reader(arrays, attributes)
    try:
        spec = reader.spec()
    except (KeyError, IndexError, TypeError, ValueError, ArithmeticError) as error:
        told = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
        raise MismatchError(
            f'"{contents.path.name}" looks like StyleGAN3, but it does not fit: {told}.',
            "It may come from a modified network or be damaged.",
            path=contents.path,
        ) from error
    surplus = sorted(arrays.keys() - reader.taken)
    if surplus:
        names = ", ".join(f'"{name}"' for name in surplus[:3])
        raise MismatchError(
            f'"{contents.path.name}" looks like StyleGAN3, but has parts that StyleGAN3 lacks: {names}.',
            "It comes from a network built upon StyleGAN3, such as StyleGAN-XL.",
            path=contents.path,
        )
    return spec.changed(notes=(*spec.notes, *generator_notes(contents)))


class _Reader(ModuleReader):
    def spec(self) -> NetworkSpec:
        synthesis = self.attributes["synthesis"]
        # The original runs the layers in the order of this list, not of the modules.
        names = [str(name) for name in synthesis["layer_names"]]
        if not names:
            raise ValueError("it has no layers")
        first, moved = self._input()
        size, channels = first["size"], first["channels"]
        layers: list[list[Any]] = []
        for name in names:
            layer = self._layer(f"synthesis.{name}", f"layers.{name}", size)
            if layer["in_channels"] != channels:
                raise ValueError(
                    f"{name} reads {layer['in_channels']} channels, but the layer before it gives {channels}"
                )
            size, channels = layer["size"], layer["out_channels"]
            layers.append([name, layer])
        mapping = self.mapping()
        if int(synthesis["num_ws"]) != len(names) + 1:
            raise ValueError(f"it takes {synthesis['num_ws']} rows of w for {len(names)} layers")
        config = {
            "w_dim": mapping["w_dim"],
            "output_scale": float(synthesis["output_scale"]),
            "mapping": mapping,
            "input": first,
            "layers": layers,
        }
        kernels = {layer["kernel_size"] for _, layer in layers[:-1]}
        notes = ["configuration R (also follows rotations)" if kernels == {1} else "configuration T"]
        if moved:
            notes.append("the stored picture was moved by a transform, which is set aside")
        return NetworkSpec("stylegan3", config, self.named, notes=tuple(notes))

    def _input(self) -> tuple[dict[str, Any], bool]:
        source, own = "synthesis.input", self.attributes["synthesis.input"]
        channels = self.take(f"{source}.weight", "input.weight").shape[0]
        self.take(f"{source}.freqs", "input.freqs")
        self.take(f"{source}.phases", "input.phases")
        moved = False
        if f"{source}.transform" in self.arrays:
            # Whoever pickled the network last left it here; a picture's transform is given anew.
            moved = not np.array_equal(self.arrays[f"{source}.transform"].numpy(), np.eye(3))
            self.taken.add(f"{source}.transform")
        first = {
            "channels": channels,
            "size": _size(own["size"]),
            "sampling_rate": float(own["sampling_rate"]),
            "bandwidth": float(own["bandwidth"]),
            "affine_gain": self.affine(source, "input"),
        }
        return first, moved

    def _layer(self, source: str, target: str, size: list[int]) -> dict[str, Any]:
        """Arguments of a SynthesisLayer whose input has `size`."""
        own = self.attributes[source]
        torgb = bool(own["is_torgb"])
        shape = self.take(f"{source}.weight", f"{target}.weight").shape
        weight = self.named[f"{target}.weight"]
        if not torgb:
            # The original divides by it at run time, and demodulation would undo a scale anyway.
            mean = np.square(weight, dtype=np.float64).mean((1, 2, 3), keepdims=True)
            self.named[f"{target}.weight"] = as_float32(weight / np.sqrt(np.where(mean > 0, mean, 1)))
        self.take(f"{source}.bias", f"{target}.bias")
        self.take(f"{source}.magnitude_ema", f"{target}.magnitude_ema")
        padding = _numbers(own["padding"])
        if len(padding) == 2:
            padding = [padding[0], padding[0], padding[1], padding[1]]
        left, right, top, bottom = padding * 4 if len(padding) == 1 else padding
        layer = {
            "in_channels": shape[1],
            "out_channels": shape[0],
            "kernel_size": shape[2],
            "up": int(own["up_factor"]),
            "down": int(own["down_factor"]),
            "padding": [left, right, top, bottom],
            "up_filter": self._filter(f"{source}.up_filter", f"{target}.up_filter"),
            "down_filter": self._filter(f"{source}.down_filter", f"{target}.down_filter"),
            "clamp": clamp(own),
            "torgb": torgb,
            "affine_gain": self.affine(source, target),
        }
        layer["size"] = _output_size(size, layer)
        stored = _size(own["out_size"])
        if layer["size"] != stored:
            raise ValueError(f"{source} should give {stored} samples, but would give {layer['size']}")
        return layer

    def _filter(self, source: str, target: str) -> list[int] | None:
        return list(self.take(source, target).shape) if source in self.arrays else None


def _output_size(size: list[int], layer: dict[str, Any]) -> list[int]:
    """(height, width) that follows from the lengths of the filters."""
    left, right, top, bottom = layer["padding"]
    up_taps, down_taps = layer["up_filter"] or [1], layer["down_filter"] or [1]
    given = []
    for axis, (samples, pad) in enumerate(zip(size, (top + bottom, left + right), strict=True)):
        grown = (samples + layer["kernel_size"] - 1) * layer["up"] + pad
        # A separable filter has one length for both axes.
        taken = up_taps[min(axis, len(up_taps) - 1)] + down_taps[min(axis, len(down_taps) - 1)] - 2
        given.append(-((taken - grown) // layer["down"]))
    return given


def _size(value: Any) -> list[int]:
    """(height, width) of an attribute that holds (width, height), or one number for both."""
    numbers = _numbers(value)
    return numbers * 2 if len(numbers) == 1 else numbers[::-1]


def _numbers(value: Any) -> list[int]:
    array = value.numpy() if isinstance(value, StoredArray) else np.asarray(value)
    numbers = [int(number) for number in array.reshape(-1)]
    if not 1 <= len(numbers) <= 4:
        raise ValueError(f"{len(numbers)} numbers stand where 1 to 4 were expected")
    return numbers
