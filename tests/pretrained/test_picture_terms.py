"""What of pictures is compared: detail counts by how much of it is where, not by its exact place."""

import pytest
import torch
import torch.nn.functional as F
from picture_terms import detail, regression, unlike_detail
from plan import Plan


@pytest.fixture
def edge():
    """Bars of 8 pixels, hard-edged, (1, 3, 64, 64)."""
    bars = ((torch.arange(64) + 3) // 8 % 2).float() * 2 - 1
    return bars.expand(1, 3, 64, 64).contiguous()


def softened(images):
    kernel = torch.full((3, 1, 1, 5), 0.2)
    return F.conv2d(F.pad(images, (2, 2, 0, 0), mode="replicate"), kernel, groups=3)


def test_soft_edges_have_less_detail(edge):
    assert detail(softened(edge)) < 0.5 * detail(edge)


def test_an_edge_a_pixel_away_is_alike_and_a_soft_one_is_not(edge):
    moved, soft = edge.roll(1, 3), softened(edge)
    assert (moved - edge).abs().mean() > 0.8 * (soft - edge).abs().mean()
    assert unlike_detail(edge, edge) == 0
    assert unlike_detail(moved, edge) < 0.5 * unlike_detail(soft, edge)


def test_its_slope_asks_for_sharper_edges(edge):
    soft = softened(edge).requires_grad_()
    unlike_detail(soft, edge).backward()
    sharper = soft.detach() + 0.3 * (soft.detach() - softened(soft.detach()))
    assert (soft.grad * (sharper - soft.detach())).sum() < 0


def test_flat_pictures_have_finite_slopes():
    flat = torch.zeros(1, 3, 16, 16, requires_grad=True)
    unlike_detail(flat, torch.rand(1, 3, 16, 16)).backward()
    assert torch.isfinite(flat.grad).all()


def test_waves_of_a_few_pixels_count_more_where_the_plan_says_so():
    real = torch.zeros(1, 3, 64, 64)
    wave = 0.1 * torch.sin(torch.arange(64) * 2 * torch.pi / 8).expand(1, 3, 64, 64)  # as wide as a curl
    flat = torch.full_like(real, float(wave.abs().mean()))
    cost = {
        (name, waves): float(regression(fake, real, Plan(waves=waves, gradient=0.0), {}))
        for name, fake in (("wave", wave), ("flat", flat))
        for waves in (0.0, 2.0)
    }
    assert cost["wave", 0.0] < cost["flat", 0.0]
    assert cost["wave", 2.0] > 1.5 * cost["flat", 2.0]
    assert cost["flat", 2.0] == pytest.approx(cost["flat", 0.0])


def test_soft_edges_cost_more_where_the_plan_asks_for_crisp_ones():
    sharp = ((torch.arange(64) // 8 % 2).float() * 2 - 1).expand(1, 3, 64, 64).contiguous()
    soft = (sharp + sharp.roll(1, 3) + sharp.roll(-1, 3)) / 3
    usual, crisp = (float(regression(soft, sharp, Plan(crisp=c), {})) for c in (0.0, 0.5))
    assert crisp - usual == pytest.approx(0.5 * float(unlike_detail(soft, sharp)), rel=1e-4)
    assert crisp > usual
