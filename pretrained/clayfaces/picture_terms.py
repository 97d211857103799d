"""What of pictures is compared, in training and in judging: fine detail, the face, what a network reads."""

from __future__ import annotations

import torch
import torch.nn.functional as F
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
