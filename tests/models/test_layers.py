from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from latentstudio.models.layers import FullyConnected, upfirdn2d, upsample2d


def plain_upfirdn(x, kernel, up, down, padding, gain):
    """The definition, sample by sample: zeros between, padding, true convolution, every n-th."""
    left, right, top, bottom = padding
    height, width = x.shape
    big = np.zeros((height * up, width * up))
    big[::up, ::up] = x
    big = np.pad(big, ((max(top, 0), max(bottom, 0)), (max(left, 0), max(right, 0))))
    big = big[max(-top, 0) : big.shape[0] - max(-bottom, 0), max(-left, 0) : big.shape[1] - max(-right, 0)]
    kh, kw = kernel.shape
    out = np.zeros((big.shape[0] - kh + 1, big.shape[1] - kw + 1))
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = (big[i : i + kh, j : j + kw] * kernel[::-1, ::-1]).sum() * gain
    return out[::down, ::down]


@settings(max_examples=40, deadline=None)
@given(
    up=st.integers(1, 3),
    down=st.integers(1, 2),
    padding=st.tuples(*[st.integers(-1, 4)] * 4),
    taps=st.integers(1, 5),
    separable=st.booleans(),
)
def test_resampling_is_its_definition(up, down, padding, taps, separable):
    random = np.random.default_rng(0)
    x, row = random.standard_normal((7, 6)), random.standard_normal(taps)
    kernel = np.outer(row, row) if separable else random.standard_normal((taps, taps + 1))
    given_kernel = torch.tensor(row if separable else kernel, dtype=torch.float32)
    expected = plain_upfirdn(x, kernel, up, down, padding, 4.0)
    if min(expected.shape, default=0) == 0:
        return
    found = upfirdn2d(
        torch.tensor(x, dtype=torch.float32)[None, None],
        given_kernel,
        up=up,
        down=down,
        padding=padding,
        gain=4.0,
    )
    assert np.allclose(found[0, 0].numpy(), expected, atol=1e-4)


@pytest.mark.parametrize("shape", [(4, 4), (2, 2), (3, 3), (1, 1), (5, 5), (6, 6), (4,), (3,)])
@pytest.mark.parametrize("channels", [3, 8])
def test_upsampling_doubles_with_the_papers_padding(shape, channels):
    random = np.random.default_rng(1)
    taps = random.standard_normal(shape[-1]).astype(np.float32)
    kernel = taps if len(shape) == 1 else random.standard_normal(shape).astype(np.float32)
    x = random.standard_normal((1, channels, 5, 6)).astype(np.float32)
    found = upsample2d(torch.tensor(x), torch.tensor(kernel))
    assert found.shape == (1, channels, 10, 12)
    k = shape[-1]
    padding = ((k + 1) // 2, (k - 2) // 2) * 2
    full = np.outer(kernel, kernel) if len(shape) == 1 else kernel
    for channel in range(channels):
        expected = plain_upfirdn(x[0, channel], full, 2, 1, padding, 4.0)
        assert np.allclose(found[0, channel].numpy(), expected, atol=1e-4)


def test_the_linear_layer_scales_its_weights_and_notices_when_they_change():
    layer = FullyConnected(3, 2, lr_multiplier=0.5, activation="lrelu", bias_init=1.0).requires_grad_(False)
    x = torch.tensor([[1.0, -2.0, 3.0]])

    def expected():
        y = x @ (layer.weight * 0.5 / 3**0.5).t() + layer.bias * 0.5
        return torch.where(y < 0, 0.2 * y, y) * 2**0.5

    assert torch.allclose(layer(x), expected(), atol=1e-6)
    layer.weight.mul_(-3)
    assert torch.allclose(layer(x), expected(), atol=1e-6)
