"""Networks to measure: the published sizes with random weights, and the models at hand."""

from __future__ import annotations

import math
from typing import Any

import torch

from latentstudio.models.architectures import stylegan2
from latentstudio.models.generator import Generator


def stylegan2_config(resolution: int, channel_base: int = 32768, channel_max: int = 512) -> dict[str, Any]:
    """The published StyleGAN2: base 32768 is config-f, 16384 the 256 px size.

    Source: Karras et al., "Training Generative Adversarial Networks with Limited Data", appendix.
    """
    blocks: list[dict[str, Any]] = []
    for i in range(int(math.log2(resolution)) - 1):
        size = 4 * 2**i
        width, before = (min(channel_base // s, channel_max) for s in (size, max(size // 2, 4)))
        block: dict[str, Any] = {"name": f"b{size}", "size": [size, size]}
        common = {"out_channels": width, "resolution": [size, size], "clamp": 256.0}
        if i == 0:
            block["const"] = [width, 4, 4]
        else:
            block["conv0"] = {"in_channels": before, "up": 2, **common}
        block["conv1"] = {"in_channels": width, **common}
        block["torgb"] = {"in_channels": width, "clamp": 256.0}
        blocks.append(block)
    layer = {"in_features": 512, "out_features": 512, "lr_multiplier": 0.01, "activation": "lrelu"}
    return {
        "architecture": "skip",
        "w_dim": 512,
        "num_ws": 2 * len(blocks),
        "img_channels": 3,
        "mapping": {"z_dim": 512, "c_dim": 0, "w_dim": 512, "layers": [layer] * 8},
        "blocks": blocks,
    }


def random_stylegan2(resolution: int, channel_base: int) -> Generator:
    """A StyleGAN2 of the published size with seeded random weights."""
    torch.manual_seed(0)
    network = stylegan2.build(stylegan2_config(resolution, channel_base))
    for name, parameter in network.named_parameters():
        if name.endswith("noise_strength"):
            parameter.data.fill_(0.1)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network.requires_grad_(False).eval()
