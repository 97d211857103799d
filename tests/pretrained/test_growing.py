"""Twice the size without losing what was learnt."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from checkpoints import read_checkpoint
from growing import FIRST_NOISE, grown_discriminator, grown_generator, with_coarse
from trainable import CHANNELS, Discriminator, mapping_config, new_generator

from latentstudio.models.architectures.stylegan2 import Mapping

SIZES = {"z_dim": 8, "w_dim": 8, "mapping_layers": 2}


def test_a_grown_generator_draws_the_same_picture_enlarged():
    torch.manual_seed(0)
    small, large = new_generator([8, 8, 4], **SIZES), new_generator([8, 8, 4, 4], **SIZES)
    large.load_state_dict(grown_generator(small.state_dict(), large))
    z = torch.randn(3, 8)
    with torch.no_grad():
        before = small.synthesis(small.mapping(z), "none")
        after = large.synthesis(large.mapping(z), "random")
    doubled = F.interpolate(before, scale_factor=2, mode="bilinear")
    torch.testing.assert_close(after, doubled, rtol=1e-5, atol=1e-5)
    assert large.blocks["b32"].conv1.noise_strength.item() == pytest.approx(FIRST_NOISE)


def test_a_grown_generator_with_other_layers_is_refused():
    small, large = new_generator([8, 8, 4], **SIZES), new_generator([8, 8, 8, 4], **SIZES)
    with pytest.raises(ValueError, match="no place"):
        grown_generator(small.state_dict(), large)


def test_coarse_blocks_of_another_shape_are_refused():
    small, large = new_generator([8, 4], **SIZES), new_generator([8, 8, 4], **SIZES)
    with pytest.raises(ValueError, match="no place"):
        with_coarse(large.state_dict(), small.state_dict())


@pytest.mark.parametrize("times", [2, 4])
def test_a_grown_judge_says_of_a_picture_what_the_small_one_says_of_the_shrunk_one(times):
    torch.manual_seed(0)
    small = Discriminator(16, (8, 8, 8), fold=2, told=3)
    large = Discriminator(16 * times, (8, 8, 8), fold=2 * times, told=3)
    large.load_state_dict(grown_discriminator(small.state_dict(), large))
    images, features = torch.randn(4, 3, 16 * times, 16 * times), torch.randn(4, 3)
    with torch.no_grad():
        torch.testing.assert_close(
            large(images, features), small(F.avg_pool2d(images, times), features), rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize("pixels", [64, 128, 256])
def test_training_can_go_on_from_the_checkpoint_of_every_size(pixels):
    folder = Path(__file__).parents[2] / "pretrained" / "clayfaces"
    checkpoint = read_checkpoint(folder / f"checkpoint{pixels}.safetensors")
    network = new_generator(CHANNELS[: pixels.bit_length() - 2])
    network.mapping_network = Mapping(mapping_config(checkpoint.mapping_width))
    network.load_state_dict(checkpoint.parts["g_ema"])
    assert network.info.img_resolution == pixels
