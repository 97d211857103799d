from __future__ import annotations

import numpy as np

from latentstudio.engine.inversion_history import MAX_MOMENTS, History, Pace
from latentstudio.inversion.projection import ProjectionProgress


def test_the_pace_is_known_from_the_second_step_on_and_nothing_is_left_at_the_end():
    pace = Pace()
    readings = [pace.update(step, 3) for step in (0, 1, 1, 2, 3)]
    assert readings[0].steps_per_s == 0
    assert readings[0].left_s is None
    assert all(reading.steps_per_s > 0 for reading in readings[1:])
    assert readings[-1].left_s == 0


def test_the_history_keeps_every_term_and_a_bounded_number_of_pictures():
    history = History()
    picture = np.zeros((1, 4, 4, 3), np.uint8)
    for step in range(1, 301):
        terms = {"pixel": np.full(1, step, np.float32)}
        if step > 100:
            terms["late"] = np.ones(1, np.float32)
        history.add(ProjectionProgress(step, 300, terms, picture))
        history.add(ProjectionProgress(step, 300, terms))
    assert history.steps == list(range(1, 301))
    assert [len(values) for values in history.terms.values()] == [300, 300]
    assert len(history.moments) <= MAX_MOMENTS
    assert history.moments[0].step == 1
    assert history.moments[-1].step == 300
