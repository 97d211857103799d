"""How much of the curls a generator makes."""

import numpy as np
import pytest
from show_curls import curly_latents, drawn, share_of_curls

from latentstudio import clay

pytestmark = pytest.mark.skipif(not clay.has_compiler(), reason="numba (the extra clay) is not installed")


def test_the_share_is_one_for_drawn_curls_none_for_straight_hair():
    factors = clay.latents_to_factors(curly_latents(4))
    curly = drawn(factors, 64)
    factors[:, clay.NAMES.index("hair_curl")] = 0
    straight = drawn(factors, 64)
    assert share_of_curls(curly, curly, straight) == pytest.approx(1)
    assert share_of_curls(straight, curly, straight) == pytest.approx(0, abs=1e-6)
    assert share_of_curls((curly + straight) / 2, curly, straight) == pytest.approx(0.5, abs=0.01)


def test_curls_drawn_in_the_mirror_are_others():
    latents = curly_latents(6)
    factors = clay.latents_to_factors(latents)
    curly = drawn(factors, 64)
    mirrored = drawn(clay.latents_to_factors(clay.mirrored_latents(latents)), 64).flip(3)
    factors[:, clay.NAMES.index("hair_curl")] = 0
    assert share_of_curls(mirrored, curly, drawn(factors, 64)) < 0.5


def test_the_heads_are_curly_and_always_the_same():
    latents = curly_latents(5)
    columns = dict(zip(clay.NAMES, clay.latents_to_factors(latents).T, strict=True))
    assert columns["hair_curl"].min() > 0.6
    assert columns["bald"].max() < 0.5
    np.testing.assert_array_equal(latents, curly_latents(5))
