"""From photographs to latents by optimisation: the published recipe, and a faster one.

Owns `project`: batches, the order of things, what is reported. The parts are beside it: starts,
latents, noise maps, schedule, synthesis, distances. One thread at a time per generator; between two
yields the generator is as it was before, so that others may draw with it.

Source: Karras et al., "Analyzing and Improving the Image Quality of StyleGAN", appendix D ("Projection
of images to latent space").
"""

from __future__ import annotations

from collections.abc import Generator as Iteration
from collections.abc import Sequence
from dataclasses import replace

from latentstudio.errors import InputError
from latentstudio.inversion.fit import Fit
from latentstudio.inversion.options import ProjectionOptions
from latentstudio.inversion.pictures import check_targets
from latentstudio.inversion.pivotal import tune
from latentstudio.inversion.projection import Checkpoint, Control, Projection, ProjectionProgress
from latentstudio.inversion.target import Target
from latentstudio.models.generator import Generator

# Photographs fitted together: as many as have this many pixels in all, and never more than MAX_BATCH.
BATCH_PIXELS, MAX_BATCH = 1 << 17, 32

Steps = Iteration[ProjectionProgress, None, list[Projection]]


def project(
    generator: Generator,
    targets: Sequence[Target],
    options: ProjectionOptions | None = None,
    *,
    control: Control | None = None,
    resume: Sequence[Checkpoint | None] = (),
) -> Steps:
    """Find the latents whose pictures are nearest to photographs.

    Args:
        generator: in evaluation mode, without gradients of its own.
        targets: at the generator's own size.
        options: how; by default the fast method in w.
        control: lets another thread stop early and keep what was reached.
        resume: for each target where its fit stands, to go on from there; all of a batch must stand at
            the same step.

    Yields:
        progress, at least once a step, more often where a step takes long. The returned value is one
        `Projection` a target; where it was stopped early, only for the targets that were begun. Closing
        the iterator cancels.

    Raises:
        InputError: a target does not fit the generator, or the generator lacks what the options name.
        ModelNotFoundError: the distance needs a network that is not installed.
    """
    options = (options or ProjectionOptions()).for_model(generator.info)
    check_targets(generator, targets)
    if options.space not in generator.info.spaces:
        raise InputError(
            f"This model has no space {options.space}.", f"Use {' or '.join(generator.info.spaces)}."
        )
    size = batch_size(generator)
    batches = [range(start, min(start + size, len(targets))) for start in range(0, len(targets), size)]
    total = len(batches) * options.total_steps + len(targets) * options.tune_steps
    own = options.total_steps + options.tune_steps
    control = control or Control()
    done: list[Projection] = []
    for number, photos in enumerate(batches):
        if done and control.stops:
            break
        some = [targets[i] for i in photos]
        known = [resume[i] if i < len(resume) else None for i in photos]
        fit = Fit(generator, some, options, control)
        before = number * options.total_steps
        for progress in fit.run(known):
            yield _placed(progress, before, total, photos, before, own)
        done += fit.projections
        # Moments and maps of a batch must not wait for the end of the next one.
        del fit
    if options.tune_steps:
        for index, target in enumerate(targets[: len(done)]):
            before = len(batches) * options.total_steps + index * options.tune_steps
            tuning = tune(generator, target, done[index], options, control)
            while True:
                try:
                    progress = next(tuning)
                except StopIteration as end:
                    done[index] = end.value
                    break
                begun = before - options.total_steps
                yield _placed(progress, before, total, range(index, index + 1), begun, own)
    return done


def batch_size(generator: Generator) -> int:
    """How many photographs are fitted together."""
    height, width = generator.info.img_size
    return max(1, min(MAX_BATCH, BATCH_PIXELS // (height * width)))


def projected(
    generator: Generator, targets: Sequence[Target], options: ProjectionOptions | None = None
) -> list[Projection]:
    """`project` without its progress."""
    steps = project(generator, targets, options)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: list[Projection] = end.value
            return result


def _placed(
    progress: ProjectionProgress, before: int, total: int, photos: range, begun: int, own: int
) -> ProjectionProgress:
    """The progress of a part as part of the whole."""
    return replace(
        progress,
        step=before + progress.step,
        steps=total,
        photos=(photos.start, photos.stop),
        begun=begun,
        own_steps=own,
    )
