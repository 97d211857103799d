"""The estimator of a generator's pictures."""

from dataclasses import replace

import numpy as np

from latentstudio.engine.factors import factor_estimator
from latentstudio.models.info import Provenance


def test_clay_faces_are_read_and_other_models_are_not(tiny):
    assert factor_estimator(tiny) is None
    usual = tiny.info
    try:
        tiny.info = replace(usual, provenance=Provenance(origin="bundled:clayfaces64"))
        told = factor_estimator(tiny)(np.zeros((2, 64, 64, 3), np.float32))
    finally:
        tiny.info = usual
    assert told["Turn"].shape == (2,)
    assert {"Smile", "Glasses", "Hair length"} <= set(told)
