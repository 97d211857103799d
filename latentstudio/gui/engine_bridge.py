"""Between the engine's threads and Qt: events in, queued signals out.

Owns the engine's life and the conversion of its pictures; decides nothing. The engine, and with it the
library of tensors, is loaded on a thread of its own, so that the window stands before it is there. All
methods are called on the GUI thread; all signals arrive there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QImage

from latentstudio.engine.requests import (
    CANVAS,
    COMPARE,
    Event,
    Failure,
    Job,
    JobCancelled,
    JobFinished,
    JobProgress,
    ModelOpened,
    RenderRequest,
    RenderResult,
)
from latentstudio.errors import LatentStudioError

if TYPE_CHECKING:
    from latentstudio.settings import Settings


# Pictures up to half this size are enlarged once, off the GUI thread.
ENLARGED_PX = 320


class EngineLike(Protocol):
    """What the bridge needs of an engine."""

    def open_model(self, path: str | Path, device: str = "") -> int:
        """Load a model; returns a ticket."""

    def request(self, request: RenderRequest) -> None:
        """Ask for a picture."""

    def submit(self, job: Job) -> int:
        """Ask for long work; returns its number."""

    def cancel(self, number: int) -> None:
        """Stop a job."""

    def close(self, timeout_s: float = 10.0) -> None:
        """Stop everything."""


MakeEngine = Callable[[Callable[[Event], None]], EngineLike]


@dataclass(frozen=True, eq=False)
class Picture:
    """A finished picture as the window shows it.

    Attributes:
        request: what was asked for.
        image: for painting; 32 bits a pixel, opaque.
        smooth: for painting larger than it is; small pictures are enlarged without steps.
        pixels: uint8 (H, W, 3), what is saved.
        elapsed_ms: time spent on it in the engine, in milliseconds.
        is_exact: False for a preview.
        precision: the type it was computed in, such as "float32".
        memory_mib: what the process holds, in MiB; 0 where the system does not tell.
        ws: float32 (num_ws, w_dim), the latents that it was drawn from.
    """

    request: RenderRequest
    image: QImage
    smooth: QImage
    pixels: NDArray[np.uint8]
    elapsed_ms: float
    is_exact: bool
    precision: str = "float32"
    memory_mib: int = 0
    ws: NDArray[np.float32] | None = None


class EngineBridge(QObject):
    """The engine, as the window sees it.

    Signals:
        ready(): the engine is there.
        picture_ready(Picture), model_opened(ModelOpened), failed(Failure),
        job_progressed(JobProgress), job_finished(JobFinished), job_cancelled(JobCancelled)

    Args:
        make_engine: builds the engine on the loading thread.
        parent: owner.
    """

    ready = Signal()
    picture_ready = Signal(object)
    model_opened = Signal(object)
    failed = Signal(object)
    job_progressed = Signal(object)
    job_finished = Signal(object)
    job_cancelled = Signal(object)
    _arrived = Signal(object)
    _made = Signal(object)

    def __init__(self, make_engine: MakeEngine, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._make_engine = make_engine
        self._engine: EngineLike | None = None
        self._waiting: list[Callable[[EngineLike], Any]] = []
        self._loader: threading.Thread | None = None
        self._closed = False
        self._arrived.connect(self._pass_on, Qt.ConnectionType.QueuedConnection)
        self._made.connect(self._take_engine, Qt.ConnectionType.QueuedConnection)

    def start(self) -> None:
        """Load the engine on a thread; what is asked meanwhile waits."""
        self._loader = threading.Thread(target=self._load, name="latentstudio-loader", daemon=True)
        self._loader.start()

    def open_model(self, path: str | Path, device: str = "") -> None:
        """Load a model in place of the present one; `device` empty is the one of the settings."""
        self._with_engine(lambda engine: engine.open_model(path, device))

    def request(self, request: RenderRequest) -> None:
        """Ask for a picture."""
        self._with_engine(lambda engine: engine.request(request))

    def submit(
        self, make_job: Callable[[], Job], numbered: Callable[[int], None] = lambda number: None
    ) -> None:
        """Ask for long work.

        Args:
            make_job: called once the engine is there; may import from it.
            numbered: told the job's number before any of its events arrive.
        """

        def act(engine: EngineLike) -> None:
            try:
                numbered(engine.submit(make_job()))
            except LatentStudioError as error:
                self._arrived.emit(Failure.of("job", error))

        self._with_engine(act)

    def cancel(self, number: int) -> None:
        """Stop a job."""
        self._with_engine(lambda engine: engine.cancel(number))

    def close(self) -> None:
        """Stop everything and wait for the threads."""
        self._closed = True
        self._waiting.clear()
        if self._loader is not None:
            self._loader.join()
        if self._engine is not None:
            self._engine.close()
            self._engine = None

    def _with_engine(self, act: Callable[[EngineLike], Any]) -> None:
        if self._closed:
            return
        if self._engine is None:
            self._waiting.append(act)
        else:
            act(self._engine)

    # --- on the loading thread and the engine's -------------------------------------------------

    def _load(self) -> None:
        try:
            engine = self._make_engine(self._on_event)
        except Exception as error:
            if not self._closed:
                self._arrived.emit(Failure.of("start", error))
            return
        if self._closed:
            engine.close()
        else:
            self._made.emit(engine)

    def _on_event(self, event: Event) -> None:
        if self._closed:
            return
        if isinstance(event, RenderResult):
            # The copy into Qt's own format happens here, where it can't make the window wait.
            image = as_image(event.image)
            is_large = event.request.channel in (CANVAS, COMPARE)
            smooth = enlarged(event.image, image) if is_large else image
            self._arrived.emit(
                Picture(
                    event.request,
                    image,
                    smooth,
                    event.image,
                    event.elapsed_ms,
                    event.is_exact,
                    event.precision,
                    event.memory_mib,
                    event.ws,
                )
            )
        else:
            self._arrived.emit(event)

    # --- on the GUI thread ----------------------------------------------------------------------

    def _take_engine(self, engine: EngineLike) -> None:
        if self._closed:
            engine.close()
            return
        self._engine = engine
        waiting, self._waiting = self._waiting, []
        self.ready.emit()
        for act in waiting:
            act(engine)

    def _pass_on(self, event: object) -> None:
        if self._closed:
            return
        if isinstance(event, Picture):
            self.picture_ready.emit(event)
        elif isinstance(event, ModelOpened):
            self.model_opened.emit(event)
        elif isinstance(event, Failure):
            self.failed.emit(event)
        elif isinstance(event, JobProgress):
            self.job_progressed.emit(event)
        elif isinstance(event, JobFinished):
            self.job_finished.emit(event)
        elif isinstance(event, JobCancelled):
            self.job_cancelled.emit(event)


def as_image(pixels: NDArray[np.uint8]) -> QImage:
    """uint8 (H, W, 3) as a QImage of its own memory; any thread."""
    pixels = np.ascontiguousarray(pixels)
    height, width = pixels.shape[:2]
    view = QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888)
    return view.convertToFormat(QImage.Format.Format_RGB32)


def enlarged(pixels: NDArray[np.uint8], image: QImage) -> QImage:
    """A small picture with more pixels, so that painting it large shows no grid; any thread."""
    height, width = pixels.shape[:2]
    factor = ENLARGED_PX // max(height, width)
    if factor < 2:
        return image
    # Painting is linear between pixels, which the eye sees as crosses; a cubic has none.
    bigger = Image.fromarray(pixels).resize((width * factor, height * factor), Image.Resampling.BICUBIC)
    return as_image(np.asarray(bigger))


def real_engine(settings: Settings) -> MakeEngine:
    """The way to the real engine; its import is what takes time."""

    def make(on_event: Callable[[Event], None]) -> EngineLike:
        from latentstudio.engine.engine import Engine

        return Engine(on_event, settings)

    return make
