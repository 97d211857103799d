from __future__ import annotations

import numpy as np
import pytest
import torch

from latentstudio.errors import InputError
from latentstudio.latent.truncation import truncate
from latentstudio.models.generator import State, stage_of_row

Z = np.random.default_rng(0).standard_normal((3, 8)).astype(np.float32)


def test_mapping_and_synthesis_compose_to_the_call(tiny):
    ws = tiny.mapping(Z, truncation_psi=0.7, truncation_cutoff=3)
    img = tiny.synthesis(ws, noise_mode="none")
    assert ws.shape == (3, 6, 8)
    assert img.shape == (3, 3, 16, 16)
    assert ws.dtype == img.dtype == torch.float32
    whole = tiny(Z, truncation_psi=0.7, truncation_cutoff=3, noise_mode="none")
    assert torch.equal(whole, img)


@pytest.mark.parametrize(
    ("psi", "cutoff"), [(0.7, None), (0.7, 2), (1.5, 4), (-0.5, None), (0, 0), (0.5, 99)]
)
def test_truncation_is_the_papers_formula(tiny, psi, cutoff):
    ws = tiny.mapping(Z)
    expected = truncate(ws.numpy(), tiny.mean_latent.numpy(), psi, cutoff)
    assert np.allclose(tiny.mapping(Z, None, psi, cutoff).numpy(), expected, atol=1e-6)


def test_a_picture_does_not_depend_on_its_neighbours(tiny):
    together, alone = tiny(Z), tiny(Z[1:2])
    assert float((together[1:2] - alone).abs().max()) < 1e-5


def test_stages_one_by_one_are_the_synthesis(tiny):
    inputs, state = tiny.inputs(tiny.mapping(Z)), State()
    for index, stage in enumerate(tiny.stages):
        state = tiny.run_stage(index, state, inputs)
        if tiny.gives_picture(index):
            assert tuple(tiny.preview(state).shape[2:]) == stage.resolution
    assert torch.equal(tiny.image(state), tiny.synthesis(tiny.mapping(Z)))


def test_every_stage_reads_exactly_the_rows_it_names(tiny):
    base = tiny.mapping(Z[:1])
    for row in range(tiny.info.num_ws):
        ws = base.clone()
        ws[:, row] += 1
        first, a, b = None, State(), State()
        for index in range(len(tiny.stages)):
            a = tiny.run_stage(index, a, tiny.inputs(base))
            b = tiny.run_stage(index, b, tiny.inputs(ws))
            if first is None and any(
                not torch.equal(p, q) for p, q in zip(a, b, strict=True) if p is not None
            ):
                first = index
        assert first == stage_of_row(tiny.stages, row)


def test_given_noise_maps_replace_the_modes(tiny):
    ws = tiny.mapping(Z[:1])
    zeros = {i: torch.zeros(1, 1, *shape) for i, shape in enumerate(tiny.noise_shapes)}
    assert torch.equal(tiny.synthesis(ws, noise_maps=zeros), tiny.synthesis(ws, "none"))


def test_pictures_are_differentiable_in_latents_and_noise(tiny):
    ws = tiny.mapping(Z[:1]).clone().requires_grad_(True)
    maps = {i: m.requires_grad_(True) for i, m in tiny.draw_noise(0).items()}
    tiny.synthesis(ws, noise_maps=maps).square().sum().backward()
    assert float(ws.grad.abs().sum(2).min()) > 0
    assert all(float(m.grad.abs().sum()) > 0 for m in maps.values())


def test_gradients_of_the_working_in_place_path_agree_with_finite_differences(tiny):
    ws = tiny.mapping(Z[:1]).clone().requires_grad_(True)
    tiny.synthesis(ws).sum().backward()
    step = torch.randn(ws.shape, generator=torch.Generator().manual_seed(0)) * 1e-3
    with torch.no_grad():
        ahead, behind = (tiny.synthesis(ws + s * step).double().sum() for s in (1, -1))
    slope = float((ws.grad * step).double().sum())
    assert slope == pytest.approx(float(ahead - behind) / 2, rel=2e-2, abs=1e-3)


@pytest.mark.parametrize(
    "call",
    [
        lambda g: g.mapping(Z[:, :5]),
        lambda g: g.mapping(Z[0]),
        lambda g: g.synthesis(np.zeros((1, 5, 8), np.float32)),
        lambda g: g.synthesis(np.zeros((1, 6, 8), np.float32), "loud"),
        lambda g: g.synthesis(np.zeros((1, 6, 8), np.float32), transform=np.eye(3)),
    ],
)
def test_wrong_shapes_and_modes_are_sentences(tiny, call):
    with pytest.raises(InputError):
        call(tiny)


def test_fast_precision_stays_near_the_exact_picture(tiny):
    exact = tiny(Z)
    tiny.compute_dtype = torch.bfloat16
    fast = tiny(Z)
    assert fast.dtype == torch.float32
    difference = (fast - exact).abs()
    assert 0 < float(difference.mean()) < 0.02 * float(exact.std())
