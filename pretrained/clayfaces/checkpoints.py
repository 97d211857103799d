"""What a run leaves for another to go on from, small enough to travel: written, and read again.

Owns the file: averaged generator, embedding, discriminator and counters, as safetensors in 16 bits. What the
optimisers remember stays behind in the run's own state.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

NETS = ("g_ema", "m_ema", "d")


@dataclass(frozen=True)
class Checkpoint:
    """What another run goes on from.

    Attributes:
        parts: weights by name, of "g_ema", "m_ema" and "d"; the last may be empty.
        counters: steps, pictures shown, seconds.
        mapping_width: of the generator's mapping.
    """

    parts: dict[str, dict[str, Tensor]]
    counters: tuple[int, int, float]
    mapping_width: int


def write_checkpoint(state: dict[str, Any], out: Path) -> None:
    """Of a trainer's state; all but the features' scales in 16 bits."""
    arrays = {}
    for net in NETS:
        for key, value in state[net].items():
            exact = key in ("mean", "std")
            arrays[f"{net}.{key}"] = (value.float() if exact else value.half()).contiguous()
    step, shown, seconds = state["counters"]
    told = {
        "step": step,
        "pictures": shown,
        "seconds": round(seconds),
        "mapping_width": state["mapping_width"],
    }
    save_file(arrays, out, {key: str(value) for key, value in told.items()})


def read_checkpoint(path: Path) -> Checkpoint:
    """What `write_checkpoint` wrote, in 32 bits."""
    with safe_open(path, "pt") as file:
        told = file.metadata()
        arrays = {key: file.get_tensor(key).float() for key in file.keys()}  # noqa: SIM118 - no mapping
    parts = {
        net: {k.removeprefix(net + "."): v for k, v in arrays.items() if k.startswith(net + ".")}
        for net in NETS
    }
    counters = int(told["step"]), int(told["pictures"]), float(told["seconds"])
    return Checkpoint(parts, counters, int(told["mapping_width"]))
