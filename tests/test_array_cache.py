"""Arrays kept between starts: a cache costs time at worst."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from latentstudio.array_cache import keep_arrays, kept_arrays

ARRAYS = {"a": np.arange(500, dtype=np.float32), "count": np.int64(3)}


def test_what_was_kept_comes_back_by_name(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "kept.npz"
    keep_arrays(path, ARRAYS)
    found = kept_arrays(path)
    assert found.keys() == ARRAYS.keys()
    np.testing.assert_array_equal(found["a"], ARRAYS["a"])
    assert int(found["count"]) == 3


def test_a_file_cut_short_anywhere_is_as_good_as_none(tmp_path: Path) -> None:
    path = tmp_path / "kept.npz"
    keep_arrays(path, ARRAYS)
    whole = path.read_bytes()
    for length in range(0, len(whole), 37):
        path.write_bytes(whole[:length])
        assert kept_arrays(path) == {}
    broken = bytearray(whole)
    broken[300] ^= 0xFF
    path.write_bytes(bytes(broken))
    assert kept_arrays(path) == {}


def test_objects_are_never_read(tmp_path: Path) -> None:
    path = tmp_path / "kept.npz"
    np.savez(path, a=np.array([{"an": "object"}], dtype=object))
    assert kept_arrays(path) == {}


def test_nowhere_and_a_place_that_cant_be_written_cost_nothing(tmp_path: Path) -> None:
    keep_arrays(None, ARRAYS)
    assert kept_arrays(None) == {}
    (tmp_path / "file").touch()
    keep_arrays(tmp_path / "file" / "kept.npz", ARRAYS)
    assert kept_arrays(tmp_path / "file" / "kept.npz") == {}


@pytest.mark.parametrize("name", ["missing.npz", "."])
def test_what_is_not_there_is_nothing(tmp_path: Path, name: str) -> None:
    assert kept_arrays(tmp_path / name) == {}
