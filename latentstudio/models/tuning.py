"""Small changes to a generator's own weights, as pivotal tuning makes them.

Owns their file (8-bit rows with one scale each) and the tuned copy of a generator. A file may come from
anyone: it is read as data and checked against the generator. Any thread; a tuned
copy belongs to one thread at a time.

Source: Roich et al., "Pivotal Tuning for Latent-based Editing of Real Images", for what is stored.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from latentstudio.errors import InputError, UnreadableFileError
from latentstudio.formats import read_checkpoint, write_safetensors
from latentstudio.models.generator import Generator
from latentstudio.models.spec import as_float32

SUFFIX = ".tuning.safetensors"
METADATA_KEY = "latentstudio.tuning"
VERSION = 1
_SCALE = ".scale"
_LEVELS = 127


@dataclass(frozen=True)
class Tuning:
    """Changes by parameter name.

    Attributes:
        deltas: float32 arrays of the parameters' shapes, added to them.
        model_sha256: hash of the generator they were made for; empty when built in memory.
    """

    deltas: Mapping[str, NDArray[np.float32]]
    model_sha256: str = ""


def rounded(tuning: Tuning) -> Tuning:
    """The tuning as its file will give it back: what is drawn must be what is stored."""
    return Tuning(
        {name: _widened(*_narrowed(delta)) for name, delta in tuning.deltas.items()}, tuning.model_sha256
    )


def write_tuning(path: Path, tuning: Tuning) -> None:
    """Write a tuning; an 8-bit number and a share of a scale for each weight.

    Raises:
        SaveError: the file could not be written.
    """
    arrays: dict[str, NDArray[np.generic]] = {}
    for key, delta in tuning.deltas.items():
        levels, scale = _narrowed(delta)
        arrays[key] = levels
        arrays[key + _SCALE] = scale
    header = json.dumps({"version": VERSION, "model_sha256": tuning.model_sha256}, sort_keys=True)
    write_safetensors(path, arrays, {METADATA_KEY: header})


def read_tuning(path: Path) -> Tuning:
    """The inverse of `write_tuning`.

    Raises:
        CheckpointError: the file is damaged or something else.
    """
    contents = read_checkpoint(path)
    problem = UnreadableFileError(f'"{path.name}" is not a tuning of this program.', path=path)
    if contents.kind != "safetensors" or METADATA_KEY not in contents.metadata:
        raise problem
    try:
        header = json.loads(contents.metadata[METADATA_KEY])
        if header["version"] != VERSION:
            raise UnreadableFileError(
                f'"{path.name}" was written by a newer LatentStudio.', "Update LatentStudio.", path=path
            )
        deltas = {}
        for name, stored in contents.root.items():
            if name.endswith(_SCALE):
                continue
            levels, scale = stored.numpy(), as_float32(contents.root[name + _SCALE])
            if levels.dtype != np.int8 or scale.size != (len(levels) if levels.ndim else 1):
                raise problem
            deltas[name] = _widened(levels, scale)
            if not np.isfinite(deltas[name]).all():
                raise problem
        return Tuning(deltas, str(header["model_sha256"]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise problem from error


def tuned(generator: Generator, tuning: Tuning) -> Generator:
    """A copy of the generator with the changes in it; what is not changed is shared.

    Raises:
        InputError: the tuning belongs to another generator.
    """
    parameters = dict(generator.named_parameters())
    known = (generator.info.sha256, generator.info.provenance.source_sha256, "")
    fits = all(
        name in parameters and tuple(parameters[name].shape) == delta.shape
        for name, delta in tuning.deltas.items()
    )
    if not fits or tuning.model_sha256 not in known:
        raise InputError("The picture's tuning was made for another model.", "Open that model first.")
    twin = copied(generator, share=set(parameters) - set(tuning.deltas))
    with torch.no_grad():
        for name, parameter in twin.named_parameters():
            if name in tuning.deltas:
                delta = torch.from_numpy(np.array(tuning.deltas[name]))
                parameter.add_(delta.to(parameter.device))
    return twin


def copied(generator: Generator, share: set[str] | None = None) -> Generator:
    """A generator whose weights are its own, except those that are shared by name."""
    memo: dict[int, object] = {}
    for name, parameter in generator.named_parameters():
        if name in (share or ()):
            memo[id(parameter)] = parameter
    for module in generator.modules():
        kept = module.__dict__.get("_derived")
        if kept is not None:  # follows from the weights, and must follow the new ones
            memo[id(kept)] = {}
    with torch.inference_mode(False):
        return copy.deepcopy(generator, memo)


def _narrowed(delta: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Levels -127..127 of the delta's shape, and a scale for each of its first rows."""
    rows = delta.reshape(len(delta) if delta.ndim else 1, -1)
    scale = (np.abs(rows).max(1) / _LEVELS).astype(np.float32)
    levels = np.rint(rows / np.where(scale == 0, 1, scale)[:, None]).clip(-_LEVELS, _LEVELS)
    return levels.astype(np.int8).reshape(delta.shape), scale


def _widened(levels: NDArray[np.int8], scale: NDArray[np.float32]) -> NDArray[np.float32]:
    rows = levels.reshape(len(levels) if levels.ndim else 1, -1).astype(np.float32)
    return (rows * scale.reshape(-1, 1)).astype(np.float32).reshape(levels.shape)
