"""Which precision is fast here: measured once for each machine and model, never guessed.

Owns the probe and its memory on disk. A processor without bfloat16 units computes slower in it; only
the clock knows. One thread at a time per generator.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import platform
import time
from collections.abc import Generator as Iteration
from pathlib import Path

import torch

from latentstudio.atomic_file import write_atomically
from latentstudio.models.devices import describe_device, wait_for
from latentstudio.models.generator import Generator
from latentstudio.settings import user_folders

ROUNDS = 3
# A gain that a person would not feel is not worth the lower precision.
WORTHWHILE = 1.15
# Rounds that differ by more than this were measured beside something else.
CALM = 1.4


def choose_fast_dtype(generator: Generator) -> torch.dtype:
    """The quicker of float32 and bfloat16 (float16 on CUDA) for this generator on this machine."""
    steps = probe_steps(generator)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            generator.fast_dtype = end.value
            return generator.fast_dtype


def candidate(generator: Generator) -> torch.dtype:
    """The lower precision that this generator's device might be quicker in."""
    return torch.bfloat16 if generator.device.type == "cpu" else generator.half_dtype


def probe_steps(generator: Generator) -> Iteration[tuple[int, int], None, torch.dtype]:
    """The measurement, one frame a step, so that it can wait for a moving hand.

    Yields:
        (frames done, frames in all); the returned value is the dtype.
    """
    if not generator.has_fast_precision:
        return torch.float32
    lower = candidate(generator)
    path = _path(generator)
    known = _load(path)
    if known is None:
        seconds: dict[torch.dtype, list[float]] = {torch.float32: [], lower: []}
        before = generator.compute_dtype
        try:
            # In turns, so that a busy moment of the machine meets both; the first round only warms up.
            for round_ in range(ROUNDS + 1):
                for dtype in seconds:
                    yield round_, ROUNDS + 1
                    spent = _frame_seconds(generator, dtype)
                    if round_:
                        seconds[dtype].append(spent)
        finally:
            generator.compute_dtype = before
        known = {"exact_ms": min(seconds[torch.float32]) * 1000, "fast_ms": min(seconds[lower]) * 1000}
        # On a machine that is busy with other things the clock says little: measure again next time.
        is_calm = all(max(times) <= CALM * min(times) for times in seconds.values())
        if path is not None and is_calm:
            with contextlib.suppress(Exception):
                path.parent.mkdir(parents=True, exist_ok=True)
                write_atomically(path, json.dumps(known).encode())
    return lower if known["exact_ms"] > WORTHWHILE * known["fast_ms"] else torch.float32


def _frame_seconds(generator: Generator, dtype: torch.dtype) -> float:
    generator.compute_dtype = dtype
    info = generator.info
    with torch.inference_mode():
        ws = torch.zeros((1, info.num_ws, info.w_dim), device=generator.device)
        ws = ws + generator.mean_latent
        wait_for(generator.device)
        started = time.perf_counter()
        generator.synthesis(ws)
        wait_for(generator.device)
    return time.perf_counter() - started


def _path(generator: Generator) -> Path | None:
    """Where the measurement is kept; None for a network that is in no file."""
    if not generator.info.sha256:
        return None
    machine = "|".join(
        (
            platform.machine(),
            platform.processor(),
            cpu_name(),
            describe_device(generator.device),
            torch.__version__,
        )
    )
    name = hashlib.sha256(f"{machine}|{torch.__version__}|{generator.info.sha256}".encode()).hexdigest()[:32]
    return user_folders().cache / "precision" / f"{name}.json"


def cpu_name() -> str:
    """The processor as the system names it; empty where it does not."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line
    return ""


def _load(path: Path | None) -> dict[str, float] | None:
    if path is None:
        return None
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return {key: float(stored[key]) for key in ("exact_ms", "fast_ms")}
    except (OSError, ValueError, KeyError, TypeError):
        return None
