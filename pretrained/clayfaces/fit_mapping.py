"""Fit a mapping network to the embedding of a run: z -> w, on latents without pictures.

    python pretrained/clayfaces/fit_mapping.py --data DATA --run RUN --out MAPPING.pt [--front OLD.pt]

What is hard about z -> w is z -> explicit features: whether there is hair or are glasses hangs on
thresholds of two or three coordinates. So a front of four layers learns the features, told both by them and
by the w that the embedding makes of them; its last layer and the embedding's first, linear where they meet,
become one, and front and embedding together are the mapping. Errors of w count as much as the synthesis
feels them: in the styles that w turns into. Coordinates of z that mean nothing have no weight in it.

Features stay what they are while the embedding learns on. So with --front the front of an earlier mapping
goes on; with --minutes 0 it is joined with the embedding of now, and nothing else.
"""

from __future__ import annotations

import argparse
import copy
import math
import os
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import torch
from clay_data import load_bank
from torch import Tensor, nn
from trainable import W_DIM, Z_DIM, Embedding, mapping_config

from latentstudio.clay.factors import LATENT_DIM
from latentstudio.models.architectures.stylegan2_layers import Mapping
from latentstudio.models.layers import FullyConnected

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


class Front(nn.Module):
    """Named latents -> standardised features of the head.

    Args:
        latents: how many coordinates mean something.
        features: how many features.
        width: of the hidden layers.
    """

    def __init__(self, latents: int, features: int, width: int) -> None:
        super().__init__()
        sizes = [latents, width, width, width]
        hidden = [FullyConnected(a, b, activation="lrelu") for a, b in pairwise(sizes)]
        self.layers = nn.Sequential(*hidden, FullyConnected(width, features))

    def forward(self, latents: Tensor) -> Tensor:
        """(N, latents) -> (N, features)."""
        y: Tensor = self.layers(latents)
        return y


class Fitted(NamedTuple):
    """What a fit leaves.

    Attributes:
        mapping: z -> w.
        unexplained: the share of w's (felt) variance that it misses, on latents it was not fitted to.
        front: z -> features, to go on from.
    """

    mapping: Mapping
    unexplained: float
    front: Front


@torch.no_grad()
def joined(front: Front, embedding: Embedding, width: int) -> Mapping:
    """Front and embedding as one mapping of z, which divides z by its own size first."""
    mapping = Mapping(mapping_config(width)).requires_grad_(False)
    first, second, third, last = ((fc.weight * fc.weight_gain, fc.bias) for fc in front.layers)
    inner, outer, end = ((fc.weight * fc.weight_gain, fc.bias) for fc in embedding.layers)
    wide = torch.zeros(width, Z_DIM)
    wide[:, : first[0].shape[1]] = first[0]
    between = (inner[0] @ last[0], inner[0] @ last[1] + inner[1])
    layers = [(wide, first[1]), second, third, between, outer, end]
    for layer, (weight, bias) in zip(mapping.layers, layers, strict=True):
        layer.weight.copy_(weight / layer.weight_gain)
        layer.bias.copy_(bias)
    return mapping


def rarity(shown: Tensor) -> Tensor:
    """How often to show each head, relative (N,): more where a switch stands as it rarely does.

    One head in sixteen is bald and one in thirty wears a bun; seen no more often, they come out with hair.
    """
    switches = torch.tensor([len(column.unique()) == 2 for column in shown[:4000].T])
    return 1 + (shown[:, switches].abs() - 1.5).clamp(min=0).sum(1)


def fit(
    embedding: Embedding,
    felt: Tensor,
    latents: Tensor,
    features: Tensor,
    minutes: float,
    lr: float = 3e-3,
    every: int = 500,
    steps: int = 0,
    device: str = "cpu",
    front: Front | None = None,
) -> Fitted:
    """A mapping as wide as the embedding.

    Args:
        embedding: on the CPU; stays as it is.
        felt: what `felt_by` says of the generator.
        latents: (N, L), those coordinates of z that mean something.
        features: (N, F), of the same heads.
        minutes: how long; or, if `steps` is not 0, so many steps.
        lr: at the beginning; it falls to 0 along a cosine.
        every: steps between two lines of the log.
        steps: instead of minutes.
        device: where to fit.
        front: to go on from; None for a new one.
    """
    with torch.no_grad():
        shown = ((features - embedding.mean) / embedding.std).clamp(-4, 4)
        w = torch.cat([embedding.layers(part) for part in shown.split(8192)])
    order = rarity(shown)[min(HELD_OUT, len(latents) // 10) :].double().cumsum(0)
    width = embedding.layers[0].weight.shape[0]
    front = copy.deepcopy(front) if front else Front(latents.shape[1], shown.shape[1], width)
    front.to(device)
    back = copy.deepcopy(embedding.layers).requires_grad_(False).to(device)
    felt, latents, shown, w = (part.to(device) for part in (felt, latents, shown, w))
    scale = (w @ felt.T).var(0).sum()
    held_out = min(HELD_OUT, len(latents) // 10)
    averaged = copy.deepcopy(front).requires_grad_(False)
    optimiser = torch.optim.Adam(front.parameters(), lr=lr, betas=(0.9, 0.99), fused=True)
    start, step = time.monotonic(), 0

    @torch.no_grad()
    def left() -> float:
        held = back(averaged(latents[:held_out])) - w[:held_out]
        return float((held @ felt.T).square().sum(1).mean() / scale)

    while steps or minutes:
        share = step / steps if steps else (time.monotonic() - start) / (minutes * 60)
        if share >= 1:
            break
        optimiser.param_groups[0]["lr"] = (
            lr * min(1, (step + 1) / 200) * 0.5 * (1 + math.cos(math.pi * share))
        )
        drawn = torch.rand(512, dtype=torch.float64) * order[-1]
        i = (torch.searchsorted(order, drawn).clamp(max=len(order) - 1) + held_out).to(device)
        # Thresholds grow steep at the end, where 16 bits are too few.
        with torch.autocast(device, torch.bfloat16, enabled=share < 0.7):
            said = front(latents[i])
            made = back(said)
        loss = ((made.float() - w[i]) @ felt.T).square().sum(1).mean() / scale
        loss = loss + 0.5 * (said.float() - shown[i]).square().mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        with torch.no_grad():
            decay = min(0.998, (step + 1) / (step + 10))
            torch._foreach_lerp_(list(averaged.parameters()), list(front.parameters()), 1 - decay)
        step += 1
        if step % every == 0:
            sys.stdout.write(f"{step} steps, {time.monotonic() - start:.0f} s: {float(loss.detach()):.4f}, ")
            sys.stdout.write(f"held out {left():.4f}\n")
            sys.stdout.flush()
    unexplained = left()
    mapping = joined(averaged.cpu(), embedding, width)
    with torch.no_grad():
        z = torch.randn(65_536, Z_DIM, generator=torch.Generator().manual_seed(0))
        mapping.w_avg.copy_(torch.cat([mapping(part, None) for part in z.split(8192)]).mean(0))
    return Fitted(mapping, unexplained, averaged)


def main() -> None:
    """Read the arguments, fit, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--front", type=Path, help="an earlier MAPPING.pt whose front goes on")
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--threads", type=int, default=1)
    told = parser.parse_args()
    torch.set_num_threads(told.threads)
    state = torch.load(told.run / "state.pt", weights_only=True)
    bank = load_bank(told.data)
    embedding = Embedding(state["m_ema"]["mean"], state["m_ema"]["std"]).requires_grad_(False)
    embedding.load_state_dict(state["m_ema"])
    latents = bank.z[:, :LATENT_DIM].contiguous()
    front = None
    if told.front:
        stored = torch.load(told.front, weights_only=True)
        front = Front(latents.shape[1], bank.features.shape[1], stored["width"])
        front.load_state_dict(stored["front"])
    felt = felt_by(state["g_ema"])
    fitted = fit(embedding, felt, latents, bank.features, told.minutes, told.lr, front=front)
    sys.stdout.write(f"unexplained: {fitted.unexplained:.4f}\n")
    temporary = told.out.with_suffix(".tmp")
    kept = {"mapping": fitted.mapping.state_dict(), "front": fitted.front.state_dict()}
    torch.save({**kept, "width": len(fitted.mapping.layers[0].weight), "z_dim": Z_DIM}, temporary)
    os.replace(temporary, told.out)


if __name__ == "__main__":
    main()
