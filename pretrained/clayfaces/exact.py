"""The exact StyleGAN2 as it is trained, to be held against the compact one: same widths, same mapping.

Owns its up layer's quick backward. Parameters have the names and the meaning of the program's `StyleGAN2`:
what is trained is what is rendered.

Source: Karras et al., "Analyzing and Improving the Image Quality of StyleGAN".
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from layer_rows import activated, activated_backward, every, pixels, rows, summed_product
from torch import Tensor
from trainable import MAPPING_LAYERS, W_DIM, Z_DIM, TrainingLayer, folded_gain

from latentstudio.models.architectures.stylegan2 import StyleGAN2
from latentstudio.models.architectures.stylegan2_compact import compact_config
from latentstudio.models.architectures.stylegan2_layers import ModulatedConv
from latentstudio.models.generator import Inputs


def _filtered(x: Tensor, kernel: Tensor, padding: int) -> Tensor:
    """Every channel through a (4, 4) kernel; H and W grow by 2 padding - 3."""
    weight = kernel.to(x.dtype).expand(x.shape[1], 1, 4, 4)
    return F.conv2d(x, weight, padding=padding, groups=x.shape[1])


class _UpLayer(torch.autograd.Function):
    """leaky_relu(fir(conv_transpose(x style, weight)) scale + shift + noise), with few memory passes.

    The transposed convolution and the FIR stay two steps: folded into one kernel of 6 x 6 taps, or into
    four phases, they need four times the products, and took two to four times as long. The FIR is
    symmetric, so its backward is itself with another padding. First derivatives only.
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
        kernel: Tensor,
    ) -> Tensor:
        dtype = x.dtype
        style, scale = every(style, dtype), every(scale, dtype)
        weight = weight.to(dtype).transpose(0, 1)  # (in, out, k, k), as a transposed convolution wants it
        styled = pixels(rows(x) * style, x)
        y = _filtered(F.conv_transpose2d(styled, weight, stride=2), kernel, 1)
        out = activated(y, scale, shift, noise)
        ctx.save_for_backward(x, style, styled, weight, scale, y, out, kernel)
        ctx.has_noise = noise is not None
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, style, styled, weight, scale, y, out, kernel = ctx.saved_tensors
        grad, grad_scale, grad_shift, grad_noise = activated_backward(grads[0], out, y, scale, ctx.has_noise)
        grad = _filtered(grad, kernel, 2)
        grad_styled, grad_weight, _ = torch.ops.aten.convolution_backward(
            grad, styled, weight, None, [2, 2], [0, 0], [1, 1], True, [0, 0], 1, [True, True, False]
        )
        grad_weight = grad_weight.transpose(0, 1).float()
        grad_style = summed_product(grad_styled, x)
        grad_x = pixels(rows(grad_styled) * style, x)
        return grad_x, grad_style, grad_weight, grad_scale, grad_shift, grad_noise, None


class ExactTrainingConv(ModulatedConv):
    """StyleGAN2's layer; the same function, quicker to train."""

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
        shift = self.bias * self.gain
        if self.up == 1:
            return TrainingLayer.apply(x, style, self.weight, scale, shift, noise, 1)
        return _UpLayer.apply(x, style, self.weight, scale, shift, noise, self.resample_filter * 4)


class ExactTrainingStyleGAN2(StyleGAN2):
    """The exact network with layers that are quick to train."""

    conv_class = ExactTrainingConv


def exact_config(channels: list[int], **sizes: int) -> dict[str, Any]:
    """The config of `StyleGAN2` with the widths of `compact_config`, which takes the same arguments."""
    config = compact_config(channels, **sizes)
    for block in config["blocks"]:
        for layer in ("conv0", "torgb"):
            if layer in block:
                block[layer]["filter"] = (4, 4)
    return config | {"architecture": "skip"}


def new_exact_generator(channels: list[int], **sizes: int) -> ExactTrainingStyleGAN2:
    """A network with random weights, as equalised learning rates want them."""
    sizes = {"z_dim": Z_DIM, "w_dim": W_DIM, "mapping_layers": MAPPING_LAYERS, **sizes}
    network = ExactTrainingStyleGAN2(exact_config(channels, **sizes))
    with torch.no_grad():
        for layer in network.modules():
            if isinstance(layer, ExactTrainingConv):
                layer.weight.mul_(folded_gain(layer))
    return network.to(memory_format=torch.channels_last)
