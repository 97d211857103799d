"""What the steps of a projection do: which picture, which variables, which way, how far.

Owns the published ramps and the plan of the fast method. Plain arithmetic, any thread.

Source: Karras et al., "Analyzing and Improving the Image Quality of StyleGAN", appendix D, for the
published method; the fast one is this program's own and measured in docs/inversion.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from latentstudio.inversion.options import LARGE_PX, PUBLISHED, ProjectionOptions
from latentstudio.inversion.synthesis import Rung
from latentstudio.inversion.whitened import MAX_NUMBERS
from latentstudio.latent.spaces import W

PUBLISHED_RATE = 0.1
# The fast method's largest step of Adam, in units of the latent's spread in one direction.
FAST_RATE = 0.3
# The same along axes of its own, in units of the latent's spread in all directions together.
WHITENED_RATE = 0.26
# Its shares of the steps: to look around with Adam, and to fit the noise on the whole picture at the end.
LOOK_AROUND, FIT_NOISE = 1 / 3, 0.3
# Where the latent is short enough for axes of its own, they are worth more of the steps.
LOOK_FAR = 0.67
# Fewer steps than this are not worth a plan.
SHORT = 20
# Early pictures serve only where the whole one is so large that it costs many times as much.
EARLY_FROM_PX, EARLY_PX, COMPARED_PX = LARGE_PX, 128, 256
ADAM, WHITENED, QUASI_NEWTON = "adam", "whitened", "quasi-newton"


@dataclass(frozen=True)
class Phase:
    """Steps of one kind.

    Attributes:
        rung: which of the generator's pictures they look at.
        start: the first step.
        stop: the first step that is no longer part of it.
        way: "adam", "whitened" or "quasi-newton".
        fits_noise: whether the noise maps move too.
    """

    rung: Rung
    start: int
    stop: int
    way: str = ADAM
    fits_noise: bool = True


def published_rate(step: int, options: ProjectionOptions) -> float:
    """Adam's rate in a step: a linear rise, then flat, then half a cosine down."""
    t = step / options.total_steps
    ramp = min(1.0, (1 - t) / options.rampdown) if options.rampdown else 1.0
    ramp = 0.5 - 0.5 * math.cos(ramp * math.pi)
    rate = options.learning_rate or PUBLISHED_RATE
    return rate * ramp * (min(1.0, t / options.rampup) if options.rampup else 1.0)


def fast_ramp(step: int, phase: Phase) -> float:
    """The share of the rate in a step of Adam: a short rise, flat, the second half a cosine down."""
    count = phase.stop - phase.start
    t = (step - phase.start) / count
    ramp = 0.5 - 0.5 * math.cos(min(1.0, 2 * (1 - t)) * math.pi)
    return ramp * min(1.0, (step - phase.start + 1) / max(1.0, 0.1 * count))


def cooled(step: int, phase: Phase) -> float:
    """The share of the rate in a step along axes of its own: a short rise, then half a cosine down."""
    t = (step - phase.start) / (phase.stop - phase.start)
    return (0.5 + 0.5 * math.cos(math.pi * t)) * min(1.0, (step - phase.start + 1) / 10)


def added_noise(step: int, options: ProjectionOptions) -> float:
    """How much noise the published method adds to the latent, in units of its spread."""
    if not options.noise_ramp or options.method != PUBLISHED:
        return 0.0
    t = step / options.total_steps
    return options.noise_factor * max(0.0, 1 - t / options.noise_ramp) ** 2


def phases(ladder: Sequence[Rung], options: ProjectionOptions, has_noise: bool, numbers: int) -> list[Phase]:
    """The plan of all steps.

    Args:
        ladder: the generator's pictures, the whole one last.
        options: method and number of steps.
        has_noise: whether noise maps are fitted.
        numbers: length of the latent that is fitted.
    """
    steps, whole = options.total_steps, ladder[-1]
    if options.method == PUBLISHED or steps < SHORT:
        return [Phase(whole, 0, steps)]
    early = [rung for rung in ladder[:-1] if EARLY_PX <= max(rung.size) <= COMPARED_PX]
    if max(whole.size) < EARLY_FROM_PX or not early:
        early = [whole]
    way, share = ADAM, LOOK_AROUND
    if early == [whole] and options.space == W and numbers <= MAX_NUMBERS:
        way, share = WHITENED, LOOK_FAR
    is_split = has_noise or early[-1] != whole
    nearer = steps - round(steps * FIT_NOISE) if is_split else steps
    around = round((nearer if way == WHITENED else steps) * share)
    found = [
        Phase(early[0], 0, around, way, False),
        Phase(early[-1], around, nearer, QUASI_NEWTON, False),
    ]
    if is_split:
        found.append(Phase(whole, nearer, steps, ADAM if has_noise else QUASI_NEWTON, has_noise))
    return found
