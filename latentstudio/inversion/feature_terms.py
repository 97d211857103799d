"""Terms of a distance that look through a network: perceptual features, LPIPS, a discriminator.

Owns the comparison of features; the networks are in `models.feature_networks`. Any thread.

Source: Zhang et al., "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric",
equation 1, with all weights alike where no weights were trained for the network.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from latentstudio.models.feature_networks import FeatureNetwork, LpipsVGG16

Measure = Callable[[Tensor], Tensor]


def features(network: FeatureNetwork) -> Callable[[Tensor], Measure]:
    """Squared differences of unit-length features, averaged over places and levels."""

    def prepare(targets: Tensor) -> Measure:
        wanted = [_unit(level) for level in network(targets)]

        def measure(images: Tensor) -> Tensor:
            found = [_unit(level) for level in network(images)]
            each = [(a - b).square().sum(1).mean((1, 2)) for a, b in zip(found, wanted, strict=True)]
            return torch.stack(each).mean(0)

        return measure

    return prepare


def lpips(network: LpipsVGG16) -> Callable[[Tensor], Measure]:
    """LPIPS as published, with its trained weights."""

    def prepare(targets: Tensor) -> Measure:
        wanted = network(targets)
        return lambda images: network.distance(network(images), wanted)

    return prepare


def _unit(level: Tensor) -> Tensor:
    """Each place's features, divided by their length."""
    return level * (level.square().sum(1, keepdim=True) + 1e-10).rsqrt()
