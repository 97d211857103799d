"""Variational autoencoders made of plain layers: a decoder that is a stack, and where known its encoder.

Owns the encoder and the way from a picture to z (the mean, without the noise of training). The decoder
is `dcgan`'s stack. Trainable.

Source: Kingma and Welling, "Auto-Encoding Variational Bayes" (section 3; appendix C.1 and C.2, MLPs as
encoder and decoder).
"""

from __future__ import annotations

import dataclasses
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from latentstudio.errors import InputError
from latentstudio.models.architectures.dcgan import SequentialGenerator, Step
from latentstudio.models.generator import Generator


class VAE(SequentialGenerator):
    """The network; see `build` for the config."""

    architecture = "vae"

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        self.encoder = nn.ModuleList(Step(step) for step in config.get("encoder") or [])
        self.info = dataclasses.replace(self.info, has_encoder=len(self.encoder) > 0)

    def encode(self, images: Tensor) -> Tensor:
        """Means z (N, z_dim) of pictures (N, img_channels, H, W) in [-1, 1]; other sizes are resized.

        Raises:
            InputError: the file had no readable encoder.
        """
        if not self.info.has_encoder:
            raise InputError("This model has no encoder.", "Invert the picture instead.")
        x = images.float()
        if tuple(x.shape[2:]) != self.info.img_size:
            x = F.interpolate(x, self.info.img_size, mode="bilinear", align_corners=False, antialias=True)
        if self.config["encoder_reads"] == "unit":
            x = (x + 1) / 2
        for step in self.encoder:
            x = step(x)
        return x[:, : self.info.z_dim]


def build(config: dict[str, Any]) -> Generator:
    """The network of a config.

    Args:
        config: what `dcgan.build` takes; "encoder": steps from a picture to z, or empty;
            "encoder_reads": "unit" for pictures in [0, 1], "signed" for [-1, 1].
    """
    return VAE(config)
