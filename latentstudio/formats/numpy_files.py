"""NumPy's own files: .npy and .npz, without objects and without pickle.

Owns the array header and the small amount of unpacking that compressed .npz files need. Safe on any
thread.

Source: numpy/lib/format.py (format versions 1.0 to 3.0).
"""

from __future__ import annotations

import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from latentstudio.errors import UnreadableFileError, UnsafeFileError
from latentstudio.formats.numpy_values import element_of
from latentstudio.formats.source import naming, open_source, shown
from latentstudio.formats.values import ELEMENT_TYPES, stored_array
from latentstudio.formats.zip_archive import DEFLATED, Member, read_members

MAGIC = b"\x93NUMPY"
LONE_ARRAY = "arr_0"
_MAX_HEADER_BYTES = 10_000
# Latents and directions are small; what unpacks to more than this is no file of them.
_MAX_UNPACKED_BYTES = 64 << 20
# The one form that numpy writes, so that nothing has to be evaluated.
_HEADER = re.compile(
    r"\{'descr': '([<>|=]?[a-zA-Z]\d{0,4})', 'fortran_order': (True|False), 'shape': \(([\d, ]*)\), ?\}\s*"
)


def read_numpy(path: str | Path) -> dict[str, npt.NDArray[Any]]:
    """The arrays of a .npy or .npz file by name; the one array of a .npy is called "arr_0".

    Returns:
        Read-only arrays of any shape, of booleans, integers or floats, in native byte order.

    Raises:
        UnreadableFileError: another file, damaged, or of an unsupported element type.
        UnsafeFileError: Python objects, or sizes that lie.
    """
    path = Path(path)
    source = open_source(path)
    with naming(path):
        head = bytes(source.view[:6])
        if head == MAGIC:
            return {LONE_ARRAY: _array(source.view)}
        if not head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
            raise UnreadableFileError("it is neither a .npy nor a .npz file")
        members = read_members(source.view)
        left = _MAX_UNPACKED_BYTES
        arrays: dict[str, npt.NDArray[Any]] = {}
        for name, member in members.items():
            data = _unpacked(member, left)
            left -= len(data) if member.method == DEFLATED else 0
            arrays[name.removesuffix(".npy")] = _array(data)
        return arrays


def _unpacked(member: Member, limit: int) -> memoryview:
    if member.method != DEFLATED:
        return member.checked()
    if member.size > limit:
        raise UnsafeFileError(f"it would unpack to more than {_MAX_UNPACKED_BYTES >> 20} MiB")
    inflater = zlib.decompressobj(-15)
    try:
        data = inflater.decompress(member.data, member.size + 1)
    except zlib.error as error:
        raise UnreadableFileError(f'its part "{shown(member.name)}" is damaged', "Fetch it again.") from error
    if len(data) != member.size or not inflater.eof or zlib.crc32(data) != member.crc:
        raise UnreadableFileError(f'its part "{shown(member.name)}" is damaged', "Fetch it again.")
    return memoryview(data)


def _array(view: memoryview) -> npt.NDArray[Any]:
    if bytes(view[:6]) != MAGIC or len(view) < 10:
        raise UnreadableFileError("it holds something that is no NumPy array")
    width = 2 if view[6] == 1 else 4
    length, begin = int.from_bytes(view[8 : 8 + width], "little"), 8 + width
    if view[6] not in (1, 2, 3) or length > _MAX_HEADER_BYTES or begin + length > len(view):
        raise UnreadableFileError("the header of an array in it is damaged")
    header = bytes(view[begin : begin + length]).decode("latin-1")
    found = _HEADER.fullmatch(header)
    if found is None:
        raise UnreadableFileError("it holds an array of an unsupported type")
    code, fortran, numbers = found.groups()
    parts = [part.strip() for part in numbers.split(",") if part.strip()]
    if any(len(part) > 18 or not part.isdecimal() for part in parts):
        raise UnsafeFileError("an array in it has an impossible shape")
    element, big_endian = element_of(code)
    data = view[begin + length :]
    order = "F" if fortran == "True" else "C"
    array = stored_array(data, element, tuple(map(int, parts)), order=order, big_endian=big_endian)
    if array.size * ELEMENT_TYPES[element].itemsize != len(data):
        raise UnsafeFileError("it holds an array whose bytes do not match its shape")
    values = array.numpy()
    return values if values.flags.aligned else np.array(values)
