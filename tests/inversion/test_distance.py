from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from latentstudio.errors import InputError, ModelNotFoundError
from latentstudio.inversion.adam import Adam
from latentstudio.inversion.distance import make_distance
from latentstudio.inversion.feature_terms import features
from latentstudio.inversion.noise_maps import autocorrelation, normalise
from latentstudio.inversion.pixel_terms import laplacian
from latentstudio.models.feature_networks import SqueezeNet

NAMES = ["pixel", "pyramid"]


def pictures(seed, count=2, size=(32, 32)):
    return torch.rand(count, 3, *size, generator=torch.Generator().manual_seed(seed)) * 1.8 - 0.9


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), height=st.integers(8, 40), width=st.integers(8, 40))
def test_a_picture_has_no_distance_from_itself_and_some_from_another(name, seed, height, width):
    targets = pictures(seed, size=(height, width))
    prepared = make_distance(name).prepare(targets)
    assert prepared(targets).abs().max() < 1e-5
    assert (prepared(pictures(seed + 1, size=(height, width))) > 0.01).all()


@pytest.mark.parametrize("name", NAMES)
def test_terms_sum_to_the_distance_and_pictures_of_a_batch_do_not_mix(name):
    targets, images = pictures(1), pictures(2)
    prepared = make_distance(name).prepare(targets)
    together = prepared(images)
    assert torch.allclose(together, torch.stack(list(prepared.terms(images).values())).sum(0))
    alone = torch.cat([make_distance(name).prepare(targets[i : i + 1])(images[i : i + 1]) for i in (0, 1)])
    assert torch.allclose(together, alone, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_gradients_lead_to_the_target(name):
    targets = pictures(1)
    images = pictures(2).requires_grad_()
    prepared = make_distance(name).prepare(targets)
    before = prepared(images).sum()
    (gradient,) = torch.autograd.grad(before, images)
    assert torch.isfinite(gradient).all()
    with torch.no_grad():
        assert prepared(images - 0.1 * gradient / gradient.abs().max()).sum() < before


def test_what_is_whiter_than_white_is_no_difference_where_the_target_is_white():
    targets = torch.ones(1, 3, 16, 16)
    for name in NAMES:
        prepared = make_distance(name).prepare(targets)
        assert prepared(targets + 0.5).abs().max() < 1e-5
        assert prepared(targets - 0.5).min() > 0.01


def test_outside_of_the_mask_nothing_counts():
    targets, images = pictures(1), pictures(2)
    mask = torch.zeros(2, 1, 32, 32)
    mask[:, :, :16] = 1
    changed = images.clone()
    changed[:, :, 16:] = 0.3
    for name in NAMES:
        prepared = make_distance(name).prepare(targets, mask)
        assert torch.equal(prepared(images), prepared(changed))


@settings(max_examples=10, deadline=None)
@given(height=st.integers(16, 70), width=st.integers(16, 70))
def test_the_pyramid_of_a_sum_is_the_sum_of_the_pyramids(height, width):
    a, b = pictures(1, size=(height, width)), pictures(2, size=(height, width))
    for x, y, z in zip(laplacian(a), laplacian(b), laplacian(a + b), strict=True):
        assert torch.allclose(x + y, z, atol=1e-5)


def test_large_pictures_are_compared_small_and_weights_can_be_set():
    targets = pictures(1, size=(512, 300))
    assert make_distance("pixel").prepare(targets).size == (256, 150)
    distance = make_distance("pyramid", weights={"pixel": 2.0, "ms-ssim": 0.0})
    assert set(distance.prepare(pictures(1)).terms(pictures(2))) == {"pyramid", "pixel"}
    assert "pixel 2" in distance.describe()


def test_features_see_no_difference_between_equal_pictures_and_differ_by_content():
    torch.manual_seed(0)
    network = SqueezeNet().requires_grad_(False).eval()
    measure = features(network)(pictures(1))
    assert measure(pictures(1)).abs().max() < 1e-6
    assert (measure(pictures(2)) > 1e-4).all()


@pytest.mark.parametrize(
    ("name", "weights", "error"),
    [
        ("smell", {}, InputError),
        ("pixel", {"smell": 1.0}, InputError),
        ("pixel", {"pixel": 0.0}, InputError),
        ("lpips", {}, InputError),
        ("squeezenet", {}, ModelNotFoundError),
        ("efficientnet", {}, ModelNotFoundError),
    ],
)
def test_what_is_not_there_is_said_in_a_sentence(name, weights, error):
    with pytest.raises(error) as told:
        make_distance(name, weights=weights)
    assert told.value.message.endswith(".")


def test_normalised_maps_have_mean_0_and_mean_square_1_and_structure_costs():
    maps = [torch.rand(2, 1, 16, 16, generator=torch.Generator().manual_seed(0)) * 5 + 3]
    normalise(maps)
    assert maps[0].mean((1, 2, 3)).abs().max() < 1e-6
    assert (maps[0].square().mean((1, 2, 3)) - 1).abs().max() < 1e-5
    stripes = [torch.ones(2, 1, 16, 16)]
    stripes[0][..., ::2, :] = -1
    assert (autocorrelation(stripes) > 10 * autocorrelation(maps)).all()


def test_adam_takes_the_steps_of_the_published_algorithm():
    torch.manual_seed(0)
    ours, theirs = (torch.ones(5, 3).mul_(2).requires_grad_() for _ in range(2))
    mine, reference = Adam([ours]), torch.optim.Adam([theirs], lr=0.1)
    for step in range(20):
        for value in (ours, theirs):
            value.grad = torch.sin(value.detach() * (step + 1))
        reference.step()
        mine.step(0.1)
    assert np.allclose(ours.detach(), theirs.detach(), atol=1e-6)
