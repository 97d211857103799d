"""Train the network that reads factors off pictures, and say how well it does.

    python pretrained/clayfaces/train_estimator.py DATA OUT.safetensors [--epochs 12]

The last 1,000 pictures are held out. Pictures are mirrored half of the time, and half of them are blurred by
a random amount: generated pictures are softer than drawn ones, and must not be misread for that. A table of
errors is printed and written beside the weights as `OUT.json`.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import save_file
from torch import Tensor

from latentstudio import clay
from latentstudio.clay.observables import OBSERVABLES, to_observables, visible
from latentstudio.models.clay_factors import FactorNetwork

HELD_OUT = 1000


def softened(x: Tensor) -> Tensor:
    """Half of the pictures blurred by a random amount."""
    coarse = F.interpolate(F.avg_pool2d(x, 2), scale_factor=2, mode="bilinear", align_corners=False)
    amount = (torch.rand(len(x), 1, 1, 1) * 2 - 1).clamp(min=0)
    return x.lerp(coarse, amount)


def pixels(images: np.ndarray) -> Tensor:
    """uint8 (N, H, W, 3) -> (N, 3, H, W) in [-1, 1]."""
    return torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1


def errors(network: FactorNetwork, images: np.ndarray, factors: np.ndarray) -> dict[str, dict[str, float]]:
    """By observable: mean absolute error, deviation in the data, share of variance explained."""
    network.eval()
    with torch.inference_mode():
        said = np.concatenate([network(pixels(part)).numpy() for part in np.array_split(images, 8)])
    true, seen = to_observables(factors), visible(factors)
    table = {}
    for i, name in enumerate(OBSERVABLES):
        t, s = true[seen[:, i], i], said[seen[:, i], i]
        entry = {
            "error": np.abs(t - s).mean(),
            "deviation": t.std(),
            "explained": 1 - ((t - s) ** 2).mean() / t.var(),
        }
        if name in clay.NAMES and not clay.FACTORS[clay.NAMES.index(name)].smooth:
            entry["right"] = ((s > 0.5) == (t > 0.5)).mean()
        table[name] = {key: round(float(value), 4) for key, value in entry.items()}
    return table


def train(folder: Path, epochs: float, batch: int = 64, seed: int = 0) -> tuple[FactorNetwork, dict]:
    """The trained network and its errors on held-out pictures."""
    torch.manual_seed(seed)
    images = np.load(folder / "images.npy", mmap_mode="r")
    latents = np.load(folder / "latents.npy")
    factors = [clay.latents_to_factors(u) for u in (latents, clay.mirrored_latents(latents))]
    targets = torch.from_numpy(np.stack([to_observables(f) for f in factors]))
    seen = torch.from_numpy(np.stack([visible(f) for f in factors]))
    count = len(images) - min(HELD_OUT, len(images) // 5)
    network = FactorNetwork()
    network.mean.copy_(targets[0, :count].mean(0))
    network.std.copy_(targets[0, :count].std(0).clamp(min=1e-3))
    network.to(memory_format=torch.channels_last)
    steps = round(epochs * count / batch)
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=1e-3, fused=True)
    start = time.monotonic()
    for step in range(steps):
        share = step / steps
        optimiser.param_groups[0]["lr"] = (
            2e-3 * min(1, (step + 1) / 100) * 0.5 * (1 + math.cos(math.pi * share))
        )
        i = np.sort(np.random.default_rng((seed, step)).choice(count, batch, replace=False))
        x = pixels(np.ascontiguousarray(images[i]))
        mirrored = torch.rand(batch) < 0.5
        x = softened(torch.where(mirrored[:, None, None, None], x.flip(3), x))
        side = mirrored.long()
        true = (targets[side, i] - network.mean) / network.std
        with torch.autocast("cpu", torch.bfloat16):
            said = network.standardised(x.contiguous(memory_format=torch.channels_last))
        loss = (F.smooth_l1_loss(said.float(), true, reduction="none") * seen[side, i]).mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        if step % 200 == 0:
            sys.stdout.write(f"{step}/{steps} loss {loss.item():.4f}, {time.monotonic() - start:.0f} s\n")
            sys.stdout.flush()
    return network, errors(network, np.ascontiguousarray(images[count:]), factors[0][count:])


def write(network: FactorNetwork, path: Path) -> None:
    """Store the weights in 16 bits, counters left out."""
    arrays = {}
    for name, value in network.state_dict().items():
        if value.is_floating_point():
            stored = value if name in ("mean", "std") else value.half()
            # safetensors writes memory as it lies, and channels come last there.
            arrays[name] = np.ascontiguousarray(stored.numpy())
    save_file(arrays, path)


def main() -> None:
    """Read the arguments, train, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--epochs", type=float, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    told = parser.parse_args()
    torch.set_num_threads(told.threads)
    network, table = train(told.data, told.epochs, seed=told.seed)
    write(network, told.out)
    told.out.with_suffix(".json").write_text(json.dumps(table, indent=1) + "\n")
    for name, entry in table.items():
        sys.stdout.write(f"{name:16} explained {entry['explained']:6.3f}  error {entry['error']:.4f}\n")


if __name__ == "__main__":
    main()
