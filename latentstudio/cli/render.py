"""`latentstudio render`: pictures from seeds, or from the recipe that a picture carries.

Pixels are those of `latentstudio.render`: each picture is drawn alone, from a recipe of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from latentstudio.cli.console import stdout
from latentstudio.cli.drawing import check_png, classes_of, make_folder, parse_range, pictures
from latentstudio.cli.info import is_recipe, read_recipe_text
from latentstudio.errors import InputError
from latentstudio.latent.sampling import parse_seeds

if TYPE_CHECKING:
    from latentstudio.document.recipe import DirectionEdit, Recipe, Source, Transform
    from latentstudio.models.generator import Generator, GeneratorInfo


def render(
    model: Annotated[
        str,
        typer.Argument(metavar="MODEL|RECIPE", help="A model (path or id), or a picture or recipe file."),
    ],
    out: Annotated[
        Path, typer.Option("--out", "--outdir", help="Folder for the pictures; for a recipe, the file.")
    ],
    seeds: Annotated[str, typer.Option(help="Such as 0,2,5-7.")] = "",
    trunc: Annotated[float, typer.Option(help="Truncation psi.")] = 1.0,
    trunc_cutoff: Annotated[int | None, typer.Option(help="Truncate only the first N rows.")] = None,
    class_index: Annotated[int | None, typer.Option("--class", help="Class, for conditional models.")] = None,
    noise_mode: Annotated[str, typer.Option(help="const, random or none.")] = "const",
    draw: Annotated[
        str, typer.Option(help="How a seed becomes z: normal, or BigGAN's resampled or truncnorm.")
    ] = "normal",
    limit: Annotated[float, typer.Option(help="Threshold of resampled, factor of truncnorm.")] = 1.0,
    noise_seed: Annotated[int, typer.Option(help="Seed of random noise.")] = 0,
    translate: Annotated[str, typer.Option(help="StyleGAN3: shift X,Y in picture widths.")] = "",
    rotate: Annotated[float, typer.Option(help="StyleGAN3: turn, in degrees.")] = 0.0,
    center_seeds: Annotated[
        str, typer.Option(help="Truncation moves toward the mean of these seeds, not the model's mean.")
    ] = "",
    projected_w: Annotated[
        Path | None, typer.Option(help="A .npz file with latents `w`, in place of seeds.")
    ] = None,
    direction: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE[:NAME]", help="Go along a direction of this file; may be repeated."),
    ] = None,
    amount: Annotated[
        list[float] | None, typer.Option(help="How far, in sigma; one for each --direction.")
    ] = None,
    layers: Annotated[
        list[str] | None,
        typer.Option(help="On which layers, such as 0-5; one for each --direction, or one for all."),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
) -> None:
    """Draw pictures; each PNG carries its recipe."""
    if is_recipe(model):
        _render_recipe(model, out, device)
        return
    from latentstudio.cli.model_argument import model_path, reference
    from latentstudio.document.recipe import Noise, Recipe, Source
    from latentstudio.models.registry import load_generator

    if bool(seeds) == (projected_w is not None):
        raise typer.BadParameter(
            "give either --seeds, such as 0,2,5-7, or --projected-w", param_hint="--seeds"
        )
    numbers = parse_seeds(seeds) if seeds else []
    noise = Noise(noise_mode, noise_seed)
    generator = load_generator(model_path(model), device)
    transform = _transform(translate, rotate, generator.info)
    base = Recipe(
        model=reference(generator.info),
        classes=classes_of(class_index, generator.info),
        truncation_psi=trunc,
        truncation_cutoff=trunc_cutoff,
        directions=_sliders(direction or [], amount or [], layers or [], generator.info),
        noise=noise,
        transform=transform,
    )
    if center_seeds:
        mean = _mean_of(
            generator, base, [Source(seed=n, draw=draw, limit=limit) for n in parse_seeds(center_seeds)]
        )
        base = base.changed(truncation_center=mean)
    if projected_w is not None:
        starts = _projected(projected_w)
        names = [f"proj{number:02d}.png" for number in range(len(starts))]
        # A fitted latent is what it is; published tools don't truncate it either.
        recipes = [base.changed(sources=(start,), truncation_psi=1.0) for start in starts]
    else:
        names = [f"seed{number:04d}.png" for number in numbers]
        starts = [Source(seed=number, draw=draw, limit=limit) for number in numbers]
        recipes = [base.changed(sources=(start,)) for start in starts]
    _write_all(generator, recipes, [out / name for name in names])


def _write_all(generator: Generator, recipes: Sequence[Recipe], paths: Sequence[Path]) -> None:
    from latentstudio.document.recipe_json import dumps
    from latentstudio.engine.render import check_model
    from latentstudio.media.image import write_png

    folder = paths[0].parent
    make_folder(folder)
    for recipe in recipes:
        check_model(recipe, generator)
    drawn = pictures(generator, recipes)
    for recipe, path, picture in zip(recipes, paths, drawn, strict=True):
        write_png(path, picture, dumps(recipe))
    if len(paths) == 1:
        stdout.print(str(paths[0]), highlight=False, markup=False)
    else:
        stdout.print(f"{len(paths)} pictures in {folder}", highlight=False, markup=False)


def _render_recipe(file: str, out: Path, device: str) -> None:
    from latentstudio.document.recipe_json import loads
    from latentstudio.inversion.tuning_store import adopt_tuning, export_tuning
    from latentstudio.models.library import find_model
    from latentstudio.models.registry import load_generator

    recipe = loads(read_recipe_text(file))
    check_png(out)
    adopt_tuning(recipe, Path(file).parent)
    _write_all(load_generator(find_model(recipe.model), device), [recipe], [out])
    export_tuning(recipe, out.parent)


def _mean_of(generator: Generator, base: Recipe, sources: Sequence[Source]) -> Source:
    """The mean of seeds as they are drawn, as the window's centre of a selection."""
    from latentstudio.document.recipe import Recipe, Source
    from latentstudio.engine.starts import mean_latent_job
    from latentstudio.latent.spaces import W_PLUS

    bare = Recipe(model=base.model, classes=base.classes)
    steps = mean_latent_job([bare.changed(sources=(source,)) for source in sources], "").start(generator)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return Source(W_PLUS, None, end.value)


def _sliders(
    directions: Sequence[str], amounts: Sequence[float], layers: Sequence[str], info: GeneratorInfo
) -> tuple[DirectionEdit, ...]:
    from latentstudio.cli.directions import find_direction
    from latentstudio.document.recipe import DirectionEdit

    if not directions and (amounts or layers):
        raise typer.BadParameter("it needs a --direction", param_hint="--amount" if amounts else "--layers")
    if amounts and len(amounts) != len(directions):
        raise typer.BadParameter("give one for each --direction", param_hint="--amount")
    if len(layers) > 1 and len(layers) != len(directions):
        raise typer.BadParameter("give one for each --direction, or one for all", param_hint="--layers")
    ranges = [parse_range(text, info.num_ws) for text in layers] or [(0, None)]
    ranges = ranges * len(directions) if len(ranges) == 1 else ranges
    return tuple(
        DirectionEdit(find_direction(text, info), amount, start, stop)
        for text, amount, (start, stop) in zip(
            directions, amounts or [1.0] * len(directions), ranges, strict=True
        )
    )


def _transform(translate: str, rotate: float, info: GeneratorInfo) -> Transform | None:
    from latentstudio.document.recipe import Transform

    if not translate and not rotate:
        return None
    if not info.has_transform:
        raise InputError(f"{info.family} can't shift or turn its picture; only StyleGAN3 can.")
    try:
        x, y = (float(part) for part in (translate or "0,0").split(","))
    except ValueError as error:
        raise InputError(
            f'Can\'t read the shift "{translate}".', "Write it like --translate 0.1,-0.2."
        ) from error
    return Transform(x, y, rotate)


def _projected(path: Path) -> list[Source]:
    """The latents of a file that published projectors write: `w`, (N, num_ws, w_dim)."""
    import zipfile

    import numpy as np

    from latentstudio.document.recipe import Source
    from latentstudio.latent.spaces import W_PLUS, Latent

    try:
        with np.load(path, allow_pickle=False) as stored:
            ws = np.asarray(stored["w"], np.float32)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise InputError(
            f'Can\'t read latents from "{path.name}".',
            "It must be an .npz file with an array `w`.",
            path=path,
        ) from error
    if ws.ndim != 3 or not len(ws):
        raise InputError(f'The latents in "{path.name}" have shape {ws.shape}, not (N, num_ws, w_dim).')
    return [Source(W_PLUS, None, Latent(row)) for row in ws]
