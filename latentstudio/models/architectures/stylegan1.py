"""StyleGAN 1: styles set by instance normalisation, noise per channel, a picture grown by doublings.

Owns the network for every checkpoint that is StyleGAN 1 underneath; reading them is done in the
`stylegan1_*` files beside it, which give the `config` that `build` takes. Trainable.

Sources: Karras et al., "A Style-Based Generator Architecture for Generative Adversarial Networks"
(figure 1, equation 1); Karras et al., "Progressive Growing of GANs" (figure 2, the fading).
"""

from __future__ import annotations

from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latentstudio.models.architectures.stylegan2_layers import Mapping, default_filter
from latentstudio.models.generator import Generator, GeneratorInfo, Inputs, StageInfo, State, StyleWeight
from latentstudio.models.layers import FullyConnected, may_overwrite, normalize_2nd_moment


class Layer(nn.Module):
    """What feeds it, then noise, bias, activation, normalisation and style: one synthesis layer.

    Args:
        w_dim: length of w.
        source: "conv", "const" (the learnt beginning) or "dense" (a beginning made from w).
        in_channels: features in, for "conv".
        out_channels: features out.
        resolution: (height, width) of the output.
        kernel_size: of the stored weight, for "conv".
        up: "", "nearest" (repeat the features, then convolve) or "fused" (transposed convolution).
        blur: shape of the filter after an upsampling convolution; None for none.
        noise: 0 for none, 1 for one strength, `out_channels` for one each.
        bias: whether there is one.
        slope: of the activation's negative side.
        pixel_norm: whether each pixel's features are normalised.
        instance_norm: whether each feature map is.
        style: whether w scales and shifts the features.
        style_gain: factor on the style's weight; by default 1 / sqrt(w_dim).
        style_bias_gain: factor on the style's bias.
    """

    def __init__(
        self,
        w_dim: int,
        *,
        source: str,
        out_channels: int,
        resolution: list[int],
        in_channels: int = 0,
        kernel_size: int = 3,
        up: str = "",
        blur: list[int] | None = None,
        noise: int = 1,
        bias: bool = True,
        slope: float = 0.2,
        pixel_norm: bool = False,
        instance_norm: bool = True,
        style: bool = True,
        style_gain: float | None = None,
        style_bias_gain: float = 1.0,
    ) -> None:
        super().__init__()
        self.shape = (out_channels, int(resolution[0]), int(resolution[1]))
        if source == "const":
            self.const = nn.Parameter(torch.empty(self.shape))
        elif source == "dense":
            size = self.shape[0] * self.shape[1] * self.shape[2]
            self.dense = FullyConnected(w_dim, size, weight_gain=1.0, bias=False)
        else:
            self.weight = nn.Parameter(torch.empty(out_channels, in_channels, kernel_size, kernel_size))
        self.source, self.up, self.slope = source, up, slope
        if blur:
            self.register_buffer("blur_filter", default_filter(tuple(blur)))
        self.has_blur = bool(blur)
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None
        self.noise_strength = nn.Parameter(torch.zeros(noise)) if noise else None
        if noise:
            self.register_buffer("noise_const", torch.empty(self.shape[1:]))
        self.pixel_norm, self.instance_norm = pixel_norm, instance_norm
        self.affine: FullyConnected | None = None
        if style:
            self.affine = FullyConnected(
                w_dim, 2 * out_channels, weight_gain=style_gain, lr_multiplier=style_bias_gain
            )

    def forward(
        self, x: Tensor | None, w: Tensor | None, inputs: Inputs, stage: str, noise_index: int
    ) -> Tensor:
        """x (N, in, H, W) or None at the beginning, w (N, w_dim) -> (N, out, up H, up W)."""
        x = self._features(x, w, len(inputs.ws))
        shift = None if self.bias is None else self.bias[None, :, None, None]
        if self.noise_strength is not None:
            const = cast(Tensor, self.noise_const)
            noise = inputs.noise(noise_index, const, self.shape[1], self.shape[2])
            if noise is not None:
                noise = noise * self.noise_strength[None, :, None, None]
                shift = noise if shift is None else shift + noise
        if shift is not None:
            x = x + shift
        x = (
            F.leaky_relu_(x, self.slope)
            if may_overwrite(x) and shift is not None
            else F.leaky_relu(x, self.slope)
        )
        if self.pixel_norm:
            x = normalize_2nd_moment(x)
        if self.instance_norm:
            x = x - x.mean((2, 3), keepdim=True)
            x = x * (x.square().mean((2, 3), keepdim=True) + 1e-8).rsqrt()
        if self.affine is not None and w is not None:
            style = inputs.styled(stage, self.affine(w))
            scale, offset = style[:, :, None, None].chunk(2, 1)  # each (N, out, 1, 1)
            x = torch.addcmul(offset, x, scale)
        return x

    def _features(self, x: Tensor | None, w: Tensor | None, batch: int) -> Tensor:
        if self.source == "const":
            return self.const.expand(batch, -1, -1, -1)
        if self.source == "dense":
            beginning: Tensor = self.dense(w)
            return beginning.reshape(batch, *self.shape)
        assert x is not None
        if self.up == "fused":
            x = F.conv_transpose2d(x, self.weight.transpose(0, 1), stride=2, padding=1)
        else:
            if self.up == "nearest":
                x = F.interpolate(x, scale_factor=2, mode="nearest")
            x = F.conv2d(x, self.weight, padding=self.weight.shape[-1] // 2)
        return self._blur(x) if self.has_blur else x

    def _blur(self, x: Tensor) -> Tensor:
        """Correlation with the filter at the same size; zeros lie outside."""
        kernel = cast(Tensor, self.blur_filter)
        height, width = kernel.shape
        x = F.pad(x, [(width - 1) // 2, width // 2, (height - 1) // 2, height // 2])
        return F.conv2d(x, kernel.expand(x.shape[1], 1, height, width), groups=x.shape[1])


class ToRGB(nn.Module):
    """Features to picture: a plain 1 x 1 convolution."""

    def __init__(self, in_channels: int, img_channels: int, kernel_size: int = 1) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(img_channels, in_channels, kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.zeros(img_channels))

    def forward(self, x: Tensor) -> Tensor:
        """(N, in, H, W) -> (N, img_channels, H, W)."""
        return F.conv2d(x, self.weight, self.bias, padding=self.weight.shape[-1] // 2)


class Block(nn.Module):
    """The layers of one resolution and its way to the picture; the stages call them one by one."""

    def __init__(self, config: dict[str, Any], w_dim: int, img_channels: int) -> None:
        super().__init__()
        self.layers = nn.ModuleDict({name: Layer(w_dim, **own) for name, own in config["layers"].items()})
        head = config.get("torgb")
        self.torgb = ToRGB(img_channels=img_channels, **head) if head else None


class StyleGAN1(Generator):
    """The network; see `build` for the config."""

    has_style_edits = True

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        self.config = config
        w_dim = config["w_dim"]
        self.mapping_network = Mapping(config["mapping"])
        blocks: list[dict[str, Any]] = config["blocks"]
        self.blocks = nn.ModuleDict({b["name"]: Block(b, w_dim, config["img_channels"]) for b in blocks})
        # How many doublings are still to come, and how far the last one is mixed with what was before.
        lod = max(float(config.get("lod", 0.0)), 0.0)
        self.missing = int(lod)
        self.fade = lod - self.missing
        active = blocks[: len(blocks) - self.missing]
        heads = active[-2:] if self.fade else active[-1:]
        if not active or any(not block.get("torgb") for block in heads):
            raise ValueError(f"there is no way to the picture at lod {lod:g}")
        steps: list[tuple[str, str, int, int]] = []  # block, layer, row of ws, index of noise
        stages: list[StageInfo] = []
        noise_shapes: list[tuple[int, int]] = []
        rows = 0
        for block in blocks:
            name, size = block["name"], (int(block["size"][0]), int(block["size"][1]))
            for layer, own in block["layers"].items():
                row = min(rows, config["num_ws"] - 1)
                rows += 1
                index = -1
                if own.get("noise", 1):
                    index = len(noise_shapes)
                    noise_shapes.append(size)
                if block in active:
                    reads = own.get("style", True) or own["source"] == "dense"
                    noise = (index,) if index >= 0 else ()
                    steps.append((name, layer, row, index))
                    stages.append(StageInfo(f"{name}.{layer}", size, (row,) if reads else (), noise))
            if block in heads:
                steps.append((name, "torgb", -1, -1))
                stages.append(StageInfo(f"{name}.torgb", size, ()))
        self._steps = steps
        self.stages, self.noise_shapes = tuple(stages), tuple(noise_shapes)
        self.tanh = config.get("output_activation") == "tanh"
        height, width = map(int, blocks[-1]["size"])
        self.info = GeneratorInfo(
            architecture="stylegan1",
            family="StyleGAN",
            z_dim=config["mapping"]["z_dim"],
            w_dim=w_dim,
            c_dim=config["mapping"]["c_dim"],
            num_ws=config["num_ws"],
            img_resolution=max(height, width),
            img_channels=config["img_channels"],
            img_size=(height, width),
            has_noise=bool(noise_shapes),
        )

    @property
    def mean_latent(self) -> Tensor:
        """The running mean of w, (w_dim,)."""
        return self.mapping_network.w_avg

    def _map(self, z: Tensor, c: Tensor | None) -> Tensor:
        w: Tensor = self.mapping_network(z, c)
        return w[:, None].expand(-1, self.info.num_ws, -1)

    def run_stage(self, index: int, state: State, inputs: Inputs) -> State:
        """One layer, or a way to the picture; the last one fades from the resolution below."""
        name, layer, row, noise_index = self._steps[index]
        block = cast(Block, self.blocks[name])
        if layer != "torgb":
            own = cast(Layer, block.layers[layer])
            w = inputs.ws[:, row] if self.stages[index].ws_rows else None
            return State(own(state.x, w, inputs, self.stages[index].name, noise_index), state.img)
        assert state.x is not None
        assert block.torgb is not None
        img: Tensor = block.torgb(state.x)
        if state.img is not None:
            img = img.lerp(_repeat(state.img, 2), self.fade)
        if index == len(self.stages) - 1:
            img = _repeat(img, 2**self.missing)
            img = img.tanh() if self.tanh else img
        return State(state.x, img)

    def style_weights(self) -> list[StyleWeight]:
        """The styles' affines, (2 out, w_dim) each: scales above, shifts below."""
        weights = []
        for stage, (name, layer, row, _) in zip(self.stages, self._steps, strict=True):
            own = cast(Block, self.blocks[name]).layers
            affine = cast(Layer, own[layer]).affine if layer in own else None
            if affine is not None:
                weights.append(StyleWeight(stage.name, row, affine.weight.detach() * affine.weight_gain))
        return weights


def _repeat(img: Tensor, factor: int) -> Tensor:
    return img.repeat_interleave(factor, 2).repeat_interleave(factor, 3) if factor > 1 else img


def build(config: dict[str, Any]) -> Generator:
    """The network of a config.

    Args:
        config: "w_dim", "num_ws", "img_channels"; "mapping": see `stylegan2.Mapping`; "lod"; perhaps
            "output_activation" ("tanh"); "blocks": a list of {"name", "size" (height, width),
            "layers": keyword arguments of each `Layer` by name, in order; "torgb": those of
            `ToRGB`, or None}.

    Raises:
        ValueError: there is no way to the picture at that lod.
    """
    return StyleGAN1(config)
