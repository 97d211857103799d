"""Follow a training: how far the samples of its checkpoints are from the data.

    python pretrained/clayfaces/curve.py SERIES DATA [--count 2000] [--out curve.json]

SERIES is a folder of checkpoints, each with the averaged generator and the counters of a run
(`RUN/state.pt` copied now and then will do). For each, the oldest first: thousand pictures shown, the
Fréchet distance in the factor network's features, which shares lie among the others (`reached.py`), and
how much of the data's spread there is in the factors (median). What OUT holds already is not measured
again.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from clay_data import wanted_pictures
from clay_samples import Samples, sample
from evaluate import PRESENT, frechet, marginals, read_all
from pack import spec_of
from reached import reached

from latentstudio.models.registry import build_network

SEED = 2
Measures = dict[str, float]


def measured(samples: Samples, factors: np.ndarray, features: np.ndarray) -> Measures:
    """The figures of one checkpoint, of samples and as many pictures of the data."""
    table = marginals(samples, factors)
    spreads = [entry["spread_of_data"] for entry in table.values()]
    return {
        "frechet": round(frechet(samples.features, features), 3),
        **{name: round(share, 4) for name, share in reached(samples.features, features).items()},
        "spread_of_data_median": round(float(np.median(spreads)), 3),
        **{name: table[name]["present"] for name in PRESENT},
    }


def checkpoints(folder: Path) -> list[Path]:
    """Those of a series, as their names sort."""
    return sorted(folder.glob("*.pt"))


def measure_checkpoint(path: Path, count: int, factors: np.ndarray, features: np.ndarray) -> dict[str, Any]:
    """A line of the curve."""
    state = torch.load(path, weights_only=True)
    generator = build_network(spec_of(state)).eval()
    figures = measured(sample(generator, count, SEED), factors, features)
    return {"kimg": round(state["counters"][1] / 1000, 1), "samples": count, **figures}


def main() -> None:
    """Read the arguments and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("series", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--out", type=Path, default=Path("curve.json"))
    parser.add_argument("--threads", type=int, default=1)
    told = parser.parse_args()
    torch.set_num_threads(told.threads)
    images = wanted_pictures(told.data)
    factors, features = read_all(np.array(images[-told.count :]))
    lines: dict[str, Any] = json.loads(told.out.read_text()) if told.out.exists() else {}
    for path in checkpoints(told.series):
        if lines.get(path.name, {}).get("samples") != told.count:
            lines[path.name] = measure_checkpoint(path, told.count, factors, features)
            told.out.write_text(json.dumps(lines, indent=1) + "\n")
        line = {key: value for key, value in lines[path.name].items() if key != "samples"}
        sys.stdout.write("  ".join(f"{key} {value:g}" for key, value in line.items()) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
