"""BigGAN and BigGAN-deep as the authors' own PyTorch training code saves them.

Owns the way from such a state dict to BigGAN's config; everything is told by names and shapes: the
kind of blocks, how z and the class reach them, where attention is, what kind of batch norm it was.
Epsilons are not stored: one is offered as an option.

Source: Brock et al., "Large Scale GAN Training for High Fidelity Natural Image Synthesis" (section 3
and appendix B); the layout of the files was measured.
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
_MARKS = {"linear.weight", "output_layer.2.weight", "blocks.0.0.conv1.weight", "blocks.0.0.bn1.gain.weight"}
# Singular values are a log, further vectors are not used in evaluation, counts of batches say nothing.
_NOT_USED = r".*\.(sv\d+|u\d+|num_batches_tracked|accumulation_counter)"


def _fits(arrays: Arrays) -> bool:
    return arrays.keys() >= _MARKS


def claims(contents: Contents) -> bool:
    """A generator with `blocks.0.0.bn1.gain` and an `output_layer`."""
    return find_arrays(contents.root, _fits) is not None


def convert(contents: Contents) -> NetworkSpec:
    """Config and arrays from names and shapes.

    Raises:
        MismatchError: a part is missing, or there are parts that the original does not have.
    """
    arrays = find_arrays(contents.root, _fits)
    assert arrays is not None
    weights = Weights(arrays)
    name = contents.path.name
    try:
        spec = _Reader(weights).spec(notes_about(contents.root))
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise MismatchError(
            f'"{name}" looks like BigGAN, but a part of it does not fit: {error}.',
            "It may come from a modified network or be damaged.",
            path=contents.path,
        ) from error
    unknown = weights.leftover(_NOT_USED)
    if unknown:
        raise MismatchError(
            f'"{name}" looks like BigGAN, but has parts that BigGAN does not have, such as "{unknown[0]}".',
            "It comes from a modified network.",
            path=contents.path,
        )
    return spec


class _Reader:
    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self.named: dict[str, NDArray[np.float32]] = {}
        self.deep = "blocks.0.0.conv4.weight" in weights
        self.counted: list[float] = []
        self.norms, self.adds, self.bare = 0, False, False
        self.shared_dim = 0

    def spec(self, notes: tuple[str, ...]) -> NetworkSpec:
        layers = self._layers()
        count = sum(kind == "block" for _, kind in layers)
        config: dict[str, Any] = {
            "family": "BigGAN-deep" if self.deep else "BigGAN",
            **self._latent(count),
            "blocks": self._blocks(layers),
            "img_channels": self.weights.shape("output_layer.2")[0],
            "bn_eps": _EPS,
            "head_eps": _EPS,
            "levels": 255,
        }
        self._norm("output_layer.0", "head_norm")
        self.named["head_norm.gain"] = self.weights.take("output_layer.0.gain")
        self.named["head_norm.bias"] = self.weights.take("output_layer.0.bias")
        config["head_channels"] = self._layer("output_layer.2", "head")[1]
        config["bottom"] = self._bottom(config["blocks"])
        options, more = self._options(config)
        return NetworkSpec("biggan", config, self.named, notes=notes + more, options=options)

    def _layers(self) -> list[tuple[str, str]]:
        """Blocks and attentions in order of execution."""
        pattern = re.compile(r"blocks\.(\d+)\.(\d+)\.(conv1|theta)\.")
        found = {(int(m[1]), int(m[2])): m[3] for key in self.weights.arrays if (m := pattern.match(key))}
        return [
            (f"blocks.{i}.{j}", "block" if part == "conv1" else "attention")
            for (i, j), part in sorted(found.items())
        ]

    def _latent(self, count: int) -> dict[str, Any]:
        """How z and the class reach the first layer and the blocks."""
        first = self.weights.shape("linear")[1]
        gain = self.weights.shape("blocks.0.0.bn1.gain")
        if "shared.weight" not in self.weights:
            # Gains are embeddings by class: the class vector itself is what the blocks read.
            classes = gain[0]
            return {"z_dim": first, "classes": classes, "first": [0, first], "cond": [first, first + classes]}
        embedding = self.weights.take("shared.weight")
        classes, self.shared_dim = embedding.shape
        self.named["embedding"] = embedding
        common = {"classes": classes, "embed_dim": self.shared_dim}
        if self.deep and gain[1] == first and first > self.shared_dim:
            return {**common, "z_dim": first - self.shared_dim, "first": [0, first], "cond": [0, first]}
        if not self.deep and gain[1] == self.shared_dim + first:
            slots = {"z_dim": first * (count + 1), "slots": count + 1}
            return {**common, **slots, "first": [0, first], "cond": [0, gain[1]]}
        if not self.deep and gain[1] == self.shared_dim:
            return {**common, "z_dim": first, "first": [0, first], "cond": [first, first + gain[1]]}
        raise ValueError(
            f"its blocks read {gain[1]} numbers, its first layer {first}, and a class has {self.shared_dim}"
        )

    def _blocks(self, layers: list[tuple[str, str]]) -> list[dict[str, Any]]:
        blocks: list[dict[str, Any]] = []
        for source, kind in layers:
            index = len(blocks)
            if kind == "attention":
                blocks.append(self._attention(source, f"blocks.{index}"))
                continue
            convs = 4 if self.deep else 2
            shapes = []
            for i in range(1, convs + 1):
                self._conditional_norm(f"{source}.bn{i}", f"blocks.{index}.norm{i}")
                shapes.append(self._layer(f"{source}.conv{i}", f"blocks.{index}.conv{i}"))
            block: dict[str, Any] = {"kind": "deep" if self.deep else "plain"}
            block["channels"] = [shapes[0][1], shapes[0][0], shapes[-1][0]]
            if not self.deep:
                block["shortcut"] = block["up"] = f"{source}.conv_sc.bias" in self.weights
                if block["shortcut"]:
                    self._layer(f"{source}.conv_sc", f"blocks.{index}.conv_sc")
            blocks.append(block)
        if self.deep:
            _mark_ups(blocks)
        return blocks

    def _attention(self, source: str, target: str) -> dict[str, Any]:
        shapes = {
            part: self._layer(f"{source}.{part}", f"{target}.{part}") for part in ("theta", "phi", "g", "o")
        }
        self.named[f"{target}.gamma"] = self.weights.take(f"{source}.gamma").reshape(())
        return {"kind": "attention", "channels": [shapes["o"][0], shapes["theta"][0], shapes["g"][0]]}

    def _layer(self, source: str, target: str) -> tuple[int, ...]:
        self.named[f"{target}.weight"] = weight = self.weights.weight(source)
        if f"{source}.bias" in self.weights:
            self.named[f"{target}.bias"] = self.weights.take(f"{source}.bias")
        return weight.shape

    def _conditional_norm(self, source: str, target: str) -> None:
        for part in ("gain", "bias"):
            weight = self.weights.weight(f"{source}.{part}")
            # The original puts the class before z; here z comes first.
            own = np.roll(weight, -self.shared_dim, axis=1) if self.shared_dim else weight.T
            self.named[f"{target}.{part}"] = own
        self._norm(source, target)

    def _norm(self, source: str, target: str) -> None:
        """Statistics, under the names of the three kinds of batch norm."""
        self.norms += 1
        for place, kind in ((source, "stored"), (f"{source}.bn", "stored"), (f"{source}.bn", "running")):
            if f"{place}.{kind}_mean" not in self.weights:
                continue
            self.named[f"{target}.mean"] = self.weights.take(f"{place}.{kind}_mean")[None]
            self.named[f"{target}.var"] = self.weights.take(f"{place}.{kind}_var")[None]
            self.adds |= kind == "running"
            if f"{place}.accumulation_counter" in self.weights:
                counter = self.weights.take(f"{place}.accumulation_counter").reshape(1)
                self.named[f"{target}.counter"] = counter
                self.counted.append(float(counter[0]))
            return
        if not target.startswith("blocks"):
            raise KeyError(f"{source}.stored_mean")
        # Trained without normalisation: statistics that leave the features as they are.
        channels = len(self.named[f"{target}.gain"])
        self.named[f"{target}.mean"] = np.zeros((1, channels), np.float32)
        self.named[f"{target}.var"] = np.full((1, channels), 1 - _EPS, np.float32)
        self.bare = True

    def _bottom(self, blocks: list[dict[str, Any]]) -> list[int]:
        rows = len(self.weights.weight("linear"))
        channels = next(b["channels"][0] for b in blocks)
        side = round((rows / channels) ** 0.5)
        if side * side * channels != rows:
            raise ValueError(f"{rows} features do not make {channels} square maps")
        weight = self.weights.weight("linear")
        # In a deep network the first layer reads the class too, and before z.
        self.named["linear.weight"] = np.roll(weight, -self.shared_dim, axis=1) if self.deep else weight
        self.named["linear.bias"] = self.weights.take("linear.bias")
        return [channels, side, side]

    def _options(self, config: dict[str, Any]) -> tuple[tuple[Option, ...], tuple[str, ...]]:
        if self.bare:
            return (), ("Its blocks have no normalisation.",)
        options = [Option("bn_eps", 1e-12, 0.1, _EPS)]
        notes = [
            "Batch norm's epsilon is not stored: 1e-5 assumed (conversions of the first release used 1e-4)."
        ]
        if self.adds:
            config["gain_adds"] = 1
            options.append(Option("gain_adds", 0, 1, 1, whole=True))
            notes.append(
                "Synchronised batch norm: the original adds the gain in evaluation, and so does this."
            )
        if len(self.counted) == self.norms:
            config["counters"], config["standing_stats"] = True, 0
            if max(self.counted) > 0:
                options.append(Option("standing_stats", 0, 1, 0, whole=True))
                notes.append(
                    "Its statistics may be sums: set standing_stats to 1 if the picture is washed out."
                )
        elif self.counted:
            raise ValueError("only some norms have an accumulation counter")
        return tuple(options), tuple(notes)


def _mark_ups(blocks: list[dict[str, Any]]) -> None:
    """Say which deep blocks double the size: the last of each stage.

    A stage has two blocks unless widths or attention say otherwise; 32 px networks have three stages
    of one width, however deep.
    """
    deep = [block for block in blocks if block["kind"] == "deep"]
    # Both a drop of channels and an attention end a stage.
    ends = {i + 1 for i, block in enumerate(deep) if block["channels"][0] != block["channels"][2]}
    count = 0
    for block in blocks:
        count += block["kind"] == "deep"
        if block["kind"] == "attention":
            ends.add(count)
    narrows = any(block["channels"][0] != block["channels"][2] for block in deep)
    preferred = 2 if narrows or len(deep) % 3 else len(deep) // 3
    depths = [preferred, *range(len(deep), 0, -1)]
    depth = next(d for d in depths if len(deep) % d == 0 and all(end % d == 0 for end in ends))
    for i, block in enumerate(deep):
        block["up"] = i % depth == depth - 1
