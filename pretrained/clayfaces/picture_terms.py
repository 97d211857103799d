"""What of pictures is compared, in training and in judging: fine detail, the face, what a network reads."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from plan import Plan
from torch import Tensor

from latentstudio.models.clay_factors import FactorNetwork, as_seen

EPSILON = 1e-5  # under roots of energies, so that their slopes stay small where there is nothing


def seen_by(critic: FactorNetwork, images: Tensor) -> list[Tensor]:
    """Every level of a factor network's features, then its standardised reading."""
    levels, x = [], as_seen(images)
    for layer in critic.look:
        x = layer(x)
        if isinstance(layer, torch.nn.ReLU):
            levels.append(x)
    return [*levels, critic.say(critic.think(x.flatten(1)).relu())]


def finest(images: Tensor) -> Tensor:
    """What half the resolution can't hold of images (N, C, H, W) with even sides, in their units."""
    return images - F.interpolate(F.avg_pool2d(images, 2), scale_factor=2, mode="bilinear")


def detail(images: Tensor) -> Tensor:
    """Mean magnitude of what half the resolution can't hold."""
    return finest(images).abs().mean()


def unlike_detail(fake: Tensor, real: Tensor) -> Tensor:
    """How differently much fine detail the patches of two batches hold.

    A pixel loss asks for soft edges where it isn't sure of a pixel or two; this one asks for edges as sharp
    as the drawn ones, wherever in the patch.

    Args:
        fake: (N, C, H, W) in [-1, 1]; sides from 8, even.
        real: likewise.

    Returns:
        Mean difference over patches of 8 pixels, as a share of the mean of `real`; 0 if all are alike.
    """
    made, wanted = ((F.avg_pool2d(finest(x).square(), 8) + EPSILON).sqrt() for x in (fake, real))
    return (made - wanted).abs().mean() / wanted.mean()


def face_weight(size: int, extra: float, device: str) -> Tensor:
    """Weights of pixels, (1, 1, size, size): 1 and up to 1 + `extra` where eyes, nose and mouth are."""
    side = torch.linspace(-1, 1, size, device=device)
    y, x = torch.meshgrid(side, side, indexing="ij")
    return (1 + extra * torch.exp(-((x / 0.42) ** 2 + ((y - 0.12) / 0.42) ** 2)))[None, None]


def regression(fake: Tensor, real: Tensor, plan: Plan, told: dict[str, float]) -> Tensor:
    """How far made pictures are from the drawn ones, weighed as the plan says; a scalar.

    L1 at three scales, of gradients at three, and of fine detail; eyes, nose and mouth count more. The
    gradients of the smaller pictures are what curls and strands of hair are seen by.

    Args:
        fake: (N, 3, H, W) in [-1, 1], square.
        real: likewise.
        plan: `face`, `gradient`, `waves` and `crisp` count.
        told: is told the plain L1 as "l1".
    """
    weight = face_weight(real.shape[-1], plan.face, str(real.device))
    error = (fake - real).abs()
    told["l1"] = float(error.detach().mean())
    loss = (error * weight).mean()
    small, small_real = F.avg_pool2d(fake, 2), F.avg_pool2d(real, 2)
    loss = loss + (small - small_real).abs().mean()
    loss = loss + (F.avg_pool2d(small, 4) - F.avg_pool2d(small_real, 4)).abs().mean()
    for _ in range(2 if plan.waves else 0):
        apart = small - small_real
        loss = loss + plan.waves * (apart.diff(dim=2).abs().mean() + apart.diff(dim=3).abs().mean())
        small, small_real = F.avg_pool2d(small, 2), F.avg_pool2d(small_real, 2)
    down = (fake.diff(dim=2) - real.diff(dim=2)).abs() * weight[:, :, 1:]
    right = (fake.diff(dim=3) - real.diff(dim=3)).abs() * weight[..., 1:]
    if plan.crisp:
        loss = loss + plan.crisp * unlike_detail(fake, real)
    return loss + plan.gradient * (down.mean() + right.mean())
