"""StyleGAN3's layers: the Fourier input and the modulated convolution with filtered activation.

Owns the arithmetic of single layers; the network is in `stylegan3`, the reading of checkpoints in
`stylegan3_nvidia`. Trainable.

Source: Karras et al., "Alias-Free Generative Adversarial Networks", section 3 (Fourier features,
filtered nonlinearities, configurations T and R) and appendix F (learned transform of the input).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latentstudio.models.architectures.stylegan3_filters import filtered_leaky_relu
from latentstudio.models.generator import Inputs
from latentstudio.models.layers import FullyConnected, KeepsDerived, may_overwrite, random_normal


class FourierInput(nn.Module):
    """Waves of fixed frequencies on a grid, moved by w and by the person, then mixed.

    Args:
        w_dim: length of w.
        channels: waves, and features out.
        size: (height, width) of the features.
        sampling_rate: samples in the width of the picture.
        bandwidth: the frequency up to which waves keep their full height.
        affine_gain: factor on the stored weight of the affine that turns w into a movement.
    """

    freqs: Tensor
    phases: Tensor

    def __init__(
        self,
        w_dim: int,
        channels: int,
        *,
        size: tuple[int, int],
        sampling_rate: float,
        bandwidth: float,
        affine_gain: float | None = None,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(random_normal(channels, channels))
        self.affine = FullyConnected(w_dim, 4, weight_gain=affine_gain)
        self.register_buffer("freqs", random_normal(channels, 2).mul_(bandwidth))
        self.register_buffer("phases", torch.empty(channels).uniform_(-0.5, 0.5))
        self.size = (int(size[0]), int(size[1]))
        self.sampling_rate, self.bandwidth = sampling_rate, bandwidth

    def forward(self, w: Tensor, transform: Tensor | None) -> Tensor:
        """w (N, w_dim), transform (3, 3) as a person means it -> (N, channels, *size)."""
        t = self.affine(w)
        cosine, sine, right, down = (t / t[:, :2].norm(dim=1, keepdim=True)).unbind(1)
        zero, one = torch.zeros_like(cosine), torch.ones_like(cosine)
        # The grid moves where the picture should come from: rotation first, then translation.
        rotation = torch.stack([cosine, -sine, zero, sine, cosine, zero, zero, zero, one], 1)
        translation = torch.stack([one, zero, -right, zero, one, -down, zero, zero, one], 1)
        matrix = rotation.view(-1, 3, 3) @ translation.view(-1, 3, 3)  # (N, 3, 3)
        if transform is not None:
            # In float64, which not every device has; nine numbers travel quickly.
            inverse = torch.linalg.inv(transform.cpu().double())
            matrix = matrix @ inverse.to(matrix.device, matrix.dtype)
        freqs = self.freqs @ matrix[:, :2, :2]  # (N, channels, 2)
        phases = self.phases + (self.freqs @ matrix[:, :2, 2:]).squeeze(2)
        # Rotation keeps a frequency's length; a zoom may lift it above what the grid can carry.
        beyond = (freqs.norm(dim=2) - self.bandwidth) / (self.sampling_rate / 2 - self.bandwidth)
        amplitudes = (1 - beyond).clamp(0, 1)
        across, along = torch.meshgrid(self._centers(1), self._centers(0), indexing="xy")
        grid = torch.stack([across, along], 2)  # (H, W, 2)
        x = torch.einsum("hwk,nck->nhwc", grid, freqs) + phases[:, None, None]
        x = torch.sin(x * (2 * math.pi)) * amplitudes[:, None, None]
        mixed: Tensor = x @ (self.weight / math.sqrt(self.weight.shape[1])).t()
        return mixed.permute(0, 3, 1, 2)  # channels last in memory

    def _centers(self, axis: int) -> Tensor:
        """Positions of the samples along an axis, in widths of the picture, 0 in the middle."""
        count = self.size[axis]
        steps = torch.arange(count, device=self.weight.device, dtype=torch.float32)
        return (steps * 2 + 1 - count) * (0.5 / self.sampling_rate)


class SynthesisLayer(KeepsDerived):
    """Modulated convolution, bias, filtered leaky ReLU.

    The style scales the input of the convolution and the demodulation its output, as in StyleGAN2.
    The original also divides the styles by their mean over the batch, which demodulation cancels;
    here nothing depends on the neighbours in a batch. Kernels are stored at unit mean square.

    Args:
        in_channels: features in.
        out_channels: features out.
        w_dim: length of w.
        kernel_size: of the convolution, which is padded by `kernel_size - 1`.
        size: (height, width) of the output.
        up: factor of upsampling before the nonlinearity.
        down: factor of downsampling after it.
        padding: (left, right, top, bottom) between convolution and upsampling filter.
        up_filter: shape of that filter; None for none.
        down_filter: likewise.
        clamp: largest magnitude after the nonlinearity; None for no bound.
        torgb: the last layer: no demodulation, no nonlinearity.
        affine_gain: factor on the stored weight of the style's affine.
    """

    up_filter: Tensor
    down_filter: Tensor
    magnitude_ema: Tensor

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        w_dim: int,
        *,
        kernel_size: int,
        size: tuple[int, int],
        up: int = 1,
        down: int = 1,
        padding: tuple[int, int, int, int] = (0, 0, 0, 0),
        up_filter: tuple[int, ...] | None = None,
        down_filter: tuple[int, ...] | None = None,
        clamp: float | None = None,
        torgb: bool = False,
        affine_gain: float | None = None,
    ) -> None:
        super().__init__()
        self.affine = FullyConnected(w_dim, in_channels, weight_gain=affine_gain, bias_init=1.0)
        self.weight = nn.Parameter(random_normal(out_channels, in_channels, kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.register_buffer("magnitude_ema", torch.ones(()))
        for name, shape in (("up_filter", up_filter), ("down_filter", down_filter)):
            taps = None if shape is None else torch.full(tuple(shape), 1 / math.prod(shape))
            self.register_buffer(name, taps)
        self.size = (int(size[0]), int(size[1]))
        self.up, self.down = int(up), int(down)
        left, right, top, bottom = (int(side) for side in padding)
        self.padding = (left, right, top, bottom)
        self.clamp, self.torgb = clamp, torgb

    def forward(self, x: Tensor, w: Tensor, inputs: Inputs, stage: str) -> Tensor:
        """x (N, in, H, W), w (N, w_dim) -> (N, out, *size)."""
        style = inputs.styled(stage, self.affine(w))
        gain = self.magnitude_ema.rsqrt()
        if self.torgb:
            style = style * (gain / math.sqrt(self.weight[0].numel()))
            scale = torch.ones_like(style[:, :1])
        else:
            # The original's small constant is relative to the mean square of the styles.
            energy = style.square() @ self._energy().t()
            scale = (energy + style.square().mean(1, keepdim=True) * 1e-8).rsqrt() * gain  # (N, out)
        y = self._convolve(x, style, scale)
        return filtered_leaky_relu(
            y,
            self.up_filter,
            self.down_filter,
            up=self.up,
            down=self.down,
            padding=self.padding,
            slope=1.0 if self.torgb else 0.2,
            gain=1.0 if self.torgb else math.sqrt(2),
            clamp=self.clamp,
        )

    def _convolve(self, x: Tensor, style: Tensor, scale: Tensor) -> Tensor:
        border = self.weight.shape[-1] - 1
        bias = self.bias.to(x.dtype)
        if len(x) == 1 and self.weight.numel() <= x.numel():
            weight = self.weight * style[0, :, None, None] * scale[0, :, None, None, None]
            return F.conv2d(x, weight.to(x.dtype), bias, padding=border)
        x = x * style[:, :, None, None].to(x.dtype)
        if self.torgb:  # nothing comes between kernel and bias
            return F.conv2d(x, self._weight(x.dtype), bias, padding=border)
        x = F.conv2d(x, self._weight(x.dtype), padding=border)
        factor, shift = scale[:, :, None, None].to(x.dtype), bias[:, None, None]
        return x.mul_(factor).add_(shift) if may_overwrite(x) else torch.addcmul(shift, x, factor)

    def _energy(self) -> Tensor:
        """Sum of squares of each kernel, (out, in)."""
        return self.kept("energy", lambda: self.weight.square().sum((2, 3)))

    def _weight(self, dtype: torch.dtype) -> Tensor:
        """The weights in the precision of the features."""
        if dtype == self.weight.dtype:
            return self.weight
        return self.kept(str(dtype), lambda: self.weight.to(dtype))
