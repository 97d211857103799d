"""What a state dict of plain layers tells about its network, and what it leaves open.

Owns the way from names and shapes to a list of steps: kinds of layers from the chain of channels,
strides and paddings from kernel sizes and the sizes pictures have, activations where the numbering
leaves room. What stays open is decided by `batch_statistics`. No tensors here. Any thread.

Source: Radford et al., "Unsupervised Representation Learning with Deep Convolutional Generative
Adversarial Networks" (section 3: what such stacks are made of).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

Steps = list[dict[str, Any]]

# Names of shortcuts and of several picture heads: no single chain, whatever the shapes allow.
_BRANCHED = re.compile(
    r"(?:^|\.)(?:c_sc|shortcut|skip|residual|downsample|block\d+\.[bc]\d|to_?rgbs?(?:layers)?|rgb_converters)(?:\.|$)",
    re.IGNORECASE,
)
_PARTS = {"weight", "bias", "running_mean", "running_var", "num_batches_tracked"}


class LayoutError(ValueError):
    """The arrays are no stack of plain layers that makes a picture."""


@dataclass
class Leaf:
    """One layer that has arrays.

    Attributes:
        name: dotted name of the module.
        shape: of its weight; () for a normalisation without one.
        parts: which arrays it has.
        room: how many modules without arrays lie between it and the leaf before; None where the
            names don't tell.
    """

    name: str
    shape: tuple[int, ...]
    parts: set[str]
    room: int | None = None

    @property
    def is_norm(self) -> bool:
        """Whether it is a batch norm with stored statistics."""
        return "running_mean" in self.parts


@dataclass
class Layout:
    """A stack with its open questions.

    Attributes:
        inputs: length of what the first layer reads.
        plans: the possible lists of steps, the likeliest first; activations that are a guess carry
            "open": "module" where the names show that something is there, else "call".
        sources: for each step the name of its leaf; "" for steps without arrays.
        pictures: per plan, (channels, height, width) of what it makes.
    """

    inputs: int
    plans: list[Steps] = field(default_factory=list)
    sources: list[list[str]] = field(default_factory=list)
    pictures: list[tuple[int, int, int]] = field(default_factory=list)


def find_leaves(shapes: Mapping[str, tuple[int, ...]]) -> list[Leaf]:
    """The layers of a state dict in the order of their definition.

    Raises:
        LayoutError: an array is none of a plain layer's.
    """
    leaves: dict[str, Leaf] = {}
    for key, shape in shapes.items():
        name, _, part = key.rpartition(".")
        if part not in _PARTS:
            raise LayoutError(f'"{key}" belongs to no plain layer')
        if _BRANCHED.search(name):
            raise LayoutError(f'"{name}" belongs to a branch')
        leaf = leaves.setdefault(name, Leaf(name, (), set()))
        leaf.parts.add(part)
        if part == "weight" or (part == "running_mean" and not leaf.shape):
            leaf.shape = tuple(shape)
    found = list(leaves.values())
    roots = list(dict.fromkeys(leaf.name.partition(".")[0] for leaf in found))
    if not any(root.isdigit() for root in roots):
        # Within one container the numbers are the order; a file may have sorted them as texts.
        found.sort(key=lambda leaf: (roots.index(leaf.name.partition(".")[0]), _numbers(leaf.name)))
    else:
        found.sort(key=lambda leaf: _numbers(leaf.name))
    for before, leaf in pairwise(found):
        leaf.room = _room(before.name, leaf.name)
    return found


def _numbers(name: str) -> tuple[int, ...]:
    return tuple(int(n) for n in re.findall(r"(?:^|\.)(\d+)(?=\.|$)", name))


def _room(before: str, after: str) -> int | None:
    parent, _, index = before.rpartition(".")
    other, _, next_index = after.rpartition(".")
    if parent != other or not (index.isdigit() and next_index.isdigit()):
        return None
    return int(next_index) - int(index) - 1


class _Layer(NamedTuple):
    leaf: Leaf
    step: dict[str, Any]
    reshape: tuple[int, int, int] | None  # before it
    is_map: bool  # what it reads


def lay_out(leaves: list[Leaf], *, limit: int = 4) -> Layout:
    """The possible networks of a stack of leaves.

    Raises:
        LayoutError: their shapes do not form a chain from a vector to a picture.
    """
    if not leaves:
        raise LayoutError("there are no layers")
    layers, inputs, features = _chain(leaves)
    layout = Layout(inputs)
    if not any(layer.step["op"] in ("conv", "deconv") for layer in layers):
        picture = _picture_of(features)
        steps, sources = _steps(layers, {})
        steps.append({"op": "reshape", "shape": list(picture)})
        layout.plans, layout.sources, layout.pictures = [steps], [[*sources, ""]], [picture]
    else:
        if layers[-1].step["op"] not in ("conv", "deconv") or features not in (1, 3, 4):
            raise LayoutError(f"it ends with {features} channels")
        for choice, size in _geometries(layers)[:limit]:
            steps, sources = _steps(layers, choice)
            layout.plans.append(steps)
            layout.sources.append(sources)
            layout.pictures.append((features, size, size))
    if not layout.plans:
        raise LayoutError("no strides make a picture of it")
    _, height, width = layout.pictures[0]
    if min(height, width) < 8 or layout.inputs >= math.prod(layout.pictures[0]):
        raise LayoutError(f"it makes {height} x {width} pixels from {inputs} numbers")
    return layout


def _chain(leaves: list[Leaf]) -> tuple[list[_Layer], int, int]:
    """Kinds of layers, followed from what comes in to what goes out."""
    layers: list[_Layer] = []
    inputs, features, is_map = 0, 0, False
    for position, leaf in enumerate(leaves):
        shape, bias = leaf.shape, "bias" in leaf.parts
        reshape = None
        if len(shape) == 2 and not is_map:
            if features not in (0, shape[1]):
                raise LayoutError(f'"{leaf.name}" reads {shape[1]} numbers, but {features} come')
            step = {"op": "linear", "in": shape[1], "out": shape[0], "bias": bias}
            inputs, features = inputs or shape[1], shape[0]
        elif len(shape) == 1 and features:
            if not is_map and leaf.is_norm and shape[0] != features:
                reshape = _unflatten(features, shape[0], leaf.name)
                features, is_map = shape[0], True
            step = _elementwise(leaf, features)
        elif len(shape) == 4 and shape[2] == shape[3]:
            first = not layers
            if not is_map and not first:
                side = _channels_in(shape, features, leaves, position)
                reshape = _unflatten(features, side, leaf.name)
                features = side
            deconv = True if first else _is_deconv(shape, features, leaf.name)
            inside, out = (shape[0], shape[1]) if deconv else (shape[1], shape[0])
            step = {"op": "deconv" if deconv else "conv", "in": inside, "out": out, "kernel": shape[2]}
            step["bias"] = bias
            inputs, features, is_map = inputs or inside, out, True
        else:
            raise LayoutError(f'"{leaf.name}" with shape {list(shape)} fits nowhere')
        layers.append(_Layer(leaf, step, reshape, is_map))
    if "op" not in layers[-1].step or layers[-1].step["op"] == "norm":
        raise LayoutError("it ends with a normalisation")
    return layers, inputs, features


def _elementwise(leaf: Leaf, features: int) -> dict[str, Any]:
    if leaf.is_norm and leaf.shape[0] == features:
        return {"op": "norm", "features": features, "eps": 1e-5, "affine": "weight" in leaf.parts}
    if leaf.parts == {"weight"} and leaf.shape[0] in (1, features):
        return {"op": "prelu", "count": leaf.shape[0]}
    raise LayoutError(f'"{leaf.name}" is a normalisation without stored statistics, or does not fit')


def _unflatten(features: int, channels: int, name: str) -> tuple[int, int, int]:
    side = math.isqrt(features // channels) if channels and features % channels == 0 else 0
    if not side or side * side * channels != features:
        raise LayoutError(f'{features} numbers can\'t become {channels} maps for "{name}"')
    return (channels, side, side)


def _channels_in(shape: tuple[int, ...], features: int, leaves: list[Leaf], position: int) -> int:
    """Channels that the first convolution after a dense layer reads."""
    fits = [
        n
        for n in dict.fromkeys(shape[:2])
        if features % n == 0 and math.isqrt(features // n) ** 2 * n == features
    ]
    if len(fits) == 2 and position + 1 < len(leaves):
        after = leaves[position + 1]
        fits = [n for n in fits if not after.is_norm or after.shape[0] != n] or fits
    if not fits:
        raise LayoutError(f"{features} numbers fit no convolution of shape {list(shape)}")
    return fits[0]


def _is_deconv(shape: tuple[int, ...], channels: int, name: str) -> bool:
    if channels not in shape[:2]:
        raise LayoutError(f'"{name}" has shape {list(shape)}, but {channels} channels come')
    if shape[0] == shape[1]:
        return shape[2] % 2 == 0  # even kernels upsample
    return shape[0] == channels


def _picture_of(features: int) -> tuple[int, int, int]:
    for channels in (1, 3):
        side = math.isqrt(features // channels)
        if side >= 8 and side * side * channels == features:
            return (channels, side, side)
    raise LayoutError(f"{features} numbers are no picture")


# (stride, padding, output padding) of a transposed convolution by kernel size, with how unusual it is.
_DECONVS: dict[int, list[tuple[tuple[int, int, int], float]]] = {
    1: [((1, 0, 0), 0), ((1, 2, 0), 1)],
    2: [((2, 0, 0), 0)],
    3: [((2, 1, 1), 1), ((1, 1, 0), 1), ((2, 1, 0), 2), ((2, 0, 0), 3), ((1, 0, 0), 3)],
    4: [((2, 1, 0), 0), ((1, 0, 0), 3), ((2, 0, 0), 3), ((4, 0, 0), 3)],
    5: [((2, 2, 1), 0), ((1, 2, 0), 1), ((2, 2, 0), 2), ((1, 0, 0), 3), ((2, 0, 0), 3)],
    6: [((2, 2, 0), 0), ((2, 0, 0), 3), ((4, 1, 0), 2)],
    7: [((1, 3, 0), 1), ((2, 3, 1), 1), ((1, 0, 0), 2)],
    8: [((4, 2, 0), 0), ((2, 3, 0), 1)],
}
# Kernel sizes of well-known stacks without padding, which the habits above would misread.
_KNOWN = {(3, 4, 3, 4): ((1, 0, 0), (1, 0, 0), (2, 0, 0), (2, 0, 0))}

Choice = dict[int, tuple[int, int, int, bool]]  # by layer: stride, padding, output padding, doubled


def _geometries(layers: list[_Layer]) -> list[tuple[Choice, int]]:
    """Strides, paddings and doublings with the picture's side, the likeliest first."""
    convs = [i for i, layer in enumerate(layers) if layer.step["op"] in ("conv", "deconv")]
    start = next((layer.reshape[1] for layer in layers if layer.reshape), 1)
    channels = layers[-1].step["out"]
    has_deconvs = any(layers[i].step["op"] == "deconv" for i in convs)
    known = _KNOWN.get(tuple(layers[i].step["kernel"] for i in convs)) if start == 1 else None
    found: list[tuple[float, int, Choice, int]] = []
    looked = 0

    def go(k: int, side: int, cost: float, choice: Choice) -> None:
        nonlocal looked
        looked += 1  # a file with a hundred layers must not take forever
        if side < 1 or side > 2048 or looked > 20_000:
            return
        if k == len(convs):
            told = known is not None and tuple(choice[i][:3] for i in convs) == known
            cost += _size_cost(side, channels) - (100 if told else 0)
            found.append((cost, len(found), choice, side))
            return
        layer = layers[convs[k]]
        for option, extra in _options(layer, side, has_deconvs, last=k == len(convs) - 1):
            go(k + 1, _side(layer.step, option, side), cost + extra, {**choice, convs[k]: option})

    go(0, start, 0.0, {})
    found.sort(key=lambda item: item[:2])
    # A usual stack is taken as it is; only where every reading is unusual are several worth a look.
    window = 0.6 if not found or found[0][0] < 2 else 3.0
    return [(choice, side) for cost, _, choice, side in found if cost <= found[0][0] + window]


def _options(
    layer: _Layer, side: int, has_deconvs: bool, last: bool
) -> Iterator[tuple[tuple[int, int, int, bool], float]]:
    kernel = int(layer.step["kernel"])
    if layer.step["op"] == "deconv":
        if side == 1 and kernel > 1:
            yield (1, 0, 0, False), 0
            return
        usual = [((1, kernel // 2, 0), 0.0)] if kernel % 2 else [((2, kernel // 2 - 1, 0), 0.0)]
        for (stride, padding, extra), cost in _DECONVS.get(kernel, usual):
            yield (stride, padding, extra, False), cost
        return
    room = layer.leaf.room
    if room != 0 and not (last and has_deconvs):
        # One module in between is the activation, unless what came before was no normalisation.
        yield (
            (1, kernel // 2, 0, True),
            (2.0 if has_deconvs else 0.5 if room != 1 else 1.0) + (0.5 if last else 0),
        )
    yield (1, kernel // 2, 0, False), (0.5 if room is not None and room > 1 else 0.0)


def _side(step: dict[str, Any], option: tuple[int, int, int, bool], side: int) -> int:
    stride, padding, extra, doubled = option
    kernel = int(step["kernel"])
    if step["op"] == "deconv":
        return (side - 1) * stride - 2 * padding + kernel + extra
    return (side * (2 if doubled else 1) + 2 * padding - kernel) // stride + 1


def _size_cost(side: int, channels: int) -> float:
    power = side >= 16 and side & (side - 1) == 0
    if channels == 1:
        return 0.0 if side == 28 else (1.5 if power else 8.0)
    if power:
        return 0.0
    return 1.0 if side in (48, 96, 160, 192, 224, 320) else (3.0 if side == 28 else 8.0)


def _steps(layers: list[_Layer], choice: Choice) -> tuple[Steps, list[str]]:
    """Steps with open activations, and the leaf that fills each."""
    steps: Steps = []
    sources: list[str] = []

    def add(step: dict[str, Any], source: str = "") -> None:
        steps.append(step)
        sources.append(source)

    before: _Layer | None = None
    for i, layer in enumerate(layers):
        stride, padding, extra, doubled = choice.get(i, (1, 0, 0, False))
        if before is not None and _has_activation(before, layer, doubled):
            # A gap in the numbers is a module, so something is there; calls leave no trace.
            add({"op": "activation", "name": "relu", "open": "module" if layer.leaf.room else "call"})
        if layer.reshape:
            add({"op": "reshape", "shape": list(layer.reshape)})
        if doubled:
            add({"op": "upsample", "factor": 2, "mode": "nearest"})
        step = dict(layer.step)
        if i in choice:
            step |= {"stride": stride, "padding": padding}
            if step["op"] == "deconv":
                step["output_padding"] = extra
        add(step, layer.leaf.name)
        before = layer
    return steps, sources


def _has_activation(before: _Layer, layer: _Layer, doubled: bool) -> bool:
    if "prelu" in (before.step["op"], layer.step["op"]):
        return False
    room = layer.leaf.room
    if room is None:
        # Functions called between the layers leave no trace: after a norm, or where there is none.
        dense_to_map = before.step["op"] == "linear" and layer.reshape is not None
        return layer.step["op"] != "norm" and not dense_to_map
    return room - (1 if doubled else 0) - (1 if layer.reshape else 0) > 0
