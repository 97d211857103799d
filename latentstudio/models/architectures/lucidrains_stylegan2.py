"""StyleGAN2 as lucidrains understood it: a network of its own, with pictures in [0, 1].

Owns what differs from NVIDIA's: z scaled to length 1, bilinear upsampling before the convolution, one
style row for a whole resolution, attention, and a single noise image that every layer reads a corner
of, transposed as the original does. That noise is uniform in [0, 1): "random" draws it once a
picture, "none" is an image of zeros. Index [y, x] of a noise map is the original's [N, y, x, 1].
Trainable.

Sources: Karras et al., "Analyzing and Improving the Image Quality of StyleGAN"; Shen et al.,
"Efficient Attention: Attention with Linear Complexities" (section 3.2).
"""

from __future__ import annotations

import dataclasses
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latentstudio.models.generator import Generator, GeneratorInfo, Inputs, StageInfo, State, StyleWeight
from latentstudio.models.layers import FullyConnected, may_overwrite


class MappingNetwork(nn.Module):
    """z to w: scaled to length 1, then fully connected layers.

    Args:
        layers: keyword arguments of each FullyConnected.
        w_dim: length of w.
        normalize: whether z is scaled at all; the oldest versions left it alone.
    """

    def __init__(self, layers: list[dict[str, Any]], w_dim: int, normalize: bool = True) -> None:
        super().__init__()
        self.normalize = normalize
        self.layers = nn.ModuleList(FullyConnected(**layer) for layer in layers)
        self.register_buffer("w_avg", torch.zeros(w_dim))

    def forward(self, z: Tensor) -> Tensor:
        """(N, w_dim) -> w (N, w_dim)."""
        x = F.normalize(z, dim=1) if self.normalize else z
        for layer in self.layers:
            x = layer(x)
        return x


class Conv(nn.Module):
    """Style, demodulated convolution, noise with an affine a channel, activation."""

    def __init__(self, in_channels: int, out_channels: int, w_dim: int, kernel_size: int) -> None:
        super().__init__()
        self.affine = FullyConnected(w_dim, in_channels, weight_gain=1.0, bias_init=1.0)
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, kernel_size, kernel_size))
        self.noise_strength = nn.Parameter(torch.zeros(out_channels))
        self.noise_bias = nn.Parameter(torch.zeros(out_channels))

    def forward(self, x: Tensor, style: Tensor, noise: Tensor | None) -> Tensor:
        """x (N, in, H, W), style (N, in), noise (N or 1, 1, H, W) -> (N, out, H, W)."""
        energy = self.weight.square().sum((2, 3))  # (out, in)
        scale = (style.square() @ energy.t() + 1e-8).rsqrt()  # (N, out)
        x = F.conv2d(x * style[:, :, None, None], self.weight, padding=self.weight.shape[-1] // 2)
        shift = self.noise_bias[None, :, None, None]
        if noise is not None:
            shift = shift + noise * self.noise_strength[None, :, None, None]
        x = torch.addcmul(shift, x, scale[:, :, None, None])
        return F.leaky_relu_(x, 0.2) if may_overwrite(x) else F.leaky_relu(x, 0.2)


class ToRGB(nn.Module):
    """Features to picture: modulated 1 x 1 convolution without demodulation and without bias."""

    def __init__(self, in_channels: int, img_channels: int, w_dim: int, kernel_size: int) -> None:
        super().__init__()
        self.affine = FullyConnected(w_dim, in_channels, weight_gain=1.0, bias_init=1.0)
        self.weight = nn.Parameter(torch.empty(img_channels, in_channels, kernel_size, kernel_size))

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """x (N, in, H, W), style (N, in) -> (N, img_channels, H, W)."""
        return F.conv2d(x * style[:, :, None, None], self.weight, padding=self.weight.shape[-1] // 2)


class ChannelNorm(nn.Module):
    """Each pixel's features to mean 0 and variance 1, then scaled and shifted."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1, channels, 1, 1))
        self.shift = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W), same shape out."""
        x = x - x.mean(1, keepdim=True)
        return x / (x.square().mean(1, keepdim=True) + 1e-5).sqrt() * self.scale + self.shift


class Attention(nn.Module):
    """Attention at linear cost, then two 1 x 1 convolutions; both added to what came in."""

    def __init__(self, channels: int, inner: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = ChannelNorm(channels), ChannelNorm(channels)
        self.query = nn.Conv2d(channels, inner, 1, bias=False)
        self.depthwise = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
        self.key_value = nn.Conv2d(channels, 2 * inner, 1, bias=False)
        self.out = nn.Conv2d(inner, channels, 1)
        self.hidden = nn.Conv2d(channels, hidden, 1)
        self.back = nn.Conv2d(hidden, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W), same shape out."""
        n, _, height, width = x.shape
        y = self.norm1(x)
        q = self.query(y)
        k, v = self.key_value(self.depthwise(y)).chunk(2, 1)
        q, k, v = (t.reshape(n, self.heads, -1, height * width) for t in (q, k, v))  # (N, heads, d, HW)
        q = q.softmax(2) * q.shape[2] ** -0.5
        k = k.softmax(3)
        y = (v @ k.transpose(2, 3)) @ q
        x = x + self.out(F.gelu(y.reshape(n, -1, height, width)))
        deeper: Tensor = self.back(F.leaky_relu(self.hidden(self.norm2(x)), 0.2))
        return x + deeper


class LucidrainsStyleGAN2(Generator):
    """The network; see `build` for the config."""

    has_style_edits = True

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        self.config = config
        w_dim, channels = config["w_dim"], config["channels"]
        count, kernel, first = len(channels) - 1, config["kernel_size"], channels[0]
        self.mapping_network = MappingNetwork(**config["mapping"], w_dim=w_dim)
        self.from_w = bool(config["no_const"])
        if self.from_w:
            self.initial = nn.Parameter(torch.empty(w_dim, first, 4, 4))
        else:
            self.initial = nn.Parameter(torch.empty(first, 4, 4))
        self.initial_conv = nn.Conv2d(first, first, 3, padding=1) if config["initial_conv"] else None
        self.blocks = nn.ModuleDict()
        steps: list[tuple[str, str, int]] = [("b4", "initial", 0)]  # block, layer, row of ws
        stages = [StageInfo("b4.initial", (4, 4), tuple(range(count)) if self.from_w else ())]
        for i in range(count):
            side, before = 4 * 2**i, 4 * 2 ** max(i - 1, 0)
            name, a, b = f"b{side}", channels[i], channels[i + 1]
            layers: dict[str, nn.Module] = {}
            if config["attention"][i]:
                # It looks at the features before they are upsampled.
                layers["attention"] = Attention(a, **config["attention"][i])
                steps.append((name, "attention", i))
                stages.append(StageInfo(f"{name}.attention", (before, before), ()))
            layers["conv1"] = Conv(a, b, w_dim, kernel)
            layers["conv2"] = Conv(b, b, w_dim, kernel)
            layers["torgb"] = ToRGB(b, config["img_channels"], w_dim, config["rgb_kernel_size"])
            self.blocks[name] = nn.ModuleDict(layers)
            for layer in ("conv1", "conv2", "torgb"):
                steps.append((name, layer, i))
                noise = () if layer == "torgb" else (0,)
                stages.append(StageInfo(f"{name}.{layer}", (side, side), (i,), noise))
        size = 4 * 2 ** (count - 1)
        self._steps, self.stages, self.noise_shapes = steps, tuple(stages), ((size, size),)
        self.register_buffer("noise_const", torch.rand(size, size))
        self.has_blur = bool(config["rgb_blur"])
        if self.has_blur:
            self.register_buffer("blur_filter", torch.ones(tuple(config["rgb_blur"])))
        self.info = GeneratorInfo(
            architecture="lucidrains-stylegan2",
            family="StyleGAN2 (lucidrains)",
            z_dim=w_dim,
            w_dim=w_dim,
            c_dim=0,
            num_ws=count,
            img_resolution=size,
            img_channels=config["img_channels"],
            img_size=(size, size),
            has_noise=True,
        )

    @property
    def mean_latent(self) -> Tensor:
        """The average w, (w_dim,)."""
        return cast(Tensor, self.mapping_network.w_avg)

    def _map(self, z: Tensor, c: Tensor | None) -> Tensor:
        w: Tensor = self.mapping_network(z)
        return w[:, None].expand(-1, self.info.num_ws, -1)

    def inputs(self, ws: Any, noise_mode: str = "const", **others: Any) -> Inputs:
        """As the parent's, with "random" drawn at once: all layers share one uniform image."""
        inputs = super().inputs(ws, noise_mode, **others)
        if inputs.noise_modes.get(0, inputs.noise_mode) == "random" and 0 not in inputs.noise_maps:
            drawn = torch.rand((len(inputs.ws), 1, *self.noise_shapes[0]), device=inputs.ws.device)
            inputs = dataclasses.replace(inputs, noise_maps={**inputs.noise_maps, 0: drawn})
        return inputs

    def draw_noise(self, seed: int, batch: int = 1) -> dict[int, Tensor]:
        """The noise image of a seed, uniform in [0, 1): as `torch.manual_seed(seed)` and "random"."""
        generator = torch.Generator().manual_seed(seed)
        return {0: torch.rand((batch, 1, *self.noise_shapes[0]), generator=generator).to(self.device)}

    def run_stage(self, index: int, state: State, inputs: Inputs) -> State:
        """The beginning, an attention, a convolution, or a layer's share of the picture."""
        name, layer, row = self._steps[index]
        x, img = state
        if layer == "initial":
            return State(self._beginning(inputs.ws), None)
        assert x is not None
        own = cast(nn.ModuleDict, self.blocks[name])[layer]
        if layer == "attention":
            return State(own(x), img)
        style = inputs.styled(self.stages[index].name, cast(Conv | ToRGB, own).affine(inputs.ws[:, row]))
        if layer == "torgb":
            y: Tensor = own(x, style)
            return State(x, y if img is None else self._upsample_picture(img) + y)
        if layer == "conv1" and name != "b4":
            x = _double(x)
        height, width = x.shape[2:]
        noise = inputs.noise(0, cast(Tensor, self.noise_const)[None, None], *self.noise_shapes[0])
        if noise is not None:
            noise = noise[:, :, :height, :width].transpose(2, 3)
        return State(own(x, style, noise), img)

    def _beginning(self, ws: Tensor) -> Tensor:
        if self.from_w:
            x = F.conv_transpose2d(ws.mean(1)[:, :, None, None], self.initial)
        else:
            x = self.initial.expand(len(ws), -1, -1, -1)
        return x if self.initial_conv is None else cast(Tensor, self.initial_conv(x))

    def _upsample_picture(self, img: Tensor) -> Tensor:
        img = _double(img)
        if not self.has_blur:
            return img
        taps = cast(Tensor, self.blur_filter)
        kernel = torch.outer(taps, taps) / taps.sum().square()
        half = len(taps) // 2
        img = F.pad(img, [half] * 4, mode="reflect")
        return F.conv2d(img, kernel.expand(img.shape[1], 1, -1, -1), groups=img.shape[1])

    def gives_picture(self, index: int) -> bool:
        """There is a picture after every ToRGB."""
        return self._steps[index][1] == "torgb"

    @property
    def img_range(self) -> tuple[float, float]:
        """The original gives pictures in [0, 1]."""
        return (0.0, 1.0)

    def to_uint8(self, img: Tensor) -> Tensor:
        """From [0, 1] to uint8, rounding to the nearest."""
        return (img * 255 + 0.5).clamp(0, 255).to(torch.uint8)

    def style_weights(self) -> list[StyleWeight]:
        """The affines of every convolution and ToRGB, in order of execution."""
        weights = []
        for stage, (name, layer, row) in zip(self.stages, self._steps, strict=True):
            if layer not in ("initial", "attention"):
                own = cast(Conv | ToRGB, cast(nn.ModuleDict, self.blocks[name])[layer])
                weights.append(StyleWeight(stage.name, row, own.affine.weight.detach()))
        return weights


def _double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def build(config: dict[str, Any]) -> Generator:
    """The network of a config.

    Args:
        config: "w_dim", "img_channels"; "channels": features of the beginning and of each
            resolution; "mapping": arguments of `MappingNetwork`; "attention": for each resolution
            the arguments of `Attention`, or None; "no_const": whether the beginning is made from
            w; "initial_conv"; "kernel_size"; "rgb_kernel_size"; "rgb_blur": shape of the filter
            that smooths the upsampled picture, or None.
    """
    return LucidrainsStyleGAN2(config)
