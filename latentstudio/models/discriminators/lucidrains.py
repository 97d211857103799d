"""The discriminator of lucidrains' stylegan2-pytorch.

Owns the network without attention or quantising, which a file has where it was trained with them. One
thread at a time.

Source: lucidrains' stylegan2-pytorch: residual blocks with strided convolutions, pictures from 0 to 1. Its
hinge loss pushes what is real down, so that the sign is turned here.
"""

from __future__ import annotations

from math import sqrt

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from latentstudio.errors import InputError
from latentstudio.models.discriminators.network import DiscriminatorNetwork

SLOPE = 0.2


def is_lucidrains(arrays: dict[str, NDArray[np.float32]]) -> bool:
    """Whether the names are those of this family."""
    return {"blocks.0.conv_res.weight", "to_logit.weight", "final_conv.weight"} <= set(arrays)


class LucidrainsDiscriminator(DiscriminatorNetwork):
    """Blocks that halve, one convolution, one dense layer."""

    def __init__(self, arrays: dict[str, NDArray[np.float32]]) -> None:
        super().__init__()
        if any(name.startswith(("attn_blocks", "quantize_blocks")) for name in arrays):
            raise InputError("A discriminator with attention or quantising is not known here.")
        self.blocks = len({name.split(".")[1] for name in arrays if name.startswith("blocks.")})
        self.weights = nn.ParameterDict(
            {
                name.replace(".", "_"): nn.Parameter(torch.from_numpy(np.array(a)), requires_grad=False)
                for name, a in arrays.items()
            }
        )
        self.channels = arrays["blocks.0.conv_res.weight"].shape[1]
        last = arrays["to_logit.weight"].shape[1] // arrays["final_conv.weight"].shape[0]
        self.resolution = round(sqrt(last)) * 2 ** (self.blocks - 1)
        taps = torch.tensor([1.0, 2.0, 1.0])
        self.register_buffer("taps", torch.outer(taps, taps) / 16)
        self.taps: Tensor

    def levels(self, images: Tensor) -> list[Tensor]:
        """One level a block; the last does not halve."""
        x, found = images / 2 + 0.5, []
        for block in range(self.blocks):
            name = f"blocks_{block}"
            is_last = block == self.blocks - 1
            rest = self._conv(x, f"{name}_conv_res", stride=1 if is_last else 2)
            x = F.leaky_relu(self._conv(x, f"{name}_net_0", padding=1), SLOPE)
            x = F.leaky_relu(self._conv(x, f"{name}_net_2", padding=1), SLOPE)
            if not is_last:
                x = self._conv(self._blurred(x), f"{name}_downsample_1", stride=2, padding=1)
            x = (x + rest) / sqrt(2)
            found.append(x)
        return found

    def judged(self, level: Tensor, c: Tensor | None) -> Tensor:
        """Turned, so that higher is more real."""
        x = self._conv(level, "final_conv", padding=1).flatten(1)
        return -F.linear(x, self.weights["to_logit_weight"], self.weights["to_logit_bias"])[:, 0]

    def _conv(self, x: Tensor, name: str, stride: int = 1, padding: int = 0) -> Tensor:
        weight, bias = self.weights[f"{name}_weight"], self.weights[f"{name}_bias"]
        return F.conv2d(x, weight, bias, stride=stride, padding=padding)

    def _blurred(self, x: Tensor) -> Tensor:
        padded = F.pad(x, (1, 1, 1, 1), mode="reflect")
        kernel = self.taps.expand(x.shape[1], 1, 3, 3)
        return F.conv2d(padded, kernel, groups=x.shape[1])
