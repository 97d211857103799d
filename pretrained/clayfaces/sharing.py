"""Training in several processes, each with one thread and its own batch; gradients are averaged.

On a processor two processes of one thread show nearly twice the pictures of one, which two threads don't.
The first one sums and writes; pipes join it to the others. (torch's own gloo aborts now and then when its
processes end.) In a process that joins nobody, everything here does nothing.
"""

from __future__ import annotations

import io
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any, TypeVar

import numpy as np
import torch

T = TypeVar("T")

# Of the first process one end for each of the others, of another its end alone.
_ends: list[Connection] = []
_is_first = True
_count = 1


def links(count: int) -> list[tuple[Connection, Connection]]:
    """Pipes between the first process and each of the others; the parent makes them and keeps none."""
    return [Pipe() for _ in range(count - 1)]


def join(rank: int, between: list[tuple[Connection, Connection]]) -> None:
    """Become one of the processes that train together.

    Args:
        rank: 0 is the first.
        between: what `links` gave.
    """
    global _is_first, _count
    _is_first, _count = rank == 0, len(between) + 1
    _ends[:] = [first for first, _ in between] if _is_first else [between[rank - 1][1]]


def processes() -> int:
    """How many processes train together; 1 alone."""
    return _count


def is_first() -> bool:
    """Whether this is the process that writes."""
    return _is_first


def agree(optimiser: torch.optim.Optimizer) -> None:
    """Average the gradients of an optimiser's parameters over all processes."""
    if not _ends:
        return
    grads = [p.grad for group in optimiser.param_groups for p in group["params"] if p.grad is not None]
    flat = torch.cat([grad.reshape(-1) for grad in grads]).numpy()
    if _is_first:
        other = np.empty_like(flat)
        for end in _ends:
            end.recv_bytes_into(memoryview(other).cast("B"))
            flat += other
        flat /= processes()
        for end in _ends:
            end.send_bytes(memoryview(flat).cast("B"))
    else:
        _ends[0].send_bytes(memoryview(flat).cast("B"))
        _ends[0].recv_bytes_into(memoryview(flat).cast("B"))
    parts = torch.from_numpy(flat).split([grad.numel() for grad in grads])
    torch._foreach_copy_(grads, [part.view_as(grad) for part, grad in zip(parts, grads, strict=True)])


def same_start(state: dict[str, Any]) -> dict[str, Any]:
    """The first process's state of training, in all of them.

    Averaged gradients keep networks alike only if they begin alike.
    """
    packed = io.BytesIO()
    torch.save(state, packed)
    return dict(torch.load(io.BytesIO(told_by_first(packed.getvalue())), weights_only=True))


def told_by_first(value: T) -> T:
    """The first process's value, in all of them."""
    if not _is_first:
        told: T = _ends[0].recv()
        return told
    for end in _ends:
        end.send(value)
    return value
