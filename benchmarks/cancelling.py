"""How long a person waits who cancels an inversion, and what memory remains.

Owns the measure behind `python -m benchmarks.inversion cancel`: the engine, its thread and its events as the
window has them, and what the window remembers of a run.
"""

from __future__ import annotations

import queue
import threading
import time
from pathlib import Path
from typing import Any

from latentstudio.document.recipe import ModelRef, Recipe
from latentstudio.engine.engine import Engine
from latentstudio.engine.inverting import invert_job
from latentstudio.engine.memory import resident_mib
from latentstudio.engine.requests import (
    Event,
    Failure,
    JobCancelled,
    JobProgress,
    ModelOpened,
    RenderRequest,
    RenderResult,
)
from latentstudio.errors import LatentStudioError
from latentstudio.inversion.faces import find_faces
from latentstudio.inversion.options import ProjectionOptions
from latentstudio.inversion.target import Target, crop_to_model
from latentstudio.media.photo import read_photo
from latentstudio.models.feature_networks import load_mtcnn
from latentstudio.models.info import GeneratorInfo
from latentstudio.settings import Settings

# Where it is cancelled: shares of the steps; the last run has seen every phase.
SHARES = (0.0, 0.5, 0.95)
KEPT_BYTES = 96 << 20  # what the window keeps of a run's pictures
STEPS = 100  # enough for all phases: how long one waits does not depend on it
AFTER_S = 2.0
LIMIT_S = 600.0


class _Peak:
    """The most memory that was held while this was open."""

    def __enter__(self) -> _Peak:
        self.mib, self._over = 0, threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.02):
            self.mib = max(self.mib, resident_mib())


def cancelled(model: Path, photo: Path | None, space: str) -> dict[str, Any]:
    """Cancel inversions at several points; the photo's face, or a picture of the model's own."""
    events: queue.Queue[Event] = queue.Queue()
    engine = Engine(events.put, Settings(device="cpu"))
    try:
        engine.open_model(model)
        info = _wait(events, ModelOpened).info
        recipe = Recipe.from_seed(1).changed(model=ModelRef(info.sha256))
        engine.request(RenderRequest(recipe, 1))
        drawn = _wait(events, RenderResult)
        target = Target(drawn.image) if photo is None else _face(photo, info)
        options = ProjectionOptions(space=space, steps=STEPS, preview_every=2)
        rows = [_one(engine, events, target, options, share) for share in SHARES]
    finally:
        engine.close()
    return {
        "rows": rows,
        "longest_cancel_s": max(row["cancel_s"] for row in rows),
        "longest_wait_s": max(row["longest_wait_s"] for row in rows),
        "kept_mib": rows[-1]["after_mib"] - rows[0]["before_mib"],
    }


def _one(
    engine: Engine, events: queue.Queue[Event], target: Target, options: ProjectionOptions, share: float
) -> dict[str, Any]:
    """One inversion, cancelled once this share of its steps is done."""
    before = resident_mib()
    wanted = round(share * options.total_steps)
    longest, where, kept = 0.0, "", []
    with _Peak() as peak:
        number = engine.submit(invert_job([target], options))
        last = time.perf_counter()
        while True:
            event = _wait(events, JobProgress)
            now = time.perf_counter()
            progress = event.progress.payload
            if now - last > longest:
                longest, where = now - last, f"{progress.text}, step {progress.step}"
            last = now
            if progress.images is not None:
                kept.append((progress.images, progress.snapshots))
                while _bytes(kept) > KEPT_BYTES:
                    del kept[0]
            if progress.step >= wanted and (wanted or progress.text == "Looking for a start"):
                break
        asked = time.perf_counter()
        engine.cancel(number)
        _wait(events, JobCancelled)
        waited = time.perf_counter() - asked
    shown = _bytes(kept)
    # As a window that was cancelled: what is shown of the run goes with it.
    kept.clear()
    time.sleep(AFTER_S)
    row = {
        "share": share,
        "cancel_s": waited,
        "longest_wait_s": longest,
        "longest_at": where,
        "before_mib": before,
        "peak_mib": peak.mib,
        "after_mib": resident_mib(),
        "shown_mib": shown >> 20,
    }
    print({k: round(v, 3) if isinstance(v, float) else v for k, v in row.items()}, flush=True)
    return row


def _bytes(kept: list[Any]) -> int:
    pictures = sum(images.nbytes for images, _ in kept)
    return pictures + sum(values.nbytes for _, made in kept for one in made for values in one.noise)


def _face(photo: Path, info: GeneratorInfo) -> Target:
    pixels = read_photo(photo)
    quad = find_faces(pixels, load_mtcnn())[0].quad(info.img_size)
    return crop_to_model(pixels, info, quad, name=photo.stem)


def _wait(events: queue.Queue[Event], kind: type[Any]) -> Any:
    while True:
        event = events.get(timeout=LIMIT_S)
        if isinstance(event, kind):
            return event
        if isinstance(event, Failure):
            raise LatentStudioError(event.message, event.hint)
