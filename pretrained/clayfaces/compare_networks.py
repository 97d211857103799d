"""Exact StyleGAN2 or the compact variant: train either from nothing against a processor's clock.

    taskset -c 0 python pretrained/clayfaces/compare_networks.py DATA OUT --network exact --minutes 60
    taskset -c 0 python pretrained/clayfaces/compare_networks.py DATA OUT --network compact --minutes 60
    taskset -c 0 python pretrained/clayfaces/compare_networks.py DATA OUT --speed

Both learn by the recipe that the bundled network began with (regression from explicit features, the mapping
distilled beside it), from the same random weights where they have the same weights, with the same pictures
in the same order, in one thread. What counts is processor time of the training steps alone, so that two
runs may share a core. Every five minutes of it one line goes to `OUT/NAME.jsonl` and the grids to
`OUT/NAME/MINUTES`; `OUT/NAME/state.pt` lets a run go on where it was cut. `--speed` measures both by turns:
pictures a second in training, milliseconds to draw one with the program's own network.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from clay_data import Bank, Pictures, load_bank, load_pictures
from exact import new_exact_generator
from plan import Plan
from torch import Tensor
from trainable import CHANNELS, new_generator
from trainer import Trainer

from latentstudio.models.architectures import stylegan2, stylegan2_compact
from latentstudio.models.generator import Generator

NETWORKS: dict[str, tuple[Callable[..., Generator], Callable[[dict[str, Any]], Generator]]] = {
    "exact": (new_exact_generator, stylegan2.build),
    "compact": (new_generator, stylegan2_compact.build),
}
SEED = 8
BATCH = 16
MARK_S = 300.0  # processor time between two lines of the log


def learning_rate(share: float) -> float:
    """2e-3, falling evenly to a tenth in the last fifth; `share` of the time is gone."""
    return 2e-3 * (1 - 0.9 * min(max((share - 0.8) / 0.2, 0.0), 1.0))


def new_trainer(name: str, pictures: Pictures, bank: Bank, channels: list[int]) -> Trainer:
    """A trainer whose every weight that the other network has as well begins as there."""
    torch.manual_seed(SEED)
    generator = NETWORKS[name][0](channels)
    torch.manual_seed(SEED + 1)
    trainer = Trainer(pictures, bank, generator=generator)
    torch.manual_seed(SEED + 2)  # the pictures' order
    return trainer


def save(trainer: Trainer, path: Path) -> None:
    """Write the state, chance's included, through a temporary file."""
    temporary = path.with_suffix(".tmp")
    torch.save(trainer.state() | {"chance": torch.get_rng_state()}, temporary)
    os.replace(temporary, path)


def train(trainer: Trainer, name: str, out: Path, minutes: float, every_s: float = 180.0) -> None:
    """Train, or go on, until `minutes` of processor time went into steps."""
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / "state.pt").exists():
        state = torch.load(folder / "state.pt", weights_only=True)
        trainer.restore(state)
        torch.set_rng_state(state["chance"])
    saved, sums, count = trainer.seconds, {}, 0
    while trainer.seconds < minutes * 60:
        plan = Plan(lr=learning_rate(trainer.seconds / (minutes * 60)), batch=BATCH)
        mark = trainer.seconds // MARK_S
        before = time.process_time()
        told = trainer.train_step(plan)
        trainer.seconds += time.process_time() - before
        count += 1
        for key, value in told.items():
            sums[key] = sums.get(key, 0.0) + value
        over = trainer.seconds >= minutes * 60
        if trainer.seconds // MARK_S > mark or over:
            entry = {
                "network": name,
                "minutes": round(trainer.seconds / 60, 2),
                "step": trainer.step,
                "kimg": trainer.shown / 1000,
                "pictures_s": round(trainer.shown / trainer.seconds, 2),
                "lr": plan.lr,
                "l1": round(sums["l1"] / count, 5),
            }
            grids = folder / f"{trainer.seconds / 60:02.0f}"
            grids.mkdir(exist_ok=True)
            entry |= {key: round(value, 4) for key, value in trainer.snapshot(grids).items()}
            with (out / f"{name}.jsonl").open("a") as log:
                log.write(json.dumps(entry) + "\n")
            sums, count = {}, 0
        if trainer.seconds - saved > every_s or not count:
            save(trainer, folder / "state.pt")
            saved = trainer.seconds


def measure_speed(trainers: dict[str, Trainer], rounds: int = 9, steps: int = 10) -> dict[str, Any]:
    """Medians over `rounds`, the networks by turns: pictures/s of processor time, and ms for one picture."""
    rates: dict[str, list[float]] = {name: [] for name in trainers}
    times: dict[str, list[float]] = {name: [] for name in trainers}
    drawn = {name: _as_drawn(name, trainer) for name, trainer in trainers.items()}
    z = torch.randn(20, next(iter(drawn.values())).info.z_dim)
    for turn in range(rounds + 1):
        for name, trainer in trainers.items():
            before = time.process_time()
            for _ in range(steps):
                trainer.train_step(Plan(batch=BATCH))
            rate = steps * BATCH / (time.process_time() - before)
            passed = _time_to_draw(drawn[name], z)
            if turn:  # the first one warms up
                rates[name].append(rate)
                times[name].append(passed)
    return {
        name: {
            "pictures_s": round(statistics.median(rates[name]), 1),
            "draw_ms": round(statistics.median(times[name]), 2),
            "weights": sum(p.numel() for p in drawn[name].parameters()),
        }
        for name in trainers
    }


def _as_drawn(name: str, trainer: Trainer) -> Generator:
    network = NETWORKS[name][1](trainer.g.config)
    network.load_state_dict(trainer.g.state_dict())
    return network.requires_grad_(False).eval()


def _time_to_draw(network: Generator, z: Tensor) -> float:
    """Processor milliseconds from one z to its picture, in 32 bits."""
    with torch.inference_mode():
        network.synthesis(network.mapping(z[:1]))
        before = time.process_time()
        for one in z.split(1):
            network.synthesis(network.mapping(one))
    return (time.process_time() - before) / len(z) * 1000


def main() -> None:
    """Read the arguments; train one network, or measure the speed of both."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("data", type=Path, help="folder written by make_data.py")
    parser.add_argument("out", type=Path, help="folder of the logs and grids")
    parser.add_argument("--network", choices=list(NETWORKS), default="exact")
    parser.add_argument("--minutes", type=float, default=60, help="of processor time")
    parser.add_argument("--speed", action="store_true", help="measure the speed of both instead")
    told = parser.parse_args()
    torch.set_num_threads(1)
    pictures, bank = load_pictures(told.data), load_bank(told.data)
    channels = CHANNELS[: (pictures.images.shape[-1]).bit_length() - 2]
    if told.speed:
        trainers = {name: new_trainer(name, pictures, bank, channels) for name in NETWORKS}
        sys.stdout.write(json.dumps(measure_speed(trainers), indent=1) + "\n")
        return
    told.out.mkdir(parents=True, exist_ok=True)
    train(new_trainer(told.network, pictures, bank, channels), told.network, told.out, told.minutes)


if __name__ == "__main__":
    main()
