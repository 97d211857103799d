"""How long a start, a large checkpoint and the discovery of directions take."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import Any

import numpy as np

from benchmarks.networks import random_stylegan2
from latentstudio.engine.discovery import pca_job
from latentstudio.latent.discovery import sefa
from latentstudio.models.library import default_model
from latentstudio.models.registry import load_generator

Rows = list[dict[str, Any]]

_FIRST_PICTURE = """
import time
started = time.perf_counter()
from latentstudio import Recipe, load_generator, render
generator = load_generator({path!r})
loaded = time.perf_counter()
render(Recipe.from_seed(0), generator)
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(loaded - started, time.perf_counter() - started, peak)
"""


def loading(rounds: int) -> Rows:
    """A fresh interpreter up to the first picture, imports included; and peak memory."""
    rows: Rows = []
    for path in (default_model(),):
        measured = []
        for _ in range(rounds):
            code = _FIRST_PICTURE.format(path=str(path))
            out = subprocess.run(
                [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ)
            ).stdout.split()
            measured.append([float(x) for x in out])
        load, picture, memory = np.median(np.array(measured), 0)
        rows.append({"name": f"{path.stem}: import and load", "median_ms": round(load * 1000)})
        rows.append({"name": f"{path.stem}: first picture", "median_ms": round(picture * 1000)})
        rows.append({"name": f"{path.stem}: peak memory", "value": f"{memory / 1024:.0f} MiB"})
        started = time.perf_counter()
        load_generator(path)
        rows.append(
            {"name": f"{path.stem}: load alone", "median_ms": round((time.perf_counter() - started) * 1000)}
        )
    return rows


def discovery(samples: int) -> Rows:
    """PCA of many w's of a 1024 px model, as the program's own job; SeFa of its style weights."""
    network = random_stylegan2(1024, 32768)
    started = time.perf_counter()
    for _ in pca_job(samples).start(network):
        pass
    total_s = time.perf_counter() - started
    weights = [w.weight.numpy() for w in network.style_weights()]
    before = time.perf_counter()
    sefa(weights, 40)
    sefa_s = time.perf_counter() - before
    return [
        {"name": f"PCA of {samples:,} w's", "median_ms": round(total_s * 1000)},
        {"name": "SeFa of a 1024 px StyleGAN2", "median_ms": round(sefa_s * 1000)},
    ]
