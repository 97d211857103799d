"""`latentstudio drag`: move points of a picture to other places.

The drag is the window's: the same points and options give the same recipe, with one more slider in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from latentstudio.cli.console import print_warning, progress_bar, stdout
from latentstudio.cli.drawing import check_png, classes_of, make_folder
from latentstudio.cli.info import is_recipe, read_recipe_text
from latentstudio.errors import InputError

if TYPE_CHECKING:
    from latentstudio.document.dragging import DragPoint
    from latentstudio.document.mask import Mask
    from latentstudio.document.recipe import Recipe
    from latentstudio.models.generator import Generator

POINT_HINT = "Write points as x,y in pixels of the picture, such as --from 31,38 --to 39,38."


def drag(
    model: Annotated[
        str,
        typer.Argument(metavar="MODEL|PICTURE", help="A model (path or id), or a picture or recipe file."),
    ],
    out: Annotated[Path, typer.Option(help="The picture after the drag, a PNG that carries its recipe.")],
    from_: Annotated[
        list[str], typer.Option("--from", metavar="X,Y", help="What is taken hold of; may be repeated.")
    ],
    to: Annotated[
        list[str], typer.Option("--to", metavar="X,Y", help="Where it should go; one for each --from.")
    ],
    seed: Annotated[int, typer.Option(help="Where a model's picture starts.")] = 0,
    trunc: Annotated[float, typer.Option(help="Truncation psi of a model's picture.")] = 1.0,
    class_index: Annotated[int | None, typer.Option("--class", help="Class, for conditional models.")] = None,
    mask: Annotated[
        Path | None, typer.Option(help="A picture that is white where things may move, black where not.")
    ] = None,
    stage: Annotated[str, typer.Option(help="The stage whose features are followed.")] = "",
    layers: Annotated[int | None, typer.Option(help="How many leading layers may move.")] = None,
    steps: Annotated[int, typer.Option(help="Give up after so many.")] = 300,
    rate: Annotated[float, typer.Option(help="How far one step goes, as a share of w's spread.")] = 0.02,
    frames: Annotated[Path | None, typer.Option(help="A folder for the picture of every step.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
) -> None:
    """Drag points of a picture."""
    from latentstudio.document.dragging import DragOptions
    from latentstudio.document.recipe_json import dumps
    from latentstudio.engine.dragging import drag_steps
    from latentstudio.engine.render import Renderer
    from latentstudio.media.image import write_png

    check_png(out)
    points = _points(from_, to)
    options = DragOptions(
        stage=stage,
        rows=layers,
        mask=None if mask is None else read_mask(mask),
        rate=rate,
        max_steps=steps,
    )
    generator, recipe = start_of(model, seed, trunc, class_index, device)
    make_folder(out.parent)
    if frames is not None:
        make_folder(frames)
    renderer, last = Renderer(generator, 64 << 20), None
    with progress_bar() as bar:
        task = bar.add_task("Dragging", total=steps)
        for last in drag_steps(generator, recipe, points, options):
            bar.update(task, completed=last.step, description=f"{last.distance:.1f} px to go")
            if frames is not None:
                write_png(frames / f"step{last.step:04d}.png", renderer.frame(last.recipe).image)
    assert last is not None
    write_png(out, renderer.frame(last.recipe).image, dumps(last.recipe))
    if not last.arrived:
        print_warning(f"{last.distance:.1f} pixels were left after {last.step} steps.")
    places = ", ".join(f"{x:.1f},{y:.1f}" for x, y in last.handles)
    stdout.print(f"{out}: {last.step} steps, handles at {places}", highlight=False, markup=False)


def start_of(
    model: str, seed: int, trunc: float, class_index: int | None, device: str
) -> tuple[Generator, Recipe]:
    """The generator and the recipe that an argument names: a picture's own, or a seed of a model."""
    from latentstudio.document.recipe import Recipe
    from latentstudio.models.registry import load_generator

    if is_recipe(model):
        from latentstudio.document.recipe_json import loads
        from latentstudio.inversion.tuning_store import adopt_tuning
        from latentstudio.models.library import find_model

        recipe = loads(read_recipe_text(model))
        adopt_tuning(recipe, Path(model).parent)
        return load_generator(find_model(recipe.model), device), recipe
    from latentstudio.cli.model_argument import model_path, reference

    generator = load_generator(model_path(model), device)
    classes = classes_of(class_index, generator.info)
    return generator, Recipe.from_seed(
        seed, model=reference(generator.info), truncation_psi=trunc, classes=classes
    )


def read_mask(path: Path) -> Mask:
    """A mask from any picture: white is inside; shrunk where it is larger than any mask needs to be."""
    import numpy as np

    from latentstudio.document.mask import Mask
    from latentstudio.media.image import read_pixels, shrunk

    pixels = read_pixels(path)
    if max(pixels.shape[:2]) > 1024:
        pixels = shrunk(pixels, 1024)
    return Mask(np.rint(pixels.mean(2)).astype(np.uint8))


def _points(handles: Sequence[str], targets: Sequence[str]) -> tuple[DragPoint, ...]:
    from latentstudio.document.dragging import DragPoint

    if len(handles) != len(targets):
        raise InputError(
            f"There are {len(handles)} points to drag from, but {len(targets)} to drag to.", POINT_HINT
        )
    return tuple(DragPoint(_point(a), _point(b)) for a, b in zip(handles, targets, strict=True))


def _point(text: str) -> tuple[float, float]:
    try:
        x, y = (float(part) for part in text.split(","))
    except ValueError as error:
        raise InputError(f'Can\'t read the point "{text}".', POINT_HINT) from error
    return x, y
