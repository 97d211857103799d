"""What every generator must fulfil, whatever its family."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import torch

from latentstudio.formats import read_checkpoint
from latentstudio.models.generator import Generator, State
from latentstudio.models.registry import claimants, load_generator, read_network


def load(path: Path, options: dict[str, float] | None = None) -> Generator:
    return load_generator(path, "cpu", options=options)


def close(ours, theirs, atol: float = 1e-5) -> None:
    np.testing.assert_allclose(np.asarray(ours), np.asarray(theirs), rtol=0, atol=atol)


def close_in_range(ours, theirs, share: float = 1e-5) -> None:
    """Within a share of the largest value: for float32 against the same network in float64."""
    close(ours, theirs, share * max(1.0, float(np.abs(np.asarray(theirs)).max())))


def check_claimed_by(path: Path, name: str) -> None:
    """Exactly one reader takes the file, and what it gives is plain JSON and float32."""
    assert [architecture.name for architecture in claimants(read_checkpoint(path))] == [name]
    spec, _ = read_network(path)
    json.dumps(spec.config)
    assert all(array.dtype == np.float32 for array in spec.arrays.values())


def check_seam(generator: Generator) -> None:
    """Stages add up to the synthesis, tell the truth about what they read, and carry gradients."""
    info = generator.info
    random = torch.Generator().manual_seed(9)
    ws = torch.randn((2, info.num_ws, info.w_dim), generator=random)
    names = [stage.name for stage in generator.stages]
    assert len(set(names)) == len(names)
    with torch.inference_mode():
        whole = generator.synthesis(ws)
        assert whole.shape == (2, info.img_channels, *info.img_size)
        inputs, state = generator.inputs(ws), State()
        states = []
        for index, stage in enumerate(generator.stages):
            state = generator.run_stage(index, state, inputs)
            states.append(state)
            if not stage.name.endswith("torgb"):
                assert tuple(state.x.shape[2:]) == stage.resolution
            if generator.gives_picture(index):
                assert state.img is not None
        # Nothing that was handed on has been overwritten since: from each state the end is the same.
        for index in range(len(states)):
            again = states[index]
            for later in range(index + 1, len(states)):
                again = generator.run_stage(later, again, inputs)
            torch.testing.assert_close(generator.image(again), whole, rtol=0, atol=0)
        # A row changes no stage before the first that says it reads it.
        for row in range(info.num_ws):
            changed = ws.clone()
            changed[:, row] += 1
            first = next(i for i, stage in enumerate(generator.stages) if row in stage.ws_rows)
            before = states[first - 1] if first else State()
            resumed = before
            for later in range(first, len(states)):
                resumed = generator.run_stage(later, resumed, generator.inputs(changed))
            torch.testing.assert_close(generator.image(resumed), generator.synthesis(changed), rtol=0, atol=0)
        # The noise of a seed is what "random" draws after that seed.
        torch.manual_seed(4)
        drawn = generator.synthesis(ws, "random")
        maps = generator.draw_noise(4, 2)
        torch.testing.assert_close(generator.synthesis(ws, noise_maps=maps), drawn, rtol=0, atol=0)
    for weight in generator.style_weights():
        assert weight.weight.shape[1] == info.w_dim
        assert weight.row in generator.stages[names.index(weight.layer)].ws_rows
    if generator.has_style_edits:
        for weight in generator.style_weights():
            moved = torch.zeros(len(weight.weight))
            moved[0] = 0.5
            edited = dataclasses.replace(generator.inputs(ws), style_offsets={weight.layer: moved})
            state = State()
            for index in range(len(generator.stages)):
                state = generator.run_stage(index, state, edited)
            assert not torch.equal(generator.image(state), whole), weight.layer
    ws.requires_grad_()
    generator.synthesis(ws).square().mean().backward()
    assert ws.grad is not None
    assert bool((ws.grad.abs().sum((0, 2)) > 0).all())
