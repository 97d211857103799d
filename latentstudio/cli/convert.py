"""`latentstudio convert`: a checkpoint into the program's own format, checked by drawing with both."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from latentstudio.cli.console import stderr, stdout
from latentstudio.errors import InputError

if TYPE_CHECKING:
    from latentstudio.models.generator import Generator

SUFFIX = ".safetensors"
CHECK_SEEDS = (0, 1, 2)


def convert(
    source: Annotated[str, typer.Argument(metavar="IN", help="A model: path or id.")],
    target: Annotated[Path, typer.Argument(metavar="OUT.safetensors", help="The file to write.")],
    half: Annotated[bool, typer.Option("--half", help="Store 16-bit weights: half the size.")] = False,
    option: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Set an option that `info` shows, such as depth=3."),
    ] = None,
) -> None:
    """Write a model in the program's own format and compare pictures of both files."""
    from latentstudio.cli.model_argument import model_path
    from latentstudio.formats import read_checkpoint
    from latentstudio.models.registry import build_network, read_network
    from latentstudio.models.spec import read_spec, with_options, write_spec

    path = model_path(source)
    if target.suffix.lower() != SUFFIX:
        raise InputError(f'"{target.name}" does not end in {SUFFIX}.', f"Name it {target.stem}{SUFFIX}.")
    if target.exists() and target.samefile(path):
        raise InputError("IN and OUT are the same file.", "Choose another name for OUT.")
    options = _options(option or [])
    with stderr.status("Reading"):
        spec, contents = read_network(path)
        spec = with_options(spec, options)
        provenance = replace(
            spec.provenance,
            origin=spec.provenance.origin or contents.path.name,
            # A recipe of the source opens with a file that names it, so it must draw the same pixels.
            source_sha256="" if half or options else spec.provenance.source_sha256 or contents.sha256,
        )
        original = build_network(spec)
    with stderr.status("Writing"):
        write_spec(target, spec.changed(provenance=provenance), half=half)
    with stderr.status("Comparing pictures"):
        difference = largest_difference(original, build_network(read_spec(read_checkpoint(target))))
    stdout.print(
        f"{target}: {target.stat().st_size / 1e6:.1f} MB, {original.info.family}; "
        f"{len(CHECK_SEEDS)} pictures differ by at most {difference} of 255 levels",
        highlight=False,
        markup=False,
    )


def _options(given: list[str]) -> dict[str, float]:
    options = {}
    for text in given:
        name, _, value = text.partition("=")
        try:
            options[name] = float(value)
        except ValueError as error:
            raise InputError(f'Can\'t read the option "{text}".', "Write it like depth=3.") from error
    return options


def largest_difference(one: Generator, other: Generator) -> int:
    """The largest difference between pictures of two generators, in uint8 levels."""
    import numpy as np

    from latentstudio.document.recipe import Recipe
    from latentstudio.engine.render import render

    worst = 0
    for seed in CHECK_SEEDS:
        recipe = Recipe.from_seed(seed)
        pair = [render(recipe, generator).astype(np.int16) for generator in (one, other)]
        worst = max(worst, int(np.abs(pair[0] - pair[1]).max()))
    return worst
