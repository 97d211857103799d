"""How much a generator's picture changes with each direction of w, on average.

Owns the square root by which further steps are measured: in w itself some directions move the picture a
thousand times as much as others, and a descent crawls along the weak ones. Finding it takes seconds and the
same model has always the same, so it is kept on disk by the model's hash. One thread at a time per generator.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from latentstudio.array_cache import keep_arrays, kept_arrays
from latentstudio.inversion.synthesis import gradients, rungs
from latentstudio.models.generator import Generator, Inputs
from latentstudio.settings import user_folders

# So many gradients of random pictures, each along a random change of the picture.
GRADIENTS, BATCH, SEED = 256, 16, 17
# Larger models would take minutes for them.
LARGEST_PX = 128
# Directions that move the picture less than this share of the strongest are not stretched any further.
LEAST = 1e-3


def pace(generator: Generator) -> Tensor | None:
    """What a step in the picture's own measure is in w, float32 (w_dim, w_dim), symmetric, at most 1.

    None for generators without a w, or so large that finding it would take longer than it saves.
    """
    info = generator.info
    if not info.has_mapping or info.img_resolution > LARGEST_PX:
        return None
    path = _path(generator)
    kept = kept_arrays(path).get("pace")
    if kept is not None and kept.shape == (info.w_dim, info.w_dim):
        return torch.from_numpy(kept).to(generator.device)
    found = _found(generator)
    if found is not None:
        keep_arrays(path, {"pace": found.cpu().numpy()})
    return found


def _found(generator: Generator) -> Tensor | None:
    sampled = torch.cat([_some(generator, done) for done in range(0, GRADIENTS, BATCH)]).double()
    values, vectors = torch.linalg.eigh(sampled.mT @ sampled / len(sampled))
    largest = float(values[-1])
    if largest <= 0:
        return None
    scale = (values.clamp_min(0) / largest + LEAST).rsqrt()
    scale = scale / scale.max()
    found: Tensor = (vectors * scale) @ vectors.mT
    return found.float()


def _path(generator: Generator) -> Path | None:
    """Where it is kept: named by all that it depends on; None for a network that is in no file."""
    sha256 = generator.info.sha256
    name = f"{sha256[:32]}-pace-{GRADIENTS}-{SEED}-{LEAST:g}.npz"
    return user_folders().cache / "detection" / name if sha256 else None


def _some(generator: Generator, done: int) -> Tensor:
    """Gradients (BATCH, w_dim) of pictures along random changes, by w."""
    info, device = generator.info, generator.device
    random = torch.Generator().manual_seed(SEED + done)
    z = torch.randn((BATCH, info.z_dim), generator=random).to(device)
    c = None
    if info.c_dim:
        c = torch.eye(info.c_dim, device=device)[(torch.arange(BATCH) + done) % info.c_dim]
    with torch.no_grad():
        ws = generator.mapping(z, c)
    leaf = ws.clone().requires_grad_()

    def along(image: Tensor) -> Tensor:
        return (image * torch.randn(image.shape, generator=random).to(device)).sum()

    before, generator.compute_dtype = generator.compute_dtype, torch.float32
    try:
        for _ in gradients(generator, Inputs(leaf, "const"), rungs(generator)[-1], along):
            pass
    finally:
        generator.compute_dtype = before
    assert leaf.grad is not None
    return leaf.grad.sum(1)
