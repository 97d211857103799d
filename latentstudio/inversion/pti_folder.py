"""Folders that the published pivotal tuning leaves behind, as projections.

Owns the search for pivots and tuned generators in a folder, and turning the latter into changes of the
generator at hand. Files are read as data. One thread at a time per generator.

Source: the published code of Roich et al., "Pivotal Tuning for Latent-based Editing of Real Images":
`embeddings/.../NAME/0.pt` holds the pivot (1, num_ws, w_dim), `model_RUN_NAME.pt` the tuned generator.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from latentstudio.document.recipe import Source
from latentstudio.errors import CheckpointError, InputError
from latentstudio.formats import StoredArray, read_checkpoint
from latentstudio.inversion.options import ProjectionOptions
from latentstudio.inversion.pictures import exact_picture
from latentstudio.inversion.projection import Projection
from latentstudio.inversion.tuning_store import keep_tuning
from latentstudio.latent.spaces import W_PLUS, Latent
from latentstudio.models.architectures import stylegan2_nvidia
from latentstudio.models.architectures.nvidia_modules import persistent_generator
from latentstudio.models.generator import Generator
from latentstudio.models.tuning import SUFFIX, Tuning, rounded, tuned

MAX_FILES = 2000


def read_pti_folder(folder: Path, generator: Generator) -> Iterator[tuple[str, Projection]]:
    """The pivots of a folder with their tuned generators, by name.

    Args:
        folder: what the published code wrote, or a folder above it.
        generator: the one that was tuned.

    Raises:
        InputError: the folder holds no pivot for this generator.
        MismatchError: a tuned generator is of another shape.
    """
    pivots: dict[str, NDArray[np.float32]] = {}
    models: list[Path] = []
    files = sorted([*folder.rglob("*.pt"), *folder.rglob("*.pth")])
    if len(files) > MAX_FILES:
        raise InputError(f'"{folder.name}" holds more than {MAX_FILES} files.', "Name a smaller folder.")
    for path in files:
        if path.name.startswith("model_"):
            models.append(path)
            continue
        rows = _rows(path, generator)
        if rows is not None:
            pivots[path.parent.name if path.stem.isdigit() else path.stem] = rows
    if not pivots:
        raise InputError(
            f'"{folder.name}" holds no pivot for this model.',
            "It must hold embeddings/.../NAME/0.pt as the published pivotal tuning writes them.",
            path=folder,
        )
    for name, rows in pivots.items():
        suffix = f"_{name}"
        own = [path for path in models if path.stem.endswith(suffix)]
        yield name, _projection(name, rows, own[0] if own else None, generator)


def _rows(path: Path, generator: Generator) -> NDArray[np.float32] | None:
    """The latent in a file (num_ws, w_dim); None where it holds something else."""
    try:
        root = read_checkpoint(path).root
    except CheckpointError:
        return None
    if not isinstance(root, StoredArray) or root.dtype.kind != "f":
        return None
    rows = np.asarray(root.numpy(), np.float32)
    rows = rows[0] if rows.ndim == 3 and len(rows) == 1 else rows
    info = generator.info
    if rows.shape == (1, info.w_dim):
        rows = np.repeat(rows, info.num_ws, 0)
    return rows if rows.shape == (info.num_ws, info.w_dim) and np.isfinite(rows).all() else None


def _projection(name: str, rows: NDArray[np.float32], model: Path | None, generator: Generator) -> Projection:
    reference, network = None, generator
    if model is not None:
        tuning = rounded(_difference(model, generator))
        network = tuned(generator, tuning)
        reference = keep_tuning(tuning, name + SUFFIX)
    _, drawn = exact_picture(network, rows, ())
    return Projection(
        source=Source(W_PLUS, None, Latent(rows)),
        ws=rows,
        noise=(),
        classes=(),
        image=drawn,
        distance=0.0,
        curve=np.zeros(0, np.float32),
        terms={},
        about_distance="as published, from a folder",
        options=ProjectionOptions(space=W_PLUS),
        seconds=0.0,
        name=name,
        tuning=reference,
    )


def _difference(path: Path, generator: Generator) -> Tuning:
    """What a tuned generator's file changes of the generator at hand."""
    contents = read_checkpoint(path)
    if persistent_generator(contents) is None:
        raise InputError(f'"{path.name}" holds no tuned generator.', path=path)
    arrays = stylegan2_nvidia.convert(contents).arrays
    deltas = {}
    for name, parameter in generator.named_parameters():
        there = arrays.get(name)
        if there is None or tuple(there.shape) != tuple(parameter.shape):
            raise InputError(
                f'"{path.name}" is the tuned form of another model.',
                "Open the model that was tuned.",
                path=path,
            )
        delta = np.asarray(there, np.float32) - parameter.detach().cpu().numpy()
        if delta.any():
            deltas[name] = delta
    return Tuning(deltas, generator.info.sha256)
