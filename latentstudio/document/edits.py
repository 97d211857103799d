"""The parts of a recipe: where a picture starts and what is done to it, as frozen values.

Owns each part's checks; `recipe` puts them together. NumPy only, safe on any thread.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from latentstudio.errors import InputError
from latentstudio.latent.directions import Direction
from latentstudio.latent.sampling import NORMAL, check_draw, check_seed, z_from_seed
from latentstudio.latent.spaces import SPACES, Latent, Z

NOISE_MODES = ("const", "random", "none")


def check_finite(name: str, value: float) -> None:
    """Raise InputError unless `value` is a finite number."""
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
        draw: how a seed becomes a z: "normal", or one of BigGAN's two, see `sampling.z_from_seed`.
        limit: the bound of the latter.
    """

    space: str = Z
    seed: int | None = 0
    values: Latent | None = None
    weight: float = 1.0
    draw: str = NORMAL
    limit: float = 1.0

    def __post_init__(self) -> None:
        if self.space not in SPACES:
            raise InputError(f'There is no space "{self.space}".', "Use z, w or w+.")
        if (self.seed is None) == (self.values is None):
            raise InputError("A start needs either a seed or values.")
        if self.seed is not None:
            check_seed(self.seed)
            if self.space != Z:
                raise InputError("Only a start in z can be given by a seed.")
        check_finite("weight", self.weight)
        check_draw(self.draw, self.limit)

    def z(self, z_dim: int) -> NDArray[np.float32]:
        """The z (z_dim,) of a source in z.

        Raises:
            InputError: it holds another number of values.
        """
        if self.values is None:
            assert self.seed is not None
            return z_from_seed(self.seed, z_dim, self.draw, self.limit)
        z = self.values.array.reshape(-1)
        if len(z) != z_dim:
            raise InputError(f"The start has {len(z)} numbers, but this model's z has {z_dim}.")
        return z


@dataclass(frozen=True)
class StyleMix:
    """Rows of ws taken from another latent, wholly or in part.

    Attributes:
        source: the other latent; its weight is ignored.
        amounts: for each row of ws how much of it comes from `source`, 0 to 1; rows beyond the end
            of the tuple stay as they are.
    """

    source: Source
    amounts: tuple[float, ...]

    def __post_init__(self) -> None:
        for amount in self.amounts:
            check_finite("mixing amount", amount)

    @classmethod
    def of_rows(cls, source: Source, rows: Iterable[int], amount: float = 1.0) -> StyleMix:
        """The same amount on the rows given."""
        chosen = set(rows)
        return cls(source, tuple(amount if i in chosen else 0.0 for i in range(max(chosen, default=-1) + 1)))


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
        check_finite("amount", self.amount)
        if self.start < 0 or (self.stop is not None and self.stop < self.start):
            raise InputError("A layer range must not run backwards.")


@dataclass(frozen=True)
class ChannelEdit:
    """A slider of StyleSpace: one channel of one layer's style moves.

    Attributes:
        layer: name of the stage.
        channel: index into the layer's style.
        amount: in sigma.
        sigma: the channel's standard deviation over samples.
    """

    layer: str
    channel: int
    amount: float = 0.0
    sigma: float = 1.0

    def __post_init__(self) -> None:
        check_finite("amount", self.amount)
        check_finite("sigma", self.sigma)
        if self.channel < 0:
            raise InputError("A channel's number must not be negative.")


@dataclass(frozen=True)
class FeatureEdit:
    """One feature map of one stage, scaled.

    Attributes:
        stage: name of the stage.
        channel: index of the map.
        factor: 1 leaves it, 0 silences it.
    """

    stage: str
    channel: int
    factor: float = 1.0

    def __post_init__(self) -> None:
        check_finite("factor", self.factor)
        if self.channel < 0:
            raise InputError("A channel's number must not be negative.")


@dataclass(frozen=True)
class NoiseLayer:
    """One noise input that differs from the others.

    Attributes:
        index: which, in order of execution.
        strength: factor on the noise.
        mode: "const", "random", "none"; None follows the recipe's.
        seed: for this layer's "random" noise; None follows the recipe's.
        values: a map (height, width) in place of any mode, as an inversion fits it.
    """

    index: int
    strength: float = 1.0
    mode: str | None = None
    seed: int | None = None
    values: Latent | None = None

    def __post_init__(self) -> None:
        check_finite("noise strength", self.strength)
        if self.index < 0:
            raise InputError("A noise input's number must not be negative.")
        if self.mode is not None:
            _check_mode(self.mode)
        if self.seed is not None:
            check_seed(self.seed)
        if self.values is not None and len(self.values.shape) != 2:
            raise InputError("A noise map must have a height and a width.")


@dataclass(frozen=True)
class Noise:
    """The noise inputs: "const" (the stored maps), "random" (drawn from `seed`) or "none".

    Attributes:
        mode: for all inputs.
        seed: for mode "random".
        layers: inputs that differ.
        toward: another noise, toward which each map turns on the sphere; None for none.
        share: how far: 0 is this noise, 1 the other.
    """

    mode: str = "const"
    seed: int = 0
    layers: tuple[NoiseLayer, ...] = ()
    toward: Noise | None = None
    share: float = 0.0

    def __post_init__(self) -> None:
        _check_mode(self.mode)
        check_seed(self.seed)
        check_finite("share of the noise", self.share)
        if not 0 <= self.share <= 1:
            raise InputError("The share of the other noise must lie between 0 and 1.")
        if len({layer.index for layer in self.layers}) != len(self.layers):
            raise InputError("A noise input is described twice.")


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
            check_finite(name, getattr(self, name))

    def matrix(self) -> tuple[tuple[float, float, float], ...]:
        """The 3 x 3 matrix as published tools build it: rotation, then translation."""
        c, s = math.cos(math.radians(self.angle_deg)), math.sin(math.radians(self.angle_deg))
        return ((c, s, self.x), (-s, c, self.y), (0.0, 0.0, 1.0))


@dataclass(frozen=True)
class TuningRef:
    """Changes to the generator's own weights, as pivotal tuning makes them, in a file beside the recipe.

    Attributes:
        sha256: hash of that file, hexadecimal; it is found by it.
        name: the file's name, for a person and for looking beside the recipe.
    """

    sha256: str
    name: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if len(self.sha256) != 64 or not set(self.sha256) <= set("0123456789abcdef"):
            raise InputError("A tuning must be named by the hash of its file.")
        if any(part in self.name for part in ("/", "\\", "\0")) or self.name in (".", ".."):
            raise InputError("A tuning's name must be a plain file name.")


def _check_mode(mode: str) -> None:
    if mode not in NOISE_MODES:
        raise InputError(f'There is no noise mode "{mode}".', "Use const, random or none.")
