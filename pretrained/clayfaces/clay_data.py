"""The drawn pictures as the trainer reads them: batches that favour what is rare.

A data folder holds `images.npy` uint8 (N, H, W, 3), perhaps `grained.npy` beside it, `factors.npy`,
`latents.npy` and `features.npy`, and the bank: `bank_latents.npy`, `bank_features.npy`. `make_data.py`
writes it.

Pictures are never mirrored: curls and strands of hair are waves across the head, and the mirrored head has
its hills where the drawn one has valleys. Shown both under the same factors, a network learns neither.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from trainable import Z_DIM

HELD_OUT = 256  # the first pictures are never trained on


@dataclass
class Pictures:
    """Drawn heads.

    Attributes:
        images: uint8 (N, 3, H, W).
        features: of each picture, float32 (N, F).
        latents: the renderer's own, float32 (N, L).
        weights: how often each picture is shown, relative; float32 (N,).
        groups: held-out pictures by what they show, as index tensors.
        grained: the same heads of grained clay, like `images`; None if they were not drawn.
    """

    images: Tensor
    features: Tensor
    latents: Tensor
    weights: Tensor
    groups: dict[str, Tensor]
    grained: Tensor | None = None

    @cached_property
    def _order(self) -> Tensor:
        return self.weights[HELD_OUT:].double().cumsum(0)

    def batch(self, size: int) -> tuple[Tensor, Tensor, Tensor]:
        """Pictures (B, 3, H, W) in [-1, 1], their features (B, F) and z (B, z_dim)."""
        pictures, features, z = self._drawn(size, self.images)
        return pictures[0], features, z

    def pairs(self, size: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Smooth and grained pictures of the same heads, then as `batch`."""
        assert self.grained is not None
        (smooth, grained), features, z = self._drawn(size, self.images, self.grained)
        return smooth, grained, features, z

    def _drawn(self, size: int, *kinds: Tensor) -> tuple[list[Tensor], Tensor, Tensor]:
        drawn = torch.rand(size, dtype=torch.float64) * self._order[-1]
        i = torch.searchsorted(self._order, drawn).clamp(max=len(self._order) - 1) + HELD_OUT
        pictures = [
            (images[i].float() / 127.5 - 1).contiguous(memory_format=torch.channels_last) for images in kinds
        ]
        return pictures, self.features[i], full_z(self.latents[i])

    def pooled(self, size: int) -> Pictures:
        """The same heads, smooth only, with fewer pixels."""
        times = self.images.shape[-1] // size
        parts = [F.avg_pool2d(part.float(), times).round().byte() for part in self.images.split(500)]
        return replace(self, images=torch.cat(parts), grained=None)

    def held_out(self) -> tuple[Tensor, Tensor, Tensor]:
        """The pictures that are never trained on, their features and z (always the same)."""
        generator = torch.Generator().manual_seed(1)
        z = full_z(self.latents[:HELD_OUT], generator)
        return self.images[:HELD_OUT].float() / 127.5 - 1, self.features[:HELD_OUT], z


@dataclass
class Bank:
    """Fresh latents without pictures.

    Attributes:
        z: float32 (N, z_dim), each of mean square 1, as the mapping sees them.
        features: float32 (N, F) of the heads they stand for.
    """

    z: Tensor
    features: Tensor

    def batch(self, size: int) -> tuple[Tensor, Tensor]:
        """Some z and their features."""
        i = torch.randint(len(self.z), (size,))
        return self.z[i], self.features[i]


def full_z(latents: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """z (N, z_dim) of mean square 1 that begin with the renderer's latents; the rest is noise.

    The mapping divides z by its own size, so a z of another size would stand for another head.
    """
    rest = torch.randn(len(latents), Z_DIM - latents.shape[1], generator=generator)
    left = (Z_DIM - latents.square().sum(1, keepdim=True)).clamp(min=1)
    return torch.cat([latents, rest * (left / rest.square().sum(1, keepdim=True)).sqrt()], 1)


def load_pictures(folder: Path, curls: float = 1.5) -> Pictures:
    """Read a data folder; what is rare is shown more often, heads with curls `curls` times as often."""
    images, grained = (
        torch.from_numpy(np.load(path)).permute(0, 3, 1, 2).contiguous() if path.exists() else None
        for path in (folder / "images.npy", folder / "grained.npy")
    )
    if images is None:
        raise SystemExit(f"There is no images.npy in {folder}; make_data.py writes it.")
    names = (folder / "factor_names.txt").read_text().split()
    columns = dict(zip(names, np.load(folder / "factors.npy").T, strict=True))
    shown = {
        "glasses": columns["glasses"] > 0.5,
        "lids closed": columns["eye_open"] < 0.05,
        "mouth open": columns["mouth_open"] > 0.3,
        "curls": (columns["hair_curl"] > 0.35) & (columns["bald"] < 0.5),
        "smile": columns["smile"] > 0.8,
        "turned": np.abs(columns["yaw"]) > 0.35,
    }
    extra = {
        "glasses": 2.2,
        "lids closed": 3.0,
        "mouth open": 1.4,
        "curls": curls,
        "smile": 1.3,
        "turned": 1.0,
    }
    weights = np.prod([np.where(shown[key], extra[key], 1.0) for key in shown], 0).astype(np.float32)
    groups = {key: torch.from_numpy(np.flatnonzero(chosen[:HELD_OUT])) for key, chosen in shown.items()}
    return Pictures(
        images,
        torch.from_numpy(np.load(folder / "features.npy")),
        torch.from_numpy(np.load(folder / "latents.npy")),
        torch.from_numpy(weights),
        groups,
        grained,
    )


def wanted_pictures(folder: Path) -> np.ndarray:
    """What samples with noise should look like, uint8 (N, H, W, 3): the grained heads where drawn."""
    grained = folder / "grained.npy"
    pictures: np.ndarray = np.load(grained if grained.exists() else folder / "images.npy", mmap_mode="r")
    return pictures


def load_bank(folder: Path) -> Bank:
    """Read the fresh latents of a data folder."""
    latents = torch.from_numpy(np.load(folder / "bank_latents.npy"))
    generator = torch.Generator().manual_seed(0)
    return Bank(full_z(latents, generator), torch.from_numpy(np.load(folder / "bank_features.npy")))
