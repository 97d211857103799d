"""Plain generator stacks made by torch itself, trained a little and saved as their authors save them."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import torch
from torch import nn


class Unflatten(nn.Module):
    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.reshape(len(x), *self.shape)


def deconvs(
    widths: list[int], kernels: list[tuple[int, ...]], act: type[nn.Module] = nn.ReLU, bias: bool = False
) -> nn.Sequential:
    """Transposed convolutions (kernel, stride, padding[, output padding]) with norms in between."""
    layers: list[nn.Module] = []
    for i, ((a, b), (kernel, *rest)) in enumerate(zip(itertools.pairwise(widths), kernels, strict=True)):
        layers.append(nn.ConvTranspose2d(a, b, kernel, *rest, bias=bias))
        if i < len(kernels) - 1:
            layers += [nn.BatchNorm2d(b), act()]
    return nn.Sequential(*layers, nn.Tanh())


def trained(network: nn.Module, inputs: Any, seed: int = 0) -> nn.Module:
    """The network as after training: its batch norms have seen these inputs."""
    torch.manual_seed(seed)
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            nn.init.normal_(module.weight, 0, (1.5 / module.weight[0].numel()) ** 0.5)
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            nn.init.normal_(module.weight, 1, 0.2)
            nn.init.normal_(module.bias, 0, 0.5)
            module.momentum = None  # the plain mean over all batches
    network.train()
    with torch.no_grad():
        for _ in range(8):
            network(inputs())
    return network.eval()


def saved(path: Path, network: nn.Module, prefix: str = "main.", **root: Any) -> Path:
    arrays = {prefix + key: value for key, value in network.state_dict().items()}
    torch.save({key: arrays if value is None else value for key, value in root.items()} or arrays, path)
    return path


def draw(n: int, *shape: int) -> torch.Tensor:
    return torch.randn((n, *shape), generator=torch.Generator().manual_seed(3))
