"""A direction in latent space, and what it means to go along it.

Owns `Direction`; knows nothing of how directions are found, shown or stored beyond their JSON form.
NumPy only, any thread.

Source: Harkonen et al., "GANSpace", section 3.2 (layer-wise edits), eq. w_i += x sigma_k v_k.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentstudio.errors import InputError
from latentstudio.latent.spaces import Latent, W, Z, as_rows, layer_range


@dataclass(frozen=True)
class Direction:
    """Where a slider leads.

    Attributes:
        name: what a person reads beside the slider.
        space: "z" or "w".
        values: (dim,), or (num_ws, dim) when every layer goes its own way.
        sigma: how far one unit of a slider goes, in the space's own units along `values`.
        origin: "named", "pca", "sefa", "file", ...: who found it.
    """

    name: str
    space: str
    values: Latent
    sigma: float = 1.0
    origin: str = "named"

    def __post_init__(self) -> None:
        if self.space not in (Z, W):
            raise InputError(f'A direction lives in z or w, not in "{self.space}".')
        if len(self.values.shape) not in (1, 2):
            raise InputError("A direction must have one row, or one row for each layer.")
        if self.space == Z and len(self.values.shape) != 1:
            raise InputError("A direction in z must have one row.")
        if not np.isfinite(self.sigma):
            raise InputError("The length of a direction must be a finite number.")

    def to_json(self) -> dict[str, Any]:
        """The form that recipes and direction files carry."""
        return {
            "name": self.name,
            "space": self.space,
            "values": self.values.to_json(),
            "sigma": self.sigma,
            "origin": self.origin,
        }

    @classmethod
    def from_json(cls, stored: Any) -> Direction:
        """The inverse of `to_json`; raises InputError for a malformed value."""
        if not isinstance(stored, dict):
            raise InputError("A direction in the recipe has the wrong form.")
        sigma = stored.get("sigma", 1.0)
        if isinstance(sigma, bool) or not isinstance(sigma, int | float):
            raise InputError("The length of a direction must be a number.")
        return cls(
            name=str(stored.get("name", "")),
            space=str(stored.get("space", "")),
            values=Latent.from_json(stored.get("values")),
            sigma=float(sigma),
            origin=str(stored.get("origin", "")),
        )


def coordinate_direction(name: str, index: int, z_dim: int) -> Direction:
    """The direction along one coordinate of z, for models whose coordinates carry a name."""
    values = np.zeros(z_dim, np.float32)
    values[index] = 1
    return Direction(name, Z, Latent(values), 1.0, "named")


def add_to_ws(
    ws: NDArray[np.float32], direction: Direction, amount: float, start: int = 0, stop: int | None = None
) -> NDArray[np.float32]:
    """Go `amount` sigmas along a direction of w in the rows [start, stop).

    Args:
        ws: float32 (num_ws, w_dim).
        direction: one whose space is "w".
        amount: in sigma.
        start: first row that moves.
        stop: first row that no longer moves; None means to the end.

    Returns:
        float32 (num_ws, w_dim), a new array; `ws` itself when nothing moves.

    Raises:
        InputError: the direction belongs to another model (its length differs).
    """
    rows = layer_range(start, stop, ws.shape[0])
    if amount == 0 or len(rows) == 0:
        return ws
    if direction.values.shape[-1] != ws.shape[1]:
        raise InputError(
            f'The direction "{direction.name}" has {direction.values.shape[-1]} numbers, '
            f"but this model's w has {ws.shape[1]}."
        )
    step = as_rows(direction.values.array, ws.shape[0])[rows.start : rows.stop]
    moved = ws.copy()
    moved[rows.start : rows.stop] += np.float32(amount * direction.sigma) * step
    return moved
