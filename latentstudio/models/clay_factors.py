"""Reading the factors of a clay head off its picture.

Owns the small network that estimates the renderer's sixty numbers, and loading its weights. It serves to name
directions and to score generators of clay faces; on other pictures its numbers mean nothing. One thread at a
time.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from latentstudio.clay.observables import OBSERVABLES, from_observables
from latentstudio.errors import InputError, MismatchError
from latentstudio.formats import read_checkpoint, state_dict
from latentstudio.models.spec import as_float32
from latentstudio.settings import resource_dir

SIZE = 64
WIDTHS = (32, 48, 96, 96, 160)
FEATURES = 128


class FactorNetwork(nn.Module):
    """Picture -> estimates, each with the mean and deviation of its factor in the data.

    Args:
        widths: channels after each convolution; all but the fourth halve the size.
        features: length of the vector before the estimates.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, widths: tuple[int, ...] = WIDTHS, features: int = FEATURES) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        for i, width in enumerate(widths):
            size, stride = (5 if i == 0 else 3), (1 if i == 3 else 2)
            layers += [nn.Conv2d(before, width, size, stride, size // 2, bias=False)]
            layers += [nn.BatchNorm2d(width), nn.ReLU()]
            before = width
        self.look = nn.Sequential(*layers)
        self.think = nn.Linear(before * (SIZE // 16) ** 2, features)
        self.say = nn.Linear(features, len(OBSERVABLES))
        self.register_buffer("mean", torch.zeros(len(OBSERVABLES)))
        self.register_buffer("std", torch.ones(len(OBSERVABLES)))

    def features(self, images: Tensor) -> Tensor:
        """(N, 3, 64, 64) in [-1, 1] -> what the estimates are made of, (N, features)."""
        y: Tensor = self.think(self.look(images).flatten(1))
        return y.relu()

    def standardised(self, images: Tensor) -> Tensor:
        """Estimates in deviations from the mean: (N, 3, 64, 64) in [-1, 1] -> (N, 62)."""
        y: Tensor = self.say(self.features(images))
        return y

    def forward(self, images: Tensor) -> Tensor:
        """Observables (N, 62) of pictures (N, 3, 64, 64) in [-1, 1]; differentiable."""
        return self.standardised(images) * self.std + self.mean


def weights_path() -> Path:
    """Where the bundled weights are."""
    return resource_dir("pretrained") / "clayfaces" / "factors64.safetensors"


@cache
def load_factor_network(path: Path | None = None) -> FactorNetwork:
    """The bundled network, or that of another file, in evaluation mode, on the CPU.

    Raises:
        CheckpointError: its file is missing or damaged.
    """
    path = path or weights_path()
    arrays = state_dict(read_checkpoint(path).root) or {}
    network = FactorNetwork()
    stored = {name: torch.tensor(as_float32(array)) for name, array in arrays.items()}
    lacking = network.load_state_dict(stored, strict=False)
    # How many batches were seen in training is the one thing that is not stored.
    if lacking.unexpected_keys or any(not n.endswith("num_batches_tracked") for n in lacking.missing_keys):
        raise MismatchError(f'"{path.name}" does not fit the network that reads factors.', path=path)
    return network.requires_grad_(False).eval()


def estimate_factors(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The factors of pictures of clay heads.

    Args:
        images: uint8 (N, H, W, 3), square; other sizes than 64 are resized.

    Returns:
        float32 (N, 60), in the order of `latentstudio.clay.NAMES`. How far to trust each is told in
        docs/clayfaces.md.

    Raises:
        InputError: the pictures have another shape.
    """
    if images.ndim != 4 or images.shape[3] != 3 or images.shape[1] != images.shape[2]:
        raise InputError(f"Pictures have shape {images.shape}, but (N, size, size, 3) is needed.")
    network = load_factor_network()
    parts = []
    with torch.inference_mode():
        for part in np.array_split(images, max(1, len(images) // 256)):
            x = torch.from_numpy(part.astype(np.float32)).permute(0, 3, 1, 2) / 127.5 - 1
            parts.append(network(as_seen(x)).numpy())
    return from_observables(np.concatenate(parts))


def as_seen(images: Tensor) -> Tensor:
    """Pictures (N, 3, H, W) at the size the network reads."""
    if images.shape[-1] == SIZE:
        return images
    return nn.functional.interpolate(images, size=(SIZE, SIZE), mode="bilinear", antialias=True)
