"""Adam with its state in plain sight, so that a fit can be stored and taken up again bit for bit.

Owns nothing but the arithmetic; every number has its own state, so photographs of a batch don't mix.

Source: Kingma and Ba, "Adam: A Method for Stochastic Optimization", algorithm 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


class Adam:
    """Moves tensors along their gradients.

    Args:
        variables: leaves that require gradients; changed in place.
        step: how many steps their moments have seen.
    """

    def __init__(self, variables: Sequence[Tensor], step: int = 0, beta2: float = BETA2) -> None:
        self.variables = list(variables)
        self.first = [torch.zeros_like(v) for v in self.variables]
        self.second = [torch.zeros_like(v) for v in self.variables]
        self.steps, self.beta2 = step, beta2

    @property
    def state(self) -> dict[str, Tensor]:
        """Everything that decides the next steps, each (N, ...); see `restore`."""
        n = len(self.variables[0])
        named = {"steps": torch.full((n,), self.steps)}
        for i, (first, second) in enumerate(zip(self.first, self.second, strict=True)):
            named |= {f"first{i}": first, f"second{i}": second}
        return named

    def restore(self, state: dict[str, Tensor]) -> None:
        """Take up a stored state."""
        self.steps = int(state["steps"][0])
        for i, (first, second) in enumerate(zip(self.first, self.second, strict=True)):
            first.copy_(state[f"first{i}"])
            second.copy_(state[f"second{i}"])

    @torch.no_grad()
    def step(self, rates: float | Sequence[float]) -> None:
        """One step by each variable's `grad`, which is cleared; variables without one stay.

        Args:
            rates: the learning rate, or one for each variable.
        """
        self.steps += 1
        first_bias, second_bias = 1 - BETA1**self.steps, 1 - self.beta2**self.steps
        each = [rates] * len(self.variables) if isinstance(rates, float) else list(rates)
        for variable, first, second, rate in zip(self.variables, self.first, self.second, each, strict=True):
            gradient = variable.grad
            if gradient is None:
                continue
            first.lerp_(gradient, 1 - BETA1)
            second.mul_(self.beta2).addcmul_(gradient, gradient, value=1 - self.beta2)
            root = second.sqrt().div_(second_bias**0.5).add_(EPSILON)
            variable.addcdiv_(first, root, value=-rate / first_bias)
            variable.grad = None
