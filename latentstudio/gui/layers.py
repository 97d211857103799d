"""Coarse, middle and fine: the layer groups of an open model, with their resolutions.

Owns the grouping by resolution; plain values, any thread.

Source: Karras et al., "A Style-Based Generator Architecture for GANs", section 3.1: coarse is 4 to 8
pixels, middle 16 to 32, fine 64 and above.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from latentstudio.gui.words import size_words

if TYPE_CHECKING:
    from latentstudio.models.generator import StageInfo


@dataclass(frozen=True)
class LayerGroup:
    """Neighbouring rows of ws.

    Attributes:
        name: "Coarse", "Middle" or "Fine".
        sizes: the resolutions, such as "4–8".
        start: first row.
        stop: one past the last row.
    """

    name: str
    sizes: str
    start: int
    stop: int


def row_sides(stages: Sequence[StageInfo], num_ws: int) -> tuple[int, ...]:
    """For each row of ws the resolution in pixels of the layer it drives.

    A row that also colours the block before (StyleGAN2's picture layers) counts with its own layer.
    """
    sides = []
    for row in range(num_ws):
        reading = [stage for stage in stages if row in stage.ws_rows] or list(stages[-1:])
        sides.append(max(reading[-1].resolution) if reading else 0)
    return tuple(sides)


def layer_groups(sides: Sequence[int]) -> tuple[LayerGroup, ...]:
    """The groups that a model has; empty where it has fewer than two."""
    groups = []
    for name, low, high in (("Coarse", 0, 8), ("Middle", 9, 32), ("Fine", 33, 1 << 30)):
        rows = [i for i, side in enumerate(sides) if low <= side <= high]
        if rows and rows == list(range(rows[0], rows[-1] + 1)):
            groups.append(LayerGroup(name, size_words([sides[i] for i in rows]), rows[0], rows[-1] + 1))
    return tuple(groups) if len(groups) > 1 else ()
