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

USUAL_REACH = 3.0
MOST_REACH = 100.0


@dataclass(frozen=True)
class Direction:
    """Where a slider leads.

    Attributes:
        name: what a person reads beside the slider.
        space: "z" or "w".
        values: (dim,), or (num_ws, dim) when every layer goes its own way.
        sigma: how far one unit of a slider goes, in the space's own units along `values`.
        origin: "named", "pca", "sefa", "file", ...: who found it.
        reach: how many sigmas a slider goes to either side.
        rows: the rows of ws that it moves, whatever a slider's layer range says; empty means all.
    """

    name: str
    space: str
    values: Latent
    sigma: float = 1.0
    origin: str = "named"
    reach: float = USUAL_REACH
    rows: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.space not in (Z, W):
            raise InputError(f'A direction lives in z or w, not in "{self.space}".')
        if len(self.values.shape) not in (1, 2):
            raise InputError("A direction must have one row, or one row for each layer.")
        if self.space == Z and len(self.values.shape) != 1:
            raise InputError("A direction in z must have one row.")
        if not np.isfinite(self.sigma):
            raise InputError("The length of a direction must be a finite number.")
        if not (np.isfinite(self.reach) and 0 < self.reach <= MOST_REACH):
            raise InputError(f"A slider reaches from above 0 to {MOST_REACH:g} sigmas.")
        if any(row < 0 for row in self.rows):
            raise InputError("A layer's number must not be negative.")

    def moves(self, row: int) -> bool:
        """Whether the layer mask lets a row of ws move."""
        return not self.rows or row in self.rows

    def to_json(self) -> dict[str, Any]:
        """The form that recipes and direction files carry."""
        stored: dict[str, Any] = {
            "name": self.name,
            "space": self.space,
            "values": self.values.to_json(),
            "sigma": self.sigma,
            "origin": self.origin,
        }
        # Written only where a person set them: recipes of before keep their digests.
        if self.reach != USUAL_REACH:
            stored["reach"] = self.reach
        if self.rows:
            stored["rows"] = list(self.rows)
        return stored

    @classmethod
    def from_json(cls, stored: Any) -> Direction:
        """The inverse of `to_json`; raises InputError for a malformed value."""
        if not isinstance(stored, dict):
            raise InputError("A direction in the recipe has the wrong form.")
        sigma, reach = stored.get("sigma", 1.0), stored.get("reach", USUAL_REACH)
        for number in (sigma, reach):
            if isinstance(number, bool) or not isinstance(number, int | float):
                raise InputError("The length of a direction must be a number.")
        rows = stored.get("rows", [])
        if not isinstance(rows, list) or not all(type(row) is int for row in rows):
            raise InputError("The layer mask of a direction has the wrong form.")
        return cls(
            name=str(stored.get("name", "")),
            space=str(stored.get("space", "")),
            values=Latent.from_json(stored.get("values")),
            sigma=float(sigma),
            origin=str(stored.get("origin", "")),
            reach=float(reach),
            rows=tuple(sorted(set(rows))),
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
    step = as_rows(direction.values.array, ws.shape[0])
    chosen = [row for row in rows if direction.moves(row)]
    moved = ws.copy()
    moved[chosen] += np.float32(amount * direction.sigma) * step[chosen]
    return moved
