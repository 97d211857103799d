"""BigGAN-deep as published for PyTorch with statistics for every truncation: weights and config.json.

Owns the way from such a folder to BigGAN's config. Truncation picks batch-norm statistics there; z is
taken as it comes (the published code draws it from a normal cut off at 2, times the truncation).

Source: Brock et al., "Large Scale GAN Training for High Fidelity Natural Image Synthesis" (appendix
B, figure 16); the layout of the files was measured.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentstudio.errors import MismatchError
from latentstudio.formats import Contents
from latentstudio.models.architectures.torch_weights import Arrays, Weights, find_arrays, notes_about
from latentstudio.models.spec import NetworkSpec

_PUBLISHED_EPS = 1e-4
# Attention may come first, before any block.
_FIRST_STATISTICS = {f"generator.layers.{i}.bn_0.running_means" for i in range(2)}


def _fits(arrays: Arrays) -> bool:
    marks = {"embeddings.weight", "generator.bn.running_means"}
    return marks <= arrays.keys() and not _FIRST_STATISTICS.isdisjoint(arrays)


def claims(contents: Contents) -> bool:
    """A generator with `gen_z`, bottleneck layers and rows of running means."""
    return find_arrays(contents.root, _fits) is not None


def convert(contents: Contents) -> NetworkSpec:
    """Config and arrays; which layers double the size is told by config.json alone.

    Raises:
        MismatchError: a part is missing, or config.json and the weights disagree.
    """
    arrays = find_arrays(contents.root, _fits)
    assert arrays is not None
    try:
        reader = _Reader(Weights(arrays), contents.side_files.get("config.json"))
        return reader.spec(notes_about(contents.root))
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise MismatchError(
            f'"{contents.path.name}" looks like BigGAN-deep, but a part of it does not fit: {error}.',
            "Keep config.json beside the weights as they were published together.",
            path=contents.path,
        ) from error


class _Reader:
    def __init__(self, weights: Weights, described: dict[str, Any] | None) -> None:
        self.weights, self.described = weights, described
        self.named: dict[str, NDArray[np.float32]] = {}

    def spec(self, notes: tuple[str, ...]) -> NetworkSpec:
        weights = self.weights
        embedding = weights.take("embeddings.weight").T  # (classes, embed_dim)
        classes, embed_dim = embedding.shape
        self.named["embedding"] = embedding
        row = weights.shape("generator.gen_z")[1]
        if row <= embed_dim:
            raise ValueError(f"the first layer reads {row} numbers, {embed_dim} of them the class")
        layers = self._layers()
        ups, eps = self._description(sum(name.endswith("bn_0") for name in layers.values()))
        if self.described is None:
            notes += ("config.json is missing: assumed that every other layer doubles the size.",)
        blocks: list[dict[str, Any]] = []
        for position, probe in sorted(layers.items()):
            source = f"generator.layers.{position}"
            if probe.endswith("bn_0"):
                blocks.append(self._block(source, len(blocks), next(ups)))
            else:
                blocks.append(self._attention(source, len(blocks)))
        bottom = self._first(blocks[0]["channels"][0])
        head = self._head()
        config = {
            "family": "BigGAN-deep",
            "z_dim": row - embed_dim,
            "classes": classes,
            "embed_dim": embed_dim,
            "first": [0, row],
            "cond": [0, row],
            "bottom": bottom,
            "blocks": blocks,
            "head_channels": head,
            "img_channels": 3,
            "bn_eps": eps,
            "head_eps": eps,
            "n_stats": len(weights.take("generator.bn.running_means")),
            "levels": 256,
        }
        notes += ("Truncation picks batch-norm statistics; it does not scale z.",)
        return NetworkSpec("biggan", config, self.named, notes=notes)

    def _layers(self) -> dict[int, str]:
        """Which of the numbered layers are blocks and which are attention, by a part of each."""
        pattern = re.compile(r"generator\.layers\.(\d+)\.(bn_0|gamma)(\.|$)")
        found = {int(m[1]): m[2] for key in self.weights.arrays if (m := pattern.match(key))}
        if sorted(found) != list(range(len(found))):
            raise ValueError(f"layers {sorted(found)} are there")
        return found

    def _description(self, count: int) -> tuple[Any, float]:
        """Which blocks double the size, and the norms' epsilon."""
        if self.described is None:
            return iter([i % 2 == 1 for i in range(count)]), _PUBLISHED_EPS
        layers = self.described.get("layers")
        if not isinstance(layers, list):
            raise ValueError("config.json does not describe its layers")
        if len(layers) != count:
            raise ValueError(f"config.json describes {len(layers)} blocks, the weights have {count}")
        return iter([bool(layer[0]) for layer in layers]), float(self.described.get("eps", _PUBLISHED_EPS))

    def _take_layer(self, source: str, target: str) -> tuple[int, ...]:
        self.named[f"{target}.weight"] = weight = self.weights.weight(source)
        if f"{source}.bias" in self.weights:
            self.named[f"{target}.bias"] = self.weights.take(f"{source}.bias")
        return weight.shape

    def _statistics(self, source: str, target: str) -> None:
        self.named[f"{target}.mean"] = self.weights.take(f"{source}.running_means")
        self.named[f"{target}.var"] = self.weights.take(f"{source}.running_vars")

    def _block(self, source: str, index: int, up: bool) -> dict[str, Any]:
        shapes = []
        for i in range(4):
            norm = f"blocks.{index}.norm{i + 1}"
            self._statistics(f"{source}.bn_{i}", norm)
            self.named[f"{norm}.gain"] = self.weights.weight(f"{source}.bn_{i}.scale")
            self.named[f"{norm}.bias"] = self.weights.weight(f"{source}.bn_{i}.offset")
            shapes.append(self._take_layer(f"{source}.conv_{i}", f"blocks.{index}.conv{i + 1}"))
        return {"kind": "deep", "channels": [shapes[0][1], shapes[0][0], shapes[3][0]], "up": up}

    def _attention(self, source: str, index: int) -> dict[str, Any]:
        target, shapes = f"blocks.{index}", {}
        parts = {"theta": "theta", "phi": "phi", "g": "g", "o": "o_conv"}
        for part, name in parts.items():
            shapes[part] = self._take_layer(f"{source}.snconv1x1_{name}", f"{target}.{part}")
        self.named[f"{target}.gamma"] = self.weights.take(f"{source}.gamma").reshape(())
        channels = [shapes["o"][0], shapes["theta"][0], shapes["g"][0]]
        return {"kind": "attention", "channels": channels}

    def _first(self, channels: int) -> list[int]:
        """The first layer gives (height, width, channels); ours gives channels first."""
        weight, bias = self.weights.weight("generator.gen_z"), self.weights.take("generator.gen_z.bias")
        side = round((len(weight) / channels) ** 0.5)
        grid = weight.reshape(side, side, channels, -1).transpose(2, 0, 1, 3)
        self.named["linear.weight"] = grid.reshape(len(weight), -1)
        self.named["linear.bias"] = bias.reshape(side, side, channels).transpose(2, 0, 1).reshape(-1)
        return [channels, side, side]

    def _head(self) -> int:
        self._statistics("generator.bn", "head_norm")
        self.named["head_norm.gain"] = self.weights.take("generator.bn.weight")
        self.named["head_norm.bias"] = self.weights.take("generator.bn.bias")
        # The original computes as many channels as it has features and shows the first three.
        weight = self.weights.weight("generator.conv_to_rgb")
        self.named["head.weight"] = weight[:3]
        self.named["head.bias"] = self.weights.take("generator.conv_to_rgb.bias")[:3]
        return int(weight.shape[1])
