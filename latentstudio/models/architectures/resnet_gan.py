"""Residual GANs before BigGAN: SNGAN, WGAN-GP, cGAN-PD, SAGAN and what shares their generator.

Owns what differs from BigGAN, whose plain blocks these are: the size doubles bilinearly, norms are
constant or chosen by the class alone, and a last sigmoid where a file needs one. An unconditional
network reads one row, z; a conditional one has a row for each block, so that classes can be mixed
block by block. Trainable.

Sources: Miyato et al., "Spectral Normalization for GANs" (appendix B.4); Gulrajani et al., "Improved
Training of Wasserstein GANs"; Miyato & Koyama, "cGANs with Projection Discriminator"; Zhang et al.,
"Self-Attention Generative Adversarial Networks".
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from latentstudio.models.architectures.biggan import BigGAN
from latentstudio.models.generator import Generator


class ResNetGAN(BigGAN):
    """The network; its config is BigGAN's, with "sigmoid"."""

    architecture = "resnet-gan"

    def squash(self, x: Tensor) -> Tensor:
        """Tanh, or a sigmoid, whose range is [0, 1]."""
        return torch.sigmoid(x) if self.config.get("sigmoid") else torch.tanh(x)

    @property
    def img_range(self) -> tuple[float, float]:
        """The range [0, 1] where it ends in a sigmoid, else [-1, 1]."""
        return (0.0, 1.0) if self.config.get("sigmoid") else (-1.0, 1.0)

    def to_uint8(self, img: Tensor) -> Tensor:
        """(N, C, H, W) to the nearest of 256 levels."""
        if not self.config.get("sigmoid"):
            return super().to_uint8(img)
        return (img * 255 + 0.5).clamp(0, 255).to(torch.uint8)


def build(config: dict[str, Any]) -> Generator:
    """The network of a config; see `latentstudio.models.architectures.biggan.build`."""
    return ResNetGAN(config)
