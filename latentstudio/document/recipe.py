"""A Recipe is one picture, as a frozen value.

Owns the value, its equality and its digest; its JSON form lives in `recipe_json`. It is at once
the render request, the cache key, the undo entry, what a PNG carries and the test fixture. Knows
nothing of networks: whether a latent fits a model is found out when it is rendered. NumPy only,
safe on any thread.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from latentstudio.errors import InputError
from latentstudio.latent.directions import Direction
from latentstudio.latent.sampling import check_seed
from latentstudio.latent.spaces import SPACES, Latent, Z

NOISE_MODES = ("const", "random", "none")


def _finite(name: str, value: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InputError(f"The {name} must be a finite number, not {value!r}.")


@dataclass(frozen=True)
class ModelRef:
    """Which generator: found by hash; the rest helps a person to find the file again.

    Attributes:
        sha256: hash of the checkpoint's bytes, hexadecimal; empty means "whatever is loaded".
        name: the title a person saw.
        origin: where it came from: "bundled:ID", "catalogue:ID" or a file name.
    """

    sha256: str = ""
    name: str = field(default="", compare=False)
    origin: str = field(default="", compare=False)


@dataclass(frozen=True)
class Source:
    """One latent that a picture starts from.

    Attributes:
        space: "z", "w" or "w+".
        seed: a seed for z; None where `values` are given.
        values: z (z_dim,), w (w_dim,) or w+ (num_ws, w_dim); None where a seed is given.
        weight: share of this latent; weights need not sum to 1.
    """

    space: str = Z
    seed: int | None = 0
    values: Latent | None = None
    weight: float = 1.0

    def __post_init__(self) -> None:
        if self.space not in SPACES:
            raise InputError(f'There is no space "{self.space}".', "Use z, w or w+.")
        if (self.seed is None) == (self.values is None):
            raise InputError("A start needs either a seed or values.")
        if self.seed is not None:
            check_seed(self.seed)
            if self.space != Z:
                raise InputError("Only a start in z can be given by a seed.")
        _finite("weight", self.weight)


@dataclass(frozen=True)
class DirectionEdit:
    """A slider: so many sigmas along a direction, on some layers.

    Attributes:
        direction: where it leads; its values travel with the recipe.
        amount: in sigma; 0 keeps the slider without moving.
        start: first row of ws that moves.
        stop: first row that no longer moves; None means to the end.
    """

    direction: Direction
    amount: float = 0.0
    start: int = 0
    stop: int | None = None

    def __post_init__(self) -> None:
        _finite("amount", self.amount)
        if self.start < 0 or (self.stop is not None and self.stop < self.start):
            raise InputError("A layer range must not run backwards.")


@dataclass(frozen=True)
class Noise:
    """The noise inputs: "const" (the stored maps), "random" (drawn from `seed`) or "none"."""

    mode: str = "const"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.mode not in NOISE_MODES:
            raise InputError(f'There is no noise mode "{self.mode}".', "Use const, random or none.")
        check_seed(self.seed)


@dataclass(frozen=True)
class Transform:
    """Move and turn the picture's coordinates (StyleGAN3).

    Attributes:
        x: shift to the right, in picture widths.
        y: shift downwards, in picture heights.
        angle_deg: turn, in degrees.
    """

    x: float = 0.0
    y: float = 0.0
    angle_deg: float = 0.0

    def __post_init__(self) -> None:
        for name in ("x", "y", "angle_deg"):
            _finite(name, getattr(self, name))

    def matrix(self) -> tuple[tuple[float, float, float], ...]:
        """The 3 x 3 matrix as published tools build it: rotation, then translation."""
        c, s = math.cos(math.radians(self.angle_deg)), math.sin(math.radians(self.angle_deg))
        return ((c, s, self.x), (-s, c, self.y), (0.0, 0.0, 1.0))


@dataclass(frozen=True)
class Recipe:
    """Everything that decides one picture.

    Attributes:
        model: which generator.
        sources: the latents it starts from, summed by weight around the mean latent.
        classes: pairs (class index, weight) for conditional generators.
        truncation_psi: 1 is the latent as drawn, 0 the mean picture.
        truncation_cutoff: how many rows of ws are truncated; None means all.
        directions: the sliders, applied after truncation.
        noise: the noise inputs.
        transform: StyleGAN3's transform; None where it is not used.
    """

    model: ModelRef = ModelRef()
    sources: tuple[Source, ...] = (Source(),)
    classes: tuple[tuple[int, float], ...] = ()
    truncation_psi: float = 1.0
    truncation_cutoff: int | None = None
    directions: tuple[DirectionEdit, ...] = ()
    noise: Noise = Noise()
    transform: Transform | None = None

    def __post_init__(self) -> None:
        if not self.sources:
            raise InputError("A recipe needs a start.")
        _finite("truncation psi", self.truncation_psi)
        if self.truncation_cutoff is not None and self.truncation_cutoff < 0:
            raise InputError("The truncation cutoff must not be negative.")
        for _, weight in self.classes:
            _finite("class weight", weight)

    @classmethod
    def from_seed(cls, seed: int, **changes: Any) -> Recipe:
        """The picture of one seed."""
        return cls(sources=(Source(seed=seed),), **changes)

    def changed(self, **changes: Any) -> Recipe:
        """A copy with some fields replaced."""
        return replace(self, **changes)

    @property
    def seed(self) -> int | None:
        """The seed, where the picture starts from exactly one."""
        return self.sources[0].seed if len(self.sources) == 1 else None

    def unedited(self) -> Recipe:
        """The same start without sliders or transform: what "compare" shows."""
        return replace(self, directions=(), transform=None)

    def with_direction(self, index: int, edit: DirectionEdit) -> Recipe:
        """A copy with one slider replaced."""
        edits = list(self.directions)
        edits[index] = edit
        return replace(self, directions=tuple(edits))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON, without the model's name and origin."""
        from latentstudio.document.recipe_json import to_json

        stored = to_json(self)
        stored["model"] = {"sha256": self.model.sha256}
        text = json.dumps(stored, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()
