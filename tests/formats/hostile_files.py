"""The registry of hostile files: files that lie, and files that would run something.

Owns the table `HOSTILE`, which the modules `hostile_pickles`, `hostile_arrays` and
`hostile_containers` fill: a label, and what makes the file in a folder. `CANARY` is the file that
any payload would leave behind in that folder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

CANARY = "canary"
HOSTILE: dict[str, Callable[[Path], Path]] = {}
WEIGHT = np.arange(6, dtype=np.float32)


def add(label: str, build: Callable[[Path], bytes], suffix: str = "pkl") -> None:
    """A file whose payload names the folder it lies in."""

    def make(folder: Path) -> Path:
        path = folder / f"{label}.{suffix}"
        path.write_bytes(build(folder))
        return path

    add_maker(label, make)


def add_all(kind: str, files: Mapping[str, bytes], suffix: str = "pkl") -> None:
    """Files that are the same everywhere."""
    for label, data in files.items():
        add(f"{kind} {label}", lambda folder, data=data: data, suffix)  # type: ignore[misc]


def add_maker(label: str, make: Callable[[Path], Path]) -> None:
    """Anything that a path may lead to."""
    assert label not in HOSTILE, label
    HOSTILE[label] = make


def shell(folder: Path) -> str:
    """A shell command that leaves the canary."""
    return f"touch {folder / CANARY}"


def python(folder: Path) -> str:
    """A Python expression that leaves the canary."""
    return f"open({str(folder / CANARY)!r}, 'w')"
