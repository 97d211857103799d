"""Clay heads: a renderer that draws faces from sixty numbers, with no picture, mesh or texture of anybody.

Owns the drawing of training data and of the teaching model. Must not know torch or windows. Loops are
compiled by numba (the extra "clay"); everything but `render` works without it. Any thread.
"""

from latentstudio.clay.factors import (
    FACTORS,
    LATENT_DIM,
    LATENT_NAMES,
    NAMES,
    Factor,
    latents_to_factors,
    mirrored_latents,
    sample_factors,
    sample_latents,
)
from latentstudio.clay.renderer import USUAL_GRAIN, has_compiler, render, render_grains

__all__ = [
    "FACTORS",
    "LATENT_DIM",
    "LATENT_NAMES",
    "NAMES",
    "USUAL_GRAIN",
    "Factor",
    "has_compiler",
    "latents_to_factors",
    "mirrored_latents",
    "render",
    "render_grains",
    "sample_factors",
    "sample_latents",
]
