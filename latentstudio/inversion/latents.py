"""The latent of a projection as variables: z, w or w+, and the class where it is fitted too.

Owns how variables become ws, and the pulls that keep them where the generator is at home. One thread
at a time per generator.

Source: Tov et al., "Designing an Encoder for StyleGAN Image Manipulation", section 3, for why rows of w+
should stay near a w.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from latentstudio.document.recipe import Source
from latentstudio.inversion.starts import Statistics
from latentstudio.latent.spaces import Latent, W, Z
from latentstudio.models.generator import Generator

# On the mean squared distance of a row from the mean latent, in units of the spread.
DEFAULT_PULL = {"w": 0.0, "w+": 0.01, "z": 0.01}


class Start(NamedTuple):
    """Where the variables begin.

    Attributes:
        z: (N, z_dim); used in space z.
        ws: (N, num_ws, w_dim); used in spaces w and w+.
        c: (N, c_dim), or None.
    """

    z: Tensor
    ws: Tensor
    c: Tensor | None


class Latents:
    """The variables of N photographs.

    Args:
        generator: whose latents.
        space: "z", "w" or "w+".
        start: where they begin.
        spread: of the generator's ws.
        fits_class: whether the class is a variable (space z only: elsewhere nothing depends on it).
    """

    def __init__(
        self, generator: Generator, space: str, start: Start, spread: Statistics, *, fits_class: bool
    ) -> None:
        self.generator, self.space, self.spread = generator, space, spread
        rows = start.ws.mean(1, keepdim=True) if space == W else start.ws
        begin = start.z if space == Z else rows
        self.values = begin.clone().requires_grad_()
        self.c = start.c
        self.logits: Tensor | None = None
        if fits_class and start.c is not None and space == Z:
            self.logits = (start.c.clamp_min(1e-3).log()).requires_grad_()

    @property
    def variables(self) -> list[Tensor]:
        """What is optimised."""
        return [self.values] if self.logits is None else [self.values, self.logits]

    @property
    def unit(self) -> float:
        """How far samples lie from their mean: what steps and added noise are measured in."""
        return math.sqrt(self.values.shape[1]) if self.space == Z else self.spread.std

    def ws(self, added: Tensor | None = None) -> Tensor:
        """(N, num_ws, w_dim), connected to the variables."""
        values = self.values if added is None else self.values + added
        if self.space == Z:
            return self.generator.mapping(values, self.class_weights())
        return values.expand(-1, self.generator.info.num_ws, -1)

    def class_weights(self) -> Tensor | None:
        """(N, c_dim), or None where there are no classes."""
        return self.c if self.logits is None else self.logits.softmax(1)

    def keep_best_class(self) -> None:
        """From now on each photograph has the one class that fits best."""
        if self.logits is not None:
            best = self.logits.detach().argmax(1)
            self.c = torch.eye(self.logits.shape[1], device=best.device)[best]
            self.logits = None

    def pull(self) -> Tensor:
        """How far the variables have gone from where the generator is at home, (N,)."""
        if self.space == Z:
            return (self.values.square().mean(1) - 1).square()
        away = (self.values - self.spread.mean).square().sum(2).mean(1)
        return away / self.spread.std**2

    def source(self, index: int, added: Tensor | None = None) -> Source:
        """The latent of one photograph, as a recipe carries it; with `added` (N, ...) to all of them."""
        now = self.values.detach() if added is None else self.values.detach() + added
        values = now[index].cpu().numpy()
        return Source(self.space, None, Latent(values[0] if self.space == W else values))

    def classes(self, index: int) -> tuple[tuple[int, float], ...]:
        """The class weights of one photograph, as a recipe carries them."""
        weights = self.class_weights()
        if weights is None:
            return ()
        row = weights.detach()[index].cpu().numpy().astype(np.float64)
        return tuple((i, float(weight)) for i, weight in enumerate(row) if weight != 0) or ((0, 0.0),)
