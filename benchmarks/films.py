"""How long a film takes, and how its frames compare with the published tool's."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.interpolate import interp1d

from benchmarks.reference import reference_model
from latentstudio.document.recipe import Recipe
from latentstudio.document.walks import seed_walk
from latentstudio.engine.filming import export_film
from latentstudio.engine.render import Renderer
from latentstudio.media.video import VideoOptions
from latentstudio.models.generator import Generator
from latentstudio.models.registry import load_generator

Rows = list[dict[str, Any]]
FRAMES, KEYFRAMES = 240, 8


def films(rounds: int) -> Rows:
    """A loop of 240 frames by the bundled model, written in each format."""
    generator = load_generator(reference_model())
    side = generator.info.img_resolution
    film = seed_walk(Recipe(), range(KEYFRAMES), FRAMES // KEYFRAMES, z_dim=generator.info.z_dim)
    rows: Rows = []
    with tempfile.TemporaryDirectory() as home:
        os.environ["LATENTSTUDIO_HOME"] = home
        for name in ("film.mp4", "film.webm", "film.gif", "film.webp", "pictures"):
            spent = []
            for _ in range(max(1, rounds)):
                started = time.perf_counter()
                export_film(film, Path(home) / name, generator, VideoOptions(60))
                spent.append(time.perf_counter() - started)
            rows.append(_seconds(f"{FRAMES} frames at {side} px, {name}", spent))
        renderer, spent = Renderer(generator, 0), []
        for recipe in film.recipes():
            started = time.perf_counter()
            renderer.frame(recipe)
            spent.append(time.perf_counter() - started)
        rows.append(
            {"name": "one frame, drawn alone", "median_ms": round(statistics.median(spent) * 1000, 1)}
        )
        started = time.perf_counter()
        recipes = list(film.recipes())
        each = (time.perf_counter() - started) / len(recipes) * 1000
        rows.append({"name": "one frame, its recipe", "median_ms": round(each, 2)})
    return rows + _published(generator)


def _seconds(name: str, spent: list[float]) -> dict[str, Any]:
    return {
        "name": name,
        "median_ms": round(statistics.median(spent) * 1000),
        "min_ms": round(min(spent) * 1000),
        "max_ms": round(max(spent) * 1000),
    }


def _published(generator: Generator) -> Rows:
    """Frames against the published loop: latents mapped in one batch, truncated, then `interp1d`."""
    rows: Rows = []
    for psi in (1.0, 0.7):
        seeds = list(range(KEYFRAMES))
        zs = np.stack([np.random.RandomState(s).randn(generator.info.z_dim) for s in seeds])
        ws = generator.mapping(torch.from_numpy(zs.astype(np.float32)), truncation_psi=psi).detach()
        places = np.arange(-2 * KEYFRAMES, 3 * KEYFRAMES)
        curve = interp1d(places, np.tile(ws.numpy(), [5, 1, 1]), kind="cubic", axis=0)
        film = seed_walk(Recipe(truncation_psi=psi), seeds, 6, z_dim=generator.info.z_dim)
        renderer = Renderer(generator, 0)
        largest, differing, total = 0, 0, 0
        for index, recipe in enumerate(film.recipes()):
            with torch.inference_mode():
                picture = generator.to_uint8(generator.synthesis(curve(index / 6)[None].astype(np.float32)))
            theirs = picture[0].permute(1, 2, 0).numpy().astype(int)
            difference = np.abs(renderer.frame(recipe).image.astype(int) - theirs)
            largest, total = max(largest, int(difference.max())), total + difference.size
            differing += int((difference > 0).sum())
        words = f"{differing} of {total} values, by {largest}"
        rows.append({"name": f"differs from the published loop at psi {psi:g}", "value": words})
    return rows
