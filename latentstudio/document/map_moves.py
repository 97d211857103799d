"""Going to a place on the map of latents, as edits of a recipe.

Owns which sliders or sources change, and where a recipe stands before truncation; knows neither the map's
window nor the network. NumPy only, any thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from latentstudio.document.edits import DirectionEdit, Source
from latentstudio.document.recipe import Recipe
from latentstudio.document.starts import NEIGHBOUR, start_z
from latentstudio.latent.directions import Direction
from latentstudio.latent.spaces import Z, as_rows

Array = NDArray[np.float32]
SMALLEST_PSI = 0.1


def sample_recipe(base: Recipe, index: int, classes: int = 0) -> Recipe:
    """What the map shows for sample `index`: the bare seed, in the recipe's truncation and noise.

    Args:
        base: whose truncation, noise and way of drawing.
        index: the sample's number, which is its seed.
        classes: how many classes the samples go through in turn; 0 keeps the recipe's own.
    """
    chosen = ((index % classes, 1.0),) if classes else base.classes
    return Recipe(
        model=base.model,
        sources=(base.seeded(index),),
        classes=chosen,
        truncation_psi=base.truncation_psi,
        truncation_cutoff=base.truncation_cutoff,
        truncation_curve=base.truncation_curve,
        truncation_center=base.truncation_center,
        noise=base.noise,
    )


def effective_psi(recipe: Recipe, num_ws: int) -> Array:
    """The psi that acts on each row; near the mean picture 1, since nothing of a start is left there."""
    psi = np.full(num_ws, recipe.truncation_psi, np.float32)
    curve = recipe.truncation_curve[:num_ws]
    psi[: len(curve)] = curve
    if recipe.truncation_cutoff is not None:
        psi[recipe.truncation_cutoff :] = 1
    psi[np.abs(psi) < SMALLEST_PSI] = 1
    return psi


def before_truncation(ws: Array, recipe: Recipe, mean: Array, *, truncates: bool = True) -> Array:
    """The w (w_dim,) that truncation makes the recipe's latents, the mean of its rows.

    Args:
        ws: float32 (num_ws, w_dim), after every edit.
        recipe: whose truncation.
        mean: (num_ws, w_dim) or (w_dim,), the model's mean latent.
        truncates: False for families whose truncation is not in ws.
    """
    center = np.broadcast_to(mean, ws.shape)
    own = recipe.truncation_center
    if own is not None and own.values is not None and own.space != Z:
        # A centre's weight is how far from the mean it stands.
        center = center + np.float32(own.weight) * (as_rows(own.values.array, len(ws)) - center)
    psi = effective_psi(recipe, len(ws)) if truncates else np.ones(len(ws), np.float32)
    return np.asarray((center + (ws - center) / psi[:, None]).mean(0), np.float32)


def moved_z(recipe: Recipe, z_dim: int) -> Array | None:
    """The z that a recipe starts from with its sliders in z; None where it starts from no z."""
    z = start_z(recipe, z_dim)
    if z is None:
        return None
    for edit in recipe.directions:
        direction = edit.direction
        if direction.space == Z and direction.values.shape == z.shape:
            z = z + np.float32(edit.amount * direction.sigma) * direction.values.array
    return z


def slider_amount(recipe: Recipe, direction: Direction) -> float:
    """How far the recipe goes along a direction, all its sliders together."""
    return sum(edit.amount for edit in recipe.directions if edit.direction == direction)


def with_sliders(recipe: Recipe, amounts: Sequence[tuple[Direction, float]]) -> Recipe:
    """The recipe with the first slider of each direction set; where there is none, one is added."""
    edits = list(recipe.directions)
    for direction, amount in amounts:
        at = next((i for i, edit in enumerate(edits) if edit.direction == direction), None)
        if at is None:
            edits.append(DirectionEdit(direction, amount))
        else:
            edits[at] = replace(edits[at], amount=amount)
    return recipe.changed(directions=tuple(edits))


def gone_by(
    recipe: Recipe, axes: tuple[Direction, Direction], by: tuple[float, float], num_ws: int
) -> Recipe:
    """The recipe moved on the plane of two directions, as sliders.

    Args:
        recipe: where it goes from.
        axes: the directions to the right and upward.
        by: how far, in the map's unit: sigmas before truncation.
        num_ws: rows of ws.
    """
    # Sliders in w act after truncation: the same way on the map is a shorter one there.
    share = 1.0 if axes[0].space == Z else float(1 / np.mean(1 / effective_psi(recipe, num_ws)))
    pairs = zip(axes, by, strict=True)
    return with_sliders(
        recipe, [(axis, round(slider_amount(recipe, axis) + step * share, 4)) for axis, step in pairs]
    )


def gone_to_samples(
    recipe: Recipe,
    samples: Sequence[tuple[int, float]],
    axes: Sequence[Direction] = (),
    classes: int = 0,
) -> Recipe:
    """The recipe started from samples with these shares; sliders of the map's axes rest.

    Args:
        recipe: whose other edits stay.
        samples: seeds and shares.
        axes: directions whose sliders would lead away from the sample.
        classes: how many classes the samples go through; 0 where they have the recipe's own.
    """
    kept = tuple(
        replace(e, amount=0.0) if e.direction in axes else e
        for e in recipe.directions
        if e.direction.origin != NEIGHBOUR
    )
    if len(samples) == 1:
        sources: tuple[Source, ...] = (recipe.seeded(samples[0][0]),)
    else:
        sources = tuple(recipe.seeded(seed, share) for seed, share in samples)
    chosen = ((samples[0][0] % classes, 1.0),) if classes else recipe.classes
    return recipe.changed(sources=sources, combine="w", directions=kept, classes=chosen)
