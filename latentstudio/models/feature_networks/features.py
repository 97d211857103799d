"""What the feature networks share: their seam, and the way from an installed file to their weights.

Owns the check of every stored array against the network it is for. Any thread.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latentstudio.errors import MismatchError, ModelNotFoundError, UnreadableFileError
from latentstudio.formats import StoredArray, read_checkpoint, walk_arrays
from latentstudio.models.catalogue import installed_path, row

if TYPE_CHECKING:
    from latentstudio.settings import Folders

Arrays = dict[str, StoredArray]


class FeatureNetwork(nn.Module, ABC):
    """Pictures in, features out; the weights never learn.

    Attributes:
        title: for people.
        min_side_px: smaller pictures are enlarged to this before they are looked at.
    """

    title: str = ""
    min_side_px: int = 32

    @abstractmethod
    def levels(self, images: Tensor) -> list[Tensor]:
        """Features (N, C, h, w) of each level, the finest first, of images that are large enough."""

    def forward(self, images: Tensor) -> list[Tensor]:
        """Features of each level.

        Args:
            images: (N, 3, H, W), RGB in [-1, 1]; (N, 1, H, W) counts as grey.

        Returns:
            Tensors (N, C, h, w), the finest first.
        """
        if images.shape[1] == 1:
            images = images.expand(-1, 3, -1, -1)
        height, width = images.shape[2:]
        factor = self.min_side_px / min(height, width)
        if factor > 1:
            size = (round(height * factor), round(width * factor))
            images = F.interpolate(images, size, mode="bilinear", align_corners=False, antialias=False)
        return self.levels(images)

    def __call__(self, images: Tensor) -> list[Tensor]:
        """See `forward`."""
        return cast("list[Tensor]", super().__call__(images))

    def frozen(self) -> FeatureNetwork:
        """Itself, ready to look and not to learn."""
        self.requires_grad_(False)
        return self.eval()


def installed_file(identity: str, name: str, folders: Folders | None = None) -> Path:
    """A file of an installed catalogue row.

    Raises:
        ModelNotFoundError: it is not installed.
    """
    folder = installed_path(identity, folders)
    if folder is None or not (folder / name).is_file():
        raise ModelNotFoundError(
            f"{row(identity).title} is not installed.",
            f"Install it from the catalogue: latentstudio models install {identity}",
        )
    return folder / name


def stored_arrays(path: Path) -> Arrays:
    """Every array of a file by its dotted name; nothing in the file is run.

    Raises:
        CheckpointError: it can't be read.
    """
    return dict(walk_arrays(read_checkpoint(path).root))


def fill(network: nn.Module, arrays: Mapping[str, np.ndarray | StoredArray], path: Path) -> None:
    """Put stored arrays into a network's parameters and buffers of the same names.

    Raises:
        MismatchError: one is missing or has another shape.
        UnreadableFileError: one holds something that is no number.
    """
    wanted = network.state_dict()
    tensors = {}
    for name, there in wanted.items():
        stored = arrays.get(name)
        if stored is None:
            if name.endswith("num_batches_tracked"):
                tensors[name] = there
                continue
            raise MismatchError(f'"{path.name}" lacks "{name}": it holds another network.', path=path)
        values = stored.numpy() if isinstance(stored, StoredArray) else stored
        if tuple(values.shape) != tuple(there.shape):
            raise MismatchError(
                f'"{path.name}": "{name}" has the shape {tuple(values.shape)}, not {tuple(there.shape)}.',
                path=path,
            )
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise UnreadableFileError(f'"{path.name}" holds numbers that are none, in "{name}".', path=path)
        tensors[name] = torch.from_numpy(np.array(values)).to(there.dtype)
    network.load_state_dict(tensors)
