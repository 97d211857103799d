"""`latentstudio region`: another start, or more sliders, inside a mask.

The picture is the window's: the same mask and options give the same recipe. The command adds one region
to those that a picture has already.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from latentstudio.cli.console import print_warning, stdout
from latentstudio.cli.drag import read_mask, start_of
from latentstudio.cli.drawing import check_png, make_folder, parse_range
from latentstudio.cli.info import is_recipe, read_recipe_text
from latentstudio.errors import InputError
from latentstudio.latent.sampling import parse_seeds

if TYPE_CHECKING:
    from latentstudio.document.edits import DirectionEdit, Source
    from latentstudio.document.recipe import Recipe
    from latentstudio.models.generator import Generator, GeneratorInfo


def region(
    model: Annotated[
        str,
        typer.Argument(metavar="MODEL|PICTURE", help="A model (path or id), or a picture or recipe file."),
    ],
    mask: Annotated[Path, typer.Option(help="A picture that is white inside the region, black outside.")],
    out: Annotated[Path, typer.Option(help="The picture, a PNG that carries its recipe.")],
    inside: Annotated[
        str, typer.Option(metavar="SEED|PICTURE", help="The start inside; by default the picture's own.")
    ] = "",
    layers: Annotated[str, typer.Option(help="Layers that the start inside gives, such as 0-5.")] = "",
    slider: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=AMOUNT",
            help="A slider inside, in sigma: a name that the model knows, or FILE:NAME; may be repeated.",
        ),
    ] = None,
    strength: Annotated[float, typer.Option(help="From 0, nothing, to 1.")] = 1.0,
    feather: Annotated[float, typer.Option(help="Width of the soft edge, in sides of the picture.")] = 0.05,
    stages: Annotated[
        str, typer.Option(metavar="FIRST:LAST", help="Stages that are joined, such as b8.conv0:b32.torgb.")
    ] = "",
    invert: Annotated[bool, typer.Option("--invert", help="Outside becomes inside.")] = False,
    seed: Annotated[int, typer.Option(help="Where a model's picture starts.")] = 0,
    trunc: Annotated[float, typer.Option(help="Truncation psi of a model's picture.")] = 1.0,
    class_index: Annotated[int | None, typer.Option("--class", help="Class, for conditional models.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
) -> None:
    """Show another picture inside a mask."""
    from latentstudio.document.local_edits import LocalEdit
    from latentstudio.document.recipe_json import dumps
    from latentstudio.engine.render import render
    from latentstudio.media.image import write_png

    check_png(out)
    painted = read_mask(mask)
    generator, recipe = start_of(model, seed, trunc, class_index, device)
    start, stop = parse_range(layers, generator.info.num_ws)
    first, last = _stages(stages, generator)
    edit = LocalEdit(
        painted.inverted() if invert else painted,
        f"Region {len(recipe.local) + 1}",
        _source(inside, recipe, generator),
        start,
        stop,
        tuple(_slider(text, generator.info) for text in slider or ()),
        (),
        strength,
        feather,
        first,
        last,
    )
    if edit.does_nothing:
        print_warning("The region changes nothing: give --inside or --slider, and a mask that is not black.")
    recipe = recipe.changed(local=(*recipe.local, edit))
    make_folder(out.parent)
    write_png(out, render(recipe, generator), dumps(recipe))
    stdout.print(str(out), highlight=False, markup=False)


def _source(text: str, recipe: Recipe, generator: Generator) -> Source | None:
    if not text:
        return None
    if is_recipe(text):
        from latentstudio.document.recipe_json import loads
        from latentstudio.engine.mixing import mix_source
        from latentstudio.engine.render import check_model

        other = loads(read_recipe_text(text))
        check_model(other, generator)
        return mix_source(other, recipe, generator)
    seeds = parse_seeds(text)
    if len(seeds) != 1:
        raise InputError(f'"{text}" names {len(seeds)} seeds; a region shows one.')
    return recipe.seeded(seeds[0])


def _slider(text: str, info: GeneratorInfo) -> DirectionEdit:
    from latentstudio.cli.directions import find_direction
    from latentstudio.document.edits import DirectionEdit
    from latentstudio.latent.directions import coordinate_direction

    name, _, amount = text.rpartition("=")
    try:
        value = float(amount)
    except ValueError:
        name = ""
    if not name:
        raise InputError(f'Can\'t read the slider "{text}".', "Write it like --slider Smile=2.")
    named = {n.casefold(): (n, i) for i, n in enumerate(info.provenance.z_names) if n}
    if name.casefold() in named:
        known, index = named[name.casefold()]
        return DirectionEdit(coordinate_direction(known, index, info.z_dim), value)
    if not Path(name.rpartition(":")[0] or name).expanduser().exists():
        raise InputError(
            f'This model knows no direction "{name}".',
            f"It knows {', '.join(info.provenance.z_names[:8])}, …" if named else "Write FILE:NAME=AMOUNT.",
        )
    return DirectionEdit(find_direction(name, info), value)


def _stages(text: str, generator: Generator) -> tuple[int, int | None]:
    if not text:
        return 0, None
    names = [stage.name for stage in generator.stages]
    first, _, last = text.partition(":")
    for name in (first or names[0], last or names[-1]):
        if name not in names:
            raise InputError(f'This model has no stage "{name}".', f"Its stages: {', '.join(names)}.")
    return names.index(first or names[0]), names.index(last) if last else None
