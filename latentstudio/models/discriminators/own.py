"""The discriminator of the clay faces, in a file of its own beside the generator's.

Owns the network (blocks of pixels become channels first, then residual blocks that average), its file, and
where that is looked for. Weights never learn here. One thread at a time per network.

Source: Karras et al., "Analyzing and Improving the Image Quality of StyleGAN", section 4.1 (residual
discriminator); Karras et al., "Progressive Growing of GANs", section 3 (deviation within a batch).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from latentstudio.errors import MismatchError, NewerVersionError, UnreadableFileError
from latentstudio.formats import read_checkpoint, write_safetensors
from latentstudio.models.discriminators.network import DiscriminatorNetwork
from latentstudio.models.spec import as_float32

SUFFIX = ".discriminator.safetensors"
METADATA_KEY = "latentstudio.discriminator"
VERSION = 1
ALONE = sqrt(1e-8)  # the deviation within a batch of one
_SLOPE, _HALF = 0.2, sqrt(0.5)


@dataclass(frozen=True)
class OwnConfig:
    """What the arrays do not say.

    Attributes:
        resolution: side of the pictures, in pixels.
        fold: blocks of fold x fold pixels that become channels first.
        deviation: within a batch of pictures of the data, as its last layers usually saw it; a picture
            judged alone is given this company.
        about: how it was trained, for people.
    """

    resolution: int
    fold: int = 1
    deviation: float = ALONE
    about: str = ""


class OwnDiscriminator(DiscriminatorNetwork):
    """Folding, residual blocks, one convolution, two dense layers.

    Args:
        config: sizes.
        arrays: by the names of training: "fromrgb", "first.N", "second.N", "skip.N" (N from fine to coarse),
            "last", "hidden", "score", as stored (equalised learning rates are applied at run time).

    Raises:
        MismatchError: arrays are missing, left over, or of other shapes.
    """

    def __init__(self, config: OwnConfig, arrays: Mapping[str, NDArray[np.float32]]) -> None:
        super().__init__()
        self.config, self.resolution, self.channels = config, config.resolution, 3
        self.names = tuple(arrays)
        self.blocks = len({name.split(".")[1] for name in arrays if name.startswith("first.")})
        _check(config, self.blocks, arrays)
        self.weights = nn.ParameterDict(
            {
                name.replace(".", "_"): nn.Parameter(torch.from_numpy(np.array(a)), requires_grad=False)
                for name, a in arrays.items()
            }
        )

    def levels(self, images: Tensor) -> list[Tensor]:
        """One level a block, each half the side of the one before."""
        x = F.pixel_unshuffle(images, self.config.fold) if self.config.fold > 1 else images
        x, found = self._conv(x, "fromrgb"), []
        for block in range(self.blocks):
            rest = self._conv(F.avg_pool2d(x, 2), f"skip_{block}", is_linear=True)
            x = F.avg_pool2d(self._conv(x, f"first_{block}"), 2)
            x = (self._conv(x, f"second_{block}") + rest) * _HALF
            found.append(x)
        return found

    def judged(self, level: Tensor, c: Tensor | None) -> Tensor:
        """The last layers; each picture is judged in usual company."""
        company = torch.full_like(level[:, :1], self.config.deviation)
        x = self._conv(torch.cat([level, company], 1), "last").flatten(1)
        return self._dense(self._dense(x, "hidden", is_linear=False), "score")[:, 0]

    def _conv(self, x: Tensor, name: str, *, is_linear: bool = False) -> Tensor:
        weight, bias = self.weights[f"{name}_weight"], self.weights.get(f"{name}_bias")
        x = F.conv2d(x, weight / sqrt(weight[0].numel()), bias, padding=weight.shape[2] // 2)
        return x if is_linear else F.leaky_relu(x, _SLOPE) * sqrt(2)

    def _dense(self, x: Tensor, name: str, *, is_linear: bool = True) -> Tensor:
        weight = self.weights[f"{name}_weight"]
        x = F.linear(x, weight / sqrt(weight.shape[1]), self.weights[f"{name}_bias"])
        return x if is_linear else F.leaky_relu(x, _SLOPE) * sqrt(2)


def beside(path: str | Path) -> Path:
    """Where the discriminator of a generator's file would be."""
    path = Path(path)
    return path.with_name(path.stem + SUFFIX)


def write_own(path: str | Path, config: OwnConfig, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Store one in 16 bits.

    Raises:
        MismatchError: the arrays are not those of such a network.
        SaveError: the file could not be written.
    """
    OwnDiscriminator(config, {name: np.asarray(a, np.float32) for name, a in arrays.items()})
    header = json.dumps({"version": VERSION, **asdict(config)}, sort_keys=True)
    halves = {name: np.array(array, np.float16, order="C") for name, array in arrays.items()}
    write_safetensors(path, halves, {METADATA_KEY: header})


def read_own(path: str | Path) -> OwnDiscriminator:
    """The inverse of `write_own`.

    Raises:
        CheckpointError: the file can't be read, or is none of these.
    """
    contents = read_checkpoint(path)
    try:
        header = json.loads(contents.metadata[METADATA_KEY])
        version = header.pop("version")
        if type(version) is not int:
            raise TypeError(version)
        if version > VERSION:
            raise NewerVersionError(
                f'"{contents.path.name}" was written by a newer LatentStudio.',
                "Update LatentStudio.",
                path=contents.path,
            )
        config = OwnConfig(**header)
        config = OwnConfig(
            int(config.resolution), int(config.fold), float(config.deviation), str(config.about)
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnreadableFileError(
            f'Can\'t read "{contents.path.name}": its description is damaged.', path=contents.path
        ) from error
    return OwnDiscriminator(config, {name: as_float32(value) for name, value in contents.root.items()})


def _check(config: OwnConfig, blocks: int, arrays: Mapping[str, NDArray[np.float32]]) -> None:
    """Raise unless names and shapes are those of such a network."""
    last = arrays["last.weight"].shape[0] if "last.weight" in arrays else 0
    seen = 3 * config.fold**2
    widths = [arrays[name].shape[0] for i in range(blocks) if (name := f"first.{i}.weight") in arrays]
    shapes: dict[str, tuple[int, ...]] = {}

    def expect(name: str, before: int, after: int, *kernel: int, bias: bool = True) -> None:
        shapes[f"{name}.weight"] = (after, before, *kernel)
        if bias:
            shapes[f"{name}.bias"] = (after,)

    widths.append(last)
    expect("fromrgb", seen, widths[0], 1, 1)
    for i, (a, b) in enumerate(pairwise(widths)):
        expect(f"first.{i}", a, a, 3, 3)
        expect(f"second.{i}", a, b, 3, 3)
        expect(f"skip.{i}", a, b, 1, 1, bias=False)
    expect("last", last + 1, last, 3, 3)
    # The dense layer reads what is left after the halvings.
    left = config.resolution // config.fold // 2**blocks
    expect("hidden", last * left * left, last)
    expect("score", last, 1)
    found = {name: tuple(array.shape) for name, array in arrays.items()}
    wrong = sorted({*found.items()} ^ {*shapes.items()})
    if wrong:
        raise MismatchError(
            f'This is not the discriminator of clay faces: "{wrong[0][0]}" does not fit.',
            f"Its side should be {config.resolution} pixels, folded by {config.fold}.",
        )
