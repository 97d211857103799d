"""Where a picture between keyframes starts: sources with weights, in w or on the sphere in z.

Owns `Moment`, a place on a film's path, and the joining of starts that live in different spaces. A path in
w is a weighted sum of the keyframes' sources; seeds stay seeds, and the engine maps them. NumPy only, any
thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from latentstudio.document.edits import DirectionEdit, Source
from latentstudio.document.recipe import Recipe
from latentstudio.document.starts import start_z
from latentstudio.errors import InputError
from latentstudio.latent.interpolation import angle_between, slerp_weights
from latentstudio.latent.spaces import Latent, W, Z

LINEAR, SPHERICAL, CURVE, HOLD = "linear", "spherical", "curve", "hold"
PATHS = (CURVE, LINEAR, SPHERICAL, HOLD)
# Weights closer than this to 0 or 1 are meant to be that; a float64 sum is off by less.
NOTHING = 1e-11


@dataclass(frozen=True)
class Moment:
    """A place on a film's path.

    Attributes:
        recipes: of all keyframes that the path here goes by.
        weights: what each counts; they sum to 1.
        left: the keyframe before.
        right: the keyframe after.
        t: part of the way from `left` to `right`, after easing.
        path: one of `PATHS`.
        z_dim: length of the model's z; 0 where it is not known.
    """

    recipes: tuple[Recipe, ...]
    weights: tuple[float, ...]
    left: Recipe
    right: Recipe
    t: float
    path: str = LINEAR
    z_dim: int = 0

    def sum(self, values: Iterable[float]) -> float:
        """The weighted sum of one number of each keyframe; exactly that number where all agree."""
        numbers = list(values)
        if len(set(numbers)) == 1:
            return numbers[0]
        return float(sum(weight * x for weight, x in zip(self.weights, numbers, strict=True)))

    def pair(self, left: float, right: float) -> float:
        """A number on the straight way between the two keyframes around."""
        return left if left == right else (1 - self.t) * left + self.t * right

    @cached_property
    def settled(self) -> tuple[Recipe, ...]:
        """The keyframes with sliders of z inside their starts where others start from a w."""
        moves_z = [any(e.direction.space == Z and e.amount for e in r.directions) for r in self.recipes]
        if not any(moves_z) or all(s.space == Z for r in self.recipes for s in r.sources):
            return self.recipes
        return tuple(
            _with_sliders_inside(recipe, self.z_dim) if moves else recipe
            for recipe, moves in zip(self.recipes, moves_z, strict=True)
        )


def start_between(moment: Moment) -> tuple[tuple[Source, ...], str]:
    """The sources of a moment and where they are summed."""
    recipes = moment.settled
    left = recipes[moment.recipes.index(moment.left)]
    if all((recipe.sources, recipe.combine) == (left.sources, left.combine) for recipe in recipes):
        return left.sources, left.combine
    if moment.path == SPHERICAL:
        on_sphere = _on_sphere(recipes, moment.weights[-1], moment.z_dim)
        if on_sphere is not None:
            return on_sphere
    weights: dict[Source, float] = {}
    for recipe, share in zip(recipes, moment.weights, strict=True):
        for source in _summed_in_w(recipe, moment.z_dim):
            key = replace(source, weight=1.0)
            weights[key] = weights.get(key, 0.0) + share * source.weight
    return _tidy(weights), "w"


def between_two(moment: Moment, left: Source, right: Source) -> Source:
    """One source between two whose weights say how far from the mean latent they stand."""
    weight = moment.pair(left.weight, right.weight)
    if replace(left, weight=1.0) == replace(right, weight=1.0):
        return replace(left, weight=weight)
    if left.space == right.space == Z:
        a, b = (_z(source, moment.z_dim) for source in (left, right))
        of_a, of_b = slerp_weights(
            moment.t, angle_between(a, b), float(np.linalg.norm(a)), float(np.linalg.norm(b))
        )
        return Source(Z, None, Latent(of_a * a + of_b * b), weight)
    if left.values is None or right.values is None:
        # A seed and a w: only the network could tell; the nearer one counts.
        return replace(left if moment.t < 0.5 else right, weight=weight)
    a, b = (np.atleast_2d(values.array) for values in (left.values, right.values))
    rows = min(len(x) for x in (a, b) if len(x) > 1) if max(len(a), len(b)) > 1 else 1
    blended = (1 - moment.t) * a[:rows] + moment.t * b[:rows]
    return Source(W if rows == 1 else "w+", None, Latent(blended[0] if rows == 1 else blended), weight)


def _on_sphere(recipes: Sequence[Recipe], t: float, z_dim: int) -> tuple[tuple[Source, ...], str] | None:
    """The way from one z to another; None where a start is no single z."""
    starts = [_one_z(recipe, z_dim) for recipe in (recipes[0], recipes[-1])]
    if starts[0] is None or starts[1] is None:
        return None
    a, b = starts[0], starts[1]
    dim = z_dim or next((s.values.array.size for s in (a, b) if s.values is not None), 0)
    if dim:
        first, second = _z(a, dim), _z(b, dim)
        shares = slerp_weights(
            t, angle_between(first, second), float(np.linalg.norm(first)), float(np.linalg.norm(second))
        )
    else:
        # Random z of many numbers stand at right angles to one another.
        shares = slerp_weights(t)
    return tuple(replace(s, weight=share) for s, share in zip((a, b), shares, strict=True)), Z


def _summed_in_w(recipe: Recipe, z_dim: int) -> tuple[Source, ...]:
    """Sources that give the recipe's start when they are summed in w."""
    sources = recipe.sources
    if recipe.combine == "w" or (len(sources) == 1 and sources[0].weight == 1):
        return sources
    start = _one_z(recipe, z_dim)
    if start is None:
        raise InputError("A w can't be summed in z.", "Sum in w, or use sources that are a z.")
    return (start,)


def _one_z(recipe: Recipe, z_dim: int) -> Source | None:
    """The recipe's start as one source of z with weight 1; None where it is none."""
    if len(recipe.sources) == 1 and recipe.sources[0].weight == 1:
        return recipe.sources[0] if recipe.sources[0].space == Z else None
    if recipe.combine == "w":
        return None
    dim = z_dim or next((s.values.array.size for s in recipe.sources if s.values is not None), 0)
    z = start_z(recipe, _needed(dim))
    return None if z is None else Source(Z, None, Latent(z))


def _with_sliders_inside(recipe: Recipe, z_dim: int) -> Recipe:
    """The same picture with the sliders of z added to the sources themselves."""
    moved: list[DirectionEdit] = []
    others: list[DirectionEdit] = []
    for edit in recipe.directions:
        (moved if edit.direction.space == Z and edit.amount else others).append(edit)
    if any(edit.start or edit.stop is not None or edit.direction.rows for edit in moved):
        raise InputError(
            f'The slider "{moved[0].direction.name}" acts on z in some layers only, and the next keyframe '
            "starts from a w.",
            "Let it act on all layers, or hold this keyframe.",
        )
    step = sum(np.float32(e.amount * e.direction.sigma) * e.direction.values.array for e in moved)
    sources = tuple(
        Source(Z, None, Latent(_z(s, z_dim) + step), s.weight) for s in _summed_in_w(recipe, z_dim)
    )
    return recipe.changed(sources=sources, combine="w", directions=tuple(others))


def _z(source: Source, z_dim: int) -> NDArray[np.float32]:
    z = start_z(Recipe(sources=(replace(source, weight=1.0),)), z_dim or _length(source))
    assert z is not None
    return z


def _length(source: Source) -> int:
    return _needed(0 if source.values is None else source.values.array.size)


def _needed(z_dim: int) -> int:
    if not z_dim:
        raise InputError(
            "These keyframes can only be joined when the length of the model's z is known.",
            "Give the film its model's z_dim.",
        )
    return z_dim


def _tidy(weights: dict[Source, float]) -> tuple[Source, ...]:
    """Sources with what they weigh, without those that weigh nothing."""
    sources = []
    for source, weight in weights.items():
        if abs(weight - 1) < NOTHING:
            weight = 1.0
        if abs(weight) >= NOTHING:
            sources.append(replace(source, weight=weight))
    return tuple(sources) or (replace(next(iter(weights)), weight=0.0),)
