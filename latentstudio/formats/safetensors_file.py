"""The safetensors format: a JSON header and the bytes of the arrays.

Owns the header's checks and the writing of whole new files; arrays stay in the file and are pointed
at. Safe on any thread; two writers to one path leave one of both files, whole.

Source: the format's description at github.com/huggingface/safetensors (README, "Format").
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from latentstudio.atomic_file import atomic_writer
from latentstudio.errors import SaveError, UnreadableFileError, UnsafeFileError
from latentstudio.formats.source import shown
from latentstudio.formats.values import ELEMENT_TYPES, StoredArray, stored_array

_ELEMENT_OF_NAME = {
    "BOOL": "bool",
    "I8": "int8",
    "U8": "uint8",
    "I16": "int16",
    "U16": "uint16",
    "I32": "int32",
    "U32": "uint32",
    "I64": "int64",
    "U64": "uint64",
    "F16": "float16",
    "BF16": "bfloat16",
    "F32": "float32",
    "F64": "float64",
    "C64": "complex64",
}
_NAME_OF_ELEMENT = {element: name for name, element in _ELEMENT_OF_NAME.items() if name != "BF16"}
# The format allows 100 MB; JSON of that size would take gigabytes once it is parsed.
_MAX_HEADER_BYTES = 8 << 20
_ALIGNMENT = 8


def read_safetensors(view: memoryview) -> tuple[dict[str, StoredArray], dict[str, str]]:
    """The arrays by name, and the metadata.

    Raises:
        UnreadableFileError: a header that is damaged or uses an unsupported element type.
        UnsafeFileError: keys that repeat, arrays that overlap, leave gaps or lie about their size.
    """
    length = int.from_bytes(view[:8], "little")
    if length > _MAX_HEADER_BYTES or 8 + length > len(view):
        raise UnsafeFileError("its header claims an impossible length")
    header = _parse(bytes(view[8 : 8 + length]))
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(_is_text(value) for value in metadata.values()):
        raise UnreadableFileError("its metadata is damaged")
    if not all(map(_is_text, (*header, *metadata))):
        raise UnreadableFileError("a name in its header is damaged")
    data = view[8 + length :]
    arrays: dict[str, StoredArray] = {}
    spans: list[tuple[int, int]] = []
    for name, entry in header.items():
        arrays[name], span = _array(data, name, entry)
        spans.append(span)
    end = 0
    for start, stop in sorted(spans):
        if start != end:
            raise UnsafeFileError("arrays in it overlap or leave gaps")
        end = stop
    if end != len(data):
        raise UnsafeFileError(f"{len(data) - end} bytes in it belong to no array")
    return arrays, metadata


def write_safetensors(
    path: str | Path, arrays: Mapping[str, npt.NDArray[Any]], metadata: Mapping[str, str] | None = None
) -> None:
    """Write arrays and metadata; the old file stays whole until the new one is complete.

    Args:
        path: where to write.
        arrays: by name, any shapes, of booleans, integers, floats or complex64.
        metadata: texts by name.

    Raises:
        SaveError: an array has another element type, or the file could not be written.
    """
    path = Path(path)
    header: dict[str, Any] = (
        {"__metadata__": {str(k): str(v) for k, v in metadata.items()}} if metadata else {}
    )
    at = 0
    for name, array in arrays.items():
        element = str(array.dtype.newbyteorder("="))
        if element not in _NAME_OF_ELEMENT or name == "__metadata__":
            raise SaveError(
                f'Can\'t save "{path.name}": the array "{name}" has the type {element}.', path=path
            )
        header[name] = {
            "dtype": _NAME_OF_ELEMENT[element],
            "shape": list(array.shape),
            "data_offsets": [at, at + array.nbytes],
        }
        at += array.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    with atomic_writer(path) as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for array in arrays.values():
            stored = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
            file.write(stored.reshape(-1).view(np.uint8).data)


def _parse(text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(str(text, "utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise UnreadableFileError("its header is damaged") from error
    if not isinstance(header, dict):
        raise UnreadableFileError("its header is damaged")
    return header


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise UnsafeFileError("its header names something twice")
    return result


def _is_text(value: Any) -> bool:
    # JSON can spell halves of characters, which nobody could print or save again.
    return isinstance(value, str) and not any("\ud800" <= letter <= "\udfff" for letter in value)


def _no_constant(name: str) -> None:
    raise UnreadableFileError("its header is damaged")


def _array(data: memoryview, name: str, entry: Any) -> tuple[StoredArray, tuple[int, int]]:
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise UnreadableFileError(f'its entry "{shown(name)}" is damaged')
    shape, offsets = entry["shape"], entry["data_offsets"]
    element = _ELEMENT_OF_NAME.get(entry["dtype"]) if isinstance(entry["dtype"], str) else None
    if element is None:
        raise UnreadableFileError(f'its array "{shown(name)}" has an unsupported element type')
    if not isinstance(shape, list) or not isinstance(offsets, list) or len(offsets) != 2:
        raise UnreadableFileError(f'its entry "{shown(name)}" is damaged')
    start, stop = offsets
    if type(start) is not int or type(stop) is not int or not 0 <= start <= stop <= len(data):
        raise UnsafeFileError(f'its array "{shown(name)}" reaches beyond the file')
    array = stored_array(data[start:stop], element, tuple(shape))
    if array.size * ELEMENT_TYPES[element].itemsize != stop - start:
        raise UnsafeFileError(f'its array "{shown(name)}" lies about its size')
    return array, (start, stop)
