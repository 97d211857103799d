"""What a person asks for when they drag points of the picture, and what becomes of it in the recipe.

Owns the points, the options and the slider that a finished drag is. Computes nothing: that is
`engine.dragging`'s. NumPy only, any thread.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latentstudio.document.edits import DirectionEdit, check_finite
from latentstudio.document.mask import Mask
from latentstudio.document.recipe import Recipe
from latentstudio.errors import InputError
from latentstudio.latent.directions import Direction
from latentstudio.latent.spaces import Latent, W

ORIGIN = "drag"  # of the direction that carries a drag
MAX_POINTS = 64

Point = tuple[float, float]


@dataclass(frozen=True)
class DragPoint:
    """What is taken hold of, and where it should go.

    Attributes:
        handle: (x, y) in pixels of the picture; (0, 0) is the middle of the top left pixel.
        target: likewise.
    """

    handle: Point
    target: Point

    def __post_init__(self) -> None:
        for point in (self.handle, self.target):
            for value in point:
                check_finite("point", value)

    @property
    def distance(self) -> float:
        """How far the handle has to go, in pixels."""
        return math.dist(self.handle, self.target)


@dataclass(frozen=True)
class DragOptions:
    """How points are dragged. Lengths are in pixels of the picture; None means "by its size".

    Attributes:
        stage: name of the stage whose features are followed; empty means the usual one.
        rows: how many leading rows of ws may move; None means those that the features read.
        patch: radius of what is moved around a handle, r1 of the paper.
        search: radius in which a handle is looked for again, r2 of the paper.
        mask: what may move; None means everything.
        mask_weight: how strongly the rest is held, lambda of the paper.
        rate: how far the latent goes in one step, as a share of w's spread.
        max_steps: give up after so many.
        near: a handle this close to its target has arrived.
    """

    stage: str = ""
    rows: int | None = None
    patch: float | None = None
    search: float | None = None
    mask: Mask | None = None
    mask_weight: float = 20.0
    rate: float = 0.02
    max_steps: int = 300
    near: float | None = None

    def __post_init__(self) -> None:
        for name in ("patch", "search", "near"):
            value = getattr(self, name)
            if value is not None:
                check_finite(name, value)
                if value <= 0:
                    raise InputError(f"The {name} of a drag must be more than 0 pixels.")
        check_finite("mask weight", self.mask_weight)
        check_finite("rate", self.rate)
        if self.rate <= 0 or self.mask_weight < 0:
            raise InputError("The rate of a drag must be above 0, and the mask's weight not below.")
        if self.max_steps < 1 or (self.rows is not None and self.rows < 1):
            raise InputError("A drag needs at least one step and one row of ws that may move.")


def check_points(points: Sequence[DragPoint], img_size: tuple[int, int]) -> None:
    """Raise InputError unless there are points, and all lie in a picture of (height, width)."""
    if not points:
        raise InputError("There is no point to drag.", "Take hold of the picture and pull.")
    if len(points) > MAX_POINTS:
        raise InputError(f"More than {MAX_POINTS} points can't be dragged at once.")
    height, width = img_size
    for point in points:
        for x, y in (point.handle, point.target):
            if not (-0.5 <= x <= width - 0.5 and -0.5 <= y <= height - 0.5):
                raise InputError(
                    f"The point {x:g}, {y:g} is outside the picture of {width} x {height} pixels."
                )


def with_drag(recipe: Recipe, step: NDArray[np.float32], name: str) -> Recipe:
    """The recipe with a drag as its last slider: amount 1 is the drag, 0 takes it back.

    Args:
        recipe: before the drag.
        step: float32 (num_ws, w_dim), what the drag added to ws; rows of zeros don't move.
        name: of the slider.
    """
    moved = np.flatnonzero(step.any(1))
    stop = int(moved[-1]) + 1 if len(moved) else 0
    direction = Direction(name, W, Latent(step), 1.0, ORIGIN, reach=2.0)
    return recipe.changed(directions=(*recipe.directions, DirectionEdit(direction, 1.0, 0, stop)))


def drag_name(recipe: Recipe) -> str:
    """A name for the next drag: "Drag", "Drag 2", ..."""
    taken = {edit.direction.name for edit in recipe.directions}
    number = 1
    while (name := "Drag" if number == 1 else f"Drag {number}") in taken:
        number += 1
    return name
