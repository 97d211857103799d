from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from latentstudio.document.recipe import Recipe, Source
from latentstudio.engine.render import render
from latentstudio.errors import InputError
from latentstudio.inversion.options import ProjectionOptions
from latentstudio.inversion.projection import Control
from latentstudio.inversion.projector import project, projected
from latentstudio.inversion.target import Target

FEW = ProjectionOptions(steps=12, distance="pyramid", start_samples=8)


@pytest.fixture
def targets(tiny):
    return [Target(render(Recipe.from_seed(seed), tiny), name=f"seed {seed}") for seed in (1, 2)]


def run(steps):
    seen = []
    while True:
        try:
            seen.append(next(steps))
        except StopIteration as end:
            return seen, end.value


@pytest.mark.parametrize("space", ["w", "w+", "z"])
@pytest.mark.parametrize("method", ["fast", "published"])
def test_the_recipe_of_a_projection_renders_its_picture_bit_for_bit(tiny, targets, space, method):
    for result in projected(tiny, targets, FEW.changed(space=space, method=method)):
        assert np.array_equal(render(result.to_recipe(tiny.info), tiny), result.image)
        assert len(result.curve) == 12
        assert result.curve[-1] < result.curve[0]


def test_the_same_seed_gives_the_same_numbers_and_another_seed_others(tiny, targets):
    first, again, other = (
        projected(tiny, targets, FEW.changed(method="published", seed=seed)) for seed in (1, 1, 2)
    )
    for a, b, c in zip(first, again, other, strict=True):
        assert a.source == b.source
        assert all(np.array_equal(x, y) for x, y in zip(a.noise, b.noise, strict=True))
        assert a.source != c.source


def test_a_picture_of_the_generator_is_found_again(tiny, targets):
    options = ProjectionOptions(steps=300, distance="pixel", fit_noise=False)
    for target, result in zip(targets, projected(tiny, targets, options), strict=True):
        error = ((result.image.astype(float) - target.image) ** 2).mean()
        assert 10 * np.log10(255**2 / max(error, 1e-9)) > 45


def test_a_stopped_fit_goes_on_as_if_it_had_never_stopped(tiny, targets):
    options = FEW.changed(method="published")
    whole = projected(tiny, targets, options)
    control, steps = Control(), None
    steps = project(tiny, targets, options, control=control)
    while True:
        try:
            if next(steps).step == 5:
                control.stop()
        except StopIteration as end:
            stopped = end.value
            break
    assert [one.checkpoint.step for one in stopped] == [5, 5]
    assert np.array_equal(render(stopped[0].to_recipe(tiny.info), tiny), stopped[0].image)
    _, rest = run(project(tiny, targets, options, resume=[one.checkpoint for one in stopped]))
    for a, b in zip(whole, rest, strict=True):
        assert np.array_equal(a.ws, b.ws)
        assert np.array_equal(a.image, b.image)
        assert np.array_equal(a.curve, b.curve)


def test_progress_tells_every_term_and_shows_pictures(tiny, targets):
    seen, _ = run(project(tiny, targets, FEW.changed(preview_every=4, space="w+")))
    shown = [one for one in seen if one.images is not None]
    assert [one.step for one in shown] == [1, 4, 8, 12]
    assert shown[-1].images.shape == (2, 16, 16, 3)
    assert set(shown[-1].terms) == {"pyramid", "ms-ssim", "noise", "pull"}
    assert all(values.shape == (2,) for values in shown[-1].terms.values())
    kept = shown[1].snapshots[0].to_recipe(tiny.info)
    assert render(kept, tiny).shape == (16, 16, 3)


def test_what_the_mask_leaves_out_does_not_count(tiny, targets):
    mask = np.ones((16, 16), np.float32)
    mask[:, 8:] = 0
    spoilt = targets[0].image.copy()
    spoilt[:, 8:] = 255
    options = FEW.changed(distance="pixel", start="mean")
    clean, masked, whole = (
        projected(tiny, [Target(image, part)], options)[0]
        for image, part in ((targets[0].image, mask), (spoilt, mask), (spoilt, None))
    )
    assert np.array_equal(clean.ws, masked.ws)
    assert not np.array_equal(clean.ws, whole.ws)


def test_a_chosen_picture_is_where_it_starts(tiny, targets):
    still = FEW.changed(steps=1, learning_rate=1e-9, noise_factor=0.0, fit_noise=False)
    at_target, elsewhere = (
        projected(tiny, targets[:1], still.changed(start=Source(seed=seed)))[0] for seed in (1, 9)
    )
    assert at_target.curve[0] < 0.05 * elsewhere.curve[0]


def test_a_projection_leaves_the_generator_as_it_was(tiny, targets):
    before = {name: value.clone() for name, value in tiny.state_dict().items()}
    reference = render(Recipe.from_seed(5), tiny)
    for _ in project(tiny, targets, FEW):
        assert np.array_equal(render(Recipe.from_seed(5), tiny), reference)
    assert all(np.array_equal(before[name], value) for name, value in tiny.state_dict().items())
    assert not any(parameter.requires_grad for parameter in tiny.parameters())


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"image": np.zeros((8, 8, 3), np.uint8)}, "16 x 16"),
        ({"mask": np.full((16, 16), 1e-6, np.float32)}, "leaves nothing"),
        ({"mask": np.full((16, 16), np.nan, np.float32)}, "mask"),
    ],
)
def test_what_does_not_fit_is_said_in_a_sentence(tiny, targets, change, told):
    with pytest.raises(InputError, match=told):
        projected(tiny, [replace(targets[0], **change)], FEW)


def test_no_photograph_and_a_missing_space_are_refused(tiny):
    with pytest.raises(InputError, match="no photograph"):
        projected(tiny, [], FEW)
