"""A film through the renderer: keyframes exactly, and the frames of the published tool."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.interpolate import interp1d

from latentstudio.document.film import CURVE, HOLD, LINEAR, SPHERICAL, Film, Keyframe
from latentstudio.document.recipe import (
    ChannelEdit,
    DirectionEdit,
    FeatureEdit,
    Noise,
    NoiseLayer,
    Recipe,
    Source,
    StyleMix,
)
from latentstudio.document.walks import seed_walk
from latentstudio.engine.latents import resolve_ws
from latentstudio.engine.render import Renderer, render
from latentstudio.latent.directions import Direction
from latentstudio.latent.spaces import Latent

SMILE = Direction("Smile", "w", Latent(np.linspace(-1, 1, 8)), 1.5)
TURN = Direction("Turn", "z", Latent(np.eye(8)[0]), 1.0)
RICH = (
    Recipe.from_seed(1, directions=(DirectionEdit(TURN, 1.5), DirectionEdit(SMILE, -1, 0, 2))),
    Recipe(
        sources=(Source(seed=2, weight=0.5), Source(seed=3, weight=0.7)),
        mixing=(StyleMix(Source(seed=9), (1.0, 0.5)),),
        truncation_psi=0.6,
        truncation_cutoff=2,
        noise=Noise("random", 5, (NoiseLayer(1, 0.5),)),
    ),
    Recipe(
        sources=(Source(seed=4, weight=0.5), Source(seed=5, weight=0.5)),
        combine="z normalized",
        truncation_center=Source("w", None, Latent(np.ones(8))),
        truncation_psi=0.8,
        channels=(ChannelEdit("b8.conv1", 2, 1.0, 0.5),),
        features=(FeatureEdit("b8.conv1", 3, 0.0),),
    ),
    Recipe(sources=(Source("w+", None, Latent(np.ones((6, 8)))),)),
)


@pytest.mark.parametrize("path", [CURVE, LINEAR, SPHERICAL, HOLD])
def test_at_a_keyframe_the_film_shows_the_keyframes_own_picture(tiny, path: str):
    keyframes = tuple(Keyframe(4 * i, recipe, path) for i, recipe in enumerate(RICH))
    film = Film(keyframes, 16, closed=True, z_dim=8)
    renderer = Renderer(tiny)
    frames = [renderer.frame(recipe).image for recipe in film.recipes()]
    for i, recipe in enumerate(RICH):
        np.testing.assert_array_equal(frames[4 * i], render(recipe, tiny))
    assert len({frame.tobytes() for frame in frames}) == (16 if path != HOLD else 4)


@pytest.mark.parametrize("path", [CURVE, LINEAR, SPHERICAL])
def test_close_to_a_keyframe_the_latent_is_close_to_its_own(tiny, path: str):
    keyframes = tuple(Keyframe(4 * i, recipe, path) for i, recipe in enumerate(RICH))
    film = Film(keyframes, 16, closed=True, z_dim=8)
    for i, recipe in enumerate(RICH):
        own = resolve_ws(recipe, tiny)
        for frame in (4 * i + 1e-5, (4 * i - 1e-5) % 16):
            np.testing.assert_allclose(resolve_ws(film.recipe_at(frame), tiny), own, atol=2e-3)


def published_ws(generator, seeds: list[int], psi: float, w_frames: int) -> np.ndarray:
    """The latents of the published tool's loop, by its own steps."""
    zs = np.stack([np.random.RandomState(seed).randn(generator.info.z_dim) for seed in seeds])
    ws = torch.cat([generator.mapping(z[None].astype(np.float32), truncation_psi=psi) for z in zs])
    count = len(seeds)
    places = np.arange(-count * 2, count * 3)
    curve = interp1d(places, np.tile(ws.numpy(), [5, 1, 1]), kind="cubic", axis=0)
    return np.stack([curve(i / w_frames) for i in range(count * w_frames)]).astype(np.float32)


@pytest.mark.parametrize("seeds", [[0, 1, 2], [7], [5, 6], list(range(20))])
def test_a_walk_has_the_latents_of_the_published_loop_to_the_last_bits(tiny, seeds: list[int]):
    film = seed_walk(Recipe(), seeds, 5, z_dim=8)
    mine = np.stack([resolve_ws(recipe, tiny) for recipe in film.recipes()])
    theirs = published_ws(tiny, seeds, 1.0, 5)
    np.testing.assert_allclose(mine, theirs, rtol=0, atol=2e-7 * np.abs(theirs).max())
    assert (mine == theirs).mean() > 0.99


def test_a_truncated_walk_shows_the_published_frames(tiny):
    film = seed_walk(Recipe(truncation_psi=0.7), [0, 1, 2], 4, z_dim=8)
    theirs = published_ws(tiny, [0, 1, 2], 0.7, 4)
    for recipe, ws in zip(film.recipes(), theirs, strict=True):
        picture = tiny.to_uint8(tiny.synthesis(ws[None]))[0].permute(1, 2, 0).numpy()
        difference = np.abs(render(recipe, tiny).astype(int) - picture)
        assert difference.max() <= 1
        assert (difference > 0).mean() < 0.01
