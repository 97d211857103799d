"""Draw the training pictures of the clay faces.

    python pretrained/clayfaces/make_data.py DATA [--count 24000] [--curly 0] [--size 64] [--grain 0]

Writes what `clay_data.py` reads. Shards of 500 pictures are kept in `DATA/shards` as they are finished, so
that a cut costs one shard; shard s holds the heads of seed 1000 + s. Shards from 5000 on hold heads with
curls only, which a good quarter has by chance. With --grain every head is kept twice, smooth and of grained
clay; no factor tells where the grains lie, so that noise has something to learn. The
bank needs no pictures: latents with their explicit features, from which the mapping learns.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from latentstudio import clay
from latentstudio.clay.features import explicit_features

SHARD = 500
FIRST_SEED = 1000
FIRST_CURLY = 5000
BANK_SEED = 900_000
Z_DIM = 256


def shard_latents(index: int) -> np.ndarray:
    """The heads of a shard, (500, 64)."""
    if index < FIRST_CURLY:
        return clay.sample_latents(SHARD, FIRST_SEED + index)
    latents = clay.sample_latents(16 * SHARD, FIRST_SEED + index)
    factors = clay.latents_to_factors(latents)
    curl, bald = (factors[:, clay.NAMES.index(name)] for name in ("hair_curl", "bald"))
    return latents[(curl > 0.4) & (bald < 0.5)][:SHARD]


def shard_list(count: int, curly: int = 0) -> list[int]:
    """Shards of `count` heads as they come and of `curly` ones with curls.

    The curly ones lie evenly among the others, so that a drawing cut short has its share of them.
    """
    plain, extra = max(1, count // SHARD), curly // SHARD
    places = [(index / plain, index) for index in range(plain)]
    places += [((index + 1) / (extra + 1), FIRST_CURLY + index) for index in range(extra)]
    return [index for _, index in sorted(places)]


def draw_shard(index: int, folder: Path, size: int, rays: int, grain: float = 0.0) -> float:
    """Draw shard `index` unless it is there; the seconds it took."""
    path = folder / f"{index:04d}.npz"
    if path.exists():
        return 0.0
    start = time.monotonic()
    latents = shard_latents(index)
    factors = clay.latents_to_factors(latents)
    grains = (0.0, grain) if grain else (0.0,)
    drawn = clay.render_grains(factors, size, rays, grains=grains, seed=SHARD * index)
    kept = dict(zip(("images", "grained"), drawn, strict=False))
    temporary = path.with_suffix(".part")
    with temporary.open("wb") as file:
        np.savez(file, latents=latents, **kept)
    os.replace(temporary, path)
    return time.monotonic() - start


def bank_latents(count: int, seed: int) -> np.ndarray:
    """The leading coordinates (count, 64) of normalised z: what the mapping network sees of them."""
    z = np.random.default_rng(seed).standard_normal((count, Z_DIM), dtype=np.float32)
    z /= np.sqrt((z**2).mean(1, keepdims=True))
    return z[:, : clay.LATENT_DIM].copy()


def features_of(latents: np.ndarray, workers: int) -> np.ndarray:
    """`explicit_features` in several processes."""
    parts = np.array_split(latents, max(1, len(latents) // 2000))
    with ProcessPoolExecutor(workers) as pool:
        return np.concatenate(list(pool.map(explicit_features, parts)))


def draw_all(
    folder: Path,
    wanted: list[int],
    size: int,
    rays: int,
    workers: int,
    until: float = math.inf,
    grain: float = 0.0,
) -> list[int]:
    """Draw shards in several processes; those that are there.

    Args:
        folder: of the data.
        wanted: the shards, as `shard_list` gives them.
        size: side of the pictures in pixels.
        rays: along each side of a pixel.
        workers: processes.
        until: no shard is begun after this time (of the monotonic clock).
        grain: of the second picture of every head; 0 for none.
    """
    shards = folder / "shards"
    shards.mkdir(parents=True, exist_ok=True)
    clay.render(clay.sample_factors(1, 0), 16, 1)  # compiled once, before the processes start
    draw = partial(draw_shard, folder=shards, size=size, rays=rays, grain=grain)
    done = 0
    with ProcessPoolExecutor(workers) as pool:
        # One handful at a time, so that the clock is looked at between them.
        while done < len(wanted) and (done == 0 or time.monotonic() < until):
            handful = wanted[done : done + workers]
            seconds = max(pool.map(draw, handful))
            done += len(handful)
            if seconds:
                sys.stdout.write(f"{done} of {len(wanted)}: {seconds / SHARD * 1000:.0f} ms a picture\n")
                sys.stdout.flush()
    return wanted[:done]


def gather(folder: Path, shards: list[int], workers: int, bank: int) -> None:
    """Write the arrays of these shards, in order, and the bank."""
    stored = [np.load(folder / "shards" / f"{index:04d}.npz") for index in sorted(shards)]
    latents = np.concatenate([shard["latents"] for shard in stored])
    fresh = bank_latents(bank, BANK_SEED)
    drawn = [name for name in ("images", "grained") if name in stored[0]]
    arrays = {
        **{name: np.concatenate([shard[name] for shard in stored]) for name in drawn},
        "factors": clay.latents_to_factors(latents),
        "latents": latents,
        "features": features_of(latents, workers),
        "bank_latents": fresh,
        "bank_features": features_of(fresh, workers),
    }
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    (folder / "factor_names.txt").write_text("\n".join(clay.NAMES) + "\n")


def main() -> None:
    """Read the arguments and draw."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=24_000)
    parser.add_argument("--curly", type=int, default=0, help="so many heads with curls beside them")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--rays", type=int, default=2)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--bank", type=int, default=180_000)
    parser.add_argument("--grain", type=float, default=0.0, help="draw every head of grained clay too, 0..1")
    told = parser.parse_args()
    shards = draw_all(
        told.folder,
        shard_list(told.count, told.curly),
        told.size,
        told.rays,
        told.workers,
        grain=told.grain,
    )
    gather(told.folder, shards, told.workers, told.bank)


if __name__ == "__main__":
    main()
