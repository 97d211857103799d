"""Many pictures: one after another where every bit counts, together where it does not.

Owns the size of a batch (by the memory and the time that one picture takes) and what happens when the
memory is exhausted: half as many at a time, and on it goes. A picture drawn among others is computed by
other sums than alone, so it may differ from the recipe's own by one level of 255 in a few places; what a
person keeps is therefore drawn exactly. One thread at a time per drawer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields, replace
from typing import TypeVar

import torch

from latentstudio.document.recipe import Recipe
from latentstudio.engine.latents import resolve_inputs
from latentstudio.engine.memory import free_memory, is_exhausted, spare_bytes
from latentstudio.engine.render import Pixels, Renderer, check_model, generator_of, to_pixels
from latentstudio.errors import CancelledError, DeviceError
from latentstudio.models.generator import Generator, State

R = TypeVar("R")

MOST = 32
# Features of one batch, at most: beyond this a processor's caches hold nothing of them any more.
CPU_BYTES = 256 << 20
# Of a stage's features the input, the output and what lies between are there at once.
ALIVE = 3
# What may differ between pictures that are drawn together: all of it ends in ws.
_IN_WS = {
    "sources",
    "combine",
    "classes",
    "mixing",
    "truncation_psi",
    "truncation_cutoff",
    "truncation_curve",
    "truncation_center",
    "directions",
}
_SHARED = ("model", "noise", "transform")


def in_batches(count: int, size: int, work: Callable[[slice], R]) -> Iterator[R]:
    """`work` on `size` of `count` things at a time; on half as many whenever the memory is exhausted.

    Raises:
        DeviceError: the memory does not even suffice for one.
    """
    begin = 0
    while begin < count:
        stop = min(begin + size, count)
        try:
            result = work(slice(begin, stop))
        except Exception as error:
            _check_halving(stop - begin, error)
        else:
            begin = stop
            yield result
            continue
        # After the handler: the error's frames, which hold the batch, are gone.
        size = (stop - begin) // 2
        free_memory()


class BatchRenderer:
    """Draws many recipes with one generator.

    Args:
        renderer: draws those that are drawn alone; its stage cache serves them.
        memory_bytes: what the features of one batch may take; by default what the device can spare.
    """

    def __init__(self, renderer: Renderer, memory_bytes: int | None = None) -> None:
        self.renderer, self.generator = renderer, renderer.generator
        self._memory_bytes = memory_bytes
        self._most = MOST
        self._bytes_each = 0
        self._seconds_each = 0.0

    def pictures(self, recipes: Iterable[Recipe], *, exact: bool = True) -> Iterator[Pixels]:
        """The pictures of recipes in their order, each uint8 (H, W, 3).

        Args:
            recipes: what to draw.
            exact: the bytes that `render` gives, one after another, sharing what the stages leave.
                False draws together what differs in nothing but its latents; such a picture may differ
                from the exact one by a level or two of 255 in a few places.

        Raises:
            InputError: a recipe does not fit the generator.
            DeviceError: the memory does not even suffice for one picture.
        """
        waiting = list(recipes)
        while waiting:
            drawn = self.some(waiting, exact=exact)
            del waiting[: len(drawn)]
            yield from drawn

    def some(
        self,
        recipes: Sequence[Recipe],
        *,
        exact: bool = False,
        precision: str = "exact",
        longest_s: float | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> list[Pixels]:
        """The pictures of the first few recipes: as many as belong together and fit; at least one.

        Args:
            recipes: what to draw; not empty.
            exact: see `pictures`.
            precision: "exact" or "fast", as in `Renderer.frame`.
            longest_s: draw only so many that it takes about this long.
            should_stop: asked between stages; True abandons these pictures.

        Raises:
            CancelledError: `should_stop` said so.
        """
        together = list(recipes[:1]) if exact else self._first_that_agree(recipes, self._limit(longest_s))
        has_cleared = False
        while True:
            try:
                if exact or not is_batchable(together[0]):
                    how = "exact" if exact else precision
                    frame = self.renderer.frame(together[0], precision=how, should_stop=should_stop)
                    return [frame.image]
                return self._together(together, precision, should_stop)
            except Exception as error:
                # What the stages left of other pictures may be given up too, once.
                _check_halving(len(together) if has_cleared else 2, error)
            # After the handler: the error's frames, which hold the batch, are gone.
            self.renderer.cache.clear()
            has_cleared = True
            self._most = max(1, len(together) // 2)
            together = together[: self._most]
            free_memory()

    def _first_that_agree(self, recipes: Sequence[Recipe], limit: int) -> list[Recipe]:
        first, shared = recipes[0], list(_SHARED)
        if self.generator.info.truncates_in_synthesis:
            shared.append("truncation_psi")
        together = [first]
        for recipe in recipes[1:limit]:
            agrees = all(getattr(first, name) == getattr(recipe, name) for name in shared)
            if not (agrees and is_batchable(recipe)):
                break
            together.append(recipe)
        return together

    def _limit(self, longest_s: float | None) -> int:
        """How many at once; one while it is not known what one costs."""
        if not self._bytes_each:
            return 1
        memory = self._memory_bytes
        if memory is None:
            spare = spare_bytes(self.generator.device)
            memory = min(spare, CPU_BYTES) if self.generator.device.type == "cpu" else spare
        limit = min(self._most, memory // (ALIVE * self._bytes_each))
        if longest_s is not None and self._seconds_each:
            limit = min(limit, int(longest_s / self._seconds_each))
        return max(1, limit)

    @torch.inference_mode()
    def _together(
        self, recipes: Sequence[Recipe], precision: str, should_stop: Callable[[], bool] | None
    ) -> list[Pixels]:
        generator, started = self.generator, time.perf_counter()
        generator.compute_dtype = generator.fast_dtype if precision == "fast" else torch.float32
        each = [resolve_inputs(recipe, generator) for recipe in recipes]
        inputs = replace(each[0], ws=torch.cat([one.ws for one in each]))
        state, largest = State(), 0
        for index in range(len(generator.stages)):
            if should_stop is not None and should_stop():
                raise CancelledError("The pictures were abandoned for a newer one.")
            state = generator.run_stage(index, state, inputs)
            largest = max(largest, sum(t.numel() * t.element_size() for t in state if t is not None))
        img = generator.image(state)
        pictures = [to_pixels(generator, img[i : i + 1]) for i in range(len(recipes))]
        self._bytes_each = max(self._bytes_each, largest // len(recipes))
        self._seconds_each = (time.perf_counter() - started) / len(recipes)
        return pictures


def is_batchable(recipe: Recipe) -> bool:
    """Whether a recipe asks for nothing but latents, noise and a transform."""
    return all(
        getattr(recipe, field.name) == field.default
        for field in fields(Recipe)
        if field.name not in _IN_WS and field.name not in _SHARED
    )


def render_many(
    recipes: Iterable[Recipe], generator: Generator | None = None, exact: bool = True
) -> Iterator[Pixels]:
    """Draw many recipes of one generator.

    Args:
        recipes: what to draw.
        generator: with which; by default the first recipe's own, found by its hash.
        exact: True gives the bytes of `render`. False draws many at a time, which is quicker, and may
            differ from those by a level or two of 255 in a few places.

    Yields:
        uint8 (H, W, 3), in order.

    Raises:
        ModelNotFoundError: see `render`.
        InputError: a recipe does not fit the generator.
        DeviceError: the memory does not even suffice for one picture.
    """
    wanted = list(recipes)
    if not wanted:
        return
    if generator is None:
        generator = generator_of(wanted[0])
    for recipe in wanted:
        check_model(recipe, generator)
    yield from BatchRenderer(Renderer(generator, 256 << 20)).pictures(wanted, exact=exact)


def _check_halving(size: int, error: Exception) -> None:
    """Go on only after an error that half as many may get past.

    Raises:
        Exception: the error itself, when it is about something else.
        DeviceError: the memory is exhausted by a single one.
    """
    if not is_exhausted(error):
        raise error
    if size <= 1:
        raise DeviceError(
            "The memory is exhausted.", "Close other programs or open a smaller model."
        ) from error
