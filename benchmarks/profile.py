"""Where a frame's time goes, stage by stage, as processor time: it tells the same on a busy machine."""

from __future__ import annotations

import statistics
import time
from typing import Any

import torch

from benchmarks.networks import random_stylegan2
from latentstudio.engine.memory import keep_freed_memory
from latentstudio.models import winograd
from latentstudio.models.generator import Generator, State

Rows = list[dict[str, Any]]


def profile(sizes: list[int], rounds: int) -> Rows:
    """Each convolution's milliseconds (processor time over threads) and GFLOP/s, in both precisions."""
    keep_freed_memory()
    rows: Rows = []
    for size in sizes:
        network = random_stylegan2(size, 32768 if size >= 512 else 16384)
        ws = network.mapping(torch.randn(1, 512, generator=torch.Generator().manual_seed(0)))
        for dtype in (torch.float32, torch.bfloat16):
            name = f"stylegan2 {size} {dtype}".replace("torch.", "")
            seconds = _stage_seconds(network, ws, dtype, rounds)
            rows.append({"name": f"{name}: whole frame", "median_ms": round(1000 * sum(seconds), 1)})
            convolutions = 0.0
            for index, spent in enumerate(seconds):
                work = _billions(network, index)
                if "conv" in network.stages[index].name:
                    convolutions += spent
                if work > 1:
                    told = f"{1000 * spent:.1f} ms, {work:.1f} GFLOP, {work / spent:.0f} GFLOP/s"
                    rows.append({"name": f"{name}: {network.stages[index].name}", "value": told})
            rows.append(
                {
                    "name": f"{name}: share of convolution layers",
                    "value": f"{convolutions / sum(seconds):.0%}",
                }
            )
            least, winograd.MIN_CHANNELS = winograd.MIN_CHANNELS, 1 << 30
            direct = sum(_stage_seconds(network, ws, dtype, rounds))
            winograd.MIN_CHANNELS = least
            rows.append({"name": f"{name}: all directly", "median_ms": round(1000 * direct, 1)})
    rows.extend(_plain_convolution(dtype, rounds) for dtype in (torch.float32, torch.bfloat16))
    return rows


def _stage_seconds(network: Generator, ws: torch.Tensor, dtype: torch.dtype, rounds: int) -> list[float]:
    """For each stage the median processor time, spread over the threads."""
    network.compute_dtype = dtype
    times: list[list[float]] = [[] for _ in network.stages]
    with torch.inference_mode():
        for round_ in range(rounds + 1):
            state, inputs = State(), network.inputs(ws)
            for index, spent in enumerate(times):
                started = time.process_time()
                state = network.run_stage(index, state, inputs)
                if round_:
                    spent.append((time.process_time() - started) / torch.get_num_threads())
    return [statistics.median(spent) for spent in times]


def _billions(network: Generator, index: int) -> float:
    """The arithmetic of a stage's convolution done directly, in GFLOP."""
    block, layer, _, _ = network._steps[index]  # type: ignore[index]
    module = getattr(network._block(block), layer)  # type: ignore[operator]
    height, width = network.stages[index].resolution
    pixels = height * width / getattr(module, "up", 1) ** 2
    return float(2 * module.weight.numel() * pixels / 1e9)


def _plain_convolution(dtype: torch.dtype, rounds: int) -> dict[str, Any]:
    """What this processor reaches in a convolution of 512 channels at 64 px, directly."""
    x, weight = (
        torch.randn(*shape).to(dtype).contiguous(memory_format=torch.channels_last)
        for shape in ((1, 512, 64, 64), (512, 512, 3, 3))
    )
    spent = []
    with torch.inference_mode():
        for _ in range(rounds + 1):
            started = time.process_time()
            torch.conv2d(x, weight, padding=1)
            spent.append((time.process_time() - started) / torch.get_num_threads())
    reached = 2 * weight.numel() * 64 * 64 / 1e9 / statistics.median(spent[1:])
    return {"name": f"plain convolution, {dtype}".replace("torch.", ""), "value": f"{reached:.0f} GFLOP/s"}
