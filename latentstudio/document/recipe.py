"""A Recipe is one picture, as a frozen value.

Owns the value, its equality and its digest; its parts are in `edits`, its JSON form in `recipe_json`.
It is at once the render request, the cache key, the undo entry, what a PNG carries and the test
fixture. Knows nothing of networks: whether a latent fits a model is found out when it is rendered.
NumPy only, safe on any thread.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from latentstudio.document.edits import (
    ChannelEdit,
    DirectionEdit,
    FeatureEdit,
    ModelRef,
    Noise,
    NoiseLayer,
    Source,
    StyleMix,
    Transform,
    TuningRef,
    check_finite,
)
from latentstudio.document.local_edits import LocalEdit, check_regions
from latentstudio.errors import InputError

COMBINATIONS = ("w", "z", "z normalized")

__all__ = [
    "COMBINATIONS",
    "ChannelEdit",
    "DirectionEdit",
    "FeatureEdit",
    "LocalEdit",
    "ModelRef",
    "Noise",
    "NoiseLayer",
    "Recipe",
    "Source",
    "StyleMix",
    "Transform",
    "TuningRef",
]


@dataclass(frozen=True)
class Recipe:
    """Everything that decides one picture, in the order in which it acts.

    Attributes:
        model: which generator.
        sources: the latents it starts from, summed by weight.
        combine: where several sources are summed: in "w", around the mean latent; in "z"; or in
            "z normalized", where the sum is brought back to the length of a typical z.
        classes: pairs (class index, weight) for conditional generators.
        mixing: rows of ws that come from other latents.
        truncation_psi: 1 is the latent as drawn, 0 the mean picture.
        truncation_cutoff: how many rows of ws are truncated; None means all.
        truncation_curve: a psi for each row of ws in place of one for all; empty means none.
        truncation_center: what truncation moves toward; None means the model's mean latent. Its weight
            says how far from there it stands.
        directions: the sliders, applied after truncation.
        channels: sliders of single style channels.
        features: feature maps that are scaled.
        noise: the noise inputs.
        transform: StyleGAN3's transform; None where it is not used.
        tuning: changes to the generator's own weights that came with an inversion; None for none.
        local: regions that show another picture, the later over the earlier.
    """

    model: ModelRef = ModelRef()
    sources: tuple[Source, ...] = (Source(),)
    combine: str = "w"
    classes: tuple[tuple[int, float], ...] = ()
    mixing: tuple[StyleMix, ...] = ()
    truncation_psi: float = 1.0
    truncation_cutoff: int | None = None
    truncation_curve: tuple[float, ...] = ()
    truncation_center: Source | None = None
    directions: tuple[DirectionEdit, ...] = ()
    channels: tuple[ChannelEdit, ...] = ()
    features: tuple[FeatureEdit, ...] = ()
    noise: Noise = Noise()
    transform: Transform | None = None
    tuning: TuningRef | None = None
    local: tuple[LocalEdit, ...] = ()

    def __post_init__(self) -> None:
        if not self.sources:
            raise InputError("A recipe needs a start.")
        if self.combine not in COMBINATIONS:
            raise InputError(f'Sources can\'t be summed in "{self.combine}".', "Use w, z or z normalized.")
        check_finite("truncation psi", self.truncation_psi)
        for psi in self.truncation_curve:
            check_finite("truncation psi", psi)
        if self.truncation_cutoff is not None and self.truncation_cutoff < 0:
            raise InputError("The truncation cutoff must not be negative.")
        for _, weight in self.classes:
            check_finite("class weight", weight)
        check_regions(self.local)

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

    def seeded(self, seed: int, weight: float = 1.0) -> Source:
        """A source of another seed, drawn as this picture's is."""
        first = next((s for s in self.sources if s.values is None), None)
        if first is None:
            return Source(seed=seed, weight=weight)
        return Source(seed=seed, weight=weight, draw=first.draw, limit=first.limit)

    def unedited(self) -> Recipe:
        """The same start with nothing done to it: what "compare" shows."""
        return replace(self, mixing=(), directions=(), channels=(), features=(), transform=None, local=())

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
