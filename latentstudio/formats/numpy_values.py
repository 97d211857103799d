"""What NumPy's own pickles say: dtypes, arrays and scalars.

Owns the calls that NumPy writes into a pickle, under its old and its new module names; accepts
booleans, integers and floats only, never objects. Safe on any thread.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from latentstudio.errors import UnreadableFileError, UnsafeFileError
from latentstudio.formats.pickle_machine import Made, Name
from latentstudio.formats.source import shown
from latentstudio.formats.values import ELEMENT_TYPES, Inert, StoredArray, stored_array

if TYPE_CHECKING:
    from latentstudio.formats.tree import TreeDecoder

ELEMENT_OF_CODE = {
    "b1": "bool",
    "i1": "int8",
    "i2": "int16",
    "i4": "int32",
    "i8": "int64",
    "u1": "uint8",
    "u2": "uint16",
    "u4": "uint32",
    "u8": "uint64",
    "f2": "float16",
    "f4": "float32",
    "f8": "float64",
}


def element_of(code: str) -> tuple[str, bool]:
    """Element type and whether it is big-endian, of a code such as "<f4".

    Raises:
        UnsafeFileError: the elements are Python objects.
        UnreadableFileError: they are something else that is no number.
    """
    order, kind = (code[0], code[1:]) if code[:1] in ("<", ">", "|", "=") else ("<", code)
    if kind[:1] == "O":
        raise UnsafeFileError("it holds an array of Python objects", "Save it as numbers.")
    if kind not in ELEMENT_OF_CODE:
        raise UnreadableFileError(f'it holds an array of the unsupported type "{shown(code, 20)}"')
    return ELEMENT_OF_CODE[kind], order == ">"


def _dtype(decoder: TreeDecoder, made: Made) -> Inert:
    code = decoder.value(decoder.arguments(made, 1, 2, 3)[0])
    order = "<"
    if made.has_state:
        state = decoder.value(made.state)
        order = state[1] if len(state) in (8, 9) else ""
        # Sub-arrays, field names, fields, and (ninth) metadata: a plain number type has none.
        if order not in ("<", ">", "|", "=") or any(state[i] for i in (2, 3, 4)) or any(state[8:]):
            raise UnreadableFileError("it holds an array of an unsupported type")
    if not isinstance(code, str):
        raise UnreadableFileError("it holds an array of an unsupported type")
    element_of(code)
    return Inert("numpy.dtype", (order + code.lstrip("<>|="),))


def _array(decoder: TreeDecoder, payload: memoryview, dtype: Any, shape: Any, order: str) -> StoredArray:
    if not isinstance(dtype, Inert) or dtype.name != "numpy.dtype" or not dtype.args:
        raise UnsafeFileError("it holds an array without an element type")
    if not isinstance(shape, tuple):
        raise UnsafeFileError("it holds an array without a shape")
    element, big_endian = element_of(dtype.args[0])
    array = stored_array(payload, element, shape, order=order, big_endian=big_endian)
    if array.size * ELEMENT_TYPES[element].itemsize != len(payload):
        raise UnsafeFileError("it holds an array whose bytes do not match its shape")
    return array


def _reconstruct(decoder: TreeDecoder, made: Made) -> StoredArray:
    subtype, shape, _ = decoder.arguments(made, 3)
    if not isinstance(subtype, Name) or subtype.full != "numpy.ndarray" or decoder.value(shape) != (0,):
        raise UnsafeFileError("it makes an array in an unknown way")
    if not made.has_state or len(made.state) != 5:
        raise UnsafeFileError("it holds an array without content")
    _, shape, dtype, fortran, data = made.state
    if isinstance(data, list):
        raise UnsafeFileError("it holds an array of Python objects", "Save it as numbers.")
    order = "F" if fortran else "C"
    return _array(decoder, decoder.payload(data), decoder.value(dtype), decoder.value(shape), order)


def _frombuffer(decoder: TreeDecoder, made: Made) -> StoredArray:
    data, dtype, shape, order = decoder.arguments(made, 4)
    if order not in ("C", "F"):
        raise UnsafeFileError("it makes an array in an unknown way")
    return _array(decoder, decoder.payload(data), decoder.value(dtype), decoder.value(shape), order)


def _scalar(decoder: TreeDecoder, made: Made) -> Any:
    dtype, data = decoder.arguments(made, 2)
    array = _array(decoder, decoder.payload(data), decoder.value(dtype), (), "C")
    return array.numpy().item()


CALLS: dict[str, Callable[[TreeDecoder, Made], Any]] = {
    "dtype": _dtype,
    "_reconstruct": _reconstruct,
    "_frombuffer": _frombuffer,
    "scalar": _scalar,
}
