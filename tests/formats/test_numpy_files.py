"""NumPy's files read as NumPy reads them, without objects and without surprises."""

from __future__ import annotations

from pathlib import Path

import format_files as ff
import numpy as np
import pytest

from latentstudio.errors import CheckpointError, UnsafeFileError
from latentstudio.formats import read_numpy

_ARRAYS = {
    "w": np.arange(12.0).reshape(3, 4),
    "turned": np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
    "swapped": np.arange(3, dtype=">f4"),
    "truth": np.array([True, False]),
    "scalar": np.array(3),
    "empty": np.zeros((0, 2)),
}
_DATA = np.arange(6, dtype="<f4").tobytes()


@pytest.mark.parametrize("key", _ARRAYS)
def test_a_lone_array_is_called_arr_0(key: str, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", _ARRAYS[key])
    read = read_numpy(tmp_path / "a.npy")
    assert list(read) == ["arr_0"]
    np.testing.assert_array_equal(read["arr_0"], _ARRAYS[key])
    assert read["arr_0"].flags.aligned


@pytest.mark.parametrize("packed", [False, True])
def test_an_archive_of_arrays_reads_packed_or_not(packed: bool, tmp_path: Path) -> None:
    (np.savez_compressed if packed else np.savez)(tmp_path / "a.npz", **_ARRAYS)  # type: ignore[arg-type]
    read = read_numpy(tmp_path / "a.npz")
    assert set(read) == set(_ARRAYS)
    for key, array in _ARRAYS.items():
        np.testing.assert_array_equal(read[key], array)


def header(code: str = "'<f4'", shape: str = "(6,)") -> str:
    return f"{{'descr': {code}, 'fortran_order': False, 'shape': {shape}, }}"


_BAD = {
    "objects": ff.npy(header("'|O'"), _DATA),
    "records": ff.npy(header("[('a', '<f4')]"), _DATA),
    "texts": ff.npy(header("'<U6'"), _DATA),
    "code": ff.npy(header("__import__('os').system('true')"), _DATA),
    "a call as shape": ff.npy(header(shape="(len('abcdef'),)"), _DATA),
    "too few bytes": ff.npy(header(shape="(7,)"), _DATA),
    "too many bytes": ff.npy(header(shape="(5,)"), _DATA),
    "negative": ff.npy(header(shape="(-6,)"), _DATA),
    "huge": ff.npy(header(shape="(99999999999999999, 99999999999999999)"), _DATA),
    "digits": ff.npy(header(shape=f"({'9' * 5000},)"), _DATA),
    "long header": ff.npy(header() + " " * 20_000, _DATA),
    "lying header": ff.npy(header(), _DATA, length=60_000),
    "unknown version": ff.npy(header(), _DATA, version=9),
    "head alone": b"\x93NUMPY\x01\x00",
    "nothing known": b"hello",
    "bomb": ff.zip_bytes([ff.deflated(b"a.npy", ff.npy(header(shape="(25000000,)"), bytes(100_000_000)))]),
    "lying bomb": ff.zip_bytes([ff.deflated(b"a.npy", bytes(100_000_000)).bent(size=100)]),
    "many bombs": ff.zip_bytes(
        [ff.deflated(b"%d.npy" % i, ff.npy(header(shape="(5000000,)"), bytes(20_000_000))) for i in range(4)]
    ),
    "broken packing": ff.zip_bytes([ff.Part(b"a.npy", b"\xff" * 50, method=8)]),
    "wrong checksum": ff.zip_bytes([ff.Part(b"a.npy", ff.npy(header(), _DATA), crc=7)]),
    "a pickle inside": ff.zip_bytes([ff.Part(b"a.npy", ff.program(b"}"))]),
    "climbing": ff.zip_bytes([ff.Part(b"../a.npy", ff.npy(header(), _DATA))]),
}


@pytest.mark.parametrize("label", _BAD)
def test_a_bad_file_of_arrays_is_refused(label: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.npz"
    path.write_bytes(_BAD[label])
    with pytest.raises(CheckpointError, match=r'Can\'t read "bad.npz": '):
        read_numpy(path)


def test_python_objects_are_called_unsafe(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([{}, []], dtype=object), allow_pickle=True)
    with pytest.raises(UnsafeFileError, match="Python objects"):
        read_numpy(tmp_path / "a.npy")
