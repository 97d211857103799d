"""Adam along axes of its own: for each photograph the directions in which its gradients vary.

Owns the arithmetic. A photograph lies off the samples' manifold, where a latent's numbers pull on each
other and a step for each number alone goes far astray. The gradients' second moments as a whole matrix
tell which directions are steep and which are flat, and the flat ones are gone along as fast. State in
plain sight, so that a fit can be stored and taken up again bit for bit.

Source: Duchi et al., "Adaptive Subgradient Methods for Online Learning and Stochastic Optimization",
section 1.1 (the full matrix); Vyas et al., "SOAP: Improving and Stabilizing Shampoo using Adam".
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

BETA1, BETA2 = 0.9, 0.96
# Directions flatter than this share of the steepest are as flat as it.
FLATTEST = 0.01
# Axes are found anew every so many steps.
TURN_EVERY = 4
# Longer latents than this would spend more on their axes than on their pictures.
MAX_NUMBERS = 1024


class Whitened:
    """Moves tensors (N, ...) against their gradients, equally fast in steep and in flat directions.

    Args:
        variables: leaves that require gradients; changed in place.
    """

    def __init__(self, variables: Sequence[Tensor]) -> None:
        self.variables = list(variables)
        self.sizes = [variable[0].numel() for variable in self.variables]
        n, numbers = len(self.variables[0]), sum(self.sizes)
        like = self.variables[0].detach()
        self.steps = 0
        self.first = like.new_zeros(n, numbers)
        self.second = like.new_zeros(n, numbers, numbers)
        self.axes = like.new_zeros(n, numbers, numbers)
        self.levels = like.new_zeros(n, numbers)

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """One step by each variable's `grad`, which is cleared.

        Args:
            rate: how far a direction goes whose gradients always agree, in the variables' unit.
        """
        gradient = torch.cat(
            [(torch.zeros_like(v) if v.grad is None else v.grad).reshape(len(v), -1) for v in self.variables],
            1,
        )
        self.first.lerp_(gradient, 1 - BETA1)
        self.second.lerp_(gradient[:, :, None] * gradient[:, None, :], 1 - BETA2)
        if self.steps % TURN_EVERY == 0:
            # One by one, so that a photograph's axes do not depend on its neighbours.
            for levels, axes, second in zip(self.levels, self.axes, self.second, strict=True):
                found = torch.linalg.eigh(second / (1 - BETA2 ** (self.steps + 1)))
                levels.copy_(found[0].clamp_min(0))
                axes.copy_(found[1])
        self.steps += 1
        along = torch.einsum("nik,ni->nk", self.axes, self.first / (1 - BETA1**self.steps))
        steepness = (self.levels + FLATTEST * self.levels[:, -1:]).clamp_min(1e-30).sqrt()
        move = torch.einsum("nik,nk->ni", self.axes, along / steepness)
        for variable, part in zip(self.variables, torch.split(move, self.sizes, 1), strict=True):
            variable.add_(part.reshape(variable.shape), alpha=-rate)
            variable.grad = None

    # --- to go on later -----------------------------------------------------------------------

    @property
    def state(self) -> dict[str, Tensor]:
        """Everything that decides the next steps, each (N, ...)."""
        names = ("first", "second", "axes", "levels")
        return {"steps": torch.full((len(self.first),), self.steps)} | {n: getattr(self, n) for n in names}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Take up a stored state."""
        self.steps = int(state["steps"][0])
        for name in ("first", "second", "axes", "levels"):
            getattr(self, name).copy_(state[name])
