"""MobileStyleGAN's two OpenVINO graphs: from operations and constants to a config and named arrays.

Owns the way along the graphs: every factor is taken from, or compared with, what the operations say,
so that a graph that computes something else is refused instead of drawn wrongly. NumPy only.

Source: the published graphs (MobileStyleGAN for FFHQ, IR version 10).
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentstudio.formats import IR, IRLayer
from latentstudio.models.spec import as_float32

Array = NDArray[np.float32]

_KEYS = {"m.input.input", "m.conv1.conv.modulation.weight", "m.layers.0.up.modulation.weight"}
_MODULATION = ("MatMul", "Add", "Reshape")
_FINISH = ("Add", "Add", "PReLU")


def is_pair(root: Any) -> bool:
    """Whether a file's tree is a mapping and a synthesis graph with MobileStyleGAN's names."""
    if not isinstance(root, dict) or not all(isinstance(root.get(r), IR) for r in ("mapping", "synthesis")):
        return False
    names = root["synthesis"].constants
    return names.keys() >= _KEYS and any(
        re.fullmatch(r"m\.layers\.\d+\.to_img\.conv\.weight", name) for name in names
    )


def read_pair(root: dict[str, IR]) -> tuple[dict[str, Any], dict[str, Array]]:
    """Config and arrays, without the mean of w.

    Raises:
        KeyError: a constant is missing.
        ValueError: an operation differs from what the network computes.
    """
    mapping, named = _read_mapping(_Graph(root["mapping"]))
    reader = _SynthesisReader(_Graph(root["synthesis"]))
    config = {"mapping": mapping, "w_dim": mapping["w_dim"], **reader.config()}
    return config, {**named, **reader.named}


class _Graph:
    """A graph that can be walked from an operation to the one that reads its result."""

    def __init__(self, ir: IR) -> None:
        self.ir = ir
        self.layers = {layer.id: layer for layer in ir.layers}
        self.by_name = {layer.name: layer for layer in ir.layers}
        self.readers: dict[int, list[int]] = {}
        self.sources: dict[int, dict[int, int]] = {}
        for edge in ir.edges:
            self.readers.setdefault(edge.from_layer, []).append(edge.to_layer)
            self.sources.setdefault(edge.to_layer, {})[edge.to_port] = edge.from_layer

    def reader(self, layer: IRLayer, kind: str) -> IRLayer:
        """The one operation of that type that reads the result of `layer`."""
        found = {i for i in self.readers.get(layer.id, []) if self.layers[i].type == kind}
        if len(found) != 1:
            raise ValueError(f'"{layer.name}" is read by {len(found)} operations "{kind}" instead of one')
        return self.layers[found.pop()]

    def walk(self, start: IRLayer, kinds: Sequence[str]) -> list[IRLayer]:
        """The operations of those types, each reading the result of the one before."""
        found = []
        for kind in kinds:
            start = self.reader(start, kind)
            found.append(start)
        return found

    def operand(self, layer: IRLayer) -> Array:
        """The constant among the inputs of an operation, directly or through a reshape."""
        for _, source in sorted(self.sources.get(layer.id, {}).items()):
            origin = self.layers[source]
            if origin.type == "Reshape":
                origin = self.layers[self.sources[source][min(self.sources[source])]]
            if origin.type == "Const":
                return as_float32(self.ir.constants[origin.name])
        raise ValueError(f'"{layer.name}" has no constant')

    def number(self, layer: IRLayer) -> float:
        """The constant of an operation that has but one number."""
        value = self.operand(layer)
        if value.size != 1:
            raise ValueError(f'"{layer.name}" has {value.size} numbers instead of one')
        return float(value.reshape(()))


def _expect(layer: IRLayer, found: float, wanted: float) -> None:
    if not math.isclose(found, wanted, rel_tol=1e-5):
        raise ValueError(f'"{layer.name}" has {found:g} where {wanted:g} was expected')


def _matrix(graph: _Graph, layer: IRLayer) -> Array:
    """The weight of a MatMul, (out_features, in_features)."""
    weight = graph.operand(layer)
    if weight.ndim != 2 or layer.attrs.get("transpose_a", "false") != "false":
        raise ValueError(f'"{layer.name}" is no dense layer')
    return weight if layer.attrs.get("transpose_b") == "true" else weight.T


def _read_mapping(graph: _Graph) -> tuple[dict[str, Any], dict[str, Array]]:
    """Read z / sqrt(mean z^2 + eps), then dense layers with leaky ReLU and gain."""
    start = next((layer for layer in graph.ir.layers if layer.type == "Parameter"), None)
    if start is None:
        raise ValueError("the mapping has no input")
    *norm, last = graph.walk(start, ("Power", "ReduceMean", "Add", "Power", "Power", "Multiply", "Multiply"))
    # Square, mean along axis 1, plus epsilon, square root, inverse, times one.
    for layer, wanted in zip(norm, (2, 1, 1e-8, 0.5, -1, 1), strict=True):
        _expect(layer, graph.number(layer), wanted)
    if start.id not in graph.sources[last.id].values():
        raise ValueError(f'"{last.name}" does not normalise the input')
    layers: list[dict[str, Any]] = []
    named: dict[str, Array] = {}
    seen: set[int] = set()
    while any(graph.layers[i].type == "MatMul" for i in graph.readers.get(last.id, [])):
        if last.id in seen:
            raise ValueError("the mapping runs in a circle")
        seen.add(last.id)
        dense, bias, activation, last = graph.walk(last, ("MatMul", "Add", "PReLU", "Multiply"))
        _expect(activation, graph.number(activation), 0.2)
        _expect(last, graph.number(last), math.sqrt(2))
        weight = _matrix(graph, dense)
        named[f"mapping_network.layers.{len(layers)}.weight"] = weight
        named[f"mapping_network.layers.{len(layers)}.bias"] = graph.operand(bias).reshape(-1)
        layers.append(
            {
                "in_features": weight.shape[1],
                "out_features": weight.shape[0],
                "weight_gain": 1.0,
                "activation": "lrelu",
            }
        )
    graph.reader(last, "Result")
    z_dim, w_dim = layers[0]["in_features"], layers[-1]["out_features"]
    return {"z_dim": z_dim, "c_dim": 0, "w_dim": w_dim, "layers": layers}, named


class _SynthesisReader:
    def __init__(self, graph: _Graph) -> None:
        self.graph = graph
        self.named: dict[str, Array] = {}
        self.slopes: set[float] = set()

    def config(self) -> dict[str, Any]:
        """What the network is built from; fills `named` on the way."""
        names = self.graph.ir.constants
        count = 1 + max(int(m[1]) for m in (re.match(r"m\.layers\.(\d+)\.", name) for name in names) if m)
        const = as_float32(names["m.input.input"])[0]
        self.named["const"] = const
        channels, height, width = const.shape
        size = max(height, width)
        first = self._conv("m.conv1", f"b{size}.conv1", (height, width), bands=True, separable=False)
        blocks = []
        for i in range(count):
            height, width, size = 2 * height, 2 * width, 2 * size
            source, block = f"m.layers.{i}", f"b{size}"
            self._up(f"{source}.up", f"{block}.up")
            blocks.append(
                {
                    "conv1": self._conv(f"{source}.conv1", f"{block}.conv1", (height, width)),
                    "conv2": self._conv(
                        f"{source}.conv2", f"{block}.conv2", (height, width), bands=i + 1 < count
                    ),
                }
            )
        img_channels = self._head(f"m.layers.{count - 1}.to_img", f"b{2 * size}.head")
        self._check_wavelets(count + 1)
        if len(self.slopes) != 1:
            raise ValueError(f"leaky ReLUs of slopes {sorted(self.slopes)}")
        return {
            "img_channels": img_channels,
            "slope": self.slopes.pop(),
            "const": [channels, int(const.shape[1]), int(const.shape[2])],
            "conv1": first,
            "blocks": blocks,
        }

    def _affine(self, source: str, name: str, *, bands: bool = False) -> IRLayer:
        """The style of a layer, and the operation that gives it."""
        graph = self.graph
        start = graph.by_name[f"{source}.modulation.weight"]
        dense, shift, last = graph.walk(start, _MODULATION)
        weight, bias = _matrix(graph, dense), graph.operand(shift).reshape(-1)
        if bands:
            order = _band_order(len(bias))
            weight, bias = weight[order], bias[order]
        self.named[f"blocks.{name}.affine.weight"] = weight
        self.named[f"blocks.{name}.affine.bias"] = bias
        return last

    def _conv(
        self, source: str, name: str, size: tuple[int, int], *, bands: bool = False, separable: bool = True
    ) -> int:
        """A modulated convolution; `bands`: its outputs are wavelet coefficients. Returns their number."""
        graph = self.graph
        style = self._affine(f"{source}.conv", name)
        convolutions = ["GroupConvolution", "Convolution"] if separable else ["Convolution"]
        scale, *steps = graph.walk(style, ("Multiply", "Multiply", *convolutions, *_FINISH))
        _, *convs, add_noise, add_bias, activation = steps
        gain = graph.number(scale)
        for conv in convs:
            width = 3 if conv is convs[0] else 1
            weight = graph.operand(conv)
            padding = f"{width // 2}, {width // 2}"
            if weight.shape[-2:] != (width, width) or conv.attrs.get("pads_begin") != padding:
                raise ValueError(f'"{conv.name}" is no {width} x {width} convolution')
        weight, bias = graph.operand(convs[-1]), graph.operand(add_bias).reshape(-1)
        # The style's factor goes into the weights, as styles near one make layers comparable.
        if separable:
            depthwise = graph.operand(convs[0])
            self.named[f"blocks.{name}.depthwise"] = depthwise.reshape(-1, 1, 3, 3) * as_float32(gain)
        else:
            weight = weight * as_float32(gain)
        if bands:
            order = _band_order(len(bias))
            weight, bias = weight[order], bias[order]
        self.named[f"blocks.{name}.weight"] = weight
        self.named[f"blocks.{name}.bias"] = bias
        noise = graph.operand(add_noise)
        if noise.shape != (1, 1, *size):
            raise ValueError(f'"{add_noise.name}" adds no noise of {size[1]} x {size[0]} pixels')
        # The map was published times its strength. Taken apart again by its mean square, other
        # noise of unit variance has the right strength too.
        strength = math.sqrt(float(np.mean(np.square(noise, dtype=np.float64))))
        self.named[f"blocks.{name}.noise_strength"] = as_float32(strength)
        self.named[f"blocks.{name}.noise_const"] = noise[0, 0] / as_float32(strength or 1)
        self.slopes.add(round(graph.number(activation), 6))
        return len(bias)

    def _up(self, source: str, name: str) -> None:
        style = self._affine(source, name, bands=True)
        self.graph.walk(style, ("Multiply", "VariadicSplit"))

    def _head(self, source: str, name: str) -> int:
        """The last layer, its wavelet folded in; returns the number of the picture's channels."""
        graph = self.graph
        style = self._affine(f"{source}.conv", name)
        scale, _, conv, shift, _ = graph.walk(
            style, ("Multiply", "Multiply", "Convolution", "Add", "VariadicSplit")
        )
        weight, bias = graph.operand(conv) * as_float32(graph.number(scale)), graph.operand(shift).reshape(-1)
        order = _band_order(len(bias))
        self.named[f"blocks.{name}.weight"] = _pixels(weight[order])
        self.named[f"blocks.{name}.bias"] = _pixels(bias[order])
        return len(bias) // 4

    def _check_wavelets(self, count: int) -> None:
        """All wavelets are Haar's: six convolutions each, with (a, a) or (a, -a)."""
        found = [layer for layer in self.graph.ir.layers if layer.type == "GroupConvolutionBackpropData"]
        if len(found) != 6 * count:
            raise ValueError(f"{len(found)} wavelet convolutions instead of {6 * count}")
        for layer in found:
            taps = self.graph.operand(layer).reshape(-1, 2)
            signs = taps * as_float32(math.sqrt(2))
            same = np.ptp(signs, axis=0).max() == 0 and np.allclose(np.abs(signs), 1, atol=1e-5)
            if not same or signs[0, 0] < 0:
                raise ValueError(f'"{layer.name}" is no Haar wavelet')


def _band_order(channels: int) -> NDArray[np.intp]:
    """From the graph's order (all LL, then LH, HL, HH of each channel) to band after band."""
    if channels % 4:
        raise ValueError(f"{channels} wavelet coefficients can't be shared by four bands")
    quarter = channels // 4
    details = quarter + np.arange(3 * quarter).reshape(quarter, 3).T
    return np.concatenate([np.arange(quarter), details.reshape(-1)])


def _pixels(bands: Array) -> Array:
    """Rows LL, LH, HL, HH (4C, ...) to rows of the pixels of each channel (C x 4, ...)."""
    ll, lh, hl, hh = np.split(bands * np.float32(0.5), 4)
    pixels = [ll + lh + hl + hh, ll + lh - hl - hh, ll - lh + hl - hh, ll - lh - hl + hh]
    stacked: Array = np.stack(pixels, 1)
    return stacked.reshape(bands.shape)
