"""Training in several processes."""

import socket

import sharing
import torch
from torch import distributed, multiprocessing


def _one(rank: int, port: int, folder: str) -> None:
    sharing.join(rank, 2, port)
    weight = torch.nn.Parameter(torch.zeros(3))
    untouched = torch.nn.Parameter(torch.zeros(2))
    optimiser = torch.optim.SGD([weight, untouched], lr=1.0)
    (weight * torch.tensor([1.0, 2.0, 3.0]) * (rank + 1)).sum().backward()
    sharing.agree(optimiser)
    optimiser.step()
    told = sharing.told_by_first({"rank": rank})
    torch.save((weight.detach(), told, sharing.is_first(), sharing.processes()), f"{folder}/{rank}.pt")
    distributed.destroy_process_group()


def test_two_processes_step_along_the_mean_of_their_gradients(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    multiprocessing.spawn(_one, (port, str(tmp_path)), nprocs=2)
    for rank in (0, 1):
        weight, told, first, count = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        assert torch.equal(weight, -1.5 * torch.tensor([1.0, 2.0, 3.0]))
        assert (told, first, count) == ({"rank": 0}, rank == 0, 2)


def test_alone_nothing_changes():
    weight = torch.nn.Parameter(torch.zeros(2))
    weight.grad = torch.ones(2)
    sharing.agree(torch.optim.SGD([weight], lr=1.0))
    assert torch.equal(weight.grad, torch.ones(2))
    assert sharing.told_by_first(7) == 7
    assert (sharing.processes(), sharing.is_first()) == (1, True)
