"""The small autoencoder's network, as the program runs it: what is trained is what is rendered.

Owns its layers, the start from the network that reads factors, and the baking of the prior: after it,
normal z have the mean and the covariance of the data's, and its leading coordinates have names.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from latentstudio.clay.words import Z_NAMES
from latentstudio.models.architectures.dcgan import Step
from latentstudio.models.architectures.vae import VAE
from latentstudio.models.clay_factors import SIZE, WIDTHS, load_factor_network

Z_DIM = 96
DECODER = (160, 128, 96, 48, 24)  # channels at 4, 8, 16, 32, 64 pixels
NAMED_FROM = 0.6  # a coordinate is named from this correlation with the renderer's own number

Plan = dict[str, Any]


def _linear(before: int, after: int) -> Plan:
    return {"op": "linear", "in": before, "out": after, "bias": True}


def _conv(before: int, after: int, kernel: int = 3, stride: int = 1) -> Plan:
    sides = {"kernel": kernel, "stride": stride, "padding": kernel // 2, "bias": True}
    return {"op": "conv", "in": before, "out": after, **sides}


def _doubling(before: int, after: int) -> Plan:
    sides = {"kernel": 4, "stride": 2, "padding": 1, "output_padding": 0, "bias": True}
    return {"op": "deconv", "in": before, "out": after, **sides}


def decoder_steps(inputs: int, channels: tuple[int, ...] = DECODER) -> list[Plan]:
    """From a vector to a picture: a doubling for each size, a second convolution at 16 and 32 pixels."""
    bend = {"op": "activation", "name": "lrelu", "slope": 0.2}
    first = channels[0]
    steps = [_linear(inputs, first * 16), {"op": "reshape", "shape": [first, 4, 4]}, bend]
    for level, (before, after) in enumerate(pairwise(channels), 1):
        steps += [_doubling(before, after), bend]
        if 4 << level in (16, 32):
            steps += [_conv(after, after), bend]
    return [*steps, _conv(channels[-1], 3)]


def encoder_steps(z_dim: int = Z_DIM) -> list[Plan]:
    """The factor network's look at a picture, then z."""
    steps, before = [], 3
    for i, width in enumerate(WIDTHS):
        steps += [_conv(before, width, 5 if i == 0 else 3, 1 if i == 3 else 2)]
        steps += [{"op": "activation", "name": "relu"}]
        before = width
    return [*steps, _linear(before * (SIZE // 16) ** 2, z_dim)]


def vae_config(z_dim: int = Z_DIM, channels: tuple[int, ...] = DECODER) -> dict[str, Any]:
    """What the program builds the network from."""
    return {
        "family": "VAE",
        "inputs": z_dim,
        "classes": 0,
        "label": "none",
        "steps": decoder_steps(z_dim, channels),
        "img_channels": 3,
        "img_size": [SIZE, SIZE],
        "encoder": encoder_steps(z_dim),
        "encoder_reads": "signed",
    }


def new_vae(z_dim: int = Z_DIM, channels: tuple[int, ...] = DECODER) -> VAE:
    """A decoder with random weights; an encoder that begins with the factor network's eyes.

    What that network makes of a picture before it estimates says nearly all that can be seen, so that the
    decoder has something to go by from the first step.
    """
    net = VAE(vae_config(z_dim, channels))
    for step in net.steps:
        if isinstance(step, Step) and step.op in ("linear", "conv", "deconv"):
            weight = step.weight
            # How many inputs meet in one output: of a doubling, a quarter of the taps.
            meet = weight.shape[0] * 4 if step.op == "deconv" else weight[0].numel()
            nn.init.normal_(weight, std=math.sqrt(1.9 / meet))
    _start_encoder(net)
    return net.to(memory_format=torch.channels_last)


@torch.no_grad()
def _start_encoder(net: VAE) -> None:
    network = load_factor_network()
    convolutions = [m for m in network.look if isinstance(m, nn.Conv2d)]
    norms = [m for m in network.look if isinstance(m, nn.BatchNorm2d)]
    own = [step for step in net.encoder if isinstance(step, Step) and step.op in ("conv", "linear")]
    for step, conv, norm in zip(own, convolutions, norms, strict=False):
        assert step.bias is not None
        assert norm.running_mean is not None
        assert norm.running_var is not None
        gain = norm.weight / (norm.running_var + norm.eps).sqrt()
        step.weight.copy_(conv.weight * gain[:, None, None, None])
        step.bias.copy_(norm.bias - norm.running_mean * gain)
    # The leading directions of what it thinks; how large they are is set by `centre_encoder`.
    _, _, directions = torch.linalg.svd(network.say.weight, full_matrices=True)
    last = own[-1]
    assert last.bias is not None
    z_dim = len(last.weight)
    rows = torch.zeros(z_dim, directions.shape[1])
    rows[: min(z_dim, len(directions))] = directions[:z_dim]
    last.weight.copy_(rows @ network.think.weight)
    last.bias.copy_(rows @ network.think.bias)


@torch.no_grad()
def move_latents(net: VAE, mean: Tensor, root: Tensor) -> None:
    """Change what z is: the old z = mean + root @ new z. Pictures and reconstructions stay as they were.

    Args:
        net: the network, changed in place.
        mean: (z_dim,).
        root: (z_dim, z_dim), invertible.
    """
    first = next(step for step in net.steps if isinstance(step, Step) and step.op == "linear")
    assert first.bias is not None
    first.bias.add_(first.weight @ mean)
    first.weight.copy_(first.weight @ root)
    last = [step for step in net.encoder if isinstance(step, Step) and step.op == "linear"][-1]
    assert last.bias is not None
    inverse = torch.linalg.inv(root)
    last.bias.copy_(inverse @ (last.bias - mean))
    last.weight.copy_(inverse @ last.weight)


def whitening(means: Tensor, spread: Tensor) -> tuple[Tensor, Tensor]:
    """Mean (z_dim,) and symmetric root (z_dim, z_dim) of the covariance of all z.

    Args:
        means: z of many pictures, (N, z_dim).
        spread: deviation around each that the decoder was trained with, (z_dim,).
    """
    values, vectors = torch.linalg.eigh(torch.cov(means.T.double()) + torch.diag(spread.double().square()))
    root = vectors @ values.clamp(min=1e-8).sqrt().diag() @ vectors.T
    return means.double().mean(0), root


def naming(white: Tensor, latents: Tensor, least: float = NAMED_FROM) -> tuple[Tensor, tuple[str, ...]]:
    """A turn of z after which its leading coordinates are what the renderer was asked for.

    Args:
        white: z of mean 0 and covariance 1, (N, z_dim).
        latents: the renderer's own numbers, (N, 64).
        least: correlation from which a coordinate is named.

    Returns:
        turn (z_dim, z_dim), orthogonal, z = turn @ new z; names of the leading coordinates, the surest first.
    """
    wanted = (latents - latents.mean(0)) / latents.std(0)
    slopes = (white.T @ wanted / len(white)).T  # (64, z_dim), whose lengths are the correlations
    chosen = torch.nonzero(slopes.norm(dim=1) > least)[:, 0]
    while True:
        rows = slopes[chosen]
        # The orthogonal rows nearest to those wanted.
        left, _, right = torch.linalg.svd(rows, full_matrices=True)
        near = left @ right[: len(chosen)]
        surely = (near * rows).sum(1)
        if bool((surely > least).all()) or not len(chosen):
            break
        chosen = chosen[surely > surely.min()]  # the least sure goes, and the others come out better
    order = surely.argsort(descending=True)
    turn = torch.cat([near[order], right[len(chosen) :]]).T
    return turn, tuple(Z_NAMES[i] for i in chosen[order].tolist())


def parameters(net: VAE) -> Iterator[tuple[str, nn.Parameter]]:
    """Weights of the decoder, then of the encoder."""
    yield from net.steps.named_parameters("steps")
    yield from net.encoder.named_parameters("encoder")


def batches(images: np.ndarray, size: int = 250) -> Iterator[Tensor]:
    """uint8 (N, H, W, 3) as (size, 3, H, W) in [-1, 1]."""
    for start in range(0, len(images), size):
        part = torch.from_numpy(np.array(images[start : start + size]))  # a file's pages can't be written
        yield (part.permute(0, 3, 1, 2).float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)
