from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

from latentstudio.engine import worker as worker_module
from latentstudio.engine.inverting import invert_job
from latentstudio.engine.requests import Job, JobCancelled, OpenRequest, Progress
from latentstudio.engine.worker import Worker
from latentstudio.inversion import projector
from latentstudio.inversion.options import ProjectionOptions
from latentstudio.inversion.target import Target
from latentstudio.settings import Settings


@pytest.fixture
def events():
    return []


@pytest.fixture
def worker(tiny_path, events):
    made = Worker(events.append, Settings(device="cpu"), lambda _: False)
    made.open(OpenRequest(tiny_path, 1))
    return made


def steps():
    yield Progress(1, 2)
    yield Progress(2, 2)


@pytest.mark.parametrize(("after_mib", "is_given_back"), [(1000, True), (130, False)])
def test_a_job_that_leaves_much_behind_gives_it_back(worker, monkeypatch, after_mib, is_given_back):
    held, given_back = [100], []
    monkeypatch.setattr(worker_module, "resident_mib", lambda: held[0])
    monkeypatch.setattr(worker_module, "free_memory", lambda: given_back.append(True))
    worker.start_job(1, Job("Large", lambda _: steps()))
    held[0] = after_mib
    assert worker.step_job(stop=False)
    assert given_back == []
    assert not worker.step_job(stop=True)
    assert bool(given_back) == is_given_back


def test_a_cancelled_inversion_leaves_no_tensor_behind(worker, events, monkeypatch):
    made = []

    class Watched(projector.Fit):
        def __init__(self, *given):
            super().__init__(*given)
            made.append(weakref.ref(self))

    monkeypatch.setattr(projector, "Fit", Watched)
    target = Target(np.zeros((16, 16, 3), np.uint8))
    options = ProjectionOptions(steps=50, distance="pixel", start="mean", preview_every=1)
    # No collector may be needed: on the engine's thread it would make the window wait.
    gc.disable()
    try:
        worker.start_job(1, invert_job([target], options))
        while not any(getattr(getattr(e, "progress", None), "done", 0) > 2 for e in events):
            assert worker.step_job(stop=False)
        assert made[0]() is not None
        assert not worker.step_job(stop=True)
        assert isinstance(events[-1], JobCancelled)
        # What was told of it may stay: plain arrays.
        assert made[0]() is None
    finally:
        gc.enable()
