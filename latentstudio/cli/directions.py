"""`latentstudio directions`: find directions, show what a file holds, draw where they lead."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from latentstudio.cli.console import stdout
from latentstudio.cli.drawing import classes_of, make_folder, parse_range, pictures, run_job
from latentstudio.errors import InputError

if TYPE_CHECKING:
    from latentstudio.latent.directions import Direction
    from latentstudio.models.generator import Generator, GeneratorInfo

OWN_SUFFIX = ".directions.json"
AMOUNTS = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)
DEFAULT_COMPONENTS = 10


def directions(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model (path or id).")],
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write: .directions.json or .npz.")
    ] = None,
    pca: Annotated[int, typer.Option(min=0, max=512, help="How many principal components of w.")] = 0,
    sefa: Annotated[int, typer.Option(min=0, max=512, help="How many directions of SeFa.")] = 0,
    samples: Annotated[
        int, typer.Option(min=2, max=10_000_000, help="How many w's the PCA looks at.")
    ] = 50_000,
    score: Annotated[
        str, typer.Option(help="From the lowest to the highest of a score: brightness, realism, ...")
    ] = "",
    scored: Annotated[int, typer.Option(min=50, max=100_000, help="How many seeds are scored.")] = 1000,
    has: Annotated[str, typer.Option(help="Seeds whose pictures have it, such as 1,5-7.")] = "",
    has_not: Annotated[str, typer.Option(help="Seeds whose pictures have it not.")] = "",
    name: Annotated[str, typer.Option(help="Of the direction from --has or --score.")] = "",
    layers: Annotated[str, typer.Option(help="Only these layers, such as 0-5; the others stay.")] = "",
    source: Annotated[
        Path | None, typer.Option("--import", help="Show what this file holds instead of finding any.")
    ] = None,
    strip: Annotated[
        Path | None, typer.Option(help="Folder for pictures from -3 to 3 sigma, one strip a direction.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the strips' picture.")] = 0,
    trunc: Annotated[float, typer.Option(help="Truncation psi of the strips.")] = 0.7,
    size: Annotated[int | None, typer.Option(min=1, help="Longer side of a strip's pictures.")] = None,
    class_index: Annotated[int | None, typer.Option("--class", help="Class, for conditional models.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
) -> None:
    """Find directions (PCA, SeFa), or look at a file of them."""
    from latentstudio.cli.model_argument import model_path
    from latentstudio.models.registry import load_generator

    by_example = bool(score or has or has_not)
    if source is not None and (pca or sefa or by_example):
        raise typer.BadParameter("a file is shown as it is", param_hint="--import")
    if source is None and out is None and strip is None:
        raise typer.BadParameter("name a file, or a folder with --strip", param_hint="--out")
    if bool(has) != bool(has_not) or (score and has):
        raise typer.BadParameter("give --has and --has-not together, or --score", param_hint="--has")
    if out is not None:
        _check_name(out)
    generator = load_generator(model_path(model), device)
    info = generator.info
    start, stop = parse_range(layers, info.num_ws)
    if source is not None:
        found = read_for(source, info)
    elif by_example:
        classes = classes_of(class_index, info)
        found = [_by_example(generator, classes, trunc, (score, scored), (has, has_not), name)]
    else:
        # Without a wish the strongest principal components: every model has them.
        found = _find(generator, pca or (0 if sefa else DEFAULT_COMPONENTS), sefa, samples, start, stop)
    found = [_on_layers(direction, start, stop, info.num_ws) for direction in found]
    _print(found)
    if out is not None:
        make_folder(out.parent)
        _write(out, found)
        stdout.print(str(out), highlight=False, markup=False)
    if strip is not None:
        classes = classes_of(class_index, info)
        _draw_strips(generator, found, strip, seed, trunc, size, classes)


def read_for(path: Path, info: GeneratorInfo) -> list[Direction]:
    """The directions of a file that fit a model; InputError where none does."""
    from latentstudio.document.direction_file import read_directions

    return read_directions(path, z_dim=info.z_dim, w_dim=info.w_dim)


def find_direction(text: str, info: GeneratorInfo) -> Direction:
    """The direction that a person wrote as FILE, FILE:NAME, or the NAME of one that the model itself has.

    Raises:
        InputError: there is no such file or name, or the file holds several and none was named.
    """
    from latentstudio.document.direction_file import directions_beside
    from latentstudio.engine.discovery import named_directions

    path, name = Path(text).expanduser(), ""
    if not path.exists():
        own = named_directions(info.provenance.z_names, info.z_dim)
        own += directions_beside(info.path, z_dim=info.z_dim, w_dim=info.w_dim)
        for direction in own:
            if direction.name.casefold() == text.casefold():
                return direction
    if not path.exists() and ":" in text:
        file, _, name = text.rpartition(":")
        path = Path(file).expanduser()
    found = read_for(path, info)
    names = ", ".join(direction.name for direction in found[:8]) + (", …" if len(found) > 8 else "")
    if not name:
        if len(found) == 1:
            return found[0]
        raise InputError(
            f'"{path.name}" holds {len(found)} directions.', f"Write {path.name}:NAME, with one of {names}."
        )
    for direction in found:
        if direction.name.casefold() == name.casefold():
            return direction
    raise InputError(f'"{path.name}" holds no direction "{name}".', f"It holds {names}.")


# --- finding ------------------------------------------------------------------------------------


def _find(
    generator: Generator, pca: int, sefa: int, samples: int, start: int, stop: int | None
) -> list[Direction]:
    from latentstudio.engine.discovery import pca_job

    found: list[Direction] = []
    if pca:
        found += run_job(pca_job(samples, pca), generator) or []
    if sefa:
        found += _sefa(generator, sefa, start, stop)
    return found


def _by_example(
    generator: Generator,
    classes: tuple[tuple[int, float], ...],
    trunc: float,
    scored: tuple[str, int],
    marked: tuple[str, str],
    name: str,
) -> Direction:
    """A direction between two sets of seeds, by a score or as marked, like the window's."""
    import numpy as np

    from latentstudio.cli.model_argument import reference
    from latentstudio.document.recipe import Recipe
    from latentstudio.engine.examples import OTHERS, fit_job, latents_job, score_job, seeds_as_recipes
    from latentstudio.latent.sampling import parse_seeds
    from latentstudio.latent.spaces import W, Z

    space = W if generator.info.has_mapping else Z
    base = Recipe(model=reference(generator.info), classes=classes, truncation_psi=trunc)
    if scored[0]:
        fit = run_job(score_job(base, scored[0], "", scored[1], space=space), generator).fit
    else:
        first, second = (parse_seeds(text) for text in marked)
        seeds = [*first, *second, *range(OTHERS)]
        if space == Z:
            rows = [base.seeded(seed).z(generator.info.z_dim) for seed in seeds]
        else:
            rows = [ws[0] for ws in run_job(latents_job(seeds_as_recipes(base, seeds), ""), generator)]
        stacked, ends = np.stack(rows), len(first) + len(second)
        parts = (stacked[: len(first)], stacked[len(first) : ends], stacked[ends:])
        fit = run_job(fit_job(*parts, "linear SVM", ""), generator)
    if fit.accuracy is not None:
        words = f"{fit.accuracy:.0%} of {fit.held_out} held-out examples on the right side"
        stdout.print(words, highlight=False, markup=False)
    found: Direction = fit.as_direction(name or scored[0].capitalize() or "Direction", space)
    return found


def _sefa(generator: Generator, count: int, start: int, stop: int | None) -> list[Direction]:
    """SeFa on the styles of a range of layers, scaled by the spread of w like the window's."""
    import numpy as np

    from latentstudio.engine.discovery import sample_w
    from latentstudio.latent.discovery import Components
    from latentstudio.latent.discovery import sefa as factorise
    from latentstudio.latent.spaces import layer_range

    rows = layer_range(start, stop, generator.info.num_ws)
    weights = [w.weight.float().cpu().numpy() for w in generator.style_weights() if w.row in rows]
    if not weights:
        raise InputError(
            f"SeFa has nothing to factorise: {generator.info.family} has no style layers there.",
            "Use --pca, or other --layers.",
        )
    components = factorise(weights, count)
    spread = sample_w(generator, 4096, np.random.RandomState(0)) @ components.vectors.T
    scaled = Components(
        components.vectors, spread.std(0).astype(np.float32), components.share, components.mean
    )
    return scaled.as_directions("SeFa", "sefa")


def _on_layers(direction: Direction, start: int, stop: int | None, num_ws: int) -> Direction:
    """The direction with other layers standing still, so that the range travels with the file."""
    from dataclasses import replace

    import numpy as np

    from latentstudio.latent.spaces import Latent, W, as_rows, layer_range

    rows = layer_range(start, stop, num_ws)
    if len(rows) == num_ws:
        return direction
    if direction.space != W:
        raise InputError(f'"{direction.name}" acts on z, which all layers share.', "Leave --layers away.")
    values = np.zeros((num_ws, direction.values.shape[-1]), np.float32)
    values[rows.start : rows.stop] = as_rows(direction.values.array, num_ws)[rows.start : rows.stop]
    return replace(direction, values=Latent(values))


# --- telling and writing ------------------------------------------------------------------------


def _print(found: Sequence[Direction]) -> None:
    import numpy as np
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("Name", "Space", "Shape", "Sigma", "Length", "Found by"):
        table.add_column(heading)
    for direction in found:
        table.add_row(
            direction.name,
            direction.space,
            " x ".join(map(str, direction.values.shape)),
            f"{direction.sigma:.4g}",
            f"{np.linalg.norm(direction.values.array):.4g}",
            direction.origin,
        )
    stdout.print(table, highlight=False, markup=False)


def _check_name(out: Path) -> None:
    if not out.name.endswith(OWN_SUFFIX) and out.suffix.lower() != ".npz":
        raise InputError(
            f'"{out.name}" is not the name of a file of directions.',
            f"Write it like --out faces{OWN_SUFFIX}, or with .npz for other programs.",
        )


def _write(out: Path, found: list[Direction]) -> None:
    import numpy as np

    from latentstudio.atomic_file import write_atomically
    from latentstudio.document.direction_file import write_directions

    if out.name.endswith(OWN_SUFFIX):
        write_directions(out, found)
        return
    # Other programs know no sigma: in the arrays one unit is one sigma.
    arrays: dict[str, Any] = {d.name: d.values.array * np.float32(d.sigma) for d in found}
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    write_atomically(out, buffer.getvalue())


def _draw_strips(
    generator: Generator,
    found: Sequence[Direction],
    folder: Path,
    seed: int,
    trunc: float,
    size: int | None,
    classes: tuple[tuple[int, float], ...],
) -> None:
    import numpy as np

    from latentstudio.cli.model_argument import reference
    from latentstudio.document.recipe import DirectionEdit, Recipe
    from latentstudio.media.image import grid, shrunk, write_png

    base = Recipe.from_seed(seed, model=reference(generator.info), truncation_psi=trunc, classes=classes)
    make_folder(folder)
    recipes = [
        base.changed(directions=(DirectionEdit(direction, amount),))
        for direction in found
        for amount in AMOUNTS
    ]
    side = min(size or generator.info.img_resolution, generator.info.img_resolution)
    row: list[np.ndarray] = []
    names = _file_names(found)
    for picture in pictures(generator, recipes, "Drawing strips"):
        row.append(shrunk(picture, side))
        if len(row) == len(AMOUNTS):
            write_png(folder / names.pop(0), grid(row, len(row)))
            row = []
    stdout.print(f"{len(found)} strips in {folder}", highlight=False, markup=False)


def _file_names(found: Sequence[Direction]) -> list[str]:
    """A name for each strip that any file system takes; a number is added where two are the same."""
    names: list[str] = []
    for direction in found:
        stem = re.sub(r"[^\w.-]+", "-", direction.name).strip("-.")[:80] or "direction"
        name, number = f"{stem}.png", 2
        while name.casefold() in {taken.casefold() for taken in names}:
            name, number = f"{stem}-{number}.png", number + 1
        names.append(name)
    return names
