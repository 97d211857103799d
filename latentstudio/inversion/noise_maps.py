"""The noise maps as something that is fitted: drawn, kept normal, kept free of structure.

Owns the published regularisation. One thread at a time.

Source: Karras et al., "Analyzing and Improving the Image Quality of StyleGAN", appendix D.
"""

from __future__ import annotations

from collections.abc import Generator as Iteration
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from latentstudio.inversion.synthesis import exact_steps
from latentstudio.models.generator import Generator

# Autocorrelation is looked at on halved copies down to this size.
SMALLEST_PX = 8


def drawn_maps(generator: Generator, random: Sequence[torch.Generator]) -> list[Tensor]:
    """Standard normal maps, each (N, 1, H, W): one stream of numbers for each of N photographs."""
    return [
        torch.stack([torch.randn((1, *shape), generator=one) for one in random]).to(generator.device)
        for shape in generator.noise_shapes
    ]


def autocorrelation(maps: Sequence[Tensor]) -> Tensor:
    """Squared correlation of each map with itself, moved by a pixel, on all its scales: (N,)."""
    total = maps[0].new_zeros(len(maps[0]))
    for noise in maps:
        while True:
            for axis in (3, 2):
                moved = noise.roll(1, axis)
                total = total + (noise * moved).mean((1, 2, 3)).square()
            if noise.shape[2] <= SMALLEST_PX or noise.shape[3] <= 1:
                break
            noise = F.avg_pool2d(noise, 2)
    return total


@torch.no_grad()
def normalise(maps: Sequence[Tensor]) -> None:
    """Bring every map back to mean 0 and mean square 1, in place."""
    for noise in maps:
        noise -= noise.mean((1, 2, 3), keepdim=True)
        noise *= noise.square().mean((1, 2, 3), keepdim=True).clamp_min(1e-12).rsqrt()


def acts_steps(generator: Generator, ws: Tensor, levels: float = 0.0) -> Iteration[None, None, bool]:
    """Whether this generator's picture depends on its noise; some have its strength at 0.

    Args:
        generator: whose noise.
        ws: (N, num_ws, w_dim); the first is looked at.
        levels: by more than so many of 255 levels, somewhere.

    Yields:
        between the stages of large pictures.
    """
    if not generator.noise_shapes:
        return False
    with_it = yield from exact_steps(generator, generator.inputs(ws[:1], "const"))
    without = yield from exact_steps(generator, generator.inputs(ws[:1], "none"))
    low, high = generator.img_range
    return float((with_it - without).abs().max()) * 255 / (high - low) > levels
