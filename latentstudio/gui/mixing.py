"""Words and layer groups of style mixing.

Owns what sources and layers are called where styles are mixed; plain values, any thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from latentstudio.document.recipe import Source
from latentstudio.gui.layers import LayerGroup
from latentstudio.gui.words import layer_words, size_words
from latentstudio.latent.spaces import coarse_middle_fine


def published_groups(sides: Sequence[int]) -> tuple[LayerGroup, ...]:
    """Coarse, middle and fine as the papers and scripts count them: rows 0-3, 4-7, 8 and up."""
    return _groups(sides, strict=False)


def strict_groups(sides: Sequence[int], by_resolution: Sequence[LayerGroup]) -> tuple[LayerGroup, ...]:
    """The rows that really drive 4-8, 16-32 and 64 pixels up.

    Args:
        sides: for each row of ws its resolution.
        by_resolution: the model's own groups; empty where its sizes tell nothing.
    """
    return tuple(by_resolution) or _groups(sides, strict=True)


def source_words(source: Source, known: str = "") -> str:
    """What a source is called: "Seed 12", or a name the person knows it by."""
    return known or (f"Seed {source.seed}" if source.seed is not None else "Picture")


def rows_words(rows: Iterable[int], groups: Sequence[LayerGroup], num_ws: int) -> str:
    """Painted layers as a person reads them: "coarse 4–8", "layers 3 to 5", "4 layers"."""
    chosen = sorted(set(rows))
    if not chosen:
        return "no layer"
    start, stop = chosen[0], chosen[-1] + 1
    if len(chosen) != stop - start:
        return f"{len(chosen)} layers"
    for group in groups:
        if (group.start, group.stop) == (start, stop):
            return f"{group.name.lower()} {group.sizes}"
    return layer_words(start, stop, num_ws)


def _groups(sides: Sequence[int], *, strict: bool) -> tuple[LayerGroup, ...]:
    return tuple(
        LayerGroup(name.capitalize(), size_words(sides[rows.start : rows.stop]), rows.start, rows.stop)
        for name, rows in coarse_middle_fine(len(sides), strict=strict).items()
        if rows
    )
