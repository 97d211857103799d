"""LPIPS as published: VGG16 from a person's own file, the heads from the catalogue.

Owns the network, its five taps and the weighted distance. The weights of VGG16 are in no package: a
person points at torchvision's file (or any other with the same thirteen convolutions). Any thread.

Source: Zhang et al., "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", equation 1.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latentstudio.errors import MismatchError
from latentstudio.formats import StoredArray
from latentstudio.models.feature_networks.features import (
    FeatureNetwork,
    fill,
    installed_file,
    stored_arrays,
)

if TYPE_CHECKING:
    from latentstudio.settings import Folders

HEADS = "lpips-heads"
HEADS_FILE = "vgg.pth"
# Output channels of the convolutions; 0 is a pooling. The index is the layer's in "features.N".
LAYERS = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512)
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


class LpipsVGG16(FeatureNetwork):
    """VGG16 up to its last convolution, five levels, and a weight for each of their channels.

    Attributes:
        heads: weights (C,) of each level, none negative.
    """

    title = "LPIPS (VGG16)"
    min_side_px = 32
    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        channels, convolutions = 3, []
        for wide in LAYERS:
            if wide:
                convolutions.append(nn.Conv2d(channels, wide, 3, padding=1))
                channels = wide
        self.convolutions = nn.ModuleList(convolutions)
        sizes = [LAYERS[i - 1] for i, wide in enumerate(LAYERS) if not wide] + [LAYERS[-1]]
        self.heads = nn.ParameterList(nn.Parameter(torch.ones(size)) for size in sizes)
        self.register_buffer("mean", torch.tensor(MEAN).reshape(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).reshape(1, 3, 1, 1), persistent=False)

    def levels(self, images: Tensor) -> list[Tensor]:
        """Features before each halving, and the last."""
        x = ((images + 1) / 2 - self.mean.to(images.dtype)) / self.std.to(images.dtype)
        found, at = [], 0
        for wide in LAYERS:
            if wide:
                x = F.relu(self.convolutions[at](x))
                at += 1
            else:
                found.append(x)
                x = F.max_pool2d(x, 2)
        return [*found, x]

    def distance(self, first: list[Tensor], second: list[Tensor]) -> Tensor:
        """LPIPS between the features of two batches: (N,)."""
        total = torch.zeros(len(first[0]), device=first[0].device)
        for a, b, head in zip(first, second, self.heads, strict=True):
            difference = (_unit(a) - _unit(b)) ** 2
            total = total + (difference * head.reshape(1, -1, 1, 1)).sum(1).mean((1, 2))
        return total


def _unit(features: Tensor) -> Tensor:
    """Each place's features, divided by their length."""
    return features / (features.square().sum(1, keepdim=True).sqrt() + 1e-10)


def load_vgg16_lpips(path: str | Path, folders: Folders | None = None) -> LpipsVGG16:
    """LPIPS from a file with VGG16's weights.

    Args:
        path: a state dict as torchvision names it ("features.0.weight"), as a torch or safetensors file.
        folders: where the heads are installed.

    Raises:
        ModelNotFoundError: the heads are not installed.
        CheckpointError: a file can't be read, or holds another network.
    """
    heads_path = installed_file(HEADS, HEADS_FILE, folders)
    path = Path(path)
    found: dict[str, StoredArray] = {}
    stored = stored_arrays(path)
    plain = {name[name.index("features.") :]: array for name, array in stored.items() if "features." in name}
    for conv, index in enumerate(_layer_indices()):
        for kind in ("weight", "bias"):
            array = plain.get(f"features.{index}.{kind}")
            if array is None:
                raise MismatchError(
                    f'"{path.name}" does not hold VGG16: "features.{index}.{kind}" is missing.',
                    "Point at torchvision's vgg16-397923af.pth, or another file with the same names.",
                    path=path,
                )
            found[f"convolutions.{conv}.{kind}"] = array
    network = LpipsVGG16()
    heads = stored_arrays(heads_path)
    values = {f"heads.{i}": heads[f"lin{i}.model.1.weight"].numpy().reshape(-1) for i in range(5)}
    fill(network, {**found, **values}, path)
    network.frozen()
    return network


def _layer_indices() -> list[int]:
    """The places of the convolutions among convolutions, rectifiers and poolings."""
    indices, at = [], 0
    for wide in LAYERS:
        if wide:
            indices.append(at)
        at += 2 if wide else 1
    return indices
