from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
import torch

from latentstudio import render
from latentstudio.document.recipe import Recipe
from latentstudio.engine import opening
from latentstudio.engine.engine import InlineEngine
from latentstudio.engine.opening import load_on
from latentstudio.engine.requests import Failure, ModelOpened, RenderRequest, RenderResult
from latentstudio.models import devices
from latentstudio.models.spec import write_spec
from latentstudio.settings import Settings


@pytest.fixture
def other_path(tiny_spec, tmp_path):
    changed = {name: value * np.float32(1.5) for name, value in tiny_spec.arrays.items()}
    path = tmp_path / "other.safetensors"
    write_spec(path, tiny_spec.changed(arrays=changed))
    return path


def test_the_present_model_is_gone_before_the_next_is_read(tiny_path, other_path, monkeypatch):
    events = []
    engine = InlineEngine(events.append)
    engine.open_model(tiny_path)
    engine.request(RenderRequest(Recipe.from_seed(1)))
    present = weakref.ref(engine._worker._renderer.generator)
    alive, load = [], opening.load_generator

    def watched(path, device):
        alive.append(present() is not None)
        return load(path, device)

    monkeypatch.setattr(opening, "load_generator", watched)
    engine.open_model(other_path)
    assert alive == [False]
    assert isinstance(events[-1], ModelOpened)


def test_a_file_that_can_not_be_read_leaves_the_present_model_in_use(tiny, tiny_path, tmp_path):
    events = []
    engine = InlineEngine(events.append)
    engine.open_model(tiny_path)
    engine._worker._renderer.generator.fast_dtype = torch.bfloat16
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"no model at all")
    engine.open_model(broken)
    assert isinstance(events[-1], Failure)
    assert events[-1].about == "open"
    assert engine._worker._renderer.generator.fast_dtype == torch.bfloat16
    engine.request(RenderRequest(Recipe.from_seed(3)))
    assert isinstance(events[-1], RenderResult)
    assert np.array_equal(events[-1].image, render(Recipe.from_seed(3), tiny))


def test_a_model_whose_file_is_gone_is_not_given_up(tiny_spec, tmp_path):
    events = []
    engine = InlineEngine(events.append)
    path = tmp_path / "gone.safetensors"
    write_spec(path, tiny_spec)
    engine.open_model(path)
    present = engine._worker._renderer.generator
    path.unlink()
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"no model at all")
    engine.open_model(broken)
    assert engine._worker._renderer.generator is present


def test_a_device_that_is_absent_gives_way_to_the_processor_with_a_sentence(tiny_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    events = []
    InlineEngine(events.append, Settings(device="cuda")).open_model(tiny_path)
    (opened,) = [event for event in events if isinstance(event, ModelOpened)]
    assert opened.device.startswith("CPU")
    assert opened.note == 'This machine has no device "cuda". The processor draws instead.'
    assert [name for name, _ in opened.devices] == ["auto", "cpu"]


def test_a_card_that_is_too_small_gives_way_to_the_processor_with_a_sentence(tiny_path, monkeypatch):
    load = opening.load_generator

    def small(path, device):
        if device != "cpu":
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return load(path, device)

    monkeypatch.setattr(opening, "usable_device", lambda name: ("cuda:0", ""))
    monkeypatch.setattr(opening, "load_generator", small)
    opened = load_on(tiny_path, "auto")
    assert opened.generator.device.type == "cpu"
    assert "does not suffice" in opened.note


def test_exhausted_memory_gives_up_the_cache_and_draws_again(tiny, tiny_path, monkeypatch):
    events = []
    engine = InlineEngine(events.append)
    engine.open_model(tiny_path)
    engine.request(RenderRequest(Recipe.from_seed(1)))
    renderer = engine._worker._renderer
    run = renderer.generator.run_stage

    def scarce(index, state, inputs):
        if len(renderer.cache) > len(tiny.stages):
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate")
        return run(index, state, inputs)

    monkeypatch.setattr(renderer.generator, "run_stage", scarce)
    engine.request(RenderRequest(Recipe.from_seed(2)))
    assert isinstance(events[-1], RenderResult)
    assert np.array_equal(events[-1].image, render(Recipe.from_seed(2), tiny))


@pytest.mark.parametrize(
    ("cards", "mps", "chosen", "names"),
    [
        (0, False, "cpu", ["auto", "cpu"]),
        (2, False, "cuda", ["auto", "cpu", "cuda:0", "cuda:1"]),
        (0, True, "mps", ["auto", "cpu", "mps"]),
    ],
)
def test_the_best_device_there_is_comes_first(monkeypatch, cards, mps, chosen, names):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cards > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: cards)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: f"Card {index}")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert devices.choose_device("auto").type == chosen
    assert [name for name, _ in devices.device_choices()] == names
    assert devices.usable_device("cuda:7")[0] == "cpu"


def test_nothing_keeps_a_closed_model(tiny_path):
    engine = InlineEngine(lambda event: None)
    engine.open_model(tiny_path)
    present = weakref.ref(engine._worker._renderer.generator)
    engine.close()
    gc.collect()
    assert present() is None
