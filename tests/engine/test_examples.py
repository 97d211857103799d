from __future__ import annotations

import numpy as np
import pytest
import torch
from long_work import ended

from latentstudio import render
from latentstudio.document.recipe import Recipe
from latentstudio.engine.examples import SCORES, fit_job, latents_job, score_job, seeds_as_recipes
from latentstudio.engine.latents import resolve_ws
from latentstudio.engine.render import Renderer
from latentstudio.errors import InputError
from latentstudio.models.discriminators import load_discriminator
from latentstudio.models.registry import load_generator


def run(job, generator):
    return ended(job.start(generator))[1]


def test_latents_are_those_before_truncation(tiny):
    recipes = seeds_as_recipes(Recipe(), [1, 2, 3])
    found = run(latents_job([r.changed(truncation_psi=0.5) for r in recipes], "x"), tiny)
    for recipe, ws in zip(recipes, found, strict=True):
        assert np.array_equal(ws, resolve_ws(recipe, tiny))


@pytest.mark.parametrize("name", SCORES)
def test_every_score_tells_extremes_apart(tiny, name):
    scored = run(score_job(Recipe(), name, "x", samples=40, share=0.1), tiny)
    assert len(scored.top) == len(scored.bottom) == 4
    assert set(scored.top) | set(scored.bottom) <= set(range(40))
    pictures = np.stack([render(Recipe.from_seed(s), tiny) for s in (scored.top[0], scored.bottom[0])])
    high, low = SCORES[name](pictures.astype(np.float32) / 255)
    assert high > low


def test_a_fitted_score_moves_it(tiny):
    scored = run(score_job(Recipe(), "brightness", "x", samples=80, share=0.1, space="z"), tiny)
    assert scored.fit.normal.shape == (tiny.info.z_dim,)
    assert scored.fit.sigma > 0


def test_symmetry_is_highest_where_the_mirror_image_is_the_same():
    even = np.zeros((1, 4, 4, 3), np.float32)
    odd = even.copy()
    odd[:, :, 0] = 1
    assert SCORES["symmetry"](even)[0] == 0 > SCORES["symmetry"](odd)[0]


def test_unknown_scores_and_missing_models_are_named(tiny):
    with pytest.raises(InputError, match="no score"):
        run(score_job(Recipe(), "beauty", "x"), tiny)
    with pytest.raises(InputError, match="No model"):
        latents_job([Recipe()], "x").start(None)


def test_a_fit_runs_without_a_generator():
    random = np.random.default_rng(0)
    has, has_not = (random.normal(mean, 1, (30, 4)).astype(np.float32) for mean in (1, -1))
    fit = run(
        fit_job(
            has.astype(np.float32), has_not.astype(np.float32), has.astype(np.float32) * 3, "linear SVM", "x"
        ),
        None,
    )
    assert fit.accuracy > 0.8
    assert fit.normal @ np.ones(4) > 1
    assert np.isclose(fit.sigma, (3 * has @ fit.normal).std(), rtol=1e-3)


def test_samples_are_ranked_by_the_models_own_discriminator_where_its_file_holds_one(shared, tiny):
    path = shared / "zoo" / "sg2ada_cond3" / "checkpoint_nosrc.pkl"
    generator = load_generator(path, device="cpu")
    recipe = Recipe(classes=((1, 1.0),), truncation_psi=0.8)
    scored = run(score_job(recipe, "realism", "", 24, 0.25), generator)
    judge, renderer = load_discriminator(path), Renderer(generator, 0)
    c = torch.tensor([[0.0, 1.0, 0.0]])

    def score(seed: int) -> float:
        picture = renderer.frame(recipe.changed(sources=(recipe.seeded(seed),))).image
        return float(judge(torch.from_numpy(picture.transpose(2, 0, 1)[None] / 127.5 - 1).float(), c))

    assert min(map(score, scored.top)) > max(map(score, scored.bottom))
    with pytest.raises(InputError, match="no discriminator"):
        next(score_job(Recipe(), "realism", "", 24, 0.25).start(tiny))


def test_what_an_estimator_reads_off_the_pictures_is_a_score_too(tiny, monkeypatch):
    def estimate(pictures):
        return {"Yaw": pictures[:, :, :8].mean((1, 2, 3)) - pictures[:, :, 8:].mean((1, 2, 3))}

    monkeypatch.setattr("latentstudio.engine.examples.factor_estimator", lambda generator: estimate)
    scored = run(score_job(Recipe(), "Yaw", "x", 60, 0.1), tiny)
    renderer = Renderer(tiny, 0)

    def yaw(seed: int) -> float:
        picture = renderer.frame(Recipe.from_seed(seed)).image / 255
        return float(picture[:, :8].mean() - picture[:, 8:].mean())

    assert min(map(yaw, scored.top)) > max(map(yaw, scored.bottom))
    with pytest.raises(InputError, match="no score"):
        run(score_job(Recipe(), "Pitch", "x", 60, 0.1), tiny)
