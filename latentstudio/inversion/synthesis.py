"""Pictures with gradients, in pieces short enough that a waiting preview can go between them.

Owns the rungs (early, smaller pictures that cost less) and the backward pass stage by stage. One thread
at a time per generator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from collections.abc import Generator as Iteration
from dataclasses import dataclass

import torch
from torch import Tensor

from latentstudio.models.generator import Generator, Inputs, State
from latentstudio.models.preview_heads import apply_head

# Stages of at least this many pixels, over all pictures, take so long that each is a piece of its own.
LONG_PIXELS = 128 * 128

LossOf = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Rung:
    """One of a generator's pictures.

    Attributes:
        stage: index of the stage that leaves it.
        size: (height, width).
    """

    stage: int
    size: tuple[int, int]


def rungs(generator: Generator, smallest_px: int = 16) -> list[Rung]:
    """The pictures that a generator has, small ones first; the last is the whole one."""
    last = len(generator.stages) - 1
    found: dict[tuple[int, int], int] = {}
    for index, stage in enumerate(generator.stages[:-1]):
        if generator.gives_picture(index) or index in generator.preview_heads:
            found[stage.resolution] = index
    size = generator.info.img_size
    early = [
        Rung(index, resolution)
        for resolution, index in found.items()
        if max(resolution) >= smallest_px and max(resolution) < max(size)
    ]
    return [*sorted(early, key=lambda rung: rung.size), Rung(last, size)]


def picture(generator: Generator, rung: Rung, state: State) -> Tensor:
    """The picture that a rung's stage left, float32 (N, C, H, W), nominally [-1, 1]."""
    if rung.stage == len(generator.stages) - 1:
        image = generator.image(state)
    elif rung.stage in generator.preview_heads:
        assert state.x is not None
        image = apply_head(generator.preview_heads[rung.stage], state.x)
    else:
        early = generator.preview(state)
        assert early is not None
        image = early
    low, high = generator.img_range
    return image if (low, high) == (-1.0, 1.0) else (image - low) * (2 / (high - low)) - 1


def gradients(
    generator: Generator, inputs: Inputs, rung: Rung, loss_of: LossOf
) -> Iteration[None, None, Tensor]:
    """Forward and backward, leaving gradients on the leaves that `inputs` hold.

    Args:
        generator: whose stages; its own weights may require gradients too.
        inputs: `ws` and `noise_maps` are leaves.
        rung: how far to go.
        loss_of: picture -> one number to minimise.

    Yields:
        between the pieces of a long pass; the returned value is the picture, detached.
    """
    pieces: list[tuple[State, State]] = []
    state = State()
    for start, stop in _pieces(generator, rung, len(inputs.ws)):
        before = _leaf(state)
        state = before
        for index in range(start, stop):
            state = generator.run_stage(index, state, inputs)
        pieces.append((before, state))
        yield
    last = _leaf(state)
    image = picture(generator, rung, last)
    torch.autograd.backward([loss_of(image)])
    gradient = State(_gradient(last.x), _gradient(last.img))
    del last, state
    while pieces:
        before, after = pieces.pop()
        pairs = [
            (out, g) for out, g in zip(after, gradient, strict=True) if out is not None and g is not None
        ]
        pairs = [(out, g) for out, g in pairs if out.requires_grad]
        torch.autograd.backward([out for out, _ in pairs], [g for _, g in pairs])
        gradient = State(_gradient(before.x), _gradient(before.img))
        del before, after, pairs
        yield
    return image.detach()


@torch.no_grad()
def pictures(generator: Generator, ws: Tensor, rung: Rung, noise_mode: str = "const") -> Tensor:
    """Pictures of latents (N, num_ws, w_dim) at a rung, without gradients."""
    inputs, state = generator.inputs(ws, noise_mode), State()
    for index in range(rung.stage + 1):
        state = generator.run_stage(index, state, inputs)
    return picture(generator, rung, state)


def exact_steps(generator: Generator, inputs: Inputs) -> Iteration[None, None, Tensor]:
    """The whole picture in full precision, without gradients; yields between its pieces.

    Between two yields the generator computes as it did before.
    """
    last = len(generator.stages) - 1
    state = State()
    for start, stop in _pieces(generator, Rung(last, generator.info.img_size), len(inputs.ws)):
        before, generator.compute_dtype = generator.compute_dtype, torch.float32
        try:
            with torch.no_grad():
                for index in range(start, stop):
                    state = generator.run_stage(index, state, inputs)
        finally:
            generator.compute_dtype = before
        yield
    with torch.no_grad():
        return generator.image(state)


def has_quick_bfloat16(device: torch.device) -> bool:
    """Whether this device computes in 16 bits at once rather than by way of 32."""
    if device.type == "cpu":
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return device.type == "cuda" and torch.cuda.is_bf16_supported()


def _pieces(generator: Generator, rung: Rung, count: int) -> Iterator[tuple[int, int]]:
    """Ranges of stages that together reach the rung, for so many pictures at once."""
    start = 0
    for index in range(rung.stage + 1):
        height, width = generator.stages[index].resolution
        if count * height * width >= LONG_PIXELS or index == rung.stage:
            yield start, index + 1
            start = index + 1


def _leaf(state: State) -> State:
    return State(
        *(None if part is None else part.detach().requires_grad_(part.requires_grad) for part in state)
    )


def _gradient(part: Tensor | None) -> Tensor | None:
    return None if part is None else part.grad
