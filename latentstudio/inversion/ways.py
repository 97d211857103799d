"""Which optimiser a phase of a fit has, how far its steps go, and how exactly they compute.

Owns the choice and the rates; the arithmetic of each way is in a file of its own. One thread at a time.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from latentstudio.inversion.adam import Adam
from latentstudio.inversion.latents import Latents
from latentstudio.inversion.options import FAST, PUBLISHED, ProjectionOptions
from latentstudio.inversion.quasi_newton import QuasiNewton
from latentstudio.inversion.schedule import (
    EARLY_FROM_PX,
    FAST_RATE,
    PUBLISHED_RATE,
    QUASI_NEWTON,
    SHORT,
    WHITENED,
    WHITENED_RATE,
    Phase,
    cooled,
    fast_ramp,
    published_rate,
)
from latentstudio.inversion.synthesis import has_quick_bfloat16
from latentstudio.inversion.whitened import Whitened
from latentstudio.models.generator import Generator

Way = Adam | QuasiNewton | Whitened

# The first trial of the quasi-Newton phase goes this share of the spread.
FIRST_STEP = 0.02
# The latent's share of its rate while the noise is fitted.
SETTLED = 0.1
# The last steps are exact, whatever the precision.
EXACT_STEPS = 10


def way_of(phase: Phase, variables: Sequence[Tensor], unit: float) -> Way:
    """The optimiser of a phase, which knows nothing of earlier steps.

    Args:
        phase: what is begun.
        variables: leaves (N, ...).
        unit: of the latents, see `Latents.unit`.
    """
    if phase.way == QUASI_NEWTON:
        return QuasiNewton(variables, FIRST_STEP * unit)
    return Whitened(variables) if phase.way == WHITENED else Adam(variables)


def advance(
    way: Adam | Whitened, step: int, phase: Phase, options: ProjectionOptions, latents: Latents
) -> None:
    """One step by the gradients on the variables, at the rate that the plan gives it."""
    numbers = latents.values.shape[-1]
    if isinstance(way, Whitened):
        rate = options.learning_rate * numbers**0.5 or WHITENED_RATE * latents.unit
        way.step(rate * cooled(step, phase))
        return
    count = len(latents.variables)
    others = len(way.variables) - count
    if options.method == PUBLISHED or options.total_steps < SHORT:
        way.step(published_rate(step, options))
        return
    ramp = fast_ramp(step, phase)
    rate = options.learning_rate or FAST_RATE * latents.unit / numbers**0.5
    # By the time the noise is fitted the latent is nearly there.
    settled = SETTLED if phase.fits_noise else 1.0
    way.step([rate * ramp * settled] * count + [PUBLISHED_RATE * ramp] * others)


def dtype_of(phase: Phase, step: int, generator: Generator, options: ProjectionOptions) -> torch.dtype:
    """In which type a step computes the features.

    A line search needs exact losses, and the last steps decide the picture; the others may be rough.
    """
    is_rough = phase.way != QUASI_NEWTON and step < options.total_steps - EXACT_STEPS
    is_large = generator.info.img_resolution >= EARLY_FROM_PX
    is_worth_it = options.method == FAST and (is_large or phase.way == WHITENED)
    if options.precision == "exact" or not (is_rough and is_worth_it and generator.has_fast_precision):
        return torch.float32
    return torch.bfloat16 if has_quick_bfloat16(generator.device) else torch.float32
