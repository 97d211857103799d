"""A map of many latents: where each lies on a plane, which ones show at a scale, what a stroke encloses.

Owns plain geometry; the window and the command line place and choose by it alike. NumPy only, any thread.

Sources: Harkonen et al., "GANSpace" (the plane of principal components, in standard deviations);
van der Maaten and Hinton, "Visualizing Data using t-SNE" (the embedding whose points are given here).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latentstudio.errors import InputError
from latentstudio.latent.directions import Direction

Array = NDArray[np.float32]
Points = NDArray[np.float64]
NEIGHBOURS = 8
NEAR_MIX = 3
CHUNK = 1024


@dataclass(frozen=True)
class Plane:
    """Two directions as axes.

    Attributes:
        first: the axis to the right.
        second: the axis upward.
        center: (dim,), the latent at the origin.
        readers: float64 (2, dim): their product with a latent less the center is its place, in sigmas.
    """

    first: Direction
    second: Direction
    center: Array
    readers: Points

    @classmethod
    def of(cls, first: Direction, second: Direction, center: Array) -> Plane:
        """The plane of two directions of one space; rows of a layered direction count as their mean.

        Raises:
            InputError: they are of different spaces or lengths, or of one line.
        """
        if first.space != second.space:
            raise InputError("The two axes of a map must be of one space.", "Choose two of w, or two of z.")
        axes = np.stack([_vector(first), _vector(second)]) * [[first.sigma], [second.sigma]]
        if axes.shape[1] != len(center):
            raise InputError("These directions belong to another model.")
        lengths = np.linalg.norm(axes, axis=1)
        if min(lengths) < 1e-9 or abs(axes[0] @ axes[1]) > 0.999 * lengths[0] * lengths[1]:
            raise InputError("The two axes of a map are the same direction.", "Choose two that differ.")
        # Not the product with each axis: going along one must leave the other coordinate as it is.
        return cls(first, second, center, np.asarray(np.linalg.pinv(axes.T), np.float64))

    def places(self, latents: Array) -> Points:
        """Places (N, 2) of latents (N, dim)."""
        return np.asarray((latents.astype(np.float64) - self.center) @ self.readers.T)


def shown_first(points: Points, spacing: float, kept: NDArray[np.intp] | None = None) -> NDArray[np.intp]:
    """Points far enough from one another to be shown as pictures, the first ones first.

    Args:
        points: (N, 2).
        spacing: no two of the chosen are nearer than this.
        kept: chosen at a coarser scale; they stay, so that nothing vanishes while one goes nearer.

    Returns:
        Indices into `points`: `kept`, then the new ones in order.
    """
    cells: dict[tuple[int, int], list[int]] = {}
    chosen: list[int] = []

    def is_free(index: int) -> bool:
        column, row = keys[index]
        x, y = points[index]
        for near_column in (column - 1, column, column + 1):
            for near_row in (row - 1, row, row + 1):
                for other in cells.get((near_column, near_row), ()):
                    if (points[other, 0] - x) ** 2 + (points[other, 1] - y) ** 2 < spacing * spacing:
                        return False
        return True

    keys = [(int(x), int(y)) for x, y in np.floor(points / spacing)]
    for index in () if kept is None else kept.tolist():
        chosen.append(index)
        cells.setdefault(keys[index], []).append(index)
    before = set(chosen)
    for index in range(len(points)):
        if index not in before and is_free(index):
            chosen.append(index)
            cells.setdefault(keys[index], []).append(index)
    return np.array(chosen, np.intp)


def enclosed(points: Points, outline: Points) -> NDArray[np.intp]:
    """Indices of the points (N, 2) inside a closed outline (M, 2), by the even-odd rule."""
    x, y = points[:, 0], points[:, 1]
    inside = np.zeros(len(points), bool)
    before = np.roll(outline, 1, 0)
    for (x1, y1), (x0, y0) in zip(outline, before, strict=True):
        crosses = (y1 > y) != (y0 > y)
        with np.errstate(divide="ignore", invalid="ignore"):
            at = (x0 - x1) * (y - y1) / (y0 - y1) + x1
        inside ^= crosses & (x < at)
    return np.flatnonzero(inside)


def nearest(points: Points, place: tuple[float, float], reach: float) -> int | None:
    """Index of the nearest point within a distance; None where there is none."""
    if not len(points):
        return None
    squares = ((points - place) ** 2).sum(1)
    index = int(squares.argmin())
    return index if squares[index] <= reach * reach else None


def place_among(latents: Array, points: Points, latent: Array) -> tuple[float, float]:
    """Where a latent (dim,) lies on an embedding of others: amid those it is most like."""
    squares = ((latents - latent) ** 2).sum(1, dtype=np.float64)
    near = np.argpartition(squares, min(NEIGHBOURS, len(squares) - 1))[:NEIGHBOURS]
    # By the inverse square: at a sample's own latent it is that sample's place.
    weights = 1 / np.maximum(squares[near], 1e-9 * max(float(squares.max()), 1e-12))
    x, y = (points[near] * (weights / weights.sum())[:, None]).sum(0)
    return float(x), float(y)


def mixture_at(points: Points, place: tuple[float, float]) -> list[tuple[int, float]]:
    """The samples nearest to a place of an embedding and their shares, which sum to 1."""
    squares = ((points - place) ** 2).sum(1)
    near = np.argsort(squares, kind="stable")[:NEAR_MIX]
    weights = 1 / np.maximum(squares[near], 1e-9 * max(float(squares.max()), 1e-12))
    shares = weights / weights.sum()
    return [(int(i), float(share)) for i, share in zip(near, shares, strict=True) if share > 1e-3]


def fitted_box(points: Points, share: float = 0.995) -> tuple[float, float, float, float]:
    """(left, bottom, right, top) that holds this share of the points in each coordinate, with a margin."""
    if not len(points):
        return (-3.0, -3.0, 3.0, 3.0)
    edge = (1 - share) / 2
    low, high = np.quantile(points, edge, axis=0), np.quantile(points, 1 - edge, axis=0)
    margin = np.maximum((high - low) * 0.06, 1e-3)
    (left, bottom), (right, top) = low - margin, high + margin
    return float(left), float(bottom), float(right), float(top)


def unit_values(values: Array) -> Array:
    """Values stretched from their 2nd to their 98th percentile to 0..1; those that are none stay none."""
    known = values[np.isfinite(values)]
    if not len(known):
        return np.full(len(values), np.nan, np.float32)
    low, high = np.percentile(known, (2, 98))
    return np.asarray(np.clip((values - low) / max(float(high - low), 1e-12), 0, 1), np.float32)


def _vector(direction: Direction) -> Points:
    values = direction.values.array.astype(np.float64)
    return values if values.ndim == 1 else values.mean(0)
