"""Installing a catalogue model as a job, for the window.

Owns the translation of `models.catalogue` into `Job`; runs on a thread of its own, beside the engine.
"""

from __future__ import annotations

from latentstudio.engine.requests import Job, JobSteps, Progress
from latentstudio.models.catalogue import install_steps, row
from latentstudio.models.generator import Generator
from latentstudio.settings import Folders

INSTALL_TAG = "catalogue-install"


def install_job(identity: str, folders: Folders | None = None) -> Job:
    """A job that installs one row of the catalogue and returns the path it was stored at.

    Raises:
        CatalogueError: there is no such row; everything else is told by the job.
    """
    title = f"Install {row(identity).title}"

    def start(_: Generator | None) -> JobSteps:
        steps = install_steps(identity, folders)
        try:
            while True:
                try:
                    step = next(steps)
                except StopIteration as end:
                    return end.value
                yield Progress(step.done, step.total, step.text)
        finally:
            steps.close()

    return Job(title, start, on_engine=False, tag=INSTALL_TAG)
