"""`latentstudio info FILE`: what a model file is, or what recipe a picture carries."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from latentstudio.cli.console import stdout

RECIPE_SUFFIXES = (".png", ".recipe.json")


def is_recipe(path: str | Path) -> bool:
    """Whether a name is that of a picture or a recipe file."""
    return str(path).lower().endswith(RECIPE_SUFFIXES)


def read_recipe_text(path: str | Path) -> str:
    """The recipe's JSON of a picture or a recipe file, checked.

    Raises:
        RecipeError: there is none, or it is damaged.
    """
    from latentstudio.document.recipe_json import dumps, loads
    from latentstudio.document.session_file import read_recipe
    from latentstudio.media.image import read_recipe_text as read_from_picture

    path = Path(path).expanduser()
    return dumps(loads(read_from_picture(path)) if path.suffix.lower() == ".png" else read_recipe(path))


def info(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="A model (path or id), a picture, a recipe or a film.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what a file is."""
    from latentstudio.engine.film_files import may_carry_film

    is_film = may_carry_film(file)
    if is_film:
        facts = _film_facts(file)
    else:
        facts = json.loads(read_recipe_text(file)) if is_recipe(file) else _model_facts(file)
    if as_json:
        # Not through rich: it would wrap and colour what a program is going to read.
        typer.echo(json.dumps(facts, indent=1))
    elif is_film:
        _print_film(facts)
    elif is_recipe(file):
        _print_recipe(facts)
    else:
        _print_model(facts)


def _film_facts(file: str) -> dict[str, Any]:
    from latentstudio.document.film_file import film_json
    from latentstudio.engine.film_files import read_any_film

    return film_json(read_any_film(Path(file).expanduser()))


def _print_film(facts: dict[str, Any]) -> None:
    keyframes, rate = facts["keyframes"], facts["frame_rate"]
    model = keyframes[0]["recipe"]["model"]
    ends = "leads back to its beginning" if facts["closed"] else "ends at its last keyframe"
    lines = [
        ("Model", f"{model['name'] or 'without a name'} ({model['origin'] or 'origin unknown'})"),
        ("SHA-256", model["sha256"]),
        ("Length", f"{facts['length']} frames, {facts['length'] / rate:.2f} s at {rate:g} a second; {ends}"),
        *(
            ("Keyframe", f"frame {k['frame']}: {_starts(k['recipe'])}; then {k['path']}, {k['easing']}")
            for k in keyframes
        ),
    ]
    for name, value in lines:
        if value:
            stdout.print(f"{name:<11} {value}", highlight=False, markup=False)


def _model_facts(file: str) -> dict[str, Any]:
    from latentstudio.cli.model_argument import model_path
    from latentstudio.models.registry import load_generator

    generator = load_generator(model_path(file), device="cpu")
    facts = asdict(generator.info)
    facts["spaces"] = list(generator.info.spaces)
    facts["stages"] = [
        {
            "name": stage.name,
            "resolution": list(stage.resolution),
            "ws_rows": list(stage.ws_rows),
            "noise": list(stage.noise),
        }
        for stage in generator.stages
    ]
    return facts


def _print_model(facts: dict[str, Any]) -> None:
    provenance = facts["provenance"]
    height, width = facts["img_size"]
    classes = facts["c_dim"]
    lines = [
        ("Title", provenance["title"]),
        ("Family", f"{facts['family']} ({facts['architecture']})"),
        ("Picture", f"{width} x {height}, {facts['img_channels']} channels"),
        ("Latents", f"z {facts['z_dim']}, w {facts['w_dim']}, {facts['num_ws']} rows of ws"),
        ("Spaces", ", ".join(facts["spaces"])),
        ("Classes", str(classes) if classes else "none"),
        ("Noise", "yes" if facts["has_noise"] else "no"),
        ("Weights", f"{facts['parameters']:,}"),
        ("SHA-256", facts["sha256"]),
        ("Path", facts["path"]),
        ("Licence", provenance["licence"]),
        ("Caution", provenance["caution"]),
        ("Origin", provenance["origin"]),
        ("Source", provenance["source"]),
        ("Names of z", ", ".join(provenance["z_names"])),
        ("Class names", ", ".join(provenance["class_names"])),
        *(("Option", _option(option)) for option in facts["options"]),
        *(("Note", note) for note in facts["notes"]),
    ]
    for name, value in lines:
        if value:
            stdout.print(f"{name:<11} {value}", highlight=False, markup=False)
    stdout.print("Stages", highlight=False)
    for stage in facts["stages"]:
        size = "{1} x {0}".format(*stage["resolution"])
        rows = ", ".join(map(str, stage["ws_rows"]))
        stdout.print(f"  {stage['name']:<18} {size:<11} reads ws {rows}", highlight=False, markup=False)


def _option(option: dict[str, Any]) -> str:
    return "{name} = {default:g}, from {low:g} to {high:g} (set it with convert --option)".format(**option)


def _starts(facts: dict[str, Any]) -> str:
    return " + ".join(
        (f"seed {s['seed']}" if "seed" in s else f"a stored {s['space']}")
        + (f" x {s['weight']:g}" if s["weight"] != 1 else "")
        for s in facts["sources"]
    )


def _print_recipe(facts: dict[str, Any]) -> None:
    model, truncation, noise = facts["model"], facts["truncation"], facts["noise"]
    cutoff = truncation["cutoff"]
    psi = f"psi {truncation['psi']:g}" + ("" if cutoff is None else f" on the first {cutoff} rows")
    lines = [
        ("Model", f"{model['name'] or 'without a name'} ({model['origin'] or 'origin unknown'})"),
        ("SHA-256", model["sha256"]),
        ("Start", _starts(facts)),
        ("Class", ", ".join(f"{index} x {weight:g}" for index, weight in facts["classes"])),
        ("Truncation", psi),
        ("Noise", noise["mode"] + (f", seed {noise['seed']}" if noise["mode"] == "random" else "")),
        *(("Slider", f"{e['direction']['name']}: {e['amount']:+g} sigma") for e in facts["directions"]),
    ]
    if facts["transform"]:
        lines.append(("Transform", "x {x:g}, y {y:g}, {angle_deg:g} degrees".format(**facts["transform"])))
    for name, value in lines:
        if value:
            stdout.print(f"{name:<11} {value}", highlight=False, markup=False)
