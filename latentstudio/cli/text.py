"""`latentstudio text`: change a picture the way two prompts differ.

Needs CLIP's weights on this machine; says so where they are not named. The picture's recipe holds the
style channels that were moved, so that it can be drawn without CLIP.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from latentstudio.cli.console import progress_bar, stdout
from latentstudio.cli.drag import start_of
from latentstudio.cli.drawing import check_png, make_folder

if TYPE_CHECKING:
    from latentstudio.document.edits import ChannelEdit
    from latentstudio.models.generator import Generator


def text(
    model: Annotated[
        str,
        typer.Argument(metavar="MODEL|PICTURE", help="A model (path or id), or a picture or recipe file."),
    ],
    target: Annotated[str, typer.Option("--to", help='What it should be, such as "a smiling face".')],
    out: Annotated[Path, typer.Option(help="The picture, a PNG that carries its recipe.")],
    neutral: Annotated[str, typer.Option("--from", help='What it is, such as "a face".')] = "a face",
    clip: Annotated[
        str, typer.Option(metavar="PATH", help="CLIP's weights, or their folder; by default the settings'.")
    ] = "",
    words: Annotated[str, typer.Option(help="CLIP's list of words, where not beside its weights.")] = "",
    strength: Annotated[float, typer.Option(help="How far, in sigma of the most relevant channel.")] = 4.0,
    channels: Annotated[int, typer.Option(help="How many style channels at most.")] = 40,
    samples: Annotated[
        int, typer.Option(help="Pictures that each channel is tried on; kept for the next time.")
    ] = 4,
    seed: Annotated[int, typer.Option(help="Where a model's picture starts.")] = 0,
    trunc: Annotated[float, typer.Option(help="Truncation psi of a model's picture.")] = 1.0,
    class_index: Annotated[int | None, typer.Option("--class", help="Class, for conditional models.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
) -> None:
    """Move style channels from one prompt toward another."""
    from latentstudio.document.recipe_json import dumps
    from latentstudio.document.text_channels import with_text
    from latentstudio.engine.render import render
    from latentstudio.media.image import write_png
    from latentstudio.models.clip.reading import require_clip
    from latentstudio.settings import load_settings

    check_png(out)
    path = clip or load_settings().clip
    require_clip(path)
    generator, recipe = start_of(model, seed, trunc, class_index, device)
    edits = _channels(generator, path, words, neutral, target, samples, channels)
    recipe = with_text(recipe, edits, strength)
    make_folder(out.parent)
    write_png(out, render(recipe, generator), dumps(recipe))
    first = ", ".join(f"{edit.layer} {edit.channel}" for edit in edits[:3])
    stdout.print(f"{out}: {len(edits)} channels, first {first}", highlight=False, markup=False)


def _channels(
    generator: Generator, path: str, words: str, neutral: str, target: str, samples: int, count: int
) -> tuple[ChannelEdit, ...]:
    from latentstudio.engine.text_directions import text_direction_job

    job = text_direction_job(path, neutral, target, words=words, samples=samples, count=count)
    steps = job.start(generator)
    with progress_bar() as bar:
        task = bar.add_task(job.title, total=None)
        while True:
            try:
                progress = next(steps)
            except StopIteration as end:
                edits: tuple[ChannelEdit, ...] = end.value
                return edits
            bar.update(task, completed=progress.done, total=progress.total or None, description=progress.text)
