from __future__ import annotations

import numpy as np
import pytest
import torch

import latentstudio
from latentstudio import Recipe, render, render_many
from latentstudio.document.recipe import DirectionEdit, FeatureEdit, Noise, Source, StyleMix
from latentstudio.engine import batches
from latentstudio.engine.batches import BatchRenderer, in_batches, is_batchable
from latentstudio.engine.memory import is_exhausted
from latentstudio.engine.render import Renderer
from latentstudio.errors import CancelledError, DeviceError, InputError, ModelNotFoundError
from latentstudio.latent.directions import Direction
from latentstudio.latent.spaces import Latent

CPU_ALLOCATOR = "[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory: you tried"
SLIDER = DirectionEdit(Direction("w", "w", Latent(np.linspace(-1, 1, 8))), 2.0)


def varied() -> list[Recipe]:
    """Recipes that end in different ws only."""
    return [
        Recipe.from_seed(1),
        Recipe.from_seed(2, truncation_psi=0.5),
        Recipe.from_seed(3, directions=(SLIDER,)),
        Recipe.from_seed(4, mixing=(StyleMix.of_rows(Source(seed=9), [0, 1]),)),
        Recipe(sources=(Source(seed=5, weight=0.5), Source(seed=6, weight=0.5))),
    ]


def sizes_of(generator, monkeypatch) -> list[int]:
    """The batch sizes that reach the first stage, in order."""
    sizes: list[int] = []
    run = generator.run_stage

    def counted(index, state, inputs):
        if index == 0:
            sizes.append(len(inputs.ws))
        return run(index, state, inputs)

    monkeypatch.setattr(generator, "run_stage", counted)
    return sizes


def test_exact_pictures_are_the_bytes_of_render(tiny):
    found = list(render_many(varied(), tiny))
    assert all(np.array_equal(a, render(recipe, tiny)) for a, recipe in zip(found, varied(), strict=True))


def test_pictures_drawn_together_are_within_a_level_of_the_exact_ones(tiny, monkeypatch):
    sizes = sizes_of(tiny, monkeypatch)
    found = list(render_many(varied(), tiny, exact=False))
    assert sizes == [1, 4]  # the first one alone, to see what a picture costs
    for picture, recipe in zip(found, varied(), strict=True):
        assert np.abs(picture.astype(int) - render(recipe, tiny)).max() <= 1


def test_noise_of_a_seed_is_the_same_in_a_batch(tiny, monkeypatch):
    recipes = [Recipe.from_seed(seed, noise=Noise("random", 3)) for seed in range(3)]
    sizes = sizes_of(tiny, monkeypatch)
    found = list(render_many(recipes, tiny, exact=False))
    assert sizes == [1, 2]
    for picture, recipe in zip(found, recipes, strict=True):
        assert np.abs(picture.astype(int) - render(recipe, tiny)).max() <= 1


def test_recipes_that_ask_for_more_than_latents_go_alone(tiny, monkeypatch):
    other = Recipe.from_seed(2, features=(FeatureEdit("b4.conv1", 0, 0.0),))
    assert not is_batchable(other)
    recipes = [Recipe.from_seed(0), Recipe.from_seed(1), other, Recipe.from_seed(3, noise=Noise("none"))]
    sizes = sizes_of(tiny, monkeypatch)
    found = list(render_many(recipes, tiny, exact=False))
    assert sizes == [1, 1, 1, 1]
    assert np.array_equal(found[2], render(other, tiny))


def test_a_batch_takes_no_more_than_the_memory_allowed(tiny, monkeypatch):
    drawer = BatchRenderer(Renderer(tiny), memory_bytes=1)
    sizes = sizes_of(tiny, monkeypatch)
    list(drawer.pictures([Recipe.from_seed(i) for i in range(3)], exact=False))
    assert sizes == [1, 1, 1]


@pytest.mark.parametrize(
    "error", [MemoryError(), torch.OutOfMemoryError("CUDA out of memory."), RuntimeError(CPU_ALLOCATOR)]
)
def test_exhausted_memory_halves_the_batch_and_goes_on(tiny, monkeypatch, error):
    run, sizes = tiny.run_stage, []

    def scarce(index, state, inputs):
        if index == 0:
            sizes.append(len(inputs.ws))
        if index == 2 and len(inputs.ws) > 2:
            raise error
        return run(index, state, inputs)

    monkeypatch.setattr(tiny, "run_stage", scarce)
    recipes = [Recipe.from_seed(i) for i in range(9)]
    found = list(render_many(recipes, tiny, exact=False))
    assert sizes == [1, 8, 4, 2, 2, 2, 2]
    monkeypatch.undo()
    assert len(found) == 9
    assert np.abs(found[-1].astype(int) - render(recipes[-1], tiny)).max() <= 1


def test_a_single_picture_gives_up_the_cache_before_it_fails(tiny, monkeypatch):
    renderer = Renderer(tiny)
    renderer.frame(Recipe.from_seed(1))
    run = tiny.run_stage

    def scarce(index, state, inputs):
        if len(renderer.cache) > len(tiny.stages):
            raise MemoryError
        return run(index, state, inputs)

    monkeypatch.setattr(tiny, "run_stage", scarce)
    recipe = Recipe.from_seed(2)
    found = next(iter(BatchRenderer(renderer).pictures([recipe])))
    monkeypatch.undo()
    assert np.array_equal(found, render(recipe, tiny))


def test_memory_that_does_not_suffice_for_one_ends_in_a_sentence(tiny, monkeypatch):
    def never(index, state, inputs):
        raise RuntimeError(CPU_ALLOCATOR)

    monkeypatch.setattr(tiny, "run_stage", never)
    for exact in (True, False):
        with pytest.raises(DeviceError, match="memory is exhausted"):
            list(render_many([Recipe.from_seed(1)], tiny, exact=exact))


def test_other_errors_pass_through(tiny):
    with pytest.raises(InputError, match="no stage"):
        list(render_many([Recipe(features=(FeatureEdit("nowhere", 0, 1.0),))], tiny, exact=False))
    assert not is_exhausted(RuntimeError("shapes differ"))
    assert not is_exhausted(ValueError("out of memory"))


def test_a_wish_that_is_more_urgent_abandons_a_batch(tiny):
    with pytest.raises(CancelledError):
        BatchRenderer(Renderer(tiny)).some([Recipe()], should_stop=lambda: True)


def test_another_models_recipe_is_refused_before_anything_is_drawn(tiny):
    strange = Recipe().changed(model=latentstudio.Recipe().model.__class__(sha256="0" * 64))
    with pytest.raises(ModelNotFoundError):
        list(render_many([strange], tiny))


def test_work_in_batches_goes_on_with_half_after_exhausted_memory(monkeypatch):
    freed = []
    monkeypatch.setattr(batches, "free_memory", lambda: freed.append(1))
    seen = []

    def work(part):
        seen.append(part.stop - part.start)
        if seen[-1] > 3:
            raise MemoryError
        return list(range(10)[part])

    assert [x for part in in_batches(10, 8, work) for x in part] == list(range(10))
    assert seen == [8, 4, 2, 2, 2, 2, 2]
    assert len(freed) == 2
