"""Films that need no hand: walks through seeds, grids of them, a picture swept along its sliders.

Owns the order of seeds and the spacing of keyframes. NumPy only, any thread.

Source: the published gen_video.py of StyleGAN3 for the order of seeds in a grid and the closed loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from latentstudio.document.edits import Source
from latentstudio.document.film import CURVE, Film, Keyframe
from latentstudio.document.recipe import Recipe
from latentstudio.errors import InputError
from latentstudio.latent.sampling import MAX_SEED, check_seed

PUBLISHED_FRAMES = 120
PUBLISHED_RATE = 60.0
MAX_CELLS = 400


def seed_walk(
    base: Recipe,
    seeds: Sequence[int],
    frames: int = PUBLISHED_FRAMES,
    *,
    path: str = CURVE,
    easing: str = "linear",
    closed: bool = True,
    frame_rate: float = PUBLISHED_RATE,
    z_dim: int = 0,
) -> Film:
    """A walk from seed to seed.

    Args:
        base: everything but the start.
        seeds: one for each keyframe.
        frames: from one keyframe to the next.
        path: see `Keyframe`.
        easing: see `Keyframe`.
        closed: whether the last seed leads back to the first.
        frame_rate: frames per second.
        z_dim: length of the model's z.

    Raises:
        InputError: there are no seeds, or less than a frame between two of them.
    """
    if not seeds or frames < 1:
        raise InputError("A walk needs a seed, and a frame from one to the next.")
    keyframes = tuple(
        Keyframe(i * frames, base.changed(sources=(base.seeded(seed),), combine="w"), path, easing)
        for i, seed in enumerate(seeds)
    )
    length = len(seeds) * frames if closed else (len(seeds) - 1) * frames + 1
    return Film(keyframes, length, closed and len(seeds) > 1, frame_rate, z_dim)


def published_seeds(
    seeds: Sequence[int],
    columns: int,
    rows: int,
    keyframes: int | None = None,
    shuffle_seed: int | None = None,
) -> list[list[int]]:
    """The seeds of each film of a grid, row by row, as the published tool deals them out.

    Args:
        seeds: repeated where there are too few.
        columns: films in a row.
        rows: rows of films.
        keyframes: of each film; None divides the seeds among the films.
        shuffle_seed: shuffles all seeds first; None keeps their order.

    Raises:
        InputError: the seeds can't be divided, or the grid is too large.
    """
    cells = columns * rows
    if columns < 1 or rows < 1 or cells > MAX_CELLS:
        raise InputError(
            f"A grid of {columns} x {rows} films is out of range.", f"At most {MAX_CELLS} films."
        )
    if keyframes is None:
        if len(seeds) % cells or not seeds:
            raise InputError(
                f"{len(seeds)} seeds can't be divided among {columns} x {rows} films.",
                "Name a multiple, or say how many each film gets with --num-keyframes.",
            )
        keyframes = len(seeds) // cells
    if keyframes < 1 or not seeds:
        raise InputError("Each film needs a seed.")
    dealt = np.array([seeds[i % len(seeds)] for i in range(keyframes * cells)], np.int64)
    if shuffle_seed is not None:
        check_seed(shuffle_seed)
        np.random.RandomState(shuffle_seed).shuffle(dealt)
    return [[int(seed) for seed in row] for row in dealt.reshape(cells, keyframes)]


def with_other_seeds(film: Film, offset: int) -> Film:
    """The same film for another picture: every seed moved by `offset`; starts without a seed stay."""

    def moved(source: Source) -> Source:
        return (
            source if source.seed is None else replace(source, seed=(source.seed + offset) % (MAX_SEED + 1))
        )

    keyframes = tuple(
        replace(k, recipe=k.recipe.changed(sources=tuple(map(moved, k.recipe.sources))))
        for k in film.keyframes
    )
    return replace(film, keyframes=keyframes)


def slider_sweep(
    base: Recipe, slider: int, low: float, high: float, frames: int = PUBLISHED_FRAMES, **options: object
) -> Film:
    """One slider there and back: from `low` to `high` and, since the film is closed, to `low` again.

    Args:
        base: the picture with its sliders.
        slider: index in `base.directions`.
        low: amount at the beginning, in sigma.
        high: amount half way.
        frames: from one end to the other.
        options: other fields of the film.
    """
    edit = base.directions[slider]
    recipes = [base.with_direction(slider, replace(edit, amount=amount)) for amount in (low, high)]
    keyframes = tuple(
        Keyframe(i * frames, recipe, "linear", "ease in and out") for i, recipe in enumerate(recipes)
    )
    return Film(keyframes, 2 * frames, True).changed(**options)
