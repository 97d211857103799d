"""Projections on disk: the latents that other tools read, and fits that are to go on.

Owns `projected_w.npz` in and out and the file of a fit that was stopped. A file may come from anyone:
it is read as data and checked. Any thread.

Source: the published projector's files (key `w`, shape (1, num_ws, w_dim)).
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from latentstudio.atomic_file import write_atomically
from latentstudio.errors import InputError
from latentstudio.inversion.options import ProjectionOptions
from latentstudio.inversion.projection import Checkpoint

Floats = NDArray[np.float32]
FIT_SUFFIX = ".fit.npz"
_FIT_VERSION = 1
# A fit holds its variables thrice; no model's comes near this many numbers.
MAX_NUMBERS = 500_000_000


def projected_w_bytes(ws: Sequence[Floats]) -> bytes:
    """The file that published tools read: `w`, float32 (N, num_ws, w_dim)."""
    return _npz({"w": np.stack([np.asarray(rows, np.float32) for rows in ws])})


def read_projected_w(path: Path) -> Floats:
    """The latents of such a file: float32 (N, num_ws, w_dim).

    Raises:
        InputError: it can't be read, or holds something else.
    """
    ws = np.asarray(_read(path, ("w",), "an array `w`")["w"])
    if ws.ndim == 2:
        ws = ws[None]
    if ws.ndim != 3 or not len(ws) or ws.dtype.kind not in "fiu" or not np.isfinite(ws).all():
        raise InputError(
            f'The latents in "{path.name}" have shape {ws.shape}, not (N, num_ws, w_dim).', path=path
        )
    return ws.astype(np.float32)


def fit_bytes(checkpoint: Checkpoint, options: ProjectionOptions, model_sha256: str) -> bytes:
    """A fit that can go on: the variables, their moments, and what they belong to."""
    header = {
        "version": _FIT_VERSION,
        "step": checkpoint.step,
        "options": options.to_json(),
        "model_sha256": model_sha256,
    }
    text = np.frombuffer(json.dumps(header, sort_keys=True).encode(), np.uint8)
    return _npz({"header": text, **checkpoint.arrays})


def write_fit(path: Path, checkpoint: Checkpoint, options: ProjectionOptions, model_sha256: str) -> None:
    """Write a fit; the old file stays until the new one is complete.

    Raises:
        SaveError: the disk refuses.
    """
    write_atomically(path, fit_bytes(checkpoint, options, model_sha256))


def read_fit(path: Path, options: ProjectionOptions, model_sha256: str) -> Checkpoint:
    """The fit in a file, to go on with the options it was begun with.

    Raises:
        InputError: the file is damaged, or was begun with other options or another model.
    """
    stored = _read(path, ("header",), "a fit")
    try:
        header = json.loads(bytes(stored.pop("header")).decode())
        step, version = int(header["step"]), int(header["version"])
        begun = ProjectionOptions.from_json(header["options"])
        belongs_to = str(header["model_sha256"])
    except (ValueError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise InputError(f'The fit in "{path.name}" is damaged.', "Begin anew.", path=path) from error
    if version > _FIT_VERSION:
        raise InputError(f'"{path.name}" was written by a newer LatentStudio.', path=path)
    if begun != options or belongs_to != model_sha256:
        raise InputError(
            f'The fit in "{path.name}" was begun with other options or another model.',
            "Use the same ones, or begin anew without --resume.",
            path=path,
        )
    return Checkpoint(step, stored)


def _npz(arrays: dict[str, NDArray[np.generic]]) -> bytes:
    """The same arrays always give the same bytes: no times of writing are in them."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            entry = io.BytesIO()
            np.lib.format.write_array(entry, np.ascontiguousarray(array), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), entry.getvalue())
    return buffer.getvalue()


def _read(path: Path, needed: Sequence[str], what: str) -> dict[str, NDArray[np.generic]]:
    problem = InputError(f'Can\'t read latents from "{path.name}".', f"It must be an .npz file with {what}.")
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > 4 * MAX_NUMBERS:
                raise problem
        with np.load(path, allow_pickle=False) as stored:
            if not set(needed) <= set(stored.files):
                raise problem
            return {name: stored[name] for name in stored.files}
    except (OSError, ValueError, KeyError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise InputError(problem.message, problem.hint, path=path) from error
