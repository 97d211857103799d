"""EfficientNet-Lite0, as a perceptual feature network.

Owns the network and the way its trainers fed it: (level - 127) / 128, padding as TensorFlow's. Any thread.

Source: Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", table 1; the
Lite release leaves out squeeze-and-excitation, uses ReLU6, and scales neither stem nor head.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from latentstudio.models.feature_networks.features import (
    FeatureNetwork,
    fill,
    installed_file,
    stored_arrays,
)

if TYPE_CHECKING:
    from latentstudio.settings import Folders

IDENTITY = "effnet-lite0-features"
FILE = "efficientnet-lite0-57934424.pth"


class _Rows(NamedTuple):
    """Blocks of one kind: how many, and of what sizes."""

    expansion: int
    kernel: int
    stride: int
    channels: int
    repeats: int


TABLE = (
    _Rows(1, 3, 1, 16, 1),
    _Rows(6, 3, 2, 24, 2),
    _Rows(6, 5, 2, 40, 2),
    _Rows(6, 3, 2, 80, 3),
    _Rows(6, 5, 1, 112, 3),
    _Rows(6, 5, 2, 192, 4),
    _Rows(6, 3, 1, 320, 1),
)
# The last block before each halving, and the end of the fourth row: five levels.
TAPS = (0, 2, 4, 10, 15)


class _SameConv(nn.Conv2d):
    """A convolution padded as TensorFlow's SAME: the odd line goes to the bottom and the right."""

    def forward(self, x: Tensor) -> Tensor:
        pads = []
        for side, kernel, stride in zip(reversed(x.shape[2:]), self.kernel_size, self.stride, strict=True):
            missing = max((-(-side // stride) - 1) * stride + kernel - side, 0)
            pads += [missing // 2, missing - missing // 2]
        padded = F.pad(x, pads)
        return super().forward(padded)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3)


class _Block(nn.Module):
    """Expand by 1 x 1, filter each channel alone, project; added to what came in where the sizes agree."""

    def __init__(self, channels: int, row: _Rows, stride: int) -> None:
        super().__init__()
        wide = channels * row.expansion
        self.expands = row.expansion > 1
        if self.expands:
            self._expand_conv = nn.Conv2d(channels, wide, 1, bias=False)
            self._bn0 = _norm(wide)
        self._depthwise_conv = _SameConv(wide, wide, row.kernel, stride, groups=wide, bias=False)
        self._bn1 = _norm(wide)
        self._project_conv = nn.Conv2d(wide, row.channels, 1, bias=False)
        self._bn2 = _norm(row.channels)
        self.adds = stride == 1 and channels == row.channels

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = F.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = F.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        return x + y if self.adds else y


class EfficientNetLite0(FeatureNetwork):
    """The stem and sixteen blocks; five levels."""

    title = "EfficientNet-Lite0"
    min_side_px = 32

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = _SameConv(3, 32, 3, 2, bias=False)
        self._bn0 = _norm(32)
        channels, blocks = 32, []
        for row in TABLE:
            for repeat in range(row.repeats):
                blocks.append(_Block(channels, row, row.stride if repeat == 0 else 1))
                channels = row.channels
        self._blocks = nn.ModuleList(blocks)

    def levels(self, images: Tensor) -> list[Tensor]:
        """Features at a half, a quarter, an eighth, a sixteenth and a thirty-second of the size."""
        x = ((images + 1) * 127.5 - 127) / 128
        x = F.relu6(self._bn0(self._conv_stem(x)))
        found = []
        for i, block in enumerate(self._blocks):
            x = block(x)
            if i in TAPS:
                found.append(x)
        return found


def load_efficientnet_lite0(folders: Folders | None = None) -> EfficientNetLite0:
    """The catalogue's EfficientNet-Lite0.

    Raises:
        ModelNotFoundError: it is not installed.
        CheckpointError: its file is damaged.
    """
    path = installed_file(IDENTITY, FILE, folders)
    network = EfficientNetLite0()
    fill(network, stored_arrays(path), path)
    network.frozen()
    return network
