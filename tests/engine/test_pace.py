from __future__ import annotations

from latentstudio.engine.pace import Pace


def test_the_pace_is_known_from_the_second_step_on_and_nothing_is_left_at_the_end():
    pace = Pace()
    readings = [pace.update(step, 3) for step in (0, 1, 1, 2, 3)]
    assert readings[0].steps_per_s == 0
    assert readings[0].left_s is None
    assert all(reading.steps_per_s > 0 for reading in readings[1:])
    assert readings[-1].left_s == 0
