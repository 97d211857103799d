from __future__ import annotations

import dataclasses
from itertools import pairwise

import pytest

from latentstudio.inversion.options import ProjectionOptions
from latentstudio.inversion.schedule import (
    ADAM,
    QUASI_NEWTON,
    WHITENED,
    added_noise,
    cooled,
    phases,
    published_rate,
)
from latentstudio.inversion.synthesis import Rung

PUBLISHED = ProjectionOptions(method="published")
SMALL = [Rung(1, (16, 16)), Rung(3, (64, 64))]
LARGE = [
    Rung(1, (64, 64)),
    Rung(2, (128, 128)),
    Rung(3, (256, 256)),
    Rung(4, (512, 512)),
    Rung(5, (1024, 1024)),
]


def test_the_published_ramps_are_those_of_the_paper():
    assert published_rate(0, PUBLISHED) == 0
    assert published_rate(25, PUBLISHED) == pytest.approx(0.05)
    assert published_rate(50, PUBLISHED) == pytest.approx(0.1)
    assert published_rate(750, PUBLISHED) == pytest.approx(0.1)
    assert published_rate(875, PUBLISHED) == pytest.approx(0.05)
    assert added_noise(0, PUBLISHED) == pytest.approx(0.05)
    assert added_noise(375, PUBLISHED) == pytest.approx(0.0125)
    assert added_noise(750, PUBLISHED) == 0


@pytest.mark.parametrize("ladder", [SMALL, LARGE])
@pytest.mark.parametrize("has_noise", [True, False])
def test_the_published_method_looks_at_the_whole_picture_from_beginning_to_end(ladder, has_noise):
    (phase,) = phases(ladder, PUBLISHED, has_noise, 256)
    assert (phase.rung, phase.start, phase.stop) == (ladder[-1], 0, 1000)


@pytest.mark.parametrize("ladder", [SMALL, LARGE])
@pytest.mark.parametrize("has_noise", [True, False])
@pytest.mark.parametrize("steps", [1, 20, 21, 150, 999])
@pytest.mark.parametrize("space", ["w", "w+"])
def test_the_fast_plan_covers_every_step_once_and_ends_on_the_whole_picture(ladder, has_noise, steps, space):
    plan = phases(ladder, ProjectionOptions(steps=steps, space=space), has_noise, 256)
    assert plan[0].start == 0
    assert plan[-1].stop == steps
    assert plan[-1].rung == ladder[-1]
    assert all(a.stop == b.start for a, b in pairwise(plan))
    assert all(phase.stop > phase.start for phase in plan)


def test_a_small_model_is_looked_at_whole_and_a_large_one_small_first():
    options = ProjectionOptions(steps=150)
    assert {phase.rung for phase in phases(SMALL, options, False, 256)} == {SMALL[-1]}
    plan = phases(LARGE, options, True, 256)
    assert [max(phase.rung.size) for phase in plan] == [128, 256, 1024]
    assert [phase.way for phase in plan] == [ADAM, QUASI_NEWTON, ADAM]
    assert [phase.fits_noise for phase in plan] == [False, False, True]


@pytest.mark.parametrize(
    ("space", "numbers", "way"),
    [("w", 256, WHITENED), ("w", 4096, ADAM), ("w+", 2560, ADAM), ("z", 256, ADAM)],
)
def test_only_a_short_w_of_a_small_model_is_looked_for_along_axes_of_its_own(space, numbers, way):
    options = ProjectionOptions(space=space)
    assert phases(SMALL, options, True, numbers)[0].way == way
    assert phases(LARGE, options, True, numbers)[0].way == ADAM


def test_the_rate_along_axes_of_its_own_rises_at_once_and_falls_to_nothing():
    (phase, *_) = phases(SMALL, ProjectionOptions(steps=280), False, 256)
    rates = [cooled(step, phase) for step in range(phase.start, phase.stop)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) > 0.97
    assert rates.index(max(rates)) < 15
    assert all(a >= b for a, b in pairwise(rates[15:]))
    assert rates[-1] < 0.001


def test_more_steps_only_where_they_are_cheap_and_of_use(tiny):
    info = tiny.info
    large = dataclasses.replace(info, img_resolution=1024, img_size=(1024, 1024))
    assert ProjectionOptions().for_model(info).steps > ProjectionOptions().for_model(large).steps
    assert ProjectionOptions(space="w+").for_model(info).steps == ProjectionOptions().for_model(large).steps
    assert ProjectionOptions(method="published").for_model(large).steps == 1000
    assert ProjectionOptions(steps=7).for_model(large).steps == 7
