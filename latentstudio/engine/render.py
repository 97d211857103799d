"""One picture from one recipe, for window, command line and Python alike.

Owns the loop over the stages with the cache, previews that fit a time budget, and the public
`render`. One thread at a time per renderer.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from latentstudio.document.recipe import Recipe, TuningRef
from latentstudio.engine.frame_graph import graph_for
from latentstudio.engine.latents import noise_tokens, resolve_inputs
from latentstudio.engine.local_blending import joined_state, regions_of, texts_with
from latentstudio.engine.memory import keep_freed_memory
from latentstudio.engine.stage_cache import Key, StageCache, stage_keys
from latentstudio.errors import CancelledError, InputError, ModelNotFoundError
from latentstudio.inversion.tuning_store import load_tuning
from latentstudio.models.devices import wait_for
from latentstudio.models.generator import Generator, Inputs, State
from latentstudio.models.precision import choose_fast_dtype
from latentstudio.models.preview_heads import SMALLEST_PX, apply_head
from latentstudio.models.tuning import tuned

Pixels = NDArray[np.uint8]
# Pixels of an early picture, a side, that share one correction.
CORRECTION_BLOCK = 4
# Tuned copies of the generator that are kept: one to work on, one to compare with.
MAX_TWINS = 2


@dataclass(frozen=True)
class Frame:
    """A picture and how it came about.

    Attributes:
        image: uint8 (H, W, 3).
        is_exact: False when stages were left out or computed in lower precision.
        stages_run: how many stages ran; the others came from the cache.
        precision: the type they computed in, such as "float32".
        ws: float32 (num_ws, w_dim), the latents after every edit.
    """

    image: Pixels
    is_exact: bool
    stages_run: int
    precision: str = "float32"
    ws: NDArray[np.float32] | None = None


class Renderer:
    """Draws recipes with one generator, keeping what the stages leave.

    Args:
        generator: whose pictures.
        cache_bytes: bound of the stage cache.
    """

    def __init__(self, generator: Generator, cache_bytes: int = 1 << 30) -> None:
        self.generator = generator
        self.cache = StageCache(cache_bytes)
        self._seconds: dict[torch.dtype, list[float]] = {}
        self._runs: dict[torch.dtype, list[int]] = {}  # how often each of them was measured
        self._outside = 0.0
        # The last whole picture: what early pictures get wrong about it, they get wrong next to it too.
        self._reference: tuple[list[Key], Tensor] | None = None
        self._corrections: dict[int, Tensor | None] = {}
        self._twins: dict[TuningRef, Generator] = {}
        self._graph = graph_for(generator)
        if generator.device.type == "cpu":
            keep_freed_memory()

    @torch.inference_mode()
    def frame(
        self,
        recipe: Recipe,
        *,
        precision: str = "exact",
        budget_ms: float | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> Frame:
        """Draw a recipe.

        Args:
            recipe: what to draw.
            precision: "exact" computes in float32; "fast" in the generator's `fast_dtype`, which is
                float32 too until a measurement has shown that this machine gains by another.
            budget_ms: leave out the last stages when the measured times say that they don't fit,
                where the family has a picture before the end; None draws everything.
            should_stop: asked between stages; True abandons the picture.

        Raises:
            InputError: the recipe does not fit the generator.
            CancelledError: `should_stop` said so.
        """
        begun, in_stages = time.perf_counter(), 0.0
        generator = self._tuned(recipe.tuning)
        dtype = generator.fast_dtype if precision == "fast" else torch.float32
        generator.compute_dtype = dtype
        last = len(generator.stages) - 1
        seconds = self._seconds.setdefault(dtype, [0.0] * (last + 1))
        runs = self._runs.setdefault(dtype, [0] * (last + 1))
        inputs = resolve_inputs(recipe, generator)
        noise = noise_tokens(recipe.noise, len(generator.noise_shapes))
        edits = feature_edits_by_stage(recipe, generator)
        texts = {stage: repr(scaled) for stage, scaled in edits.items()}
        kind = str(dtype) if recipe.tuning is None else f"{dtype} {recipe.tuning.sha256}"
        regions = regions_of(recipe, generator, texts, kind)
        name, ws = str(dtype).removeprefix("torch."), inputs.ws[0].float().cpu().numpy()
        is_plain = not edits and not regions and generator is self.generator
        if budget_ms is not None and is_plain and self._graph is not None and self._graph.fits(inputs):
            picture = self._graph.picture(inputs)
            if picture is not None:
                return Frame(to_pixels(generator, picture), False, last + 1, name, ws)
        keys = stage_keys(generator, inputs, noise, texts_with(texts, regions, generator), kind)

        def run(index: int, state: State, inputs: Inputs) -> State:
            state = generator.run_stage(index, state, inputs)
            scaled = edits.get(generator.stages[index].name)
            return state if scaled is None else scaled_features(state, scaled)

        state, first = State(), 0
        for index in range(last, -1, -1):
            found = self.cache.get(keys[index])
            if found is not None:
                state, first = found, index + 1
                break
        stop = last + 1 if budget_ms is None else self._affordable(first, budget_ms, seconds)
        for index in range(first, stop):
            if should_stop is not None and should_stop():
                raise CancelledError("The picture was abandoned for a newer one.")
            started = time.perf_counter()
            state = joined_state(index, run(index, state, inputs), regions, run, self.cache)
            # After the last stage nobody reads the features again.
            kept = State(None, state.img) if index == last and state.img is not None else state
            self.cache.put(keys[index], kept)
            if budget_ms is not None:
                # A card answers before it has computed; its stages would seem to cost nothing.
                wait_for(generator.device)
            spent = time.perf_counter() - started
            in_stages += spent
            # A stage's first run says little, as everything is set up then: the second takes its place, or
            # the first drag after opening would be blurred by times that are never measured again.
            seconds[index] = spent if runs[index] < 2 else 0.7 * seconds[index] + 0.3 * spent
            runs[index] += 1
        if stop == last + 1:
            exact = dtype == torch.float32
            picture = generator.image(state)
            self._reference, self._corrections = (keys, picture), {}
            return Frame(to_pixels(generator, picture), exact, stop - first, name, ws)
        small = to_pixels(generator, self._early_picture(stop - 1, state))
        # Shrunk pictures are cheap to convert; enlarging bytes is cheaper than enlarging numbers.
        enlarged = _enlarged(small, generator.info.img_size)
        # Latents, keys and pixels cost time too; the stages may only have what is left of the budget.
        outside = time.perf_counter() - begun - in_stages
        self._outside = outside if self._outside == 0 else 0.7 * self._outside + 0.3 * outside
        return Frame(enlarged, False, stop - first, name, ws)

    def _tuned(self, reference: TuningRef | None) -> Generator:
        """The generator, or its copy with a recipe's tuning in it; the last few copies are kept."""
        if reference is None:
            return self.generator
        found = self._twins.pop(reference, None)
        if found is None:
            found = tuned(self.generator, load_tuning(reference))
            while len(self._twins) >= MAX_TWINS:
                self._twins.pop(next(iter(self._twins)))
        found.fast_dtype = self.generator.fast_dtype
        self._twins[reference] = found
        return found

    def _early_picture(self, index: int, state: State) -> Tensor:
        """The small picture that stage `index` left: the family's own, or by a fitted head."""
        preview = self.generator.preview(state)
        if preview is None:
            assert state.x is not None
            preview = apply_head(self.generator.preview_heads[index], state.x)
            correction = self._correction(index)
            preview = preview if correction is None else preview + correction
        return preview

    def _correction(self, index: int) -> Tensor | None:
        """What the head of a stage misses of the last whole picture, in broad strokes."""
        if index not in self._corrections:
            self._corrections[index] = None
            kept = None if self._reference is None else self.cache.get(self._reference[0][index])
            if kept is not None and kept.x is not None and self._reference is not None:
                small = apply_head(self.generator.preview_heads[index], kept.x)
                target = F.interpolate(self._reference[1], size=small.shape[2:], mode="area")
                # Only the broad strokes: details move with the hand and would leave ghosts.
                size = [max(4, side // CORRECTION_BLOCK) for side in small.shape[2:]]
                broad = F.interpolate(target - small, size=size, mode="area")
                self._corrections[index] = F.interpolate(
                    broad, size=small.shape[2:], mode="bilinear", align_corners=False
                )
        return self._corrections[index]

    def _is_worth_showing(self, index: int) -> bool:
        """Whether the eye can follow what stage `index` leaves: a whole picture, or no tiny one.

        A network that learnt against a discriminator leaves blots below some size, whatever it draws.
        """
        generator = self.generator
        if index == len(generator.stages) - 1 or index in generator.preview_heads:
            return True
        return generator.gives_picture(index) and max(generator.stages[index].resolution) >= SMALLEST_PX

    def _affordable(self, first: int, budget_ms: float, seconds: list[float]) -> int:
        """Index after the last stage to run: all of them, or up to a picture that fits the budget."""
        stages, spent = len(seconds), self._outside * 1000
        # A type that was not used yet is taken to be as slow as the exact one, which was.
        exact = self._seconds.get(torch.float32, seconds)
        seconds = [own or other for own, other in zip(seconds, exact, strict=True)]
        early = [self._is_worth_showing(i) for i in range(stages)]
        if not any(early[:-1]) or 0.0 in seconds[first:]:
            return stages
        best = stages
        for index in range(first, stages):
            spent += seconds[index] * 1000
            if early[index] and (spent <= budget_ms or best == stages):
                best = index + 1
        return stages if spent <= budget_ms else best


def feature_edits_by_stage(recipe: Recipe, generator: Generator) -> dict[str, list[tuple[int, float]]]:
    """By stage name the feature maps that a recipe scales, with their factors.

    Raises:
        InputError: the generator has no stage of that name.
    """
    names = {stage.name for stage in generator.stages}
    edits: dict[str, list[tuple[int, float]]] = {}
    for edit in recipe.features:
        if edit.stage not in names:
            raise InputError(f'This model has no stage "{edit.stage}".')
        edits.setdefault(edit.stage, []).append((edit.channel, edit.factor))
    return edits


def scaled_features(state: State, edits: list[tuple[int, float]]) -> State:
    """The state with some feature maps scaled; a new tensor, since the old one may be cached."""
    if state.x is None:
        raise InputError("This stage leaves no feature maps to scale.")
    x = state.x.clone()
    for channel, factor in edits:
        if channel >= x.shape[1]:
            raise InputError(f"There is no feature map {channel}: this stage has {x.shape[1]}.")
        x[:, channel] *= factor
    return State(x, state.img)


def _enlarged(small: Pixels, size: tuple[int, int]) -> Pixels:
    """A small picture (h, w, 3) at the size (height, width), linear between pixels."""
    bytes_ = torch.from_numpy(small).permute(2, 0, 1)[None].contiguous(memory_format=torch.channels_last)
    large = F.interpolate(bytes_, size=size, mode="bilinear", align_corners=False)
    return np.ascontiguousarray(large[0].permute(1, 2, 0).numpy())


def to_pixels(generator: Generator, img: Tensor) -> Pixels:
    """The first picture of a batch (N, C, H, W) as uint8 (H, W, 3); grey is repeated, alpha dropped."""
    levels = generator.to_uint8(img[:1])[0]
    if levels.shape[0] < 3:
        levels = levels[:1].expand(3, -1, -1)
    levels = levels[:3].permute(1, 2, 0)
    if levels.device.type != "cuda":
        return np.ascontiguousarray(levels.cpu().numpy())
    # From memory that stays in place a card copies without the processor's help.
    host = torch.empty(levels.shape, dtype=levels.dtype, pin_memory=True)
    host.copy_(levels.contiguous(), non_blocking=True)
    wait_for(levels.device)
    return host.numpy().copy()


def render(recipe: Recipe, generator: Generator | None = None, precision: str = "exact") -> Pixels:
    """Draw a recipe.

    Args:
        recipe: what to draw.
        generator: with which; by default the recipe's own, found by its hash among the bundled,
            installed and recently opened models.
        precision: "exact" computes in float32 like the original implementations.

    Returns:
        uint8 (H, W, 3): the pixels that the window and the command line give for this recipe.

    Raises:
        ModelNotFoundError: the recipe's generator is not on this machine, or `generator` is another one.
        InputError: the recipe does not fit the generator.
    """
    if precision not in ("exact", "fast"):
        raise InputError(f'There is no precision "{precision}".', "Use exact or fast.")
    if generator is None:
        generator = generator_of(recipe)
    check_model(recipe, generator)
    renderer = Renderer(generator, cache_bytes=0)
    if precision == "fast":
        choose_fast_dtype(generator)
    return renderer.frame(recipe, precision=precision).image


def generator_of(recipe: Recipe) -> Generator:
    """The generator that a recipe was made with, loaded anew.

    Raises:
        ModelNotFoundError: it is not on this machine.
    """
    from latentstudio.models.library import find_model
    from latentstudio.models.registry import load_generator

    return load_generator(find_model(recipe.model))


def check_model(recipe: Recipe, generator: Generator) -> None:
    """Raise ModelNotFoundError when the recipe was made with another generator."""
    wanted, info = recipe.model.sha256, generator.info
    if wanted and wanted not in (info.sha256, info.provenance.source_sha256):
        raise ModelNotFoundError(
            f'The recipe was made with another model ("{recipe.model.name or wanted[:12]}").',
            "Open that model first.",
        )
