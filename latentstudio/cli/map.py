"""`latentstudio map`: many samples on a plane as one picture, at the same places as in the window."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from latentstudio.cli.console import stdout
from latentstudio.cli.drawing import check_png, classes_of, make_folder, pictures, run_job
from latentstudio.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from latentstudio.document.recipe import Recipe
    from latentstudio.engine.latent_map import MapLatents
    from latentstudio.latent.directions import Direction
    from latentstudio.models.generator import Generator

KINDS = ("components", "directions", "likeness")
PCA_SAMPLES = 50_000


def map_(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model (path or id).")],
    out: Annotated[Path, typer.Option("--out", help="The PNG to write.")],
    kind: Annotated[str, typer.Option(help="components, directions or likeness (t-SNE).")] = "components",
    samples: Annotated[int, typer.Option(min=8, max=20_000, help="How many seeds, from 0 on.")] = 5000,
    across: Annotated[str, typer.Option(metavar="FILE[:NAME]", help="Direction to the right.")] = "",
    up: Annotated[str, typer.Option(metavar="FILE[:NAME]", help="Direction upward.")] = "",
    colour: Annotated[str, typer.Option(help="class, brightness, contrast, ...; empty for none.")] = "",
    trunc: Annotated[float, typer.Option(help="Truncation psi of the pictures.")] = 1.0,
    class_index: Annotated[int | None, typer.Option("--class", help="One class instead of all.")] = None,
    size: Annotated[int, typer.Option(min=200, max=8000, help="Side of the map, in pixels.")] = 1600,
    picture: Annotated[int, typer.Option(min=0, max=512, help="Side of the small pictures; 0: none.")] = 64,
    table: Annotated[Path | None, typer.Option(help="Also write seed, x and y to this .csv.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
) -> None:
    """Draw a map of many samples: where each lies, and pictures between them."""
    import numpy as np

    from latentstudio.cli.model_argument import model_path, reference
    from latentstudio.document.map_moves import sample_recipe
    from latentstudio.document.recipe import Recipe
    from latentstudio.engine.latent_map import map_latents_job
    from latentstudio.latent.map_layout import unit_values
    from latentstudio.media.image import write_png
    from latentstudio.media.map_picture import MapPicture
    from latentstudio.models.registry import load_generator

    check_png(out)
    if kind not in KINDS:
        raise InputError(f'There is no map by "{kind}".', f"Use {', '.join(KINDS)}.")
    if (kind == "directions") != bool(across and up):
        raise InputError("Two directions need --across and --up, and only they.")
    generator = load_generator(model_path(model), device)
    info = generator.info
    classes = classes_of(class_index, info) if class_index is not None else ()
    base = Recipe(model=reference(info), classes=classes, truncation_psi=trunc)
    axes = _axes(generator, kind, across, up)
    space = axes[0].space if axes is not None else ("w" if info.has_mapping else "z")
    latents: MapLatents = run_job(
        map_latents_job(base, samples, space, "", all_classes=class_index is None), generator
    )
    points = _points(generator, latents, axes)
    values, is_class = _values(generator, base, latents, colour)
    drawing = MapPicture(points, size, picture)
    shown = drawing.shown()
    recipes = [sample_recipe(base, int(i), latents.classes) for i in shown]
    drawn = dict(zip(map(int, shown), pictures(generator, recipes), strict=True)) if picture else {}
    unit = None if values is None or is_class else unit_values(values)
    make_folder(out.parent)
    write_png(
        out, drawing.draw(drawn, unit, values.astype(np.intp) if is_class and values is not None else None)
    )
    stdout.print(f"{samples} samples, {len(drawn)} pictures in {out}", highlight=False, markup=False)
    if table is not None:
        _write_table(table, points)
        stdout.print(str(table), highlight=False, markup=False)


def _axes(generator: Generator, kind: str, across: str, up: str) -> tuple[Direction, Direction] | None:
    from latentstudio.cli.directions import find_direction
    from latentstudio.engine.discovery import pca_job

    if kind == "likeness":
        return None
    if kind == "directions":
        return find_direction(across, generator.info), find_direction(up, generator.info)
    found = run_job(pca_job(PCA_SAMPLES), generator)
    if len(found) < 2:
        raise InputError("This model has fewer than two principal components.", "Use another --kind.")
    return found[0], found[1]


def _points(
    generator: Generator, latents: MapLatents, axes: tuple[Direction, Direction] | None
) -> NDArray[np.float64]:
    import numpy as np

    from latentstudio.engine.latent_map import embedding_job
    from latentstudio.latent.map_layout import Plane

    if axes is not None:
        return Plane.of(*axes, latents.center).places(latents.latents)
    return np.asarray(run_job(embedding_job(latents.latents, ""), generator), np.float64)


def _values(
    generator: Generator, base: Recipe, latents: MapLatents, colour: str
) -> tuple[NDArray[np.float32] | None, bool]:
    import numpy as np

    from latentstudio.engine.examples import scorer
    from latentstudio.engine.latent_map import map_factors_job

    count = len(latents.latents)
    if not colour:
        return None, False
    if colour == "class":
        if not latents.classes:
            raise InputError("These samples are of one class, or of none.", "Choose another --colour.")
        return (np.arange(count) % latents.classes).astype(np.float32), True
    scorer(generator, colour)  # or a sentence says what there is
    found = run_job(map_factors_job(base, count, latents.classes, ""), generator)
    if colour not in found:
        raise InputError(f'There is no colour "{colour}".', f"Such as {', '.join(list(found)[:8])}.")
    return found[colour], False


def _write_table(path: Path, points: NDArray[np.float64]) -> None:
    from latentstudio.atomic_file import write_atomically

    lines = ["seed,x,y", *(f"{seed},{x:.6g},{y:.6g}" for seed, (x, y) in enumerate(points))]
    make_folder(path.parent)
    write_atomically(path, ("\n".join(lines) + "\n").encode())
