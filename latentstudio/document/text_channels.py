"""A text direction in a recipe: many style channels that move together.

Owns their way into a recipe and out of it; which channels they are is found by
`engine.text_directions`. NumPy only, any thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from latentstudio.document.edits import ChannelEdit
from latentstudio.document.recipe import Recipe


def with_text(recipe: Recipe, edits: Sequence[ChannelEdit], strength: float) -> Recipe:
    """The recipe with the channels at a strength, in place of its own sliders of the same channels.

    Args:
        recipe: before.
        edits: channels whose amounts are shares, the largest 1 or -1.
        strength: alpha of the paper, in sigma of the most relevant channel; 0 takes them out.
    """
    own = {(edit.layer, edit.channel) for edit in edits}
    kept = tuple(edit for edit in recipe.channels if (edit.layer, edit.channel) not in own)
    moved = tuple(replace(edit, amount=edit.amount * strength) for edit in edits) if strength else ()
    return recipe.changed(channels=(*kept, *moved))
