"""Opening a stranger's file without trusting it, and telling by its first bytes what it is.

Owns the file handle, the memory map and the refusals that name the file; decodes nothing. Names
and endings of files are never evidence, only their bytes are. Safe on any thread.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from latentstudio.errors import CheckpointError, UnreadableFileError, UnsafeFileError

# A pipe without a writer would block an ordinary open() for ever. Windows has neither flag's trouble.
_OPEN_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
)
_HASH_CHUNK_BYTES = 1 << 20
_RELEASE_BYTES = 1 << 20
_MAX_FOLDER_ENTRIES = 10_000
_PICKLE_PROTOCOLS = range(2, 6)
# Protocols 0 and 1 have no header: these are the beginnings of a dict, a list and a name.
_HEADERLESS_PICKLE = re.compile(rb"\([dl](p|\.)|[}\]]q.|c[\w.]{1,100}\n\w{1,100}\n", re.DOTALL)
_FOREIGN = (
    (b"\x89HDF\r\n\x1a\n", "it is an HDF5 file (Keras), which is not read here"),
    (b"\x1f\x8b", "it is compressed with gzip"),
    (b"\x89PNG\r\n\x1a\n", "it is a PNG picture, not a model"),
    (b"\xff\xd8\xff", "it is a JPEG picture, not a model"),
    (b"7z\xbc\xaf\x27\x1c", "it is a 7-Zip archive"),
    (b"Rar!", "it is a RAR archive"),
    (b"GGUF", "it is a GGUF language model, not an image generator"),
    (b"\x93NUMPY", "it is a single NumPy array, not a model"),
)


@dataclass(frozen=True, eq=False)
class Source:
    """A regular file mapped into memory, read-only.

    Arrays that look into `view` keep the map alive; there is nothing to close. The file must not
    be cut short by another program while arrays of it are in use.

    Attributes:
        path: the path as it was asked for.
        view: all bytes of the file.
    """

    path: Path
    view: memoryview

    @property
    def size_bytes(self) -> int:
        """Length of the file in bytes."""
        return len(self.view)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Put the file's name in front of every refusal raised inside.

    Code below raises `UnsafeFileError("a reason without a full stop", hint)`; this turns it into a
    sentence about the file.

    Raises:
        CheckpointError: the refusal of the inner code, as a sentence with hint and path.
    """
    try:
        yield
    except CheckpointError as error:
        if error.path is not None:
            raise
        raise type(error)(_sentence(path, error.message), error.hint, path=path) from error
    except RecursionError as error:
        raise UnsafeFileError(_sentence(path, "it is nested too deeply"), path=path) from error
    except MemoryError as error:
        raise UnreadableFileError(
            _sentence(path, "there is not enough memory for it"), "Close other programs.", path=path
        ) from error


def open_source(path: Path) -> Source:
    """Map a regular file; a link to a regular file is fine.

    Raises:
        UnreadableFileError: missing, empty, not permitted, or not a regular file (a folder, a
            pipe, a device).
    """
    with naming(path):
        descriptor = _open(path)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise UnreadableFileError(f"it is {_kind_of(status.st_mode)}, not a file")
            if status.st_size == 0:
                raise UnreadableFileError("it is empty", "Fetch it again: the download did not finish.")
            mapped = mmap.mmap(descriptor, status.st_size, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UnreadableFileError(f"the system refused to read it ({reason})") from error
        finally:
            os.close(descriptor)
    return Source(path, memoryview(mapped))


def file_sha256(path: Path) -> str:
    """Hex SHA-256 of a regular file's bytes, read in pieces so that memory stays flat.

    Raises:
        UnreadableFileError: the file vanished or cannot be read.
    """
    digest = hashlib.sha256()
    with naming(path):
        try:
            with os.fdopen(_open(path), "rb", buffering=0) as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise UnreadableFileError("it is no longer a regular file")
                while chunk := file.read(_HASH_CHUNK_BYTES):
                    digest.update(chunk)
        except OSError as error:
            raise UnreadableFileError(f"the system refused to read it ({error.strerror})") from error
    return digest.hexdigest()


def list_names(folder: Path) -> list[str]:
    """Sorted names of a folder's entries; none where it cannot be read, and never very many."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in islice(entries, _MAX_FOLDER_ENTRIES))
    except (OSError, ValueError):
        return []


def sniff(view: memoryview) -> str:
    """What the bytes are: "zip", "pickle", "safetensors", "xml" or "unknown".

    Raises:
        UnreadableFileError: they are something well known that is no model (a web page, a Git LFS
            pointer, a picture, another archive).
    """
    head = bytes(view[:512])
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    if head[0] == 0x80 and len(head) > 1 and head[1] in _PICKLE_PROTOCOLS:
        return "pickle"
    length = int.from_bytes(head[:8], "little")
    if head[8:9] == b"{" and 2 <= length <= len(view) - 8:
        return "safetensors"
    _refuse_foreign(head)
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith((b"<?xml", b"<net", b"<!DOCTYPE")):
        return "xml"
    if _HEADERLESS_PICKLE.match(head):
        return "pickle"
    return "unknown"


def release_pages(view: memoryview) -> None:
    """Let the system take back the memory of a mapped file; it comes again when it is looked at."""
    if isinstance(view.obj, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED") and len(view) >= _RELEASE_BYTES:
        view.obj.madvise(mmap.MADV_DONTNEED)


def shown(text: str, limit: int = 80) -> str:
    """Text from a file, made fit for a message: one line, plain characters, not too long."""
    plain = "".join(letter if letter.isprintable() else "?" for letter in text[: limit + 1])
    return plain if len(plain) <= limit else plain[:limit] + "..."


def _refuse_foreign(head: bytes) -> None:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith(b"version https://git-lfs"):
        raise UnreadableFileError(
            "it is a Git LFS pointer, not the file itself", 'Fetch the real file with "git lfs pull".'
        )
    if text.startswith((b"<!doctype html", b"<html")) or (text.startswith(b"<?xml") and b"<html" in text):
        raise UnreadableFileError(
            "it is a web page, not a model",
            "The download link led to a page: open it in a browser and fetch the file itself.",
        )
    for magic, reason in _FOREIGN:
        if head.startswith(magic):
            raise UnreadableFileError(reason, "Unpack it first." if "compressed" in reason else "")
    if head[257:262] == b"ustar":
        raise UnreadableFileError("it is a tar archive", "Unpack it and open the model file inside.")


def _open(path: Path) -> int:
    try:
        return os.open(path, _OPEN_FLAGS)
    except FileNotFoundError as error:
        raise UnreadableFileError("there is no such file", "Check the path.") from error
    except PermissionError as error:
        raise UnreadableFileError("you are not allowed to read it", "Check its permissions.") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UnreadableFileError(f"the system refused to open it ({reason})") from error


def _kind_of(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a folder"
    if stat.S_ISFIFO(mode):
        return "a pipe"
    return "a socket" if stat.S_ISSOCK(mode) else "a device"


def _sentence(path: Path, reason: str) -> str:
    return f'Can\'t read "{shown(path.name or str(path))}": {reason}.'
