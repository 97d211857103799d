"""Principal components where w is nothing but z: of the first layer's features, and of a latent map.

A z drawn from the normal distribution has no direction of its own, so its covariance says nothing. What
does: the first layer's features, led back to z; and for latents that are maps, the channels of real
latents, led over the whole map. Runs on the engine's thread.

Source: Harkonen et al., "GANSpace", section 3.3 (BigGAN: principal components of a layer, regressed to z).
"""

from __future__ import annotations

from collections.abc import Generator as Steps

import numpy as np
import torch
from numpy.typing import NDArray

from latentstudio.engine.requests import Progress
from latentstudio.latent.discovery import Components, StreamedCovariance
from latentstudio.models.generator import Generator, State, stage_of_row

BATCH = 256
PICTURES = 8  # drawn and encoded, to see which latents an encoder gives
_SEED = 0


def layer_components(generator: Generator, count: int) -> Steps[Progress, None, Components]:
    """Components of the first layer's features as steps in w; returns `Components`.

    The regression of the features on w stands in for the layer; for a linear one it is the layer. The
    class stays the same, so that the components are those of z.
    """
    info = generator.info
    random = np.random.RandomState(_SEED)
    last = stage_of_row(generator.stages, 0)
    samples = max(1024, 4 * info.z_dim)
    squares: NDArray[np.float64] = np.zeros((info.w_dim, info.w_dim))
    products: NDArray[np.float64] | None = None
    total = np.zeros(info.w_dim)
    for done in range(0, samples, BATCH):
        yield Progress(done, samples, "Looking at the first layer")
        w, features = _first_features(generator, random, last)
        # z has mean zero and the class adds a constant; what is left is a mean near zero.
        total += w.sum(0)
        squares += w.T @ w
        products = w.T @ features if products is None else products + w.T @ features
    assert products is not None
    seen = -(-samples // BATCH) * BATCH
    covariance = squares / seen - np.outer(total / seen, total / seen)
    layer = np.linalg.pinv(squares, rcond=1e-9, hermitian=True) @ products
    values, axes = np.linalg.eigh(covariance)
    root = axes * np.sqrt(np.maximum(values, 0))  # root @ root.T is the covariance
    left, strength, _ = np.linalg.svd(root.T @ layer, full_matrices=False)
    count = min(count, info.z_dim, len(strength))
    steps = (root @ left[:, :count]).T  # one sigma along each component
    length = np.linalg.norm(steps, axis=1)
    share = strength**2 / max(float((strength**2).sum()), 1e-30)
    steps *= np.where(np.take_along_axis(steps, np.abs(steps).argmax(1)[:, None], 1) < 0, -1, 1)
    return Components(
        (steps / np.maximum(length, 1e-12)[:, None]).astype(np.float32),
        length.astype(np.float32),
        share[:count].astype(np.float32),
        (total / seen).astype(np.float32),
    )


def _first_features(
    generator: Generator, random: np.random.RandomState, last: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Some w (n, w_dim) around their class's and the features (n, all) of the first layer that reads w."""
    info = generator.info
    z = torch.from_numpy(random.randn(BATCH, info.z_dim).astype(np.float32))
    with torch.inference_mode():
        c = None
        if info.c_dim:
            c = torch.zeros(1, info.c_dim)
            c[0, 0] = 1
        rest = generator.mapping(torch.zeros(1, info.z_dim), c)
        ws = generator.mapping(z, None if c is None else c.expand(BATCH, -1))
        generator.compute_dtype = torch.float32
        features = []
        for rows in (rest, ws):
            state, inputs = State(), generator.inputs(rows, "none")
            for index in range(last + 1):
                state = generator.run_stage(index, state, inputs)
            x = state.x if state.x is not None else state.img
            assert x is not None
            features.append(x.flatten(1).cpu().double().numpy())
    return (ws - rest)[:, 0].cpu().double().numpy(), features[1] - features[0]


def map_components(generator: Generator, count: int) -> Steps[Progress, None, Components]:
    """Components of the channels of a latent map, the same at every place; returns `Components`.

    With an encoder the statistics are those of the latents of smooth random pictures; without one each
    channel stands for itself.
    """
    info = generator.info
    assert info.z_shape is not None
    channels, height, width = info.z_shape
    places = height * width
    if info.has_encoder:
        statistics = StreamedCovariance(channels)
        random = np.random.RandomState(_SEED)
        for done in range(PICTURES):
            yield Progress(done, PICTURES, "Looking at latents")
            picture = torch.from_numpy(_smooth_picture(random, info.img_size, info.img_channels))
            with torch.inference_mode():
                z = generator.encode(picture[None].to(generator.device)).cpu().numpy()
            statistics.update(z.reshape(channels, places).T)
        found = statistics.components(min(count, channels))
    else:
        count = min(count, channels)
        one = np.ones(count, np.float32)
        share = np.full(count, 1 / channels, np.float32)
        found = Components(
            np.eye(count, channels, dtype=np.float32), one, share, np.zeros(channels, np.float32)
        )
    spread = np.float32(np.sqrt(places))
    return Components(
        np.repeat(found.vectors, places, 1) / spread,
        found.sigmas * spread,
        found.share,
        np.repeat(found.mean, places),
    )


def _smooth_picture(
    random: np.random.RandomState, size: tuple[int, int], channels: int
) -> NDArray[np.float32]:
    """A picture (channels, H, W) in [-1, 1] whose spectrum falls like that of photographs."""
    height, width = size
    frequency = np.hypot(np.fft.fftfreq(height)[:, None] * height, np.fft.rfftfreq(width) * width)
    fall = 1 / np.maximum(frequency, 1)
    planes = []
    for _ in range(channels):
        phase = np.exp(2j * np.pi * random.rand(*frequency.shape))
        plane = np.fft.irfft2(fall * phase, s=size)
        planes.append(plane / max(float(plane.std()), 1e-12))
    colours = np.stack(planes)
    # Colours follow the brightness, as they do in photographs.
    mixed = 0.8 * colours[:1] + 0.35 * colours + random.uniform(-0.4, 0.4, (channels, 1, 1))
    return np.clip(0.5 * mixed, -1, 1).astype(np.float32)
