"""Training in several processes, each with one thread and its own batch; gradients are averaged.

On a processor two processes of one thread show nearly twice the pictures of one, which two threads don't.
Without a group of processes everything here does nothing.
"""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import distributed

T = TypeVar("T")


def processes() -> int:
    """How many processes train together; 1 alone."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def is_first() -> bool:
    """Whether this is the process that writes."""
    return not distributed.is_initialized() or distributed.get_rank() == 0


def join(rank: int, count: int, port: int) -> None:
    """Become one of `count` processes that train together."""
    distributed.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=count)


def agree(optimiser: torch.optim.Optimizer) -> None:
    """Average the gradients of an optimiser's parameters over all processes."""
    if processes() == 1:
        return
    grads = [p.grad for group in optimiser.param_groups for p in group["params"] if p.grad is not None]
    flat = torch.cat([grad.reshape(-1) for grad in grads])
    distributed.all_reduce(flat)
    flat /= processes()
    torch._foreach_copy_(
        grads,
        [
            part.view_as(grad)
            for part, grad in zip(flat.split([g.numel() for g in grads]), grads, strict=True)
        ],
    )


def told_by_first(value: T) -> T:
    """The first process's value, in all of them."""
    if processes() == 1:
        return value
    box = [value]
    distributed.broadcast_object_list(box)
    return box[0]
