"""Fit a mapping network to the embedding of a run: z -> w, on latents without pictures.

    python pretrained/clayfaces/fit_mapping.py --data DATA --run RUN --out MAPPING.pt [--minutes 15]

The embedding stays as it is (freeze it in the run's plan: "embedding_lr": 0). Errors count as much as the
synthesis feels them: in the styles that w turns into, not in w itself. z is used as the mapping sees it,
divided by its own size, so that nothing about the head is left to chance.
"""

from __future__ import annotations

import argparse
import copy
import math
import os
import sys
import time
from pathlib import Path

import torch
from clay_data import load_bank
from torch import Tensor, nn
from trainable import W_DIM, Z_DIM, Embedding, mapping_config

from latentstudio.models.architectures.stylegan2_layers import Mapping

HELD_OUT = 4000


def felt_by(state: dict[str, Tensor]) -> Tensor:
    """A matrix (w_dim, w_dim) that turns differences of w into differences of styles, on average.

    Args:
        state: of the generator; every affine and the input layer read w.
    """
    metric = torch.zeros(W_DIM, W_DIM)
    readers = [name for name in state if name.endswith("affine.weight") or name == "input.weight"]
    for name in readers:
        weight = state[name].float()
        metric += weight.T @ weight / len(weight) / weight.square().mean()
    metric = metric / metric.diagonal().mean()
    metric = 0.8 * metric + 0.2 * torch.eye(W_DIM)
    return torch.linalg.cholesky(metric).T.contiguous()


def fit(
    embedding: Embedding,
    felt: Tensor,
    z: Tensor,
    features: Tensor,
    minutes: float,
    net: Mapping,
    lr: float = 2e-3,
    every: int = 500,
    steps: int = 0,
    device: str = "cpu",
) -> tuple[nn.Module, float]:
    """The mapping's averaged weights, and the share of the (felt) variance that it leaves unexplained.

    The length is told in minutes, or in steps.
    """
    with torch.no_grad():
        w = torch.cat([embedding(part) for part in features.split(8192)])
    net, felt, z, w = (part.to(device) for part in (net, felt, z, w))
    scale = (w @ felt.T).var(0).sum()
    held_out = min(HELD_OUT, len(z) // 10)
    averaged = copy.deepcopy(net).requires_grad_(False)
    optimiser = torch.optim.Adam(net.parameters(), lr=lr, betas=(0.9, 0.99), fused=True)
    start, step, left = time.monotonic(), 0, math.nan
    while True:
        share = step / steps if steps else (time.monotonic() - start) / (minutes * 60)
        if share >= 1:
            break
        optimiser.param_groups[0]["lr"] = (
            lr * min(1, (step + 1) / 200) * 0.5 * (1 + math.cos(math.pi * share))
        )
        i = torch.randint(held_out, len(z), (512,), device=device)
        with torch.autocast(device, torch.bfloat16):
            said = net(z[i], None)
        loss = ((said.float() - w[i]) @ felt.T).square().sum(1).mean() / scale
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        with torch.no_grad():
            decay = min(0.998, (step + 1) / (step + 10))
            torch._foreach_lerp_(list(averaged.parameters()), list(net.parameters()), 1 - decay)
        step += 1
        if step % every == 0:
            with torch.no_grad():
                held = averaged(z[:held_out], None) - w[:held_out]
            left = float((held @ felt.T).square().sum(1).mean() / scale)
            sys.stdout.write(f"{step} steps, {time.monotonic() - start:.0f} s: {float(loss.detach()):.4f}, ")
            sys.stdout.write(f"held out {left:.4f}\n")
            sys.stdout.flush()
    with torch.no_grad():
        averaged.w_avg.copy_(torch.cat([averaged(part, None) for part in z.split(8192)]).mean(0))
    return averaged, left


def main() -> None:
    """Read the arguments, fit, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--width", type=int, default=W_DIM, help="another one starts anew")
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--threads", type=int, default=1)
    told = parser.parse_args()
    torch.set_num_threads(told.threads)
    state = torch.load(told.run / "state.pt", weights_only=True)
    bank = load_bank(told.data)
    embedding = Embedding(state["m_ema"]["mean"], state["m_ema"]["std"]).requires_grad_(False)
    embedding.load_state_dict(state["m_ema"])
    net = Mapping(mapping_config(told.width))
    if told.width == state.get("mapping_width", W_DIM):
        prefix = "mapping_network."
        net.load_state_dict({k[len(prefix) :]: v for k, v in state["g_ema"].items() if k.startswith(prefix)})
    mapping, _ = fit(embedding, felt_by(state["g_ema"]), bank.z, bank.features, told.minutes, net, told.lr)
    temporary = told.out.with_suffix(".tmp")
    torch.save({"mapping": mapping.state_dict(), "width": told.width, "z_dim": Z_DIM}, temporary)
    os.replace(temporary, told.out)


if __name__ == "__main__":
    main()
