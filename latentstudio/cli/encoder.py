"""`latentstudio encoder`: a model learns to invert its own pictures.

The encoder is kept by the model's hash, and from then on inversions of that model start from it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from latentstudio.cli.console import progress_bar, stdout


def encoder(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model: path or id.")],
    steps: Annotated[int, typer.Option(help="In all, with those of earlier runs.")] = 3000,
    batch: Annotated[int, typer.Option(help="Pictures a step.")] = 64,
    seed: Annotated[int, typer.Option(help="Of the samples and the first weights.")] = 0,
    out: Annotated[
        Path | None, typer.Option(help="The file; by default where inversions look for it.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
) -> None:
    """Train a small network that guesses a picture's latent at once; interrupted, it goes on later."""
    from latentstudio.cli.invert import interruptible
    from latentstudio.cli.model_argument import model_path
    from latentstudio.errors import CancelledError
    from latentstudio.inversion.encoder_training import TrainingOptions, train
    from latentstudio.inversion.projection import Control
    from latentstudio.models.registry import load_generator

    generator = load_generator(model_path(model), device)
    control = Control()
    training = train(generator, TrainingOptions(steps, batch, seed=seed), out=out, control=control)
    losses: dict[str, float] = {}
    with progress_bar() as bar, interruptible(control):
        task = bar.add_task("Learning to invert", total=steps)
        while True:
            try:
                progress = next(training)
            except StopIteration as end:
                path: Path = end.value
                break
            losses |= progress.losses
            bar.update(task, completed=progress.step)
    told = ", ".join(f"{name} {value:.3f}" for name, value in losses.items())
    stdout.print(f"{path}  {told}", highlight=False, markup=False)
    if control.stops:
        raise CancelledError("Stopped; the same command goes on.")
