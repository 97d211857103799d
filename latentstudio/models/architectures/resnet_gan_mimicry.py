"""Residual GANs as the PyTorch library mimicry saves them, checkpoint or bare state dict.

Owns the way from such a file to ResNetGAN's config. The unconditional generators of one size have the
same names, shapes and maths whatever they were trained with, so the family shown names them all.

Sources: Lee & Town, "Mimicry: Towards the Reproducibility of GAN Research"; the layout of the files
was measured.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentstudio.errors import MismatchError
from latentstudio.formats import Contents
from latentstudio.models.architectures.torch_weights import Arrays, Weights, find_arrays, notes_about
from latentstudio.models.generator import Option
from latentstudio.models.spec import NetworkSpec

_EPS = 1e-5
_NOT_USED = r".*\.(num_batches_tracked|sn_sigma)"
_UNCONDITIONAL = "ResNet GAN (SNGAN, WGAN-GP, SSGAN or DCGAN of mimicry)"


def _last(arrays: Arrays) -> int:
    """Number of the layers after the last block; 0 where there is none."""
    found = [int(m[1]) for key in arrays if (m := re.match(r"block(\d+)\.c1\.", key))]
    return max(found) + 1 if found else 0


def _fits(arrays: Arrays) -> bool:
    last = _last(arrays)
    norms = {"block2.b1.running_mean", "block2.b1.bn.running_mean"} & arrays.keys()
    marks = {"l1.bias", "block2.c1.bias", "block2.c2.bias", f"b{last}.running_mean", f"c{last}.bias"}
    return bool(norms) and marks <= arrays.keys()


def claims(contents: Contents) -> bool:
    """A generator with `l1`, `block2`, `block3`, ... and a norm and a convolution after them."""
    return find_arrays(contents.root, _fits) is not None


def convert(contents: Contents) -> NetworkSpec:
    """Config and arrays from names and shapes.

    Raises:
        MismatchError: a part is missing, or there are parts that the original does not have.
    """
    arrays = find_arrays(contents.root, _fits)
    assert arrays is not None
    weights, name = Weights(arrays), contents.path.name
    try:
        spec = _Reader(weights, _last(arrays)).spec(notes_about(contents.root))
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise MismatchError(
            f'"{name}" looks like a ResNet GAN, but a part of it does not fit: {error}.',
            "It may come from a modified network or be damaged.",
            path=contents.path,
        ) from error
    unknown = weights.leftover(_NOT_USED)
    if unknown:
        raise MismatchError(
            f'"{name}" looks like a ResNet GAN, but has parts that are not its own, such as "{unknown[0]}".',
            "It comes from a modified network.",
            path=contents.path,
        )
    return spec


class _Reader:
    def __init__(self, weights: Weights, last: int) -> None:
        self.weights, self.last = weights, last
        self.named: dict[str, NDArray[np.float32]] = {}

    def spec(self, notes: tuple[str, ...]) -> NetworkSpec:
        weights = self.weights
        z_dim = weights.shape("l1")[1]
        classes = 0
        if "block2.b1.embed.weight" in weights:
            classes = len(weights.take("block2.b1.embed.weight"))
        blocks = self._blocks()
        attended = any(block["kind"] == "attention" for block in blocks)
        family = _UNCONDITIONAL
        if classes or attended:
            family = "SAGAN" if attended else "cGAN-PD"
        self._norm(f"b{self.last}", "head_norm")
        shape = self._layer(f"c{self.last}", "head")
        config: dict[str, Any] = {
            "family": family,
            "z_dim": z_dim,
            "classes": classes,
            "first": [0, z_dim],
            "cond": [z_dim, z_dim + classes] if classes else None,
            "bottom": self._bottom(blocks[0]["channels"][0]),
            "blocks": blocks,
            "head_channels": shape[1],
            "img_channels": shape[0],
            "bn_eps": _EPS,
            "head_eps": _EPS,
            "plus_one": False,
            "upsampling": "bilinear",
            "sigmoid": 0,
        }
        options: tuple[Option, ...] = ()
        if not classes and len(blocks) == 3 and len({n for b in blocks for n in b["channels"]}) == 1:
            options = (Option("sigmoid", 0, 1, 0, whole=True),)
            notes += ("mimicry's DCGAN for CIFAR looks the same but ends in a sigmoid: set sigmoid to 1.",)
        return NetworkSpec("resnet-gan", config, self.named, notes=notes, options=options)

    def _blocks(self) -> list[dict[str, Any]]:
        """Blocks in order of execution, attention where it belongs."""
        attended = self._attention_place()
        blocks: list[dict[str, Any]] = []
        for number in range(2, self.last):
            source, target = f"block{number}", f"blocks.{len(blocks)}"
            self._norm(f"{source}.b1", f"{target}.norm1")
            self._norm(f"{source}.b2", f"{target}.norm2")
            before = self._layer(f"{source}.c1", f"{target}.conv1")
            after = self._layer(f"{source}.c2", f"{target}.conv2")
            shortcut = f"{source}.c_sc.bias" in self.weights
            if shortcut:
                self._layer(f"{source}.c_sc", f"{target}.conv_sc")
            channels = [before[1], before[0], after[0]]
            blocks.append({"kind": "plain", "channels": channels, "up": shortcut, "shortcut": shortcut})
            if number == attended:
                blocks.append(self._attention(f"blocks.{len(blocks)}"))
        return blocks

    def _attention_place(self) -> int:
        """The block that attention follows; 0 for none.

        The file does not say. It follows block 3 in the small networks, whose blocks are all alike,
        and the one block of its width in the large one.
        """
        if "attn_block.gamma" not in self.weights:
            return 0
        width = self.weights.shape("attn_block.theta")[1]
        fitting = [n for n in range(2, self.last) if self.weights.shape(f"block{n}.c2")[0] == width]
        if not fitting:
            raise ValueError(f"no block has the {width} features that attention reads")
        return 3 if 3 in fitting else fitting[0]

    def _attention(self, target: str) -> dict[str, Any]:
        shapes = {p: self._layer(f"attn_block.{p}", f"{target}.{p}") for p in ("theta", "phi", "g", "o")}
        self.named[f"{target}.gamma"] = self.weights.take("attn_block.gamma").reshape(())
        return {"kind": "attention", "channels": [shapes["o"][0], shapes["theta"][0], shapes["g"][0]]}

    def _layer(self, source: str, target: str) -> tuple[int, ...]:
        self.named[f"{target}.weight"] = weight = self.weights.weight(source)
        if f"{source}.bias" in self.weights:
            self.named[f"{target}.bias"] = self.weights.take(f"{source}.bias")
        return weight.shape

    def _norm(self, source: str, target: str) -> None:
        weights, place = self.weights, source
        if f"{source}.embed.weight" in weights:
            # One row for each class: gains, then biases.
            gain, bias = np.split(weights.take(f"{source}.embed.weight"), 2, axis=1)
            self.named[f"{target}.gain"], self.named[f"{target}.bias"] = gain.T, bias.T
            place = f"{source}.bn"
        else:
            self.named[f"{target}.gain"] = weights.take(f"{source}.weight")
            self.named[f"{target}.bias"] = weights.take(f"{source}.bias")
        self.named[f"{target}.mean"] = weights.take(f"{place}.running_mean")[None]
        self.named[f"{target}.var"] = weights.take(f"{place}.running_var")[None]

    def _bottom(self, channels: int) -> list[int]:
        rows = self._layer("l1", "linear")[0]
        side = round((rows / channels) ** 0.5)
        if side * side * channels != rows:
            raise ValueError(f"{rows} features do not make {channels} square maps")
        return [channels, side, side]
