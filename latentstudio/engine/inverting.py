"""Inversion as a job, for the window.

Owns the translation of `inversion.projector` into `Job`; runs on the engine's thread, between pictures.
"""

from __future__ import annotations

from collections.abc import Sequence

from latentstudio.engine.requests import Job, JobSteps, Progress
from latentstudio.errors import InputError
from latentstudio.inversion.encoder_training import TrainingOptions, train
from latentstudio.inversion.options import ProjectionOptions
from latentstudio.inversion.projection import Checkpoint, Control
from latentstudio.inversion.projector import project
from latentstudio.inversion.target import Target
from latentstudio.models.generator import Generator

INVERT_TAG = "invert"
ENCODER_TAG = "encoder"


def invert_job(
    targets: Sequence[Target],
    options: ProjectionOptions,
    control: Control | None = None,
    resume: Sequence[Checkpoint | None] = (),
) -> Job:
    """A job whose value is one `Projection` a target; each progress carries a `ProjectionProgress`.

    Args:
        targets: at the generator's own size.
        options: how.
        control: stops it early, with what was reached as the result.
        resume: where to go on from, for each target.
    """
    names = ", ".join(target.name for target in targets if target.name)
    title = f"Inverting {names}" if 0 < len(names) < 40 else f"Inverting {len(targets)} photos"

    def start(generator: Generator | None) -> JobSteps:
        if generator is None:
            raise InputError("No model is open.")
        return steps(generator)

    def steps(generator: Generator) -> JobSteps:
        projecting = project(generator, targets, options, control=control, resume=resume)
        try:
            while True:
                try:
                    progress = next(projecting)
                except StopIteration as end:
                    return end.value
                yield Progress(progress.step, progress.steps, progress.text, progress)
        finally:
            projecting.close()

    return Job(title, start, tag=INVERT_TAG)


def encoder_job(options: TrainingOptions | None = None, control: Control | None = None) -> Job:
    """Learn to invert: a job whose value is the encoder's file; each progress carries a `TrainingProgress`.

    From then on inversions of this model start from the encoder. A cancelled or stopped training goes on
    where it stood when it is asked for again.

    Args:
        options: how.
        control: stops it early; the encoder so far is used.
    """

    def start(generator: Generator | None) -> JobSteps:
        if generator is None:
            raise InputError("No model is open.")
        return steps(generator)

    def steps(generator: Generator) -> JobSteps:
        training = train(generator, options, control=control)
        try:
            while True:
                try:
                    progress = next(training)
                except StopIteration as end:
                    return end.value
                yield Progress(progress.step, progress.steps, "Learning to invert", progress)
        finally:
            training.close()

    return Job("Learning to invert", start, tag=ENCODER_TAG)
