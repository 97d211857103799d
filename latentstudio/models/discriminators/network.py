"""What every discriminator offers: a score a picture, and its features on the way.

Owns the seam; knows no file. One thread at a time per network.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from latentstudio.errors import InputError


class DiscriminatorNetwork(nn.Module, ABC):
    """A judge of pictures.

    Attributes:
        title: what a person reads.
        resolution: side of the pictures it looks at, in pixels.
        channels: of the pictures.
        c_dim: classes that it was told; 0 for none.
    """

    title = "the model's discriminator"
    resolution: int
    channels: int
    c_dim: int = 0

    @abstractmethod
    def levels(self, images: Tensor) -> list[Tensor]:
        """Features (N, C, H, W) after each halving, the finest first; of (N, channels, H, W) in [-1, 1]."""

    @abstractmethod
    def judged(self, level: Tensor, c: Tensor | None) -> Tensor:
        """Scores (N,) from the coarsest features; higher is more real."""

    def forward(self, images: Tensor, c: Tensor | None = None) -> Tensor:
        """Scores (N,), higher for what it takes to be real.

        Each picture is judged alone: where the original compares those of a batch, a batch of one is meant.

        Args:
            images: (N, channels, resolution, resolution) in [-1, 1].
            c: (N, c_dim) class weights, for a conditional one.

        Raises:
            InputError: sizes differ, or a class is missing.
        """
        return self.judged(self.features(images)[-1], self._checked(c, len(images)))

    def features(self, images: Tensor) -> list[Tensor]:
        """Features on the way, the finest first; differentiable.

        Raises:
            InputError: the pictures have another size.
        """
        wanted = (self.channels, self.resolution, self.resolution)
        if images.ndim != 4 or tuple(images.shape[1:]) != wanted:
            raise InputError(
                f"The discriminator looks at pictures of {wanted}, not of {tuple(images.shape[1:])}."
            )
        return self.levels(images)

    def _checked(self, c: Tensor | None, count: int) -> Tensor | None:
        if not self.c_dim:
            return None
        if c is None or tuple(c.shape) != (count, self.c_dim):
            raise InputError(f"The discriminator needs a class of {self.c_dim} for each picture.")
        return c.to(torch.float32)
