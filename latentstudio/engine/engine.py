"""The engine: one thread that owns the generator.

Owns the queue and its order: opening a model first, then the canvas, the comparison, other pictures,
and one step of a job at a time in between. Waiting pictures of a channel are replaced by newer ones.
`InlineEngine` runs the same code at once on the caller's thread, for tests and scripts.

Events are handed to `on_event` on the engine's threads; whoever listens must pass them on to its own.
"""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from pathlib import Path

from latentstudio.engine.jobs import JobRunner
from latentstudio.engine.memory import keep_freed_memory
from latentstudio.engine.requests import CANVAS, COMPARE, Event, Job, OpenRequest, RenderRequest
from latentstudio.engine.worker import Worker
from latentstudio.settings import Settings

_FIRST = {CANVAS: 0, COMPARE: 1}


class Engine:
    """Asynchronous: every method returns at once; results arrive as events.

    Args:
        on_event: called with each event, on a thread of the engine.
        settings: frame budget, cache bound and device.
    """

    def __init__(self, on_event: Callable[[Event], None], settings: Settings | None = None) -> None:
        keep_freed_memory()
        self._on_event = on_event
        self._condition = threading.Condition()
        self._open: OpenRequest | None = None
        self._renders: OrderedDict[str, RenderRequest] = OrderedDict()
        self._jobs: deque[tuple[int, Job]] = deque()
        self._refused: deque[tuple[int, Job]] = deque()
        self._cancelled: set[int] = set()
        self._running: int | None = None
        self._background: dict[int, threading.Event] = {}
        self._closed = False
        self._numbers = itertools.count(1)
        self._worker = Worker(self._emit, settings or Settings(), self._urgent_waits)
        self._thread = threading.Thread(target=self._run, name="latentstudio-engine", daemon=True)
        self._thread.start()

    # --- asked from any thread ----------------------------------------------------------------

    def open_model(self, path: str | Path, device: str = "") -> int:
        """Load a model in place of the present one; jobs of the present one are cancelled.

        Args:
            path: a file or a folder.
            device: "auto", "cpu", "cuda", "cuda:N" or "mps"; by default that of the settings.

        Returns:
            A ticket that comes back with `ModelOpened` or `Failure`.
        """
        ticket = next(self._numbers)
        with self._condition:
            self._open = OpenRequest(Path(path), ticket, device)
            self._renders.clear()
            # Jobs asked for after this call belong to the new model and must stay.
            self._refused.extend(self._jobs)
            self._jobs.clear()
            self._condition.notify()
        return ticket

    def request(self, request: RenderRequest) -> None:
        """Ask for a picture; a waiting one of the same channel is replaced."""
        with self._condition:
            self._renders[request.channel] = request
            self._condition.notify()

    def submit(self, job: Job) -> int:
        """Ask for long work; returns its number."""
        number = next(self._numbers)
        if not job.on_engine:
            self._start_background(number, job)
            return number
        with self._condition:
            self._jobs.append((number, job))
            self._condition.notify()
        return number

    def cancel(self, number: int) -> None:
        """Stop a job, whether it runs or waits."""
        with self._condition:
            if number in self._background:
                self._background[number].set()
            else:
                self._cancelled.add(number)
            self._condition.notify()

    def close(self, timeout_s: float = 10.0) -> None:
        """Stop everything and wait for the threads."""
        with self._condition:
            self._closed = True
            self._renders.clear()
            self._refused.extend(self._jobs)
            self._jobs.clear()
            for stop in self._background.values():
                stop.set()
            self._condition.notify()
        if self._thread is not threading.current_thread():
            self._thread.join(timeout_s)

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits or runs (background jobs apart)."""
        with self._condition:
            return not (self._open or self._renders or self._jobs or self._running or self._worker.busy)

    # --- the engine's own thread ----------------------------------------------------------------

    def _run(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(self._has_work)
                if self._closed:
                    break
                opening, self._open = self._open, None
                requests = [] if opening else self._next_renders()
                # Nobody may see the engine idle between taking a thing and doing it.
                self._worker.busy = True
            try:
                if opening is not None:
                    self._stop_jobs()
                    self._worker.open(opening)
                elif len(requests) > 1:
                    self._render_some(requests)
                elif requests:
                    self._render(requests[0])
                else:
                    self._step_job()
            finally:
                self._worker.busy = False
        self._stop_jobs()
        self._worker.close()

    def _has_work(self) -> bool:
        return bool(self._closed or self._open or self._renders or self._jobs or self._running)

    def _next_renders(self) -> list[RenderRequest]:
        """The picture that comes next; with a rough one all rough ones that wait."""
        if not self._renders:
            return []
        channel = min(self._renders, key=lambda name: _FIRST.get(name, 2))
        if not self._renders[channel].rough:
            return [self._renders.pop(channel)]
        chosen = [request for request in self._renders.values() if request.rough]
        for request in chosen:
            del self._renders[request.channel]
        return chosen

    def _render(self, request: RenderRequest) -> None:
        if not self._worker.render(request):
            self._put_back([request])

    def _render_some(self, requests: list[RenderRequest]) -> None:
        done = self._worker.render_some(requests)
        self._put_back(requests[done:])

    def _put_back(self, requests: list[RenderRequest]) -> None:
        """Let pictures wait again: something more urgent came, or they were too many for once."""
        with self._condition:
            if not self._closed and self._open is None:
                for request in requests:
                    self._renders.setdefault(request.channel, request)

    def _urgent_waits(self, request: RenderRequest) -> bool:
        """Whether something that goes first is waiting; asked between stages."""
        with self._condition:
            if self._closed or self._open is not None:
                return True
            if request.channel == CANVAS:
                # A live frame is always finished, or a fast hand would never see a picture.
                return not request.live and CANVAS in self._renders
            mine = _FIRST.get(request.channel, 2)
            return any(_FIRST.get(name, 2) < mine for name in self._renders)

    def _step_job(self) -> None:
        with self._condition:
            if self._running is None:
                if not self._jobs:
                    return
                number, job = self._jobs.popleft()
                self._running = number
            else:
                number, job = self._running, None
            stop = number in self._cancelled or self._closed
            self._cancelled.discard(number)
        if job is not None:
            self._worker.start_job(number, job)
        alive = self._worker.step_job(stop)
        if not alive:
            with self._condition:
                self._running = None

    def _stop_jobs(self) -> None:
        with self._condition:
            refused = list(self._refused)
            self._refused.clear()
            running, self._running = self._running, None
        if running is not None:
            self._worker.step_job(stop=True)
        for number, job in refused:
            self._worker.refuse_job(number, job)

    def _start_background(self, number: int, job: Job) -> None:
        stop = threading.Event()
        runner = JobRunner(number, job, self._emit)

        def work() -> None:
            runner.start(None)
            while runner.step(stop.is_set()):
                pass
            with self._condition:
                self._background.pop(number, None)

        with self._condition:
            self._background[number] = stop
        threading.Thread(target=work, name=f"latentstudio-job-{number}", daemon=True).start()

    def _emit(self, event: Event) -> None:
        if not self._closed:
            self._on_event(event)


class InlineEngine:
    """The engine's interface, doing everything before it returns; jobs run to their end."""

    def __init__(self, on_event: Callable[[Event], None], settings: Settings | None = None) -> None:
        self._numbers = itertools.count(1)
        self._on_event = on_event
        self._worker = Worker(on_event, settings or Settings(), lambda _: False)
        self.is_idle = True

    def open_model(self, path: str | Path, device: str = "") -> int:
        """Load a model now."""
        ticket = next(self._numbers)
        self._worker.open(OpenRequest(Path(path), ticket, device))
        return ticket

    def request(self, request: RenderRequest) -> None:
        """Draw a picture now."""
        self._worker.render(request)

    def submit(self, job: Job) -> int:
        """Run a job to its end now."""
        number = next(self._numbers)
        self._worker.start_job(number, job)
        while self._worker.step_job(stop=False):
            pass
        return number

    def cancel(self, number: int) -> None:
        """Nothing is ever under way here."""

    def close(self, timeout_s: float = 10.0) -> None:
        """Free the model."""
        self._worker.close()
