from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentstudio.errors import InputError
from latentstudio.latent.directions import Direction, add_to_ws, coordinate_direction
from latentstudio.latent.spaces import Latent

WS = np.random.default_rng(1).standard_normal((6, 4)).astype(np.float32)
ALONG = Direction("Smile", "w", Latent([0.5, 0.5, -0.5, 0.5]), sigma=2.0, origin="file")


def test_amount_counts_in_sigma_on_the_rows_asked_for():
    moved = add_to_ws(WS, ALONG, 1.5, 2, 4)
    assert np.allclose(moved[2:4] - WS[2:4], 3.0 * ALONG.values.array, atol=1e-6)
    assert np.array_equal(moved[[0, 1, 4, 5]], WS[[0, 1, 4, 5]])


@given(st.floats(-5, 5, width=32))
def test_there_and_back_again_is_the_same_latent(amount):
    back = add_to_ws(add_to_ws(WS, ALONG, amount), ALONG, -amount)
    assert np.allclose(back, WS, atol=1e-5)


def test_zero_amount_or_an_empty_range_returns_the_latent_itself():
    assert add_to_ws(WS, ALONG, 0.0) is WS
    assert add_to_ws(WS, ALONG, 1.0, 3, 3) is WS


def test_a_direction_with_rows_moves_every_row_its_own_way():
    rows = np.arange(18, dtype=np.float32)[:, None] * np.ones((1, 4), np.float32)
    moved = add_to_ws(WS, Direction("Age", "w", Latent(rows)), 1.0)
    assert np.allclose((moved - WS)[:, 0], range(6), atol=1e-5)


def test_another_models_direction_is_refused_by_name():
    with pytest.raises(InputError, match="Smile"):
        add_to_ws(np.zeros((6, 7), np.float32), ALONG, 1.0)


def test_json_keeps_a_direction():
    assert Direction.from_json(json.loads(json.dumps(ALONG.to_json()))) == ALONG


@pytest.mark.parametrize(
    "changes",
    [{"space": "x"}, {"values": None}, {"sigma": "1"}, {"sigma": True}, {"sigma": float("inf")}],
)
def test_a_damaged_direction_is_refused(changes):
    with pytest.raises(InputError):
        Direction.from_json({**ALONG.to_json(), **changes})


def test_a_coordinate_of_z_becomes_a_direction():
    direction = coordinate_direction("Turn", 2, 5)
    assert direction.space == "z"
    assert direction.values.array.tolist() == [0, 0, 1, 0, 0]


def test_a_layer_mask_moves_its_rows_only_within_the_range_of_the_slider():
    masked = Direction("Smile", "w", Latent(np.ones(3, np.float32)), 1.0, "file", rows=(1, 3))
    ws = np.zeros((5, 3), np.float32)
    assert add_to_ws(ws, masked, 2.0)[:, 0].tolist() == [0, 2, 0, 2, 0]
    assert add_to_ws(ws, masked, 2.0, 2)[:, 0].tolist() == [0, 0, 0, 2, 0]


def test_reach_and_mask_travel_and_leave_older_files_as_they_are():
    plain = Direction("Smile", "w", Latent(np.ones(3, np.float32)))
    assert set(plain.to_json()) == {"name", "space", "values", "sigma", "origin"}
    own = Direction("Smile", "w", Latent(np.ones(3, np.float32)), reach=8.0, rows=(0, 4))
    assert Direction.from_json(own.to_json()) == own
    for broken in ({"rows": "all"}, {"rows": [-1]}, {"reach": 0}, {"reach": "far"}):
        with pytest.raises(InputError):
            Direction.from_json({**own.to_json(), **broken})
