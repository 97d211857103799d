"""The three networks of MTCNN: propose, refine, and place five points on a face.

Owns the networks; what is done with their answers is `inversion.faces`. Any thread.

Source: Zhang et al., "Joint Face Detection and Alignment using Multi-task Cascaded Convolutional Networks",
figure 2. The released weights were made with images stored column by column: what is flattened for a dense
layer runs along x first, then y, then the channel.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latentstudio.models.feature_networks.features import fill, installed_file, stored_arrays

if TYPE_CHECKING:
    from latentstudio.settings import Folders

IDENTITY = "mtcnn-face-finder"
FILES = ("pnet.pt", "rnet.pt", "onet.pt")


def _scaled(images: Tensor) -> Tensor:
    """From levels 0..255 to what the networks were trained on."""
    return (images - 127.5) / 128


def _flat(x: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, W * H * C)."""
    return x.permute(0, 3, 2, 1).flatten(1)


class ProposalNet(nn.Module):
    """Looks everywhere at once: one answer for each window of 12 pixels, every 2 pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.prelu1 = nn.Conv2d(3, 10, 3), nn.PReLU(10)
        self.conv2, self.prelu2 = nn.Conv2d(10, 16, 3), nn.PReLU(16)
        self.conv3, self.prelu3 = nn.Conv2d(16, 32, 3), nn.PReLU(32)
        self.conv4_1, self.conv4_2 = nn.Conv2d(32, 2, 1), nn.Conv2d(32, 4, 1)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Levels (N, 3, H, W) -> probabilities (N, h, w) and box shifts (N, 4, h, w), in box sides."""
        x = F.max_pool2d(self.prelu1(self.conv1(_scaled(images))), 2, 2, ceil_mode=True)
        x = self.prelu3(self.conv3(self.prelu2(self.conv2(x))))
        return torch.softmax(self.conv4_1(x), 1)[:, 1], self.conv4_2(x)


class RefineNet(nn.Module):
    """Looks at one window of 24 pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.prelu1 = nn.Conv2d(3, 28, 3), nn.PReLU(28)
        self.conv2, self.prelu2 = nn.Conv2d(28, 48, 3), nn.PReLU(48)
        self.conv3, self.prelu3 = nn.Conv2d(48, 64, 2), nn.PReLU(64)
        self.dense4, self.prelu4 = nn.Linear(576, 128), nn.PReLU(128)
        self.dense5_1, self.dense5_2 = nn.Linear(128, 2), nn.Linear(128, 4)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Levels (N, 3, 24, 24) -> probabilities (N,) and box shifts (N, 4)."""
        x = F.max_pool2d(self.prelu1(self.conv1(_scaled(images))), 3, 2, ceil_mode=True)
        x = F.max_pool2d(self.prelu2(self.conv2(x)), 3, 2, ceil_mode=True)
        x = self.prelu4(self.dense4(_flat(self.prelu3(self.conv3(x)))))
        return torch.softmax(self.dense5_1(x), 1)[:, 1], self.dense5_2(x)


class OutputNet(nn.Module):
    """Looks at one window of 48 pixels, and places the points."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.prelu1 = nn.Conv2d(3, 32, 3), nn.PReLU(32)
        self.conv2, self.prelu2 = nn.Conv2d(32, 64, 3), nn.PReLU(64)
        self.conv3, self.prelu3 = nn.Conv2d(64, 64, 3), nn.PReLU(64)
        self.conv4, self.prelu4 = nn.Conv2d(64, 128, 2), nn.PReLU(128)
        self.dense5, self.prelu5 = nn.Linear(1152, 256), nn.PReLU(256)
        self.dense6_1, self.dense6_2 = nn.Linear(256, 2), nn.Linear(256, 4)
        self.dense6_3 = nn.Linear(256, 10)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Levels (N, 3, 48, 48) -> probabilities (N,), box shifts (N, 4), points (N, 5, 2) in box sides."""
        x = F.max_pool2d(self.prelu1(self.conv1(_scaled(images))), 3, 2, ceil_mode=True)
        x = F.max_pool2d(self.prelu2(self.conv2(x)), 3, 2, ceil_mode=True)
        x = F.max_pool2d(self.prelu3(self.conv3(x)), 2, 2, ceil_mode=True)
        x = self.prelu5(self.dense5(_flat(self.prelu4(self.conv4(x)))))
        points = self.dense6_3(x).reshape(-1, 2, 5).transpose(1, 2)  # stored as five x, then five y
        return torch.softmax(self.dense6_1(x), 1)[:, 1], self.dense6_2(x), points


class MTCNN(nn.Module):
    """The cascade's networks together."""

    title = "MTCNN"

    def __init__(self) -> None:
        super().__init__()
        self.propose, self.refine, self.place = ProposalNet(), RefineNet(), OutputNet()


def load_mtcnn(folders: Folders | None = None) -> MTCNN:
    """The catalogue's face finder.

    Raises:
        ModelNotFoundError: it is not installed.
        CheckpointError: a file is damaged.
    """
    networks = MTCNN()
    parts = (networks.propose, networks.refine, networks.place)
    for part, name in zip(parts, FILES, strict=True):
        path: Path = installed_file(IDENTITY, name, folders)
        fill(part, stored_arrays(path), path)
    networks.requires_grad_(False)
    return networks.eval()
