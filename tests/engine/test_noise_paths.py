from __future__ import annotations

import numpy as np
import pytest
import torch

from latentstudio.document.recipe import Noise, NoiseLayer, Recipe, Source
from latentstudio.engine.latents import noise_tokens, resolve_inputs, resolve_ws
from latentstudio.engine.noise_paths import turned
from latentstudio.engine.render import Renderer, render
from latentstudio.errors import InputError
from latentstudio.latent.spaces import Latent


def picture(noise: Noise, generator: object) -> np.ndarray:
    return render(Recipe.from_seed(1, noise=noise), generator)


def test_a_map_on_the_way_is_as_strong_as_its_ends():
    a, b = torch.randn(1, 1, 64, 64), 2 * torch.randn(1, 1, 64, 64)
    assert float(turned(a, b, 0.5).std()) == pytest.approx(1.5, rel=0.05)
    assert turned(a, b, 0) is a
    assert turned(a, b, 1) is b
    torch.testing.assert_close(turned(None, b, 0.25), 0.25 * b)
    torch.testing.assert_close(turned(a, None, 0.25), 0.75 * a)
    assert turned(None, None, 0.5) is None
    assert turned(torch.ones(4, 4), torch.ones(1, 1, 4, 4), 0.5).shape == (1, 1, 4, 4)


@pytest.mark.parametrize("left", [Noise("random", 3), Noise("const"), Noise("none")])
@pytest.mark.parametrize(
    "right", [Noise("random", 4), Noise("const"), Noise("random", 4, (NoiseLayer(1, 2.0),))]
)
def test_both_ends_of_the_way_are_the_noises_themselves(tiny, left: Noise, right: Noise):
    start = Noise(left.mode, left.seed, left.layers, right, 0.0)
    end = Noise(left.mode, left.seed, left.layers, right, 1.0)
    np.testing.assert_array_equal(picture(start, tiny), picture(left, tiny))
    np.testing.assert_array_equal(picture(end, tiny), picture(right, tiny))


def test_on_the_way_the_picture_is_neither_and_the_cache_knows(tiny):
    left, right = Noise("random", 3), Noise("const")
    renderer = Renderer(tiny)
    frames = []
    for share in (0.0, 0.3, 0.6, 1.0):
        recipe = Recipe.from_seed(1, noise=Noise("random", 3, (), right, share))
        frames.append(renderer.frame(recipe).image)
        np.testing.assert_array_equal(frames[-1], render(recipe, tiny))
    assert len({frame.tobytes() for frame in frames}) == 4
    assert len(set(noise_tokens(Noise("random", 3, (), right, 0.3), 2))) == 1
    assert noise_tokens(left, 2) != noise_tokens(Noise("random", 3, (), right, 0.3), 2)


def test_strengths_go_straight_and_ways_may_be_nested(tiny):
    inner = Noise("random", 3, (NoiseLayer(0, 3.0),), Noise("const"), 0.5)
    noise = Noise("none", 0, (), inner, 0.5)
    scale = resolve_inputs(Recipe(noise=noise), tiny).noise_scale
    assert scale == {0: 1.5}
    assert picture(noise, tiny).shape == (16, 16, 3)


def test_a_layer_that_the_model_lacks_is_told(tiny):
    with pytest.raises(InputError):
        picture(Noise("const", 0, (), Noise("const", 0, (NoiseLayer(99),)), 0.5), tiny)
    wrong = NoiseLayer(0, values=Latent([[1.0]]))
    with pytest.raises(InputError, match="shape"):
        picture(Noise("const", 0, (), Noise("const", 0, (wrong,)), 0.5), tiny)


def test_many_small_weights_meet_the_latent_to_the_last_bit(tiny):
    w = resolve_ws(Recipe.from_seed(2), tiny)
    shares = [0.1] * 10
    summed = Recipe(sources=tuple(Source(seed=2, weight=share) for share in shares))
    np.testing.assert_array_equal(resolve_ws(summed, tiny), w)


def test_a_centre_of_half_the_weight_stands_half_way(tiny):
    center = Source("w", None, Latent(np.full(8, 2.0)))
    mean = tiny.mean_latent.numpy()
    recipe = Recipe(truncation_psi=0.0, truncation_center=Source(center.space, None, center.values, 0.5))
    np.testing.assert_allclose(resolve_ws(recipe, tiny)[0], (mean + 2.0) / 2, rtol=1e-5, atol=1e-6)
