"""Making a freshly opened model quick to follow, as jobs: its fast precision, its early pictures.

Owns the wrapping only; the measurement and the fit are in `models`. Runs on the engine's thread.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Generator as Iteration
from typing import Any

from latentstudio.engine.requests import Job, JobSteps, Progress
from latentstudio.errors import InputError
from latentstudio.models.generator import Generator
from latentstudio.models.precision import probe_steps
from latentstudio.models.preview_heads import fit_steps

Steps = Iteration[tuple[int, int], None, Any]


def precision_job() -> Job:
    """Find out which precision is fast here; live frames use it from then on.

    The job's value is the name of the type, such as "bfloat16".
    """

    def finish(generator: Generator, value: Any) -> str:
        generator.fast_dtype = value
        return str(value).removeprefix("torch.")

    return _job("Measuring precision", "precision", probe_steps, finish)


def preview_job() -> Job:
    """Fit early pictures for a model that has none of its own; live frames use them from then on.

    The job's value is the number of resolutions that got one.
    """
    return _job("Fitting previews", "previews", fit_steps, lambda _, value: int(value))


def _job(
    title: str, tag: str, steps: Callable[[Generator], Steps], finish: Callable[[Generator, Any], Any]
) -> Job:
    def run(generator: Generator) -> JobSteps:
        inner = steps(generator)
        try:
            while True:
                try:
                    done, total = next(inner)
                except StopIteration as end:
                    return finish(generator, end.value)
                yield Progress(done, total, title)
        finally:
            inner.close()

    def start(generator: Generator | None) -> JobSteps:
        if generator is None:
            raise InputError("No model is open.")
        return run(generator)

    return Job(title, start, tag=tag)
