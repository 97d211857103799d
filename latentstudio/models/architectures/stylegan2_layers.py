"""StyleGAN2's layers: mapping, modulated convolution, ToRGB and the residual branch.

Owns each layer's arithmetic in every precision; which layers a network has is `stylegan2`'s. Trainable.

Sources: Karras et al., "Analyzing and Improving the Image Quality of StyleGAN" (section 2.2, weight
demodulation, equation 3); Karras et al., "Training Generative Adversarial Networks with Limited Data"
(clamping; in 16 bits, weights and styles brought to size before the convolution).
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latentstudio.models import packed_conv, winograd
from latentstudio.models.generator import Inputs
from latentstudio.models.layers import (
    FullyConnected,
    KeepsDerived,
    may_overwrite,
    normalize_2nd_moment,
    random_normal,
    upfirdn2d,
    upsample2d,
)
from latentstudio.models.same_conv import convolve_same

# As published: in 16 bits of small range no feature leaves a layer larger than this.
HALF_CLAMP = 256.0


def default_filter(shape: tuple[int, ...]) -> Tensor:
    """A binomial FIR kernel of the given shape, (k, k) or (k,) for a separable one; its sum is one."""
    # In plain numbers: arithmetic on the meta device would load torch's compiler, which takes seconds.
    taps = [math.comb(shape[-1] - 1, i) / 2 ** (shape[-1] - 1) for i in range(shape[-1])]
    return torch.tensor([[a * b for b in taps] for a in taps] if len(shape) == 2 else taps)


class Mapping(nn.Module):
    """z (and a label) to w: normalisation, then fully connected layers.

    Args:
        config: "z_dim", "c_dim", "w_dim"; "layers": keyword arguments of each FullyConnected;
            "embed": those of the label's layer, or None; "joint_norm": normalise z and label
            together after joining them, instead of each alone; "normalize_z": whether z (or, with
            "joint_norm", the two together) is normalised at all.
    """

    w_avg: Tensor

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        embed = config.get("embed")
        self.embed = FullyConnected(**embed) if embed else None
        self.joint_norm = bool(config.get("joint_norm", False))
        self.normalize_z = bool(config.get("normalize_z", True))
        self.layers = nn.ModuleList(FullyConnected(**layer) for layer in config["layers"])
        self.register_buffer("w_avg", torch.zeros(config["w_dim"]))

    def forward(self, z: Tensor, c: Tensor | None) -> Tensor:
        """(N, z_dim), (N, c_dim) or None -> w (N, w_dim)."""
        x = z
        if self.normalize_z and not self.joint_norm:
            x = normalize_2nd_moment(x)
        if self.embed is not None and c is not None:
            y = self.embed(c)
            x = torch.cat([x, y if self.joint_norm else normalize_2nd_moment(y)], 1)
        if self.normalize_z and self.joint_norm:
            x = normalize_2nd_moment(x)
        for layer in self.layers:
            x = layer(x)
        return x


class ModulatedConv(KeepsDerived):
    """Style, demodulated convolution, noise, bias, activation: one synthesis layer.

    The convolution is never given one kernel a sample. The style scales its input and the demodulation
    its output, the same function; for one picture both move into the kernel where that is smaller.

    Args:
        in_channels: features in.
        out_channels: features out.
        w_dim: length of w.
        kernel_size: odd.
        up: 1 or 2.
        resolution: (height, width) of the output.
        noise: whether there is a noise input.
        activation: "lrelu" or "linear".
        gain: factor on the activated output.
        clamp: largest magnitude of the output, after `gain`; None for no bound.
        filter: shape of the FIR kernel for `up=2`; None where a subclass upsamples without one.
        affine_gain: factor on the style affine's weight; by default 1 / sqrt(w_dim).
    """

    noise_const: Tensor
    resample_filter: Tensor
    doubles_after = False  # whether the upsampling follows a plain convolution

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        w_dim: int,
        *,
        kernel_size: int = 3,
        up: int = 1,
        resolution: tuple[int, int] = (4, 4),
        noise: bool = True,
        activation: str = "lrelu",
        gain: float = math.sqrt(2),
        clamp: float | None = None,
        filter: tuple[int, ...] | None = (4, 4),
        affine_gain: float | None = None,
    ) -> None:
        super().__init__()
        self.affine = FullyConnected(w_dim, in_channels, weight_gain=affine_gain, bias_init=1.0)
        self.weight = nn.Parameter(random_normal(out_channels, in_channels, kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.noise_strength = nn.Parameter(torch.zeros(())) if noise else None
        if noise:
            self.register_buffer("noise_const", random_normal(*resolution))
        if up > 1 and filter:
            self.register_buffer("resample_filter", default_filter(filter))
        self.up, self.gain, self.clamp = up, gain, clamp
        self.slope = 0.2 if activation == "lrelu" else 1.0
        self.resolution = (int(resolution[0]), int(resolution[1]))

    def forward(self, x: Tensor, w: Tensor, inputs: Inputs, stage: str, noise_index: int) -> Tensor:
        """x (N, in, H, W), w (N, w_dim) -> (N, out, up H, up W)."""
        style, energy = inputs.styled(stage, self.affine(w)), self._energy()
        if x.dtype == torch.float16:
            # Demodulation takes any factor out again; without this one, sums leave the type's range.
            style = style / style.abs().amax(1, keepdim=True).clamp_min(1e-8)
            energy = energy * self._unit().square()[:, None]
        # Slope and gain are positive: the gain may come before the activation.
        scale = (style.square() @ energy.t() + 1e-8).rsqrt() * self.gain  # (N, out)
        tiled = (self.up == 1 or self.doubles_after) and winograd.fits(x, self.weight)
        # With gradients a kernel of its own would ask for the kernel's gradient as well.
        is_own = len(x) == 1 and self.weight.numel() <= x.numel() and not style.requires_grad
        if is_own and not tiled:
            unit = self._unit()[:, None, None, None] if x.dtype == torch.float16 else 1
            weight = self.weight * unit * style[0, :, None, None] * scale[0, :, None, None, None]
            x = self._convolve(x, weight.to(x.dtype), (self.bias * self.gain).to(x.dtype))
        else:
            x = x * style[:, :, None, None].to(x.dtype)
            x = self._convolve_shared(x)
            factor = scale[:, :, None, None].to(x.dtype)
            shift = (self.bias * self.gain)[:, None, None].to(x.dtype)
            x = x.mul_(factor).add_(shift) if may_overwrite(x) else torch.addcmul(shift, x, factor)
        return self._finish(x, inputs, noise_index)

    def _convolve(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        size = weight.shape[-1]
        if self.up == 1:
            return F.conv2d(x, weight, bias, padding=size // 2)
        return self._filter(F.conv_transpose2d(x, weight.transpose(0, 1), stride=self.up), bias)

    def _filter(self, x: Tensor, bias: Tensor | None, surplus: int = 0) -> Tensor:
        """The FIR filter after upsampling; `surplus` rows and columns of zeros are there already."""
        size, kernel = self.weight.shape[-1], self.resample_filter
        low = [size // 2 + (taps + 1) // 2 - (size - 1) for taps in (kernel.shape[-1], kernel.shape[0])]
        high = [size // 2 + (taps - 2) // 2 - (size - 2) for taps in (kernel.shape[-1], kernel.shape[0])]
        padding = (low[0], high[0] - surplus, low[1], high[1] - surplus)
        return upfirdn2d(x, kernel, padding=padding, gain=self.up**2, bias=bias)

    def _convolve_shared(self, x: Tensor) -> Tensor:
        """The convolution with the weights as they are, which can be laid out once and kept."""
        size, pixels = self.weight.shape[-1], x.shape[2] * x.shape[3]
        if self.up == 1:
            return convolve_same(self, x, self._weight)
        small = self.up == 2 and size == 3 and pixels <= packed_conv.MAX_PHASE_PIXELS
        if not (small and packed_conv.fits(x, self.weight)):
            return self._convolve(x, self._weight(x.dtype), None)
        key = f"phases {x.dtype} {tuple(x.shape)}"
        packed = self.kept(key, lambda: packed_conv.pack_phases(self.weight.to(x.dtype), x))
        return self._filter(packed_conv.convolve_phases(x, packed), None, surplus=1)

    def _finish(self, x: Tensor, inputs: Inputs, noise_index: int) -> Tensor:
        """Add noise, activate, clamp."""
        if self.noise_strength is not None:
            noise = inputs.noise(noise_index, self.noise_const, *self.resolution)
            if noise is not None:
                noise = (noise * (self.noise_strength * self.gain)).to(x.dtype)
                x = x.add_(noise) if may_overwrite(x) else x + noise
        if self.slope != 1:
            x = F.leaky_relu_(x, self.slope) if may_overwrite(x) else F.leaky_relu(x, self.slope)
        bound = self.clamp
        if bound is None and x.dtype == torch.float16:
            bound = HALF_CLAMP * self.gain
        if bound is not None:
            x = x.clamp_(-bound, bound) if may_overwrite(x) else x.clamp(-bound, bound)
        return x

    def _energy(self) -> Tensor:
        """Sum of squares of each kernel, (out, in); what demodulation needs of the weights."""
        return self.kept("energy", lambda: self.weight.square().sum((2, 3)))

    def _unit(self) -> Tensor:
        """What brings each kernel, (out,), to sums of about one, for 16 bits of small range."""
        fan_in = self.weight[0].numel()
        return self.kept(
            "unit", lambda: 1 / (self.weight.abs().amax((1, 2, 3)).clamp_min(1e-8) * math.sqrt(fan_in))
        )

    def _weight(self, dtype: torch.dtype) -> Tensor:
        """The weights in the precision of the features."""
        if dtype == self.weight.dtype:
            return self.weight
        if dtype == torch.float16:
            return self.kept("half", lambda: (self.weight * self._unit()[:, None, None, None]).half())
        return self.kept(str(dtype), lambda: self.weight.to(dtype))


class ToRGB(nn.Module):
    """Features to picture: modulated 1 x 1 convolution without demodulation."""

    resample_filter: Tensor

    def __init__(
        self,
        in_channels: int,
        img_channels: int,
        w_dim: int,
        *,
        kernel_size: int = 1,
        clamp: float | None = None,
        filter: tuple[int, ...] | None = (4, 4),
        weight_gain: float | None = None,
        affine_gain: float | None = None,
    ) -> None:
        super().__init__()
        self.affine = FullyConnected(w_dim, in_channels, weight_gain=affine_gain, bias_init=1.0)
        self.weight = nn.Parameter(random_normal(img_channels, in_channels, kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.zeros(img_channels))
        self.weight_gain = 1 / math.sqrt(in_channels * kernel_size**2) if weight_gain is None else weight_gain
        self.clamp = clamp
        if filter:  # for the upsampling of the picture, which need not be that of the features
            self.register_buffer("resample_filter", default_filter(filter))

    def forward(self, x: Tensor, w: Tensor, inputs: Inputs, stage: str) -> Tensor:
        """x (N, in, H, W), w (N, w_dim) -> (N, img_channels, H, W)."""
        style = (inputs.styled(stage, self.affine(w)) * self.weight_gain).to(x.dtype)
        weight, padding = self.weight.to(x.dtype), self.weight.shape[-1] // 2
        if len(x) == 1:
            y = F.conv2d(x, weight * style[:, :, None, None], padding=padding)
        else:
            y = F.conv2d(x * style[:, :, None, None], weight, padding=padding)
        y = y.float() + self.bias[:, None, None]
        return y if self.clamp is None else y.clamp(-self.clamp, self.clamp)


class Skip(nn.Module):
    """The residual branch: 1 x 1 convolution, then upsampling; scaled by sqrt(1/2)."""

    resample_filter: Tensor

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        filter: tuple[int, ...] = (4, 4),
        weight_gain: float | None = None,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(random_normal(out_channels, in_channels, 1, 1))
        self.register_buffer("resample_filter", default_filter(filter))
        self.weight_gain = 1 / math.sqrt(in_channels) if weight_gain is None else weight_gain

    def forward(self, x: Tensor) -> Tensor:
        """(N, in, H, W) -> (N, out, 2H, 2W)."""
        x = F.conv2d(x, (self.weight * (self.weight_gain * math.sqrt(0.5))).to(x.dtype))
        return upsample2d(x, self.resample_filter)
