"""The own format is written whole or not at all, and reads as the reference library reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import format_files as ff
import numpy as np
import numpy.typing as npt
import pytest
from safetensors.numpy import load_file, save_file

from latentstudio.errors import SaveError
from latentstudio.formats import read_checkpoint, write_safetensors

_ARRAYS: dict[str, npt.NDArray[Any]] = {
    "f4": np.arange(6, dtype=np.float32).reshape(2, 3),
    "f2": np.ones((2, 2), np.float16),
    "i8": np.array(-5, np.int64),
    "turned": np.arange(6.0).reshape(2, 3).T,
    "truth": np.array([True, False]),
    "empty": np.zeros((0, 3), np.float32),
    "swapped": np.arange(3, dtype=">i4"),
}


def test_what_is_written_reads_back_here_and_in_the_reference_library(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    write_safetensors(path, _ARRAYS, {"family": "stylegan2"})
    contents = read_checkpoint(path)
    assert contents.kind == "safetensors"
    assert contents.metadata == {"family": "stylegan2"}
    reference = load_file(path)
    for key, array in _ARRAYS.items():
        np.testing.assert_array_equal(contents.root[key].numpy(), array)
        np.testing.assert_array_equal(reference[key], array)
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.safetensors"]


def test_what_the_reference_library_writes_reads_here(tmp_path: Path) -> None:
    save_file(
        {key: np.ascontiguousarray(a, a.dtype.newbyteorder("=")) for key, a in _ARRAYS.items()},
        tmp_path / "a",
    )
    root = read_checkpoint(tmp_path / "a").root
    for key in ("f4", "f2", "truth", "empty"):
        np.testing.assert_array_equal(root[key].numpy(), _ARRAYS[key])


def test_half_of_a_float_is_widened(tmp_path: Path) -> None:
    data = np.array([1.0, -2.5, 3e38], np.float32)
    halves = (data.view(np.uint32) >> 16).astype("<u2").tobytes()
    (tmp_path / "a").write_bytes(ff.safetensors({"a": ff.entry((3,), 0, 6, "BF16")}, halves))
    array = read_checkpoint(tmp_path / "a").root["a"]
    assert (array.source_dtype, array.dtype) == ("bfloat16", np.float32)
    np.testing.assert_allclose(array.numpy(), data, rtol=1 / 128)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    write_safetensors(path, {"a": np.ones(2, np.float32)}, {})
    before = path.read_bytes()
    with pytest.raises(SaveError, match="complex128"):
        write_safetensors(path, {"a": np.ones(2, np.complex128)}, {})
    assert path.read_bytes() == before
    with pytest.raises(SaveError, match="Can't save"):
        write_safetensors(tmp_path / "missing" / "a", {"a": np.ones(2, np.float32)}, {})
    assert len(list(tmp_path.iterdir())) == 1
