"""`python -m benchmarks`: measure, print a table, write JSON."""

from __future__ import annotations

import argparse
import json
import platform
import time
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from benchmarks import dragging, exploring, films, frames, loading, profile, window
from latentstudio.models.devices import describe_device
from latentstudio.models.precision import cpu_name

PARTS = (
    "frames",
    "profile",
    "edit_depth",
    "batches",
    "threads",
    "precision",
    "loading",
    "discovery",
    "window",
    "exploring",
    "dragging",
    "films",
)


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "processor": cpu_name().partition(":")[2].strip() or platform.processor(),
        "machine": platform.machine(),
        "threads": torch.get_num_threads(),
        "device": describe_device(torch.device("cpu")),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def measure(part: str, options: argparse.Namespace) -> list[dict[str, Any]]:
    """The rows of one part."""
    if part == "frames":
        return frames.frames(options.rounds, options.peer_src, options.sizes, options.demo_graphs)
    if part == "profile":
        return profile.profile([size for size in options.sizes if size >= 256], options.rounds)
    if part == "edit_depth":
        return frames.edit_depth(options.rounds)
    if part == "batches":
        return frames.batches(options.rounds)
    if part == "threads":
        return frames.threads(options.rounds)
    if part == "precision":
        return frames.precision()
    if part == "loading":
        return loading.loading(3)
    if part == "films":
        return films.films(min(options.rounds, 3))
    if part == "dragging":
        return dragging.turning()
    if part == "window":
        return window.hand_to_picture(options.platform)
    if part == "exploring":
        return exploring.exploring(options.platform)
    return loading.discovery(options.samples)


def show(console: Console, part: str, rows: list[dict[str, Any]]) -> None:
    """Print a part as a table."""
    table = Table(title=part, title_justify="left")
    for column in ("what", "median ms", "min..max", "times quicker", "than"):
        table.add_column(column)
    for row in rows:
        spread = f"{row['min_ms']}..{row['max_ms']}" if "min_ms" in row else ""
        median = str(row.get("median_ms", row.get("value", "")))
        if "ms_per_picture" in row:
            median += f" ({row['ms_per_picture']} a picture)"
        table.add_row(row["name"], median, spread, str(row.get("ratio", "")), str(row.get("against", "")))
    console.print(table)


def main() -> None:
    """Parse the arguments and run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="which parts; all by default")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--sizes", type=int, nargs="*", default=[64, 128, 256, 512, 1024])
    parser.add_argument("--samples", type=int, default=1_000_000, help="w's for the PCA")
    parser.add_argument("--peer-src", type=Path, help="a checkout of the original stylegan2-ada-pytorch")
    parser.add_argument("--demo-graphs", type=Path, help="the folder of MobileStyleGAN's OpenVINO graphs")
    parser.add_argument("--platform", default="offscreen", help="Qt platform of the window part")
    parser.add_argument("--json", type=Path, default=Path("benchmarks/results/latest.json"))
    options = parser.parse_args()
    console = Console(width=110)
    about = machine()
    console.print(about)
    results: dict[str, Any] = {"machine": about, "when": time.strftime("%Y-%m-%d"), "parts": {}}
    for part in options.parts or PARTS:
        results["parts"][part] = rows = measure(part, options)
        show(console, part, rows)
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(results, indent=1))
    console.print(f"written to {options.json}")


if __name__ == "__main__":
    main()
