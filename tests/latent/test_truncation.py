from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from latentstudio.latent.truncation import truncate

WS = np.random.default_rng(1).standard_normal((6, 5)).astype(np.float32)
MEAN = np.random.default_rng(2).standard_normal(5).astype(np.float32)


def test_psi_one_changes_nothing_and_psi_zero_gives_the_mean():
    assert truncate(WS, MEAN, 1.0) is WS
    assert np.array_equal(truncate(WS, MEAN, 0.0), np.broadcast_to(MEAN, WS.shape))


@given(st.floats(-2, 2, width=32), st.integers(0, 9))
def test_only_the_rows_before_the_cutoff_move_along_the_line_to_the_mean(psi, cutoff):
    moved = truncate(WS, MEAN, psi, cutoff)
    assert np.array_equal(moved[cutoff:], WS[cutoff:])
    assert np.allclose(moved[:cutoff] - MEAN, psi * (WS[:cutoff] - MEAN), atol=1e-5)
