"""The geometry of an array is true before anyone looks at its numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentstudio.errors import CheckpointError, UnsafeFileError
from latentstudio.formats.values import Inert, scalar_array, shown_shape, stored_array

_BUFFER = memoryview(np.arange(24, dtype="<f4").tobytes())


def test_an_array_is_a_read_only_view_of_its_bytes() -> None:
    array = stored_array(_BUFFER, "float32", (2, 3), strides=(1, 4), offset=2)
    values = array.numpy()
    np.testing.assert_array_equal(values, [[2, 6, 10], [3, 7, 11]])
    with pytest.raises(ValueError, match="read-only"):
        values[0, 0] = 1
    assert (array.ndim, array.size, array.nbytes) == (2, 6, 24)
    assert repr(array) == "StoredArray(float32, (2, 3))"


def test_odd_bytes_are_valid_truth_values() -> None:
    array = stored_array(memoryview(b"\x00\x01\x02\xff"), "bool", (4,)).numpy()
    assert array.tolist() == [False, True, True, True]
    assert array.view(np.uint8).max() == 1


def test_numbers_of_rank_0_keep_their_kind() -> None:
    assert scalar_array(True).numpy().dtype == np.bool_
    assert scalar_array(3).numpy() == 3
    assert scalar_array(0.5).numpy().dtype == np.float32
    with pytest.raises(CheckpointError):
        scalar_array(1 << 80)


def test_an_inert_record_prints_its_name_only() -> None:
    assert repr(Inert("a.B", ({"much": "data"},))) == "Inert('a.B')"


def test_a_wild_shape_is_shown_shortly() -> None:
    assert shown_shape((1 << 70, *range(20))) == "[huge x 0 x 1 x 2 x 3 x 4 x 5 x 6 x ...]"


_SMALL = st.integers(0, 5)


@given(shape=st.lists(_SMALL, max_size=4), strides=st.lists(_SMALL, max_size=4), offset=st.integers(0, 30))
def test_geometry_is_accepted_exactly_where_every_element_lies_in_the_bytes(
    shape: list[int], strides: list[int], offset: int
) -> None:
    wanted = math.prod(shape)
    last = offset + sum((n - 1) * step for n, step in zip(shape, strides, strict=False))
    fits = len(shape) == len(strides) and wanted <= 24 and (wanted == 0 or last < 24)
    if not fits:
        with pytest.raises(UnsafeFileError):
            stored_array(_BUFFER, "float32", tuple(shape), strides=tuple(strides), offset=offset)
        return
    array = stored_array(_BUFFER, "float32", tuple(shape), strides=tuple(strides), offset=offset).numpy()
    assert array.shape == tuple(shape)
    assert not array.size or array.max() <= last
