"""What pictures can be scored by, in words, for the lists in the window.

Owns the words; the scores are `engine.examples`'s and `engine.factors`'s, which are not loaded here. Any
thread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from latentstudio.clay.words import Z_NAMES

if TYPE_CHECKING:
    from latentstudio.models.generator import GeneratorInfo

COMMON = (
    ("brightness", "Brightness", "Mean luma"),
    ("warmth", "Warmth", "Red against blue"),
    ("colourfulness", "Colourfulness", "Distance between a pixel's channels"),
    ("contrast", "Contrast", "Spread of luma"),
    ("symmetry", "Symmetry", "Likeness to the mirror image"),
    ("detail", "Detail", "Steps between neighbouring pixels"),
    ("realism", "Realism", "What the discriminator in the model's own file thinks, where it holds one"),
)
# Coordinates of z that nothing in the picture shows by itself.
HIDDEN = ("Haircut", "Masculine", "Fullness", "Age")


def factor_words(info: GeneratorInfo) -> list[str]:
    """What the model's estimator reads off its pictures; empty where it has none."""
    if not info.provenance.origin.startswith("bundled:clay"):
        return []
    return [name for name in Z_NAMES if name not in HIDDEN]
