"""How a picture is measured: fixed once for a calibration, the same for every picture after.

Owns `Protocol` and its JSON form; the measuring is in `measuring`. NumPy only, any thread.

Source: Karras et al., "Analyzing and Improving the Image Quality of StyleGAN", section 5: projection in
w, a fixed number of steps, fitted noise.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from latentstudio.errors import InputError
from latentstudio.inversion.options import ProjectionOptions
from latentstudio.latent.spaces import W_PLUS, W, Z
from latentstudio.models.info import GeneratorInfo

MOST_RESTARTS = 10
_FIELDS = {"projection", "restarts", "further_steps", "plus_steps"}


def quick_projection() -> ProjectionOptions:
    """The projection a calibration uses unless told otherwise: seconds a picture on a CPU."""
    return ProjectionOptions(
        space="w",
        method="fast",
        steps=50,
        seed=303,
        distance="pyramid",
        start="samples",
        start_samples=128,
        preview_every=0,
    )


@dataclass(frozen=True)
class Protocol:
    """What is done to every picture.

    Attributes:
        projection: in w; its seed is that of the first try.
        restarts: how many tries, each with a seed of its own; the nearest one counts. Where the first starts
            from an encoder, the others start from samples.
        further_steps: steps from there that look through the softening which explains most of what is left.
        plus_steps: steps in w+ after those, for the gap between the two spaces; 0 leaves them out.
    """

    projection: ProjectionOptions = field(default_factory=quick_projection)
    restarts: int = 1
    further_steps: int = 40
    plus_steps: int = 8

    def __post_init__(self) -> None:
        if not 1 <= self.restarts <= MOST_RESTARTS:
            raise InputError(f"The restarts must be from 1 to {MOST_RESTARTS}, not {self.restarts}.")
        for words, count in (("further steps", self.further_steps), ("steps in w+", self.plus_steps)):
            if not 0 <= count <= 10_000:
                raise InputError(f"The {words} must be from 0 to 10,000, not {count}.")

    @classmethod
    def for_model(cls, info: GeneratorInfo) -> Protocol:
        """The usual protocol, in the spaces this model has; a conditional model's class is fitted too."""
        projection = quick_projection()
        if W not in info.spaces:
            projection = projection.changed(space=Z)
        if info.c_dim:
            projection = projection.changed(class_mode="fitted")
        return cls(projection, plus_steps=cls().plus_steps if W_PLUS in info.spaces else 0)

    @property
    def digest(self) -> str:
        """A short name for exactly this protocol: measurements of another don't mix with it."""
        text = json.dumps(self.to_json(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def words(self) -> str:
        """One line for people."""
        p = self.projection
        noise = "fitted noise" if p.fit_noise else "noise left alone"
        tries = "one try" if self.restarts == 1 else f"the best of {self.restarts} tries"
        further = f", then {self.further_steps} through what explains most" if self.further_steps else ""
        plus = f", then {self.plus_steps} steps in w+" if self.plus_steps else ""
        return (
            f"{p.total_steps} steps in {p.space} ({p.method}), {noise}, {tries}, seed {p.seed}, "
            f"distance {p.distance}{further}{plus}"
        )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; the inverse of `from_json`."""
        return {
            "projection": self.projection.to_json(),
            "restarts": self.restarts,
            "further_steps": self.further_steps,
            "plus_steps": self.plus_steps,
        }

    @classmethod
    def from_json(cls, stored: Any) -> Protocol:
        """A protocol from parsed JSON.

        Raises:
            InputError: a field is missing, of the wrong form or out of range.
        """
        if not isinstance(stored, Mapping) or stored.keys() != _FIELDS:
            raise InputError("The protocol of this calibration has the wrong form.")
        counts = stored["restarts"], stored["further_steps"], stored["plus_steps"]
        if not all(type(count) is int for count in counts):
            raise InputError("The protocol of this calibration has the wrong form.")
        return cls(ProjectionOptions.from_json(stored["projection"]), *counts)
