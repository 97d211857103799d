"""A tiny MobileStyleGAN as two OpenVINO graphs, and its mathematics said once more and slowly."""

from __future__ import annotations

import math
from xml.etree import ElementTree

import numpy as np

DIM = 8
CHANNELS = [(8, 8), (4, 4)]  # after conv1 and conv2 of each block
FEATURES = 8  # of the constant and after the first convolution


class GraphFile:
    """Writes operations and constants as OpenVINO's IR."""

    def __init__(self, name: str) -> None:
        self.net = ElementTree.Element("net", name=name, version="10")
        self.layers = ElementTree.SubElement(self.net, "layers")
        self.edges = ElementTree.SubElement(self.net, "edges")
        self.data = b""
        self.shapes: dict[tuple[int, int], tuple[int, ...]] = {}

    def add(self, kind, name, inputs, *outputs, **settings):
        """One operation; gives (layer, port) of its first output, or of all where there are several."""
        number = len(self.layers)
        layer = ElementTree.SubElement(self.layers, "layer", id=str(number), name=name, type=kind)
        if settings:
            ElementTree.SubElement(layer, "data", {key: str(value) for key, value in settings.items()})
        for group, shapes in (("input", [self.shapes[i] for i in inputs]), ("output", outputs)):
            element = ElementTree.SubElement(layer, group) if shapes else None
            for i, shape in enumerate(shapes):
                port = i if group == "input" else len(inputs) + i
                child = ElementTree.SubElement(element, "port", id=str(port))
                for dim in shape:
                    ElementTree.SubElement(child, "dim").text = str(dim)
                if group == "output":
                    self.shapes[number, port] = tuple(shape)
        for i, (source, port) in enumerate(inputs):
            ends = {"from-layer": source, "from-port": port, "to-layer": number, "to-port": i}
            ElementTree.SubElement(self.edges, "edge", {key: str(value) for key, value in ends.items()})
        ports = [(number, len(inputs) + i) for i in range(len(outputs))]
        return ports if len(ports) > 1 else (number, len(inputs))

    def const(self, name, value):
        value = np.asarray(value)
        value = value.astype(np.int64 if value.dtype.kind == "i" else np.float32)
        settings = {
            "element_type": "i64" if value.dtype.kind == "i" else "f32",
            "shape": ", ".join(map(str, value.shape)),
            "offset": len(self.data),
            "size": value.nbytes,
        }
        self.data += value.tobytes()
        return self.add("Const", name, [], value.shape, **settings)

    def unary(self, kind, name, source, value, shape=None):
        """An operation with one constant besides its input."""
        constant = self.const(f"{name}/value", value)
        return self.add(kind, name, [source, constant], shape or self.shapes[source])

    def write(self, folder, name):
        ElementTree.ElementTree(self.net).write(folder / f"{name}.xml")
        (folder / f"{name}.bin").write_bytes(self.data)


class Pair:
    """Random numbers of a tiny network, its two graph files, and the numbers by module name."""

    def __init__(self, slope=0.2, tap=1.0) -> None:
        self.random = np.random.default_rng(3)
        self.slope, self.tap = slope, tap
        self.numbers: dict[str, np.ndarray] = {}

    def draw(self, name, *shape, mean=0.0, scale=1.0):
        self.numbers[name] = (mean + scale * self.random.standard_normal(shape)).astype(np.float32)
        return self.numbers[name]

    def write(self, folder):
        self.mapping().write(folder, "MappingNetwork")
        self.synthesis().write(folder, "SynthesisNetwork")
        return self

    def mapping(self):
        g = GraphFile("MappingNetwork")
        x = g.add("Parameter", "var", [], (1, DIM), element_type="f32")
        one, y = g.const("one", [[1.0]]), g.unary("Power", "square", x, [[2.0]])
        y = g.unary("ReduceMean", "mean", y, [1], (1, 1))
        for kind, name, value in (("Add", "eps", 1e-8), ("Power", "root", 0.5), ("Power", "inverse", -1.0)):
            y = g.unary(kind, name, y, [[value]])
        y = g.add("Multiply", "numerator", [one, y], (1, 1))
        x = g.add("Multiply", "normalised", [x, y], (1, DIM))
        for i in range(3):
            weight = g.const(f"w{i}", self.draw(f"w{i}", DIM, DIM, scale=DIM**-0.5))
            x = g.add("MatMul", f"dense{i}", [x, weight], (1, DIM), transpose_b="true")
            bias = g.unary("Reshape", f"b{i}", g.const(f"v{i}", self.draw(f"v{i}", DIM)), [1, DIM], (1, DIM))
            x = g.add("Add", f"biased{i}", [x, bias], (1, DIM))
            x = g.unary("Multiply", f"out{i}", g.unary("PReLU", f"lrelu{i}", x, [0.2]), [[math.sqrt(2)]])
        g.add("Result", "result", [x])
        return g

    def modulate(self, g, path, x, channels, gain=None):
        style = g.const(f"{path}.modulation.weight", self.draw(f"{path}.w", channels, DIM, scale=0.3))
        y = g.add("MatMul", f"{path}/dense", [self.style, style], (1, channels), transpose_b="true")
        y = g.unary("Add", f"{path}/b", y, self.draw(f"{path}.b", 1, channels, mean=1, scale=0.1))
        y = g.unary("Reshape", f"{path}/r", y, [1, -1, 1, 1], (1, channels, 1, 1))
        if gain is not None:
            y = g.unary("Multiply", f"{path}/gain", y, [[[[gain]]]])
        return g.add("Multiply", f"{path}/mul", [y, x], g.shapes[x])

    def conv(self, g, path, x, out, separable=True):
        _, channels, size, _ = g.shapes[x]
        x = self.modulate(g, f"{path}.conv", x, channels, 1 / math.sqrt(9 * channels))
        pads, none = {"pads_begin": "1, 1"}, {"pads_begin": "0, 0"}
        if separable:
            weight = g.const(f"{path}.conv.weight_dw", self.draw(f"{path}.dw", channels, 1, 1, 3, 3))
            x = g.add("GroupConvolution", f"{path}/dw", [x, weight], g.shapes[x], **pads)
            weight, pads = self.draw(f"{path}.pw", out, channels, 1, 1), none
        else:
            weight = self.draw(f"{path}.pw", out, channels, 3, 3)
        weight = g.const(f"{path}_copy", weight)
        x = g.add("Convolution", f"{path}/pw", [x, weight], (1, out, size, size), **pads)
        x = g.unary("Add", f"{path}/noise", x, self.draw(f"{path}.noise", 1, 1, size, size, scale=0.2))
        x = g.unary("Add", f"{path}.bias", x, self.draw(f"{path}.bias", 1, out, 1, 1))
        return g.unary("PReLU", f"{path}/lrelu", x, [self.slope])

    def wavelet(self, g, path, x):
        _, bands, size, _ = g.shapes[x]
        c, axis = bands // 4, g.const(f"{path}/axis", 1)
        low, rest = g.add(
            "VariadicSplit", f"{path}/split", [x, axis], (1, c, size, size), (1, 3 * c, size, size)
        )
        rest = g.unary("Reshape", f"{path}/details", rest, [1, c, 3, size, size], (1, c, 3, size, size))
        details = g.add("VariadicSplit", f"{path}/bands", [rest], *[(1, c, 1, size, size)] * 3)
        bands = [
            low,
            *(g.add("Squeeze", f"{path}/s{i}", [d], (1, c, size, size)) for i, d in enumerate(details)),
        ]
        a = math.sqrt(0.5) * self.tap

        def up(name, source, second, shape, taps):
            kernel = np.tile(np.reshape([a, second * a], taps), (c, 1, 1, 1, 1))
            return g.unary("GroupConvolutionBackpropData", f"{path}/{name}", source, kernel, shape)

        halves = []
        for i in range(2):
            tall, wide = (1, c, 2 * size, size), (1, c, 2 * size, 2 * size)
            pair = [up(f"row{i}{j}", bands[2 * i + j], (1, -1)[j], tall, (1, 1, 1, 2, 1)) for j in range(2)]
            rows = g.add("Add", f"{path}/rows{i}", pair, tall)
            halves.append(up(f"column{i}", rows, (1, -1)[i], wide, (1, 1, 1, 1, 2)))
        return g.add("Add", f"{path}/columns", halves, wide)

    def synthesis(self):
        g = GraphFile("SynthesisNetwork")
        self.style = g.add("Parameter", "style", [], (1, DIM), element_type="f32")
        x = self.conv(
            g, "m.conv1", g.const("m.input.input", self.draw("const", 1, FEATURES, 4, 4)), FEATURES, False
        )
        for i, (first, second) in enumerate(CHANNELS):
            x = self.modulate(g, f"m.layers.{i}.up", x, g.shapes[x][1])
            x = self.wavelet(g, f"m.layers.{i}.up", x)
            x = self.conv(g, f"m.layers.{i}.conv1", x, first)
            x = self.conv(g, f"m.layers.{i}.conv2", x, second)
        path = f"m.layers.{i}.to_img"
        _, channels, size, _ = g.shapes[x]
        x = self.modulate(g, f"{path}.conv", x, channels, 1 / math.sqrt(channels))
        weight = g.const(f"{path}.conv.weight", self.draw(f"{path}.pw", 12, channels, 1, 1))
        x = g.add("Convolution", f"{path}/pw", [x, weight], (1, 12, size, size), pads_begin="0, 0")
        x = g.unary("Add", f"{path}/b", x, self.draw(f"{path}.bias", 1, 12, 1, 1))
        g.add("Result", "img", [self.wavelet(g, path, x)])
        return g


def leaky(x, slope=0.2):
    return np.where(x > 0, x, slope * x)


def haar(x):
    """(4C, H, W) -> (C, 2H, 2W): LL of all channels, then LH, HL, HH channel by channel."""
    c = len(x) // 4
    ll, details = x[:c], x[c:].reshape(c, 3, *x.shape[1:])
    add, sub = [1, 1], [1, -1]
    signs = [np.outer(add, add), np.outer(sub, add), np.outer(add, sub), np.outer(sub, sub)]
    bands = [ll, details[:, 0], details[:, 1], details[:, 2]]
    return np.stack([sum(np.kron(b[i], s) for b, s in zip(bands, signs, strict=True)) / 2 for i in range(c)])


def convolve(x, weight):
    """(C, H, W), (O, C, 3, 3) -> (O, H, W) with zeros around."""
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (1, 2))
    return np.einsum("chwij,ocij->ohw", windows, weight)


def map_slowly(numbers, z):
    x = z / np.sqrt(np.mean(z**2) + 1e-8)
    for i in range(3):
        x = leaky(numbers[f"w{i}"] @ x + numbers[f"v{i}"]) * np.sqrt(2)
    return x


def draw_slowly(numbers, ws):
    """One picture from rows of ws, in the wide floating point of NumPy."""
    numbers = {key: value.astype(np.float64) for key, value in numbers.items()}

    def modulated(path, x, row):
        return x * (numbers[f"{path}.w"] @ ws[row] + numbers[f"{path}.b"][0])[:, None, None]

    def layer(path, x, row):
        x = modulated(f"{path}.conv", x, row) / np.sqrt(9 * len(x))
        if f"{path}.dw" in numbers:
            depthwise = numbers[f"{path}.dw"][:, 0]
            x = np.concatenate([convolve(x[i : i + 1], depthwise[i : i + 1]) for i in range(len(x))])
            x = np.einsum("oc,chw->ohw", numbers[f"{path}.pw"][:, :, 0, 0], x)
        else:
            x = convolve(x, numbers[f"{path}.pw"])
        return leaky(x + numbers[f"{path}.noise"][0, 0] + numbers[f"{path}.bias"][0])

    x = layer("m.conv1", numbers["const"][0], 0)
    for i in range(len(CHANNELS)):
        x = haar(modulated(f"m.layers.{i}.up", x, 1 + 2 * i))
        x = layer(f"m.layers.{i}.conv1", x, 1 + 2 * i)
        x = layer(f"m.layers.{i}.conv2", x, 2 + 2 * i)
    path = f"m.layers.{i}.to_img"
    x = modulated(f"{path}.conv", x, 3 + 2 * i) / np.sqrt(len(x))
    x = np.einsum("oc,chw->ohw", numbers[f"{path}.pw"][:, :, 0, 0], x) + numbers[f"{path}.bias"][0]
    return haar(x)
