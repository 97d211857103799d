from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from long_work import ended
from networks import with_classes

from latentstudio.document.recipe import Recipe, Source
from latentstudio.engine.render import render
from latentstudio.errors import InputError
from latentstudio.inversion import projector
from latentstudio.inversion.options import ProjectionOptions
from latentstudio.inversion.projection import Control
from latentstudio.inversion.projector import project, projected
from latentstudio.inversion.target import Target
from latentstudio.models.registry import load_generator

FEW = ProjectionOptions(steps=12, distance="pyramid", start_samples=8)


@pytest.fixture
def targets(tiny):
    return [Target(render(Recipe.from_seed(seed), tiny), name=f"seed {seed}") for seed in (1, 2)]


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


@pytest.mark.parametrize(
    ("method", "steps", "at"),
    [("published", 12, 5), ("fast", 30, 5), ("fast", 30, 10), ("fast", 30, 15), ("fast", 30, 25)],
)
def test_a_stopped_fit_goes_on_as_if_it_had_never_stopped(tiny, targets, method, steps, at):
    options = FEW.changed(method=method, steps=steps)
    whole = projected(tiny, targets, options)
    control = Control()
    going = project(tiny, targets, options, control=control)
    while True:
        try:
            if next(going).step == at:
                control.stop()
        except StopIteration as end:
            stopped = end.value
            break
    assert [one.checkpoint.step for one in stopped] == [at, at]
    assert np.array_equal(render(stopped[0].to_recipe(tiny.info), tiny), stopped[0].image)
    _, rest = ended(project(tiny, targets, options, resume=[one.checkpoint for one in stopped]))
    for a, b in zip(whole, rest, strict=True):
        assert np.array_equal(a.ws, b.ws)
        assert np.array_equal(a.image, b.image)
        assert np.array_equal(a.curve, b.curve)


def test_a_batch_after_another_tells_its_own_steps_and_does_not_begin_after_a_stop(
    tiny, targets, monkeypatch
):
    monkeypatch.setattr(projector, "MAX_BATCH", 1)
    control = Control()
    options = FEW.changed(steps=3)
    seen, _ = ended(project(tiny, targets, options))
    told = [(p.photos, p.own_step, p.step) for p in seen if p.text == "Fitting" and p.own_step]
    assert list(dict.fromkeys(told)) == [
        *(((0, 1), step, step) for step in (1, 2, 3)),
        *(((1, 2), step, 3 + step) for step in (1, 2, 3)),
    ]
    assert {(p.own_steps, p.steps) for p in seen} == {(3, 6)}
    going = project(tiny, targets, options.changed(tune_steps=1), control=control)
    while next(going).step < 2:
        pass
    control.stop()
    _, stopped = ended(going)
    assert [one.name for one in stopped] == ["seed 1"]


def test_progress_tells_every_term_and_shows_pictures(tiny, targets):
    seen, _ = ended(project(tiny, targets, FEW.changed(preview_every=4, space="w+")))
    shown = [one for one in seen if one.images is not None]
    assert [one.step for one in shown] == [1, 4, 8, 12]
    assert shown[-1].images.shape == (2, 16, 16, 3)
    assert set(shown[-1].terms) == {"pyramid", "ms-ssim", "noise", "pull"}
    assert shown[-1].distance == pytest.approx(
        shown[-1].terms["pyramid"] + shown[-1].terms["ms-ssim"], rel=1e-6
    )
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


@pytest.fixture
def conditional():
    return with_classes()


def picture_of(generator, seed, index):
    recipe = Recipe.from_seed(seed, classes=((index, 1.0),))
    return Target(render(recipe, generator))


@pytest.mark.parametrize("space", ["z", "w"])
def test_a_given_class_is_used_and_kept(conditional, space):
    options = FEW.changed(space=space, classes=((1, 1.0),))
    result = projected(conditional, [picture_of(conditional, 1, 1)], options)[0]
    assert result.classes == ((1, 1.0),)
    assert np.array_equal(render(result.to_recipe(conditional.info), conditional), result.image)


def test_a_conditional_model_wants_a_class_or_the_leave_to_find_one(conditional):
    with pytest.raises(InputError, match="classes"):
        projected(conditional, [picture_of(conditional, 1, 1)], FEW)


@pytest.mark.parametrize(("mode", "method"), [("fitted", "fast"), ("fitted", "published"), ("soft", "fast")])
def test_a_class_is_fitted_in_z_and_the_recipe_carries_it(conditional, mode, method):
    options = FEW.changed(space="z", class_mode=mode, method=method, steps=40, start_samples=60)
    targets = [picture_of(conditional, seed, seed) for seed in (0, 2)]
    results = projected(conditional, targets, options)
    for result in results:
        weights = [weight for _, weight in result.classes]
        assert sum(weights) == pytest.approx(1, abs=1e-5)
        assert (len(weights) == 1) == (mode == "fitted")
        assert np.array_equal(render(result.to_recipe(conditional.info), conditional), result.image)


@pytest.mark.parametrize("space", ["z", "w", "w+"])
@pytest.mark.parametrize("start", ["mean", "samples", Source(seed=2)], ids=["mean", "samples", "picture"])
@pytest.mark.parametrize("mode", ["fitted", "soft"])
def test_a_class_that_nobody_named_is_found_from_every_start(conditional, space, start, mode):
    options = FEW.changed(space=space, class_mode=mode, start=start, steps=4, start_samples=6)
    target = picture_of(conditional, 2, 2)
    result = projected(conditional, [target], options)[0]
    assert sum(weight for _, weight in result.classes) == pytest.approx(1, abs=1e-5)
    assert np.array_equal(render(result.to_recipe(conditional.info), conditional), result.image)
    if isinstance(start, Source):
        # Its seed in its class is the very picture.
        assert max(result.classes, key=lambda pair: pair[1])[0] == 2


@pytest.mark.parametrize("name", ["sg2ada_cond3", "cganpd_mimicry_32"])
def test_a_class_is_found_in_models_of_others(shared, name):
    path = next(p for p in sorted((shared / "zoo" / name).iterdir()) if p.suffix in (".pkl", ".pth"))
    generator = load_generator(path, "cpu")
    space = "w" if "w" in generator.info.spaces else "z"
    options = FEW.changed(space=space, class_mode="fitted", start=Source(seed=5), steps=2, fit_noise=False)
    result = projected(generator, [picture_of(generator, 5, 1)], options)[0]
    assert result.classes == ((1, 1.0),)


def test_latent_maps_of_an_autoencoder_start_from_its_encoder(shared):
    generator = load_generator(shared / "weights" / "taef2", "cpu")
    height, width = generator.info.img_size
    y, x = np.mgrid[0:height, 0:width]
    photo = np.stack([x * 255 // width, y * 255 // height, 255 - x * 255 // width], -1).astype(np.uint8)
    options = ProjectionOptions(space="z", steps=3, distance="pixel", method="published", learning_rate=0.01)
    result = projected(generator, [Target(photo)], options)[0]
    assert result.curve[-1] < 0.05
    assert np.array_equal(render(result.to_recipe(generator.info), generator), result.image)
