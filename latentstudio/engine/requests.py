"""What goes into the engine and what comes out, as frozen values.

Owns the vocabulary between window and engine; nothing here computes. Any thread.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from latentstudio.document.recipe import Recipe
from latentstudio.engine.memory import is_exhausted
from latentstudio.errors import LatentStudioError

if TYPE_CHECKING:
    # The window names these values before the networks' library is loaded: keep this module light.
    from latentstudio.models.generator import Generator as Network
    from latentstudio.models.generator import GeneratorInfo, StageInfo

CANVAS = "canvas"
COMPARE = "compare"


@dataclass(frozen=True)
class RenderRequest:
    """Please draw this.

    Attributes:
        recipe: what to draw.
        generation: number that comes back with the result; higher is newer within a channel.
        channel: requests of one channel replace one another while they wait (latest wins).
            "canvas" goes first, then "compare", then all others in order of arrival.
        live: the hand is moving: a preview that fits the frame budget will do.
        max_side: shrink the result so that its longer side is at most this many pixels.
        rough: a picture for looking at, such as a thumbnail: it may be drawn together with others and
            in the fast precision.
    """

    recipe: Recipe
    generation: int = 0
    channel: str = CANVAS
    live: bool = False
    max_side: int | None = None
    rough: bool = False


@dataclass(frozen=True)
class RenderResult:
    """A finished picture.

    Attributes:
        request: what was asked for.
        image: uint8 (H, W, 3).
        elapsed_ms: time spent on it in the engine, in milliseconds.
        is_exact: False for a preview.
        stages_run: how many stages had to run; the others came from the cache.
        precision: the type it was computed in, such as "float32".
        memory_mib: what the process holds, in MiB; 0 where the system does not tell.
        ws: float32 (num_ws, w_dim), the latents that it was drawn from.
    """

    request: RenderRequest
    image: NDArray[np.uint8]
    elapsed_ms: float
    is_exact: bool
    stages_run: int
    precision: str = "float32"
    memory_mib: int = 0
    ws: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class ModelOpened:
    """A generator is loaded and ready.

    Attributes:
        info: what it is.
        stages: its synthesis stages.
        device: a few words for the status line.
        elapsed_ms: loading time, in milliseconds.
        ticket: the number `open_model` returned.
        note: why it is not on the device that was wanted; empty where it is.
        devices: what a person may choose: pairs of a name and words.
    """

    info: GeneratorInfo
    stages: tuple[StageInfo, ...]
    device: str
    elapsed_ms: float
    ticket: int
    note: str = ""
    devices: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Failure:
    """Something a person asked for did not work.

    Attributes:
        about: what was asked for: "render", "open", or a job's title.
        message: what failed, one sentence.
        hint: what to do next; may be empty.
        details: the traceback for the log; empty for expected failures.
        request: the render request, where it was one.
        job: the job's number, where it was one.
        ticket: the number `open_model` returned, where it was one.
    """

    about: str
    message: str
    hint: str = ""
    details: str = ""
    request: RenderRequest | None = None
    job: int | None = None
    ticket: int | None = None

    @classmethod
    def of(cls, about: str, error: BaseException, **where: Any) -> Failure:
        """Turn an exception into a value; unexpected ones keep their traceback for the log."""
        if isinstance(error, LatentStudioError):
            return cls(about, error.message, error.hint, **where)
        if is_exhausted(error):
            return cls(
                about,
                "The memory is exhausted.",
                "Close other programs, open a smaller model or choose another device in the status line.",
                **where,
            )
        return cls(
            about,
            f"Something unexpected went wrong: {error}.",
            "The details are in the log; please report them.",
            "".join(traceback.format_exception(error)),
            **where,
        )


@dataclass(frozen=True)
class Progress:
    """One step of a job: what its generator yields.

    Attributes:
        done: steps done.
        total: steps in all; 0 when unknown.
        text: what is going on.
        payload: an intermediate result worth showing.
    """

    done: int
    total: int
    text: str = ""
    payload: Any = None


# A job yields Progress and returns its result; closing it cancels it.
JobSteps = Generator[Progress, None, Any] | Iterator[Progress]


@dataclass(frozen=True)
class Job:
    """Long work.

    Attributes:
        title: what a person reads in the status line.
        start: given the loaded generator (None where there is none), returns the steps.
        on_engine: True for work that uses the generator; False runs on a thread of its own.
        tag: for whoever submitted it, to recognise its events.
    """

    title: str
    start: Callable[[Network | None], JobSteps]
    on_engine: bool = True
    tag: str = ""


@dataclass(frozen=True)
class JobProgress:
    """A job has moved on."""

    job: int
    title: str
    tag: str
    progress: Progress


@dataclass(frozen=True)
class JobFinished:
    """A job is done; `value` is what its generator returned."""

    job: int
    title: str
    tag: str
    value: Any = field(default=None, compare=False)


@dataclass(frozen=True)
class JobCancelled:
    """A person stopped the job, or its model was closed."""

    job: int
    title: str
    tag: str


Event = RenderResult | ModelOpened | Failure | JobProgress | JobFinished | JobCancelled


@dataclass(frozen=True)
class OpenRequest:
    """Please load this model; `device` empty is the one of the settings."""

    path: Path
    ticket: int
    device: str = ""
