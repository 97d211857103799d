"""Finding a generator's arrays in a torch file, and the weights behind spectral norm.

Owns the usual ways in which training scripts wrap a state dict, and the constants that spectral norm
divides by in evaluation mode. Must not know architectures. Any thread.

Source: Miyato et al., "Spectral Normalization for Generative Adversarial Networks" (algorithm 1).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentstudio.formats import StoredArray, state_dict
from latentstudio.models.spec import as_float32

Arrays = dict[str, StoredArray]

# Averaged copies come first: they are what the originals sample from.
_WRAPPERS = (
    *("G_ema", "g_ema", "ema", "GE", "netG_ema", "generator_ema", "shadow_generator", "avgG", "Gs"),
    *("G", "g", "netG", "net_G", "generator", "Generator", "gen", "G_model", "model_G"),
    *("G_state_dict", "netG_state_dict", "generator_state_dict", "gen_state_dict"),
    *("model_state_dict", "state_dict", "model", "net", "params", "weights"),
)
_PREFIXES = ("G_ema.", "g_ema.", "ema.", "G.", "netG.", "generator.", "gen.", "model.", "net.")
_TRAINING_PREFIX = re.compile(r"^(module\.|_orig_mod\.)+")
_DISCRIMINATOR = re.compile(r"^(D|d|netD|discriminator|disc)(_state_dict)?(\.|$)", re.IGNORECASE)


def find_arrays(root: Any, fits: Callable[[Arrays], bool]) -> Arrays | None:
    """The first state dict in a tree that `fits` accepts, without prefixes that training adds.

    Args:
        root: the tree of a file.
        fits: judges arrays by their names and shapes; must not raise.
    """
    for found in _candidates(root, 3):
        arrays = {_TRAINING_PREFIX.sub("", key): array for key, array in found.items()}
        if fits(arrays):
            return arrays
        for prefix in _PREFIXES:
            part = {
                _TRAINING_PREFIX.sub("", key[len(prefix) :]): array
                for key, array in arrays.items()
                if key.startswith(prefix)
            }
            if part and fits(part):
                return part
    return None


def notes_about(root: Any) -> tuple[str, ...]:
    """What else a file holds that a person may want to know."""
    keys = root if isinstance(root, dict) else {}
    return (
        ("The file holds a discriminator too.",)
        if any(isinstance(key, str) and _DISCRIMINATOR.match(key) for key in keys)
        else ()
    )


def _candidates(root: Any, depth: int) -> Iterator[Arrays]:
    if not isinstance(root, dict):
        return
    found = state_dict(root)
    if found is not None:
        yield found
    elif depth:
        for key in _WRAPPERS:
            if key in root:
                yield from _candidates(root[key], depth - 1)


class Weights:
    """The arrays of one generator, taken by name; remembers what nobody asked for.

    Args:
        arrays: by name.
    """

    def __init__(self, arrays: Arrays) -> None:
        self.arrays = arrays
        self._taken: set[str] = set()

    def __contains__(self, name: str) -> bool:
        return name in self.arrays

    def take(self, name: str) -> NDArray[np.float32]:
        """One array as float32.

        Raises:
            KeyError: there is none of that name.
        """
        self._taken.add(name)
        return as_float32(self.arrays[name])

    def shape(self, layer: str) -> tuple[int, ...]:
        """Shape of a layer's weight, whatever normalises it.

        Raises:
            KeyError: the layer has no weight.
        """
        for suffix in ("weight", "weight_orig", "parametrizations.weight.original"):
            if f"{layer}.{suffix}" in self.arrays:
                return self.arrays[f"{layer}.{suffix}"].shape
        raise KeyError(f"{layer}.weight")

    def weight(self, layer: str) -> NDArray[np.float32]:
        """A layer's weight as evaluation uses it: divided by its largest singular value, if it was.

        torch's own spectral norm divides by what the stored vectors give; the hand-written ones take
        one step of the power iteration first.

        Raises:
            KeyError: the layer has no weight.
            ValueError: the vectors do not fit it.
        """
        modern = f"{layer}.parametrizations.weight"
        if f"{modern}.original" in self:
            weight = self.take(f"{modern}.original")
            return _divided(weight, self.take(f"{modern}.0._u"), self.take(f"{modern}.0._v"))
        if f"{layer}.weight_orig" in self:
            weight, u = self.take(f"{layer}.weight_orig"), self.take(f"{layer}.weight_u")
            if f"{layer}.weight_v" in self:
                return _divided(weight, u, self.take(f"{layer}.weight_v"))
            if f"{layer}.weight" in self:  # Before torch 1.0 the quotient itself was stored.
                return self.take(f"{layer}.weight")
            return _iterated(weight, u)
        weight = self.take(f"{layer}.weight")
        for name in (f"{layer}.u0", f"{layer}.sn_u"):
            if name in self:
                return _iterated(weight, self.take(name))
        return weight

    def leftover(self, ignored: str) -> list[str]:
        """Names that nobody took, without those that fully match the pattern `ignored`."""
        pattern = re.compile(ignored)
        return sorted(n for n in self.arrays if n not in self._taken and not pattern.fullmatch(n))


def _divided(
    weight: NDArray[np.float32], u: NDArray[np.float32], v: NDArray[np.float32]
) -> NDArray[np.float32]:
    matrix = weight.reshape(len(weight), -1)
    if (u.size, v.size) != matrix.shape:
        raise ValueError(f"vectors of {u.size} and {v.size} numbers for a weight of shape {weight.shape}")
    sigma = float(u.reshape(-1) @ (matrix @ v.reshape(-1)))
    return weight / np.float32(sigma) if sigma else weight


def _iterated(weight: NDArray[np.float32], u: NDArray[np.float32]) -> NDArray[np.float32]:
    """One step from the stored left vector; its floor on the norms (1e-12 to 1e-4) never bites."""
    matrix = weight.reshape(len(weight), -1)
    if u.size != len(matrix):
        raise ValueError(f"a vector of {u.size} numbers for a weight of shape {weight.shape}")
    v = _unit(u.reshape(-1) @ matrix)
    return _divided(weight, _unit(matrix @ v), v)


def _unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    return vector / max(np.float32(np.linalg.norm(vector)), np.float32(1e-12))
