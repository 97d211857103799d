"""The published projector, written plainly: what the fast method is measured against.

One photograph, one loop, no early pictures, nothing kept for later; the constants are the published
ones. The distance is a parameter, because the published one's weights (VGG16) travel with no package.

Source: Karras et al., "Analyzing and Improving the Image Quality of StyleGAN", appendix D, with the
constants of the published projectors (TensorFlow and PyTorch give the same).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from latentstudio.models.generator import Generator

STEPS, W_SAMPLES, W_SEED = 1000, 10_000, 123
RATE, RAMPUP, RAMPDOWN = 0.1, 0.05, 0.25
NOISE_FACTOR, NOISE_RAMP, NOISE_WEIGHT = 0.05, 0.75, 1e5


def project(
    generator: Generator, distance_of: Callable[[Tensor], Tensor], seed: int = 303, steps: int = STEPS
) -> tuple[Tensor, list[Tensor], list[float]]:
    """The fitted w (1, 1, w_dim), the fitted noise maps, and the distance after each step."""
    z = np.random.RandomState(W_SEED).randn(W_SAMPLES, generator.info.z_dim).astype(np.float32)
    with torch.no_grad():
        w_samples = generator.mapping(torch.from_numpy(z))[:, :1].numpy()
    w_avg = w_samples.mean(0, keepdims=True)
    w_std = float((np.square(w_samples - w_avg).sum() / W_SAMPLES) ** 0.5)
    torch.manual_seed(seed)
    w = torch.tensor(w_avg, requires_grad=True)
    noise = [torch.randn(1, 1, *shape, requires_grad=True) for shape in generator.noise_shapes]
    optimizer = torch.optim.Adam([w, *noise], lr=RATE, betas=(0.9, 0.999))
    curve = []
    for step in range(steps):
        t = step / steps
        w_noise_scale = w_std * NOISE_FACTOR * max(0.0, 1 - t / NOISE_RAMP) ** 2
        ramp = min(1.0, (1 - t) / RAMPDOWN)
        ramp = (0.5 - 0.5 * math.cos(ramp * math.pi)) * min(1.0, t / RAMPUP)
        for group in optimizer.param_groups:
            group["lr"] = RATE * ramp
        ws = (w + torch.randn_like(w) * w_noise_scale).expand(-1, generator.info.num_ws, -1)
        images = generator.synthesis(ws, noise_maps=dict(enumerate(noise)))
        distance = distance_of(images).sum()
        penalty = torch.zeros(())
        for part in noise:
            while True:
                penalty = penalty + (part * part.roll(1, 3)).mean() ** 2
                penalty = penalty + (part * part.roll(1, 2)).mean() ** 2
                if part.shape[2] <= 8:
                    break
                part = F.avg_pool2d(part, 2)
        optimizer.zero_grad(set_to_none=True)
        (distance + NOISE_WEIGHT * penalty).backward()
        optimizer.step()
        curve.append(float(distance.detach()))
        with torch.no_grad():
            for part in noise:
                part -= part.mean()
                part *= part.square().mean().rsqrt()
    return w.detach(), [part.detach() for part in noise], curve
