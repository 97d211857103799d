from __future__ import annotations

from itertools import pairwise

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from latentstudio.inversion.quasi_newton import QuasiNewton


def quadratic(seed, count, numbers, condition):
    """Bowls of a given condition: (matrix, bottom) for each photograph."""
    random = torch.Generator().manual_seed(seed)
    q = torch.linalg.qr(torch.randn(count, numbers, numbers, generator=random)).Q
    scale = torch.logspace(0, condition, numbers)
    return q @ torch.diag(scale) @ q.mT, torch.randn(count, numbers, generator=random)


def run(matrix, bottom, steps, variables=None):
    x = torch.zeros_like(bottom).requires_grad_() if variables is None else variables
    way = QuasiNewton([x], 0.1)
    losses = []
    for _ in range(steps):
        way.try_out()
        away = (x - bottom)[:, None]
        loss = (away @ matrix @ away.mT)[:, 0, 0]
        loss.sum().backward()
        way.take(loss)
        losses.append(way.loss.clone())
    return x.detach(), losses, way


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), condition=st.floats(0, 2))
def test_it_finds_the_bottom_of_a_bowl_and_never_goes_up(seed, condition):
    matrix, bottom = quadratic(seed, 3, 6, condition)
    x, losses, _ = run(matrix, bottom, 60)
    assert (x - bottom).abs().max() < 0.05
    for earlier, later in pairwise(losses):
        assert (later <= earlier).all()


def test_photographs_of_a_batch_do_not_mix():
    matrix, bottom = quadratic(1, 4, 5, 2)
    together, _, _ = run(matrix, bottom, 15)
    for i in range(4):
        alone, _, _ = run(matrix[i : i + 1], bottom[i : i + 1], 15)
        assert torch.allclose(together[i], alone[0], atol=1e-4)


def test_a_stored_state_goes_on_as_if_it_had_never_stopped():
    matrix, bottom = quadratic(2, 2, 5, 2)
    whole, _, _ = run(matrix, bottom, 12)
    half, _, way = run(matrix, bottom, 5)
    state = {name: value.clone() for name, value in way.state.items()}
    x = half.clone().requires_grad_()
    again = QuasiNewton([x], 0.1)
    again.restore(state)
    for _ in range(7):
        again.try_out()
        away = (x - bottom)[:, None]
        loss = (away @ matrix @ away.mT)[:, 0, 0]
        loss.sum().backward()
        again.take(loss)
    assert torch.equal(x.detach(), whole)


def test_a_loss_that_is_no_number_is_never_accepted():
    x = torch.ones(1, 2).requires_grad_()
    way = QuasiNewton([x], 10.0)
    for _ in range(30):
        way.try_out()
        loss = torch.where(x[:, 0] < 0, torch.nan, x.square().sum(1))
        loss.sum().backward()
        way.take(loss)
    assert torch.isfinite(x).all()
    assert x.abs().max() < 0.5
