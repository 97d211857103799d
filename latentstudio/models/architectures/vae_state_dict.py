"""State dicts of variational autoencoders with plain layers.

Owns the split into encoder, mean and decoder, by shapes: two parallel layers of one shape, then a layer
that reads what they give. A plain autoencoder with `encoder` and `decoder` is taken too.

Source: Kingma and Welling, "Auto-Encoding Variational Bayes" (appendix C); the layouts were measured on
files.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import torch
from torch import Tensor

from latentstudio.errors import MismatchError
from latentstudio.formats import Contents, StoredArray
from latentstudio.models.architectures.batch_statistics import Witness
from latentstudio.models.architectures.dcgan_sequential import Named, generator_arrays, step_arrays
from latentstudio.models.architectures.sequential_layout import (
    Layout,
    LayoutError,
    Leaf,
    Steps,
    find_leaves,
    lay_out,
)
from latentstudio.models.spec import NetworkSpec, as_float32

_RELU = {"op": "activation", "name": "relu"}


class _Reading:
    """Encoder leaves (the mean's layer last), decoder layout and sizes of one file."""

    def __init__(self, arrays: dict[str, StoredArray]) -> None:
        self.arrays = arrays
        leaves = find_leaves({key: array.shape for key, array in arrays.items()})
        self.encoder, self.z_dim, decoder = _split(leaves)
        self.layout: Layout = lay_out(decoder)
        self.classes = self.layout.inputs - self.z_dim
        if self.classes < 0:
            raise LayoutError(f"its decoder reads {self.layout.inputs} of {self.z_dim} numbers")
        self.tanh = any(leaf.name.rpartition("final_layer")[1] for leaf in decoder)


def _split(leaves: list[Leaf]) -> tuple[list[Leaf], int, list[Leaf]]:
    for i, (mean, spread) in enumerate(itertools.pairwise(leaves)):
        parallel = len(mean.shape) == 2 and mean.shape == spread.shape and mean.shape[0] != mean.shape[1]
        after = leaves[i + 2 :]
        if parallel and after and len(after[0].shape) in (2, 4):
            return leaves[: i + 1], mean.shape[0], after
    encoder = [leaf for leaf in leaves if "encoder." in leaf.name]
    decoder = [leaf for leaf in leaves if "decoder." in leaf.name]
    if not encoder or not decoder or len(encoder) + len(decoder) != len(leaves):
        raise LayoutError("it has no encoder beside its decoder")
    last = encoder[-1].shape
    width = decoder[0].shape[1] if len(decoder[0].shape) == 2 else decoder[0].shape[0]
    if len(last) != 2 or last[0] not in (width, 2 * width):
        raise LayoutError("its encoder does not end where its decoder begins")
    return encoder, width, decoder


def claims(contents: Contents) -> bool:
    """A state dict with an encoder, one or two layers for z, and a decoder that makes a picture."""
    found = generator_arrays(contents)
    if found is None:
        return False
    try:
        _Reading(found[0])
    except (LayoutError, IndexError, ArithmeticError, RecursionError):
        return False
    return True


def convert(contents: Contents) -> NetworkSpec:
    """Config and arrays of the decoder, and of the encoder where its strides are clear.

    Raises:
        MismatchError: the layers do not fit together.
    """
    found = generator_arrays(contents)
    assert found is not None
    try:
        return _spec(_Reading(found[0]))
    except (LayoutError, KeyError, ValueError, IndexError) as error:
        raise MismatchError(
            f'"{contents.path.name}" looks like a VAE, but its layers do not fit together: {error}.',
            path=contents.path,
        ) from error


def _spec(reading: _Reading) -> NetworkSpec:
    arrays: Named = {key: as_float32(array) for key, array in reading.arrays.items()}
    layout, classes = reading.layout, reading.classes

    def draw(n: int) -> Tensor:
        z = torch.randn((n, reading.z_dim), generator=torch.Generator().manual_seed(0))
        return torch.cat([z, torch.eye(classes)[torch.arange(n) % classes]], 1) if classes else z

    witness = Witness(arrays)
    witness.first(layout.plans[0], layout.sources[0], draw)
    steps, _, _ = witness.settle(layout.plans[0], layout.sources[0], draw)
    sources = [*layout.sources[0]]
    last = len(steps) - (1 if steps[-1]["op"] == "reshape" else 0)
    activation = next((step for step in steps if step["op"] == "activation"), _RELU)
    steps.insert(last, {"op": "activation", "name": "tanh" if reading.tanh else "sigmoid"})
    sources.insert(last, "")
    picture = layout.pictures[0]
    named = step_arrays(steps, sources, arrays)
    notes: tuple[str, ...] = ()
    encoder, origins = ([], []) if classes else _encoder(reading.encoder, picture, activation)
    if encoder:
        named |= step_arrays(encoder, origins, arrays, "encoder")
    else:
        notes = ("Its encoder is not read; pictures must be inverted.",)
    config = {
        "family": "VAE",
        "inputs": layout.inputs,
        "classes": classes,
        "label": "after" if classes else "none",
        "steps": steps,
        "img_channels": picture[0],
        "img_size": [picture[1], picture[2]],
        "encoder": encoder,
        "encoder_reads": "signed" if reading.tanh else "unit",
    }
    return NetworkSpec("vae", config, named, notes=notes)


def _encoder(
    leaves: list[Leaf], picture: tuple[int, int, int], activation: dict[str, Any]
) -> tuple[Steps, list[str]]:
    """Steps from a picture to the mean; empty where the layers don't tell their strides."""
    steps: Steps = []
    sources: list[str] = []
    channels, side, _ = picture
    features = math.prod(picture)
    convs = [leaf for leaf in leaves if len(leaf.shape) == 4]
    dense = [leaf for leaf in leaves if len(leaf.shape) == 2]
    if convs:
        left = dense[0].shape[1] / convs[-1].shape[0] if dense else 0.0
        if not dense or side != round(math.sqrt(left)) * 2 ** len(convs) or left != round(left):
            return [], []
    for i, leaf in enumerate(leaves):
        bias = "bias" in leaf.parts
        if len(leaf.shape) == 4:
            out, inside, kernel, _ = leaf.shape
            if inside != channels:
                return [], []
            padding = (kernel - 1) // 2
            step = {"op": "conv", "in": inside, "out": out, "kernel": kernel, "stride": 2, "padding": padding}
            steps.append({**step, "bias": bias})
            channels, side = out, side // 2
            features = channels * side * side
        elif len(leaf.shape) == 2:
            if leaf.shape[1] != features:
                return [], []
            steps.append({"op": "linear", "in": features, "out": leaf.shape[0], "bias": bias})
            features = leaf.shape[0]
        elif leaf.is_norm:
            affine = "weight" in leaf.parts
            steps.append({"op": "norm", "features": leaf.shape[0], "eps": 1e-5, "affine": affine})
        else:
            return [], []
        sources.append(leaf.name)
        following = leaves[i + 1] if i + 1 < len(leaves) else None
        if following is not None and not following.is_norm:
            steps.append({k: activation[k] for k in ("op", "name", "slope") if k in activation})
            sources.append("")
    return steps, sources
