"""Files that are either the old ones or the new ones, never half of each.

Owns the one way in which the program writes files. Any thread.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from latentstudio.errors import SaveError


@contextlib.contextmanager
def atomic_writer(path: Path) -> Iterator[BinaryIO]:
    """A file to write into that takes its place at `path` when the block ends well.

    Raises:
        SaveError: anything went wrong with the disk; whatever stood at `path` before is untouched.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        try:
            with temporary.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except OSError as error:
            raise SaveError(
                f'Can\'t save "{path.name}": {error.strerror or error}.',
                "Nothing was lost: an older file of that name is untouched. Choose another place.",
                path=path,
            ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_atomically(path: Path, data: bytes) -> None:
    """Write `data` to `path`; see `atomic_writer`."""
    with atomic_writer(path) as file:
        file.write(data)
