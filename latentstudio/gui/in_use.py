"""Which slider the hand moved last, and the picture without it.

Owns the comparison of two recipes; plain values, any thread.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from latentstudio.document.recipe import ChannelEdit, DirectionEdit, FeatureEdit, Recipe
from latentstudio.gui.words import plain, signed


@dataclass(frozen=True)
class InUse:
    """A slider that was moved.

    Attributes:
        words: the slider with its amount: "Smile +1.4".
        without: the recipe with that slider at rest.
        moved: the recipe with the slider where it is, or one unit along where it is at rest.
    """

    words: str
    without: Recipe
    moved: Recipe


class LastMoved:
    """Follows a recipe from edit to edit."""

    def __init__(self) -> None:
        self._recipe: Recipe | None = None
        self._kind: str = ""
        self._at: tuple[object, ...] = ()

    def follow(self, recipe: Recipe) -> None:
        """The recipe is another one."""
        before, self._recipe = self._recipe, recipe
        if before is None or before.model != recipe.model:
            self._kind = ""
            return
        if len(before.directions) == len(recipe.directions):
            for i, (a, b) in enumerate(zip(before.directions, recipe.directions, strict=True)):
                if a is not b and a != b:
                    self._kind, self._at = "direction", (i,)
                    return
        old_channels = {(e.layer, e.channel): e.amount for e in before.channels}
        for channel in recipe.channels:
            if old_channels.get((channel.layer, channel.channel)) != channel.amount:
                self._kind, self._at = "channel", (channel.layer, channel.channel)
                return
        old_features = {(e.stage, e.channel): e.factor for e in before.features}
        for feature in recipe.features:
            if old_features.get((feature.stage, feature.channel)) != feature.factor:
                self._kind, self._at = "feature", (feature.stage, feature.channel)
                return

    def find(self) -> InUse | None:
        """The slider moved last, where the recipe still has it."""
        recipe = self._recipe
        if recipe is None:
            return None
        if self._kind == "direction":
            for i, edit in enumerate(recipe.directions):
                if (i,) == self._at:
                    return self._direction(recipe, i, edit)
        if self._kind == "channel":
            for i, channel in enumerate(recipe.channels):
                if (channel.layer, channel.channel) == self._at:
                    return self._channel(recipe, i, channel)
        if self._kind == "feature":
            for i, feature in enumerate(recipe.features):
                if (feature.stage, feature.channel) == self._at:
                    return self._feature(recipe, i, feature)
        return None

    @staticmethod
    def _direction(recipe: Recipe, index: int, edit: DirectionEdit) -> InUse:
        moved = edit if edit.amount else replace(edit, amount=1.0)
        return InUse(
            f"{edit.direction.name} {signed(moved.amount)}",
            recipe.with_direction(index, replace(edit, amount=0.0)),
            recipe.with_direction(index, moved),
        )

    @staticmethod
    def _channel(recipe: Recipe, index: int, edit: ChannelEdit) -> InUse:
        moved = edit if edit.amount else replace(edit, amount=3.0)
        rest = recipe.channels[:index], recipe.channels[index + 1 :]
        return InUse(
            f"{channel_words(edit)} {signed(moved.amount)}",
            recipe.changed(channels=(*rest[0], *rest[1])),
            recipe.changed(channels=(*rest[0], moved, *rest[1])),
        )

    @staticmethod
    def _feature(recipe: Recipe, index: int, edit: FeatureEdit) -> InUse:
        rest = recipe.features[:index], recipe.features[index + 1 :]
        return InUse(
            f"{edit.stage} · {edit.channel} × {plain(edit.factor)}",
            recipe.changed(features=(*rest[0], *rest[1])),
            recipe,
        )


def channel_words(edit: ChannelEdit) -> str:
    """How a style channel is called: "b16.conv1 · 201"."""
    return f"{edit.layer} · {edit.channel}"
