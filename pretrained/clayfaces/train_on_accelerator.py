"""Everything in one go against a clock, for a machine with an accelerator and some processor cores.

    python pretrained/clayfaces/train_on_accelerator.py OUT [--size 128] [--minutes 25] [--init CHECKPOINT]

Draws the heads on all cores, of smooth and of grained clay (at most a fifth of the time: what is drawn by
then is the data set), and trains. With --init (a `checkpoint64.safetensors` or another beside this file) the
network of so many pixels grows to the size asked for, best by one doubling a run. Without it, it learns from
nothing: by regression, then the mapping is fitted, then against a discriminator that was warmed up. Leaves in
OUT what is worth carrying home, each below 16 MiB: the generator in the program's format, the discriminator,
what another run goes on from, the log and grids. The whole state stays in OUT/work. With `--size 16
--minutes 1` a processor shows that all of it runs.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from checkpoints import write_checkpoint
from clay_data import load_bank, load_pictures
from fit_mapping import felt_by, fit
from grained import GrainTrainer
from make_data import draw_all, gather, shard_list
from pack import spec_of, write_discriminator
from plan import Plan

from latentstudio.clay import USUAL_GRAIN
from latentstudio.clay.factors import LATENT_DIM
from latentstudio.models.spec import write_spec

# What is done until which share of the training time.
REGRESSION = Plan(lr=2.5e-3, batch=128, face=5.0, waves=2.0, ema=0.998, distil=0.5)
ADVERSARIAL = replace(
    REGRESSION, lr=5e-4, beta1=0.5, via_z=0.75, distil=0.0, embedding_lr=0.4, gradient=1.0, mixing=0.2,
    adversarial=0.3, matching=1.5, waves=1.5, grained=0.5, d_lr=1.5e-3, ema=0.999,
)  # fmt: skip
LAST = replace(ADVERSARIAL, lr=1e-4, d_lr=5e-4)
MAPPING_IS_FITTED_AT = 0.45
FROM_NOTHING = (
    (MAPPING_IS_FITTED_AT, REGRESSION),
    (0.52, replace(REGRESSION, lr=1e-3, via_z=0.7, embedding_lr=0.0, distil=0.0)),
    (0.56, replace(ADVERSARIAL, d_only=True, d_lr=2e-3)),
    (0.92, ADVERSARIAL),
    (1.00, LAST),
)
# Edges become sharp by these, as growing to 256 pixels showed.
GROWING = {"mapping_lr": 0.2, "newest_lr": 4.0, "gradient": 0.6, "crisp": 0.5}
GROWN = (
    (0.10, replace(ADVERSARIAL, lr=1e-3, adversarial=0.1, **GROWING)),
    (0.85, replace(ADVERSARIAL, **GROWING)),
    (1.00, replace(LAST, **GROWING)),
)


def plan_at(share: float, batch: int, phases: tuple[tuple[float, Plan], ...] = FROM_NOTHING) -> Plan:
    """What to do when a share of the training time has passed."""
    return replace(next((plan for end, plan in phases if share < end), phases[-1][1]), batch=batch)


def clock(seconds: float) -> Iterator[float]:
    """Shares of a time, from 0, until it is over."""
    start = time.monotonic()
    while (share := (time.monotonic() - start) / seconds) < 1:
        yield share


def run(
    out: Path,
    size: int,
    minutes: float,
    count: int,
    curly: int,
    bank: int,
    batch: int,
    device: str,
    init: Path | None = None,
) -> None:
    """Draw, train, write; `minutes` is the whole time."""
    work = out / "work"
    work.mkdir(parents=True, exist_ok=True)
    begin = time.monotonic()
    cores = os.cpu_count() or 1
    shards = draw_all(work, shard_list(count, curly), size, 2, cores, begin + minutes * 60 * 0.2, USUAL_GRAIN)
    gather(work, shards, cores, bank)
    trainer = GrainTrainer(load_pictures(work), load_bank(work), device)
    phases = FROM_NOTHING
    if init is not None:
        trainer.start_from(init)
        phases = GROWN
    # A slow drawing must not eat the training.
    left = max(minutes * 60 - (time.monotonic() - begin), minutes * 30)
    mapping_s, training_s = left * 0.08, left * 0.87  # the rest is for writing
    mapping_is_fitted, looked = init is not None, time.monotonic()
    with (out / "log.jsonl").open("a", buffering=1) as log:
        for share in clock(training_s):
            if not mapping_is_fitted and share >= MAPPING_IS_FITTED_AT:
                embedding = trainer.m_ema.to("cpu")
                state = {key: value.cpu() for key, value in trainer.g_ema.state_dict().items()}
                fitted, unexplained, _ = fit(
                    embedding, felt_by(state), trainer.bank.z[:, :LATENT_DIM].contiguous(),
                    trainer.bank.features, mapping_s / 60, device=device, every=200,
                )  # fmt: skip
                trainer.m_ema.to(device)
                trainer.m.load_state_dict(trainer.m_ema.state_dict())
                trainer.set_mapping(len(fitted.layers[0].weight), fitted.state_dict())
                log.write(json.dumps({"mapping_leaves_unexplained": unexplained}) + "\n")
                mapping_is_fitted = True
            told = trainer.train_step(plan_at(share, batch, phases))
            if trainer.step % 200 == 0:
                means = {key: round(value, 5) for key, value in told.items()}
                log.write(
                    json.dumps({"share": round(share, 3), "kimg": trainer.shown / 1000, **means}) + "\n"
                )
            if time.monotonic() - looked > max(90.0, training_s / 12):
                log.write(
                    json.dumps({"kimg": trainer.shown / 1000, "snapshot": trainer.snapshot(out)}) + "\n"
                )
                torch.save(trainer.state(), work / "state.pt")
                looked = time.monotonic()
        log.write(json.dumps({"kimg": trainer.shown / 1000, "snapshot": trainer.snapshot(out)}) + "\n")
    state = trainer.state()
    torch.save(state, work / "state.pt")
    cpu = {"g_ema": {key: value.cpu() for key, value in state["g_ema"].items()}}
    spec = spec_of({**cpu, "mapping_width": trainer.mapping_width})
    write_spec(out / f"clayfaces{size}.safetensors", spec, half=True)
    write_checkpoint(state, out / f"checkpoint{size}.safetensors")
    drawn = np.load(work / "grained.npy", mmap_mode="r")
    write_discriminator(state, np.array(drawn[-256:]), out / f"clayfaces{size}.discriminator.safetensors")
    seconds = time.monotonic() - begin
    sys.stdout.write(f"{trainer.shown / 1000:.0f} kimg, {len(np.load(work / 'latents.npy'))} pictures, ")
    sys.stdout.write(f"{seconds / 60:.1f} minutes\n")


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--minutes", type=float, default=25)
    parser.add_argument("--count", type=int, default=30_000)
    parser.add_argument("--curly", type=int, default=6000, help="so many heads with curls beside them")
    parser.add_argument("--bank", type=int, default=200_000)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--init", type=Path, help="a checkpoint of fewer pixels to grow from")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    told = parser.parse_args()
    run(
        told.out,
        told.size,
        told.minutes,
        told.count,
        told.curly,
        told.bank,
        told.batch,
        told.device,
        told.init,
    )


if __name__ == "__main__":
    main()
