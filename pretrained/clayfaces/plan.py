"""What the clay faces' trainer does now: `plan.json`, read again while it runs."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path


@dataclass(frozen=True)
class Plan:
    """What the trainer does now; read again while it runs.

    Attributes:
        lr: learning rate of synthesis and embedding.
        mapping_lr: factor on it for the mapping.
        embedding_lr: factor on it for the embedding; 0 freezes it, while a mapping is fitted to it.
        fine_lr: factor on it for the convolutions of few channels, those of the finest layers.
        newest_lr: factor on both for the finest block, which begins with nothing when a network grows.
        d_lr: learning rate of the discriminator.
        beta1: of the generator's Adam.
        batch: pictures a step.
        ema: decay of the averaged weights a step.
        face: extra weight of the middle of the face in the pixel loss.
        gradient: weight of the loss on differences of neighbouring pixels.
        waves: the same at half and at a quarter of the size, where curls are; 0 leaves it out.
        crisp: weight of the difference in how much fine detail each patch of 8 pixels holds; 0 leaves it out.
        perceptual: weight of the difference in what a factor network sees (--critic); 0 leaves it out.
        distil: weight of the mapping's loss on fresh latents, every other step.
        via_z: share of the pictures whose w comes from the mapping instead of the embedding.
        pixel: weight of the whole pixel loss.
        adversarial: weight of the discriminator's opinion; 0 leaves it out.
        matching: weight of the difference in what the discriminator's levels see of both.
        grained: weight of how much fine detail grained heads have where (grained.py); 0 leaves them out.
        noisy_every: draw heads with noise, and judge them, in one step of so many.
        told: share of the pictures whose features the discriminator is told.
        d_only: train the discriminator alone (to warm it up).
        r1: weight of the gradient penalty, in every 16th of the steps that judge.
        mixing: share of the batch whose styles are mixed; those have no drawn picture to match.
        stop: end after the next snapshot.
    """

    lr: float = 1e-3
    mapping_lr: float = 1.0
    embedding_lr: float = 1.0
    fine_lr: float = 1.0
    newest_lr: float = 1.0
    d_lr: float = 1e-3
    beta1: float = 0.9
    batch: int = 32
    ema: float = 0.998
    face: float = 4.0
    gradient: float = 1.5
    waves: float = 0.0
    crisp: float = 0.0
    perceptual: float = 0.0
    distil: float = 1.0
    via_z: float = 0.0
    pixel: float = 1.0
    adversarial: float = 0.0
    matching: float = 0.0
    grained: float = 0.0
    noisy_every: int = 1
    told: float = 0.7
    d_only: bool = False
    r1: float = 1.0
    mixing: float = 0.25
    stop: bool = False


def read_plan(path: Path) -> Plan:
    """The plan of a run; defaults where it says nothing."""
    told = json.loads(path.read_text()) if path.exists() else {}
    known = {field.name for field in fields(Plan)}
    if unknown := set(told) - known:
        raise SystemExit(
            f"{path.name} has an unknown entry: {sorted(unknown)[0]}. Known: {', '.join(sorted(known))}"
        )
    return Plan(**told)
