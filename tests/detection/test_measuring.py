"""Which pictures of its own a model is measured on."""

import numpy as np
import pytest
import torch

from latentstudio.detection.measuring import own_picture
from latentstudio.latent.sampling import z_from_seed


@pytest.mark.parametrize("seed", [6, 7])
def test_own_pictures_come_with_the_models_noise_and_with_drawn_noise(tiny, seed):
    z = torch.from_numpy(z_from_seed(seed, tiny.info.z_dim))[None]
    ways = {"const": tiny(z, None, 0.8), "drawn": tiny(z, None, 0.8, noise_maps=tiny.draw_noise(seed))}
    made = {way: tiny.to_uint8(image)[0].permute(1, 2, 0).numpy() for way, image in ways.items()}
    assert not np.array_equal(made["const"], made["drawn"])
    np.testing.assert_array_equal(own_picture(tiny, seed, 0.8), made["drawn" if seed % 2 else "const"])
