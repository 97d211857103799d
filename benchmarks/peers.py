"""The reference implementation beside ours, from a checkout that the person has.

Nothing of it is in this repository: `--peer-src` points at a checkout of the original
stylegan2-ada-pytorch. Without one the ratios against it are left out.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import torch

from latentstudio.models.generator import Generator


def reference_frame(source: Path, ours: Generator, ws: torch.Tensor) -> Callable[[], torch.Tensor]:
    """A function that draws the same network's picture with the original code in float32."""
    sys.path.insert(0, str(source))
    from training.networks import Generator as Original  # type: ignore[import-not-found]

    base = ours.config["blocks"][-1]["torgb"]["in_channels"] * ours.info.img_resolution  # type: ignore[index, operator, union-attr]
    network = Original(
        z_dim=ours.info.z_dim,
        c_dim=0,
        w_dim=ours.info.w_dim,
        img_resolution=ours.info.img_resolution,
        img_channels=3,
        mapping_kwargs={"num_layers": 8},
        synthesis_kwargs={"channel_base": base, "channel_max": 512, "conv_clamp": 256},
    )
    network.eval().requires_grad_(False)
    copied = {}
    for name, value in ours.state_dict().items():
        theirs = name.replace("blocks.", "synthesis.").replace("mapping_network.layers.", "mapping.fc")
        copied[theirs.replace("mapping_network.", "mapping.")] = value
    network.load_state_dict(copied, strict=False)

    def frame() -> torch.Tensor:
        with torch.no_grad():
            picture: torch.Tensor = network.synthesis(ws, noise_mode="const", force_fp32=True)
        return picture

    return frame
