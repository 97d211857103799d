"""The spaces a latent can live in, and the frozen array that carries one.

Owns the names of the spaces and `Latent`; must not know recipes, networks or files. NumPy only,
safe on any thread.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentstudio.errors import InputError

Z = "z"
W = "w"
W_PLUS = "w+"
SPACES = (Z, W, W_PLUS)

# A file may claim any shape; no real latent comes near this many numbers.
MAX_VALUES = 64_000_000


class Latent:
    """A read-only float32 array that is equal by value and can be hashed.

    Recipes are compared, cached and stored by value; a NumPy array offers none of the three.
    Two latents are equal when shape and every bit agree.
    """

    __slots__ = ("_array", "_digest")

    def __init__(self, values: ArrayLike) -> None:
        """Copy `values` (any shape, finite numbers).

        Raises:
            InputError: a value is not a finite number.
        """
        try:
            array = np.array(values, dtype=np.float32, order="C")
        except (TypeError, ValueError) as error:
            raise InputError("A latent must be an array of numbers.") from error
        if not np.isfinite(array).all():
            raise InputError("A latent holds values that are not finite numbers (NaN or infinity).")
        array.flags.writeable = False
        self._array: NDArray[np.float32] = array
        self._digest: str | None = None

    @property
    def array(self) -> NDArray[np.float32]:
        """The values, read-only."""
        return self._array

    @property
    def shape(self) -> tuple[int, ...]:
        """The array's shape."""
        return self._array.shape

    @property
    def digest(self) -> str:
        """SHA-256 over shape and bytes, hexadecimal."""
        if self._digest is None:
            state = hashlib.sha256(repr(self._array.shape).encode())
            state.update(self._array.tobytes())
            self._digest = state.hexdigest()
        return self._digest

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Latent):
            return NotImplemented
        return self is other or (self.shape == other.shape and self.digest == other.digest)

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"Latent(shape={self.shape}, digest={self.digest[:8]})"

    def to_json(self) -> dict[str, Any]:
        """Shape and base64 of the little-endian float32 bytes."""
        data = base64.b64encode(self._array.astype("<f4").tobytes()).decode("ascii")
        return {"shape": list(self.shape), "float32": data}

    @classmethod
    def from_json(cls, stored: Any) -> Latent:
        """The inverse of `to_json`.

        Raises:
            InputError: the form, the sizes or the values are wrong.
        """
        if not isinstance(stored, dict):
            raise InputError("A latent in the recipe has the wrong form.")
        shape, data = stored.get("shape"), stored.get("float32")
        if not isinstance(data, str) or not isinstance(shape, list):
            raise InputError("A latent in the recipe lacks its shape or its values.")
        if not all(type(n) is int and n >= 0 for n in shape) or len(shape) > 8:
            raise InputError("A latent in the recipe has an impossible shape.")
        size = 1
        for n in shape:
            size *= n
        if size > MAX_VALUES:
            raise InputError("A latent in the recipe is too large.")
        try:
            raw = base64.b64decode(data, validate=True)
        except (binascii.Error, ValueError) as error:
            raise InputError("A latent in the recipe is damaged.") from error
        if len(raw) != 4 * size:
            raise InputError("A latent in the recipe holds a different number of values than its shape says.")
        return cls(np.frombuffer(raw, "<f4").reshape(shape))


def layer_range(start: int, stop: int | None, num_ws: int) -> range:
    """The rows [start, stop) of `ws` that exist; `stop=None` means to the end."""
    end = num_ws if stop is None else min(stop, num_ws)
    return range(max(0, start), max(0, end))


def coarse_middle_fine(num_ws: int, *, strict: bool = False) -> dict[str, range]:
    """The field's three layer groups as rows of `ws`.

    The published grouping is 0-3 / 4-7 / 8-. In StyleGAN2, where the 4x4 block has one
    convolution only, the resolutions 4-8 / 16-32 / 64- really are rows 0-2 / 3-6 / 7- (`strict`).

    Source: Karras et al., "A Style-Based Generator Architecture for GANs", section 3.1, figure 3.
    """
    first, second = (3, 7) if strict else (4, 8)
    first, second = min(first, num_ws), min(second, num_ws)
    return {"coarse": range(first), "middle": range(first, second), "fine": range(second, num_ws)}


def as_rows(values: NDArray[np.float32], num_ws: int) -> NDArray[np.float32]:
    """Broadcast a direction or latent (w_dim,) or (rows, w_dim) to (num_ws, w_dim).

    Published files carry 18 rows for every resolution: surplus rows are dropped, since row i
    drives the same layer in a smaller network.

    Raises:
        InputError: there are fewer rows than the network needs.
    """
    if values.ndim == 1:
        return np.broadcast_to(values, (num_ws, values.shape[0]))
    if values.ndim == 2 and values.shape[0] == 1:
        return np.broadcast_to(values[0], (num_ws, values.shape[1]))
    if values.ndim == 2 and values.shape[0] >= num_ws:
        return values[:num_ws]
    raise InputError(
        f"The latent has shape {_shape(values.shape)}, but this model needs "
        f"{num_ws} rows (or one row for all of them)."
    )


def _shape(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))
