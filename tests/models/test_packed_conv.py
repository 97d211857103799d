from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from latentstudio.models import packed_conv

pytestmark = pytest.mark.skipif(
    not packed_conv.is_available(), reason="this build of torch does not pack weights"
)


@pytest.mark.parametrize("size", [(4, 4), (5, 7), (1, 1)])
def test_a_packed_weight_gives_the_plain_convolution(size):
    torch.manual_seed(0)
    x = torch.randn(1, 24, *size).contiguous(memory_format=torch.channels_last)
    for kernel in (1, 3):
        weight = torch.randn(40, 24, kernel, kernel)
        found = packed_conv.convolve(x, packed_conv.pack(weight, x), kernel)
        assert torch.allclose(found, F.conv2d(x, weight, padding=kernel // 2), atol=1e-4)


@pytest.mark.parametrize("size", [(4, 4), (5, 3), (1, 2)])
def test_four_phases_are_the_transposed_convolution_with_zeros_at_the_end(size):
    torch.manual_seed(1)
    x, weight = torch.randn(1, 16, *size), torch.randn(12, 16, 3, 3)
    found = packed_conv.convolve_phases(x, packed_conv.pack_phases(weight, x))
    expected = F.conv_transpose2d(x, weight.transpose(0, 1), stride=2)
    assert found.shape[2:] == (2 * size[0] + 2, 2 * size[1] + 2)
    assert torch.allclose(found[:, :, :-1, :-1], expected, atol=1e-4)
    assert not found[:, :, -1].any()
    assert not found[:, :, :, -1].any()


@pytest.mark.parametrize("size", [(4, 4), (5, 3), (1, 2)])
def test_four_taps_in_phases_are_the_transposed_convolution(size):
    torch.manual_seed(2)
    x, weight = torch.randn(1, 16, *size), torch.randn(16, 12, 4, 4)
    found = packed_conv.convolve_four_taps(x, packed_conv.pack_four_taps(weight, x))
    assert torch.allclose(found, F.conv_transpose2d(x, weight, stride=2, padding=1), atol=1e-4)


def test_gradients_batches_and_trained_weights_go_the_other_way():
    x, weight = torch.randn(1, 8, 4, 4), torch.randn(8, 8, 3, 3)
    assert packed_conv.fits(x, weight)
    assert not packed_conv.fits(x.repeat(2, 1, 1, 1), weight)
    assert not packed_conv.fits(x.clone().requires_grad_(True), weight)
    assert not packed_conv.fits(x, weight.clone().requires_grad_(True))


def test_a_changed_weight_is_packed_anew(tiny):
    z = torch.randn(1, 8, generator=torch.Generator().manual_seed(0))
    before = tiny(z)
    tiny.blocks["b4"].conv1.weight.mul_(1.5).add_(0.3)
    after = tiny(z)
    # The same weights in a batch, which is never packed.
    assert torch.allclose(after, tiny(z.repeat(2, 1))[:1], atol=1e-5)
    assert not torch.allclose(after, before, atol=1e-3)
