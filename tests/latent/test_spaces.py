from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentstudio.errors import InputError
from latentstudio.latent.spaces import Latent, as_rows, coarse_middle_fine, layer_range


def test_latents_are_equal_by_value_and_hash_alike():
    a, b = Latent([1.0, 2.0]), Latent(np.array([1, 2], np.float64))
    assert a == b
    assert hash(a) == hash(b)
    assert a != Latent([1.0, 2.5])
    assert a != Latent([[1.0, 2.0]])


def test_a_latent_does_not_follow_the_array_it_came_from_and_cannot_be_written():
    source = np.zeros(3, np.float32)
    latent = Latent(source)
    source[0] = 9
    assert latent.array[0] == 0
    with pytest.raises(ValueError, match="read-only"):
        latent.array[0] = 1


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=0, max_size=40))
def test_json_keeps_every_bit(values):
    latent = Latent(np.array(values, np.float32))
    assert Latent.from_json(json.loads(json.dumps(latent.to_json()))) == latent


@pytest.mark.parametrize(
    "stored",
    [
        None,
        {},
        {"shape": [2], "float32": "AAAA"},
        {"shape": [-1], "float32": ""},
        {"shape": [True], "float32": "AAAAAA=="},
        {"shape": [10**9, 10**9], "float32": ""},
        {"shape": [1], "float32": "no base64"},
        {"shape": [1], "float32": "AADAfw=="},  # a NaN
    ],
)
def test_damaged_json_is_refused_with_a_sentence(stored):
    with pytest.raises(InputError, match="latent"):
        Latent.from_json(stored)


@pytest.mark.parametrize("bad", [[np.nan], [np.inf], ["x"], [[1], [1, 2]]])
def test_what_is_not_a_finite_number_is_refused(bad):
    with pytest.raises(InputError):
        Latent(bad)


def test_groups_are_the_published_ones_and_the_strict_ones():
    assert coarse_middle_fine(18) == {"coarse": range(4), "middle": range(4, 8), "fine": range(8, 18)}
    assert coarse_middle_fine(18, strict=True)["middle"] == range(3, 7)
    assert len(coarse_middle_fine(8)["fine"]) == 0


def test_layer_ranges_stay_inside_the_network():
    assert layer_range(2, None, 6) == range(2, 6)
    assert layer_range(2, 99, 6) == range(2, 6)
    assert len(layer_range(9, None, 6)) == 0


def test_one_row_serves_all_and_surplus_rows_are_dropped():
    assert as_rows(np.ones(4, np.float32), 3).shape == (3, 4)
    rows = np.arange(18, dtype=np.float32)[:, None].repeat(4, 1)
    assert as_rows(rows, 16)[:, 0].tolist() == list(range(16))
    with pytest.raises(InputError, match="16 rows"):
        as_rows(rows[:5], 16)
