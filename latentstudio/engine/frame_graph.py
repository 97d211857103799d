"""The whole frame as one recorded sequence of kernels, for graphics cards.

Owns the recording and its inputs at fixed places in memory. A frame of small kernels spends most of its
time on starting them one by one; a recording starts them all at once. Only frames of the one fixed shape
go this way: a single picture, constant noise, nothing edited but the latents. Engine's thread.

Never measured on a card by its authors; the logic around the recording is tested without one.

Source: PyTorch's documentation of `torch.cuda.graph` (warm-up on a side stream, static inputs).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from latentstudio.models.generator import Generator, Inputs

WARM_UP = 3
Draw = Callable[[], Tensor]
# Given what draws a frame, records it; what comes back plays the recording.
Record = Callable[[Draw], Draw]


class FrameGraph:
    """Plays a generator's frame from a recording.

    Args:
        generator: whose frames.
        record: see `Record`; by default the card's own.
    """

    def __init__(self, generator: Generator, record: Record | None = None) -> None:
        self.generator = generator
        self._record = record or record_on_card
        self._ws: Tensor | None = None
        self._play: dict[torch.dtype, Draw] = {}
        self._has_failed = False

    def fits(self, inputs: Inputs) -> bool:
        """Whether these inputs ask for the one fixed frame."""
        return (
            not self._has_failed
            and len(inputs.ws) == 1
            and inputs.noise_mode == "const"
            and inputs.transform is None
            and inputs.truncation_psi == 1
            and not any((inputs.noise_maps, inputs.noise_modes, inputs.noise_paths, inputs.noise_scale))
            and not inputs.style_offsets
        )

    def picture(self, inputs: Inputs) -> Tensor | None:
        """The picture (1, img_channels, H, W), valid until the next call; None where recording fails."""
        dtype = self.generator.compute_dtype
        if self._ws is None:
            self._ws = inputs.ws.clone()
        self._ws.copy_(inputs.ws)
        if dtype not in self._play:
            fixed = self._ws
            try:
                self._play[dtype] = self._record(lambda: self.generator.synthesis(fixed))
            except RuntimeError:
                # Some operation of this family can't be recorded; the usual way always works.
                self._has_failed = True
                return None
        return self._play[dtype]()


def graph_for(generator: Generator) -> FrameGraph | None:
    """A recording for generators on a card that can record; None elsewhere."""
    return FrameGraph(generator) if generator.device.type == "cuda" else None


def record_on_card(draw: Draw) -> Draw:
    """Record a frame with CUDA's graphs."""
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    # What is computed once and kept must be there before the recording, and convolutions be chosen.
    with torch.cuda.stream(stream):
        for _ in range(WARM_UP):
            draw()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        picture = draw()

    def play() -> Tensor:
        graph.replay()
        return picture

    return play
