"""The machine reads what picklers of every protocol write, as values or as inert records."""

from __future__ import annotations

import argparse
import collections
import datetime
import pathlib
import pickle
import types
from pathlib import Path
from typing import Any

import format_files as ff
import numpy as np
import pytest

from latentstudio.errors import UnsafeFileError
from latentstudio.formats import Inert, StoredArray, read_checkpoint

_VALUES: dict[str, Any] = {
    "text": "grün",
    "long text": "a" * 5000 + "\u00e9",
    "bytes": b"\x00\xff",
    "numbers": [0, 1, 255, 65536, -1, 1 << 40, -(1 << 70), 0.5, float("inf")],
    "truth": (True, False, None),
    "empty": [[], {}, (), ""],
    "keys": {1: "a", None: 2, False: 3, 2.5: 4},
    "tuples": ((1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)),
}


def read(tmp_path: Path, data: bytes) -> Any:
    path = tmp_path / "file.pkl"
    path.write_bytes(data)
    return read_checkpoint(path).root


@pytest.mark.parametrize("protocol", range(6))
def test_plain_values_come_back_from_every_protocol(protocol: int, tmp_path: Path) -> None:
    assert read(tmp_path, pickle.dumps(_VALUES, protocol)) == _VALUES


@pytest.mark.parametrize("protocol", range(2, 6))
def test_sets_and_bytearrays_come_back_frozen(protocol: int, tmp_path: Path) -> None:
    values = {"s": {1, "a"}, "f": frozenset({2}), "e": set(), "b": bytearray(b"abc"), "c": 1 + 2j, "n": b""}
    assert read(tmp_path, pickle.dumps(values, protocol)) == {
        "s": frozenset({1, "a"}),
        "f": frozenset({2}),
        "e": frozenset(),
        "b": b"abc",
        "c": 1 + 2j,
        "n": b"",
    }


@pytest.mark.parametrize("protocol", range(2, 6))
def test_dicts_of_every_class_come_back_as_dicts_in_order(protocol: int, tmp_path: Path) -> None:
    ordered = collections.OrderedDict([("b", 1), ("a", 2)])
    values = [ordered, collections.defaultdict(list, {"x": [1]}), collections.Counter("aab")]
    root = read(tmp_path, pickle.dumps(values, protocol))
    assert root == [{"b": 1, "a": 2}, {"x": [1]}, {"a": 2, "b": 1}]
    assert list(root[0]) == ["b", "a"]
    assert {type(item) for item in root} == {dict}


@pytest.mark.parametrize("protocol", range(6))
def test_a_namespace_is_recorded_with_its_attributes(protocol: int, tmp_path: Path) -> None:
    root = read(tmp_path, pickle.dumps({"args": argparse.Namespace(size=64, path="/data")}, protocol))
    assert isinstance(root["args"], Inert)
    assert root["args"].name == "argparse.Namespace"
    assert root["args"].state == {"size": 64, "path": "/data"}


def test_other_harmless_objects_are_recorded(tmp_path: Path) -> None:
    values = [
        types.SimpleNamespace(a=1),
        datetime.datetime(2020, 1, 2, tzinfo=datetime.UTC)
        - datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC),
        pathlib.PurePosixPath("/a/b"),
        collections.deque([1, 2]),
    ]
    root = read(tmp_path, pickle.dumps(values, 4))
    assert [item.name for item in root] == [
        "types.SimpleNamespace",
        "datetime.timedelta",
        "pathlib.PurePosixPath",
        "collections.deque",
    ]
    assert root[3].items == [1, 2]
    assert root[2].args == ("/", "a", "b")


def test_text_of_python_2_reads_as_latin_1(tmp_path: Path) -> None:
    assert read(tmp_path, b"\x80\x02U\x03a\xe9b.") == "aéb"
    assert read(tmp_path, b"(dp0\nS'a\\xe9'\np1\nI01\nsL7L\nF1.5\ns.") == {"aé": True, 7: 1.5}


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("kind", ["<f4", ">f4", "f8", "f2", "i8", "u1", "?"])
def test_numpy_arrays_come_back_as_stored_arrays(protocol: int, kind: str, tmp_path: Path) -> None:
    array = np.array([[0, 1, 2], [3, 0, 250]]).astype(kind)
    values = {"c": array, "f": np.asfortranarray(array), "empty": array[:0], "scalar": array[1, 2]}
    root = read(tmp_path, pickle.dumps(values, protocol))
    for key in ("c", "f", "empty"):
        assert isinstance(root[key], StoredArray)
        np.testing.assert_array_equal(root[key].numpy(), values[key])
        assert root[key].dtype == array.dtype.newbyteorder("=")
    assert root["scalar"] == array[1, 2].item()


def test_numpy_bytes_written_as_text_by_python_2_are_arrays(tmp_path: Path) -> None:
    data = np.arange(6, dtype="<f4").tobytes()
    steps = ff.ndarray(b"T" + len(data).to_bytes(4, "little") + data, ff.sizes((2, 3)))
    root = read(tmp_path, ff.program(steps, protocol=2))
    np.testing.assert_array_equal(root.numpy(), np.arange(6, dtype=np.float32).reshape(2, 3))


def test_shared_parts_stay_shared_and_are_read_once(tmp_path: Path) -> None:
    array = np.arange(3.0)
    root = read(tmp_path, pickle.dumps([array, array], 4))
    assert root[0] is root[1]


def test_a_link_to_the_parent_is_left_out(tmp_path: Path) -> None:
    steps = ff.name("omegaconf.dictconfig", "DictConfig") + b")\x81\x94}(" + ff.short("_parent") + b"h\x00"
    root = read(tmp_path, ff.program(steps, ff.short("size"), b"K\x08ub"))
    assert root.state == {"size": 8}


def test_a_whole_user_class_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(UnsafeFileError, match=r"my_gan\.Generator") as refusal:
        read(tmp_path, ff.program(ff.name("my_gan", "Generator"), b")\x81}b"))
    assert "state_dict()" in refusal.value.hint
    assert str(tmp_path) not in str(refusal.value)
