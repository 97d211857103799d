"""What batch norms remember of the network they were trained in.

Owns the choice among networks that a file leaves open. A batch norm stores the mean and variance of
what it saw; a guess at the layers before it is right when random inputs give those numbers again.
Where no guess does (statistics that were never trained, say), the likeliest guess stands.
Deterministic; draws from its own generator. One thread.

Source: Ioffe and Szegedy, "Batch Normalization" (section 3.1, moving averages for inference).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentstudio.models.architectures.dcgan import apply_step, size_after
from latentstudio.models.architectures.sequential_layout import Steps

# What an open activation may be, in order of likelihood.
ACTIVATIONS: tuple[dict[str, Any], ...] = (
    {"name": "relu"},
    {"name": "lrelu", "slope": 0.2},
    {"name": "identity"},
    {"name": "lrelu", "slope": 0.01},
    {"name": "lrelu", "slope": 0.1},
    {"name": "elu"},
    {"name": "tanh"},
)
EPSILONS = (1e-5, 0.8)
_GOOD = 0.25  # such a score speaks for a guess
_PLAIN = 0.1  # such a score leaves nothing to look for
_BETTER = 0.6  # another guess must come down to this share of the first one's score
_SPEAKS = 0.5  # above this at the first batch norm, the statistics are not those of any input
_SAMPLED_CHANNELS = 24
_WORK = 8e8  # multiplications for a layer when a guess is followed further
_MOST_PIXELS = 32  # side of the largest maps that are looked at

Draw = Callable[[int], Tensor]


class Verdict(NamedTuple):
    """A network and how well its batch norms know it: lower is better, None where they don't tell."""

    steps: Steps
    score: float | None
    asked: int  # how many batch norms agreed


def mismatch(x: Tensor, mean: Tensor, var: Tensor) -> float:
    """How far (N, C) or (N, C, H, W) is from stored statistics (C,): 0 is the same."""
    dims = [0, *range(2, x.ndim)]
    shift = (x.mean(dims) - mean).square().mean().sqrt() / (var.mean().sqrt() + 1e-8)
    spread = ((x.var(dims) + 1e-8) / (var + 1e-8)).log().abs().mean()
    score = float(shift + spread)
    return score if math.isfinite(score) else math.inf


class Witness:
    """The batch norms of one file.

    Args:
        arrays: float32 arrays by leaf and part.

    Attributes:
        speaks: whether the statistics are those of some input at all; known after `first`.
    """

    def __init__(self, arrays: Mapping[str, NDArray[np.float32]]) -> None:
        self._arrays = arrays
        self._tensors: dict[str, dict[str, Tensor]] = {}
        self.speaks = False

    @torch.no_grad()
    def first(self, steps: Steps, sources: list[str], draw: Draw) -> float:
        """Score of inputs at the first batch norm; infinity where layers are open before it."""
        x = draw(64)
        for i, (step, source) in enumerate(zip(steps, sources, strict=True)):
            if step.get("open"):
                return math.inf
            if step["op"] == "norm":
                score = mismatch(x, *self._statistics(source))
                self.speaks = self.speaks or score < _SPEAKS
                return score
            leads = next((s["op"] for s in steps[i + 1 :] if s["op"] != "reshape"), "")
            few = leads == "norm" and steps[i + 1]["op"] == "norm"
            x, kept = self._run(step, source, x, few=few)
            if kept is not None:
                mean, var = self._statistics(sources[i + 1])
                score = mismatch(x, mean[kept], var[kept])
                self.speaks = self.speaks or score < _SPEAKS
                return score
        return math.inf

    @torch.no_grad()
    def settle(self, steps: Steps, sources: list[str], draw: Draw) -> Verdict:
        """Choose the open activations, and the norms' epsilons, by the statistics stored downstream.

        Args:
            steps: a plan of `lay_out`.
            sources: its leaves.
            draw: gives n inputs (n, inputs).

        Returns:
            The steps with nothing open, and the mean score of the batch norms that were asked.
        """
        steps = copy.deepcopy(steps)
        norms = [i for i, step in enumerate(steps) if step["op"] == "norm"]
        scores: list[float] = []
        decided: dict[str, Any] | None = None
        eps: float | None = None
        start, told = 0, self.speaks
        x = draw(_batch(steps)) if told else torch.empty(0)
        size = (1, 1)
        for norm in norms if told else []:
            segment = range(start, norm)
            for i in segment:
                size = size_after(steps[i], size)
            if max(size) > _MOST_PIXELS:
                break
            best = self._judge(steps, sources, segment, norm, x)
            if best is None:
                told = False
                break
            score, activation, epsilon = best
            for i in segment:
                if steps[i].get("open"):
                    steps[i] = {"op": "activation", **activation}
                    decided = activation
                elif steps[i]["op"] == "norm":
                    steps[i]["eps"] = eps = epsilon
                x, _ = self._run(steps[i], sources[i], x)
            scores.append(score)
            start = norm
        for i, step in enumerate(steps):
            # The last norm is seen by no other; it is made like the one before it.
            if step["op"] == "norm" and i >= start and told and eps is not None and len(norms) > 2:
                step["eps"] = eps
            if step.pop("open", False) and decided is not None:
                step.pop("slope", None)
                step |= decided
        return Verdict(steps, sum(scores) / len(scores) if told and scores else None, len(scores))

    def _judge(
        self, steps: Steps, sources: list[str], segment: range, norm: int, x: Tensor
    ) -> tuple[float, dict[str, Any], float] | None:
        """The best guess for a segment: score, activation, epsilon; None where none convinces."""
        own = next((steps[i] for i in segment if steps[i].get("open")), None)
        usual = ACTIVATIONS[0]
        if own is not None:
            usual = {key: own[key] for key in ("name", "slope") if key in own}
        own_eps = next((float(steps[i]["eps"]) for i in segment if steps[i]["op"] == "norm"), None)
        activations = [usual]
        if own is not None:
            surely = own["open"] == "module"
            activations += [a for a in ACTIVATIONS if a != usual and not (surely and a["name"] == "identity")]
        epsilons = [EPSILONS[0] if own_eps is None else own_eps]
        if own_eps is not None and not any(step["op"] == "deconv" for step in steps):
            epsilons += [e for e in EPSILONS if e != own_eps]
        mean, var = self._statistics(sources[norm])
        best: tuple[float, dict[str, Any], float] | None = None
        for epsilon in epsilons:
            for activation in activations:
                y, kept = x.clone(), None
                for i in segment:
                    step = steps[i]
                    if step.get("open"):
                        step = {"op": "activation", **activation}
                    elif step["op"] == "norm":
                        step = {**step, "eps": epsilon}
                    y, kept = self._run(step, sources[i], y, few=i == norm - 1)
                score = mismatch(y, mean, var) if kept is None else mismatch(y, mean[kept], var[kept])
                if best is None or score < best[0] * _BETTER:
                    best = (score, activation, epsilon)
                # Where nothing is open, the first norm's score has been looked at before.
                if best[1] == usual and best[0] < (_PLAIN if own else _SPEAKS):
                    return best
            if best is not None and best[0] < _GOOD:
                return best
        return None

    def _run(self, step: dict[str, Any], source: str, x: Tensor, few: bool = False) -> tuple[Tensor, Any]:
        """One step; with `few`, only some output channels, and which."""
        arrays = self._of(source) if source else {}
        if not few or step["op"] not in ("linear", "conv", "deconv") or step["out"] <= 2 * _SAMPLED_CHANNELS:
            return apply_step(step, x, arrays), None
        kept = slice(0, None, step["out"] // _SAMPLED_CHANNELS)
        weight = arrays["weight"]
        some = {"weight": weight[:, kept] if step["op"] == "deconv" else weight[kept]}
        if "bias" in arrays:
            some["bias"] = arrays["bias"][kept]
        return apply_step(step, x, some), kept

    def _of(self, source: str) -> dict[str, Tensor]:
        if source not in self._tensors:
            parts = ("weight", "bias", "running_mean", "running_var")
            self._tensors[source] = {
                part: torch.from_numpy(np.array(self._arrays[f"{source}.{part}"]))
                for part in parts
                if f"{source}.{part}" in self._arrays
            }
        return self._tensors[source]

    def _statistics(self, source: str) -> tuple[Tensor, Tensor]:
        arrays = self._of(source)
        return arrays["running_mean"], arrays["running_var"]


def _batch(steps: Steps) -> int:
    """How many inputs to try: many for small networks, a few for large ones."""
    size, largest = (1, 1), 1.0
    for step in steps:
        size = size_after(step, size)
        if step["op"] in ("linear", "conv", "deconv") and max(size) <= _MOST_PIXELS:
            kernel = float(step.get("kernel", 1)) / float(step.get("stride", 1))
            largest = max(largest, step["in"] * step["out"] * kernel**2 * size[0] * size[1])
    return int(min(max(_WORK / largest, 12), 64))
