"""Where a projection starts, and how widely latents spread around it.

Owns the published statistics of w and the choice of a start. One thread at a time per generator.

Source: Karras et al., "Analyzing and Improving the Image Quality of StyleGAN", appendix D, for the
statistics.
"""

from __future__ import annotations

from collections.abc import Generator as Iteration
from collections.abc import Iterator
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor

from latentstudio.errors import InputError
from latentstudio.inversion.distance import make_distance, shrunk
from latentstudio.inversion.synthesis import Rung, pictures, rungs
from latentstudio.latent.sampling import class_vector
from latentstudio.models.generator import Generator

STATISTICS_SAMPLES, STATISTICS_SEED = 10_000, 123
# Samples are compared with the photograph at this size.
COMPARED_PX = 64
# How many samples are looked at: models below this size draw many in a second.
QUICK_PX, MANY_SAMPLES, FEW_SAMPLES = 256, 256, 64
_BATCH_NUMBERS = 1 << 24  # numbers of the largest picture or latent in a batch


@dataclass(frozen=True)
class Statistics:
    """How latents of this generator are spread.

    Attributes:
        mean: float32 (num_ws, w_dim).
        std: root of the mean squared distance of a row from the mean: one number for all dimensions
            together, as published.
    """

    mean: Tensor
    std: float


_known: WeakKeyDictionary[Generator, dict[bytes, Statistics]] = WeakKeyDictionary()


def statistics(generator: Generator, c: Tensor | None = None) -> Statistics:
    """Mean and spread of ws over many z of a fixed seed; c (1, c_dim) is the class, None means all."""
    steps = statistics_steps(generator, c)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: Statistics = end.value
            return found


def statistics_steps(generator: Generator, c: Tensor | None = None) -> Iteration[None, None, Statistics]:
    """The same, a thousand samples a step, so that it can wait for others; known ones come at once."""
    key = b"" if c is None else c.cpu().numpy().tobytes()
    known = _known.setdefault(generator, {})
    if key not in known:
        known[key] = yield from _measured(generator, c)
    return known[key]


def _measured(generator: Generator, c: Tensor | None) -> Iteration[None, None, Statistics]:
    random = np.random.RandomState(STATISTICS_SEED)
    info = generator.info
    batch = max(1, min(1000, _BATCH_NUMBERS // max(info.z_dim, info.num_ws * info.w_dim)))
    total = torch.zeros((info.num_ws, info.w_dim), dtype=torch.float64)
    squares = 0.0
    count = STATISTICS_SAMPLES if info.has_mapping else min(STATISTICS_SAMPLES, 8 * batch)
    for done in range(0, count, batch):
        yield
        z = random.randn(min(batch, count - done), info.z_dim).astype(np.float32)
        labels = c
        if info.c_dim and c is None:
            labels = torch.eye(info.c_dim)[(torch.arange(len(z)) + done) % info.c_dim]
        with torch.no_grad():
            ws = generator.mapping(z, labels).double().cpu()
        total += ws.sum(0)
        squares += float(ws.square().sum(2).mean(1).sum())
    mean = total / count
    spread = squares / count - float(mean.square().sum(1).mean())
    return Statistics(mean.float().to(generator.device), max(spread, 1e-12) ** 0.5)


def class_tensor(generator: Generator, classes: tuple[tuple[int, float], ...]) -> Tensor | None:
    """The class vector (1, c_dim) of a conditional generator; None for others.

    Raises:
        InputError: a conditional generator needs a class, or has no such class.
    """
    c_dim = generator.info.c_dim
    if not c_dim:
        return None
    if not classes:
        raise InputError(
            f"This model draws one of {c_dim} classes, and none was named.",
            "Name a class, or let it be fitted (class mode soft or fitted).",
        )
    return torch.from_numpy(class_vector(classes, c_dim))[None].to(generator.device)


@dataclass(frozen=True)
class Nearest:
    """For each photograph the nearest of the samples looked at.

    Attributes:
        z: (N, z_dim).
        ws: (N, num_ws, w_dim).
        classes: index of each one's class; 0 where there are none.
    """

    z: Tensor
    ws: Tensor
    classes: list[int]


@torch.no_grad()
def nearest_samples(
    generator: Generator,
    targets: Tensor,
    mask: Tensor | None,
    count: int,
    seed: int,
    c: Tensor | None,
    psi: float = 0.7,
) -> Iterator[Nearest]:
    """Look at samples in small batches; every yield is the best so far, the last one the answer.

    Args:
        generator: what is sampled.
        targets: float32 (N, C, H, W) in [-1, 1].
        mask: (N, 1, H, W) or None.
        count: how many samples; 0 takes as many as are quick to draw.
        seed: of their z.
        c: (1, c_dim) for all of them; None in a conditional model takes all classes in turn.
        psi: truncation: samples near the mean are nearer to most photographs.
    """
    info = generator.info
    ladder = rungs(generator)
    rung = next((r for r in ladder if max(r.size) >= COMPARED_PX), ladder[-1])
    size = _no_larger(rung.size, targets)
    prepared = make_distance("pyramid", generator).prepare(
        shrunk(targets, size), None if mask is None else shrunk(mask, size)
    )
    random = np.random.RandomState(seed)
    is_quick = info.img_resolution < QUICK_PX
    count = count or (MANY_SAMPLES if is_quick else FEW_SAMPLES)
    batch = 16 if is_quick else 2
    n = len(targets)
    best = torch.full((n,), float("inf"), device=targets.device)
    z_best = torch.zeros((n, info.z_dim), device=targets.device)
    ws_best = torch.zeros((n, info.num_ws, info.w_dim), device=targets.device)
    class_best = [0] * n
    for done in range(0, count, batch):
        here = min(batch, count - done)
        z = torch.from_numpy(random.randn(here, info.z_dim).astype(np.float32)).to(targets.device)
        classes = [(done + i) % info.c_dim for i in range(here)] if info.c_dim and c is None else []
        labels = torch.eye(info.c_dim, device=targets.device)[classes] if classes else c
        ws = generator.mapping(z, labels, psi)
        images = shrunk(pictures(generator, ws, rung), size)
        for i in range(here):
            d = prepared(images[i : i + 1].expand(n, -1, -1, -1))
            for k in torch.nonzero(d < best).flatten().tolist():
                best[k], z_best[k], ws_best[k] = d[k], z[i], ws[i]
                class_best[k] = classes[i] if classes else 0
        yield Nearest(z_best, ws_best, class_best)


@torch.no_grad()
def nearest_classes(
    generator: Generator, targets: Tensor, mask: Tensor | None, z: Tensor, seed: int
) -> Iterator[Nearest]:
    """Look at each photograph's z in the classes of a conditional model; the last yield is the answer.

    Args:
        generator: whose classes; of more than can be looked at, as many as of samples are drawn.
        targets: float32 (N, C, H, W) in [-1, 1].
        mask: (N, 1, H, W) or None.
        z: (N, z_dim).
        seed: of which classes are looked at.
    """
    info = generator.info
    ladder = rungs(generator)
    rung = next((r for r in ladder if max(r.size) >= COMPARED_PX), ladder[-1])
    size = _no_larger(rung.size, targets)
    is_quick = info.img_resolution < QUICK_PX
    count, batch = (MANY_SAMPLES, 16) if is_quick else (FEW_SAMPLES, 2)
    looked_at = np.random.RandomState(seed).permutation(info.c_dim)[:count].tolist()
    n = len(targets)
    ws_best = torch.zeros((n, info.num_ws, info.w_dim), device=targets.device)
    class_best, best = [0] * n, [float("inf")] * n
    for k in range(n):
        own = None if mask is None else shrunk(mask[k : k + 1], size)
        prepared = make_distance("pyramid", generator).prepare(shrunk(targets[k : k + 1], size), own)
        for done in range(0, len(looked_at), batch):
            classes = looked_at[done : done + batch]
            labels = torch.eye(info.c_dim, device=targets.device)[classes]
            ws = generator.mapping(z[k : k + 1].expand(len(classes), -1), labels)
            images = shrunk(pictures(generator, ws, rung), size)
            for i, index in enumerate(classes):
                d = float(prepared(images[i : i + 1]))
                if d < best[k]:
                    best[k], class_best[k], ws_best[k] = d, index, ws[i]
            yield Nearest(z, ws_best, class_best)


def _no_larger(size: tuple[int, int], targets: Tensor) -> tuple[int, int]:
    scale = min(1.0, COMPARED_PX / max(size))
    height, width = (max(1, round(side * scale)) for side in size)
    return min(height, targets.shape[2]), min(width, targets.shape[3])


__all__ = [
    "Nearest",
    "Rung",
    "Statistics",
    "class_tensor",
    "nearest_classes",
    "nearest_samples",
    "statistics",
]
