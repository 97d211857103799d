from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from latentstudio.errors import CheckpointError, InputError
from latentstudio.models.tuning import Tuning, copied, read_tuning, rounded, tuned, write_tuning


@pytest.fixture
def tuning(tiny, random):
    deltas = {
        name: random.normal(0, 0.01, tuple(parameter.shape)).astype(np.float32)
        for name, parameter in tiny.named_parameters()
        if name.startswith("blocks.b8")
    }
    return Tuning(deltas, tiny.info.sha256)


def picture(generator):
    return generator(torch.ones(1, 8)).detach().numpy()


@given(arrays(np.float32, (3, 4), elements=st.floats(-10, 10, width=32)))
def test_rounding_is_idempotent_and_near(delta):
    once = rounded(Tuning({"x": delta})).deltas["x"]
    assert np.array_equal(rounded(Tuning({"x": once})).deltas["x"], once)
    assert (np.abs(once - delta).max(1) <= np.abs(delta).max(1) / 127 + 1e-12).all()


def test_a_file_gives_back_the_rounded_tuning(tmp_path, tuning):
    path = tmp_path / "a.tuning.safetensors"
    write_tuning(path, tuning)
    found, wanted = read_tuning(path), rounded(tuning)
    assert found.model_sha256 == tuning.model_sha256
    assert found.deltas.keys() == wanted.deltas.keys()
    assert all(np.array_equal(found.deltas[name], wanted.deltas[name]) for name in wanted.deltas)


def test_a_tuned_copy_differs_and_shares_what_was_not_tuned(tiny, tuning):
    before = picture(tiny)
    twin = tuned(tiny, tuning)
    assert not np.allclose(picture(twin), before)
    assert np.array_equal(picture(tiny), before)
    own, other = dict(tiny.named_parameters()), dict(twin.named_parameters())
    for name, parameter in own.items():
        assert (other[name].data_ptr() == parameter.data_ptr()) == (name not in tuning.deltas)


def test_a_copy_made_after_drawing_draws_the_same(tiny):
    with torch.inference_mode():
        before = tiny(torch.ones(1, 8)).numpy()
    assert np.array_equal(picture(copied(tiny)), before)


def test_a_tuning_of_another_model_is_refused(tiny, tuning):
    with pytest.raises(InputError, match="another model"):
        tuned(tiny, Tuning(tuning.deltas, "f" * 64))
    with pytest.raises(InputError, match="another model"):
        tuned(tiny, Tuning({"nothing": np.zeros(3, np.float32)}, tiny.info.sha256))


@pytest.mark.parametrize("damage", [b"", b"no tuning at all", None])
def test_a_damaged_file_is_refused(tmp_path, tuning, damage):
    path = tmp_path / "a.tuning.safetensors"
    write_tuning(path, tuning)
    path.write_bytes(path.read_bytes()[:-3] if damage is None else damage)
    with pytest.raises(CheckpointError):
        read_tuning(path)
