"""What torch's own pickles say: storages, tensors and parameters.

Owns the persistent ids of storages and the calls that rebuild tensors; sparse and quantised tensors
are refused. Knows nothing of files or archives. Safe on any thread.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from latentstudio.errors import UnreadableFileError, UnsafeFileError
from latentstudio.formats.allowed_names import STORAGE_ELEMENTS
from latentstudio.formats.pickle_machine import Made, Name
from latentstudio.formats.values import ELEMENT_TYPES, Inert, StoredArray, stored_array, view_of

if TYPE_CHECKING:
    from latentstudio.formats.tree import TreeDecoder

_MAX_KEY_LETTERS = 64
_TENSOR_TYPES = ("torch.Tensor", "torch.nn.parameter.Parameter", "torch.nn.parameter.Buffer")


@dataclass(frozen=True, slots=True, eq=False)
class StorageRef:
    """A storage as its pickle names it; the bytes lie elsewhere in the file.

    Attributes:
        element: element type, a key of `ELEMENT_TYPES`.
        key: its name inside the file.
        count: number of elements.
    """

    element: str
    key: str
    count: int

    @property
    def size_bytes(self) -> int:
        """Bytes that the storage must have."""
        return self.count * ELEMENT_TYPES[self.element].itemsize


def persistent_load(raw: Any) -> StorageRef | Name:
    """The record behind a persistent id of a torch file.

    Raises:
        UnsafeFileError: it is neither a storage nor the class of a known module.
    """
    if isinstance(raw, tuple) and len(raw) == 4 and raw[0] == "module" and isinstance(raw[1], Name):
        # Old files put the source text of a module's class beside its name; it is not looked at.
        return raw[1]
    if not isinstance(raw, tuple) or len(raw) not in (5, 6) or raw[0] != "storage":
        raise UnsafeFileError("it refers to data in an unknown way")
    kind, key, _, count = raw[1:5]
    element = STORAGE_ELEMENTS.get(kind.name) if isinstance(kind, Name) else None
    if element is None or not isinstance(key, str) or not 0 < len(key) <= _MAX_KEY_LETTERS:
        raise UnsafeFileError("it refers to a storage of an unknown type")
    if type(count) is not int or not 0 <= count < 1 << 58:
        raise UnsafeFileError("it refers to a storage of an impossible size")
    if len(raw) == 6 and raw[5] is not None:
        raise UnreadableFileError("it shares storages in a way that only very old files do")
    return StorageRef(element, key, count)


def storage_array(ref: StorageRef, data: memoryview) -> StoredArray:
    """The storage as a one-dimensional array.

    Raises:
        UnsafeFileError: the bytes are not as many as the pickle says.
    """
    if len(data) != ref.size_bytes:
        raise UnsafeFileError(
            f"a storage in it should have {ref.size_bytes} bytes, but {len(data)} are stored"
        )
    return stored_array(data, ref.element, (ref.count,))


def _tensor(decoder: TreeDecoder, made: Made) -> StoredArray:
    args = decoder.arguments(made, *_TENSOR_ARGUMENTS[made.name.name])
    storage = decoder.value(args[0])
    if not isinstance(storage, StoredArray) or storage.ndim != 1:
        raise UnsafeFileError("it holds a tensor without a storage")
    offset, shape, strides = (decoder.value(part) for part in args[1:4])
    if not isinstance(shape, tuple) or not isinstance(strides, tuple):
        raise UnsafeFileError("it holds a tensor without a shape")
    extra = [decoder.value(part) for part in args[5:]]
    element = storage.source_dtype
    if made.name.name == "_rebuild_tensor_v3":
        element = _element_of_dtype(extra.pop(1))
    # Hooks would be code; the metadata's flags would change what the numbers mean.
    if any(extra):
        raise UnsafeFileError("it holds a tensor with hooks or hidden flags")
    return view_of(storage, element, shape, strides, offset)


def _element_of_dtype(dtype: Any) -> str:
    name = dtype.name.removeprefix("torch.") if isinstance(dtype, Inert) else ""
    if name not in ELEMENT_TYPES:
        raise UnreadableFileError("it holds a tensor of an unsupported type")
    return str(name)


def _parameter(decoder: TreeDecoder, made: Made) -> StoredArray:
    args = decoder.arguments(made, 3, 4)
    array, hooks = decoder.value(args[0]), decoder.value(args[2])
    if len(args) == 4:
        decoder.value(args[3])
    if not isinstance(array, StoredArray) or hooks:
        raise UnsafeFileError("it holds a parameter that is no plain tensor")
    return array


def _from_type(decoder: TreeDecoder, made: Made) -> StoredArray:
    function, kind, args, state = decoder.arguments(made, 4)
    if not isinstance(function, Name) or not isinstance(kind, Name) or not isinstance(args, tuple):
        raise UnsafeFileError("it makes a tensor in an unknown way")
    rebuild = _REBUILDERS.get(function.name)
    if rebuild is None or kind.full not in _TENSOR_TYPES:
        raise UnsafeFileError("it makes a tensor in an unknown way")
    decoder.value(state)
    return rebuild(decoder, Made(function, args))


def _size(decoder: TreeDecoder, made: Made) -> tuple[Any, ...]:
    (size,) = decoder.arguments(made, 1)
    value = decoder.value(size)
    if not isinstance(value, (tuple, list)):
        raise UnsafeFileError("it holds a size that is no list of numbers")
    return tuple(value)


_TENSOR_ARGUMENTS = {
    "_rebuild_tensor": (4,),
    "_rebuild_tensor_v2": (6, 7),
    "_rebuild_tensor_v3": (7, 8),
}
_REBUILDERS: dict[str, Callable[[TreeDecoder, Made], StoredArray]] = {
    **dict.fromkeys(_TENSOR_ARGUMENTS, _tensor),
    "_rebuild_parameter": _parameter,
    "_rebuild_parameter_with_state": _parameter,
}

CALLS: dict[str, Callable[[TreeDecoder, Made], Any]] = {
    **_REBUILDERS,
    "_rebuild_from_type_v2": _from_type,
    "Size": _size,
}
