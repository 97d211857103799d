"""Early pictures for families that have none: fitted from the features of a stage.

Owns the fit. Half way through a network the features already hold the picture's colours and shapes;
the best linear map to the final picture, shrunk to the stage's size, shows them while the hand moves.
Samples cost nothing, so the fit needs no data. Kept on disk by the model's hash.

Source: ordinary least squares; the idea follows the ToRGB layers that StyleGAN2 trains at every
resolution (Karras et al., "Analyzing and Improving the Image Quality of StyleGAN", figure 7).
"""

from __future__ import annotations

from collections.abc import Generator as Iteration
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike
from torch import Tensor

from latentstudio.array_cache import keep_arrays, kept_arrays
from latentstudio.models.generator import Generator, PreviewHead, State
from latentstudio.settings import user_folders

SAMPLES = 12
# Smaller pictures say too little to follow with the eye.
SMALLEST_PX = 64
# Below this resolution every frame is quick.
SMALLEST_MODEL_PX = 128
_RIDGE = 1e-4
_PIXELS_A_SAMPLE = 4096


def candidates(generator: Generator) -> list[int]:
    """The stages worth a head: the last two of each resolution whose features lie on the picture's grid.

    Two, since the very last layer of a resolution may be its dearest, and the one before shows as much.
    """
    height, width = generator.info.img_size
    if generator.has_preview or max(height, width) < SMALLEST_MODEL_PX or generator.info.z_shape:
        return []
    by_size: dict[tuple[int, int], list[int]] = {}
    for index, stage in enumerate(generator.stages):
        by_size.setdefault(stage.resolution, []).append(index)
    by_size.pop(generator.stages[-1].resolution)
    return [
        index
        for (rows, columns), indices in by_size.items()
        for index in indices[-2:]
        if max(rows, columns) >= SMALLEST_PX and height % rows == 0 and width % columns == 0
    ]


def fit_steps(generator: Generator, seed: int = 0) -> Iteration[tuple[int, int], None, int]:
    """Fit the heads of a generator and give them to it, one sample a step.

    Yields:
        (samples done, samples in all); the returned value is the number of heads.
    """
    stages = candidates(generator)
    path = _path(generator)
    heads = _load(path, generator, stages) if stages else {}
    if stages and not heads:
        sums: dict[int, tuple[Tensor, Tensor]] = {}
        random = torch.Generator().manual_seed(seed)
        for sample in range(SAMPLES):
            yield sample, SAMPLES
            _accumulate(generator, stages, random, sums)
        device = generator.device
        solved = {index: _solve(*sums[index]) for index in stages if index in sums}
        heads = {i: PreviewHead(h.weight.to(device), h.bias.to(device)) for i, h in solved.items()}
        _store(path, heads)
    generator.preview_heads = heads
    return len(heads)


def apply_head(head: PreviewHead, x: Tensor) -> Tensor:
    """The small picture of features (N, C, H, W): float32 (N, img_channels, H, W)."""
    return F.conv2d(x, head.weight.to(x.dtype)).float() + head.bias[:, None, None]


@torch.inference_mode()
def _accumulate(
    generator: Generator, stages: list[int], random: torch.Generator, sums: dict[int, tuple[Tensor, Tensor]]
) -> None:
    """Add one sample to the normal equations of every stage."""
    info = generator.info
    z = torch.randn((1, info.z_dim), generator=random)
    c = None
    if info.c_dim:
        c = F.one_hot(torch.randint(info.c_dim, (1,), generator=random), info.c_dim)
    # A little truncation, as pictures are mostly looked at.
    ws = generator.mapping(z, c, 0.8 if info.has_mapping else 1.0)
    before, generator.compute_dtype = generator.compute_dtype, torch.float32
    try:
        inputs, state, features = generator.inputs(ws), State(), {}
        for index in range(len(generator.stages)):
            state = generator.run_stage(index, state, inputs)
            if index in stages and state.x is not None:
                features[index] = state.x
        picture = generator.image(state)
    finally:
        generator.compute_dtype = before
    for index, x in features.items():
        if tuple(x.shape[2:]) != generator.stages[index].resolution:
            continue
        target = F.interpolate(picture, size=x.shape[2:], mode="area")
        rows, wanted = x[0].flatten(1).t(), target[0].flatten(1).t()
        if len(rows) > _PIXELS_A_SAMPLE:
            chosen = torch.randperm(len(rows), generator=random)[:_PIXELS_A_SAMPLE].to(rows.device)
            rows, wanted = rows[chosen], wanted[chosen]
        # On the processor: not every device has 64 bits.
        rows, wanted = rows.cpu().double(), wanted.cpu().double()
        rows = torch.cat([rows, torch.ones_like(rows[:, :1])], 1)
        gram, product = rows.t() @ rows, rows.t() @ wanted
        if index in sums:
            gram, product = gram + sums[index][0], product + sums[index][1]
        sums[index] = (gram, product)


def _solve(gram: Tensor, product: Tensor) -> PreviewHead:
    scale = gram.diagonal().mean()
    ridge = torch.eye(len(gram), dtype=gram.dtype, device=gram.device) * (scale * _RIDGE)
    solution = torch.linalg.solve(gram + ridge, product).float()
    return PreviewHead(solution[:-1].t()[:, :, None, None].contiguous(), solution[-1].contiguous())


def _path(generator: Generator) -> Path | None:
    sha256 = generator.info.sha256
    return user_folders().cache / "previews" / f"{sha256[:32]}-v2.npz" if sha256 else None


def _load(path: Path | None, generator: Generator, stages: list[int]) -> dict[int, PreviewHead]:
    arrays = {
        name: torch.from_numpy(array.astype(np.float32)).to(generator.device)
        for name, array in kept_arrays(path).items()
    }
    return {
        index: PreviewHead(arrays[f"weight{index}"], arrays[f"bias{index}"])
        for index in stages
        if {f"weight{index}", f"bias{index}"} <= arrays.keys()
    }


def _store(path: Path | None, heads: dict[int, PreviewHead]) -> None:
    if not heads:
        return
    arrays: dict[str, ArrayLike] = {f"weight{i}": head.weight.cpu().numpy() for i, head in heads.items()}
    keep_arrays(path, arrays | {f"bias{i}": head.bias.cpu().numpy() for i, head in heads.items()})
