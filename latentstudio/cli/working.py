"""Where the command line measures: this process, worker processes, or a cluster.

Owns the choice that `calibrate` and `detect` share, and how long work shows its progress.
"""

from __future__ import annotations

from collections.abc import Generator as Iteration
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

from latentstudio.cli.console import progress_bar

if TYPE_CHECKING:
    from latentstudio.detection.work import Work
    from latentstudio.engine.requests import Progress
    from latentstudio.models.generator import Generator


@contextmanager
def place_of_work(generator: Generator, workers: int, scheduler: str, batch: int = 0) -> Iterator[Work]:
    """The place that the options name.

    Args:
        generator: the model, loaded here.
        workers: processes on this machine; 0 for none.
        scheduler: address of a running dask scheduler; empty for none.
        batch: pictures measured together in this process; 0 lets the projector decide.
    """
    if workers and scheduler:
        raise typer.BadParameter("give one of --workers and --scheduler", param_hint="--workers")
    if not workers and not scheduler:
        from latentstudio.detection.work import WorkHere

        yield WorkHere(generator, batch)
        return
    from pathlib import Path

    from latentstudio.cluster.farm import Farm

    info = generator.info
    with Farm(Path(info.path), info.sha256, workers=workers, scheduler=scheduler) as farm:
        yield farm


def followed(steps: Iteration[Progress, None, Any], title: str) -> Any:
    """Long work to its end, with a bar on stderr; what it returns."""
    with progress_bar() as bar:
        task = bar.add_task(title, total=None)
        while True:
            try:
                step = next(steps)
            except StopIteration as end:
                return end.value
            bar.update(task, completed=step.done, total=step.total or None, description=step.text)
