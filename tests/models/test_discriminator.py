from __future__ import annotations

import numpy as np
import pytest
import torch

from latentstudio.models.discriminator import read_discriminator


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ({"g_ema": {"a": torch.zeros(1)}, "d": {"b": torch.ones(2)}}, {"b"}),
        ({"netG": {"a": torch.zeros(1)}, "netD": {"b": torch.ones(2)}}, {"b"}),
        ({"discriminator": {"state_dict": {"c": torch.ones(2)}}}, {"c"}),
        ({"GAN": {"G.a": torch.zeros(1), "D.b": torch.ones(2), "D.c": torch.ones(1)}}, {"b", "c"}),
        ({"main.0.weight": torch.zeros(1)}, None),
        ({"d": 3, "g": {"a": torch.zeros(1)}}, None),
    ],
)
def test_a_discriminator_is_found_where_the_families_keep_it(tmp_path, stored, expected):
    torch.save(stored, tmp_path / "a.pt")
    found = read_discriminator(tmp_path / "a.pt")
    assert (None if found is None else set(found.arrays)) == expected
    if found is not None:
        assert all(array.dtype == np.float32 for array in found.arrays.values())


@pytest.mark.parity
@pytest.mark.parametrize(
    ("entry", "layout", "key"),
    [
        ("sg2ada_uncond/checkpoint_nosrc.pkl", "nvidia", "b64.fromrgb.weight"),
        ("sg3t_small/checkpoint_nosrc.pkl", "nvidia", "b4.out.weight"),
        ("tfreal_sg2_64/checkpoint_nosrc.pkl", "tensorflow", "64x64/FromRGB/weight"),
        ("rosinality_64_train/checkpoint.pt", "torch", "convs.0.0.weight"),
        ("lucidrains_32/model_0.pt", "torch", "blocks.0.conv_res.weight"),
        ("progan_akanimax_32/depth_5_epoch_1.bin", "torch", "layers.0.conv_1.weight"),
    ],
)
def test_real_files_give_up_their_discriminator(shared, entry, layout, key):
    found = read_discriminator(shared / "zoo" / entry)
    assert found.layout == layout
    assert key in found.arrays
    if layout == "nvidia":
        assert any("conv_clamp" in attributes for attributes in found.attributes.values())
