"""What a person wants to see on the map of latents, as a frozen value.

Owns the choices and their names; nothing here computes. Any thread.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from latentstudio.latent.directions import Direction

PCA, DIRECTIONS, LIKENESS = "pca", "directions", "likeness"
PLAIN, BY_CLASS = "", "class"
SAMPLES = 5000


@dataclass(frozen=True)
class MapChoice:
    """What a person wants to see.

    Attributes:
        kind: "pca", "directions" or "likeness" (t-SNE).
        axes: the two directions of a plane; for "pca" the first two components.
        samples: how many.
        all_classes: whether the samples of a conditional model go through all classes.
        colour: "" for none, "class", a score of `engine.examples`, or "direction".
        along: the direction of the colour "direction".
    """

    kind: str = PCA
    axes: tuple[Direction, Direction] | None = None
    samples: int = SAMPLES
    all_classes: bool = True
    colour: str = PLAIN
    along: Direction | None = None


def with_axes(choice: MapChoice, first: Direction, second: Direction) -> MapChoice:
    """The same choice on the plane of two directions."""
    return replace(choice, kind=DIRECTIONS, axes=(first, second))
