"""A recipe as JSON: in picture metadata, in recipe files, in the clipboard.

Owns the form and its version. A file may come from anyone: every field is checked, and what is
wrong is said in one sentence. NumPy only, any thread.
"""

from __future__ import annotations

import json
from typing import Any

from latentstudio.document.edits import (
    ChannelEdit,
    DirectionEdit,
    FeatureEdit,
    ModelRef,
    Noise,
    NoiseLayer,
    Source,
    StyleMix,
    Transform,
    TuningRef,
)
from latentstudio.document.local_edits import LocalEdit
from latentstudio.document.mask import Mask
from latentstudio.document.recipe import Recipe
from latentstudio.errors import InputError, NewerVersionError, RecipeError
from latentstudio.latent.directions import Direction
from latentstudio.latent.sampling import NORMAL
from latentstudio.latent.spaces import Latent

VERSION = 1
FORMAT = "latentstudio.recipe"
# A keyframe may lie between noises itself; nobody nests deeper than this.
MAX_TURNS = 50
MAX_CHARACTERS = 64 * 1024 * 1024


def to_json(recipe: Recipe) -> dict[str, Any]:
    """The recipe as plain JSON values; all fields are written, but a tuning and regions only if any."""
    center = recipe.truncation_center
    transform = recipe.transform
    tuning = recipe.tuning
    return {
        "format": FORMAT,
        "version": VERSION,
        "model": {
            "sha256": recipe.model.sha256,
            "name": recipe.model.name,
            "origin": recipe.model.origin,
        },
        "sources": [source_to_json(s) for s in recipe.sources],
        "combine": recipe.combine,
        "classes": [list(pair) for pair in recipe.classes],
        "mixing": [{"source": source_to_json(m.source), "amounts": list(m.amounts)} for m in recipe.mixing],
        "truncation": {
            "psi": recipe.truncation_psi,
            "cutoff": recipe.truncation_cutoff,
            "curve": list(recipe.truncation_curve),
            "center": None if center is None else source_to_json(center),
        },
        "directions": [_edit_json(e) for e in recipe.directions],
        "channels": [_channel_json(e) for e in recipe.channels],
        "features": [{"stage": e.stage, "channel": e.channel, "factor": e.factor} for e in recipe.features],
        "noise": _noise_json(recipe.noise),
        "transform": None
        if transform is None
        else {"x": transform.x, "y": transform.y, "angle_deg": transform.angle_deg},
        **({} if tuning is None else {"tuning": {"sha256": tuning.sha256, "name": tuning.name}}),
        **({"local": [_local_json(edit) for edit in recipe.local]} if recipe.local else {}),
    }


def source_to_json(source: Source) -> dict[str, Any]:
    """One source as plain JSON values."""
    start = {"seed": source.seed} if source.values is None else {"values": source.values.to_json()}
    drawn = {} if source.draw == NORMAL else {"draw": source.draw, "limit": source.limit}
    return {"space": source.space, "weight": source.weight, **start, **drawn}


def _noise_json(noise: Noise) -> dict[str, Any]:
    stored = {
        "mode": noise.mode,
        "seed": noise.seed,
        "layers": [_noise_layer_json(layer) for layer in noise.layers],
    }
    # Only a picture of a film lies between two noises.
    if noise.toward is not None:
        stored |= {"toward": _noise_json(noise.toward), "share": noise.share}
    return stored


def _noise_layer_json(layer: NoiseLayer) -> dict[str, Any]:
    return {
        "index": layer.index,
        "strength": layer.strength,
        "mode": layer.mode,
        "seed": layer.seed,
        "values": None if layer.values is None else layer.values.to_json(),
    }


def _edit_json(edit: DirectionEdit) -> dict[str, Any]:
    return {
        "direction": edit.direction.to_json(),
        "amount": edit.amount,
        "layers": [edit.start, edit.stop],
    }


def _channel_json(edit: ChannelEdit) -> dict[str, Any]:
    return {"layer": edit.layer, "channel": edit.channel, "amount": edit.amount, "sigma": edit.sigma}


def _local_json(edit: LocalEdit) -> dict[str, Any]:
    return {
        "mask": edit.mask.to_json(),
        "name": edit.name,
        "source": None if edit.source is None else source_to_json(edit.source),
        "layers": [edit.start, edit.stop],
        "directions": [_edit_json(e) for e in edit.directions],
        "channels": [_channel_json(e) for e in edit.channels],
        "amount": edit.amount,
        "feather": edit.feather,
        "stages": [edit.first_stage, edit.last_stage],
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
    transform, center = stored.get("transform"), truncation["center"]
    tuning = stored.get("tuning")
    return Recipe(
        model=ModelRef(_text(model["sha256"]), _text(model["name"]), _text(model["origin"])),
        sources=tuple(source_from_json(s) for s in stored["sources"]),
        combine=_text(stored["combine"]),
        classes=tuple((_whole(index), _number(weight)) for index, weight in stored["classes"]),
        mixing=tuple(
            StyleMix(source_from_json(m["source"]), tuple(map(_number, m["amounts"])))
            for m in stored["mixing"]
        ),
        truncation_psi=_number(truncation["psi"]),
        truncation_cutoff=_optional_whole(truncation["cutoff"]),
        truncation_curve=tuple(map(_number, truncation["curve"])),
        truncation_center=None if center is None else source_from_json(center),
        directions=tuple(_edit(e) for e in stored["directions"]),
        channels=tuple(_channel(e) for e in stored["channels"]),
        features=tuple(
            FeatureEdit(_text(e["stage"]), _whole(e["channel"]), _number(e["factor"]))
            for e in stored["features"]
        ),
        noise=_noise(noise),
        transform=None
        if transform is None
        else Transform(*(_number(transform[key]) for key in ("x", "y", "angle_deg"))),
        tuning=None if tuning is None else TuningRef(_text(tuning["sha256"]), _text(tuning["name"])),
        local=tuple(_local(edit) for edit in stored.get("local", ())),
    )


def _noise(stored: dict[str, Any], depth: int = 0) -> Noise:
    if depth > MAX_TURNS:
        raise RecipeError("The recipe's noise lies between too many others.")
    toward = stored.get("toward")
    return Noise(
        _text(stored["mode"]),
        _whole(stored["seed"]),
        tuple(_noise_layer(e) for e in stored["layers"]),
        None if toward is None else _noise(toward, depth + 1),
        _number(stored.get("share", 0.0)),
    )


def _noise_layer(stored: dict[str, Any]) -> NoiseLayer:
    mode, values = stored["mode"], stored["values"]
    return NoiseLayer(
        _whole(stored["index"]),
        _number(stored["strength"]),
        None if mode is None else _text(mode),
        _optional_whole(stored["seed"]),
        None if values is None else Latent.from_json(values),
    )


def source_from_json(stored: dict[str, Any]) -> Source:
    """The inverse of `source_to_json`; raises as parsing does: KeyError, TypeError, InputError."""
    space, weight = _text(stored["space"]), _number(stored["weight"])
    if "values" in stored:
        return Source(space, None, Latent.from_json(stored["values"]), weight)
    draw, limit = _text(stored.get("draw", NORMAL)), _number(stored.get("limit", 1.0))
    return Source(space, _whole(stored["seed"]), None, weight, draw, limit)


def _edit(stored: dict[str, Any]) -> DirectionEdit:
    start, stop = stored["layers"]
    return DirectionEdit(
        Direction.from_json(stored["direction"]),
        _number(stored["amount"]),
        _whole(start),
        _optional_whole(stop),
    )


def _channel(stored: dict[str, Any]) -> ChannelEdit:
    return ChannelEdit(
        _text(stored["layer"]),
        _whole(stored["channel"]),
        _number(stored["amount"]),
        _number(stored["sigma"]),
    )


def _local(stored: dict[str, Any]) -> LocalEdit:
    (start, stop), (first, last) = stored["layers"], stored["stages"]
    source = stored["source"]
    return LocalEdit(
        Mask.from_json(stored["mask"]),
        _text(stored["name"]),
        None if source is None else source_from_json(source),
        _whole(start),
        _optional_whole(stop),
        tuple(_edit(e) for e in stored["directions"]),
        tuple(_channel(e) for e in stored["channels"]),
        _number(stored["amount"]),
        _number(stored["feather"]),
        _whole(first),
        _optional_whole(last),
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
