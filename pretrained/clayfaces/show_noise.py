"""Show what a generator does with noise, and say how much.

    python pretrained/clayfaces/show_noise.py MODEL.safetensors OUT.png [--seeds 0,3,9] [--draws 32]

A row a head: without noise, four draws of it, and how far each pixel moves over all draws (white is 8 of
255 levels). Prints the mean of that by noise input, each alone and all together, as Karras et al.
("A Style-Based Generator Architecture", figure 5) look at it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch
from clay_grids import save_grid
from torch import Tensor

from latentstudio.models.generator import Generator
from latentstudio.models.registry import load_generator

SHOWN, WHITE = 4, 8.0
LEVELS = 127.5  # of 255 in a picture's unit


@torch.inference_mode()
def drawn(generator: Generator, ws: Tensor, draws: int, only: int | None = None) -> Tensor:
    """Pictures (draws, 3, H, W) of one head with different noise, in all inputs or in one alone.

    Args:
        generator: makes them.
        ws: of the head, (1, num_ws, w_dim).
        draws: how many; draw i is that of seed i.
        only: the noise input that is not silent; None for all.
    """
    pictures = []
    for seed in range(draws):
        maps = generator.draw_noise(seed)
        if only is not None:
            maps = {only: maps[only]}
        pictures.append(generator.synthesis(ws, "none", noise_maps=maps).clamp(-1, 1))
    return torch.cat(pictures)


def moved(pictures: Tensor) -> Tensor:
    """How far each pixel moves over the draws: standard deviation in 255 levels, (H, W)."""
    return pictures.std(0).mean(0) * LEVELS


def main() -> None:
    """Read the arguments, draw and tell."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--draws", type=int, default=32)
    told = parser.parse_args()
    torch.set_num_threads(1)
    generator = load_generator(told.model, device="cpu")
    cells, all_moved = [], []
    alone: dict[int, list[float]] = {index: [] for index in range(len(generator.noise_shapes))}
    for seed in (int(word) for word in told.seeds.split(",")):
        z = torch.randn(1, generator.info.z_dim, generator=torch.Generator().manual_seed(seed))
        with torch.inference_mode():
            ws = generator.mapping(z)
            plain = generator.synthesis(ws, "none")
        pictures = drawn(generator, ws, told.draws)
        spread = moved(pictures)
        all_moved.append(float(spread.mean()))
        for index in alone:
            alone[index].append(float(moved(drawn(generator, ws, told.draws // 4, index)).mean()))
        white = (spread / WHITE * 2 - 1).expand(1, 3, *spread.shape)
        cells += [plain, pictures[:SHOWN], white]
    save_grid(torch.cat(cells), told.out, SHOWN + 2)
    for index, values in alone.items():
        height, width = generator.noise_shapes[index]
        sys.stdout.write(f"input {index} ({width} x {height}): {sum(values) / len(values):.2f} levels\n")
    sys.stdout.write(f"all: {sum(all_moved) / len(all_moved):.2f} levels\n")


if __name__ == "__main__":
    main()
