"""Pieces of residual generators: batch norm that reads a latent, self-attention, residual blocks.

Owns the layers that BigGAN and its relatives (SNGAN, WGAN-GP, cGAN-PD, SAGAN) are stacked from; must
not know checkpoints. Spectral norm is not here: evaluation divides by constants, which the readers
fold into the weights. Differentiable; without gradients the steps work in place on fresh features.

Sources: Brock et al., "Large Scale GAN Training for High Fidelity Natural Image Synthesis" (appendix
B, figures 15 and 16: the residual blocks); Zhang et al., "Self-Attention Generative Adversarial
Networks" (section 3); Miyato et al., "Spectral Normalization for GANs" (appendix B.4).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latentstudio.errors import InputError
from latentstudio.models.layers import may_overwrite


def statistics_position(psi: float, count: int) -> tuple[int, float]:
    """Where a truncation lies among `count` statistics that were measured from 0 to 1.

    Returns:
        index: the statistics at or below it.
        fraction: how far it is on the way to the next, in [0, 1).

    Raises:
        InputError: the truncation is not in (0, 1].
    """
    if not 0 < psi <= 1:
        raise InputError(
            f"This model has batch-norm statistics for truncations above 0 and up to 1, not for {psi:g}.",
            "Choose a truncation such as 0.4 or 1.",
        )
    if count == 1:
        return 0, 0.0
    # Divided by the step rather than multiplied by the count: rounding decides between neighbours.
    fraction, index = math.modf(psi / (1.0 / (count - 1)))
    return (int(index), fraction) if index < count - 1 else (count - 1, 0.0)


class Norm(nn.Module):
    """Batch norm in evaluation, then ReLU; gain and bias are constants or linear maps of a latent.

    Args:
        channels: features.
        cond_dim: length of the latent; 0 for constant gain and bias.
        n_stats: rows of statistics; more than one are spread over the truncations from 0 to 1.
        eps: added to the variance.
        plus_one: whether a gain that is mapped from a latent is an offset from one.
        gain_adds: whether the gain is added instead of multiplied.
        counters: whether the statistics are sums with a count of their own.
        standing: whether to divide by that count.
    """

    mean: Tensor
    var: Tensor
    counter: Tensor

    def __init__(
        self,
        channels: int,
        cond_dim: int,
        *,
        n_stats: int = 1,
        eps: float = 1e-5,
        plus_one: bool = True,
        gain_adds: bool = False,
        counters: bool = False,
        standing: bool = False,
    ) -> None:
        super().__init__()
        shape = (channels, cond_dim) if cond_dim else (channels,)
        self.gain = nn.Parameter(torch.zeros(shape) if plus_one and cond_dim else torch.ones(shape))
        self.bias = nn.Parameter(torch.zeros(shape))
        self.register_buffer("mean", torch.zeros(n_stats, channels))
        self.register_buffer("var", torch.ones(n_stats, channels))
        if counters:
            self.register_buffer("counter", torch.ones(1))
        self.plus_one, self.gain_adds, self.standing = plus_one, gain_adds, standing
        self.eps = eps

    def statistics(self, psi: float) -> tuple[Tensor, Tensor]:
        """Mean and variance, each (channels,)."""
        mean, var = self.mean, self.var
        if self.standing:
            count = self.counter.clamp(min=1)
            mean, var = mean / count, var / count
        if len(mean) == 1:
            return mean[0], var[0]
        index, fraction = statistics_position(psi, len(mean))
        if not fraction:
            return mean[index], var[index]
        # The original weighs the two neighbours the wrong way round; its pictures need that.
        low, high = fraction, 1 - fraction
        return mean[index] * low + mean[index + 1] * high, var[index] * low + var[index + 1] * high

    def forward(self, x: Tensor, y: Tensor | None, psi: float = 1.0) -> Tensor:
        """x (N, C, H, W), y (N, cond_dim) or None -> (N, C, H, W), not negative."""
        mean, var = self.statistics(psi)
        scale = (var + self.eps).rsqrt()[None]  # (1, C)
        if self.gain.ndim == 2:
            assert y is not None
            gain, bias = F.linear(y, self.gain), F.linear(y, self.bias)  # (N, C)
            if self.plus_one:
                gain = gain + 1
        else:
            gain, bias = self.gain[None], self.bias[None]
        if self.gain_adds:
            bias = bias + gain
        else:
            scale = scale * gain
        shift = bias - mean * scale
        x = torch.addcmul(shift[:, :, None, None], x, scale[:, :, None, None])
        return F.relu_(x) if may_overwrite(x) else F.relu(x)


class SelfAttention(nn.Module):
    """Every place looks at every pooled place of the picture.

    Args:
        channels: features in and out.
        key_channels: length of queries and keys.
        value_channels: length of the values.
    """

    def __init__(self, channels: int, key_channels: int, value_channels: int) -> None:
        super().__init__()
        self.theta = nn.Conv2d(channels, key_channels, 1, bias=False)
        self.phi = nn.Conv2d(channels, key_channels, 1, bias=False)
        self.g = nn.Conv2d(channels, value_channels, 1, bias=False)
        self.o = nn.Conv2d(value_channels, channels, 1, bias=False)
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H, W)."""
        query = self.theta(x).flatten(2)  # (N, key, H W)
        key = F.max_pool2d(self.phi(x), 2).flatten(2)  # (N, key, H W / 4)
        value = F.max_pool2d(self.g(x), 2).flatten(2)  # (N, value, H W / 4)
        attention = torch.softmax(query.transpose(1, 2) @ key, -1)  # (N, H W, H W / 4)
        seen = (value @ attention.transpose(1, 2)).reshape(len(x), -1, *x.shape[2:])
        return torch.addcmul(x, self.gamma, self.o(seen))


def double(x: Tensor, mode: str) -> Tensor:
    """Twice the size, "nearest" or "bilinear"."""
    if mode == "nearest":
        return F.interpolate(x, scale_factor=2, mode="nearest")
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def _sum(fresh: Tensor, other: Tensor) -> Tensor:
    return fresh.add_(other) if may_overwrite(fresh) and not other.requires_grad else fresh + other


class PlainBlock(nn.Module):
    """Two 3 x 3 convolutions beside a 1 x 1 shortcut.

    Args:
        norms: the two norms, made by the network.
        channels: features in, between and out.
        up: whether the block doubles the size.
        shortcut: whether the shortcut has a convolution.
        mode: how the size is doubled.
    """

    def __init__(
        self, norms: list[Norm], channels: tuple[int, int, int], *, up: bool, shortcut: bool, mode: str
    ) -> None:
        super().__init__()
        before, between, after = channels
        self.norm1, self.norm2 = norms
        self.conv1 = nn.Conv2d(before, between, 3, padding=1)
        self.conv2 = nn.Conv2d(between, after, 3, padding=1)
        self.conv_sc = nn.Conv2d(before, after, 1) if shortcut else None
        self.up, self.mode = up, mode

    def forward(self, x: Tensor, y: Tensor | None, psi: float) -> Tensor:
        """x (N, C, H, W), y (N, cond_dim) or None -> (N, C', H', W')."""
        h = self.norm1(x, y, psi)
        h = self.conv1(double(h, self.mode) if self.up else h)
        h = self.conv2(self.norm2(h, y, psi))
        # A 1 x 1 convolution commutes with resizing, and is four times cheaper before it.
        if self.conv_sc is not None:
            x = self.conv_sc(x)
        return _sum(h, double(x, self.mode) if self.up else x)


class DeepBlock(nn.Module):
    """A bottleneck of four convolutions; the shortcut drops the channels that are too many.

    Args:
        norms: the four norms, made by the network.
        channels: features in, between and out.
        up: whether the block doubles the size.
    """

    def __init__(self, norms: list[Norm], channels: tuple[int, int, int], *, up: bool) -> None:
        super().__init__()
        before, between, after = channels
        self.norm1, self.norm2, self.norm3, self.norm4 = norms
        self.conv1 = nn.Conv2d(before, between, 1)
        self.conv2 = nn.Conv2d(between, between, 3, padding=1)
        self.conv3 = nn.Conv2d(between, between, 3, padding=1)
        self.conv4 = nn.Conv2d(between, after, 1)
        self.after, self.up = after, up

    def forward(self, x: Tensor, y: Tensor | None, psi: float) -> Tensor:
        """x (N, C, H, W), y (N, cond_dim) or None -> (N, C', H', W')."""
        h = self.conv1(self.norm1(x, y, psi))
        h = self.norm2(h, y, psi)
        h = self.conv2(double(h, "nearest") if self.up else h)
        h = self.conv3(self.norm3(h, y, psi))
        h = self.conv4(self.norm4(h, y, psi))
        x = x[:, : self.after]
        return _sum(h, double(x, "nearest") if self.up else x)
