"""What the stages left behind, so that only the first changed stage and those after it run.

Owns the keys (by value: the numbers a stage reads, chained with all before it) and the memory bound.
One thread at a time.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from latentstudio.models.generator import Generator, Inputs, State

Key = bytes


class StageCache:
    """States by key; the least recently used go first when the bound is reached.

    Args:
        limit_bytes: how much the kept tensors may take together.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.used_bytes = 0
        self._states: OrderedDict[Key, tuple[State, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._states)

    def get(self, key: Key) -> State | None:
        """The state of a key, or None."""
        found = self._states.get(key)
        if found is None:
            return None
        self._states.move_to_end(key)
        return found[0]

    def put(self, key: Key, state: State) -> None:
        """Keep a state, unless it alone would fill most of the memory allowed."""
        size = sum(_bytes(tensor) for tensor in state if tensor is not None)
        if key in self._states or size > self.limit_bytes // 2:
            return
        self._states[key] = (state, size)
        self.used_bytes += size
        while self.used_bytes > self.limit_bytes:
            _, (_, freed) = self._states.popitem(last=False)
            self.used_bytes -= freed

    def clear(self) -> None:
        """Forget everything."""
        self._states.clear()
        self.used_bytes = 0


def stage_keys(
    generator: Generator, inputs: Inputs, noise: Sequence[str], edits: Mapping[str, str], precision: str
) -> list[Key]:
    """A key for what each stage leaves, by the values it and all before it read.

    Args:
        generator: whose stages.
        inputs: what they read; one picture.
        noise: for each noise input a text that stands for its map, which is too large to hash for
            every frame.
        edits: by stage name a text that stands for what is done to its features.
        precision: states of different precision must not meet.
    """
    ws = inputs.ws[0].detach().to("cpu", torch.float32).contiguous().numpy()
    transform = b"" if inputs.transform is None else _content(inputs.transform)
    previous = hashlib.blake2b(precision.encode(), digest_size=16).digest()
    keys = []
    for stage in generator.stages:
        state = hashlib.blake2b(previous, digest_size=16)
        for row in stage.ws_rows:
            state.update(ws[row].tobytes())
        for index in stage.noise:
            state.update(noise[index].encode())
        if stage.name in inputs.style_offsets:
            state.update(_content(inputs.style_offsets[stage.name]))
        if stage.name in edits:
            state.update(edits[stage.name].encode())
        if stage.reads_transform:
            state.update(transform)
        if stage.reads_truncation:
            state.update(repr(inputs.truncation_psi).encode())
        previous = state.digest()
        keys.append(previous)
    return keys


def _content(tensor: Tensor) -> bytes:
    return bytes(tensor.detach().to("cpu", torch.float32).contiguous().numpy().tobytes())


def _bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()
