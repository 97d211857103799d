"""The renderer behind the seam of the generators."""

import numpy as np
import pytest
import torch

from latentstudio import clay
from latentstudio.errors import InputError
from latentstudio.models.generator import State
from latentstudio.models.registry import build_network, load_generator
from latentstudio.models.spec import NetworkSpec, write_spec

needs_compiler = pytest.mark.skipif(not clay.has_compiler(), reason="numba (the extra clay) is not installed")


def renderer_spec(size=32):
    factors = clay.sample_factors(500, 0)
    arrays = {"factor_mean": factors.mean(0), "factor_std": factors.std(0)}
    return NetworkSpec("clay-renderer", {"size": size, "rays": 1}, arrays)


@pytest.fixture(scope="module")
def generator():
    return build_network(renderer_spec())


@needs_compiler
def test_z_draws_the_head_that_the_renderer_draws(generator):
    latents = clay.sample_latents(2, 7)
    drawn = generator.to_uint8(generator(latents)).permute(0, 2, 3, 1).numpy()
    np.testing.assert_array_equal(drawn, clay.render(clay.latents_to_factors(latents), 32, 1))


@needs_compiler
def test_a_slider_of_w_moves_one_factor_and_nothing_else(generator):
    w = generator.mapping(clay.sample_latents(1, 3))[:, 0]
    moved = w.clone()
    moved[0, clay.NAMES.index("smile")] += 0.5
    before, after = generator.factors(w)[0], generator.factors(moved)[0]
    changed = np.flatnonzero(np.abs(after - before) > 1e-5)
    assert [clay.NAMES[i] for i in changed] == ["smile"]


@needs_compiler
def test_the_sketch_resembles_the_picture_and_is_smaller(generator):
    inputs = generator.inputs(generator.mapping(clay.sample_latents(1, 3)))
    sketch = generator.run_stage(0, State(), inputs).img
    picture = generator.run_stage(1, State(None, sketch), inputs).img
    assert sketch.shape[-1] * 2 == picture.shape[-1]
    small = torch.nn.functional.avg_pool2d(picture, 2)
    assert (small - sketch).abs().mean() < (small - sketch.roll(8, 2)).abs().mean() / 2


@needs_compiler
def test_a_wild_w_is_drawn_within_the_ranges(generator):
    assert torch.isfinite(generator.synthesis(torch.full((1, 60), 50.0))).all()


@needs_compiler
def test_a_gradient_is_refused_with_a_sentence(generator):
    with pytest.raises(InputError, match="without gradients"):
        generator.synthesis(torch.zeros(1, 60, requires_grad=True))


@needs_compiler
def test_its_file_opens_like_any_model(tmp_path):
    write_spec(tmp_path / "own.safetensors", renderer_spec())
    generator = load_generator(tmp_path / "own.safetensors", device="cpu")
    assert generator.info.family == "Clay renderer"
    assert generator.mapping(clay.sample_latents(3, 0), truncation_psi=0.0).abs().max() == 0


def test_without_numba_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr("latentstudio.clay.renderer.find_spec", lambda name: None)
    with pytest.raises(InputError, match="latentstudio\\[clay\\]"):
        build_network(renderer_spec())
