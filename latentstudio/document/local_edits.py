"""Edits that act inside a painted region only.

Owns the value, its JSON form, and which picture a region shows. How the two pictures are joined is
`engine.local_blending`'s. NumPy only, any thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from latentstudio.document.edits import ChannelEdit, DirectionEdit, Source, StyleMix, check_finite
from latentstudio.document.mask import Mask
from latentstudio.errors import InputError
from latentstudio.latent.spaces import Latent, Z, layer_range

if TYPE_CHECKING:
    from latentstudio.document.recipe import Recipe

MOST_REGIONS = 16


@dataclass(frozen=True)
class LocalEdit:
    """A region that shows another picture: the same with more sliders, or another start.

    Attributes:
        mask: where; over the whole picture.
        name: what a person reads.
        source: the start inside; None for the picture's own. The picture's sliders act on it too.
        start: first row of ws that comes from `source`.
        stop: first row that no longer does; None means to the end.
        directions: sliders that act inside only, after the picture's.
        channels: sliders of single style channels that act inside only.
        amount: 0 hides the region, 1 shows it wholly.
        feather: width of its soft edge, as a share of the picture's longer side.
        first_stage: index of the first stage whose features are joined.
        last_stage: index of the last; None means to the end. When the joining ends earlier, the rest
            of the stages draw the whole picture in its own styles.
    """

    mask: Mask
    name: str = ""
    source: Source | None = None
    start: int = 0
    stop: int | None = None
    directions: tuple[DirectionEdit, ...] = ()
    channels: tuple[ChannelEdit, ...] = ()
    amount: float = 1.0
    feather: float = 0.05
    first_stage: int = 0
    last_stage: int | None = None

    def __post_init__(self) -> None:
        check_finite("amount of a region", self.amount)
        check_finite("feather of a region", self.feather)
        if not 0 <= self.amount <= 1:
            raise InputError("The amount of a region must lie between 0 and 1.")
        if not 0 <= self.feather <= 1:
            raise InputError("The feather of a region must lie between 0 and 1.")
        if self.start < 0 or (self.stop is not None and self.stop < self.start):
            raise InputError("A region's layer range must not run backwards.")
        if self.first_stage < 0 or (self.last_stage is not None and self.last_stage < self.first_stage):
            raise InputError("A region's stages must not run backwards.")

    @property
    def does_nothing(self) -> bool:
        """Whether the picture is the same without it."""
        moves = [*(e.amount for e in self.directions), *(e.amount for e in self.channels)]
        same = self.source is None and not any(moves)
        return same or self.amount == 0 or self.mask.is_empty

    def joins(self, stage: int) -> bool:
        """Whether the features of stage `stage` are joined."""
        return self.first_stage <= stage and (self.last_stage is None or stage <= self.last_stage)

    def with_slider(self, edit: DirectionEdit) -> LocalEdit:
        """A copy with a slider set; one along the same direction is replaced."""
        others = list(self.directions)
        for i, old in enumerate(others):
            if old.direction == edit.direction:
                others[i] = edit
                return replace(self, directions=tuple(others))
        return replace(self, directions=(*others, edit))


def inside_recipe(recipe: Recipe, edit: LocalEdit, z_dim: int, num_ws: int) -> Recipe:
    """The whole picture of which a region shows its part.

    Args:
        recipe: the picture around it.
        edit: the region.
        z_dim: length of the model's z.
        num_ws: rows of the model's ws.
    """
    inside = recipe.changed(
        local=(),
        directions=(*recipe.directions, *edit.directions),
        channels=(*recipe.channels, *edit.channels),
    )
    if edit.source is None:
        return inside
    rows = layer_range(edit.start, edit.stop, num_ws)
    if len(rows) == num_ws and edit.source.space == Z:
        # Sliders in z act on it as they do on the picture around.
        return inside.changed(sources=(replace(edit.source, weight=1.0),), combine="w", mixing=())
    source = _moved(edit.source, inside.directions, z_dim)
    return inside.changed(mixing=(*inside.mixing, StyleMix.of_rows(source, rows)))


def _moved(source: Source, sliders: Sequence[DirectionEdit], z_dim: int) -> Source:
    """A start in z with the sliders in z added to it, since style mixing takes a start as it is."""
    moves = [e for e in sliders if e.direction.space == Z and e.amount and not e.start and e.stop is None]
    if source.space != Z or not moves:
        return replace(source, weight=1.0)
    z = np.array(source.z(z_dim))
    for edit in moves:
        if edit.direction.values.shape == z.shape:
            z += np.float32(edit.amount * edit.direction.sigma) * edit.direction.values.array
    return Source(Z, None, Latent(z))


def check_regions(regions: Sequence[LocalEdit]) -> None:
    """Raise InputError when there are more regions than a picture can need."""
    if len(regions) > MOST_REGIONS:
        raise InputError(f"A picture can have at most {MOST_REGIONS} regions.")
