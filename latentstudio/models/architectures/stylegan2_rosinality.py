"""StyleGAN2 as rosinality's PyTorch repository saves it, and as its converter writes it.

Owns the way from such a state dict to StyleGAN2's config. Two things the original does otherwise:
it truncates only for psi below 1 (here every psi counts, as in all families), and a training file
keeps no mean latent, so that the original averages 4096 random ones each time; here the same average
is taken with the seed 0. Any thread.

Source: Karras et al., "Analyzing and Improving the Image Quality of StyleGAN"; the layout of the
files was measured.
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
from latentstudio.models.layers import normalize_2nd_moment
from latentstudio.models.spec import NetworkSpec, as_float32

# What multiplies the mapping's weights is not stored; every published training used this value.
MAPPING_RATE = 0.01
MEAN_SAMPLES = 4096
_MARK = "input.input"


def rosinality_generator(contents: Contents) -> dict[str, StoredArray] | None:
    """The averaged generator's arrays, without a prefix; None where a file has none."""
    root = contents.root
    if not isinstance(root, dict):
        return None
    for node in (*(root.get(key) for key in ("g_ema", "g", "generator", "state_dict")), root):
        arrays = state_dict(node)
        marks = [key for key in arrays or () if key == _MARK or key.endswith(f".{_MARK}")]
        for mark in marks:
            prefix = mark[: -len(_MARK)]
            own = {
                key[len(prefix) :]: value for key, value in (arrays or {}).items() if key.startswith(prefix)
            }
            if own.keys() >= {"conv1.conv.modulation.weight", "to_rgb1.conv.modulation.weight"}:
                return own
    return None


def claims(contents: Contents) -> bool:
    """A state dict with the constant `input.input` and modulated convolutions."""
    return rosinality_generator(contents) is not None


def convert(contents: Contents) -> NetworkSpec:
    """Config and arrays from the state dict.

    Raises:
        MismatchError: a part of the network is missing.
    """
    arrays = rosinality_generator(contents)
    assert arrays is not None
    try:
        reader = _Reader(arrays)
        config = reader.config()
        notes = reader.notes(contents.root)
    except (KeyError, IndexError, TypeError, ValueError, ArithmeticError, RuntimeError) as error:
        told = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
        raise MismatchError(
            f'"{contents.path.name}" looks like rosinality\'s StyleGAN2, but it does not fit: {told}.',
            "It may come from a modified network or be damaged.",
            path=contents.path,
        ) from error
    return NetworkSpec("stylegan2", config, reader.named, notes=notes)


class _Reader:
    def __init__(self, arrays: dict[str, StoredArray]) -> None:
        self.arrays = arrays
        self.named: dict[str, NDArray[Any]] = {}
        self.convs = 0
        # The oldest files keep no noise; a stored map makes "const" mean something.
        self.random = np.random.default_rng(0)
        self.has_noise_maps = "noises.noise_0" in arrays

    def config(self) -> dict[str, Any]:
        """The network's config; fills `named` on the way, but for the mean latent."""
        const = self._array("input.input")[0]
        sizes = [[side * 2**i for side in const.shape[1:]] for i in range(self._count("to_rgbs.{}.bias") + 1)]
        blocks = []
        for i, size in enumerate(sizes):
            name = f"b{size[0]}" if size[0] == size[1] else f"b{size[0]}x{size[1]}"
            target = f"blocks.{name}"
            block: dict[str, Any] = {"name": name, "size": size}
            if i == 0:
                self.named[f"{target}.const"] = const
                block["const"] = list(const.shape)
                block["conv1"] = self._conv("conv1", f"{target}.conv1", size)
                block["torgb"] = self._torgb("to_rgb1", f"{target}.torgb")
            else:
                block["conv0"] = self._conv(f"convs.{2 * i - 2}", f"{target}.conv0", size, up=2)
                block["conv1"] = self._conv(f"convs.{2 * i - 1}", f"{target}.conv1", size)
                block["torgb"] = self._torgb(f"to_rgbs.{i - 1}", f"{target}.torgb")
            blocks.append(block)
        mapping = self._mapping()
        return {
            "architecture": "skip",
            "w_dim": mapping["w_dim"],
            "num_ws": 2 * len(blocks),
            "img_channels": self._array("to_rgb1.bias").size,
            "mapping": mapping,
            "blocks": blocks,
        }

    def notes(self, root: dict[str, Any]) -> tuple[str, ...]:
        """Find the mean latent, and tell what a person should know about the file."""
        notes = ["The original ignores truncation from psi 1 on; here psi above 1 exaggerates."]
        stored = root.get("latent_avg", self.arrays.get("latent_avg"))
        target = "mapping_network.w_avg"
        if isinstance(stored, StoredArray):
            # Encoders store it once for every row.
            average = as_float32(stored)
            self.named[target] = average.reshape(-1, average.shape[-1])[0]
        else:
            self.named[target] = self._mean_latent()
            notes.append(f"The file has no mean latent: it is the average of {MEAN_SAMPLES} random ones.")
        if not self.has_noise_maps:
            notes.append("The file has no noise maps: fixed random ones stand in.")
        if root.get("d"):
            notes.append("It holds a discriminator too.")
        return tuple(notes)

    def _array(self, name: str) -> NDArray[np.float32]:
        return as_float32(self.arrays[name])

    def _count(self, pattern: str, start: int = 0) -> int:
        count = 0
        while pattern.format(start + count) in self.arrays:
            count += 1
        return count

    def _mapping(self) -> dict[str, Any]:
        # style.0 is the normalisation, which has no arrays.
        count = self._count("style.{}.weight", start=1)
        layers = []
        for i in range(count):
            weight = self._array(f"style.{i + 1}.weight")
            self.named[f"mapping_network.layers.{i}.weight"] = weight
            self.named[f"mapping_network.layers.{i}.bias"] = self._array(f"style.{i + 1}.bias")
            layers.append(
                {
                    "in_features": weight.shape[1],
                    "out_features": weight.shape[0],
                    "lr_multiplier": MAPPING_RATE,
                    "activation": "lrelu",
                }
            )
        w_dim = self._array("conv1.conv.modulation.weight").shape[1]
        z_dim = layers[0]["in_features"] if layers else w_dim
        return {"z_dim": z_dim, "c_dim": 0, "w_dim": w_dim, "layers": layers}

    def _mean_latent(self) -> NDArray[Any]:
        weights = [v for k, v in self.named.items() if k.startswith("mapping_network.layers")]
        z_dim = weights[0].shape[1] if weights else self._array("conv1.conv.modulation.weight").shape[1]
        with torch.inference_mode():
            x = torch.randn((MEAN_SAMPLES, z_dim), generator=torch.Generator().manual_seed(0))
            x = normalize_2nd_moment(x)
            for weight, bias in zip(weights[::2], weights[1::2], strict=True):
                gain = MAPPING_RATE / math.sqrt(weight.shape[1])
                matrix, offset = torch.from_numpy(weight * np.float32(gain)), torch.from_numpy(np.array(bias))
                x = F.leaky_relu(F.linear(x, matrix, offset * MAPPING_RATE), 0.2) * math.sqrt(2)
            return np.asarray(x.mean(0).numpy())

    def _affine(self, source: str, target: str) -> None:
        for part in ("weight", "bias"):
            self.named[f"{target}.affine.{part}"] = self._array(f"{source}.conv.modulation.{part}")

    def _filter(self, source: str, target: str) -> list[int]:
        """The FIR kernel, freed of the factor 4 that it is stored with."""
        kernel: NDArray[Any]
        if source in self.arrays:
            kernel = self._array(source) / np.float32(4)
        else:
            kernel = as_float32(np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64)
        self.named[f"{target}.resample_filter"] = kernel
        return list(kernel.shape)

    def _conv(self, source: str, target: str, size: list[int], up: int = 1) -> dict[str, Any]:
        weight = self._array(f"{source}.conv.weight")[0]
        # The original scales the weight before it demodulates.
        gain = np.float32(1 / math.sqrt(math.prod(weight.shape[1:])))
        self.named[f"{target}.weight"] = weight * gain
        self.named[f"{target}.bias"] = self._array(f"{source}.activate.bias")
        self._affine(source, target)
        self.named[f"{target}.noise_strength"] = self._array(f"{source}.noise.weight").reshape(())
        if self.has_noise_maps:
            noise = self._array(f"noises.noise_{self.convs}")[0, 0]
        else:
            noise = as_float32(self.random.standard_normal(size))
        self.named[f"{target}.noise_const"] = noise
        self.convs += 1
        layer = {
            "in_channels": weight.shape[1],
            "out_channels": weight.shape[0],
            "kernel_size": weight.shape[2],
            "up": up,
            "resolution": size,
        }
        if up > 1:
            layer["filter"] = self._filter(f"{source}.conv.blur.kernel", target)
        return layer

    def _torgb(self, source: str, target: str) -> dict[str, Any]:
        weight = self._array(f"{source}.conv.weight")[0]
        self.named[f"{target}.weight"] = weight
        self.named[f"{target}.bias"] = self._array(f"{source}.bias").reshape(-1)
        self._affine(source, target)
        return {
            "in_channels": weight.shape[1],
            "kernel_size": weight.shape[2],
            "filter": self._filter(f"{source}.upsample.kernel", target),
        }
