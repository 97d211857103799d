"""StyleGAN2's residual discriminator, from canonical arrays.

Owns the network; the layouts of files are `residual_layouts`'s. One thread at a time.

Source: Karras et al., "Analyzing and Improving the Image Quality of StyleGAN", section 4.1 and figure 7c;
the class projection of "Training Generative Adversarial Networks with Limited Data", appendix.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import sqrt

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from latentstudio.models.discriminators.network import DiscriminatorNetwork
from latentstudio.models.layers import normalize_2nd_moment, upfirdn2d

Array = NDArray[np.float32]
SLOPE, GAIN = 0.2, sqrt(2)


@dataclass(frozen=True)
class ResidualArrays:
    """Arrays by canonical names, as stored (equalised learning rates are applied at run time).

    Attributes:
        arrays: "fromrgb.weight", "{side}.conv0.weight", "{side}.conv1.weight", "{side}.skip.weight",
            "conv.weight", "fc.weight", "out.weight" and biases, convolutions (out, in, h, w); with
            classes "embed" and "map0" to "map{n}".
        kernel: (4,) taps of the low-pass filter.
        clamp: bound of the activations; None for none.
        c_dim: classes.
        selects: a class picks its column of the output (StyleGAN2 for TensorFlow) in place of a mapping.
        mapping_rate: learning rate multiplier of the mapping's layers.
    """

    arrays: dict[str, Array]
    kernel: Array = field(default_factory=lambda: np.array([1, 3, 3, 1], np.float32))
    clamp: float | None = None
    c_dim: int = 0
    selects: bool = False
    mapping_rate: float = 0.01


class ResidualDiscriminator(DiscriminatorNetwork):
    """Residual blocks that halve, a comparison of the batch, two dense layers."""

    def __init__(self, stored: ResidualArrays) -> None:
        super().__init__()
        sides = {int(name.split(".")[0]) for name in stored.arrays if name.endswith(".conv0.weight")}
        self.sides = sorted(sides, reverse=True)
        self.resolution = self.sides[0]
        self.channels = stored.arrays["fromrgb.weight"].shape[1]
        self.c_dim, self._selects, self._clamp = stored.c_dim, stored.selects, stored.clamp
        self._mapping_rate = stored.mapping_rate
        self.weights = nn.ParameterDict(
            {
                name.replace(".", "_"): nn.Parameter(torch.from_numpy(np.array(a)), requires_grad=False)
                for name, a in stored.arrays.items()
            }
        )
        taps = torch.from_numpy(np.array(stored.kernel, np.float32))
        kernel = torch.outer(taps, taps) if taps.ndim == 1 else taps
        self.register_buffer("kernel", kernel / kernel.sum())
        self.kernel: Tensor

    def levels(self, images: Tensor) -> list[Tensor]:
        """One level a block."""
        x = self._conv(images, "fromrgb")
        found = []
        for side in self.sides:
            skipped = self._conv(x, f"{side}.skip", down=True, gain=sqrt(0.5), is_linear=True)
            x = self._conv(x, f"{side}.conv0")
            x = self._conv(x, f"{side}.conv1", down=True, gain=sqrt(0.5)) + skipped
            found.append(x)
        return found

    def judged(self, level: Tensor, c: Tensor | None) -> Tensor:
        """The epilogue; the deviation within a batch of one is that of its epsilon."""
        alone = torch.full_like(level[:, :1], sqrt(1e-8))
        x = self._conv(torch.cat([level, alone], 1), "conv")
        x = self._dense(x.flatten(1), "fc", is_linear=False)
        x = self._dense(x, "out")
        if c is None:
            return x[:, 0]
        if self._selects:
            return (x * c).sum(1)
        return (x * self._mapped(c)).sum(1) / sqrt(x.shape[1])

    def _mapped(self, c: Tensor) -> Tensor:
        x = normalize_2nd_moment(self._dense(c, "embed"))
        index = 0
        while f"map{index}_weight" in self.weights:
            x = self._dense(x, f"map{index}", is_linear=False, rate=self._mapping_rate)
            index += 1
        return x

    def _conv(
        self, x: Tensor, name: str, *, down: bool = False, gain: float = 1.0, is_linear: bool = False
    ) -> Tensor:
        weight, bias = self._of(name)
        weight = weight / sqrt(weight[0].numel())
        pad = weight.shape[2] // 2
        if down and pad == 0:
            x = F.conv2d(upfirdn2d(x, self.kernel, down=2, padding=(1, 1, 1, 1)), weight)
        elif down:
            wide = pad + 1
            x = F.conv2d(upfirdn2d(x, self.kernel, padding=(wide, wide, wide, wide)), weight, stride=2)
        else:
            x = F.conv2d(x, weight, padding=pad)
        if bias is not None:
            x = x + bias[:, None, None]
        x = x * gain if is_linear else F.leaky_relu(x, SLOPE) * (GAIN * gain)
        return x if self._clamp is None else x.clamp(-self._clamp * gain, self._clamp * gain)

    def _dense(self, x: Tensor, name: str, *, is_linear: bool = True, rate: float = 1.0) -> Tensor:
        weight, bias = self._of(name)
        x = F.linear(x, weight * (rate / sqrt(weight.shape[1])), None if bias is None else bias * rate)
        return x if is_linear else F.leaky_relu(x, SLOPE) * GAIN

    def _of(self, name: str) -> tuple[Tensor, Tensor | None]:
        key = name.replace(".", "_")
        return self.weights[f"{key}_weight"], self.weights.get(f"{key}_bias")
