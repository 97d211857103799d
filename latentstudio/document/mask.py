"""A region of the picture, painted by hand, as a frozen value.

Owns the mask's bits and bytes: equality by value, a short JSON form, soft edges and other sizes. Knows
neither pictures nor networks. NumPy only, any thread.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentstudio.errors import InputError

# A file may claim any size; nobody paints a mask of more pixels.
MAX_SIDE = 4096


class Mask:
    """A read-only map of levels 0 to 255, equal by value and hashable.

    It covers the whole picture whatever its size: row 0 is the top edge, column 0 the left one.
    """

    __slots__ = ("_digest", "_levels")

    def __init__(self, levels: ArrayLike) -> None:
        """Copy `levels`: uint8 (H, W), or numbers 0 to 1 of any other type.

        Raises:
            InputError: the shape is not that of a map, or a value is no number from 0 to 1.
        """
        array = np.asarray(levels)
        if array.ndim != 2 or not 0 < array.shape[0] <= MAX_SIDE or not 0 < array.shape[1] <= MAX_SIDE:
            raise InputError(f"A mask must be a map of at most {MAX_SIDE} x {MAX_SIDE} pixels.")
        if array.dtype != np.uint8:
            shares = np.asarray(array, np.float64)
            if not ((shares >= 0) & (shares <= 1)).all():
                raise InputError("A mask holds values that are not between 0 and 1.")
            array = np.rint(shares * 255).astype(np.uint8)
        array = np.array(array, order="C")
        array.flags.writeable = False
        self._levels: NDArray[np.uint8] = array
        self._digest: str | None = None

    @property
    def levels(self) -> NDArray[np.uint8]:
        """uint8 (H, W), read-only; 255 is wholly inside."""
        return self._levels

    @property
    def shares(self) -> NDArray[np.float32]:
        """float32 (H, W), 0 to 1."""
        return self._levels.astype(np.float32) / np.float32(255)

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width)."""
        return self._levels.shape[0], self._levels.shape[1]

    @property
    def is_empty(self) -> bool:
        """Whether nothing is inside."""
        return not self._levels.any()

    @property
    def digest(self) -> str:
        """SHA-256 over shape and levels, hexadecimal."""
        if self._digest is None:
            state = hashlib.sha256(repr(self.shape).encode())
            state.update(self._levels.tobytes())
            self._digest = state.hexdigest()
        return self._digest

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mask):
            return NotImplemented
        return self is other or (self.shape == other.shape and self.digest == other.digest)

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"Mask(shape={self.shape}, digest={self.digest[:8]})"

    def inverted(self) -> Mask:
        """Inside becomes outside."""
        return Mask(255 - self._levels)

    def feathered(self, feather: float) -> NDArray[np.float32]:
        """The shares with an edge that falls off softly.

        Args:
            feather: width of the edge, as a share of the mask's longer side; 0 leaves it as painted.

        Returns:
            float32 (H, W), 0 to 1.
        """
        shares = self.shares
        radius = round(feather * max(self.shape) / 2)
        # Three means of neighbours in a row are close to a Gaussian, and cost the same at any width.
        for _ in range(3 if radius > 0 else 0):
            for axis in (0, 1):
                shares = _mean_of_neighbours(shares, radius, axis)
        return np.clip(shares, 0, 1).astype(np.float32)

    def to_json(self) -> dict[str, Any]:
        """Shape and base64 of the packed levels."""
        packed = zlib.compress(self._levels.tobytes(), 9)
        return {"shape": list(self.shape), "zlib": base64.b64encode(packed).decode("ascii")}

    @classmethod
    def from_json(cls, stored: Any) -> Mask:
        """The inverse of `to_json`.

        Raises:
            InputError: the form, the sizes or the values are wrong.
        """
        if not isinstance(stored, dict):
            raise InputError("A mask in the recipe has the wrong form.")
        shape, data = stored.get("shape"), stored.get("zlib")
        if not isinstance(shape, list) or len(shape) != 2 or not isinstance(data, str):
            raise InputError("A mask in the recipe lacks its shape or its values.")
        if not all(type(n) is int and 0 < n <= MAX_SIDE for n in shape):
            raise InputError("A mask in the recipe has an impossible shape.")
        size = shape[0] * shape[1]
        try:
            # Whatever the file packs, no more than the shape asks for is unpacked.
            unpacking = zlib.decompressobj()
            raw = unpacking.decompress(base64.b64decode(data, validate=True), size + 1)
        except (binascii.Error, zlib.error, ValueError) as error:
            raise InputError("A mask in the recipe is damaged.") from error
        if len(raw) != size:
            raise InputError("A mask in the recipe holds a different number of values than its shape says.")
        return cls(np.frombuffer(raw, np.uint8).reshape(shape))


def _mean_of_neighbours(values: NDArray[Any], radius: int, axis: int) -> NDArray[Any]:
    """The mean over 2 radius + 1 neighbours along an axis; the edge is repeated."""
    padding = [(0, 0), (0, 0)]
    padding[axis] = (radius + 1, radius)
    total = np.cumsum(np.pad(values, padding, mode="edge"), axis=axis, dtype=np.float64)
    length, count = 2 * radius + 1, values.shape[axis]
    high = np.take(total, np.arange(length, length + count), axis=axis)
    low = np.take(total, np.arange(count), axis=axis)
    means: NDArray[Any] = (high - low) / length
    return means
