"""What lies in the trays of the A - B + C bench, as frozen values, and its presets.

Owns the state and its way to and from a recipe; no widgets. Any thread.

Source: Radford et al., "Unsupervised Representation Learning with DCGANs", section 6.3.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from latentstudio.document.recipe import DirectionEdit, Recipe, Source
from latentstudio.document.starts import Tray, kept_rows, tray_sources, trays_of
from latentstudio.gui.words import MINUS, plain
from latentstudio.latent.directions import Direction
from latentstudio.latent.sampling import z_from_seed
from latentstudio.latent.spaces import Latent, Z

WEIGHTS = (1.0, -1.0, 1.0)
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# (coordinate of z, its value in A, its value in B): what a newcomer sees at once.
PRESETS = (("Glasses", 2.0, -1.5), ("Smile", 2.0, -2.0), ("Turn", 1.0, -1.0))
PRESET_SEEDS = (24, 89, 110)
EXAMPLE_SIGMAS = 2.0


@dataclass(frozen=True)
class Member:
    """One picture in a tray.

    Attributes:
        source: its latent before truncation, of weight 1.
        words: what a person knows it by.
    """

    source: Source
    words: str


@dataclass(frozen=True)
class BenchState:
    """All trays.

    Attributes:
        trays: members of each.
        weights: of each tray's mean.
        combine: where the sum is taken, as in a recipe.
        start: first row of ws that the sum decides.
        stop: one past the last; None means to the end.
    """

    trays: tuple[tuple[Member, ...], ...] = ((), (), ())
    weights: tuple[float, ...] = WEIGHTS
    combine: str = "w"
    start: int = 0
    stop: int | None = None

    @property
    def sources(self) -> tuple[Source, ...]:
        """All members, weighted."""
        pairs = zip(self.trays, self.weights, strict=True)
        return tray_sources([Tray(tuple(m.source for m in tray), weight) for tray, weight in pairs])

    @property
    def has_only_z(self) -> bool:
        """Whether every member can be summed in z."""
        return all(member.source.space == Z for tray in self.trays for member in tray)

    def with_tray(self, index: int, members: Sequence[Member]) -> BenchState:
        """The same with other members in one tray."""
        trays = list(self.trays)
        trays[index] = tuple(members)
        state = replace(self, trays=tuple(trays))
        return state if state.combine == "w" or state.has_only_z else replace(state, combine="w")

    def with_weight(self, index: int, weight: float) -> BenchState:
        """The same with another weight."""
        weights = list(self.weights)
        weights[index] = weight
        return replace(self, weights=tuple(weights))

    def applied(self, recipe: Recipe, num_ws: int) -> Recipe | None:
        """A recipe that starts from the sum; None while there is nothing to sum."""
        sources = self.sources
        if not sources:
            return None
        changed = recipe.changed(sources=sources, combine=self.combine)
        stop = num_ws if self.stop is None else self.stop
        if self.start <= 0 and stop >= num_ws:
            return changed
        # The other layers stay those of C; without a C, of A.
        kept = next((self.trays[i] for i in (2, 0) if i < len(self.trays) and self.trays[i]), ())
        mixing = kept_rows([member.source for member in kept], self.start, stop, num_ws)
        return changed.changed(mixing=mixing)

    def formula(self) -> str:
        """What is summed: "A − B + C", "1.5 A − B"."""
        parts: list[str] = []
        for letter, tray, weight in zip(LETTERS, self.trays, self.weights, strict=False):
            if not tray or not weight:
                continue
            size = "" if abs(weight) == 1 else f"{plain(abs(weight))} "
            sign = f"{MINUS} " if weight < 0 else ("+ " if parts else "")
            parts.append(f"{sign}{size}{letter}")
        return " ".join(parts) or f"A {MINUS} B + C"


def state_of(recipe: Recipe) -> BenchState:
    """Trays that give a recipe's sources."""
    trays = trays_of(recipe.sources)[: len(LETTERS)]
    members = tuple(tuple(Member(s, source_words(s)) for s in tray.members) for tray in trays)
    weights = tuple(tray.weight for tray in trays)
    while len(members) < len(WEIGHTS):
        weights = (*weights, WEIGHTS[len(members)])
        members = (*members, ())
    return BenchState(members, weights, recipe.combine)


def source_words(source: Source) -> str:
    """What a source is called by itself."""
    return f"Picture in {source.space}" if source.seed is None else f"Seed {source.seed}"


def preset_state(names: Sequence[str], z_dim: int, preset: str, present: Member) -> BenchState:
    """The classic recipe with three each: the same people with and without, and the present picture."""
    index = list(names).index(preset)
    high, low = next((a, b) for name, a, b in PRESETS if name == preset)

    def moved(value: float, words: str) -> tuple[Member, ...]:
        members = []
        for seed in PRESET_SEEDS:
            z = z_from_seed(seed, z_dim).copy()
            z[index] = value
            members.append(Member(Source(Z, None, Latent(z)), f"Seed {seed}, {preset} {words}"))
        return tuple(members)

    state = BenchState((moved(high, "high"), moved(low, "low"), (present,)), WEIGHTS, "z")
    return state if state.has_only_z else replace(state, combine="w")


def example_recipes(present: Recipe, along: Direction | None) -> list[Recipe]:
    """The same people with and without, far along a direction either way; none without a direction."""
    if along is None:
        return []
    bare = Recipe(model=present.model, classes=present.classes)
    return [
        bare.changed(sources=(present.seeded(seed),), directions=(DirectionEdit(along, amount),))
        for amount in (EXAMPLE_SIGMAS, -EXAMPLE_SIGMAS)
        for seed in PRESET_SEEDS
    ]


def state_of_examples(members: Sequence[Member]) -> BenchState:
    """Trays of the present picture, then those with, then those without."""
    present, count = members[0], len(PRESET_SEEDS)
    return BenchState((tuple(members[1 : 1 + count]), tuple(members[1 + count :]), (present,)), WEIGHTS)
