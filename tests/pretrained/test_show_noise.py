"""What noise does to a generator's pictures, as a figure and in levels."""

import pytest
import show_noise
import torch
from trainable import new_generator


@pytest.fixture
def generator():
    torch.manual_seed(0)
    network = new_generator([8, 8, 8], z_dim=8, w_dim=8, mapping_layers=1).eval()
    torch.nn.init.constant_(network.blocks["b16"].conv1.noise_strength, 0.2)
    return network


def test_only_the_input_that_learnt_to_use_noise_moves_pixels(generator):
    ws = generator.mapping(torch.randn(1, 8))
    last = len(generator.noise_shapes) - 1
    assert show_noise.moved(show_noise.drawn(generator, ws, 8)).mean() > 1
    assert show_noise.moved(show_noise.drawn(generator, ws, 8, only=last)).mean() > 1
    assert show_noise.moved(show_noise.drawn(generator, ws, 8, only=0)).max() < 1e-3


def test_how_far_a_pixel_moves_is_told_in_levels():
    still = torch.zeros(2, 3, 4, 4)
    still[1, :, 0, 0] = 2 / 127.5
    assert show_noise.moved(still)[0, 0] == pytest.approx(2 / 2**0.5, rel=1e-4)
    assert show_noise.moved(still)[1:].max() == 0
