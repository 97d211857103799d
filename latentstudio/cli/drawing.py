"""What the drawing commands share: classes, layer ranges, pictures into a folder.

Owns the sentences about a class, a range and a folder that do not fit; draws through the renderer of
the window, so that pixels are the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latentstudio.cli.console import print_warning, progress_bar
from latentstudio.errors import InputError, SaveError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from latentstudio.document.recipe import Recipe
    from latentstudio.engine.requests import Job
    from latentstudio.models.generator import Generator, GeneratorInfo


def classes_of(index: int | None, info: GeneratorInfo) -> tuple[tuple[int, float], ...]:
    """The class a person named, for a recipe.

    Raises:
        InputError: a conditional model needs one, or has no such class.
    """
    if info.c_dim == 0:
        if index is not None:
            print_warning("--class has no effect: this model has no classes.")
        return ()
    if index is None:
        raise InputError(
            f"This model draws one of {info.c_dim} classes, and none was named.",
            f"Add --class with a number from 0 to {info.c_dim - 1}.",
        )
    if not 0 <= index < info.c_dim:
        raise InputError(f"There is no class {index}: this model has classes 0 to {info.c_dim - 1}.")
    return ((index, 1.0),)


def parse_layers(text: str, num_ws: int) -> list[int]:
    """Read layers such as "0-3,6" -> [0, 1, 2, 3, 6], first and last included.

    Raises:
        InputError: the text is not such a list, or names a layer that the model does not have.
    """
    layers: list[int] = []
    for part in text.replace(" ", "").split(","):
        first, dash, last = part.partition("-")
        if not (first.isascii() and first.isdigit()) or (dash and not (last.isascii() and last.isdigit())):
            raise InputError(f'Can\'t read the layers "{text}".', 'Write them like "0-3,6".')
        low, high = int(first), int(last or first)
        if high < low:
            raise InputError(f'The range "{part}" runs backwards.', f'Write "{high}-{low}".')
        if high >= num_ws:
            raise InputError(f"There is no layer {high}: this model has layers 0 to {num_ws - 1}.")
        layers.extend(range(low, high + 1))
    return sorted(set(layers))


def parse_range(text: str, num_ws: int) -> tuple[int, int | None]:
    """Read one range of layers such as "0-5" -> (0, 6); empty text means all.

    Raises:
        InputError: see `parse_layers`; or the layers don't follow one another.
    """
    if not text:
        return 0, None
    layers = parse_layers(text, num_ws)
    if len(layers) != layers[-1] - layers[0] + 1:
        raise InputError(f'The layers "{text}" are no single range.', 'Write them like "0-5".')
    return layers[0], layers[-1] + 1


def make_folder(folder: Path) -> None:
    """Create a folder for pictures.

    Raises:
        SaveError: the disk refuses.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SaveError(
            f'Can\'t create the folder "{folder}": {error.strerror}.', "Choose another with --out."
        ) from error


def check_png(path: Path) -> None:
    """Raise InputError unless a name is that of a PNG."""
    if path.suffix.lower() != ".png":
        raise InputError(f'"{path.name}" is not the name of a PNG.', "Write it like --out picture.png.")


def pictures(
    generator: Generator, recipes: Sequence[Recipe], what: str = "Drawing"
) -> Iterator[NDArray[np.uint8]]:
    """The pictures of recipes, uint8 (H, W, 3), one at a time, with a progress bar."""
    from latentstudio.engine.batches import BatchRenderer
    from latentstudio.engine.render import Renderer

    # What neighbours share is computed once: in a grid most pictures differ in a few layers only.
    drawn = BatchRenderer(Renderer(generator, 256 << 20)).pictures(recipes)
    with progress_bar() as bar:
        yield from bar.track(drawn, total=len(recipes), description=what)


def run_job(job: Job, generator: Generator) -> Any:
    """A job to its end, with a progress bar; its value."""
    steps = job.start(generator)
    with progress_bar() as bar:
        task = bar.add_task(job.title, total=None)
        while True:
            try:
                step = next(steps)
            except StopIteration as end:
                return end.value
            bar.update(task, completed=step.done, total=step.total or None, description=step.text)
