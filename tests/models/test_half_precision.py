"""The arithmetic of graphics cards' 16 bits, checked on the processor: no card is needed for it."""

from __future__ import annotations

import pytest
import torch

from benchmarks.networks import stylegan2_config
from latentstudio.models.architectures import stylegan2, stylegan2_layers
from latentstudio.models.architectures.stylegan2_layers import ModulatedConv
from latentstudio.models.generator import Inputs
from latentstudio.models.precision import candidate


def layer(up: int = 1, size: int = 8, gain: float = 1.0) -> ModulatedConv:
    torch.manual_seed(0)
    conv = ModulatedConv(64, 48, 16, up=up, resolution=(size * up, size * up)).requires_grad_(False)
    conv.weight.mul_(gain)
    return conv


@pytest.mark.parametrize("up", [1, 2])
@pytest.mark.parametrize(("batch", "size"), [(1, 8), (1, 32), (2, 8)])
def test_half_precision_gives_what_float32_gives(up, batch, size):
    conv = layer(up, size)
    torch.manual_seed(1)
    x, w = torch.randn(batch, 64, size, size), torch.randn(batch, 16)
    exact = conv(x, w, Inputs(w[:, None]), "a", 0)
    half = conv(x.half(), w, Inputs(w[:, None]), "a", 0)
    assert half.dtype == torch.float16
    assert (half - exact).abs().max() < 0.01 * exact.abs().max()


@pytest.mark.parametrize(("weight_gain", "style_gain"), [(1e4, 1.0), (1e-4, 1.0), (1.0, 1e4), (300.0, 300.0)])
def test_neither_large_weights_nor_large_styles_leave_the_range(weight_gain, style_gain):
    conv = layer(size=4, gain=weight_gain)
    conv.affine.weight.mul_(style_gain)
    conv.affine.bias.mul_(style_gain)
    torch.manual_seed(1)
    x, w = 20 * torch.randn(2, 64, 4, 4), torch.randn(2, 16)
    exact = conv(x, w, Inputs(w[:, None]), "a", 0).clamp(-256 * conv.gain, 256 * conv.gain)
    half = conv(x.half(), w, Inputs(w[:, None]), "a", 0)
    assert torch.isfinite(half).all()
    assert (half - exact).abs().max() < 0.01 * exact.abs().max()


def test_without_bringing_them_to_size_first_they_would(monkeypatch):
    conv = layer(size=4, gain=1e4)
    monkeypatch.setattr(ModulatedConv, "_unit", lambda self: torch.ones(len(self.weight)))
    torch.manual_seed(1)
    x, w = 20 * torch.randn(2, 64, 4, 4), torch.randn(2, 16)
    exact = conv(x, w, Inputs(w[:, None]), "a", 0)
    half = conv(x.half(), w, Inputs(w[:, None]), "a", 0)
    # Infinite sums end at the clamp.
    assert (half - exact).abs().max() > exact.abs().max()


def test_features_are_clamped_in_half_precision_as_published(monkeypatch):
    conv = layer(size=4)
    w = torch.randn(2, 16)
    assert conv.clamp is None
    monkeypatch.setattr(stylegan2_layers, "HALF_CLAMP", 0.25)
    assert conv(torch.randn(2, 64, 4, 4).half(), w, Inputs(w[:, None]), "a", 0).abs().max() <= 0.36


def test_only_the_last_four_resolutions_run_in_half_precision():
    torch.manual_seed(0)
    network = stylegan2.build(stylegan2_config(64, 256, 16)).requires_grad_(False).eval()
    seen = {}
    for name, module in network.named_modules():
        if isinstance(module, ModulatedConv):
            module.register_forward_pre_hook(lambda _, args, n=name: seen.update({n: args[0].dtype}))
    ws = network.mapping(torch.randn(1, 512))
    exact = network.synthesis(ws)
    network.compute_dtype = torch.float16
    half = network.synthesis(ws)
    assert {n.split(".")[1] for n, dtype in seen.items() if dtype == torch.float32} == {"b4"}
    assert {n.split(".")[1] for n, dtype in seen.items() if dtype == torch.float16} == {
        "b8",
        "b16",
        "b32",
        "b64",
    }
    assert half.dtype == torch.float32
    difference = (half - exact).square().mean() / exact.square().mean()
    assert 10 * torch.log10(difference) < -46  # as PSNR: the picture's range is several deviations wide


def test_the_processor_tries_bfloat16_whatever_a_card_would_take(tiny):
    assert tiny.half_dtype == torch.float16
    assert candidate(tiny) == torch.bfloat16
