"""A machine that follows a pickle without doing what it says.

Owns the stack, the memo and the limits; nothing is imported, called or made. Every name is compared
with `allowed_names`; calls and objects are written down as `Made` for the tree decoder. One machine
reads one pickle on one thread.

Source: the opcodes as CPython's Lib/pickletools.py documents them, protocols 0 to 5.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from latentstudio.errors import UnreadableFileError, UnsafeFileError
from latentstudio.formats.allowed_names import ALLOWED, Role
from latentstudio.formats.pickle_bytes import LITERALS, Cursor
from latentstudio.formats.source import shown

# A full-size file with three networks needs about 40 000; a million would take seconds.
MAX_OPERATIONS = 500_000
_MAX_KEY_BYTES = 1024
_MAX_KEY = 1 << 60
_STOP = ord(".")
_UNSET: Any = object()

_REFUSED = {
    ord("0"): "POP",
    ord("1"): "POP_MARK",
    ord("2"): "DUP",
    ord("i"): "INST",
    ord("o"): "OBJ",
    ord("P"): "PERSID",
    0x82: "EXT1",
    0x83: "EXT2",
    0x84: "EXT4",
    0x92: "NEWOBJ_EX",
    0x97: "NEXT_BUFFER",
    0x98: "READONLY_BUFFER",
}
_STATE_FROM_TUPLE = {"dtype", "_reconstruct"}
_NOTHING_RAN = (
    "Nothing in it was run. If it holds a whole model object, save its state_dict() and open that instead."
)


class Budget:
    """How many operations a file may still take, shared by all the pickles inside it."""

    __slots__ = ("left",)

    def __init__(self, operations: int = MAX_OPERATIONS) -> None:
        self.left = operations


@dataclass(frozen=True, slots=True, eq=False)
class Name:
    """A name that the file mentions and the table knows."""

    module: str
    name: str
    role: Role

    @property
    def full(self) -> str:
        """The dotted name."""
        return f"{self.module}.{self.name}"


@dataclass(slots=True, eq=False)
class Made:
    """A call or an object, written down and not made."""

    name: Name
    args: tuple[Any, ...]
    state: Any = _UNSET
    items: list[Any] = field(default_factory=list)
    pairs: list[tuple[Any, Any]] = field(default_factory=list)

    @property
    def has_state(self) -> bool:
        """Whether a BUILD filled it."""
        return self.state is not _UNSET


@dataclass(slots=True, eq=False)
class MadeSet:
    """A set, kept as the list of what was added to it."""

    items: list[Any] = field(default_factory=list)


class PickleMachine:
    """Reads one pickle from `view`, starting at `start`.

    Args:
        view: the bytes; more may follow the pickle.
        budget: operations left for the file.
        start: where the pickle begins.
        persistent_load: turns a persistent id into a record; None where there must be none.
    """

    def __init__(
        self,
        view: memoryview,
        budget: Budget,
        *,
        start: int = 0,
        persistent_load: Callable[[Any], Any] | None = None,
    ) -> None:
        self._cursor = Cursor(view, start)
        self._budget = budget
        self._persistent_load = persistent_load
        self._stack: list[Any] = []
        self._marks: list[list[Any]] = []
        self._memo: dict[int, Any] = {}
        self._names: dict[tuple[str, str], Name] = {}
        self._operations = 0

    def run(self) -> tuple[Any, int]:
        """The recorded root and the position after STOP.

        Raises:
            UnsafeFileError: a name, an operation or a size that data does not need.
            UnreadableFileError: the program is cut short or broken.
        """
        cursor, literals, actions = self._cursor, LITERALS, _ACTIONS
        budget = self._budget.left
        try:
            while True:
                self._operations += 1
                if self._operations > budget:
                    raise UnsafeFileError(
                        f"it needs more than {MAX_OPERATIONS} steps to read, more than any known model"
                    )
                code = cursor.byte()
                literal = literals.get(code)
                if literal is not None:
                    self._stack.append(literal(cursor))
                    continue
                action = actions.get(code)
                if action is not None:
                    action(self)
                elif code == _STOP:
                    return self._finish()
                else:
                    raise _refused(code)
        except IndexError as error:
            raise UnreadableFileError("its pickle is damaged: a step finds nothing to work on") from error
        finally:
            self._budget.left = budget - self._operations

    def _finish(self) -> tuple[Any, int]:
        if self._marks or len(self._stack) != 1:
            raise UnreadableFileError("its pickle is damaged: it ends in the middle of something")
        return self._stack[0], self._cursor.at

    # Framing

    def _proto(self) -> None:
        version = self._cursor.byte()
        if version > 5:
            raise UnreadableFileError(f"it is a pickle of the unknown protocol {version}")

    def _frame(self) -> None:
        length = self._cursor.unsigned(8)
        if length > len(self._cursor.view) - self._cursor.at:
            raise UnreadableFileError("it is cut short or damaged", "Fetch it again.")

    def _mark(self) -> None:
        self._marks.append(self._stack)
        self._stack = []

    def _pop_mark(self) -> list[Any]:
        items, self._stack = self._stack, self._marks.pop()
        return items

    # Memo

    def _remember(self, index: int) -> None:
        # Picklers number their memo from 0: an index above the number of steps is a lie.
        if index > self._operations:
            raise UnsafeFileError("its pickle uses memo numbers that no pickler writes")
        self._memo[index] = self._stack[-1]

    def _recall(self, index: int) -> None:
        try:
            self._stack.append(self._memo[index])
        except KeyError as error:
            raise UnreadableFileError("its pickle is damaged: it refers to nothing") from error

    def _memo_line(self) -> int:
        line = self._cursor.line()
        if not line.isdigit() or len(line) > 9:
            raise UnreadableFileError("its pickle is damaged: a memo number is no number")
        return int(line)

    # Containers

    def _tuple(self) -> None:
        items = tuple(self._pop_mark())
        self._stack.append(items)

    def _small_tuple(self, count: int) -> None:
        if len(self._stack) < count:
            raise IndexError
        self._stack[-count:] = [tuple(self._stack[-count:])]

    def _list(self) -> None:
        items = self._pop_mark()
        self._stack.append(items)

    def _dict(self) -> None:
        items = self._pop_mark()
        self._stack.append({})
        self._set_pairs(items)

    def _frozenset(self) -> None:
        items = self._pop_mark()
        self._stack.append(MadeSet(items))

    def _append(self) -> None:
        self._add_items([self._stack.pop()])

    def _appends(self) -> None:
        self._add_items(self._pop_mark())

    def _add_items(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if isinstance(target, list):
            target.extend(items)
        elif isinstance(target, Made) and target.name.role is Role.OBJECT:
            target.items.extend(items)
        else:
            raise UnsafeFileError("its pickle appends to something that is no list")

    def _set_item(self) -> None:
        value = self._stack.pop()
        self._set_pairs([self._stack.pop(), value])

    def _set_pairs(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if len(items) % 2:
            raise IndexError
        pairs = [(plain_key(items[i]), items[i + 1]) for i in range(0, len(items), 2)]
        if isinstance(target, dict):
            target.update(pairs)
        elif isinstance(target, Made) and target.name.role is Role.MAPPING:
            target.pairs.extend(pairs)
        else:
            raise UnsafeFileError("its pickle sets keys of something that is no dict")

    def _add_to_set(self) -> None:
        items = self._pop_mark()
        target = self._stack[-1]
        if not isinstance(target, MadeSet):
            raise UnsafeFileError("its pickle adds to something that is no set")
        target.items.extend(items)

    # Names, calls, objects

    def _global(self) -> None:
        module = str(self._cursor.line(), "utf-8", "replace")
        self._push_name(module, str(self._cursor.line(), "utf-8", "replace"))

    def _stack_global(self) -> None:
        name, module = self._stack.pop(), self._stack.pop()
        if not isinstance(module, str) or not isinstance(name, str):
            raise UnsafeFileError("its pickle asks for a name that is no text")
        self._push_name(module, name)

    def _push_name(self, module: str, name: str) -> None:
        known = self._names.get((module, name))
        if known is None:
            role = ALLOWED.get((module, name))
            if role is None:
                wanted = shown(f"{module}.{name}")
                raise UnsafeFileError(f'it asks for "{wanted}", which is not plain model data', _NOTHING_RAN)
            known = self._names[module, name] = Name(module, name, role)
        self._stack.append(known)

    def _reduce(self) -> None:
        args, callee = self._stack.pop(), self._stack.pop()
        self._make(callee, args)

    def _new_object(self) -> None:
        args, callee = self._stack.pop(), self._stack.pop()
        if isinstance(callee, Name) and callee.role is Role.CALL:
            raise UnsafeFileError(f'it makes an object of "{callee.full}", which is a function')
        self._make(callee, args)

    def _make(self, callee: Any, args: Any) -> None:
        if not isinstance(callee, Name) or not isinstance(args, tuple):
            raise UnsafeFileError("its pickle calls something that is no function", _NOTHING_RAN)
        if callee.role is Role.MENTION:
            raise UnsafeFileError(f'it calls "{callee.full}", which is more than data', _NOTHING_RAN)
        self._stack.append(Made(callee, args))

    def _build(self) -> None:
        state, target = self._stack.pop(), self._stack[-1]
        if not isinstance(target, Made) or target.has_state:
            raise UnsafeFileError("its pickle fills something that cannot be filled", _NOTHING_RAN)
        expected: type = dict
        if target.name.role is Role.CALL and target.name.name in _STATE_FROM_TUPLE:
            expected = tuple
        elif target.name.name == "_reconstructor":
            expected = dict
        elif target.name.role not in (Role.OBJECT, Role.MAPPING):
            raise UnsafeFileError(f'it changes the state of "{target.name.full}"', _NOTHING_RAN)
        if not isinstance(state, expected):
            raise UnsafeFileError(f'it fills "{target.name.full}" in an unknown way', _NOTHING_RAN)
        target.state = state

    def _persistent(self) -> None:
        if self._persistent_load is None:
            raise UnsafeFileError("its pickle refers to data outside itself")
        self._stack.append(self._persistent_load(self._stack.pop()))


def plain_key(key: Any) -> Any:
    """A dict's key or a set's item as a plain, hashable value.

    Raises:
        UnsafeFileError: it is neither a number, a text nor a name.
    """
    if type(key) is int and not -_MAX_KEY < key < _MAX_KEY:
        # Larger integers can be chosen to share one hash, and then a dict takes hours to fill.
        raise UnsafeFileError("a dict or a set in it has absurdly large numbers for entries")
    if key is None or isinstance(key, (str, int, float)):
        return key
    if isinstance(key, Name):
        # Old Lightning checkpoints use classes as keys; their names say as much.
        return key.full
    if isinstance(key, memoryview) and len(key) <= _MAX_KEY_BYTES:
        return bytes(key)
    # Tuples are refused too: hashing nested ones is unbounded recursion in C.
    raise UnsafeFileError("a dict or a set in it has entries that are no plain values")


def _refused(code: int) -> UnsafeFileError | UnreadableFileError:
    name = _REFUSED.get(code)
    if name is None:
        return UnreadableFileError(f"its pickle is damaged: 0x{code:02x} is no known step")
    return UnsafeFileError(f"its pickle uses {name}, which no known model file needs")


_ACTIONS: dict[int, Callable[[PickleMachine], None]] = {
    0x80: PickleMachine._proto,
    0x95: PickleMachine._frame,
    ord("("): PickleMachine._mark,
    ord("p"): lambda m: m._remember(m._memo_line()),
    ord("q"): lambda m: m._remember(m._cursor.byte()),
    ord("r"): lambda m: m._remember(m._cursor.unsigned(4)),
    0x94: lambda m: m._remember(len(m._memo)),
    ord("g"): lambda m: m._recall(m._memo_line()),
    ord("h"): lambda m: m._recall(m._cursor.byte()),
    ord("j"): lambda m: m._recall(m._cursor.unsigned(4)),
    ord("t"): PickleMachine._tuple,
    0x85: lambda m: m._small_tuple(1),
    0x86: lambda m: m._small_tuple(2),
    0x87: lambda m: m._small_tuple(3),
    ord("l"): PickleMachine._list,
    ord("d"): PickleMachine._dict,
    0x8F: lambda m: m._stack.append(MadeSet()),
    0x91: PickleMachine._frozenset,
    0x90: PickleMachine._add_to_set,
    ord("a"): PickleMachine._append,
    ord("e"): PickleMachine._appends,
    ord("s"): PickleMachine._set_item,
    ord("u"): lambda m: m._set_pairs(m._pop_mark()),
    ord("c"): PickleMachine._global,
    0x93: PickleMachine._stack_global,
    ord("R"): PickleMachine._reduce,
    0x81: PickleMachine._new_object,
    ord("b"): PickleMachine._build,
    ord("Q"): PickleMachine._persistent,
}
