"""Say how good a generator of clay faces is: closeness to the data, variety, copying, smoothness.

    python pretrained/clayfaces/evaluate.py MODEL.safetensors DATA [--count 5000] [--out FOLDER]

Prints, and writes to `FOLDER/evaluation.json`: the Fréchet distance of the factor network's features
between random samples and pictures of the data (with that of two halves of the data beside it), which
shares of both lie among the other (`reached.py`; likewise), the share of the data's spread that samples
have in each factor, how often what is there or not is there, the nearest training pictures (a grid, and
distances beside those of fresh renders), the perceptual path length, for generators whose z are the
renderer's the error against what should have been drawn, and where there is a discriminator beside the
model, how surely it tells held-out pictures from samples.

Sources: Heusel et al., "GANs Trained by a Two Time-Scale Update Rule" (Fréchet distance; here not in
Inception's features); Karras et al., "A Style-Based Generator Architecture" (path length in w; here in
those features).
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from clay_data import HELD_OUT, full_z, wanted_pictures
from clay_grids import save_grid
from clay_samples import READ, Samples, read, sample
from picture_terms import detail
from reached import reached, told_apart
from torch import Tensor

from latentstudio import clay
from latentstudio.models.discriminators import load_discriminator
from latentstudio.models.generator import Generator
from latentstudio.models.registry import load_generator

PRESENT = ("glasses", "bald", "bun", "beard", "moustache")
JUDGED = 200  # pictures of either kind that the discriminator is asked about
NEAR = 3000  # pictures compared with each other, at most: the table grows with the square
EPSILON = 1e-2  # of the path length, in shares of the way between two w


def frechet(a: np.ndarray, b: np.ndarray) -> float:
    """Fréchet distance of two sets of features (N, D) and (M, D), each taken as normal."""
    gap = a.mean(0) - b.mean(0)
    first, second = np.cov(a.T), np.cov(b.T)
    # The trace of the root of the product, from the symmetric root of one of them.
    values, vectors = np.linalg.eigh(first)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    cross = np.sqrt(np.linalg.eigvalsh(root @ second @ root).clip(0)).sum()
    return float(gap @ gap + np.trace(first) + np.trace(second) - 2 * cross)


def pixels(images: np.ndarray) -> Tensor:
    """uint8 (N, H, W, 3) -> (N, 3, H, W) in [-1, 1]."""
    return torch.from_numpy(np.array(images)).permute(0, 3, 1, 2).float() / 127.5 - 1


def read_all(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Factors and features of many pictures."""
    parts = [read(pixels(part)) for part in np.array_split(images, max(1, len(images) // 256))]
    return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])


def marginals(samples: Samples, factors: np.ndarray) -> dict[str, dict[str, float]]:
    """By factor: mean and deviation over samples and over pictures of the data, both as read off pictures."""
    table = {}
    for i, name in enumerate(READ):
        made, true = samples.factors[:, i], factors[:, i]
        entry = {
            "mean": made.mean(),
            "data_mean": true.mean(),
            "spread_of_data": made.std() / max(true.std(), 1e-6),
            "shift": (made.mean() - true.mean()) / max(true.std(), 1e-6),
        }
        if name in PRESENT:
            entry |= {"present": (made > 0.5).mean(), "data_present": (true > 0.5).mean()}
        table[name] = {key: round(float(value), 4) for key, value in entry.items()}
    return table


def nearest(pictures: Tensor, images: np.ndarray, pool: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Index of and root mean square distance to the nearest training picture, of or mirrored.

    The index of a mirrored one counts on from the number of pictures. Compared at a quarter of the size.
    """
    small = F.avg_pool2d(pictures, pool).flatten(1)
    best = torch.full((len(pictures),), float("inf"))
    index = torch.zeros(len(pictures), dtype=torch.long)
    for mirrored in (False, True):
        for start in range(0, len(images), 2000):
            x = pixels(images[start : start + 2000])
            x = F.avg_pool2d(x.flip(3) if mirrored else x, pool).flatten(1)
            distance, at = torch.cdist(small, x).min(1)
            closer = distance < best
            best = torch.where(closer, distance, best)
            index = torch.where(closer, at + start + len(images) * mirrored, index)
    return index.numpy(), (best / small.shape[1] ** 0.5).numpy()


@torch.inference_mode()
def path_length(generator: Generator, count: int, seed: int = 3) -> float:
    """Mean squared step in the factor network's features per squared share of the way between two w."""
    z = np.random.default_rng(seed).standard_normal((2 * count, generator.info.z_dim), dtype=np.float32)
    ends = generator.mapping(z)[:, 0]
    t = torch.from_numpy(np.random.default_rng(seed).random((count, 1), dtype=np.float32))
    a = ends[:count].lerp(ends[count:], t)
    b = ends[:count].lerp(ends[count:], t + EPSILON)
    steps = []
    for first, second in zip(a.split(64), b.split(64), strict=True):
        one, two = (read(generator.synthesis(w))[1] for w in (first, second))
        steps.append(np.square(one - two).sum(1) / EPSILON**2)
    return float(np.concatenate(steps).mean())


@torch.inference_mode()
def against_truth(generator: Generator, latents: np.ndarray, images: np.ndarray) -> dict[str, float]:
    """Error of the pictures of z that begin with the renderer's latents, and their share of fine detail."""
    z = full_z(torch.from_numpy(latents), torch.Generator().manual_seed(1))
    made = torch.cat([generator(part, noise_mode="none") for part in z.split(64)]).clamp(-1, 1)
    real = pixels(images)
    error = -10 * ((made - real).square().mean((1, 2, 3)) / 4).log10()
    told = {"psnr": float(error.mean()), "detail": float(detail(made) / detail(real))}
    columns = dict(zip(clay.NAMES, clay.latents_to_factors(latents).T, strict=True))
    for name, chosen in {
        "glasses": columns["glasses"] > 0.5,
        "lids closed": columns["eye_open"] < 0.05,
        "mouth open": columns["mouth_open"] > 0.3,
        "curls": columns["hair_curl"] > 0.35,
        "smile": columns["smile"] > 0.8,
    }.items():
        told[f"psnr {name}"] = float(error[torch.from_numpy(chosen)].mean())
    return {key: round(value, 3) for key, value in told.items()}


@torch.inference_mode()
def realism(model: Path, made: Tensor, held: np.ndarray) -> dict[str, float] | None:
    """Scores of the discriminator beside a model; None where there is none.

    Args:
        model: the file.
        made: samples (N, 3, H, W) in [-1, 1].
        held: uint8 (N, H, W, 3), pictures that training never saw.
    """
    judge = load_discriminator(model)
    if judge is None:
        return None
    real, false = (judge(x[:JUDGED]).numpy() for x in (pixels(held[:JUDGED]), made))
    told = {
        "renders": real.mean(),
        "samples": false.mean(),
        "spread": real.std(),
        "renders_above_samples": told_apart(real, false),
    }
    return {key: round(float(value), 3) for key, value in told.items()}


def evaluate(model: Path, folder: Path, count: int, out: Path) -> dict[str, Any]:
    """Everything; the figures."""
    out.mkdir(parents=True, exist_ok=True)
    generator = load_generator(model, device="cpu")
    images = wanted_pictures(folder)
    smooth = np.load(folder / "images.npy", mmap_mode="r")  # what a sample without noise should be
    latents = np.load(folder / "latents.npy")
    held = np.array(images[-1000:])  # what neither estimator nor generator has seen
    factors, features = read_all(
        np.array(images[-2 * count :]) if len(images) > 2 * count else np.array(images)
    )
    half = len(features) // 2
    samples = sample(generator, count, seed=2)
    told: dict[str, Any] = {
        "model": model.name,
        "sha256": generator.info.sha256,
        "samples": count,
        "frechet": round(frechet(samples.features, features[half:]), 3),
        "frechet_of_two_halves_of_the_data": round(frechet(features[:half], features[half:]), 3),
        "reached": reached(samples.features[:NEAR], features[half:][:NEAR]),
        "reached_by_the_other_half_of_the_data": reached(features[:half][:NEAR], features[half:][:NEAR]),
        "path_length": round(path_length(generator, min(count, 512)), 2),
        "marginals": marginals(samples, factors),
    }
    spreads = [entry["spread_of_data"] for entry in told["marginals"].values()]
    told["spread_of_data_median"] = round(float(np.median(spreads)), 3)
    if generator.info.z_dim == 256:
        told["held_out"] = against_truth(generator, latents[:HELD_OUT], np.array(smooth[:HELD_OUT]))
    with torch.inference_mode():
        made = torch.cat([generator(torch.from_numpy(z)) for z in np.array_split(samples.z[:256], 4)]).clamp(
            -1, 1
        )
    told["realism"] = realism(model, made, held)
    train = images[HELD_OUT:-1000]
    index, distance = nearest(made, train)
    _, fresh = nearest(pixels(held[:256]), train)
    told["nearest"] = {
        "median_distance": round(float(np.median(distance)), 4),
        "smallest_distance": round(float(distance.min()), 4),
        "median_distance_of_fresh_renders": round(float(np.median(fresh)), 4),
        "smallest_distance_of_fresh_renders": round(float(fresh.min()), 4),
    }
    found = [pixels(train[i % len(train)][None])[0] for i in index[:24]]
    found = [x.flip(2) if i >= len(train) else x for x, i in zip(found, index[:24], strict=True)]
    save_grid(torch.stack([made[:24], torch.stack(found)], 1).flatten(0, 1), out / "nearest.png", 12)
    save_grid(made[:64], out / "random.png", 8)
    (out / "evaluation.json").write_text(json.dumps(told, indent=1) + "\n")
    return told


def main() -> None:
    """Read the arguments and evaluate."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--out", type=Path, default=Path("evaluation"))
    parser.add_argument("--threads", type=int, default=1)
    told = parser.parse_args()
    torch.set_num_threads(told.threads)
    figures = evaluate(told.model, told.data, told.count, told.out)
    sys.stdout.write(json.dumps({k: v for k, v in figures.items() if k != "marginals"}, indent=1) + "\n")


if __name__ == "__main__":
    main()
