"""What the window remembers of an inversion, and of the photos it came from."""

from __future__ import annotations

import numpy as np
import pytest

from latentstudio.document.recipe import Recipe, Source
from latentstudio.gui.photo import run as run_module
from latentstudio.gui.photo.curves import powers
from latentstudio.gui.photo.memory import MOST, Remembered, recall, remember
from latentstudio.gui.photo.run import Run
from latentstudio.inversion.options import ProjectionOptions
from latentstudio.inversion.projection import ProjectionProgress, Snapshot
from latentstudio.inversion.target import Alignment, Target, box_quad
from latentstudio.latent.spaces import Latent, W


def _source(value: float) -> Source:
    return Source(W, None, Latent(np.full(8, value, np.float32)))


def _progress(step: int, *, picture: bool = True) -> ProjectionProgress:
    terms = {name: np.array([value], np.float32) for name, value in (("pixel", 2.0), ("pull", 5.0))}
    images = np.full((1, 16, 16, 3), step % 256, np.uint8) if picture else None
    snapshots = (Snapshot(_source(step), (), (), step),) if picture else ()
    return ProjectionProgress(step, 500, terms, images, "Fitting", (0, 1), snapshots)


def _run() -> Run:
    return Run(Target(np.zeros((16, 16, 3), np.uint8)), ProjectionOptions())


def test_curves_have_one_point_a_step_and_the_distance_leaves_penalties_out() -> None:
    run = _run()
    for step in (0, 1, 1, 2):
        run.take(_progress(step, picture=False))
    assert run.terms["pixel"] == ([1, 2], [2.0, 2.0])
    assert run.distance == 2.0
    assert run.words().startswith("Step 2 of 500")


def test_pictures_are_thinned_but_the_first_and_the_last_stay() -> None:
    run = _run()
    for step in range(1, 400):
        run.take(_progress(step))
    assert len(run.moments) <= run_module.MOST_MOMENTS
    assert run.moments[0].step == 1
    assert run.moments[-1].step == 399
    nearest = run.nearest(200)
    assert nearest is not None
    assert abs(nearest.step - 200) <= 16


def test_pictures_never_hold_more_memory_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_module, "MOMENTS_BYTES", 10 * 16 * 16 * 3)
    run = _run()
    for step in range(1, 100):
        run.take(_progress(step))
    assert len(run.moments) <= 10


@pytest.mark.parametrize(("low", "high"), [(-1.2, -0.9), (-3, 1), (-6, 5), (0.1, 1.5)])
def test_an_axis_has_some_numbers_and_never_too_many(low: float, high: float) -> None:
    found = powers(low, high)
    assert 2 <= len(found) <= 12
    for power, words in found:
        assert low <= power <= high
        assert np.isclose(float(words), 10**power)


def test_a_photo_is_found_by_what_a_picture_starts_from(tmp_path) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(b"x")
    alignment = Alignment(box_quad(1.25, 2, 30, 40), (100, 120))
    recipe = Recipe(sources=(_source(0.5),))
    assert recall(recipe) is None
    remember(recipe, Remembered(path, alignment))
    found = recall(recipe.changed(truncation_psi=0.5))
    assert found is not None
    assert found.path == path
    assert np.array_equal(found.alignment.quad, alignment.quad)
    assert recall(Recipe(sources=(_source(0.25),))) is None
    for i in range(MOST):
        remember(Recipe(sources=(_source(1.0 + i),)), Remembered(path, alignment))
    assert recall(recipe) is None
    assert recall(Recipe(sources=(_source(1.0),))) is not None
    path.unlink()
    assert recall(Recipe(sources=(_source(1.0),))) is None


def test_a_damaged_memory_is_no_memory(home) -> None:
    recipe = Recipe(sources=(_source(0.5),))
    (home / "data").mkdir(parents=True, exist_ok=True)
    for content in ("{", "[]", "{}", '{"a": 3}'):
        (home / "data" / "photos.json").write_text(content)
        assert recall(recipe) is None
