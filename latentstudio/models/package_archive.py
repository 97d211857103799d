"""Take named files out of a wheel or a source archive.

Owns reading of zip and tar archives as data: only the files asked for are written, under their own last
names into one folder, and no more bytes than allowed. Any thread.
"""

from __future__ import annotations

import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from latentstudio.errors import CatalogueError, SaveError

MAX_FILE_BYTES = 2 * 1024**3
_CHUNK_BYTES = 1024 * 1024


def extract(archive: Path, names: Sequence[str], folder: Path, max_bytes: int = MAX_FILE_BYTES) -> list[Path]:
    """Write the files `names` of an archive into `folder`.

    Args:
        archive: a .whl, .zip, or .tar.gz.
        names: full names inside the archive; their last parts must differ.
        folder: where the files go, each as the last part of its name.
        max_bytes: bound of one unpacked file.

    Returns:
        The files, in the order of `names`.

    Raises:
        CatalogueError: the archive is damaged, lacks a file, or a file is too large.
        SaveError: a file could not be written.
    """
    targets = [folder / name.rpartition("/")[2] for name in names]
    try:
        if archive.suffix in (".whl", ".zip"):
            with zipfile.ZipFile(archive) as zipped:
                _copy_all(zipped.open, names, targets, max_bytes, archive)
        else:
            with tarfile.open(archive) as tar:
                _copy_all(lambda name: _tar_file(tar, name), names, targets, max_bytes, archive)
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, NotImplementedError) as error:
        raise CatalogueError(f'"{archive.name}" is damaged: {error}.', "Install again.") from error
    except KeyError as error:
        raise CatalogueError(f'"{archive.name}" does not hold {error.args[0]!r}.') from error
    except OSError as error:
        raise SaveError(
            f'Can\'t unpack "{archive.name}": {error.strerror or error}.', "Make room on the disk."
        ) from error
    return targets


def _tar_file(tar: tarfile.TarFile, name: str) -> IO[bytes]:
    member = tar.getmember(name)
    # Links and devices are refused: a link could lead out of the archive.
    file = tar.extractfile(member) if member.isreg() else None
    if file is None:
        raise KeyError(name)
    return file


def _copy_all(
    open_member: Callable[[str], IO[bytes]],
    names: Sequence[str],
    targets: Sequence[Path],
    max_bytes: int,
    archive: Path,
) -> None:
    for name, target in zip(names, targets, strict=True):
        left = max_bytes
        with open_member(name) as source, target.open("wb") as file:
            # The sizes that an archive claims may lie; the bytes that come out are counted.
            while chunk := source.read(_CHUNK_BYTES):
                left -= len(chunk)
                if left < 0:
                    raise CatalogueError(f'"{archive.name}" holds a file too large for a model: {name}.')
                file.write(chunk)
        shutil.copymode(archive, target)
