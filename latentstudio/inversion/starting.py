"""Which start a projection takes: the mean, the nearest samples, the encoder's answer, a picture.

One thread at a time per generator.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from latentstudio.document.recipe import Source
from latentstudio.errors import InputError
from latentstudio.inversion.encoder import Encoder, encoder_for
from latentstudio.inversion.latents import Start
from latentstudio.inversion.options import PUBLISHED, ProjectionOptions
from latentstudio.inversion.starts import Statistics, nearest_classes, nearest_samples
from latentstudio.latent.sampling import z_from_seed
from latentstudio.latent.spaces import Z, as_rows
from latentstudio.models.generator import Generator


def find_start(
    generator: Generator,
    targets: Tensor,
    mask: Tensor | None,
    options: ProjectionOptions,
    spread: Statistics,
    c: Tensor | None,
) -> Iterator[Start]:
    """The start of each photograph; every yield is better than the one before, the last one counts.

    Raises:
        InputError: the model has no encoder, or the chosen picture does not fit.
    """
    n, info = len(targets), generator.info
    picks_class = bool(info.c_dim) and c is None
    if isinstance(options.start, Source):
        if picks_class and options.start.space == Z:
            z = _z_of_source(generator, options.start).expand(n, -1)
            yield from _with_class(generator, targets, mask, z, options.seed)
        else:
            yield _of_source(generator, options, n, c)
        return
    has_encoder = info.has_encoder or _serves(encoder_for(generator), options.space)
    chosen = options.start
    if chosen == "auto":
        # The published method knows no encoder, except that of an autoencoder, which is half of the model.
        is_plain = options.method == PUBLISHED and not info.has_encoder
        chosen = "mean" if is_plain else ("encoder" if has_encoder else "samples")
    if chosen == "encoder":
        if not has_encoder:
            raise InputError(
                "There is no encoder for this model.", "Train one (learn to invert), or start from samples."
            )
        guessed = _encoded_z(generator, targets) if picks_class else None
        if guessed is not None:
            yield from _with_class(generator, targets, mask, guessed, options.seed)
        else:
            yield _encoded(generator, targets, spread, c)
        return
    # In z of a network with a mapping nothing lies in the middle: normalising 0 leads anywhere.
    if chosen == "mean" and not picks_class and not (options.space == Z and info.has_mapping):
        z = torch.zeros((n, info.z_dim), device=targets.device)
        yield Start(z, spread.mean.expand(n, -1, -1), None if c is None else c.expand(n, -1))
        return
    for found in nearest_samples(generator, targets, mask, options.start_samples, options.seed, c):
        labels = None if c is None else c.expand(n, -1)
        if picks_class:
            labels = torch.eye(info.c_dim, device=targets.device)[found.classes]
        yield Start(found.z, found.ws, labels)


def _serves(encoder: Encoder | None, space: str) -> bool:
    """Whether an encoder gives a start in a space: no z can be read off a w."""
    return encoder is not None and not (encoder.config.in_w and space == Z)


def _encoded(generator: Generator, targets: Tensor, spread: Statistics, c: Tensor | None) -> Start:
    n, info = len(targets), generator.info
    labels = None if c is None else c.expand(n, -1)
    with torch.no_grad():
        if info.has_encoder:
            z = generator.encode(targets).float()
            return Start(z, generator.mapping(z, labels), labels)
        encoder = encoder_for(generator)
        assert encoder is not None
        return Start(*encoder.start(targets, generator, labels), labels)


def _encoded_z(generator: Generator, targets: Tensor) -> Tensor | None:
    """The encoder's z, which knows of no class; None where it guesses a w."""
    with torch.no_grad():
        if generator.info.has_encoder:
            return generator.encode(targets).float()
        encoder = encoder_for(generator)
        assert encoder is not None
        return None if encoder.config.in_w else encoder(targets)


def _with_class(
    generator: Generator, targets: Tensor, mask: Tensor | None, z: Tensor, seed: int
) -> Iterator[Start]:
    """A z in the class that brings it nearest to each photograph."""
    for found in nearest_classes(generator, targets, mask, z, seed):
        labels = torch.eye(generator.info.c_dim, device=targets.device)[found.classes]
        yield Start(found.z, found.ws, labels)


def _z_of_source(generator: Generator, source: Source) -> Tensor:
    """The z of a chosen picture, (1, z_dim)."""
    z_dim = generator.info.z_dim
    values = z_from_seed(source.seed or 0, z_dim) if source.values is None else source.values.array
    if values.size != z_dim:
        raise InputError(f"The start has {values.size} numbers, but this model's z has {z_dim}.")
    return torch.from_numpy(np.array(values, np.float32).reshape(1, -1)).to(generator.device)


def _of_source(generator: Generator, options: ProjectionOptions, n: int, c: Tensor | None) -> Start:
    source, info = options.start, generator.info
    assert isinstance(source, Source)
    labels = None if c is None else c.expand(n, -1)
    if source.space == Z:
        z = _z_of_source(generator, source)
        with torch.no_grad():
            ws = generator.mapping(z, c)
        return Start(z.expand(n, -1), ws.expand(n, -1, -1), labels)
    if options.space == Z:
        raise InputError(
            "A projection in z can't start from a w.", "Choose a picture of a seed as the start."
        )
    assert source.values is not None
    if source.values.shape[-1] != info.w_dim:
        raise InputError(f"The start has {source.values.shape[-1]} numbers a row, but w has {info.w_dim}.")
    rows = torch.from_numpy(np.array(as_rows(source.values.array, info.num_ws))).to(generator.device)
    zeros = torch.zeros((n, info.z_dim), device=generator.device)
    return Start(zeros, rows.expand(n, -1, -1), labels)
