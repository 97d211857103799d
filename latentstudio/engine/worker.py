"""What the engine does with one request: open, draw, take a step of a job.

Owns the loaded generator and its renderer. Failures become values here. Runs on the engine's thread.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

import numpy as np
from PIL import Image

from latentstudio.engine.batches import BatchRenderer
from latentstudio.engine.jobs import JobRunner
from latentstudio.engine.memory import free_memory, held_mib, is_exhausted, resident_mib
from latentstudio.engine.opening import Opened, Remembered, load_on
from latentstudio.engine.render import Frame, Pixels, Renderer, check_model
from latentstudio.engine.requests import (
    Event,
    Failure,
    Job,
    JobCancelled,
    ModelOpened,
    OpenRequest,
    RenderRequest,
    RenderResult,
)
from latentstudio.errors import CancelledError, ModelNotFoundError
from latentstudio.models.devices import describe_device, device_choices
from latentstudio.models.generator import Generator
from latentstudio.models.library import KnownModel, remember_model
from latentstudio.settings import Settings

# Pictures that are drawn together may hold back others by about this.
LONGEST_BATCH_S = 0.1
# A job that leaves more than this behind is worth the time that giving memory back takes.
LEFT_MIB = 64


class Worker:
    """The engine's hands.

    Args:
        emit: where events go.
        settings: frame budget, cache bound and device.
        urgent_waits: whether to give a picture up for something that goes first.
    """

    def __init__(
        self,
        emit: Callable[[Event], None],
        settings: Settings,
        urgent_waits: Callable[[RenderRequest], bool],
    ) -> None:
        self._emit, self._settings, self._urgent_waits = emit, settings, urgent_waits
        self._renderer: Renderer | None = None
        self._batches: BatchRenderer | None = None
        self._runner: JobRunner | None = None
        self._held_mib = 0  # before the running job began
        self.busy = False

    def open(self, request: OpenRequest) -> None:
        """Load a model; when that fails the present one is there again."""
        started = time.perf_counter()
        present = None if self._renderer is None else Remembered.of(self._renderer.generator)
        if present is not None and request.path.exists():
            # Given up first: two large models at once may be more than there is.
            self._forget()
        try:
            opened = load_on(request.path, request.device or self._settings.device)
        except Exception as error:
            failure = Failure.of("open", error, ticket=request.ticket)
        else:
            self._take(opened.generator)
            self._tell_opened(opened, started, request.ticket)
            return
        # After the handler, whose error may hold half a model.
        if self._renderer is None and present is not None:
            before = present.again()
            if before is not None:
                self._take(before)
        self._emit(failure)

    def _take(self, generator: Generator) -> None:
        self._renderer = Renderer(generator, self._settings.cache_memory_mib << 20)
        self._batches = BatchRenderer(self._renderer)

    def _forget(self) -> None:
        self._renderer = self._batches = self._runner = None
        # Networks hold themselves in circles, which only the collector undoes.
        gc.collect()
        free_memory()

    def _tell_opened(self, opened: Opened, started: float, ticket: int) -> None:
        generator = opened.generator
        info = generator.info
        elapsed_ms = (time.perf_counter() - started) * 1000
        words = describe_device(generator.device)
        self._emit(
            ModelOpened(info, generator.stages, words, elapsed_ms, ticket, opened.note, device_choices())
        )
        try:
            remember_model(
                KnownModel(
                    info.path,
                    info.sha256,
                    info.provenance.title,
                    info.family,
                    info.img_resolution,
                    info.provenance.source_sha256,
                )
            )
        except Exception as error:
            self._emit(Failure.of("remember", error))

    def render(self, request: RenderRequest) -> bool:
        """Draw; False when it was given up for something more urgent."""
        started = time.perf_counter()
        try:
            renderer = self._renderer
            if renderer is None:
                raise ModelNotFoundError("No model is open.", "Open one from the list on the left.")
            check_model(request.recipe, renderer.generator)
            frame = self._frame(request, renderer)
            image = shrunk(frame.image, request.max_side)
        except CancelledError:
            return False
        except Exception as error:
            self._emit(Failure.of("render", error, request=request))
            return True
        elapsed_ms = (time.perf_counter() - started) * 1000
        self._emit(
            RenderResult(
                request,
                image,
                elapsed_ms,
                frame.is_exact,
                frame.stages_run,
                frame.precision,
                held_mib(renderer.generator.device),
                frame.ws,
            )
        )
        return True

    def _frame(self, request: RenderRequest, renderer: Renderer) -> Frame:
        def draw() -> Frame:
            return renderer.frame(
                request.recipe,
                precision="fast" if request.live else "exact",
                budget_ms=self._settings.frame_budget_ms if request.live else None,
                should_stop=lambda: self._urgent_waits(request),
            )

        try:
            return draw()
        except Exception as error:
            if not is_exhausted(error):
                raise
        # After the handler, whose error holds what the stages left; the cache can be given up too.
        renderer.cache.clear()
        free_memory()
        return draw()

    def render_some(self, requests: list[RenderRequest]) -> int:
        """Draw as many of these rough ones as go together; how many were drawn, 0 when given up."""
        started = time.perf_counter()
        batches = self._batches
        if batches is None:
            return int(self.render(requests[0]))
        try:
            for request in requests:
                check_model(request.recipe, batches.generator)
            images = batches.some(
                [request.recipe for request in requests],
                precision="fast",
                longest_s=LONGEST_BATCH_S,
                should_stop=lambda: self._urgent_waits(requests[0]),
            )
        except CancelledError:
            return 0
        except Exception:
            # One of them is at fault: alone each tells for itself.
            return int(self.render(requests[0]))
        elapsed_ms = (time.perf_counter() - started) * 1000 / len(images)
        generator = batches.generator
        stages, held = len(generator.stages), held_mib(generator.device)
        precision = str(generator.compute_dtype).removeprefix("torch.")
        for request, image in zip(requests, images, strict=False):
            small = shrunk(image, request.max_side)
            self._emit(RenderResult(request, small, elapsed_ms, False, stages, precision, held))
        return len(images)

    def start_job(self, number: int, job: Job) -> None:
        """Make a job the running one."""
        self._held_mib = resident_mib()
        self._runner = JobRunner(number, job, self._emit)
        self._runner.start(None if self._renderer is None else self._renderer.generator)

    def step_job(self, stop: bool) -> bool:
        """One step of the running job; False when it has ended."""
        alive = self._runner is not None and self._runner.step(stop)
        if not alive:
            self._runner = None
            if resident_mib() - self._held_mib > LEFT_MIB:
                # Feature maps of a fit serve no frame: without it the freed heap stays as large as it was.
                free_memory()
        return alive

    def refuse_job(self, number: int, job: Job) -> None:
        """Tell that a waiting job will not run."""
        self._emit(JobCancelled(number, job.title, job.tag))

    def close(self) -> None:
        """Free the model and what the stages left."""
        self._forget()


def shrunk(image: Pixels, max_side: int | None) -> Pixels:
    """The picture with its longer side at most `max_side` pixels, averaged down."""
    height, width = image.shape[:2]
    if max_side is None or max(height, width) <= max_side:
        return image
    scale = max_side / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BOX))
