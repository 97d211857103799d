"""`python -m benchmarks.inversion PART`: how near inversions come, and in what time.

Parts: "pace" (the fast method against the published loop, photo by photo), "own" (the model's own
samples found again), "encoder" (alone, with a few steps, from the mean), "tuning" (pivotal tuning),
"faces" (a portrait in a model of 1024 px: time, memory, the longest wait between two signs of life),
"cancel" (the same portrait: how long a cancel takes, and the memory before, at most, and 2 s after).
Photos are heads of the clay renderer that no training saw, as the bundled model's own kind.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import published_projector
from benchmarks.__main__ import machine
from benchmarks.cancelling import cancelled
from benchmarks.reference import reference_model
from latentstudio.clay.factors import FACTORS
from latentstudio.clay.renderer import render as draw_heads
from latentstudio.document.recipe import Recipe
from latentstudio.engine.render import render
from latentstudio.inversion.distance import make_distance
from latentstudio.inversion.faces import find_faces
from latentstudio.inversion.options import ProjectionOptions
from latentstudio.inversion.pictures import target_tensor
from latentstudio.inversion.projection import Projection
from latentstudio.inversion.projector import project
from latentstudio.inversion.target import Target, crop_to_model
from latentstudio.media.photo import read_photo
from latentstudio.models.catalogue import installed_path
from latentstudio.models.feature_networks import load_mtcnn
from latentstudio.models.generator import Generator
from latentstudio.models.registry import load_generator

HEADS_SEED = 424242
PYRAMID = ProjectionOptions(distance="pyramid", preview_every=0)


def heads(count: int, skip: int = 0) -> list[Target]:
    """Pictures of the bundled model's kind that it never drew and never saw."""
    factors = np.random.default_rng(HEADS_SEED).standard_normal((skip + count, len(FACTORS)))
    pictures = draw_heads(factors[skip:].astype(np.float32).clip(-2, 2), 64)
    return [Target(picture, name=f"head {skip + i}") for i, picture in enumerate(pictures)]


def own(generator: Generator, count: int, skip: int = 0) -> list[Target]:
    """The model's own pictures."""
    seeds = range(9000 + skip, 9000 + skip + count)
    return [Target(render(Recipe.from_seed(seed), generator), name=f"seed {seed}") for seed in seeds]


def psnr(found: Projection, target: Target) -> float:
    """Peak signal to noise of the rendered bytes, in dB; 99 for identical ones."""
    error = ((found.image.astype(np.float64) - target.image) ** 2).mean()
    return min(99.0, 10 * float(np.log10(255**2 / max(error, 1e-9))))


def run(
    generator: Generator, targets: list[Target], options: ProjectionOptions
) -> tuple[list[Projection], list[float], float]:
    """Results, the seconds at which each step ended, and the longest wait between two yields."""
    started = last = time.perf_counter()
    ends: list[float] = []
    longest = 0.0
    steps = project(generator, targets, options)
    while True:
        try:
            progress = next(steps)
        except StopIteration as end:
            return end.value, ends, longest
        now = time.perf_counter()
        longest, last = max(longest, now - last), now
        if progress.step > len(ends):
            ends.append(now - started)


def pace(generator: Generator, count: int, skip: int) -> dict[str, Any]:
    rows = []
    for target in heads(count, skip):
        prepared = make_distance("pyramid", generator).prepare(target_tensor(generator, [target]))
        started = time.perf_counter()
        w, noise, _ = published_projector.project(generator, prepared)
        published_s = time.perf_counter() - started
        with torch.no_grad():
            ws = w.expand(-1, generator.info.num_ws, -1)
            goal = float(prepared(generator.synthesis(ws, noise_maps=dict(enumerate(noise)))))
        row: dict[str, Any] = {"photo": target.name, "published": goal, "published_s": published_s}
        for start in ("encoder", "samples"):
            (found,), ends, _ = run(generator, [target], PYRAMID.changed(start=start))
            reached = np.flatnonzero(found.curve <= goal)
            row[start] = found.distance
            row[f"{start}_s"] = ends[-1]
            row[f"{start}_reached_s"] = ends[reached[0]] if len(reached) else None
            row[f"{start}_ratio"] = ends[reached[0]] / published_s if len(reached) else None
        rows.append(row)
        print({k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()}, flush=True)
    told = {"rows": rows}
    for start in ("encoder", "samples"):
        ratios = [row[f"{start}_ratio"] for row in rows]
        known = [ratio if ratio is not None else float("inf") for ratio in ratios]
        told[f"{start}_median_ratio"] = statistics.median(known)
    return told


def found_again(generator: Generator, count: int, published: int, skip: int) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for name, n, options in (
        ("fast", count, PYRAMID),
        ("fast from samples", count, PYRAMID.changed(start="samples")),
        ("published", published, PYRAMID.changed(method="published")),
    ):
        if not n:
            continue
        targets = own(generator, n, skip)
        results, _, _ = run(generator, targets, options)
        values = [psnr(result, target) for result, target in zip(results, targets, strict=True)]
        share = sum(value >= 40 for value in values) / len(values)
        told[name] = {"n": n, "share_40_db": share, "median_db": statistics.median(values)}
        told[name]["db"] = [round(value, 2) for value in values]
        print(name, told[name], flush=True)
    return told


def by_encoder(generator: Generator, count: int, only: str | None = None) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for kind in ("own", "heads") if only is None else (only,):
        targets = own(generator, count) if kind == "own" else heads(count)
        for name, options in (
            ("encoder alone", PYRAMID.changed(steps=1, start="encoder", learning_rate=1e-12)),
            ("encoder and 50 steps", PYRAMID.changed(steps=50, start="encoder")),
            ("fast from the encoder", PYRAMID.changed(start="encoder")),
            ("1000 steps from the mean", PYRAMID.changed(method="published")),
        ):
            started = time.perf_counter()
            results, _, _ = run(generator, targets, options)
            spent = (time.perf_counter() - started) / count
            told[f"{kind}, {name}"] = {
                "n": count,
                "distance": statistics.median(result.distance for result in results),
                "psnr_db": statistics.median(psnr(r, t) for r, t in zip(results, targets, strict=True)),
                "seconds_a_photo": spent,
            }
            print(kind, name, told[f"{kind}, {name}"], flush=True)
    return told


def tuning(generator: Generator, count: int) -> dict[str, Any]:
    targets = heads(count)
    pivots, _, _ = run(generator, targets, PYRAMID)
    tuned, _, _ = run(generator, targets, PYRAMID.changed(tune_steps=100))
    ratios = [a.distance / b.distance for a, b in zip(pivots, tuned, strict=True)]
    return {"n": count, "times_nearer": ratios, "median": statistics.median(ratios)}


def faces(photo: Path, space: str) -> dict[str, Any]:
    generator = load_generator(_large_model(), "cpu")
    started = time.perf_counter()
    pixels = read_photo(photo)
    quad = find_faces(pixels, load_mtcnn())[0].quad(generator.info.img_size)
    target = crop_to_model(pixels, generator.info, quad, name=photo.stem)
    (found,), _, longest = run(generator, [target], ProjectionOptions(space=space))
    return {
        "seconds": time.perf_counter() - started,
        "distance": found.distance,
        "about": found.about_distance,
        "longest_wait_s": longest,
        "memory_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }


def _large_model() -> Path:
    path = installed_path("ffhq-mobile-1024")
    assert path is not None, "install it first: latentstudio models install ffhq-mobile-1024"
    return path


def main() -> None:
    """Parse the arguments, measure, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.inversion", description=__doc__)
    parser.add_argument("part", choices=["pace", "own", "encoder", "tuning", "faces", "cancel"])
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--skip", type=int, default=0, help="pictures to leave out, for runs in parts")
    parser.add_argument("--published", type=int, default=10, help="own samples for the published method")
    parser.add_argument("--kind", choices=["own", "heads"], help="for encoder: one kind of pictures alone")
    parser.add_argument("--photo", type=Path, help="a portrait, for faces and cancel")
    parser.add_argument("--space", default="w+", help="for faces and cancel")
    parser.add_argument("--json", type=Path, default=Path("benchmarks/results/inversion.json"))
    options = parser.parse_args()
    if options.part == "faces":
        found = faces(options.photo, options.space)
    elif options.part == "cancel":
        found = cancelled(_large_model(), options.photo, options.space)
    else:
        generator = load_generator(reference_model(), "cpu")
        if options.part == "pace":
            found = pace(generator, options.count, options.skip)
        elif options.part == "own":
            found = found_again(generator, options.count, options.published, options.skip)
        elif options.part == "encoder":
            found = by_encoder(generator, options.count, options.kind)
        else:
            found = tuning(generator, options.count)
    print(json.dumps(found if options.part != "pace" else {k: v for k, v in found.items() if k != "rows"}))
    options.json.parent.mkdir(parents=True, exist_ok=True)
    stored = json.loads(options.json.read_text()) if options.json.exists() else {}
    part = "-".join([options.part, *filter(None, [options.kind, str(options.skip or "")])])
    stored[part] = {"machine": machine(), **found}
    options.json.write_text(json.dumps(stored, indent=1))


if __name__ == "__main__":
    main()
