"""Training in several processes."""

import numpy as np
import sharing
import torch
from clay_data import Bank, Pictures, full_z
from plan import Plan
from torch import multiprocessing
from trainer import Trainer


def _pictures() -> Pictures:
    random = np.random.default_rng(0)
    latents = torch.from_numpy(random.standard_normal((300, 64)).astype(np.float32))
    level = (latents[:, :1, None, None] * 40 + 128).clamp(0, 255).byte()
    images = level.expand(300, 3, 16, 16).contiguous()
    return Pictures(images, latents[..., :10], latents, torch.ones(300), {})


def _one(rank: int, between: list, folder: str) -> None:
    torch.set_num_threads(1)
    sharing.join(rank, between)
    weight = torch.nn.Parameter(torch.zeros(3))
    untouched = torch.nn.Parameter(torch.zeros(2))
    optimiser = torch.optim.SGD([weight, untouched], lr=1.0)
    (weight * torch.tensor([1.0, 2.0, 3.0]) * (rank + 1)).sum().backward()
    sharing.agree(optimiser)
    optimiser.step()
    told = sharing.told_by_first({"rank": rank})
    # Each draws weights and pictures of its own; the weights must be the same all the same.
    torch.manual_seed(rank)
    pictures = _pictures()
    trainer = Trainer(pictures, Bank(full_z(pictures.latents), pictures.features), channels=[8, 8, 8])
    trainer.restore(sharing.same_start(trainer.state()))
    torch.manual_seed(rank)
    for _ in range(2):
        trainer.train_step(Plan(batch=8, adversarial=0.5, matching=1.0, via_z=0.5))
    weights = {name: getattr(trainer, name).state_dict() for name in ("g", "m", "d")}
    known = (weight.detach(), told, sharing.is_first(), sharing.processes(), trainer.shown)
    torch.save((known, weights), f"{folder}/{rank}.pt")


def test_two_processes_step_along_the_mean_of_their_gradients_and_stay_alike(tmp_path):
    multiprocessing.spawn(_one, (sharing.links(2), str(tmp_path)), nprocs=2)
    both = [torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1)]
    for rank, ((weight, told, first, count, shown), _) in enumerate(both):
        assert torch.equal(weight, -1.5 * torch.tensor([1.0, 2.0, 3.0]))
        assert (told, first, count, shown) == ({"rank": 0}, rank == 0, 2, 32)
    for net in ("g", "m", "d"):
        for name, value in both[0][1][net].items():
            if not name.endswith("w_avg"):  # a mean of what each has seen
                assert torch.equal(value, both[1][1][net][name]), f"{net}.{name}"


def test_alone_nothing_changes():
    weight = torch.nn.Parameter(torch.zeros(2))
    weight.grad = torch.ones(2)
    sharing.agree(torch.optim.SGD([weight], lr=1.0))
    assert torch.equal(weight.grad, torch.ones(2))
    assert sharing.told_by_first(7) == 7
    assert (sharing.processes(), sharing.is_first()) == (1, True)
