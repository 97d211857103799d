"""A discriminator as a network that looks: its features on the way, for perceptual distances.

Owns the fitting of sizes and channels; the weights never learn. One thread at a time.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from latentstudio.models.discriminators.network import DiscriminatorNetwork
from latentstudio.models.feature_networks import FeatureNetwork


class DiscriminatorFeatures(FeatureNetwork):
    """The features of a judge, the finest first."""

    def __init__(self, judge: DiscriminatorNetwork) -> None:
        super().__init__()
        self.judge = judge
        self.title = judge.title
        self.min_side_px = judge.resolution
        self.frozen()

    def levels(self, images: Tensor) -> list[Tensor]:
        """Features of pictures (N, 3, H, W) in [-1, 1] at the size and with the channels of the judge."""
        side, channels = self.judge.resolution, self.judge.channels
        if tuple(images.shape[2:]) != (side, side):
            images = F.interpolate(images, (side, side), mode="bilinear", align_corners=False, antialias=True)
        if channels == 1:
            images = images.mean(1, keepdim=True)
        elif channels > images.shape[1]:
            # What is not there, as a fourth channel, is taken to be opaque.
            images = F.pad(images, (0, 0, 0, 0, 0, channels - images.shape[1]), value=1.0)
        return self.judge.features(images)
