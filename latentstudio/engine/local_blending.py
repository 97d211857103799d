"""Regions of the picture that show another picture: features are joined by a mask, stage by stage.

Owns the second run of the stages that a region needs, and the joining. What surrounds a region is drawn
with the joined features of the stage before, so that its edge is the network's own work and no cut.
One thread at a time per generator.

Source: Suzuki et al., "Spatially Controllable Image Synthesis with Internal Representation
Collaging", section 3.2 (features of two runs, mixed by a mask at chosen layers).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from latentstudio.document.local_edits import LocalEdit, inside_recipe
from latentstudio.document.recipe import Recipe
from latentstudio.engine.latents import noise_tokens, resolve_inputs
from latentstudio.engine.masks import fitted_mask
from latentstudio.engine.stage_cache import StageCache, stage_keys
from latentstudio.models.generator import Generator, Inputs, State

# Below this a map of features has no places to speak of.
LEAST_SIDE = 4

# Runs a stage with the feature edits of the picture.
RunStage = Callable[[int, State, Inputs], State]


class Region:
    """One local edit of a picture that is being drawn.

    Args:
        generator: whose stages.
        recipe: the picture around it.
        edit: the region.
        texts: for each stage name what is done to its features, see `stage_keys`.
        kind: precision and weights, see `stage_keys`.
    """

    def __init__(
        self, generator: Generator, recipe: Recipe, edit: LocalEdit, texts: Mapping[str, str], kind: str
    ) -> None:
        info = generator.info
        inside = inside_recipe(recipe, edit, info.z_dim, info.num_ws)
        self.edit = edit
        self.inputs = resolve_inputs(inside, generator)
        noise = noise_tokens(inside.noise, len(generator.noise_shapes))
        self.keys = stage_keys(generator, self.inputs, noise, texts, kind)
        self._generator = generator
        self._shares = torch.from_numpy(edit.mask.feathered(edit.feather) * edit.amount)
        self._fitted: dict[tuple[int, tuple[int, ...]], Tensor] = {}
        self._state, self._next = State(), 0

    def text(self, stage: int) -> str:
        """What stands in the key of a stage of the picture around for what this region does to it."""
        if not self.edit.joins(stage):
            return ""
        where = f"{self.edit.mask.digest} {self.edit.feather!r} {self.edit.amount!r}"
        return hashlib.sha256(self.keys[stage] + where.encode()).hexdigest()

    def state(self, stage: int, run: RunStage, cache: StageCache) -> State:
        """What a stage leaves of the picture inside; stages must be asked for in rising order."""
        for index in range(stage, self._next - 1, -1):
            found = cache.get(self.keys[index])
            if found is not None:
                self._state, self._next = found, index + 1
                break
        last = len(self.keys) - 1
        while self._next <= stage:
            state = run(self._next, self._state, self.inputs)
            if self._next == last and state.img is not None:
                state = State(None, state.img)
            cache.put(self.keys[self._next], state)
            self._state, self._next = state, self._next + 1
        return self._state

    def joined(self, stage: int, around: State, inside: State) -> State:
        """The state of the picture with this region's features in it."""
        return State(
            self._joined(stage, around.x, inside.x) if inside.x is not None else None,
            self._joined(stage, around.img, inside.img),
        )

    def _joined(self, stage: int, around: Tensor | None, inside: Tensor | None) -> Tensor | None:
        if around is None or inside is None or around.ndim != 4 or min(around.shape[2:]) < LEAST_SIDE:
            return around
        key = stage, tuple(around.shape[2:])
        if key not in self._fitted:
            shares = self._shares.to(around.device)
            self._fitted[key] = fitted_mask(shares, key[1], self._generator.picture_share(stage))
        # Where the mask is 0 or 1, this is one or the other to the last bit.
        return torch.lerp(around, inside, self._fitted[key].to(around.dtype))


def regions_of(recipe: Recipe, generator: Generator, texts: Mapping[str, str], kind: str) -> list[Region]:
    """The regions of a recipe that change anything.

    Raises:
        InputError: a start or a slider of a region does not fit the generator.
    """
    return [Region(generator, recipe, edit, texts, kind) for edit in recipe.local if not edit.does_nothing]


def texts_with(
    texts: Mapping[str, str], regions: Sequence[Region], generator: Generator
) -> Mapping[str, str]:
    """What is done to the features of each stage, regions included: for the keys of the cache."""
    if not regions:
        return texts
    both = dict(texts)
    for index, stage in enumerate(generator.stages):
        joined = " ".join(filter(None, (region.text(index) for region in regions)))
        if joined:
            both[stage.name] = f"{both.get(stage.name, '')} {joined}"
    return both


def joined_state(
    stage: int, state: State, regions: Sequence[Region], run: RunStage, cache: StageCache
) -> State:
    """The state that a stage leaves, with all regions in it; where two overlap, the later one shows."""
    for region in regions:
        if region.edit.joins(stage):
            state = region.joined(stage, state, region.state(stage, run, cache))
    return state


def run_joined(
    last: int, inputs: Inputs, regions: Sequence[Region], insides: Sequence[Inputs], run: RunStage
) -> State:
    """What stage `last` leaves, regions included, with nothing cached: gradients pass through all runs.

    Args:
        last: index of the stage.
        inputs: what the picture around reads.
        regions: the regions.
        insides: what each of them reads, in place of its own.
        run: runs a stage.
    """
    state, states = State(), [State() for _ in regions]
    for index in range(last + 1):
        state = run(index, state, inputs)
        for i, region in enumerate(regions):
            states[i] = run(index, states[i], insides[i])
            if region.edit.joins(index):
                state = region.joined(index, state, states[i])
    return state
