"""L-BFGS for a batch: every photograph has its own curvature, its own step, its own line search.

Owns the arithmetic; whoever uses it evaluates the trial points, one for all photographs at a time. A
photograph whose trial did not descend enough tries again nearer by, while the others go on. State in
plain sight, so that a fit can be stored and taken up again bit for bit.

Source: Nocedal and Wright, "Numerical Optimization", algorithms 7.4 and 7.5 (two-loop recursion), 3.1
(backtracking with the Armijo condition).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

MEMORY = 30
ARMIJO = 1e-4
SMALLEST_SHARE, LARGEST_SHARE = 0.1, 0.5
# A line search that comes this near gives up what it knows of the curvature and begins anew.
SHORTEST = 1e-5


class QuasiNewton:
    """Moves tensors (N, ...) down each photograph's own loss.

    Args:
        variables: leaves; between `try_out` and `take` they hold the trial, else the best point.
        first_step: length of the first trial, in the variables' unit.
    """

    def __init__(self, variables: Sequence[Tensor], first_step: float) -> None:
        self.variables = list(variables)
        self.sizes = [variable[0].numel() for variable in self.variables]
        self.first_step = first_step
        n, numbers = len(self.variables[0]), sum(self.sizes)
        like = self.variables[0].detach()
        self.point = self._flat()
        self.loss = like.new_full((n,), float("inf"))
        self.gradient = like.new_zeros(n, numbers)
        self.direction = like.new_zeros(n, numbers)
        self.share = like.new_ones(n)
        self.moves = like.new_zeros(n, MEMORY, numbers)
        self.changes = like.new_zeros(n, MEMORY, numbers)

    @torch.no_grad()
    def try_out(self) -> None:
        """Put the trial point into the variables."""
        self._set(self.point + self.share[:, None] * self.direction)

    @torch.no_grad()
    def take(self, losses: Tensor) -> Tensor:
        """Judge the trial by its losses (N,) and the variables' gradients, and choose the next one.

        Returns:
            bool (N,): whose trial was accepted.
        """
        gradient = torch.cat(
            [(torch.zeros_like(v) if v.grad is None else v.grad).reshape(len(v), -1) for v in self.variables],
            1,
        )
        for variable in self.variables:
            variable.grad = None
        losses = losses.detach()
        slope = (self.gradient * self.direction).sum(1)
        is_first = torch.isinf(self.loss)
        enough = losses <= self.loss + ARMIJO * self.share * slope
        accepted = (enough | is_first) & torch.isfinite(losses)
        trial = self.point + self.share[:, None] * self.direction
        move, change = trial - self.point, gradient - self.gradient
        product = (move * change).sum(1)
        is_curved = accepted & ~is_first & (product > 1e-8 * change.square().sum(1))
        for kept, new in ((self.moves, move), (self.changes, change)):
            shifted = torch.cat([new[:, None], kept[:, :-1]], 1)
            kept.copy_(torch.where(is_curved[:, None, None], shifted, kept))
        self._shorten(losses, slope, accepted)
        self.point = torch.where(accepted[:, None], trial, self.point)
        self.gradient = torch.where(accepted[:, None], gradient, self.gradient)
        self.loss = torch.where(accepted, losses, self.loss)
        lost = ~accepted & (self.share < SHORTEST)
        for kept in (self.moves, self.changes):
            kept[lost] = 0
        renew = accepted | lost
        direction = self._newton()
        slope = (self.gradient * direction).sum(1)
        uphill = slope >= 0
        direction = torch.where(uphill[:, None], -self.gradient, direction)
        self.direction = torch.where(renew[:, None], direction, self.direction)
        # Without any curvature a gradient says where to, but not how far.
        blind = renew & ((self.changes[:, 0].square().sum(1) == 0) | uphill)
        length = self.first_step / self.direction.norm(dim=1).clamp_min(1e-30)
        length = torch.where(lost, length * 0.01, length)
        self.share = torch.where(blind, length, torch.where(renew, torch.ones_like(length), self.share))
        self._set(self.point)
        return accepted

    def _shorten(self, losses: Tensor, slope: Tensor, accepted: Tensor) -> None:
        """Where a trial failed, go to the bottom of the parabola through what is known."""
        rise = losses - self.loss - self.share * slope
        best = -slope * self.share.square() / (2 * rise.clamp_min(1e-30))
        best = torch.where(torch.isfinite(best), best, torch.zeros_like(best))
        low, high = SMALLEST_SHARE * self.share, LARGEST_SHARE * self.share
        self.share = torch.where(accepted, self.share, torch.minimum(torch.maximum(best, low), high))

    def _newton(self) -> Tensor:
        """Minus the gradient, bent by the curvature seen so far: the two-loop recursion."""
        products = (self.moves * self.changes).sum(2)  # (N, MEMORY)
        rho = torch.where(products > 0, 1 / products.clamp_min(1e-30), torch.zeros_like(products))
        q = self.gradient.clone()
        shares = []
        for i in range(MEMORY):
            a = rho[:, i] * (self.moves[:, i] * q).sum(1)
            q -= a[:, None] * self.changes[:, i]
            shares.append(a)
        newest = self.changes[:, 0].square().sum(1)
        scale = torch.where(newest > 0, products[:, 0] / newest.clamp_min(1e-30), torch.ones_like(newest))
        q *= scale[:, None]
        for i in reversed(range(MEMORY)):
            b = rho[:, i] * (self.changes[:, i] * q).sum(1)
            q += (shares[i] - b)[:, None] * self.moves[:, i]
        return -q

    def _flat(self) -> Tensor:
        return torch.cat([v.detach().reshape(len(v), -1) for v in self.variables], 1)

    def _set(self, flat: Tensor) -> None:
        for variable, part in zip(self.variables, torch.split(flat, self.sizes, 1), strict=True):
            variable.copy_(part.reshape(variable.shape))

    # --- to go on later -----------------------------------------------------------------------

    @property
    def state(self) -> dict[str, Tensor]:
        """Everything that decides the next steps, each (N, ...)."""
        names = ("point", "loss", "gradient", "direction", "share", "moves", "changes")
        return {name: getattr(self, name) for name in names}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Take up a stored state."""
        for name, value in state.items():
            getattr(self, name).copy_(value)
