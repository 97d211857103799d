"""How the steps of a projection differ from one another: rates, added noise, sizes.

Owns the published ramps and the plan of the fast method. Plain arithmetic, any thread.

Source: Karras et al., "Analyzing and Improving the Image Quality of StyleGAN", appendix D.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from latentstudio.inversion.options import PUBLISHED, ProjectionOptions
from latentstudio.inversion.synthesis import Rung

# The fast method's largest step of Adam.
FAST_RATE = 0.1
# The fast method: share of the steps on the whole picture, the last ones; at least so many.
WHOLE_SHARE, WHOLE_STEPS = 0.4, 10
# Early pictures smaller than this say too little, except to a network that has no larger ones.
EARLY_PX = 16


@dataclass(frozen=True)
class Phase:
    """Steps that look at one of the generator's pictures.

    Attributes:
        rung: which picture.
        stop: the first step that is no longer part of it.
    """

    rung: Rung
    stop: int


def learning_rate(step: int, options: ProjectionOptions) -> float:
    """Adam's rate in a step: a linear rise, then flat, then half a cosine down."""
    t = step / options.total_steps
    rate = options.learning_rate or (0.1 if options.method == PUBLISHED else FAST_RATE)
    ramp = min(1.0, (1 - t) / options.rampdown) if options.rampdown else 1.0
    ramp = 0.5 - 0.5 * math.cos(ramp * math.pi)
    return rate * ramp * (min(1.0, t / options.rampup) if options.rampup else 1.0)


def added_noise(step: int, options: ProjectionOptions) -> float:
    """How much noise is added to the latent in a step, in units of its spread."""
    if not options.noise_ramp:
        return 0.0
    t = step / options.total_steps
    return options.noise_factor * max(0.0, 1 - t / options.noise_ramp) ** 2


def phases(ladder: Sequence[Rung], options: ProjectionOptions) -> list[Phase]:
    """Which picture each step looks at: the whole one always, as published, or small ones first."""
    steps, whole = options.total_steps, ladder[-1]
    early = [rung for rung in ladder[:-1] if max(rung.size) >= EARLY_PX]
    if options.method == PUBLISHED or not early or steps < 2 * WHOLE_STEPS:
        return [Phase(whole, steps)]
    on_whole = max(WHOLE_STEPS, round(steps * WHOLE_SHARE))
    found = []
    for index, rung in enumerate(early):
        found.append(Phase(rung, round((steps - on_whole) * (index + 1) / len(early))))
    return [*found, Phase(whole, steps)]
