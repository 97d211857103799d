"""A recipe between recipes: the table that says, field by field, how a film passes from one to the next.

Owns `BETWEEN`, one entry for each field of a Recipe; where the path goes (weights, part of the way) is
decided by the film, and starts are summed in `between_starts`. What is weighted here is weighted again by
the engine, so that a recipe in between stays small and is drawn like any other. NumPy only, any thread.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import fields, replace
from typing import Any, TypeVar

from latentstudio.document.between_starts import Moment, between_two, start_between
from latentstudio.document.edits import (
    ChannelEdit,
    DirectionEdit,
    FeatureEdit,
    ModelRef,
    Noise,
    Source,
    StyleMix,
    Transform,
)
from latentstudio.document.local_edits import LocalEdit
from latentstudio.document.recipe import Recipe
from latentstudio.errors import InputError

Key = TypeVar("Key", bound=Hashable)


def recipe_between(moment: Moment) -> Recipe:
    """The recipe of a moment.

    Raises:
        InputError: the keyframes belong to different models, or their starts can't be joined.
    """
    names = [field.name for field in fields(Recipe)]
    return Recipe(**{name: BETWEEN.get(name, held(name))(moment) for name in names})


def _model(moment: Moment) -> ModelRef:
    named = [recipe.model for recipe in moment.recipes if recipe.model.sha256]
    if len({model.sha256 for model in named}) > 1:
        raise InputError("A film can't pass from one model to another.", "Make a film for each model.")
    return named[0] if named else moment.left.model


def _sources(moment: Moment) -> tuple[Source, ...]:
    return start_between(moment)[0]


def _combine(moment: Moment) -> str:
    return start_between(moment)[1]


def _classes(moment: Moment) -> tuple[tuple[int, float], ...]:
    sides = [side.classes for side in (moment.left, moment.right)]
    if sides[0] == sides[1]:
        return sides[0]
    # A conditional model takes class 0 where none is named.
    left, right = (_sums(classes or ((0, 1.0),)) for classes in sides)
    return tuple(
        (index, moment.pair(left.get(index, 0.0), right.get(index, 0.0))) for index in _union(left, right)
    )


def _mixing(moment: Moment) -> tuple[StyleMix, ...]:
    left, right = _amounts(moment.left.mixing), _amounts(moment.right.mixing)
    if moment.left.mixing == moment.right.mixing:
        return moment.left.mixing
    mixed = []
    for key in _union(left, right):
        a, b = left.get(key, ()), right.get(key, ())
        rows = range(max(len(a), len(b)))
        amounts = tuple(moment.pair(_at(a, row, 0.0), _at(b, row, 0.0)) for row in rows)
        mixed.append(StyleMix(key[0], amounts))
    return tuple(mixed)


def _amounts(mixing: Sequence[StyleMix]) -> dict[tuple[Source, int], tuple[float, ...]]:
    """Amounts by source and occurrence; what a later whole row hides counts as nothing."""
    counts: Counter[Source] = Counter()
    found: dict[tuple[Source, int], tuple[float, ...]] = {}
    for place, mix in enumerate(mixing):
        hidden = {row for later in mixing[place + 1 :] for row, x in enumerate(later.amounts) if x == 1}
        source = replace(mix.source, weight=1.0)
        found[source, counts[source]] = tuple(
            0.0 if row in hidden else x for row, x in enumerate(mix.amounts)
        )
        counts[source] += 1
    return found


def _has_simple_truncation(recipe: Recipe, other: Recipe) -> bool:
    return (recipe.truncation_cutoff, recipe.truncation_curve) == (
        other.truncation_cutoff,
        other.truncation_curve,
    )


def _psi(moment: Moment) -> float:
    if all(_has_simple_truncation(recipe, moment.left) for recipe in moment.recipes):
        return moment.sum(recipe.truncation_psi for recipe in moment.recipes)
    # Rows beyond every curve and every cutoff.
    return moment.sum(
        recipe.truncation_psi if recipe.truncation_cutoff is None else 1.0 for recipe in moment.recipes
    )


def _cutoff(moment: Moment) -> int | None:
    simple = all(_has_simple_truncation(recipe, moment.left) for recipe in moment.recipes)
    return moment.left.truncation_cutoff if simple else None


def _curve(moment: Moment) -> tuple[float, ...]:
    recipes = moment.recipes
    if all(_has_simple_truncation(recipe, moment.left) for recipe in recipes):
        return moment.left.truncation_curve
    rows = max(max(len(r.truncation_curve), r.truncation_cutoff or 0) for r in recipes)
    return tuple(moment.sum(_psi_of_row(recipe, row) for recipe in recipes) for row in range(rows))


def _psi_of_row(recipe: Recipe, row: int) -> float:
    if recipe.truncation_cutoff is not None and row >= recipe.truncation_cutoff:
        return 1.0
    return _at(recipe.truncation_curve, row, recipe.truncation_psi)


def _center(moment: Moment) -> Source | None:
    left, right = moment.left.truncation_center, moment.right.truncation_center
    if left == right:
        return left
    # Toward the model's mean latent the centre loses weight; between two centres it moves.
    if left is None or right is None:
        center = left or right
        assert center is not None
        share = moment.pair(0.0 if left is None else left.weight, 0.0 if right is None else right.weight)
        return replace(center, weight=share)
    return between_two(moment, left, right)


def _directions(moment: Moment) -> tuple[DirectionEdit, ...]:
    return _sliders(moment, [r.directions for r in moment.settled], _direction_key)


def _channels(moment: Moment) -> tuple[ChannelEdit, ...]:
    return _sliders(moment, [r.channels for r in moment.recipes], _channel_key)


def _direction_key(edit: DirectionEdit) -> Hashable:
    return edit.direction, edit.start, edit.stop


def _channel_key(edit: ChannelEdit) -> Hashable:
    return edit.layer, edit.channel, edit.sigma


Slider = TypeVar("Slider", DirectionEdit, ChannelEdit)


def _sliders(
    moment: Moment, rows: Sequence[Sequence[Slider]], key: Callable[[Slider], Hashable]
) -> tuple[Slider, ...]:
    """Sliders of all keyframes, each at its weighted amount; one that is missing is at rest."""
    first: dict[Hashable, Slider] = {}
    amounts: list[dict[Hashable, float]] = []
    for edits in rows:
        counts: Counter[Hashable] = Counter()
        found: dict[Hashable, float] = {}
        for edit in edits:
            kind = key(edit)
            place = (kind, counts[kind])
            counts[kind] += 1
            first.setdefault(place, edit)
            found[place] = edit.amount
        amounts.append(found)
    return tuple(
        replace(edit, amount=moment.sum(found.get(place, 0.0) for found in amounts))
        for place, edit in first.items()
    )


def _features(moment: Moment) -> tuple[FeatureEdit, ...]:
    if moment.left.features == moment.right.features:
        return moment.left.features
    left, right = (_factors(side.features) for side in (moment.left, moment.right))
    return tuple(
        FeatureEdit(
            stage, channel, moment.pair(left.get((stage, channel), 1.0), right.get((stage, channel), 1.0))
        )
        for stage, channel in _union(left, right)
    )


def _factors(edits: Iterable[FeatureEdit]) -> dict[tuple[str, int], float]:
    factors: dict[tuple[str, int], float] = {}
    for edit in edits:
        place = (edit.stage, edit.channel)
        factors[place] = factors.get(place, 1.0) * edit.factor
    return factors


def _noise(moment: Moment) -> Noise:
    left, right = moment.left.noise, moment.right.noise
    return left if left == right else replace(left, toward=right, share=moment.t)


def _transform(moment: Moment) -> Transform | None:
    if all(recipe.transform is None for recipe in moment.recipes):
        return None
    moves = [recipe.transform or Transform() for recipe in moment.recipes]
    # Angles are numbers of their own: from 0 to 360 the picture turns once.
    return Transform(
        moment.sum(move.x for move in moves),
        moment.sum(move.y for move in moves),
        moment.sum(move.angle_deg for move in moves),
    )


def _local(moment: Moment) -> tuple[LocalEdit, ...]:
    """Regions of all keyframes, each at its weighted amount; one that is missing is hidden there."""
    rows = [recipe.local for recipe in moment.recipes]
    if len(set(rows)) == 1:
        return rows[0]

    def key(edit: LocalEdit) -> Hashable:
        return replace(edit, amount=1.0, directions=(), channels=(), name="")

    places = dict.fromkeys(key(edit) for row in rows for edit in row)
    regions = []
    for place in places:
        # Where a region is hidden its sliders count as where they are shown, so that it only fades.
        shown = [next((e for e in row if key(e) == place), None) for row in rows]
        some = next(edit for edit in shown if edit is not None)
        filled = [edit or some for edit in shown]
        amount = moment.sum(0.0 if edit is None else edit.amount for edit in shown)
        regions.append(
            replace(
                some,
                amount=min(max(amount, 0.0), 1.0),
                directions=_sliders(moment, [e.directions for e in filled], _direction_key),
                channels=_sliders(moment, [e.channels for e in filled], _channel_key),
            )
        )
    return tuple(regions)


def held(name: str) -> Callable[[Moment], Any]:
    """For a field that knows no between: the keyframe before it counts until the next is reached."""

    def value(moment: Moment) -> Any:
        return getattr(moment.left, name)

    return value


# A new field of Recipe is one entry here; a test looks for fields that have none.
BETWEEN: dict[str, Callable[[Moment], Any]] = {
    "model": _model,
    "sources": _sources,
    "combine": _combine,
    "classes": _classes,
    "mixing": _mixing,
    "truncation_psi": _psi,
    "truncation_cutoff": _cutoff,
    "truncation_curve": _curve,
    "truncation_center": _center,
    "directions": _directions,
    "channels": _channels,
    "features": _features,
    "noise": _noise,
    "transform": _transform,
    "tuning": held("tuning"),
    "local": _local,
}


def _union(left: Iterable[Key], right: Iterable[Key]) -> list[Key]:
    return list(dict.fromkeys([*left, *right]))


def _sums(pairs: Iterable[tuple[int, float]]) -> dict[int, float]:
    sums: dict[int, float] = {}
    for index, weight in pairs:
        sums[index] = sums.get(index, 0.0) + weight
    return sums


def _at(values: Sequence[float], place: int, otherwise: float) -> float:
    return values[place] if place < len(values) else otherwise
