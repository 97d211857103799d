"""Fit directions of w for the renderer's factors, score them and name the components of PCA and SeFa.

    python pretrained/clayfaces/fit_directions.py MODEL.safetensors [--samples 6000]

Writes `MODEL.directions.json` (the directions, for the program's list) and `MODEL.factors.json` (what every
direction changes per sigma) beside the model, and prints the table of docs/clayfaces.md.

The estimates of random samples are regressed on w. A factor's direction is the likeliest step (in the metric
of w's own spread) that changes its estimate by one deviation and the other estimates not at all.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from clay_samples import READ, Samples, read_w, sample

from latentstudio.clay.words import WORDS
from latentstudio.document.direction_file import SUFFIX, write_directions
from latentstudio.document.factors import SUFFIX as FACTORS_SUFFIX
from latentstudio.document.factors import Factors, write_factors
from latentstudio.engine.discovery import named_directions, pca_job, sefa_job
from latentstudio.latent.directions import Direction
from latentstudio.latent.spaces import Latent, W
from latentstudio.models.generator import Generator
from latentstudio.models.registry import load_generator

PER_RADIAN = {"yaw", "pitch", "roll", "gaze_x", "gaze_y", "light_az", "light_el", "eye_tilt"}
MIN_EXPLAINED = 0.25  # of a factor's estimate by w, for a direction to be fitted
# For a direction to be shipped: deviations of its own factor a sigma, and the others' share of that.
MIN_EFFECT, MAX_LEAKAGE = 0.4, 1.0
COMPONENTS = 20
RIDGE = 1e-3
HOLD = 1e-2  # how loosely the other factors are held
# The estimator explains at least 0.6 of these in every picture that shows them; the others are not judged.
RELIABLE = {
    name
    for name, entry in json.loads(Path(__file__).with_name("factors64.json").read_text()).items()
    if entry["explained"] >= 0.6 and not name.startswith("glasses_")
}


class Score(NamedTuple):
    """What one sigma of a direction does.

    Attributes:
        name: of the direction.
        changes: of every factor in deviations over the samples, (58,).
        own: index of the factor it is named after, or moves most.
    """

    name: str
    changes: np.ndarray
    own: int

    @property
    def effect(self) -> float:
        """Change of its own factor, in deviations."""
        return float(self.changes[self.own])

    @property
    def leakage(self) -> float:
        """Root of the sum of squares of the other reliable changes, as a share of its own."""
        return float(np.linalg.norm(self._others()) / max(abs(self.effect), 1e-6))

    @property
    def neighbour(self) -> tuple[str, float]:
        """The factor that moves along most, and by how many deviations."""
        i = int(np.abs(self._others()).argmax())
        return WORDS[READ[i]], float(self.changes[i])

    def _others(self) -> np.ndarray:
        others = np.where([name in RELIABLE for name in READ], self.changes, 0)
        others[self.own] = 0
        return others


def fit(samples: Samples) -> tuple[list[Direction], dict[str, float]]:
    """Directions of w, and how much of each factor's estimate w explains linearly."""
    w = samples.w - samples.w.mean(0)
    f = (samples.factors - samples.factors.mean(0)) / samples.factors.std(0).clip(1e-6)
    spread = w.T @ w / len(w)
    ridge = RIDGE * np.trace(spread) / len(spread) * np.eye(len(spread))
    slopes = np.linalg.solve(spread + ridge, w.T @ f / len(w))  # (w_dim, factors)
    explained = {name: float(1 - np.square(f[:, i] - w @ slopes[:, i]).mean()) for i, name in enumerate(READ)}
    chosen = [i for i, name in enumerate(READ) if explained[name] >= MIN_EXPLAINED]
    a = slopes[:, chosen]
    steps = spread @ a @ np.linalg.inv(a.T @ spread @ a + HOLD * np.eye(len(chosen)))  # (w_dim, chosen)
    directions = []
    for column, i in enumerate(chosen):
        step = steps[:, column]
        length = float(np.linalg.norm(step))
        values = Latent((step / length).astype(np.float32))
        directions.append(Direction(f"{WORDS[READ[i]]} in w", W, values, length, "named"))
    return directions, explained


def score(generator: Generator, direction: Direction, samples: Samples, own: int | None = None) -> Score:
    """Half the difference of the estimates one sigma ahead and one sigma back, averaged over samples."""
    step = direction.values.array * np.float32(direction.sigma)
    ends = []
    for sign in (1, -1):
        if direction.space == W:
            ends.append(read_w(generator, samples.w + sign * step)[0])
        else:
            with torch.inference_mode():
                w = generator.mapping(samples.z + sign * step)[:, 0].numpy()
            ends.append(read_w(generator, w)[0])
    changes = (ends[0] - ends[1]).mean(0) / 2 / samples.factors.std(0).clip(1e-6)
    if own is None:
        own = int(np.where([name in RELIABLE for name in READ], np.abs(changes), 0).argmax())
    return Score(direction.name, changes, own)


def found(generator: Generator, job) -> list[Direction]:
    """The value of a job, run here."""
    steps = job.start(generator)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value[:COMPONENTS]


def part(samples: Samples, count: int) -> Samples:
    """The first samples, with the deviations of all kept comparable."""
    return Samples(samples.z[:count], samples.w[:count], samples.factors, samples.features[:count])


def measure(model: Path, count: int, probes: int) -> list[Score]:
    """Fit, score and write; the scores of everything."""
    generator = load_generator(model, device="cpu")
    samples = sample(generator, count, seed=1)
    directions, explained = fit(samples)
    few = part(samples, probes)
    known = {WORDS[name]: i for i, name in enumerate(READ) if name in RELIABLE}
    listed = directions + named_directions(generator.info.provenance.z_names, generator.info.z_dim)
    listed += found(generator, pca_job(20_000)) + found(generator, sefa_job())
    scores = [score(generator, d, few, known.get(d.name.removesuffix(" in w"))) for d in listed]
    spreads = samples.factors.std(0)
    effects = {}
    for direction, told in zip(listed, scores, strict=True):
        changes = told.changes * spreads * [180 / np.pi if name in PER_RADIAN else 1.0 for name in READ]
        effects[direction.origin, direction.name] = {
            WORDS[name]: round(float(value), 4)
            for name, value in zip(READ, changes, strict=True)
            if name in RELIABLE
        }
        sys.stdout.write(line(told, explained) + "\n")
        sys.stdout.flush()
    units = {WORDS[name]: "°" if name in PER_RADIAN else "" for name in READ if name in RELIABLE}
    scaled = spreads * [180 / np.pi if name in PER_RADIAN else 1.0 for name in READ]
    spread_of = {WORDS[name]: round(float(value), 4) for name, value in zip(READ, scaled, strict=True)}
    kept = [
        direction
        for direction, told in zip(directions, scores, strict=False)
        if direction.name.startswith(WORDS[READ[told.own]])
        and told.effect >= MIN_EFFECT
        and told.leakage <= MAX_LEAKAGE
    ]
    write_directions(model.with_name(model.stem + SUFFIX), kept)
    table = Factors(generator.info.sha256, units, spread_of, effects)
    write_factors(model.with_name(model.stem + FACTORS_SUFFIX), table)
    return scores


def line(told: Score, explained: dict[str, float]) -> str:
    """A row of the table."""
    word, along = told.neighbour
    key = READ[told.own]
    return (
        f"| {told.name} | {WORDS[key]} | {told.effect:+.2f} | {told.leakage:.2f} | {word} {along:+.2f} "
        f"| {explained[key]:.2f} |"
    )


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--samples", type=int, default=5000)
    parser.add_argument("--probes", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    told = parser.parse_args()
    torch.set_num_threads(told.threads)
    measure(told.model, told.samples, told.probes)


if __name__ == "__main__":
    main()
