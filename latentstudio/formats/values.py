"""What a checkpoint is made of once it has been read: arrays, inert records, plain values.

Owns the geometry check of every array; opens no files and runs nothing. Safe on any thread: all
values are read-only by convention and nothing here changes them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from latentstudio.errors import UnreadableFileError, UnsafeFileError

# Every element type that may come out of a file, by the one name used here for all formats.
# bfloat16 has no NumPy type: it is stored as its 16 bits and widened when it is read.
ELEMENT_TYPES: dict[str, np.dtype[Any]] = {
    "bool": np.dtype("?"),
    "int8": np.dtype("<i1"),
    "uint8": np.dtype("<u1"),
    "int16": np.dtype("<i2"),
    "uint16": np.dtype("<u2"),
    "int32": np.dtype("<i4"),
    "uint32": np.dtype("<u4"),
    "int64": np.dtype("<i8"),
    "uint64": np.dtype("<u8"),
    "float16": np.dtype("<f2"),
    "bfloat16": np.dtype("<u2"),
    "float32": np.dtype("<f4"),
    "float64": np.dtype("<f8"),
    "complex64": np.dtype("<c8"),
    "complex128": np.dtype("<c16"),
}
MAX_DIMENSIONS = 32


@dataclass(frozen=True, eq=False)
class Inert:
    """An object that a file describes: recorded, never made.

    Attributes:
        name: the exact "module.qualname" that the file asks for.
        args: what it would have been called with.
        state: what it would have been filled with, usually a dict; None when there was nothing.
        items: what would have been appended to it.
    """

    name: str
    args: tuple[Any, ...] = ()
    state: Any = None
    items: list[Any] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"Inert({self.name!r})"


@dataclass(frozen=True, eq=False, repr=False)
class StoredArray:
    """An array that still lies in its file; its geometry has been checked against the bytes.

    Attributes:
        shape: lengths of the axes, () for a scalar.
        dtype: element type that `numpy()` returns.
        source_dtype: element type in the file, for example "bfloat16".
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    source_dtype: str
    _buffer: memoryview
    _offset_bytes: int
    _strides_bytes: tuple[int, ...]
    _stored: np.dtype[Any]

    def numpy(self) -> npt.NDArray[Any]:
        """The values, shape `shape`, dtype `dtype`, read-only.

        A view into the file where that is possible: it may then be strided and unaligned, so copy
        it before a library sees it that needs more. bfloat16 is widened to float32 in new memory.
        """
        array: npt.NDArray[Any] = np.ndarray(
            self.shape, self._stored, self._buffer, self._offset_bytes, self._strides_bytes
        )
        if self.source_dtype == "bfloat16":
            # NumPy turns a result of rank 0 into a bare number, here and below.
            array = np.asarray(array.astype(np.uint32) << np.uint32(16)).view(np.float32)
        elif self.source_dtype == "bool":
            # A byte other than 0 and 1 is no valid NumPy bool.
            array = np.asarray(array.view(np.uint8) != 0)
        elif not self._stored.isnative:
            array = array.astype(self.dtype)
        array.flags.writeable = False
        return array

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes that `numpy()` describes."""
        return self.size * self.dtype.itemsize

    def __repr__(self) -> str:
        return f"StoredArray({self.source_dtype}, {self.shape})"


def stored_array(
    buffer: memoryview,
    element: str,
    shape: tuple[Any, ...],
    *,
    strides: tuple[Any, ...] | None = None,
    offset: int = 0,
    order: str = "C",
    big_endian: bool = False,
) -> StoredArray:
    """Describe an array inside `buffer` after checking that it lies there and claims no more.

    Args:
        buffer: the bytes of the storage.
        element: a key of `ELEMENT_TYPES`.
        shape: lengths of the axes.
        strides: steps per axis in elements; None for a contiguous array.
        offset: first element, in elements.
        order: "C" or "F", where there are no strides.
        big_endian: whether the elements are stored big-endian.

    Raises:
        UnsafeFileError: the geometry reaches outside the bytes or repeats them.
        UnreadableFileError: the number of axes cannot be handled.
    """
    stored = ELEMENT_TYPES[element]
    dims, start = _sizes(shape, "shape"), _sizes((offset,), "start")[0]
    if len(dims) > MAX_DIMENSIONS:
        raise UnreadableFileError(f"an array in it has {len(dims)} axes")
    steps = _contiguous(dims, order) if strides is None else _sizes(strides, "stride")
    if len(steps) != len(dims):
        raise UnsafeFileError("an array in it has strides that do not fit its shape")
    # NumPy multiplies the axes even where one of them is 0, and must not overflow.
    if math.prod(n for n in dims if n) >= 1 << 58:
        raise UnsafeFileError(f"an array in it claims the impossible shape {shown_shape(dims)}")
    available, wanted = len(buffer) // stored.itemsize, math.prod(dims)
    # Stride 0 would let a few bytes stand for any number of elements: hence the second test.
    reach = start + sum((n - 1) * step for n, step in zip(dims, steps, strict=True)) if wanted else -1
    if reach >= available or wanted > available:
        raise UnsafeFileError(
            f"an array in it claims shape {shown_shape(dims)}, but only {available} elements are stored"
        )
    dtype = np.dtype(np.float32) if element == "bfloat16" else stored.newbyteorder("=")
    return StoredArray(
        shape=dims,
        dtype=dtype,
        source_dtype=element,
        _buffer=buffer,
        _offset_bytes=start * stored.itemsize if wanted else 0,
        # The step of an axis of length 1 means nothing and may be anything in a genuine file.
        _strides_bytes=tuple(
            step * stored.itemsize if wanted and n > 1 else 0 for n, step in zip(dims, steps, strict=True)
        ),
        _stored=stored.newbyteorder(">") if big_endian else stored,
    )


def view_of(
    storage: StoredArray, element: str, shape: tuple[Any, ...], strides: tuple[Any, ...], offset: Any
) -> StoredArray:
    """Another look at the bytes of a one-dimensional array, checked like any other.

    Raises:
        UnsafeFileError: the geometry reaches outside the bytes or repeats them.
    """
    return stored_array(storage._buffer, element, shape, strides=strides, offset=offset)


def scalar_array(value: bool | int | float) -> StoredArray:
    """A rank-0 array of one number: float32, int64 or bool."""
    element = "bool" if isinstance(value, bool) else "int64" if isinstance(value, int) else "float32"
    try:
        payload = np.array(value, ELEMENT_TYPES[element]).tobytes()
    except OverflowError as error:
        raise UnreadableFileError("a number in it is out of range") from error
    return stored_array(memoryview(payload), element, ())


def shown_shape(shape: tuple[int, ...]) -> str:
    """A shape for a message, cut short where a file lies wildly."""
    text = " x ".join(str(n) if n < 1 << 63 else "huge" for n in shape[:8])
    return f"[{text}]" if len(shape) <= 8 else f"[{text} x ...]"


def _sizes(numbers: tuple[Any, ...], what: str) -> tuple[int, ...]:
    for number in numbers:
        if type(number) is not int or not 0 <= number < 1 << 62:
            raise UnsafeFileError(f"an array in it has a {what} that is no sensible number")
    return tuple(numbers)


def _contiguous(dims: tuple[int, ...], order: str) -> tuple[int, ...]:
    steps, step = [], 1
    for n in reversed(dims) if order == "C" else dims:
        steps.append(step)
        step *= max(n, 1)
    return tuple(reversed(steps)) if order == "C" else tuple(steps)
