from __future__ import annotations

import numpy as np
import pytest
import torch

from latentstudio.document.recipe import DirectionEdit, FeatureEdit, Noise, Recipe
from latentstudio.engine.frame_graph import FrameGraph, graph_for
from latentstudio.engine.render import Renderer
from latentstudio.latent.directions import Direction
from latentstudio.latent.spaces import Latent


class Tape:
    """Records like a card: what was drawn once is drawn again from the same places in memory."""

    def __init__(self) -> None:
        self.recorded = self.played = 0

    def __call__(self, draw):
        self.recorded += 1

        def play():
            self.played += 1
            return draw()

        return play


@pytest.fixture
def tape(tiny):
    return Tape()


@pytest.fixture
def renderer(tiny, tape):
    renderer = Renderer(tiny)
    renderer._graph = FrameGraph(tiny, tape)
    return renderer


def live(renderer, recipe):
    return renderer.frame(recipe, precision="fast", budget_ms=1000)


def test_moving_pictures_come_from_one_recording_and_are_those_of_the_stages(renderer, tape):
    slider = Direction("w", "w", Latent(np.linspace(-1, 1, 8)))
    recipes = [Recipe.from_seed(1, directions=(DirectionEdit(slider, x),)) for x in (0.0, 1.0, 2.0)]
    frames = [live(renderer, recipe) for recipe in recipes]
    assert (tape.recorded, tape.played) == (1, 3)
    for frame, recipe in zip(frames, recipes, strict=True):
        assert not frame.is_exact
        assert np.array_equal(frame.image, renderer.frame(recipe).image)
        assert frame.ws is not None


def test_the_picture_at_rest_never_comes_from_a_recording(renderer, tape):
    assert renderer.frame(Recipe.from_seed(1)).is_exact
    assert tape.recorded == 0


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(noise=Noise("random", 1)),
        Recipe(noise=Noise("none")),
        Recipe(features=(FeatureEdit("b4.conv1", 0, 0.5),)),
    ],
)
def test_anything_but_latents_takes_the_usual_way(renderer, tape, recipe):
    expected = renderer.frame(recipe).image
    assert np.array_equal(live(renderer, recipe).image, expected)
    assert tape.recorded == 0


def test_each_precision_has_a_recording_of_its_own(renderer, tape, tiny):
    live(renderer, Recipe.from_seed(1))
    tiny.fast_dtype = torch.bfloat16
    try:
        assert live(renderer, Recipe.from_seed(1)).precision == "bfloat16"
    finally:
        tiny.fast_dtype = torch.float32
    assert tape.recorded == 2


def test_what_can_not_be_recorded_is_drawn_the_usual_way(tiny):
    tries = []

    def refuse(draw):
        tries.append(1)
        raise RuntimeError("operation not permitted when stream is capturing")

    renderer = Renderer(tiny)
    renderer._graph = FrameGraph(tiny, refuse)
    expected = renderer.frame(Recipe.from_seed(2)).image
    assert np.array_equal(live(renderer, Recipe.from_seed(2)).image, expected)
    live(renderer, Recipe.from_seed(3))
    assert len(tries) == 1


def test_a_processor_records_nothing(tiny):
    assert graph_for(tiny) is None
