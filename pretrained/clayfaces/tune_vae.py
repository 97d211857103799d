"""Sharpen the small autoencoder against a discriminator.

    python pretrained/clayfaces/tune_vae.py DATA --run RUN --minutes 15 [--discriminator FILE]

Goes on from a run of `train_vae.py` whose pictures have reached 64 pixels. The encoder stays; the decoder
learns to make the discriminator, which learnt beside the clay faces and learns on here, take for real
what it makes of pictures and of z drawn by class (`make_classes.law`), and to look the same as the
original in the discriminator's levels.

Source: Larsen et al., "Autoencoding beyond pixels using a learned similarity metric".
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from clay_grids import save_grid
from make_classes import CLASSES, kinds_of, law
from torch import Tensor
from train_vae import HELD_OUT, Run
from trainable import Discriminator
from vae_network import batches, whitening

from latentstudio.models.discriminators.own import beside, read_own

DISCRIMINATOR = beside(Path(__file__).parents[1] / "clayfaces64" / "clayfaces64.safetensors")
BATCH = 16
ADVERSARIAL, MATCHING, R1 = 0.1, 1.0, 1.0
EVERY_S = 120


def warm_discriminator(path: Path) -> Discriminator:
    """The stored one, ready to learn on."""
    stored = read_own(path)
    arrays = {name: stored.weights[name.replace(".", "_")] for name in stored.names}
    widths = [len(arrays[f"first.{i}.weight"]) for i in range(stored.blocks)] + [len(arrays["last.weight"])]
    net = Discriminator(stored.resolution, tuple(widths[::-1]), fold=stored.config.fold)
    net.load_state_dict(arrays)
    net.compute_dtype = torch.bfloat16
    return net.to(memory_format=torch.channels_last)


class Tuning:
    """Decoder against discriminator.

    Args:
        run: the training to go on from; its averaged weights are what is tuned.
        discriminator: warm.
        kinds: class of each of the run's pictures.
        count: of classes.
    """

    def __init__(self, run: Run, discriminator: Discriminator, kinds: np.ndarray, count: int) -> None:
        torch.manual_seed(1)
        self.images, self.d = run.images, discriminator
        self.net = deepcopy(run.average).requires_grad_(False)
        self.net.net.steps.requires_grad_(True)
        self.average = deepcopy(self.net).requires_grad_(False)
        with torch.no_grad():
            self.z = torch.cat([self.net.look(x, learn=False) for x in batches(self.images)])
        self.kinds = torch.from_numpy(kinds)
        self.spread = self.net.log_spread.exp()
        mean, root = whitening(self.z, self.spread)
        white = torch.linalg.solve(root, (self.z.double() - mean).T).T
        means, around = law(white, self.kinds, count)
        self.mean, self.root = mean.float(), root.float()
        self.means, self.around = means, around
        self.decoder = list(self.net.net.steps.parameters())
        self.g_optimiser = torch.optim.Adam(self.decoder, lr=3e-4, betas=(0.5, 0.99), fused=True)
        self.d_optimiser = torch.optim.Adam(self.d.parameters(), lr=1e-3, betas=(0.5, 0.99), fused=True)
        self.step, self.seconds = 0, 0.0

    def drawn(self, count: int) -> Tensor:
        """Random z (count, z_dim), in the encoder's own terms: half by class, half from the law of all."""
        white = torch.randn(count, self.means.shape[1])
        some = count // 2
        kinds = self.kinds[torch.randint(len(self.kinds), (some,))]
        white[:some] = white[:some] @ self.around + self.means[kinds]
        return white @ self.root + self.mean

    def train_step(self, share: float = 0.0) -> dict[str, float]:
        """One step of both; `share` of the time is over."""
        i = torch.randint(len(self.images), (BATCH,)).sort()[0]
        x = next(batches(self.images[i.numpy()], BATCH))
        z = self.z[i] + torch.randn(BATCH, self.z.shape[1]) * self.spread
        with torch.autocast("cpu", torch.bfloat16):
            made = self.net.draw(torch.cat([z, self.drawn(BATCH // 2)]))
        told = self._judge(x, made.detach())
        self.d.requires_grad_(False)
        score, seen = self.d.look(made)
        with torch.no_grad():
            _, wanted = self.d.look(x)
        apart = made[:BATCH] - x
        loss = apart.abs().mean() + F.avg_pool2d(apart, 4).abs().mean()
        loss = loss + ADVERSARIAL * F.softplus(-score.float()).mean()
        for a, b in zip(seen, wanted, strict=True):
            size = b.abs().float().mean().clamp(min=1e-3)
            loss = loss + MATCHING / len(seen) * (a[:BATCH] - b).abs().float().mean() / size
        self.d.requires_grad_(True)
        self.g_optimiser.param_groups[0]["lr"] = 3e-4 * min(1, 4 * (1 - share))
        self.g_optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.g_optimiser.step()
        self.step += 1
        with torch.no_grad():
            mine = list(self.average.net.steps.parameters())
            torch._foreach_lerp_(mine, self.decoder, 1 - min(0.995, self.step / (self.step + 10)))
        return {**told, "error": float(apart.detach().abs().mean())}

    def _judge(self, x: Tensor, made: Tensor) -> dict[str, float]:
        real, false = self.d(x).float(), self.d(made).float()
        loss = F.softplus(-real).mean() + F.softplus(false).mean()
        self.d_optimiser.zero_grad(set_to_none=True)
        loss.backward()
        if self.step % 16 == 0:
            leaf = x[:8].detach().requires_grad_(True)
            (slope,) = torch.autograd.grad(self.d(leaf).sum(), leaf, create_graph=True)
            (slope.square().sum((1, 2, 3)).mean() * (R1 * 8)).backward()
        self.d_optimiser.step()
        return {
            "d": float(loss.detach()),
            "real": float(real.detach().mean()),
            "false": float(false.detach().mean()),
        }

    def state(self) -> dict[str, Any]:
        """Everything that a later session needs."""
        names = ("net", "average", "d", "g_optimiser", "d_optimiser")
        return {
            **{name: getattr(self, name).state_dict() for name in names},
            "counters": (self.step, self.seconds),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """The inverse of `state`."""
        for name in ("net", "average", "d", "g_optimiser", "d_optimiser"):
            getattr(self, name).load_state_dict(state[name])
        self.step, self.seconds = state["counters"]


def save(tuning: Tuning, held: np.ndarray, folder: Path, told: dict[str, float]) -> None:
    """State, a line of the log, pictures that went through, and random ones."""
    temporary = folder / "tuned.part"
    torch.save(tuning.state(), temporary)
    os.replace(temporary, folder / "tuned.pt")
    line = {"tuned": tuning.step, "processor_seconds": round(tuning.seconds)}
    with (folder / "log.jsonl").open("a") as log:
        log.write(json.dumps({**line, **{key: round(value, 4) for key, value in told.items()}}) + "\n")
    with torch.inference_mode():
        x = next(batches(held[:16], 16))
        said = tuning.average.draw(tuning.average.look(x, learn=False))
        save_grid(torch.cat([x, said, tuning.average.draw(tuning.drawn(32))]), folder / "tuned.png", 16)


def main() -> None:
    """Read the arguments and tune."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--run", type=Path, default=Path("vae-run"))
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--discriminator", type=Path, default=DISCRIMINATOR)
    parser.add_argument("--threads", type=int, default=1)
    told = parser.parse_args()
    torch.set_num_threads(told.threads)
    images = np.load(told.data / "images.npy", mmap_mode="r")
    names = (told.data / "factor_names.txt").read_text().split()
    kinds = kinds_of(dict(zip(names, np.load(told.data / "factors.npy").T, strict=True)))[:-HELD_OUT]
    run = Run(np.array(images[:-HELD_OUT]))
    run.restore(torch.load(told.run / "state.pt", weights_only=True))
    tuning = Tuning(run, warm_discriminator(told.discriminator), kinds, len(CLASSES))
    if (told.run / "tuned.pt").exists():
        tuning.restore(torch.load(told.run / "tuned.pt", weights_only=True))
    start = saved = time.monotonic()
    busy, before, said = time.process_time(), tuning.seconds, {"error": math.nan}
    held = np.array(images[-HELD_OUT:])
    while (share := (time.monotonic() - start) / (60 * told.minutes)) < 1:
        said = tuning.train_step(share)
        if time.monotonic() - saved > EVERY_S:
            saved, tuning.seconds = time.monotonic(), before + time.process_time() - busy
            save(tuning, held, told.run, said)
    tuning.seconds = before + time.process_time() - busy
    save(tuning, held, told.run, said)
    sys.stdout.write(f"{tuning.step} steps, {tuning.seconds:.0f} s of processor time\n")


if __name__ == "__main__":
    main()
