"""A recipe as JSON: in picture metadata, in recipe files, in the clipboard.

Owns the form and its version. A file may come from anyone: every field is checked, and what is
wrong is said in one sentence. NumPy only, any thread.
"""

from __future__ import annotations

import json
from typing import Any

from latentstudio.document.recipe import DirectionEdit, ModelRef, Noise, Recipe, Source, Transform
from latentstudio.errors import InputError, NewerVersionError, RecipeError
from latentstudio.latent.directions import Direction
from latentstudio.latent.spaces import Latent

VERSION = 1
FORMAT = "latentstudio.recipe"
MAX_CHARACTERS = 64 * 1024 * 1024


def to_json(recipe: Recipe) -> dict[str, Any]:
    """The recipe as plain JSON values; fields at their defaults are written too."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "model": {
            "sha256": recipe.model.sha256,
            "name": recipe.model.name,
            "origin": recipe.model.origin,
        },
        "sources": [
            {
                "space": s.space,
                "weight": s.weight,
                **({"seed": s.seed} if s.values is None else {"values": s.values.to_json()}),
            }
            for s in recipe.sources
        ],
        "classes": [list(pair) for pair in recipe.classes],
        "truncation": {"psi": recipe.truncation_psi, "cutoff": recipe.truncation_cutoff},
        "directions": [
            {"direction": e.direction.to_json(), "amount": e.amount, "layers": [e.start, e.stop]}
            for e in recipe.directions
        ],
        "noise": {"mode": recipe.noise.mode, "seed": recipe.noise.seed},
        "transform": None
        if recipe.transform is None
        else {"x": recipe.transform.x, "y": recipe.transform.y, "angle_deg": recipe.transform.angle_deg},
    }


def dumps(recipe: Recipe) -> str:
    """The recipe as JSON text, indented for a person to read."""
    return json.dumps(to_json(recipe), indent=1, sort_keys=True)


def loads(text: str) -> Recipe:
    """The inverse of `dumps`.

    Raises:
        RecipeError: the text is not a recipe, or a field is wrong.
        NewerVersionError: it was written by a later version.
    """
    if len(text) > MAX_CHARACTERS:
        raise RecipeError("The recipe is too large to be one.")
    try:
        stored = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise RecipeError("The recipe is not valid JSON.", "The file may be damaged.") from error
    return from_json(stored)


def from_json(stored: Any) -> Recipe:
    """A recipe from parsed JSON; see `loads` for what it raises."""
    if not isinstance(stored, dict) or stored.get("format") != FORMAT:
        raise RecipeError("This is not a LatentStudio recipe.")
    version = stored.get("version")
    if type(version) is not int or version < 1:
        raise RecipeError("The recipe does not say its version.")
    if version > VERSION:
        raise NewerVersionError(
            f"The recipe was written by a newer LatentStudio (recipe version {version}; "
            f"this program reads up to {VERSION}).",
            "Update LatentStudio to open it.",
        )
    try:
        return _read(stored)
    except RecipeError:
        raise
    except InputError as error:
        raise RecipeError(f"The recipe can't be used: {error.message}", error.hint) from error
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise RecipeError("The recipe is damaged: a part is missing or has the wrong form.") from error


def _read(stored: dict[str, Any]) -> Recipe:
    model, truncation, noise = stored["model"], stored["truncation"], stored["noise"]
    transform = stored.get("transform")
    return Recipe(
        model=ModelRef(_text(model["sha256"]), _text(model["name"]), _text(model["origin"])),
        sources=tuple(_source(s) for s in stored["sources"]),
        classes=tuple((_whole(index), _number(weight)) for index, weight in stored["classes"]),
        truncation_psi=_number(truncation["psi"]),
        truncation_cutoff=_optional_whole(truncation["cutoff"]),
        directions=tuple(_edit(e) for e in stored["directions"]),
        noise=Noise(_text(noise["mode"]), _whole(noise["seed"])),
        transform=None
        if transform is None
        else Transform(*(_number(transform[key]) for key in ("x", "y", "angle_deg"))),
    )


def _source(stored: dict[str, Any]) -> Source:
    space, weight = _text(stored["space"]), _number(stored["weight"])
    if "values" in stored:
        return Source(space, None, Latent.from_json(stored["values"]), weight)
    return Source(space, _whole(stored["seed"]), None, weight)


def _edit(stored: dict[str, Any]) -> DirectionEdit:
    start, stop = stored["layers"]
    return DirectionEdit(
        Direction.from_json(stored["direction"]),
        _number(stored["amount"]),
        _whole(start),
        _optional_whole(stop),
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _whole(value: Any) -> int:
    if type(value) is not int:
        raise TypeError(value)
    return value


def _optional_whole(value: Any) -> int | None:
    return None if value is None else _whole(value)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(value)
    return float(value)


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)
