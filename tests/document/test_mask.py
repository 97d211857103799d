from __future__ import annotations

import base64
import zlib

import numpy as np
import pytest

from latentstudio.document.mask import Mask
from latentstudio.errors import InputError


def square(side: int = 40) -> Mask:
    levels = np.zeros((side, side), np.uint8)
    levels[10:30, 10:30] = 255
    return Mask(levels)


def test_masks_are_equal_by_value_and_survive_json():
    again = Mask.from_json(square().to_json())
    assert again == square()
    assert hash(again) == hash(square())
    assert again != square().inverted()
    assert square().inverted().inverted() == square()


def test_shares_become_levels():
    assert Mask(np.array([[0.0, 0.5, 1.0]])).levels.tolist() == [[0, 128, 255]]
    for wrong in (np.array([[1.5]]), np.array([[np.nan]]), np.zeros(3), np.zeros((5000, 2))):
        with pytest.raises(InputError):
            Mask(wrong)


def test_a_feather_softens_the_edge_and_keeps_the_inside():
    soft = square().feathered(0.1)
    assert soft[20, 20] == pytest.approx(1, abs=1e-3)
    assert soft[0, 0] == pytest.approx(0, abs=1e-6)
    assert 0.3 < soft[20, 10] < 0.7
    across = soft[20, :20]
    assert (np.diff(across) >= -1e-6).all()
    assert np.array_equal(square().feathered(0), square().shares)


def test_what_a_file_packs_is_unpacked_only_as_far_as_its_shape_goes():
    bomb = base64.b64encode(zlib.compress(bytes(50_000_000))).decode()
    with pytest.raises(InputError, match="different number"):
        Mask.from_json({"shape": [4, 4], "zlib": bomb})
    for wrong in (
        None,
        {},
        {"shape": [4, 4], "zlib": "!"},
        {"shape": [4, 4], "zlib": base64.b64encode(b"no").decode()},
        {"shape": [0, 4], "zlib": ""},
        {"shape": [True, 4], "zlib": ""},
        {"shape": [10**6, 10**6], "zlib": bomb},
    ):
        with pytest.raises(InputError):
            Mask.from_json(wrong)
