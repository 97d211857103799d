from __future__ import annotations

import numpy as np
import pytest
from long_work import ended

from latentstudio.document.recipe import DirectionEdit, Recipe, Source
from latentstudio.engine.latents import resolve_ws
from latentstudio.engine.render import Renderer
from latentstudio.engine.starts import mean_latent_job
from latentstudio.errors import InputError
from latentstudio.latent.directions import Direction
from latentstudio.latent.spaces import Latent


def run(job, generator):
    return ended(job.start(generator))[1]


def test_the_mean_of_a_selection_is_the_mean_of_what_each_shows(tiny):
    recipes = [Recipe.from_seed(seed, truncation_psi=0.6) for seed in range(20)]
    found = run(mean_latent_job(recipes, "centre"), tiny)
    mean = np.mean([resolve_ws(recipe, tiny).astype(np.float64) for recipe in recipes], 0)
    assert np.allclose(found.array, mean, atol=1e-6)
    with pytest.raises(InputError):
        run(mean_latent_job([], "centre"), tiny)


def test_a_seed_drawn_otherwise_is_the_picture_of_that_z(tiny):
    renderer = Renderer(tiny, 1 << 20)
    for draw in ("resampled", "truncnorm"):
        source = Source(seed=3, draw=draw, limit=0.5)
        given = Source(seed=None, values=Latent(source.z(8)))
        drawn = renderer.frame(Recipe(sources=(source,))).image
        assert np.array_equal(drawn, renderer.frame(Recipe(sources=(given,))).image)
        assert not np.array_equal(drawn, renderer.frame(Recipe(sources=(Source(seed=3),))).image)


def test_the_mask_of_a_direction_in_z_holds_back_the_other_rows(tiny):
    values = np.zeros(8, np.float32)
    values[0] = 1
    masked = Direction("Turn", "z", Latent(values), rows=(1,))
    rest, moved = (
        resolve_ws(Recipe(directions=(DirectionEdit(masked, amount),)), tiny) for amount in (0.0, 2.0)
    )
    changed = (rest != moved).any(1)
    assert changed.tolist() == [row == 1 for row in range(len(changed))]
