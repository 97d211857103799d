from __future__ import annotations

import queue
import threading

import numpy as np
import pytest

from latentstudio import render
from latentstudio.document.recipe import FeatureEdit, Recipe
from latentstudio.engine.engine import Engine, InlineEngine
from latentstudio.engine.requests import (
    Failure,
    Job,
    JobCancelled,
    JobFinished,
    JobProgress,
    ModelOpened,
    Progress,
    RenderRequest,
    RenderResult,
)
from latentstudio.errors import InputError

WAIT_S = 20


class Listener:
    """Collects events and waits for the one a test is about."""

    def __init__(self) -> None:
        self.events: queue.Queue = queue.Queue()
        self.seen: list = []

    def __call__(self, event) -> None:
        self.events.put(event)

    def until(self, kind, test=lambda event: True):
        while True:
            event = self.events.get(timeout=WAIT_S)
            self.seen.append(event)
            if isinstance(event, kind) and test(event):
                return event


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def engine(listener, tiny_path):
    engine = Engine(listener)
    engine.open_model(tiny_path)
    listener.until(ModelOpened)
    yield engine
    engine.close()
    assert not [t for t in threading.enumerate() if t.name == "latentstudio-engine" and t is engine._thread]


def held(started: threading.Event, go: threading.Event) -> Job:
    """A job that holds the engine until the test lets it go."""

    def steps(_):
        started.set()
        assert go.wait(WAIT_S)
        yield Progress(1, 1)

    return Job("hold", steps)


def test_a_request_comes_back_with_the_pixels_of_render(engine, listener, tiny):
    recipe = Recipe.from_seed(3)
    engine.request(RenderRequest(recipe, 7))
    result = listener.until(RenderResult)
    assert result.request.generation == 7
    assert result.is_exact
    assert np.array_equal(result.image, render(recipe, tiny))


def test_while_the_engine_is_busy_only_the_newest_request_of_a_channel_survives(engine, listener):
    started, go = threading.Event(), threading.Event()
    engine.submit(held(started, go))
    assert started.wait(WAIT_S)
    for generation in range(50):
        engine.request(RenderRequest(Recipe.from_seed(generation), generation))
    engine.request(RenderRequest(Recipe.from_seed(1), 1, "thumbnail"))
    go.set()
    listener.until(RenderResult, lambda e: e.request.channel == "thumbnail")
    results = [e for e in listener.seen if isinstance(e, RenderResult)]
    assert [(e.request.channel, e.request.generation) for e in results] == [("canvas", 49), ("thumbnail", 1)]


def test_a_waiting_picture_goes_before_the_next_step_of_a_job(engine, listener):
    started, go = threading.Event(), threading.Event()

    def steps(_):
        started.set()
        assert go.wait(WAIT_S)
        yield Progress(1, 3)
        yield Progress(2, 3)
        return "done"

    engine.submit(Job("long", steps))
    assert started.wait(WAIT_S)
    engine.request(RenderRequest(Recipe.from_seed(1), 1))
    go.set()
    assert listener.until(JobFinished).value == "done"
    kinds = [type(e) for e in listener.seen]
    assert kinds.index(RenderResult) < [i for i, k in enumerate(kinds) if k is JobProgress][1]


def test_cancelling_closes_the_job_and_its_cleanup_runs(engine, listener):
    cleaned = threading.Event()

    def steps(_):
        try:
            for i in range(10**9):
                yield Progress(i, 0)
        finally:
            cleaned.set()

    number = engine.submit(Job("endless", steps))
    listener.until(JobProgress)
    engine.cancel(number)
    assert listener.until(JobCancelled).job == number
    assert cleaned.wait(WAIT_S)


def test_a_background_job_leaves_the_engine_free_and_can_be_cancelled(engine, listener):
    go = threading.Event()

    def steps(generator):
        assert generator is None
        yield Progress(0, 2, "started")
        assert go.wait(WAIT_S)
        yield Progress(1, 2)

    number = engine.submit(Job("download", steps, on_engine=False))
    listener.until(JobProgress)
    engine.request(RenderRequest(Recipe.from_seed(1)))
    listener.until(RenderResult)
    engine.cancel(number)
    go.set()
    assert listener.until(JobCancelled).job == number


def test_failures_are_values_and_the_engine_goes_on(engine, listener, tmp_path):
    def broken(_):
        yield Progress(0, 1)
        raise ZeroDivisionError("oops")

    def refused(_):
        raise InputError("No such thing.", "Try another.")
        yield

    (tmp_path / "bad.pkl").write_bytes(b"not a model")
    engine.submit(Job("broken", broken))
    failure = listener.until(Failure)
    assert failure.about == "broken"
    assert "ZeroDivisionError" in failure.details
    engine.submit(Job("refused", refused))
    failure = listener.until(Failure)
    assert (failure.message, failure.hint, failure.details) == ("No such thing.", "Try another.", "")
    ticket = engine.open_model(tmp_path / "bad.pkl")
    assert listener.until(Failure).ticket == ticket
    engine.request(RenderRequest(Recipe(truncation_psi=1e38)))
    engine.request(RenderRequest(Recipe.from_seed(1), 5))
    listener.until(RenderResult, lambda e: e.request.generation == 5)


def test_opening_another_model_cancels_the_jobs_of_the_old_one(engine, listener, tiny_path):
    def steps(_):
        while True:
            yield Progress(0, 0)

    engine.submit(Job("old", steps))
    engine.submit(Job("older", steps))
    listener.until(JobProgress)
    engine.open_model(tiny_path)
    listener.until(ModelOpened)
    cancelled = {e.title for e in listener.seen if isinstance(e, JobCancelled)}
    assert cancelled == {"old", "older"}


def test_without_a_model_a_request_is_answered_with_a_sentence():
    listener = Listener()
    engine = Engine(listener)
    engine.request(RenderRequest(Recipe()))
    assert "No model" in listener.until(Failure).message
    engine.close()


def test_closing_in_the_middle_of_work_ends_the_thread(listener, tiny_path):
    engine = Engine(listener)
    engine.open_model(tiny_path)

    def steps(_):
        while True:
            yield Progress(0, 0)

    engine.submit(Job("endless", steps))
    listener.until(JobProgress)
    engine.close()
    assert not engine._thread.is_alive()


def test_the_inline_engine_gives_the_same_events_before_it_returns(tiny_path, tiny):
    events: list = []
    engine = InlineEngine(events.append)
    engine.open_model(tiny_path)
    engine.request(RenderRequest(Recipe.from_seed(3), 1))
    engine.submit(Job("job", lambda g: iter([Progress(1, 1)])))
    assert [type(e) for e in events] == [ModelOpened, RenderResult, JobProgress, JobFinished]
    assert np.array_equal(events[1].image, render(Recipe.from_seed(3), tiny))
    engine.close()


def test_rough_pictures_that_wait_are_drawn_together_and_each_comes_back(engine, listener, tiny, monkeypatch):
    sizes, run = [], tiny.__class__.run_stage

    def counted(self, index, state, inputs):
        if index == 0:
            sizes.append(len(inputs.ws))
        return run(self, index, state, inputs)

    monkeypatch.setattr(tiny.__class__, "run_stage", counted)
    started, go = threading.Event(), threading.Event()
    engine.submit(held(started, go))
    assert started.wait(WAIT_S)
    for seed in range(5):
        engine.request(
            RenderRequest(Recipe.from_seed(seed), seed, f"thumbnail:{seed}", max_side=8, rough=True)
        )
    go.set()
    results = {}
    while len(results) < 5:
        result = listener.until(RenderResult)
        results[result.request.generation] = result.image
    assert sizes == [1, 4]
    exact = render(Recipe.from_seed(4), tiny).reshape(8, 2, 8, 2, 3).mean((1, 3))
    assert np.abs(results[4] - exact).max() <= 2


def test_a_rough_picture_that_fails_does_not_take_the_others_with_it(engine, listener):
    wrong = Recipe(features=(FeatureEdit("nowhere", 0, 1.0),))
    started, go = threading.Event(), threading.Event()
    engine.submit(held(started, go))
    assert started.wait(WAIT_S)
    for name, recipe in (("a", wrong), ("b", Recipe.from_seed(1)), ("c", Recipe.from_seed(2))):
        engine.request(RenderRequest(recipe, 0, f"thumbnail:{name}", rough=True))
    go.set()
    channels = set()
    while len(channels) < 3:
        event = listener.until((RenderResult, Failure))
        channels.add((type(event), event.request.channel))
    assert channels == {
        (Failure, "thumbnail:a"),
        (RenderResult, "thumbnail:b"),
        (RenderResult, "thumbnail:c"),
    }
