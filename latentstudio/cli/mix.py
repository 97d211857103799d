"""`latentstudio mix`: a style mixing grid.

File names, the order of the grid and the meaning of the options are those of the published tool.

Source: Karras et al., "A Style-Based Generator Architecture for GANs", figure 3; the options of the
published style_mixing.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from latentstudio.cli.console import stdout
from latentstudio.cli.drawing import classes_of, make_folder, parse_layers, pictures
from latentstudio.errors import InputError
from latentstudio.latent.sampling import parse_seeds

# In a StyleGAN2 these rows drive the layers of 4 to 32 pixels.
PUBLISHED_STYLES = 7


def mix(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model (path or id).")],
    rows: Annotated[str, typer.Option(help="Seeds that keep their fine styles, such as 85,100,75.")],
    cols: Annotated[str, typer.Option(help="Seeds that give their styles, such as 55,821.")],
    out: Annotated[Path, typer.Option("--out", "--outdir", help="Folder for the pictures.")],
    styles: Annotated[str, typer.Option(help="Layers taken from the column, such as 0-6.")] = "0-6",
    trunc: Annotated[float, typer.Option(help="Truncation psi.")] = 1.0,
    class_index: Annotated[int | None, typer.Option("--class", help="Class, for conditional models.")] = None,
    noise_mode: Annotated[str, typer.Option(help="const, random or none.")] = "const",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
) -> None:
    """Mix styles: each picture is its row's, with the column's styles on some layers."""
    import numpy as np

    from latentstudio.cli.model_argument import model_path, reference
    from latentstudio.document.recipe import Noise, Recipe, Source
    from latentstudio.document.recipe_json import dumps
    from latentstudio.engine.exploring import mixing_recipes
    from latentstudio.media.image import grid as sheet
    from latentstudio.media.image import write_png
    from latentstudio.models.registry import load_generator

    row_seeds, column_seeds, noise = parse_seeds(rows), parse_seeds(cols), Noise(noise_mode)
    if (len(row_seeds) + 1) * (len(column_seeds) + 1) > 10_000:
        raise InputError("The grid has more than ten thousand pictures.", "Name fewer seeds.")
    generator = load_generator(model_path(model), device)
    info = generator.info
    # The published default reaches further than a small model has layers.
    default = f"0-{min(PUBLISHED_STYLES, info.num_ws) - 1}"
    layers = parse_layers(default if styles == f"0-{PUBLISHED_STYLES - 1}" else styles, info.num_ws)
    base = Recipe(
        model=reference(info), classes=classes_of(class_index, info), truncation_psi=trunc, noise=noise
    )
    own = {seed: base.changed(sources=(Source(seed=seed),)) for seed in (*row_seeds, *column_seeds)}
    recipes = {(seed, seed): recipe for seed, recipe in own.items()}
    mixed = mixing_recipes(
        base, [Source(seed=s) for s in row_seeds], [Source(seed=s) for s in column_seeds], layers
    )
    for row, line in zip(row_seeds, mixed, strict=True):
        # Where a row meets itself as a column nothing is mixed: the same picture under the same name.
        recipes |= {
            (row, column): recipe for column, recipe in zip(column_seeds, line, strict=True) if row != column
        }
    make_folder(out)
    drawn = {}
    for (row, column), picture in zip(recipes, pictures(generator, list(recipes.values())), strict=True):
        drawn[row, column] = picture
        write_png(out / f"{row}-{column}.png", picture, dumps(recipes[row, column]))
    first = drawn[row_seeds[0], row_seeds[0]]
    cells = [np.zeros_like(first), *(drawn[seed, seed] for seed in column_seeds)]
    for row in row_seeds:
        cells += [drawn[row, row], *(drawn[row, column] for column in column_seeds)]
    write_png(out / "grid.png", sheet(cells, len(column_seeds) + 1))
    stdout.print(f"{len(drawn)} pictures and grid.png in {out}", highlight=False, markup=False)
