"""Directions of a freshly opened model: PCA of w and SeFa, as jobs, kept on disk by the model's hash.

Owns sampling and the disk cache; the linear algebra is in `latent.discovery`, models without a mapping
are `plain_discovery`'s. Runs on the engine's thread.

Source: Harkonen et al., "GANSpace"; Shen and Zhou, "Closed-Form Factorization of Latent Semantics".
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentstudio.array_cache import keep_arrays, kept_arrays
from latentstudio.engine.batches import in_batches
from latentstudio.engine.memory import keep_freed_memory
from latentstudio.engine.plain_discovery import layer_components, map_components
from latentstudio.engine.requests import Job, JobSteps, Progress
from latentstudio.errors import InputError
from latentstudio.latent.directions import Direction
from latentstudio.latent.discovery import Components, StreamedCovariance, sefa
from latentstudio.models.generator import Generator
from latentstudio.settings import user_folders

BATCH = 4096
MAX_COMPONENTS = 64
PCA_SEED = 0
# From so many samples on a lower precision is looked at, and taken when it gains this much.
MANY = 200_000
WORTHWHILE = 1.15
_PARTS = {field.name for field in fields(Components)}


def pca_job(samples: int = 50_000, components: int = 40) -> Job:
    """Principal components of w; its value is a list of Direction, the strongest first.

    Where w is nothing but z, those of the first layer or of the latent map, see `plain_discovery`.
    """

    def start(generator: Generator | None) -> JobSteps:
        return _pca_steps(_needed(generator), samples, components)

    return Job(f"PCA of {samples:,} samples", start, tag="pca")


def sefa_job(components: int = 40, rows: tuple[int, int] | None = None, name: str = "SeFa") -> Job:
    """SeFa; its value is a list of Direction, empty where the family has no styles.

    Args:
        components: how many directions.
        rows: the layers [start, stop) that are factorised, and that the directions move; None means all.
        name: of the directions, before their numbers.
    """

    def start(generator: Generator | None) -> JobSteps:
        return _sefa_steps(_needed(generator), components, rows, name)

    return Job(name, start, tag="sefa" if rows is None else "sefa layers")


def sample_w(generator: Generator, count: int, random: np.random.RandomState) -> NDArray[np.float32]:
    """float32 (count, w_dim): w's of random z (and random classes) before truncation."""
    info = generator.info
    z = random.randn(count, info.z_dim).astype(np.float32)
    c = None
    if info.c_dim:
        c = torch.nn.functional.one_hot(
            torch.from_numpy(random.randint(info.c_dim, size=count).astype(np.int64)), info.c_dim
        )

    @torch.inference_mode()
    def mapped(part: slice) -> NDArray[np.float32]:
        w = generator.mapping(torch.from_numpy(z[part]), None if c is None else c[part])[:, 0]
        return w.cpu().numpy()

    return np.concatenate(list(in_batches(count, count, mapped)))


def many_w(generator: Generator, samples: int, seed: int = PCA_SEED) -> Iterator[NDArray[np.float32]]:
    """Batches (n, w_dim) of w's, `samples` in all, as quick as they come.

    From `MANY` samples on the mapping runs in bfloat16 where the first batches show that this is quicker.
    What that does to the components is smaller than what another million of samples would do to them.
    """
    random = torch.Generator().manual_seed(seed)
    half = generator.device.type == "cpu" and samples >= MANY
    # Each way twice: the first time warms up.
    plan = [False, False, True, True] if half else []
    seconds: dict[bool, float] = {}
    for begin in range(0, samples, BATCH):
        turn = begin // BATCH
        is_quicker = len(seconds) == 2 and seconds[False] > WORTHWHILE * seconds[True]
        is_half = plan[turn] if turn < len(plan) else is_quicker
        started = time.perf_counter()
        w = _random_w(generator, min(BATCH, samples - begin), random, is_half)
        seconds[is_half] = time.perf_counter() - started
        yield w


@torch.inference_mode()
def _random_w(
    generator: Generator, count: int, random: torch.Generator, is_half: bool
) -> NDArray[np.float32]:
    info = generator.info
    z = torch.randn((count, info.z_dim), generator=random)
    c = None
    if info.c_dim:
        c = torch.nn.functional.one_hot(torch.randint(info.c_dim, (count,), generator=random), info.c_dim)

    def mapped(part: slice) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=is_half):
            return generator.mapping(z[part], None if c is None else c[part])[:, 0].float()

    return torch.cat(list(in_batches(count, count, mapped))).cpu().numpy()


def _pca_steps(generator: Generator, samples: int, components: int) -> JobSteps:
    info = generator.info
    if not info.has_mapping:
        kind, find = ("map", map_components) if info.z_shape is not None else ("layer", layer_components)
        path = _cache_path(generator, f"pca-{kind}-{components}-v1")
        plain = _load(path)
        if plain is None:
            plain = yield from find(generator, components)
            _store(path, plain)
        return plain.as_directions("PCA", "pca")
    # The samples are fixed by the seed, so the components are a function of the model alone.
    path = _cache_path(generator, f"pca-{samples}-{components}-v2")
    found = _load(path)
    if found is None:
        keep_freed_memory()
        statistics = StreamedCovariance(info.w_dim)
        for w in many_w(generator, samples):
            statistics.update(w, quickly=samples >= MANY)
            yield Progress(statistics.count, samples, "Looking at samples")
        yield Progress(samples, samples, "Finding components")
        found = statistics.components(min(components, info.w_dim))
        _store(path, found)
    return found.as_directions("PCA", "pca")


def _sefa_steps(generator: Generator, components: int, rows: tuple[int, int] | None, name: str) -> JobSteps:
    chosen = range(generator.info.num_ws) if rows is None else range(*rows)
    weights = [weight for weight in generator.style_weights() if weight.row in chosen]
    if not weights:
        return []
    layers = "" if rows is None else f"-{rows[0]}-{rows[1]}"
    path = _cache_path(generator, f"sefa{layers}-{components}-v1")
    found = _load(path)
    if found is None:
        yield Progress(0, 1, "Factorising the style weights")
        found = sefa([w.weight.float().cpu().numpy() for w in weights], components)
        _store(path, found)
    # SeFa has no scale of its own: a slider's unit is the spread of w along the direction.
    spread = sample_w(generator, BATCH, np.random.RandomState(PCA_SEED)) @ found.vectors.T
    scaled = Components(found.vectors, spread.std(0).astype(np.float32), found.share, found.mean)
    mask = () if rows is None else tuple(chosen)
    return [replace(direction, rows=mask) for direction in scaled.as_directions(name, "sefa")]


def _needed(generator: Generator | None) -> Generator:
    if generator is None:
        raise InputError("No model is open.")
    return generator


def _cache_path(generator: Generator, name: str) -> Path | None:
    """Where the components are kept; None for a network that is in no file."""
    sha256 = generator.info.sha256
    return user_folders().cache / "directions" / sha256[:32] / f"{name}.npz" if sha256 else None


def _load(path: Path | None) -> Components | None:
    arrays = kept_arrays(path)
    if not arrays.keys() >= _PARTS:
        return None
    return Components(**{name: arrays[name].astype(np.float32) for name in _PARTS})


def _store(path: Path | None, components: Components) -> None:
    keep_arrays(path, {name: getattr(components, name) for name in _PARTS})


def named_directions(generator_names: tuple[str, ...], z_dim: int) -> list[Direction]:
    """Directions along the coordinates of z that carry a name."""
    from latentstudio.latent.directions import coordinate_direction

    return [coordinate_direction(name, i, z_dim) for i, name in enumerate(generator_names) if name]
