from __future__ import annotations

import numpy as np

from latentstudio.engine.inverting import encoder_job, invert_job
from latentstudio.engine.jobs import JobRunner
from latentstudio.engine.render import Renderer
from latentstudio.engine.requests import Failure, JobFinished, JobProgress
from latentstudio.inversion.encoder import encoder_for
from latentstudio.inversion.encoder_training import TrainingOptions
from latentstudio.inversion.options import ProjectionOptions
from latentstudio.inversion.projection import Control
from latentstudio.inversion.target import Target, crop_to_model


def _run(tiny, job):
    events = []
    runner = JobRunner(1, job, events.append)
    runner.start(tiny)
    return runner, events


def _photo(side: int = 40) -> np.ndarray:
    y, x = np.mgrid[0:side, 0:side] * 255 // side
    return np.stack([x, y, 255 - x], -1).astype(np.uint8)


def test_the_job_tells_how_it_goes_and_its_recipe_draws_what_it_found(tiny):
    target = crop_to_model(_photo(), tiny.info, name="ramp")
    options = ProjectionOptions(steps=4, distance="pixel", start="mean", preview_every=2)
    runner, events = _run(tiny, invert_job([target], options))
    while runner.step(False):
        pass
    progress = [e.progress for e in events if isinstance(e, JobProgress)]
    assert progress[0].total == 4
    assert {p.done for p in progress} >= {1, 2, 3, 4}
    assert any(p.payload.images is not None for p in progress)
    (finished,) = [e for e in events if isinstance(e, JobFinished)]
    assert finished.title == "Inverting ramp"
    (projection,) = finished.value
    assert np.array_equal(
        Renderer(tiny, 1 << 20).frame(projection.to_recipe(tiny.info)).image, projection.image
    )


def test_it_stops_and_keeps_and_goes_on_as_if_it_had_not(tiny):
    target = crop_to_model(_photo(), tiny.info)
    options = ProjectionOptions(steps=6, distance="pixel", start="mean")
    control = Control()
    runner, events = _run(tiny, invert_job([target], options, control))
    while runner.step(False):
        if isinstance(events[-1], JobProgress) and events[-1].progress.done == 3:
            control.stop()
    half = events[-1].value[0]
    assert len(half.curve) == 3
    runner, events = _run(tiny, invert_job([target], options, resume=[half.checkpoint]))
    while runner.step(False):
        pass
    runner, whole = _run(tiny, invert_job([target], options))
    while runner.step(False):
        pass
    assert np.array_equal(events[-1].value[0].ws, whole[-1].value[0].ws)


def test_a_target_of_another_size_is_told(tiny):
    runner, events = _run(
        tiny, invert_job([Target(np.zeros((8, 8, 3), np.uint8))], ProjectionOptions(steps=2))
    )
    while runner.step(False):
        pass
    assert isinstance(events[-1], Failure)
    assert not events[-1].details


def test_a_training_is_a_job_whose_encoder_is_found_afterwards(tiny):
    runner, events = _run(tiny, encoder_job(TrainingOptions(steps=4, batch=8)))
    while runner.step(False):
        pass
    assert [e.progress.done for e in events if isinstance(e, JobProgress)] == [1, 2, 3, 4]
    assert events[-1].value.is_file()
    assert encoder_for(tiny) is not None
