"""Where a recipe starts, as sources that can be added, subtracted and walked between.

Owns the way from a recipe to one source, from trays to weighted sources and back, and the position on
the published visualiser's plane. NumPy only, any thread.

Sources: Radford et al., "Unsupervised Representation Learning with DCGANs", section 6.3.2; the
visualiser of StyleGAN3 for the plane.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from latentstudio.document.edits import DirectionEdit, Source, StyleMix
from latentstudio.document.recipe import Recipe
from latentstudio.errors import InputError
from latentstudio.latent.arithmetic import combined, four_seed_corners, renormalized, tray_weights
from latentstudio.latent.directions import Direction
from latentstudio.latent.spaces import Latent, W, Z

NEIGHBOUR = "neighbour"  # origin of the direction that carries a neighbour in w


@dataclass(frozen=True)
class Tray:
    """Latents that count as their mean.

    Attributes:
        members: their own weights are ignored.
        weight: of the mean.
    """

    members: tuple[Source, ...] = ()
    weight: float = 1.0


def start_z(recipe: Recipe, z_dim: int) -> NDArray[np.float32] | None:
    """The one z that a recipe starts from, sliders apart; None where there is none."""
    sources = recipe.sources
    if any(s.space != Z for s in sources):
        return None
    if len(sources) == 1 and sources[0].weight == 1:
        return sources[0].z(z_dim)
    if recipe.combine == "w":
        return None
    total = combined([s.z(z_dim) for s in sources], [s.weight for s in sources])
    return renormalized(total) if recipe.combine == "z normalized" else total


def start_source(recipe: Recipe, z_dim: int) -> Source | None:
    """The recipe's start and sliders as one source in z, before truncation.

    Returns:
        The seed itself where nothing moved it; None where only the network can tell (a slider in w,
        mixing, several sources summed in w).
    """
    moved = [e for e in recipe.directions if e.amount]
    if recipe.mixing or any(e.direction.space != Z or e.start or e.stop is not None for e in moved):
        return None
    if len(recipe.sources) == 1 and recipe.sources[0].space != Z:
        return None if moved else replace(recipe.sources[0], weight=1.0)
    z = start_z(recipe, z_dim)
    if z is None:
        return None
    if not moved and recipe.seed is not None:
        return replace(recipe.sources[0], weight=1.0)
    for edit in moved:
        if edit.direction.values.shape != z.shape:
            return None
        z = z + np.float32(edit.amount * edit.direction.sigma) * edit.direction.values.array
    return Source(Z, None, Latent(z))


def start_of_rows(ws: NDArray[np.float32]) -> Source:
    """Rows (num_ws, w_dim) as one source: a w where all rows agree."""
    if (ws == ws[0]).all():
        return Source(W, None, Latent(ws[0]))
    return Source("w+", None, Latent(ws))


def without_sliders(recipe: Recipe) -> Recipe:
    """The recipe with its sliders at rest and no mixing: what they did is in its sources."""
    at_rest = tuple(replace(e, amount=0.0) for e in recipe.directions if e.direction.origin != NEIGHBOUR)
    return recipe.changed(directions=at_rest, mixing=())


def tray_sources(trays: Sequence[Tray]) -> tuple[Source, ...]:
    """All members, weighted so that each tray counts as its mean."""
    weights = tray_weights([(tray.weight, len(tray.members)) for tray in trays])
    return tuple(
        replace(member, weight=weight)
        for tray, shares in zip(trays, weights, strict=True)
        for member, weight in zip(tray.members, shares, strict=True)
    )


def trays_of(sources: Sequence[Source]) -> list[Tray]:
    """Trays that give these sources: neighbours of one weight share a tray."""
    groups: list[list[Source]] = []
    for source in sources:
        if groups and groups[-1][-1].weight == source.weight:
            groups[-1].append(source)
        else:
            groups.append([source])
    return [Tray(tuple(replace(s, weight=1.0) for s in g), g[0].weight * len(g)) for g in groups]


def kept_rows(members: Sequence[Source], start: int, stop: int, num_ws: int) -> tuple[StyleMix, ...]:
    """Mixing that leaves the rows outside [start, stop) at the mean of `members`."""
    rows = [row for row in range(num_ws) if not start <= row < stop]
    if not rows or not members:
        return ()
    # Each mix moves a row by its share of the way from the sum: the shares add up to the mean.
    return tuple(StyleMix.of_rows(member, rows, 1 / len(members)) for member in members)


def difference(first: Sequence[NDArray[np.float32]], second: Sequence[NDArray[np.float32]]) -> Direction:
    """The way from the mean of `second` to the mean of `first`, without a name.

    Args:
        first: latents of one shape: z (dim,), w (dim,) or w+ (rows, dim).
        second: of the same shape.

    Returns:
        A direction in w, of unit length in each row on average; one sigma of it is the whole way.

    Raises:
        InputError: a side is empty, or there is no way between them.
    """
    if not first or not second:
        raise InputError("A direction needs pictures in A and in B.")
    way = np.mean(np.stack(first), 0) - np.mean(np.stack(second), 0)
    if way.ndim == 2 and (way == way[0]).all():
        way = way[0]
    length = float(np.linalg.norm(way)) / float(np.sqrt(way.shape[0] if way.ndim == 2 else 1))
    if length < 1e-6:
        raise InputError("A and B are the same: there is no way between them.")
    return Direction("", W, Latent(way / length), length, "examples")


def moved_in_z(recipe: Recipe, z: NDArray[np.float32]) -> Recipe:
    """The same picture from another z."""
    return recipe.changed(sources=(Source(Z, None, Latent(z)),), combine="w")


def moved_in_w(recipe: Recipe, step: NDArray[np.float32]) -> Recipe:
    """The same picture with w moved by `step`; a later move adds to an earlier one."""
    others, old = [], step
    for edit in recipe.directions:
        if edit.direction.origin == NEIGHBOUR:
            old = old + np.float32(edit.amount * edit.direction.sigma) * edit.direction.values.array
        else:
            others.append(edit)
    direction = Direction("Neighbour", W, Latent(old), 1.0, NEIGHBOUR)
    return recipe.changed(directions=(*others, DirectionEdit(direction, 1.0)))


def plane_sources(x: float, y: float, like: Recipe | None = None) -> tuple[Source, ...]:
    """The sources of a point of the plane, to be summed in w; drawn as those of `like`."""
    seeded = (like or Recipe()).seeded
    return tuple(seeded(seed, weight) for seed, weight in four_seed_corners(x, y))


def plane_position(recipe: Recipe) -> tuple[float, float] | None:
    """Where on the plane a recipe stands; None where it does not. Seed s stands at (s mod 100, s // 100)."""
    sources = recipe.sources
    if len(sources) > 4 or any(s.seed is None for s in sources) or recipe.combine != "w":
        return None
    seeds = [s.seed or 0 for s in sources]
    across = sum(s.weight for s in sources if (s.seed or 0) in (seeds[0] + 1, seeds[0] + 101))
    down = sum(s.weight for s in sources if (s.seed or 0) >= seeds[0] + 100)
    x, y = seeds[0] % 100 + across, seeds[0] // 100 + down
    wanted = four_seed_corners(x, y)
    if [seed for seed, _ in wanted] != seeds:
        return None
    if any(abs(weight - s.weight) > 1e-6 for (_, weight), s in zip(wanted, sources, strict=True)):
        return None
    return x, y
