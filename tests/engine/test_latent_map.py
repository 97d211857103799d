from __future__ import annotations

import numpy as np
import pytest
from long_work import ended

from latentstudio.document.map_moves import before_truncation, gone_by, sample_recipe
from latentstudio.document.recipe import Recipe
from latentstudio.engine.discovery import pca_job
from latentstudio.engine.examples import brightness
from latentstudio.engine.latent_map import embedding_job, map_factors_job, map_latents_job
from latentstudio.engine.render import Renderer
from latentstudio.errors import InputError
from latentstudio.latent.map_layout import Plane, enclosed
from latentstudio.models.registry import load_generator


def run(job, generator):
    seen, value = ended(job.start(generator))
    return value, seen


def test_a_picture_stands_where_its_sample_lies_and_goes_where_it_is_sent(tiny):
    first, second = run(pca_job(4000, 4), tiny)[0][:2]
    base = Recipe(truncation_psi=0.7, truncation_cutoff=3)
    latents, _ = run(map_latents_job(base, 300, "w", ""), tiny)
    plane = Plane.of(first, second, latents.center)
    points = plane.places(latents.latents)
    renderer = Renderer(tiny, 0)

    def place(recipe):
        ws = renderer.frame(recipe).ws
        return plane.places(before_truncation(ws, recipe, latents.mean)[None])[0]

    for seed in (0, 4, 299):
        assert np.allclose(place(sample_recipe(base, seed)), points[seed], atol=1e-4)
    gone = gone_by(sample_recipe(base, 4), (first, second), (1.2, -0.7), tiny.info.num_ws)
    assert np.allclose(place(gone), points[4] + [1.2, -0.7], atol=1e-3)


def test_latents_are_in_z_where_asked_and_the_number_of_samples_has_bounds(tiny):
    latents, seen = run(map_latents_job(Recipe(), 300, "z", ""), tiny)
    assert np.array_equal(latents.latents[9], Recipe.from_seed(9).sources[0].z(8))
    assert [p.done for p in seen] == [0, 256]
    for wrong in ((1, "w"), (10**6, "w"), (100, "s")):
        with pytest.raises(InputError):
            map_latents_job(Recipe(), *wrong, "")


def test_what_is_alike_lies_together_and_each_round_can_be_seen():
    random = np.random.default_rng(0)
    clusters = np.repeat(np.eye(3, 12) * 20, 30, 0) + random.standard_normal((90, 12))
    points, seen = run(embedding_job(clusters.astype(np.float32), ""), None)
    assert points.shape == (90, 2)
    assert sum(p.payload is not None for p in seen) == 3
    middles = points.reshape(3, 30, 2).mean(1)
    spread = np.linalg.norm(points.reshape(3, 30, 2) - middles[:, None], axis=2).mean()
    gaps = [np.linalg.norm(middles[i] - middles[j]) for i, j in ((0, 1), (1, 2), (0, 2))]
    assert min(gaps) > 3 * spread
    with pytest.raises(InputError):
        run(embedding_job(np.zeros((4, 3), np.float32), ""), None)
    assert len(enclosed(points.astype(float), np.array([[-9, -9], [9, -9], [9, 9], [-9, 9]], float))) == 90


def test_factors_are_those_of_the_pictures_the_map_shows(tiny):
    base = Recipe(truncation_psi=0.8)
    factors, _ = run(map_factors_job(base, 12, 0, ""), tiny)
    renderer = Renderer(tiny, 0)
    drawn = np.stack([renderer.frame(sample_recipe(base, i)).image for i in range(12)]) / 255
    assert np.allclose(factors["brightness"], brightness(drawn.astype(np.float32)), atol=3e-3)
    assert set(factors) >= {"brightness", "contrast", "symmetry"}


@pytest.mark.parametrize(
    ("folder", "file"),
    [
        ("dcgan_examples_64", "netG_epoch_24.pth"),
        ("biggan_hf_tiny", "pytorch_model.bin"),
        ("sg3t_small", "checkpoint_nosrc.pkl"),
        ("sg2ada_cond3", "checkpoint_nosrc.pkl"),
    ],
)
def test_every_kind_of_model_has_a_map_on_which_one_can_walk(shared, folder: str, file: str):
    generator = load_generator(shared / "zoo" / folder / file, device="cpu")
    first, second = run(pca_job(2000, 4), generator)[0][:2]
    base = Recipe(classes=((1, 1.0),) if generator.info.c_dim else ())
    latents, _ = run(map_latents_job(base, 60, first.space, ""), generator)
    plane = Plane.of(first, second, latents.center)
    points = plane.places(latents.latents)
    renderer, truncates = Renderer(generator, 0), not generator.info.truncates_in_synthesis

    def place(recipe):
        ws = renderer.frame(recipe).ws
        return plane.places(before_truncation(ws, recipe, latents.mean, truncates=truncates)[None])[0]

    sample = sample_recipe(base, 7, latents.classes)
    assert np.allclose(place(sample), points[7], atol=1e-3)
    gone = gone_by(sample, (first, second), (0.5, -0.25), generator.info.num_ws)
    assert np.allclose(place(gone), points[7] + [0.5, -0.25], atol=2e-3)
