"""The networks as they are trained: the program's compact StyleGAN2 with a quick backward, and company.

Owns the training layer, the embedding of explicit features, the discriminator and moving averages. What is
trained is what is rendered: parameters have the names and the meaning of `CompactStyleGAN2`.

Sources: Karras et al., "Analyzing and Improving the Image Quality of StyleGAN"; Karras et al., "Progressive
Growing of GANs" (equalised learning rate, minibatch standard deviation).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from layer_rows import activated, activated_backward, every, pixels, rows, summed_product
from torch import Tensor, nn

from latentstudio.models.architectures.stylegan2 import StyleGAN2
from latentstudio.models.architectures.stylegan2_compact import CompactConv, CompactStyleGAN2, compact_config
from latentstudio.models.architectures.stylegan2_layers import ModulatedConv
from latentstudio.models.generator import Inputs
from latentstudio.models.layers import FullyConnected

CHANNELS = [256, 256, 128, 64, 32, 16, 16]  # at 4, 8, 16, ... 256 pixels
Z_DIM = W_DIM = 256
MAPPING_LAYERS = 6


class TrainingLayer(torch.autograd.Function):
    """leaky_relu(up(conv(x style, weight)) scale + shift + noise), with a backward of few memory passes.

    First derivatives only: the generator never needs more.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        style: Tensor,
        weight: Tensor,
        scale: Tensor,
        shift: Tensor,
        noise: Tensor | None,
        up: int,
    ) -> Tensor:
        """x (N, in, H, W), style (N, in), scale (N, out), shift (out,) -> (N, out, up H, up W)."""
        dtype = x.dtype
        style, scale = every(style, dtype), every(scale, dtype)
        weight = weight.to(dtype)
        styled = pixels(rows(x) * style, x)
        y = F.conv2d(styled, weight, padding=weight.shape[2] // 2)
        if up == 2:
            y = F.interpolate(y, scale_factor=2, mode="bilinear", align_corners=False)
        out = activated(y, scale, shift, noise)
        ctx.save_for_backward(x, style, styled, weight, scale, y, out)
        ctx.up, ctx.has_noise = up, noise is not None
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Slopes at everything but `up`."""
        x, style, styled, weight, scale, y, out = ctx.saved_tensors
        grad, grad_scale, grad_shift, grad_noise = activated_backward(grads[0], out, y, scale, ctx.has_noise)
        if ctx.up == 2:
            n, channels, height, width = grad.shape
            size, small = [height, width], [n, channels, height // 2, width // 2]
            grad = torch.ops.aten.upsample_bilinear2d_backward(grad, size, small, False, 2.0, 2.0)
        pad = weight.shape[2] // 2
        grad_styled, grad_weight, _ = torch.ops.aten.convolution_backward(
            grad, styled, weight, None, [1, 1], [pad, pad], [1, 1], False, [0, 0], 1, [True, True, False]
        )
        grad_style = summed_product(grad_styled, x)
        grad_x = pixels(rows(grad_styled) * style, x)
        return grad_x, grad_style, grad_weight.float(), grad_scale, grad_shift, grad_noise, None


class TrainingConv(CompactConv):
    """The compact network's layer; the same function, quicker to train."""

    def forward(self, x: Tensor, w: Tensor, inputs: Inputs, stage: str, noise_index: int) -> Tensor:
        """x (N, in, H, W), w (N, w_dim) -> (N, out, up H, up W)."""
        if not torch.is_grad_enabled():
            return super().forward(x, w, inputs, stage, noise_index)
        style = inputs.styled(stage, self.affine(w))
        energy = self.weight.square().sum((2, 3))
        scale = (style.square() @ energy.t() + 1e-8).rsqrt() * self.gain
        noise = inputs.noise(noise_index, self.noise_const, *self.resolution)
        if noise is not None and self.noise_strength is not None:
            noise = noise * (self.noise_strength * self.gain)
        return TrainingLayer.apply(x, style, self.weight, scale, self.bias * self.gain, noise, self.up)


class TrainingStyleGAN2(CompactStyleGAN2):
    """The compact network with layers that are quick to train."""

    conv_class = TrainingConv


def new_generator(channels: list[int], **sizes: int) -> TrainingStyleGAN2:
    """A network with random weights, as equalised learning rates want them."""
    sizes = {"z_dim": Z_DIM, "w_dim": W_DIM, "mapping_layers": MAPPING_LAYERS, **sizes}
    network = TrainingStyleGAN2(compact_config(channels, **sizes))
    with torch.no_grad():
        for layer in network.modules():
            if isinstance(layer, TrainingConv):
                layer.weight.mul_(folded_gain(layer))
    return network.to(memory_format=torch.channels_last)


def mapping_config(width: int = W_DIM, layers: int = MAPPING_LAYERS) -> dict[str, Any]:
    """The config of a mapping whose hidden layers have a width of their own."""
    sizes = [Z_DIM, *[width] * (layers - 1), W_DIM]
    return {
        "z_dim": Z_DIM,
        "c_dim": 0,
        "w_dim": W_DIM,
        "layers": [{"in_features": a, "out_features": b, "activation": "lrelu"} for a, b in pairwise(sizes)],
    }


def folded_gain(layer: ModulatedConv) -> float:
    """The equalised gain that the program folds into a convolution's weights."""
    return 1 / math.sqrt(layer.weight[0].numel())


def parameter_groups(network: StyleGAN2) -> Iterator[dict[str, Any]]:
    """A generator's parameters by part, with the factor on the learning rate that equalised gains amount to.

    The program folds those gains into the convolutions' weights; a step of Adam must shrink with them.
    Each group is "params", "factor" and "part": "synthesis", "newest" (its finest block), or "mapping",
    which is one group and comes last.
    """
    folded: dict[int, float] = {}
    for layer in network.modules():
        if isinstance(layer, ModulatedConv):
            folded[id(layer.weight)] = folded_gain(layer)
    parts = {id(p): "newest" for p in list(network.blocks.values())[-1].parameters()}
    parts |= {id(p): "mapping" for p in network.mapping_network.parameters()}
    groups: dict[tuple[str, float], list[nn.Parameter]] = {}
    for parameter in network.parameters():
        key = parts.get(id(parameter), "synthesis"), folded.get(id(parameter), 1.0)
        groups.setdefault(key, []).append(parameter)
    for part, gain in sorted(groups, key=lambda key: key[0] == "mapping"):
        yield {"params": groups[part, gain], "factor": gain, "part": part}


class Embedding(nn.Module):
    """Explicit features of a drawn head -> w: stands in for the mapping while a picture's factors are known.

    Args:
        mean: of the features, (F,).
        std: of the features, (F,).
        width: of the hidden layers.
        w_dim: length of w.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Tensor, std: Tensor, width: int = 512, w_dim: int = W_DIM) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("std", torch.where(std < 1e-5, 1.0, std))  # what never changes says nothing
        self.layers = nn.Sequential(
            FullyConnected(len(mean), width, activation="lrelu"),
            FullyConnected(width, width, activation="lrelu"),
            FullyConnected(width, w_dim, activation="lrelu"),
        )

    def forward(self, features: Tensor) -> Tensor:
        """(N, F) -> w (N, w_dim)."""
        w: Tensor = self.layers(((features - self.mean) / self.std).clamp(-4, 4))
        return w


class EqualConv(nn.Module):
    """Convolution with equalised learning rate; `scale` multiplies the output."""

    def __init__(
        self, i: int, o: int, k: int = 3, *, act: bool = True, bias: bool = True, scale: float = 1.0
    ):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(o, i, k, k))
        self.bias = nn.Parameter(torch.zeros(o)) if bias else None
        self.post = scale * (math.sqrt(2) if act else 1)  # leaky ReLU commutes with a positive scale
        self.gain, self.act, self.k = self.post / math.sqrt(i * k * k), act, k

    def forward(self, x: Tensor) -> Tensor:
        """(N, i, H, W) -> (N, o, H, W)."""
        bias = None if self.bias is None else (self.bias * self.post).to(x.dtype)
        x = F.conv2d(x, (self.weight * self.gain).to(x.dtype), bias, padding=self.k // 2)
        return F.leaky_relu(x, 0.2) if self.act else x


class Discriminator(nn.Module):
    """StyleGAN2's residual discriminator with minibatch standard deviation, told a head's features.

    Told what a picture should show, it need not guess whether glasses are missing: that is what makes the
    generator draw them.

    Args:
        resolution: side of the pictures.
        channels: features at 4, 8, ... pixels; as many levels as are left after folding.
        fold: blocks of fold x fold pixels become channels first, which loses nothing and is quicker.
        told: how many features describe a picture; 0 if nothing does.

    Source: Karras et al., "Analyzing and Improving the Image Quality of StyleGAN"; Miyato and Koyama, "cGANs
    with Projection Discriminator" (how the features are asked about).
    """

    def __init__(
        self,
        resolution: int = 64,
        channels: tuple[int, ...] = (192, 192, 128, 64, 32),
        fold: int = 1,
        told: int = 0,
    ) -> None:
        super().__init__()
        count = int(math.log2(resolution // fold)) - 1
        c = list(channels[:count])[::-1]
        self.fold = fold
        self.fromrgb = EqualConv(3 * fold * fold, c[0], 1)
        half = math.sqrt(0.5)
        self.first = nn.ModuleList(EqualConv(a, a) for a in c[:-1])
        self.second = nn.ModuleList(EqualConv(a, b, scale=half) for a, b in pairwise(c))
        self.skip = nn.ModuleList(
            EqualConv(a, b, 1, act=False, bias=False, scale=half) for a, b in pairwise(c)
        )
        self.last = EqualConv(c[-1] + 1, c[-1])
        self.hidden = FullyConnected(c[-1] * 16, c[-1], activation="lrelu")
        self.score = FullyConnected(c[-1], 1)
        self.asked = (
            nn.Sequential(FullyConnected(told, 256, activation="lrelu"), FullyConnected(256, c[-1]))
            if told
            else None
        )
        self.compute_dtype = torch.float32

    def forward(self, images: Tensor, features: Tensor | None = None, known: Tensor | None = None) -> Tensor:
        """Scores (N, 1), high for real.

        Args:
            images: (N, 3, H, W) in [-1, 1].
            features: what they should show, standardised, (N, told); None if nothing is known.
            known: 1 where the features count, 0 where not, (N, 1); None for everywhere.
        """
        return self.look(images, features, known)[0]

    def look(
        self, images: Tensor, features: Tensor | None = None, known: Tensor | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        """The scores, and what each level saw: (N, C, H, W) from fine to coarse."""
        x = images.to(self.compute_dtype)
        if self.fold > 1:
            x = F.pixel_unshuffle(x, self.fold)
        x = self.fromrgb(x.contiguous(memory_format=torch.channels_last))
        seen = []
        for first, second, skip in zip(self.first, self.second, self.skip, strict=True):
            x = second(F.avg_pool2d(first(x), 2)) + skip(F.avg_pool2d(x, 2))
            seen.append(x)
        x = self.last(torch.cat([x, _deviation(x)], 1))
        hidden = self.hidden(x.float().flatten(1))
        score: Tensor = self.score(hidden)
        if self.asked is not None and features is not None:
            match = (hidden * self.asked(features)).mean(1, keepdim=True)
            score = score + (match if known is None else match * known)
        return score, seen


def _deviation(x: Tensor, group: int = 4) -> Tensor:
    """Standard deviation over groups of pictures, averaged: (N, 1, H, W)."""
    n, _, height, width = x.shape
    group = math.gcd(group, n)
    y = x.float().reshape(group, n // group, -1)
    y = (y.var(0, unbiased=False) + 1e-8).sqrt().mean(1).repeat(group)
    return y[:, None, None, None].expand(-1, 1, height, width).to(x.dtype)
