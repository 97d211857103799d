"""The recipe that a freshly opened model begins with.

Owns the choice of seed, truncation and the sliders listed; plain values, any thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from latentstudio.document.direction_file import directions_beside
from latentstudio.document.recipe import DirectionEdit, ModelRef, Recipe
from latentstudio.latent.directions import Direction, coordinate_direction

if TYPE_CHECKING:
    from latentstudio.models.generator import GeneratorInfo

LISTED_NAMED = 8
LISTED_PCA = 5

# Names that say at once what a slider does go first, where a model has them.
_FIRST_NAMES = ("Turn", "Nod", "Light side", "Skin", "Hair colour", "Haircut", "Age", "Background")

# (seed, truncation psi) that show a model at its best, by its origin.
_FIRST_PICTURES = {
    "bundled:clayfaces64": (33, 1.0),
    "bundled:clayfaces128": (33, 1.0),
    "bundled:clayfaces256": (33, 1.0),
    "bundled:clayvae64": (3, 0.8),
    "bundled:clayclasses64": (42, 0.8),
}


def model_ref(info: GeneratorInfo) -> ModelRef:
    """How a recipe names this model."""
    return ModelRef(info.sha256, info.provenance.title, info.provenance.origin)


def named(info: GeneratorInfo) -> list[Direction]:
    """The directions along coordinates of z that carry a name, then those that travel with the model."""
    names = info.provenance.z_names
    coordinates = [coordinate_direction(name, i, info.z_dim) for i, name in enumerate(names) if name]
    return coordinates + directions_beside(info.path, z_dim=info.z_dim, w_dim=info.w_dim)


def starting_recipe(info: GeneratorInfo) -> Recipe:
    """A good first picture."""
    rank = {name: i for i, name in enumerate(_FIRST_NAMES)}
    directions = sorted(named(info), key=lambda d: rank.get(d.name, len(rank)))[:LISTED_NAMED]
    # Without a mapping the mean is the origin of z, and truncation only makes pictures pale.
    usual = (0, 0.7 if info.has_mapping else 1.0)
    seed, psi = _FIRST_PICTURES.get(info.provenance.origin, usual)
    return Recipe.from_seed(
        seed,
        model=model_ref(info),
        classes=((0, 1.0),) if info.c_dim else (),
        truncation_psi=psi,
        directions=tuple(DirectionEdit(direction) for direction in directions),
    )


def with_listed(recipe: Recipe, directions: Sequence[Direction]) -> Recipe:
    """The recipe with the first few directions listed at rest."""
    listed = tuple(DirectionEdit(direction) for direction in directions[:LISTED_PCA])
    return recipe.changed(directions=recipe.directions + listed)


def fits(reference: ModelRef, info: GeneratorInfo) -> bool:
    """Whether a recipe was made with this model."""
    return not reference.sha256 or reference.sha256 in (info.sha256, info.provenance.source_sha256)
