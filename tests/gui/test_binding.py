"""The order of pictures, with an engine that answers when the test says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from latentstudio.document.document import Document
from latentstudio.document.recipe import Recipe
from latentstudio.engine.requests import Event, Failure, Job, RenderRequest, RenderResult
from latentstudio.gui.binding import PictureBinding
from latentstudio.gui.engine_bridge import EngineBridge, as_image, enlarged
from latentstudio.gui.thumbnails import Thumbnails


class SlowEngine:
    """Writes down what it is asked for."""

    def __init__(self, on_event: Callable[[Event], None]) -> None:
        self.emit = on_event
        self.asked: list[RenderRequest] = []
        self.closed = False

    def open_model(self, path: str | Path, device: str = "") -> int:
        return 1

    def request(self, request: RenderRequest) -> None:
        self.asked.append(request)

    def submit(self, job: Job) -> int:
        return 7

    def cancel(self, number: int) -> None: ...

    def close(self, timeout_s: float = 10.0) -> None:
        self.closed = True

    def answer(self, request: RenderRequest, *, is_exact: bool = True) -> None:
        level = (request.generation * 10) % 256
        self.emit(RenderResult(request, np.full((4, 4, 3), level, np.uint8), 5.0, is_exact, 1))


class Bench:
    """A document, a binding and the slow engine."""

    def __init__(self, qtbot: QtBot) -> None:
        self.engines: list[SlowEngine] = []

        def make(on_event: Callable[[Event], None]) -> SlowEngine:
            self.engines.append(SlowEngine(on_event))
            return self.engines[0]

        self.bridge = EngineBridge(make)
        self.document = Document(Recipe.from_seed(0))
        self.binding = PictureBinding(self.document, self.bridge)
        with qtbot.waitSignal(self.bridge.ready):
            self.bridge.start()
        self.engine = self.engines[0]
        self.binding.set_open(True)

    def drag(self, psi: float) -> RenderRequest:
        self.document.edit("psi", self.document.recipe.changed(truncation_psi=psi), merge="psi")
        return self.engine.asked[-1]


@pytest.fixture
def bench(qtbot: QtBot) -> Iterator[Bench]:
    made = Bench(qtbot)
    yield made
    made.bridge.close()
    assert made.engine.closed


def test_while_the_hand_moves_pictures_are_previews(bench: Bench) -> None:
    assert bench.drag(0.5).live
    bench.document.release()
    assert not bench.engine.asked[-1].live
    assert bench.engine.asked[-1].recipe.truncation_psi == 0.5


def test_a_preview_is_shown_even_when_a_newer_recipe_waits(qtbot: QtBot, bench: Bench) -> None:
    first = bench.drag(0.5)
    bench.drag(0.6)
    with qtbot.waitSignal(bench.binding.picture_changed):
        bench.engine.answer(first, is_exact=False)


def test_an_older_picture_never_replaces_a_newer_one(qtbot: QtBot, bench: Bench) -> None:
    first, second = bench.drag(0.5), bench.drag(0.6)
    with qtbot.waitSignal(bench.binding.picture_changed):
        bench.engine.answer(second)
    with qtbot.assertNotEmitted(bench.binding.picture_changed, wait=50):
        bench.engine.answer(first)
    assert bench.binding.is_current


def test_when_the_hand_rests_the_exact_picture_is_asked_for(qtbot: QtBot, bench: Bench) -> None:
    bench.engine.answer(bench.drag(0.5), is_exact=False)
    qtbot.waitUntil(lambda: not bench.engine.asked[-1].live)
    with qtbot.waitSignal(bench.binding.picture_changed):
        bench.engine.answer(bench.engine.asked[-1])
    assert bench.binding.is_current
    asked = len(bench.engine.asked)
    bench.document.release()
    assert len(bench.engine.asked) == asked


def test_a_failure_of_an_old_recipe_is_not_worth_a_word(qtbot: QtBot, bench: Bench) -> None:
    first, second = bench.drag(0.5), bench.drag(0.6)
    with qtbot.waitSignal(bench.binding.picture_changed):
        bench.engine.answer(second)
    with qtbot.assertNotEmitted(bench.binding.failed, wait=50):
        bench.engine.emit(Failure("render", "no", request=first))
    with qtbot.waitSignal(bench.binding.failed):
        bench.engine.emit(Failure("render", "no", request=second))


def test_a_broken_engine_is_told(qtbot: QtBot) -> None:
    def make(on_event: Callable[[Event], None]) -> SlowEngine:
        raise RuntimeError("no library")

    bridge = EngineBridge(make)
    with qtbot.waitSignal(bridge.failed) as heard:
        bridge.start()
    assert "no library" in heard.args[0].message
    bridge.close()


def test_a_newer_wish_of_a_channel_replaces_the_older(qtbot: QtBot, bench: Bench) -> None:
    thumbnails = Thumbnails(bench.bridge)
    recipe = Recipe.from_seed(1)
    assert thumbnails.ask(recipe, "strip 0") is None
    assert thumbnails.ask(recipe, "strip 0") is None
    assert len(bench.engine.asked) == 1
    with qtbot.waitSignal(thumbnails.arrived) as heard:
        bench.engine.answer(bench.engine.asked[0])
    assert heard.args == [recipe.digest]
    assert thumbnails.ask(recipe) is not None


def test_pixels_survive_the_way_into_an_image() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    image = as_image(pixels)
    seen = [[image.pixelColor(x, y).getRgb()[:3] for x in range(7)] for y in range(5)]
    assert np.array_equal(np.array(seen, np.uint8), pixels)
    assert enlarged(pixels, image).width() == 7 * (320 // 7)
