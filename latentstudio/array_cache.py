"""Arrays that took long to find, kept on disk for the next start.

Owns how they are read and written, never where: a cache that is missing, spoilt or can't be written costs
time and nothing else. Any thread.
"""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentstudio.atomic_file import write_atomically


def kept_arrays(path: Path | None) -> dict[str, NDArray[Any]]:
    """What `keep_arrays` left at `path`, by name; nothing where there is none or it is spoilt."""
    if path is None:
        return {}
    # Half a file shows itself in many ways: as no archive, as a wrong checksum, as an array cut short.
    # Read from memory: given the path of what is no archive, NumPy leaves the file open.
    with (
        contextlib.suppress(Exception),
        np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as stored,
    ):
        return {name: stored[name] for name in stored.files}
    return {}


def keep_arrays(path: Path | None, arrays: dict[str, ArrayLike]) -> None:
    """Write arrays by name to `path`, whole or not at all; None keeps nothing."""
    if path is None:
        return
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    with contextlib.suppress(Exception):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, buffer.getvalue())
