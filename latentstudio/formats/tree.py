"""From what a pickle says to plain values: dicts, lists, numbers, arrays and inert records.

Owns the meaning of every name that `allowed_names` lets be called, and the limits on what the
result may cost whoever prints or copies it. Everything reachable is decoded at once, so that nothing
hides in a part that nobody looked at. One decoder serves one file on one thread.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from latentstudio.errors import UnreadableFileError, UnsafeFileError
from latentstudio.formats import numpy_values, torch_values
from latentstudio.formats.allowed_names import Role
from latentstudio.formats.pickle_bytes import LongText, decoded
from latentstudio.formats.pickle_machine import Made, MadeSet, Name, plain_key
from latentstudio.formats.source import release_pages
from latentstudio.formats.torch_values import StorageRef
from latentstudio.formats.values import Inert, StoredArray

# A module inside a module takes about five levels: this is some thirty modules deep.
MAX_DEPTH = 150
# A full-size file with three networks has less than 10 000; more would only cost time and memory.
MAX_NODES = 100_000
# Sharing lets a hundred steps stand for 2^100 values: count as if nothing were shared.
MAX_EXPANDED = 1_000_000
_TEXT_PER_VALUE = 64
_MAX_TEXT_BYTES = 32 << 20
_TRANSCODE_CHUNK = 1 << 20
_PLAIN = frozenset({type(None), bool, int, float})
PERSISTENT_NAME = "torch_utils.persistence._reconstruct_persistent_obj"


class TreeDecoder:
    """Turns recorded nodes into values, each node once.

    Args:
        storage: finds the bytes of a torch storage; None where the pickle has none of its own.
        nested_stream: reads the torch stream inside a bytes value, to a one-dimensional array.
    """

    def __init__(
        self,
        storage: Callable[[StorageRef], memoryview] | None,
        nested_stream: Callable[[memoryview], StoredArray],
    ) -> None:
        self._storage = storage
        self._nested_stream = nested_stream
        self._done: dict[int, tuple[Any, int]] = {}
        self._busy: set[int] = set()
        self._spent = 0
        self._text_bytes = 0
        self._transcoded: dict[int, memoryview] = {}
        self._hashes: dict[int, str] = {}

    def value(self, raw: Any) -> Any:
        """The plain value of a recorded node; the same node gives the same value.

        Raises:
            UnsafeFileError: a cycle, too much depth or expansion, or a call with odd arguments.
            UnreadableFileError: an array or a text is damaged.
        """
        kind = type(raw)
        if kind in _PLAIN:
            self._spend(1)
            return raw
        if kind is str:
            self._spend(1 + len(raw) // _TEXT_PER_VALUE)
            return raw
        known = self._done.get(id(raw))
        if known is not None:
            self._spend(known[1])
            return known[0]
        if id(raw) in self._busy:
            raise UnsafeFileError("its data contains itself")
        if len(self._busy) >= MAX_DEPTH:
            raise UnsafeFileError("it is nested too deeply")
        if len(self._done) >= MAX_NODES:
            raise UnsafeFileError("it has more parts than any known model")
        self._busy.add(id(raw))
        before = self._spent
        self._spend(1)
        result = _DECODERS[kind](self, raw)
        self._done[id(raw)] = (result, self._spent - before)
        self._busy.discard(id(raw))
        return result

    def payload(self, raw: Any) -> memoryview:
        """The bytes of a recorded bytes value, not copied where the file holds them as bytes.

        Python 2 wrote bytes as text in Latin-1, protocol 2 as a call that encodes text.
        """
        if isinstance(raw, memoryview):
            return raw
        if isinstance(raw, LongText) and raw.encoding == "latin-1":
            return raw.view
        if isinstance(raw, str):
            return self._latin1(raw)
        if isinstance(raw, Made) and raw.name.name in ("encode", "bytes", "bytearray"):
            return self._bytes_call(raw)
        raise UnsafeFileError("it has something else where the bytes of an array belong")

    def arguments(self, made: Made, *counts: int) -> tuple[Any, ...]:
        """The recorded arguments, if their number is right."""
        if len(made.args) not in counts or made.items or made.pairs:
            raise UnsafeFileError(f'it calls "{made.name.full}" in an unknown way')
        return made.args

    def storage_array(self, ref: StorageRef) -> StoredArray:
        """The one-dimensional array of a storage."""
        if self._storage is None:
            raise UnsafeFileError("its pickle refers to data outside itself")
        return torch_values.storage_array(ref, self._storage(ref))

    def nested_stream(self, made: Made) -> StoredArray:
        """The storage inside a torch stream inside a bytes value."""
        (payload,) = self.arguments(made, 1)
        return self._nested_stream(self.payload(payload))

    def _spend(self, cost: int) -> None:
        self._spent += cost
        if self._spent > MAX_EXPANDED:
            raise UnsafeFileError("its data refers to itself so often that it would fill the memory")

    # Plain containers

    def _list(self, raw: list[Any]) -> list[Any]:
        return [self.value(item) for item in raw]

    def _tuple(self, raw: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple([self.value(item) for item in raw])

    def _dict(self, raw: dict[Any, Any]) -> dict[Any, Any]:
        return self._pairs(raw.items())

    def _pairs(self, pairs: Any) -> dict[Any, Any]:
        result = {}
        for key, item in pairs:
            self._spend(1 + len(key) // _TEXT_PER_VALUE if isinstance(key, str) else 1)
            # A child's link to its parent closes a cycle and says nothing that the tree does not.
            if key == "_parent" and id(item) in self._busy:
                continue
            result[key] = self.value(item)
        return result

    def _set(self, raw: MadeSet) -> frozenset[Any]:
        return self._frozen(raw.items)

    def _frozen(self, items: Any) -> frozenset[Any]:
        keys = [plain_key(item) for item in items]
        self._spend(len(keys))
        return frozenset(keys)

    # Text and bytes

    def _bytes(self, raw: memoryview) -> bytes:
        self._count_text(len(raw))
        return bytes(raw)

    def _text(self, raw: LongText) -> str:
        self._count_text(len(raw.view))
        return decoded(raw.view, raw.encoding)

    def _count_text(self, length: int) -> None:
        self._text_bytes += length
        if self._text_bytes > _MAX_TEXT_BYTES:
            raise UnsafeFileError("it holds more text than any known model")
        self._spend(length // _TEXT_PER_VALUE)

    def _latin1(self, raw: str | LongText) -> memoryview:
        known = self._transcoded.get(id(raw))
        if known is None:
            try:
                if isinstance(raw, str):
                    known = memoryview(raw.encode("latin-1"))
                else:
                    known = _utf8_to_latin1(raw.view)
            except UnicodeError as error:
                raise UnreadableFileError("its bytes, stored as text, are damaged") from error
            self._transcoded[id(raw)] = known
        return known

    def _bytes_call(self, made: Made) -> memoryview:
        args = self.arguments(made, *((2,) if made.name.name == "encode" else (0, 1, 2)))
        if made.has_state:
            raise UnsafeFileError(f'it fills "{made.name.full}" in an unknown way')
        if not args:
            return memoryview(b"")
        if len(args) == 1 and made.name.name == "bytearray":
            if isinstance(args[0], memoryview):
                return args[0]
            if isinstance(args[0], Made) and args[0].name.name == "encode":
                return self._bytes_call(args[0])
        if len(args) == 2 and args[1] in ("latin1", "latin-1") and isinstance(args[0], (str, LongText)):
            return self._latin1(args[0])
        raise UnsafeFileError(f'it calls "{made.name.full}" in an unknown way')

    # Names, objects and calls

    def _name(self, raw: Name) -> Inert:
        return Inert(raw.full)

    def _made(self, raw: Made) -> Any:
        if raw.name.role is Role.CALL:
            return _CALLS[raw.name.name](self, raw)
        if raw.name.role is Role.MAPPING:
            return self._mapping(raw)
        state = self.value(raw.state) if raw.has_state else None
        return Inert(raw.name.full, self.value(raw.args), state, [self.value(item) for item in raw.items])

    def _mapping(self, raw: Made) -> dict[Any, Any]:
        if raw.has_state:
            # Attributes of a dict (torch keeps "_metadata" there): looked at, and left out.
            self.value(raw.state)
        result: dict[Any, Any] = {}
        for arg in raw.args:
            if isinstance(arg, dict):
                result.update(self.value(arg))
            elif isinstance(arg, list):
                result.update(self._pairs(_listed_pairs(arg)))
            elif not (arg is None or isinstance(arg, Name)):
                raise UnsafeFileError(f'it makes a "{raw.name.full}" of something that is no dict')
        result.update(self._pairs(raw.pairs))
        return result

    def _reconstructor(self, made: Made) -> Any:
        cls, base, content = self.arguments(made, 3)
        if isinstance(cls, Name) and isinstance(base, Name):
            state = self.value(made.state) if made.has_state else None
            if cls.role is Role.OBJECT and base.name == "object" and content is None:
                return Inert(cls.full, (), state)
            if cls.role is Role.MAPPING and base.name == "dict" and isinstance(content, dict):
                return self.value(content)
        raise UnsafeFileError("it makes an object in an unknown way")

    def _container_call(self, made: Made) -> Any:
        args, kind = self.arguments(made, 0, 1), made.name.name
        items = args[0] if args else ()
        if isinstance(items, MadeSet):
            items = items.items
        if kind == "dict" and not args:
            return {}
        if kind == "dict" or not isinstance(items, (list, tuple)) or made.has_state:
            raise UnsafeFileError(f'it calls "{made.name.full}" in an unknown way')
        if kind in ("set", "frozenset"):
            return self._frozen(items)
        return (list if kind == "list" else tuple)([self.value(item) for item in items])

    def _bytes_value(self, made: Made) -> bytes:
        return self._bytes(self._bytes_call(made))

    def _complex(self, made: Made) -> complex:
        real, imaginary = self.arguments(made, 2)
        if not isinstance(real, float) or not isinstance(imaginary, float):
            raise UnsafeFileError("it holds a complex number of odd parts")
        return complex(real, imaginary)

    def _persistent(self, made: Made) -> Inert:
        (meta,) = self.arguments(made, 1)
        if (
            not isinstance(meta, dict)
            or meta.get("type") != "class"
            or not isinstance(meta.get("version"), int)
        ):
            raise UnsafeFileError("it holds a persistent object of an unknown kind")
        source, class_name, state = meta.get("module_src"), meta.get("class_name"), meta.get("state")
        if not isinstance(source, (str, LongText)) or not isinstance(class_name, str):
            raise UnsafeFileError("it holds a persistent object without its class")
        decoded_state = self.value(state)
        if not isinstance(decoded_state, dict):
            raise UnsafeFileError("it holds a persistent object without its state")
        known = {"type", "version", "module_src", "class_name", "state"}
        rest = {key: self.value(item) for key, item in meta.items() if key not in known}
        record = {
            **rest,
            "class_name": class_name,
            "version": meta["version"],
            "module_source_sha256": self._source_hash(source),
            "state": decoded_state,
        }
        return Inert(PERSISTENT_NAME, (record,))

    def _source_hash(self, source: str | LongText) -> str:
        known = self._hashes.get(id(source))
        if known is None:
            data = source.encode() if isinstance(source, str) else source.view
            known = self._hashes[id(source)] = hashlib.sha256(data).hexdigest()
        return known


def _listed_pairs(items: list[Any]) -> list[tuple[Any, Any]]:
    pairs = []
    for item in items:
        if not isinstance(item, (list, tuple)) or len(item) != 2:
            raise UnsafeFileError("a dict in it is made of something that is no pair")
        pairs.append((plain_key(item[0]), item[1]))
    return pairs


def _utf8_to_latin1(view: memoryview) -> memoryview:
    # In pieces: a text with one far character would otherwise take four bytes for every one.
    result, start = bytearray(), 0
    while start < len(view):
        stop = min(start + _TRANSCODE_CHUNK, len(view))
        while stop < len(view) and view[stop] & 0xC0 == 0x80:
            stop += 1
        result += str(view[start:stop], "utf-8").encode("latin-1")
        start = stop
    release_pages(view)
    return memoryview(result).toreadonly()


_DECODERS: dict[type, Callable[[TreeDecoder, Any], Any]] = {
    list: TreeDecoder._list,
    tuple: TreeDecoder._tuple,
    dict: TreeDecoder._dict,
    MadeSet: TreeDecoder._set,
    memoryview: TreeDecoder._bytes,
    LongText: TreeDecoder._text,
    Name: TreeDecoder._name,
    Made: TreeDecoder._made,
    StorageRef: TreeDecoder.storage_array,
}

_CALLS: dict[str, Callable[[TreeDecoder, Made], Any]] = {
    **dict.fromkeys(("set", "frozenset", "list", "dict", "tuple"), TreeDecoder._container_call),
    **dict.fromkeys(("bytearray", "bytes", "encode"), TreeDecoder._bytes_value),
    "complex": TreeDecoder._complex,
    "_reconstructor": TreeDecoder._reconstructor,
    "_load_from_bytes": TreeDecoder.nested_stream,
    "_reconstruct_persistent_obj": TreeDecoder._persistent,
    **numpy_values.CALLS,
    **torch_values.CALLS,
}
