"""Train the clay faces' generator; resumable, steered by a small file.

    python pretrained/clayfaces/train.py --data DATA --run RUN [--init CHECKPOINT] [--minutes 60]

Three things are learnt side by side. An embedding turns the explicit features of a drawn head into w, and the
synthesis turns w into the picture, compared with the drawn one (regression). The mapping learns to give the
same w from z, on fresh latents that need no picture. Later, as `RUN/plan.json` says, pictures go through the
mapping too, and a discriminator joins. `plan.json` is read again every 50 steps; see `Plan`.

Everything needed to go on is in `RUN/state.pt`, written through a temporary file every few minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from dataclasses import asdict
from multiprocessing.connection import Connection
from pathlib import Path

import torch
from clay_data import load_bank, load_pictures
from grained import GrainTrainer
from plan import read_plan
from sharing import is_first, join, links, same_start, told_by_first
from torch import multiprocessing
from trainer import Trainer

from latentstudio.models.clay_factors import load_factor_network


def save_state(trainer: Trainer, folder: Path) -> None:
    """Write `state.pt` through a temporary file, so that a cut never costs the run."""
    temporary = folder / "state.tmp"
    torch.save(trainer.state(), temporary)
    os.replace(temporary, folder / "state.pt")


def keep(trainer: Trainer, folder: Path) -> None:
    """Copy the averaged generator into `series`, for the curve over training (`curve.py`)."""
    (folder / "series").mkdir(exist_ok=True)
    state = trainer.state()
    kept = {key: state[key] for key in ("counters", "mapping_width")}
    kept["g_ema"] = {key: value.half() for key, value in state["g_ema"].items()}
    torch.save(kept, folder / "series" / f"{trainer.shown // 1000:05d}.pt")


def run(trainer: Trainer, folder: Path, minutes: float, every_s: float, series: bool = False) -> None:
    """Train until the time is over or the plan says stop; figures go to `log.jsonl`."""
    start = saved = time.monotonic()
    plan, sums, count, over = read_plan(folder / "plan.json"), {}, 0, False
    with (folder / "log.jsonl").open("a", buffering=1) as log:
        while True:
            if trainer.step % 50 == 0:
                late = time.monotonic() - start > minutes * 60
                plan, over = told_by_first((read_plan(folder / "plan.json"), late))
                over = over or plan.stop
            before = time.monotonic()
            for key, value in trainer.train_step(plan).items():
                sums[key] = sums.get(key, 0.0) + value
            count += 1
            now = time.monotonic()
            trainer.seconds += now - before
            if not is_first():
                if over:
                    return
                continue
            if trainer.step % 100 == 0 or over:
                entry = {
                    "step": trainer.step,
                    "kimg": trainer.shown / 1000,
                    "seconds": round(trainer.seconds),
                }
                entry |= {key: round(value / count, 5) for key, value in sums.items()}
                log.write(json.dumps(entry) + "\n")
                sums, count = {}, 0
            if now - saved > every_s or over:
                save_state(trainer, folder)
                if series:
                    keep(trainer, folder)
                told = {key: round(value, 4) for key, value in trainer.snapshot(folder).items()}
                entry = {"step": trainer.step, "kimg": trainer.shown / 1000, "clock": time.strftime("%H:%M")}
                log.write(json.dumps(entry | {"plan": asdict(plan), "snapshot": told}) + "\n")
                saved = time.monotonic()
            if over:
                return


def main() -> None:
    """Read the arguments and train."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder written by make_data.py")
    parser.add_argument("--run", type=Path, required=True, help="folder of this run")
    parser.add_argument("--init", type=Path, help="an earlier training checkpoint to take the weights from")
    parser.add_argument("--curls", type=float, default=1.5, help="how often heads with curls are shown")
    parser.add_argument("--pixels", type=int, help="train coarse blocks alone, on pictures of so many pixels")
    parser.add_argument("--coarse", type=Path, help="a state of such a run, to take over once")
    parser.add_argument("--mapping", type=Path, help="a mapping fitted by fit_mapping.py, to take over once")
    parser.add_argument("--critic", type=Path, help="a factor network for the perceptual loss")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--every", type=float, default=240, help="seconds between two states")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--series", action="store_true", help="keep a copy of the generator with every state")
    parser.add_argument("--processes", type=int, default=1, help="train in so many, each with --threads")
    told = parser.parse_args()
    told.run.mkdir(parents=True, exist_ok=True)
    between = links(told.processes)
    if between:
        multiprocessing.spawn(train, (told, between), nprocs=told.processes)
    else:
        train(0, told, between)


def train(rank: int, told: argparse.Namespace, between: list[tuple[Connection, Connection]]) -> None:
    """One of the training processes, or the only one."""
    join(rank, between)
    torch.set_num_threads(told.threads)
    torch.manual_seed(int(time.time()) + 1000 * rank)
    pictures = load_pictures(told.data, told.curls)
    if told.pixels:
        pictures = pictures.pooled(told.pixels)
    kind = Trainer if pictures.grained is None else GrainTrainer
    trainer = kind(pictures, load_bank(told.data), told.device)
    if told.critic:
        trainer.critic = load_factor_network(told.critic).to(told.device)
    if (told.run / "state.pt").exists():
        trainer.restore(torch.load(told.run / "state.pt", weights_only=True))
        say(f"going on at step {trainer.step}")
    elif told.init:
        left = trainer.start_from(told.init)
        say(f"took over {told.init.name}; embedding leaves {left:.3f} of its w unexplained")
    if told.mapping:
        fitted = torch.load(told.mapping, weights_only=True)
        trainer.set_mapping(fitted["width"], fitted["mapping"])
        say(f"took over the mapping {told.mapping.name}")
    if told.coarse:
        trainer.take_coarse(torch.load(told.coarse, weights_only=True))
        say(f"took over what {told.coarse} learnt of smaller pictures")
    if between:
        trainer.restore(same_start(trainer.state()))
    run(trainer, told.run, told.minutes, told.every, told.series)


def say(words: str) -> None:
    """Tell it once, whatever the number of processes."""
    if is_first():
        sys.stdout.write(words + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
