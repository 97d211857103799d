"""A generator's samples and what the estimator reads off them.

Owns drawing pictures from z or w in batches and reading them; everything that measures a generator uses it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from latentstudio import clay
from latentstudio.clay.observables import OBSERVABLES
from latentstudio.models.clay_factors import as_seen, load_factor_network
from latentstudio.models.generator import Generator

BATCH = 64
# What can be said as one number: hues are circles and left out.
READ = [name for name in OBSERVABLES if "." not in name]


class Samples(NamedTuple):
    """Latents and what their pictures show.

    Attributes:
        z: (N, z_dim).
        w: (N, w_dim).
        factors: (N, 58), as `READ` names them.
        features: (N, 128), what the estimates are made of.
    """

    z: np.ndarray
    w: np.ndarray
    factors: np.ndarray
    features: np.ndarray


@torch.inference_mode()
def read(images: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Factors (N, 58) and features (N, 128) of pictures (N, 3, H, W) in [-1, 1]."""
    network = load_factor_network()
    features = network.features(as_seen(images.clamp(-1, 1)))
    observed = network.say(features) * network.std + network.mean
    return observed[:, : len(READ)].numpy(), features.numpy()


@torch.inference_mode()
def read_w(generator: Generator, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What the pictures of w (N, w_dim) or (N, num_ws, w_dim) show."""
    parts = []
    for part in torch.from_numpy(w).split(BATCH):
        pictures = generator.to_uint8(generator.synthesis(part)).float() / 127.5 - 1
        parts.append(read(pictures))
    return tuple(np.concatenate(column) for column in zip(*parts, strict=True))  # type: ignore[return-value]


def sample(generator: Generator, count: int, seed: int, psi: float = 1.0) -> Samples:
    """Random z of a seed, their w and what their pictures show."""
    z = np.random.default_rng(seed).standard_normal((count, generator.info.z_dim), dtype=np.float32)
    with torch.inference_mode():
        w = generator.mapping(z, truncation_psi=psi)[:, 0].numpy()
    return Samples(z, w, *read_w(generator, w))


def data_factors(count: int, seed: int) -> np.ndarray:
    """The true factors (N, 58) of random heads, in the order of `READ`."""
    factors = clay.sample_factors(count, seed)
    return factors[:, [clay.NAMES.index(name) for name in READ]]
