"""SqueezeNet 1.1 with its authors' weights, as a perceptual feature network.

Owns the network and the way its trainers fed it: BGR, 0 to 255, minus a mean. These are not the weights that
LPIPS' heads were made for, so what is measured with them must not be called LPIPS. Any thread.

Source: Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size";
the released model v1.1 (squeeze after less pooling, 2.4 times less work than v1.0).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latentstudio.formats import StoredArray
from latentstudio.models.feature_networks.features import (
    FeatureNetwork,
    fill,
    installed_file,
    stored_arrays,
)

if TYPE_CHECKING:
    from latentstudio.settings import Folders

IDENTITY = "squeezenet-features"
FILE = "squeezenet_weights.pkl"
MEAN_BGR = (103.939, 116.779, 123.68)
# Fire modules 2 to 9: channels in, squeezed, and of each of the two expansions.
FIRES = (
    (64, 16, 64),
    (128, 16, 64),
    (128, 32, 128),
    (256, 32, 128),
    (256, 48, 192),
    (384, 48, 192),
    (384, 64, 256),
    (512, 64, 256),
)
POOL_BEFORE = (0, 2, 4)  # fire modules with a pooling in front
TAPS = (1, 3, 4, 5, 6, 7)  # fire modules whose output is a level, besides the first convolution


class _Fire(nn.Module):
    """Squeeze to few channels, expand by 1 x 1 and 3 x 3 side by side."""

    def __init__(self, channels: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze1x1 = nn.Conv2d(channels, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.squeeze1x1(x))
        return F.relu(torch.cat([self.expand1x1(x), self.expand3x3(x)], 1))


class SqueezeNet(FeatureNetwork):
    """The first convolution and eight fire modules; seven levels."""

    title = "SqueezeNet 1.1"
    min_side_px = 32
    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3, stride=2)
        self.fires = nn.ModuleList(_Fire(*sizes) for sizes in FIRES)
        self.register_buffer("mean", torch.tensor(MEAN_BGR).reshape(1, 3, 1, 1), persistent=False)

    def levels(self, images: Tensor) -> list[Tensor]:
        """Features after the first convolution and after six of the fire modules."""
        x = (images.flip(1) + 1) * 127.5 - self.mean.to(images.dtype)
        x = F.relu(self.conv1(x))
        found = [x]  # (N, 64, H/2, W/2)
        for i, fire in enumerate(self.fires):
            if i in POOL_BEFORE:
                x = F.max_pool2d(x, 3, 2, ceil_mode=True)
            x = fire(x)
            if i in TAPS:
                found.append(x)
        return found


def load_squeezenet(folders: Folders | None = None) -> SqueezeNet:
    """The catalogue's SqueezeNet.

    Raises:
        ModelNotFoundError: it is not installed.
        CheckpointError: its file is damaged.
    """
    path = installed_file(IDENTITY, FILE, folders)
    network = SqueezeNet()
    fill(network, {_own_name(name): _own(array) for name, array in stored_arrays(path).items()}, path)
    network.frozen()
    return network


def _own_name(stored: str) -> str:
    """From "fire2/squeeze1x1.0" to "fires.0.squeeze1x1.weight"."""
    layer, _, part = stored.rpartition(".")
    kind = "weight" if part == "0" else "bias"
    fire, _, inner = layer.partition("/")
    if inner and fire[4:].isdigit():
        return f"fires.{int(fire[4:]) - 2}.{inner}.{kind}"
    return f"{layer}.{kind}"


def _own(array: StoredArray) -> np.ndarray:
    """Kernels are stored as (h, w, in, out)."""
    values = array.numpy()
    return values.transpose(3, 2, 0, 1) if values.ndim == 4 else values
