from __future__ import annotations

import torch

from latentstudio.inversion.adam import Adam
from latentstudio.inversion.whitened import Whitened


def bowls(seed, count, numbers, condition):
    """Sharp bowls, turned at random: (matrix, bottom) for each photograph."""
    random = torch.Generator().manual_seed(seed)
    q = torch.linalg.qr(torch.randn(count, numbers, numbers, generator=random)).Q
    return q @ torch.diag(torch.logspace(0, condition, numbers)) @ q.mT, torch.randn(
        count, numbers, generator=random
    )


def run(matrix, bottom, steps, start=None, way=None, rate=0.5, total=60):
    x = (torch.zeros_like(bottom) if start is None else start).clone().requires_grad_()
    way = way(x) if way else Whitened([x])
    way.variables = [x]
    for step in range(steps):
        away = torch.einsum("nij,nj->ni", matrix, x - bottom)
        loss = away.abs().sum(1)
        loss.sum().backward()
        way.step(rate * (1 - (total - steps + step) / total))
    return x.detach(), loss.detach(), way


def test_it_gets_nearer_than_adam_where_numbers_pull_on_each_other():
    matrix, bottom = bowls(0, 3, 12, 2)
    _, loss, _ = run(matrix, bottom, 60)
    _, plain, _ = run(matrix, bottom, 60, way=lambda x: Adam([x]), rate=0.5 / 12**0.5)
    assert (loss < 0.7 * plain).all()


def test_photographs_of_a_batch_do_not_mix():
    matrix, bottom = bowls(1, 3, 6, 2)
    together, _, _ = run(matrix, bottom, 12)
    for i in range(3):
        alone, _, _ = run(matrix[i : i + 1], bottom[i : i + 1], 12)
        assert torch.allclose(together[i], alone[0], atol=1e-3)


def test_a_stored_state_goes_on_as_if_it_had_never_stopped():
    matrix, bottom = bowls(2, 2, 6, 2)
    whole, _, _ = run(matrix, bottom, 20, total=20)
    x = torch.zeros_like(bottom).requires_grad_()
    way = Whitened([x])
    for step in range(20):
        if step == 7:
            state = {name: value.clone() for name, value in way.state.items()}
            x = x.detach().clone().requires_grad_()
            way = Whitened([x])
            way.restore(state)
        torch.einsum("nij,nj->ni", matrix, x - bottom).abs().sum().backward()
        way.step(0.5 * (1 - step / 20))
    assert torch.equal(x.detach(), whole)


def test_no_gradient_moves_nothing():
    x = torch.ones(1, 4, requires_grad=True)
    way = Whitened([x])
    x.grad = torch.zeros_like(x)
    way.step(1.0)
    assert torch.equal(x.detach(), torch.ones(1, 4))
