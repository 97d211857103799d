"""`latentstudio grid`: many seeds as one picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from latentstudio.cli.console import stdout
from latentstudio.cli.drawing import check_png, classes_of, make_folder, pictures
from latentstudio.errors import InputError
from latentstudio.latent.sampling import parse_seeds

# A sheet beyond this many pixels is more than most programs will open.
MAX_PIXELS = 400_000_000


def grid(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model (path or id).")],
    out: Annotated[Path, typer.Option("--out", help="The PNG to write.")],
    seeds: Annotated[str, typer.Option(help="Such as 0-63.")] = "0-63",
    trunc: Annotated[float, typer.Option(help="Truncation psi.")] = 1.0,
    columns: Annotated[int, typer.Option(min=1, help="Pictures in a row.")] = 8,
    size: Annotated[int | None, typer.Option(min=1, help="Longer side of each picture, in pixels.")] = None,
    gap: Annotated[int, typer.Option(min=0, max=256, help="Pixels between pictures.")] = 0,
    class_index: Annotated[int | None, typer.Option("--class", help="Class, for conditional models.")] = None,
    noise_mode: Annotated[str, typer.Option(help="const, random or none.")] = "const",
    draw: Annotated[
        str, typer.Option(help="How a seed becomes z: normal, or BigGAN's resampled or truncnorm.")
    ] = "normal",
    limit: Annotated[float, typer.Option(help="Threshold of resampled, factor of truncnorm.")] = 1.0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
) -> None:
    """Draw a sheet of seeds, row by row."""
    from latentstudio.cli.model_argument import model_path, reference
    from latentstudio.document.recipe import Noise, Recipe, Source
    from latentstudio.media.image import grid as sheet
    from latentstudio.media.image import shrunk, write_png
    from latentstudio.models.registry import load_generator

    check_png(out)
    numbers, noise = parse_seeds(seeds), Noise(noise_mode)
    generator = load_generator(model_path(model), device)
    info = generator.info
    side = min(size or info.img_resolution, info.img_resolution)
    if len(numbers) * side * side > MAX_PIXELS:
        raise InputError(
            f"{len(numbers)} pictures of {side} pixels are too many for one sheet.",
            "Ask for fewer seeds, or for smaller pictures with --size.",
        )
    base = Recipe(
        model=reference(info), classes=classes_of(class_index, info), truncation_psi=trunc, noise=noise
    )
    recipes = [base.changed(sources=(Source(seed=n, draw=draw, limit=limit),)) for n in numbers]
    make_folder(out.parent)
    drawn = [shrunk(picture, side) for picture in pictures(generator, recipes)]
    write_png(out, sheet(drawn, columns, gap))
    stdout.print(str(out), highlight=False, markup=False)
