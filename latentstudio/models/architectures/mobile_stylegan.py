"""MobileStyleGAN: StyleGAN2 distilled into separable convolutions and inverse wavelets.

Owns the network and its making from a pair of OpenVINO graphs; following the graphs is done in
`mobile_stylegan_graph`. Differentiable; without gradients it works through large pictures in strips.

Sources: Belousov, "MobileStyleGAN: A Lightweight Convolutional Neural Network for High-Fidelity Image
Synthesis" (sections 3.1 to 3.3); Gal et al., "SWAGAN" (generating wavelet coefficients); the
published graphs, which are the authority for every factor.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from latentstudio.errors import MismatchError
from latentstudio.formats import Contents
from latentstudio.models.architectures import mobile_stylegan_graph as graph
from latentstudio.models.architectures.stylegan2_layers import Mapping
from latentstudio.models.generator import Generator, GeneratorInfo, Inputs, StageInfo, State, StyleWeight
from latentstudio.models.layers import KeepsDerived, may_overwrite, random_normal
from latentstudio.models.same_conv import convolve_same
from latentstudio.models.spec import NetworkSpec

# Fresh memory costs more than arithmetic here: the system hands it out page by page. What lies
# between two steps of a layer therefore stays below this many numbers and is used again. Smaller
# strips are no faster, and suffer when other programs keep the processor from its threads.
_STRIP = 1 << 21

_MEAN_SAMPLES, _MEAN_BATCH = 32_768, 4_096


def _strips(height: int, numbers_per_row: int) -> Iterator[tuple[int, int]]:
    """Ranges [start, stop) of rows that together cover a picture."""
    rows = max(1, _STRIP // numbers_per_row)
    return ((start, min(start + rows, height)) for start in range(0, height, rows))


def inverse_haar(x: Tensor, scale: Tensor) -> Tensor:
    """One level of the inverse Haar wavelet, on scaled coefficients.

    Args:
        x: (N, 4C, H, W): the bands LL, LH (difference of rows), HL (difference of columns), HH.
        scale: (N, 4C), factors on the coefficients.

    Returns:
        (N, C, 2H, 2W), channels last.
    """
    n, bands, height, width = x.shape
    channels = bands // 4
    x = x.permute(0, 2, 3, 1)
    scale = scale[:, None, None] * 0.5  # twice 1 / sqrt(2)
    if not (may_overwrite(x) and may_overwrite(scale)):
        ll, lh, hl, hh = torch.chunk(x * scale, 4, -1)
        even, odd, even_difference, odd_difference = ll + lh, ll - lh, hl + hh, hl - hh
        top = torch.stack([even + even_difference, even - even_difference], 3)
        bottom = torch.stack([odd + odd_difference, odd - odd_difference], 3)
        y = torch.stack([top, bottom], 2)
    else:
        y = x.new_empty(n, height, 2, width, 2, channels)
        for i in range(n):
            for start, stop in _strips(height, width * bands):
                ll, lh, hl, hh = torch.chunk(x[i, start:stop] * scale[i], 4, -1)
                out = y[i, start:stop]
                even, even_difference = ll + lh, hl + hh
                torch.add(even, even_difference, out=out[:, 0, :, 0])
                torch.sub(even, even_difference, out=out[:, 0, :, 1])
                odd, odd_difference = ll - lh, hl - hh
                torch.add(odd, odd_difference, out=out[:, 1, :, 0])
                torch.sub(odd, odd_difference, out=out[:, 1, :, 1])
    return y.reshape(n, 2 * height, 2 * width, channels).permute(0, 3, 1, 2)


class Upsampling(nn.Module):
    """Modulation, then the inverse wavelet: a quarter of the channels, twice the size.

    Args:
        channels: coefficients in.
        w_dim: length of w.
    """

    def __init__(self, channels: int, w_dim: int) -> None:
        super().__init__()
        self.affine = nn.Linear(w_dim, channels)

    def forward(self, x: Tensor, w: Tensor, inputs: Inputs, stage: str) -> Tensor:
        """Features (N, channels, H, W), w (N, w_dim) -> (N, channels / 4, 2H, 2W)."""
        return inverse_haar(x, inputs.styled(stage, self.affine(w)).to(x.dtype))


class ModulatedConv(KeepsDerived):
    """Modulation, convolution, noise, bias, leaky ReLU.

    The demodulation was folded into the weights when the network was published.

    Args:
        in_channels: features in.
        out_channels: features out.
        w_dim: length of w.
        size: (height, width).
        separable: a depthwise 3 x 3 convolution, then a pointwise one; else a dense 3 x 3 one.
        slope: of the leaky ReLU.
    """

    noise_const: Tensor

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        w_dim: int,
        *,
        size: tuple[int, int],
        separable: bool = True,
        slope: float = 0.2,
    ) -> None:
        super().__init__()
        self.affine = nn.Linear(w_dim, in_channels)
        self.depthwise = nn.Parameter(random_normal(in_channels, 1, 3, 3).mul_(1 / 3)) if separable else None
        width = 1 if separable else 3
        self.weight = nn.Parameter(random_normal(out_channels, in_channels, width, width))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.register_buffer("noise_const", random_normal(*size))
        self.size, self.slope = size, slope

    def forward(self, x: Tensor, w: Tensor, inputs: Inputs, stage: str, noise_index: int) -> Tensor:
        """Features (N, in, H, W), w (N, w_dim) -> (N, out, H, W), channels last."""
        style = inputs.styled(stage, self.affine(w)).to(x.dtype)
        noise = inputs.noise(noise_index, self.noise_const, *self.size)
        if noise is None:
            noise = x.new_zeros(1, 1, 1, 1)
        noise = (noise.reshape(-1, 1, *noise.shape[-2:]) * self.noise_strength).to(x.dtype)
        large = max(self.weight.shape[:2]) * x.shape[2] * x.shape[3] > _STRIP
        parts = (x, style, noise, self.weight)
        if large and self.depthwise is not None and x.device.type == "cpu" and all(map(may_overwrite, parts)):
            return self._in_strips(x, style, noise.expand(len(x), -1, *self.size))
        bias = self.bias.to(x.dtype)
        if self.depthwise is None:
            x = convolve_same(self, x * style[:, :, None, None], self._weight) + bias[:, None, None]
        else:
            taps = self.depthwise.to(x.dtype)
            if len(x) == 1:
                taps = taps * style[0, :, None, None, None]
            else:
                x = x * style[:, :, None, None]
            x = F.conv2d(F.conv2d(x, taps, padding=1, groups=len(taps)), self._weight(x.dtype), bias)
        if may_overwrite(x) and may_overwrite(noise):
            return F.leaky_relu_(x.add_(noise), self.slope)
        return F.leaky_relu(x + noise, self.slope)

    def _weight(self, dtype: torch.dtype) -> Tensor:
        """The weights in the precision of the features."""
        return (
            self.weight
            if dtype == self.weight.dtype
            else self.kept(str(dtype), lambda: self.weight.to(dtype))
        )

    def _in_strips(self, x: Tensor, style: Tensor, noise: Tensor) -> Tensor:
        """The same, between its two convolutions a few rows at a time."""
        assert self.depthwise is not None
        n, channels, height, width = x.shape
        out_channels = len(self.weight)
        weight, bias = self._weight(x.dtype).reshape(out_channels, channels).t(), self.bias.to(x.dtype)
        y = noise.permute(0, 2, 3, 1).contiguous() + bias
        for i in range(n):
            taps = self.depthwise.to(x.dtype) * style[i, :, None, None, None]
            for start, stop in _strips(height, width * max(channels, out_channels)):
                first, last = max(start - 1, 0), min(stop + 1, height)
                rows = F.conv2d(x[i : i + 1, :, first:last], taps, padding=1, groups=channels)
                rows = rows[:, :, start - first : stop - first]  # without the neighbours' rows
                out = y[i, start:stop].view(-1, out_channels)
                out.addmm_(rows.permute(0, 2, 3, 1).reshape(-1, channels), weight)
        return F.leaky_relu_(y, self.slope).permute(0, 3, 1, 2)


class Head(nn.Module):
    """Features to picture at twice the size: modulated 1 x 1 convolution whose outputs are pixels.

    The network gives out wavelet coefficients; as their inverse is linear, it is folded into `weight`
    and `bias`, whose rows are the four pixels (top left, top right, bottom left, bottom right) of
    each channel.

    Args:
        in_channels: features in.
        img_channels: channels of the picture.
        w_dim: length of w.
    """

    def __init__(self, in_channels: int, img_channels: int, w_dim: int) -> None:
        super().__init__()
        self.affine = nn.Linear(w_dim, in_channels)
        self.weight = nn.Parameter(random_normal(4 * img_channels, in_channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(4 * img_channels))

    def forward(self, x: Tensor, w: Tensor, inputs: Inputs, stage: str) -> Tensor:
        """Features (N, in, H, W), w (N, w_dim) -> (N, img_channels, 2H, 2W)."""
        style = inputs.styled(stage, self.affine(w)).to(x.dtype)[:, :, None, None]
        weight, bias = self.weight.to(x.dtype), self.bias.to(x.dtype)
        y = F.conv2d(x, weight * style, bias) if len(x) == 1 else F.conv2d(x * style, weight, bias)
        return F.pixel_shuffle(y, 2)


_Module = Upsampling | ModulatedConv | Head


class _Layer(NamedTuple):
    block: str
    name: str
    size: tuple[int, int]
    row: int
    module: _Module


def _layers(config: dict[str, Any]) -> Iterator[_Layer]:
    """The layers of a config in order of execution."""
    w_dim, slope = config["w_dim"], float(config["slope"])
    channels, height, width = config["const"]

    def conv(name: str, out_channels: int, row: int, separable: bool = True) -> _Layer:
        size = (height, width)
        module = ModulatedConv(channels, out_channels, w_dim, size=size, separable=separable, slope=slope)
        return _Layer(f"b{max(size)}", name, size, row, module)

    yield conv("conv1", config["conv1"], 0, separable=False)
    channels = config["conv1"]
    for i, block in enumerate(config["blocks"]):
        height, width = 2 * height, 2 * width
        name = f"b{max(height, width)}"
        yield _Layer(name, "up", (height, width), 1 + 2 * i, Upsampling(channels, w_dim))
        channels //= 4
        for layer in ("conv1", "conv2"):
            yield conv(layer, block[layer], int(layer[-1]) + 2 * i)
            channels = block[layer]
    size = (2 * height, 2 * width)
    row = 1 + 2 * len(config["blocks"])
    yield _Layer(f"b{max(size)}", "head", size, row, Head(channels, config["img_channels"], w_dim))


class MobileStyleGAN(Generator):
    """The network; see `build` for the config."""

    has_style_edits = True

    has_fast_precision = True

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        self.config = config
        self.mapping_network = Mapping(config["mapping"])
        self.const = nn.Parameter(random_normal(*config["const"]))
        blocks: dict[str, nn.ModuleDict] = {}
        stages: list[StageInfo] = []
        noise_shapes: list[tuple[int, int]] = []
        for block, name, size, row, module in _layers(config):
            if block not in blocks:
                blocks[block] = nn.ModuleDict()
            blocks[block][name] = module
            noise: tuple[int, ...] = ()
            if isinstance(module, ModulatedConv):
                noise = (len(noise_shapes),)
                noise_shapes.append(size)
            stages.append(StageInfo(f"{block}.{name}", size, (row,), noise))
        self.blocks = nn.ModuleDict(blocks)
        self.stages, self.noise_shapes = tuple(stages), tuple(noise_shapes)
        height, width = stages[-1].resolution
        self.info = GeneratorInfo(
            architecture="mobile-stylegan",
            family="MobileStyleGAN",
            z_dim=config["mapping"]["z_dim"],
            w_dim=config["w_dim"],
            c_dim=0,
            num_ws=stages[-1].ws_rows[0] + 1,
            img_resolution=max(height, width),
            img_channels=config["img_channels"],
            img_size=(height, width),
            has_noise=True,
        )

    @property
    def mean_latent(self) -> Tensor:
        """The mean of many w, (w_dim,)."""
        return self.mapping_network.w_avg

    def _map(self, z: Tensor, c: Tensor | None) -> Tensor:
        w: Tensor = self.mapping_network(z, None)
        return w[:, None].expand(-1, self.info.num_ws, -1)

    def run_stage(self, index: int, state: State, inputs: Inputs) -> State:
        """One layer; the head turns the last features into the picture."""
        stage, module = self.stages[index], self._module(index)
        w = inputs.ws[:, stage.ws_rows[0]]
        x = state.x
        if x is None:
            x = self.const.expand(len(w), -1, -1, -1).to(self.compute_dtype)
        x = x.contiguous(memory_format=torch.channels_last)
        if isinstance(module, ModulatedConv):
            return State(module(x, w, inputs, stage.name, stage.noise[0]))
        y = module(x, w, inputs, stage.name)
        return State(x, y) if isinstance(module, Head) else State(y)

    def _module(self, index: int) -> _Module:
        return cast(_Module, self.get_submodule(f"blocks.{self.stages[index].name}"))

    def style_weights(self) -> list[StyleWeight]:
        """The affines of every layer, in order of execution."""
        return [
            StyleWeight(stage.name, stage.ws_rows[0], self._module(i).affine.weight.detach())
            for i, stage in enumerate(self.stages)
        ]

    def to_uint8(self, img: Tensor) -> Tensor:
        """As published: [-1, 1] to [0, 255], rounded to nearest."""
        return img.clamp(-1, 1).add_(1).div_(2 + 1e-5).mul_(255).add_(0.5).to(torch.uint8)


def build(config: dict[str, Any]) -> Generator:
    """The network of a config.

    Args:
        config: "w_dim"; "img_channels"; "slope" of the leaky ReLU; "mapping": see StyleGAN2's
            `Mapping`; "const": (channels, height, width) of the input; "conv1": channels after the
            first convolution; "blocks": a list of {"conv1", "conv2"}: channels after each.
    """
    return MobileStyleGAN(config)


def claims(contents: Contents) -> bool:
    """A mapping and a synthesis graph whose constants are named like MobileStyleGAN's modules."""
    return graph.is_pair(contents.root)


def convert(contents: Contents) -> NetworkSpec:
    """Config and arrays from the two graphs.

    Raises:
        MismatchError: a part is missing, or a graph computes something else.
    """
    try:
        config, arrays = graph.read_pair(contents.root)
        arrays["mapping_network.w_avg"] = _mean_w(config["mapping"], arrays)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise MismatchError(
            f'"{contents.path.name}" looks like MobileStyleGAN, but its graphs differ: {error}.',
            path=contents.path,
        ) from error
    note = f"The file stores no mean latent; it was averaged over {_MEAN_SAMPLES} samples."
    return NetworkSpec("mobile-stylegan", config, arrays, notes=(note,))


def _mean_w(config: dict[str, Any], arrays: dict[str, NDArray[np.float32]]) -> NDArray[np.float32]:
    """The mean of w over many z, which the published files lack: (w_dim,)."""
    prefix = "mapping_network."
    with torch.device("meta"):
        network = Mapping(config)
    # Without drawing initial weights: loading a file must not move torch's global generator.
    state = {
        key.removeprefix(prefix): torch.from_numpy(np.array(value))
        for key, value in arrays.items()
        if key.startswith(prefix)
    }
    network.load_state_dict(state, strict=False, assign=True)
    random = np.random.RandomState(0)  # its numbers never change between versions of NumPy
    total = np.zeros(config["w_dim"])
    for _ in range(_MEAN_SAMPLES // _MEAN_BATCH):
        z = random.randn(_MEAN_BATCH, config["z_dim"]).astype(np.float32)
        with torch.no_grad():
            total += network(torch.from_numpy(z), None).sum(0, dtype=torch.float64).numpy()
    # Rounded far below the error of the mean itself, so that every machine gets the same numbers.
    return np.round(total / _MEAN_SAMPLES, 4).astype(np.float32)
