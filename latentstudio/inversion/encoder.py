"""A small network that guesses the latent of a picture at once.

Owns `Encoder` and where encoders are kept. One thread at a time per encoder.
"""

from __future__ import annotations

from torch import Tensor, nn

from latentstudio.models.generator import Generator


class Encoder(nn.Module):
    """Pictures to ws."""

    def forward(self, images: Tensor) -> Tensor:
        """(N, C, H, W) in [-1, 1] -> ws (N, num_ws, w_dim)."""
        raise NotImplementedError


def encoder_for(generator: Generator) -> Encoder | None:
    """The encoder of a generator, by its hash; None where there is none."""
    return None
