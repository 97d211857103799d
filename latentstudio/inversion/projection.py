"""What a projection gives: everything that was fitted, and the recipe that draws it again.

Owns the values that leave this room; tensors stay inside. Any thread.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from latentstudio.document.recipe import ModelRef, Noise, NoiseLayer, Recipe, Source, TuningRef
from latentstudio.inversion.options import ProjectionOptions
from latentstudio.latent.spaces import Latent
from latentstudio.models.info import GeneratorInfo

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Checkpoint:
    """Where a fit stands, so that it goes on as if it had never stopped.

    Attributes:
        step: steps done.
        arrays: the variables and their moments by name, for one photograph.
    """

    step: int
    arrays: dict[str, NDArray[np.generic]]


@dataclass(frozen=True)
class Projection:
    """A photograph as the generator can draw it.

    Attributes:
        source: the fitted latent: a z, a w or a w+.
        ws: float32 (num_ws, w_dim), what the source leads to.
        noise: the fitted maps, float32 (height, width) each; empty where none were fitted.
        classes: as in a recipe.
        image: uint8 (H, W, 3): what the recipe renders.
        distance: of that picture from the target.
        curve: float32 (steps,), the distance after each step.
        terms: float32 (steps,) by name: what the curve is made of, and the penalties beside it.
        about_distance: which distance it was, in words.
        options: how it was made.
        seconds: how long it took; photographs of a batch share the time.
        name: the target's.
        tuning: the generator's own changes, where it was tuned.
        checkpoint: from where the fit can go on; None in snapshots.
    """

    source: Source
    ws: Floats
    noise: tuple[Floats, ...]
    classes: tuple[tuple[int, float], ...]
    image: NDArray[np.uint8]
    distance: float
    curve: Floats
    terms: dict[str, Floats]
    about_distance: str
    options: ProjectionOptions
    seconds: float
    name: str = ""
    tuning: TuningRef | None = None
    checkpoint: Checkpoint | None = field(default=None, compare=False, repr=False)

    def to_recipe(self, info: GeneratorInfo) -> Recipe:
        """The recipe that draws `image` again, bit for bit, with the generator it was made with."""
        return _recipe(info, self.source, self.classes, self.noise, self.tuning)


@dataclass(frozen=True)
class ProjectionProgress:
    """How far a projection has come.

    Attributes:
        step: steps done, over all batches.
        steps: steps in all.
        terms: by name, float32 (N,): the distance's terms and the penalties; empty before the first step.
        images: uint8 (N, H, W, 3), or None where none is due.
        text: what is going on.
        photos: which of the targets this is about, [start, stop).
        snapshots: with the pictures, what one would keep when stopping here.
        begun: steps that were done before those of these photographs.
        own_steps: steps that these photographs take, of all; 0 where that is all of them.
    """

    step: int
    steps: int
    terms: dict[str, Floats] = field(default_factory=dict)
    images: NDArray[np.uint8] | None = None
    text: str = ""
    photos: tuple[int, int] = (0, 0)
    snapshots: tuple[Snapshot, ...] = ()
    begun: int = 0
    own_steps: int = 0

    @property
    def own_step(self) -> int:
        """How many of their own steps these photographs have done."""
        return self.step - self.begun

    @property
    def distance(self) -> Floats:
        """The sum of the distance's terms, (N,): penalties are left out."""
        parts = [values for name, values in self.terms.items() if name not in PENALTIES]
        return np.sum(np.stack(parts), 0, dtype=np.float32) if parts else np.zeros(0, np.float32)


# Terms that are minimised but are no part of the distance.
PENALTIES = ("noise", "pull")


@dataclass(frozen=True)
class Snapshot:
    """A moment of a fit that can be kept: what its recipe needs.

    Attributes:
        source: the latent.
        noise: the maps.
        classes: as in a recipe.
        step: after which step.
    """

    source: Source
    noise: tuple[Floats, ...]
    classes: tuple[tuple[int, float], ...]
    step: int

    def to_recipe(self, info: GeneratorInfo) -> Recipe:
        """The recipe of that moment."""
        return _recipe(info, self.source, self.classes, self.noise, None)


def _recipe(
    info: GeneratorInfo,
    source: Source,
    classes: tuple[tuple[int, float], ...],
    noise: tuple[Floats, ...],
    tuning: TuningRef | None,
) -> Recipe:
    provenance = info.provenance
    layers = tuple(NoiseLayer(i, values=Latent(values)) for i, values in enumerate(noise))
    return Recipe(
        model=ModelRef(info.sha256, provenance.title, provenance.origin or Path(info.path).name),
        sources=(source,),
        classes=classes,
        noise=Noise("const", layers=layers),
        tuning=tuning,
    )


class Control:
    """How another thread asks a running projection to stop and keep what it has.

    Attributes:
        asks_checkpoints: whether `checkpoints` is to be renewed every few steps, which costs a copy each.
        checkpoints: where the running batch stands, one a photograph.
    """

    def __init__(self) -> None:
        self._stop = threading.Event()
        self.asks_checkpoints = False
        self.checkpoints: tuple[Checkpoint, ...] = ()

    def ask_checkpoints(self) -> None:
        """From now on `checkpoints` tells where the running batch stands; at first it is empty."""
        self.asks_checkpoints, self.checkpoints = True, ()

    def stop(self) -> None:
        """Finish after the present step; what was reached is the result."""
        self._stop.set()

    @property
    def stops(self) -> bool:
        """Whether it was asked to."""
        return self._stop.is_set()
