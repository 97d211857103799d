"""Reading factors off pictures."""

import numpy as np
import pytest
import torch

from latentstudio import clay
from latentstudio.errors import InputError, MismatchError
from latentstudio.formats import write_safetensors
from latentstudio.models.clay_factors import (
    FactorNetwork,
    estimate_factors,
    load_factor_network,
    weights_path,
)

needs_compiler = pytest.mark.skipif(not clay.has_compiler(), reason="numba (the extra clay) is not installed")


@needs_compiler
@pytest.mark.parametrize("size", [64, 96])
def test_turn_glasses_and_skin_are_read_off_a_drawn_head(size):
    factors = clay.sample_factors(24, 90_001)
    read = estimate_factors(clay.render(factors, size))
    for name, least in (("yaw", 0.95), ("skin_tone", 0.9), ("bg_val", 0.95), ("glasses", 0.8)):
        column = clay.NAMES.index(name)
        assert np.corrcoef(read[:, column], factors[:, column])[0, 1] > least, name


def test_the_weights_are_small():
    assert weights_path().stat().st_size < 3 * 2**20


def test_it_is_differentiable():
    images = torch.zeros(1, 3, 64, 64, requires_grad=True)
    load_factor_network()(images).sum().backward()
    assert images.grad.abs().max() > 0


def test_other_shapes_are_told():
    with pytest.raises(InputError, match=r"\(2, 64, 32, 3\)"):
        estimate_factors(np.zeros((2, 64, 32, 3), np.uint8))


def test_a_file_of_another_network_is_refused(tmp_path):
    state = FactorNetwork().state_dict()
    state.pop("say.bias")
    write_safetensors(tmp_path / "a.safetensors", {k: v.float().numpy() for k, v in state.items()})
    with pytest.raises(MismatchError, match=r"a\.safetensors"):
        load_factor_network(tmp_path / "a.safetensors")
