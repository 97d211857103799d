"""Show how a generator draws curls, and say how much of them.

    python pretrained/clayfaces/show_curls.py MODEL.safetensors OUT.png [--count 100]

Curly heads are drawn by the renderer, once as they are and once with straight hair, and made by the network
from the same z without noise. What curls change in the drawn picture, in a band of a few pixels, is looked
for in the made one: 1 is the drawn curls, hills and valleys where they belong; 0 is straight hair, or as
good as that. Curls are not symmetric: how much of them is left when the mirrored head is drawn and mirrored
back is told too. The picture: above drawn, below made.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from clay_data import full_z
from clay_grids import save_grid
from torch import Tensor

from latentstudio import clay
from latentstudio.models.registry import load_generator

SEED = 4242  # of heads that no training saw
COLUMNS = 8
WAVE = 9  # pixels of 64 over which a curl averages out


def curly_latents(count: int, seed: int = SEED) -> np.ndarray:
    """Heads (count, 64) whose curls can't be overlooked."""
    latents = clay.sample_latents(40 * count, seed)
    factors = clay.latents_to_factors(latents)
    columns = dict(zip(clay.NAMES, factors.T, strict=True))
    chosen = (columns["hair_curl"] > 0.6) & (columns["bald"] < 0.5)
    return latents[chosen][:count]


def drawn(factors: np.ndarray, size: int) -> Tensor:
    """Heads of smooth clay, (N, 3, size, size) in [-1, 1]."""
    return torch.from_numpy(clay.render(factors, size)).permute(0, 3, 1, 2).float() / 127.5 - 1


def waves(images: Tensor) -> Tensor:
    """The band of curls, (N, 1, 64, 64): brightness at 64 pixels less its own surroundings."""
    grey = F.adaptive_avg_pool2d(images.mean(1, keepdim=True), 64)
    return grey - F.avg_pool2d(F.pad(grey, [WAVE // 2] * 4, mode="replicate"), WAVE, 1)


def share_of_curls(made: Tensor, curly: Tensor, straight: Tensor) -> float:
    """How much of what curls change is there: 1 all of it, 0 none.

    Args:
        made: pictures to be judged, (N, 3, H, W) in [-1, 1].
        curly: the same heads as drawn.
        straight: as drawn with straight hair.
    """
    before = waves(straight)
    wanted, found = waves(curly) - before, waves(made) - before
    return float((wanted * found).sum() / wanted.square().sum())


def main() -> None:
    """Read the arguments, draw and tell."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=100)
    told = parser.parse_args()
    torch.set_num_threads(1)
    generator = load_generator(told.model, device="cpu")
    latents = curly_latents(told.count)
    factors = clay.latents_to_factors(latents)
    size = generator.info.img_resolution
    curly = drawn(factors, size)
    mirrored = drawn(clay.latents_to_factors(clay.mirrored_latents(latents)), size).flip(3)
    factors[:, clay.NAMES.index("hair_curl")] = 0
    straight = drawn(factors, size)
    z = full_z(torch.from_numpy(latents), torch.Generator().manual_seed(1))
    with torch.inference_mode():
        ws = generator.mapping(z)
        made = torch.cat([generator.synthesis(part, "none") for part in ws.split(20)]).clamp(-1, 1)
    save_grid(torch.cat([curly[:COLUMNS], made[:COLUMNS]]), told.out, COLUMNS)
    sys.stdout.write(f"curls made: {share_of_curls(made, curly, straight):.2f}\n")
    sys.stdout.write(f"drawn in the mirror, mirrored back: {share_of_curls(mirrored, curly, straight):.2f}\n")


if __name__ == "__main__":
    main()
