"""The noise inputs of an open model, by size.

Owns their names and the split into coarse and fine; plain values, any thread.

Source: Karras et al., "A Style-Based Generator Architecture for GANs", figure 5: fine is 64 pixels and
above.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from latentstudio.gui.words import size_words

if TYPE_CHECKING:
    from latentstudio.models.generator import StageInfo

FINE_FROM_PX = 64


@dataclass(frozen=True)
class NoiseInput:
    """One noise input.

    Attributes:
        index: in order of execution.
        side_px: the longer side of the largest layer that reads it.
        words: its size, and its layer where several have that size.
    """

    index: int
    side_px: int
    words: str


@dataclass(frozen=True)
class NoiseGroup:
    """Inputs that are switched together.

    Attributes:
        name: "Coarse" or "Fine".
        sizes: their resolutions, such as "4–32".
        indices: which.
    """

    name: str
    sizes: str
    indices: tuple[int, ...]


def noise_inputs(stages: Sequence[StageInfo]) -> tuple[NoiseInput, ...]:
    """All inputs, in order."""
    readers: dict[int, list[StageInfo]] = {}
    for stage in stages:
        for index in stage.noise:
            readers.setdefault(index, []).append(stage)
    sides = {index: [max(stage.resolution) for stage in reading] for index, reading in readers.items()}
    found = []
    for index in sorted(readers):
        words = f"{size_words(sides[index])} px"
        if sum(other == sides[index] for other in sides.values()) > 1:
            layer = readers[index][0].name.rpartition(".")[2]
            words += f"  {layer}"
        found.append(NoiseInput(index, max(sides[index]), words))
    return tuple(found)


def fine_from(inputs: Sequence[NoiseInput]) -> int:
    """The size from which an input is fine: 64 pixels, in small networks the largest there is."""
    sides = [each.side_px for each in inputs]
    return FINE_FROM_PX if max(sides) >= FINE_FROM_PX else max(sides)


def noise_groups(inputs: Sequence[NoiseInput]) -> tuple[NoiseGroup, ...]:
    """Coarse and fine; empty where all inputs have one size."""
    if not inputs:
        return ()
    limit = fine_from(inputs)
    groups = []
    for name, chosen in (
        ("Coarse", [each for each in inputs if each.side_px < limit]),
        ("Fine", [each for each in inputs if each.side_px >= limit]),
    ):
        if chosen:
            sizes = size_words([each.side_px for each in chosen])
            groups.append(NoiseGroup(name, sizes, tuple(each.index for each in chosen)))
    return tuple(groups) if len(groups) > 1 else ()
