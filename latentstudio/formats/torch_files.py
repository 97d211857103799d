"""The two containers that torch.save writes: a zip archive, and the stream of older releases.

Owns where storages lie; the numbers stay in the file and are only pointed at. Never calls torch,
never unpacks: a torch archive stores its parts as they are. Safe on any thread.

Source: torch/serialization.py (`_legacy_save`, `_save`) and caffe2/serialize/inline_container.cc.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from latentstudio.errors import UnreadableFileError, UnsafeFileError
from latentstudio.formats.pickle_machine import Budget, PickleMachine
from latentstudio.formats.source import shown
from latentstudio.formats.torch_values import StorageRef, persistent_load
from latentstudio.formats.tree import TreeDecoder
from latentstudio.formats.values import StoredArray
from latentstudio.formats.zip_archive import STORED, Member, read_members

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001
_HINT_NOT_TORCH = "If it is an archive of several files, unpack it and open the model file inside."
# What torch writes beside data.pkl and data/<key>; of these only "byteorder" matters to a reader.
_KNOWN_PARTS = frozenset(
    {"version", "byteorder", ".format_version", ".storage_alignment", ".data/serialization_id"}
)
_MAX_NOTE_BYTES = 4096


def read_torch_zip(view: memoryview) -> Any:
    """The tree of a torch file of release 1.6 or later.

    Raises:
        UnreadableFileError: another archive, a TorchScript program, a damaged or big-endian file.
        UnsafeFileError: compressed or odd parts, or contents that are more than data.
    """
    members = _torch_members(read_members(view))
    if not any(member.crc for member in members.values()):
        # torch can be told to write zeros instead of checksums.
        members = {name: replace(member, crc=None) for name, member in members.items()}
    note = members.get("byteorder")
    if note is not None and bytes(note.checked()) != b"little":
        raise UnreadableFileError("its numbers are stored in the order of another kind of processor")
    budget = Budget()
    program = members["data.pkl"].checked()
    root = _run_alone(program, budget, persistent_load)

    # Parts that the tree does not mention are checked too: a damaged file should not pass for whole.
    storages = {name[5:]: part.checked() for name, part in members.items() if name.startswith("data/")}
    return TreeDecoder(_finder(storages), nested_reader(budget)).value(root)


def read_pickle(view: memoryview) -> tuple[str, Any]:
    """The kind ("pickle" or "torch-legacy") and the tree of a file that begins with a pickle.

    Raises:
        UnreadableFileError: damaged, cut short, or followed by something else.
        UnsafeFileError: contents that are more than data.
    """
    budget = Budget()
    machine = PickleMachine(view, budget)
    root, end = machine.run()
    if root == LEGACY_MAGIC and type(root) is int:
        root, find = _legacy_stream(view, end, budget)
        return "torch-legacy", TreeDecoder(find, nested_reader(budget)).value(root)
    if end != len(view):
        raise UnsafeFileError(f"{len(view) - end} bytes follow the end of its pickle")
    return "pickle", TreeDecoder(None, nested_reader(budget)).value(root)


def nested_reader(budget: Budget) -> Callable[[memoryview], StoredArray]:
    """A reader for the torch streams that NVIDIA's pickles hold as bytes, one storage each."""

    def read(view: memoryview) -> StoredArray:
        root, end = PickleMachine(view, budget).run()
        if type(root) is not int or root != LEGACY_MAGIC:
            raise UnsafeFileError("a tensor in it is stored in an unknown way")
        root, find = _legacy_stream(view, end, budget)
        if not isinstance(root, StorageRef):
            raise UnsafeFileError("a tensor in it is stored in an unknown way")
        return TreeDecoder(find, _no_nesting).storage_array(root)

    return read


def _no_nesting(view: memoryview) -> StoredArray:
    raise UnsafeFileError("a stream in it holds another stream")


def _legacy_stream(
    view: memoryview, at: int, budget: Budget
) -> tuple[Any, Callable[[StorageRef], memoryview]]:
    """What follows the magic number: version, system, root, keys, then the storages themselves."""
    wanted: dict[str, StorageRef] = {}

    def remember(raw: Any) -> Any:
        ref = persistent_load(raw)
        if isinstance(ref, StorageRef):
            first = wanted.setdefault(ref.key, ref)
            if (first.count, first.element) != (ref.count, ref.element):
                raise UnsafeFileError("it describes one storage in two ways")
            return first
        return ref

    version, at = PickleMachine(view, budget, start=at).run()
    system, at = PickleMachine(view, budget, start=at).run()
    if version != _LEGACY_PROTOCOL or not isinstance(system, dict):
        raise UnreadableFileError("it was written by an unknown release of torch")
    if system.get("little_endian") is not True:
        raise UnreadableFileError("its numbers are stored in the order of another kind of processor")
    root, at = PickleMachine(view, budget, start=at, persistent_load=remember).run()
    keys, at = PickleMachine(view, budget, start=at).run()
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise UnreadableFileError("its list of storages is damaged")
    if len(set(keys)) != len(keys) or set(keys) != set(wanted):
        raise UnsafeFileError("its list of storages does not match its contents")

    storages: dict[str, memoryview] = {}
    for key in keys:
        ref = wanted[key]
        count, begin = int.from_bytes(view[at : at + 8], "little"), at + 8
        at = begin + ref.size_bytes
        if at > len(view):
            raise UnreadableFileError(
                f"it is cut short ({at - len(view)} bytes are missing)", "Fetch it again."
            )
        if count != ref.count:
            raise UnsafeFileError("a storage in it claims two different sizes")
        storages[key] = view[begin:at]
    if at != len(view):
        raise UnsafeFileError(f"{len(view) - at} bytes follow the end of its data")
    return root, _finder(storages)


def _finder(storages: dict[str, memoryview]) -> Callable[[StorageRef], memoryview]:
    def find(ref: StorageRef) -> memoryview:
        try:
            return storages[ref.key]
        except KeyError as error:
            raise UnreadableFileError(f'its storage "{shown(ref.key)}" is missing') from error

    return find


def _run_alone(program: memoryview, budget: Budget, load: Callable[[Any], Any]) -> Any:
    root, end = PickleMachine(program, budget, persistent_load=load).run()
    if end != len(program):
        raise UnsafeFileError(f"{len(program) - end} bytes follow the end of its pickle")
    return root


def _torch_members(members: dict[str, Member]) -> dict[str, Member]:
    """The parts by their name below the one top folder, after the archive was checked as torch's."""
    tops = {name.partition("/")[0] for name in members}
    inner = {name.partition("/")[2]: member for name, member in members.items()}
    if len(tops) == 1 and any(n == "constants.pkl" or n.startswith("code/") for n in inner):
        raise UnreadableFileError(
            "it is a TorchScript program, which carries code", "Save the model's state_dict() instead."
        )
    if len(tops) != 1 or "data.pkl" not in inner:
        raise UnreadableFileError("it is an archive, but not one that torch writes", _HINT_NOT_TORCH)
    for name, member in inner.items():
        if member.method != STORED:
            raise UnsafeFileError(f'its part "{shown(name)}" is compressed, which torch never does')
        storage = name.startswith("data/") and name.count("/") == 1
        if name != "data.pkl" and not storage and (name not in _KNOWN_PARTS or member.size > _MAX_NOTE_BYTES):
            raise UnsafeFileError(f'its archive has the unknown part "{shown(name)}"')
    return inner
