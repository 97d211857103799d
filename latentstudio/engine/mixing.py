"""A whole picture as a source for style mixing.

Owns the way from a recipe to the latent that, mixed into another recipe, shows the same styles. Runs on
the engine's thread.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from latentstudio.document.recipe import Recipe, Source
from latentstudio.engine.latents import resolve_ws
from latentstudio.engine.requests import Job, JobSteps, Progress
from latentstudio.errors import InputError
from latentstudio.latent.spaces import W_PLUS, Latent, Z
from latentstudio.models.generator import Generator

# Where truncation leaves less than this of a row, dividing by it would only magnify rounding.
LEAST_SHARE = 0.05


def mix_source(recipe: Recipe, base: Recipe, generator: Generator) -> Source:
    """The source that shows `recipe`'s styles when it is mixed into `base`.

    A picture of one seed, with nothing done to it, stays that seed. Any other becomes rows of w+, chosen
    so that `base`'s own truncation and sliders, which act after mixing, lead to what `recipe` shows.

    Raises:
        InputError: a latent does not fit the generator.
    """
    if _is_plain(recipe) and recipe.classes == base.classes:
        return replace(recipe.sources[0], weight=1.0)
    wanted = resolve_ws(recipe, generator)
    # What happens to a row after mixing is affine, number by number: two points give it.
    in_w = tuple(edit for edit in base.directions if edit.direction.space != Z)
    after = base.changed(mixing=(), directions=in_w)
    zeros, ones = (
        resolve_ws(
            after.changed(sources=(Source(W_PLUS, None, Latent(np.full(wanted.shape, x, np.float32))),)),
            generator,
        )
        for x in (0, 1)
    )
    share = ones - zeros
    in_z = tuple(edit for edit in recipe.directions if edit.direction.space == Z)
    untouched = recipe.changed(
        directions=in_z,
        truncation_psi=1.0,
        truncation_cutoff=None,
        truncation_curve=(),
        truncation_center=None,
    )
    fallback = resolve_ws(untouched, generator)
    is_lost = np.abs(share) < LEAST_SHARE
    rows = np.where(is_lost, fallback, (wanted - zeros) / np.where(is_lost, 1, share))
    return Source(W_PLUS, None, Latent(rows))


def mix_source_job(recipe: Recipe, base: Recipe) -> Job:
    """`mix_source` as a job."""

    def start(generator: Generator | None) -> JobSteps:
        if generator is None:
            raise InputError("This needs an open model.", "Open a model first.")
        yield Progress(0, 1, "Reading the picture")
        return mix_source(recipe, base, generator)

    return Job("Reading a source", start, tag="mix source")


def _is_plain(recipe: Recipe) -> bool:
    is_at_rest = not any(edit.amount for edit in recipe.directions)
    has_mixing = any(amount for mix in recipe.mixing for amount in mix.amounts)
    return len(recipe.sources) == 1 and recipe.sources[0].weight == 1 and is_at_rest and not has_mixing
