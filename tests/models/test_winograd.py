from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from latentstudio.models import winograd


@pytest.mark.parametrize("size", [(2, 2), (16, 16), (6, 20)])
@pytest.mark.parametrize("batch", [1, 3])
def test_the_tiles_give_the_plain_convolution(size, batch):
    torch.manual_seed(0)
    x = torch.randn(batch, 20, *size).contiguous(memory_format=torch.channels_last)
    weight = torch.randn(12, 20, 3, 3)
    found = winograd.convolve(x, winograd.transform(weight))
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert torch.allclose(found, F.conv2d(x, weight, padding=1), atol=1e-4)


def test_in_float32_it_is_as_close_to_the_exact_sum_as_the_plain_convolution():
    torch.manual_seed(1)
    x, weight = torch.randn(1, 256, 16, 16), torch.randn(256, 256, 3, 3)
    exact = F.conv2d(x.double(), weight.double(), padding=1)
    ours = (winograd.convolve(x, winograd.transform(weight)) - exact).abs().max()
    plain = (F.conv2d(x, weight, padding=1) - exact).abs().max()
    assert ours < 2 * plain


def test_large_pictures_are_taken_in_parts(monkeypatch):
    torch.manual_seed(2)
    x, weight = torch.randn(1, 8, 16, 16), torch.randn(8, 8, 3, 3)
    whole = winograd.convolve(x, winograd.transform(weight))
    monkeypatch.setattr(winograd, "MAX_TILES", 24)  # three rows of tiles at a time, and two at the end
    assert torch.allclose(winograd.convolve(x, winograd.transform(weight)), whole, atol=1e-5)


def test_few_channels_odd_sides_other_kernels_and_gradients_go_the_other_way():
    x, weight = torch.empty(1, 256, 16, 16), torch.empty(256, 256, 3, 3)
    assert winograd.fits(x, weight)
    assert not winograd.fits(x[:, :, :15], weight)
    assert not winograd.fits(x[:, :, :8, :8], weight)
    assert not winograd.fits(x[:, :64], weight[:, :64])
    assert not winograd.fits(x, weight[:, :, :1, :1])
    assert not winograd.fits(x, weight.clone().requires_grad_(True))
    assert not winograd.fits(x.clone().requires_grad_(True), weight)


def test_a_layer_gives_with_it_what_it_gives_without(tiny, monkeypatch):
    ws = tiny.mapping(torch.randn(1, 8, generator=torch.Generator().manual_seed(0)))
    plain = tiny.synthesis(ws)
    calls = []
    convolve = winograd.convolve
    monkeypatch.setattr(winograd, "MIN_CHANNELS", 4)
    monkeypatch.setattr(winograd, "MIN_PIXELS", 64)
    monkeypatch.setattr(winograd, "convolve", lambda x, tiles: calls.append(1) or convolve(x, tiles))
    assert torch.allclose(tiny.synthesis(ws), plain, atol=1e-5)
    assert calls
