"""Measuring the fast precision of a freshly opened model, as a job.

Owns the wrapping only; the measurement is in `models.precision`. Runs on the engine's thread.
"""

from __future__ import annotations

from latentstudio.engine.requests import Job, JobSteps, Progress
from latentstudio.errors import InputError
from latentstudio.models.generator import Generator
from latentstudio.models.precision import probe_steps


def precision_job() -> Job:
    """Find out which precision is fast here; live frames use it from then on.

    The job's value is the name of the type, such as "bfloat16".
    """

    def start(generator: Generator | None) -> JobSteps:
        if generator is None:
            raise InputError("No model is open.")
        return _steps(generator)

    return Job("Measuring precision", start, tag="precision")


def _steps(generator: Generator) -> JobSteps:
    steps = probe_steps(generator)
    try:
        while True:
            try:
                done, total = next(steps)
            except StopIteration as end:
                generator.fast_dtype = end.value
                return str(generator.fast_dtype).removeprefix("torch.")
            yield Progress(done, total, "Measuring precision")
    finally:
        steps.close()
