"""Pivotal tuning: when the latent is found, the generator's own weights move the last bit.

Owns the loop; the result's weights are rounded as their file rounds them before the picture is drawn.
Works on a copy, so that previews of the untouched generator go on meanwhile. One thread at a time.

Source: Roich et al., "Pivotal Tuning for Latent-based Editing of Real Images", equations 2 and 3
(without the locality term, which the published code leaves off too).
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator as Iteration
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from latentstudio.inversion.adam import Adam
from latentstudio.inversion.distance import make_distance
from latentstudio.inversion.options import ProjectionOptions
from latentstudio.inversion.pictures import (
    as_pixels,
    exact_picture,
    mask_tensor,
    nominal,
    target_tensor,
)
from latentstudio.inversion.projection import Control, Floats, Projection, ProjectionProgress
from latentstudio.inversion.synthesis import gradients, rungs
from latentstudio.inversion.target import Target
from latentstudio.inversion.tuning_store import keep_tuning
from latentstudio.models.generator import Generator, Inputs
from latentstudio.models.tuning import SUFFIX, Tuning, copied, rounded, tuned

# Squared pixel differences count as much as the distance, as published.
PIXEL_WEIGHT = 1.0
PATIENCE_S = 0.2
# Shares of the steps over which the rate rises and falls.
RISE, FALL = 0.1, 0.25

Steps = Iteration[ProjectionProgress, None, Projection]


def tune(
    generator: Generator,
    target: Target,
    pivot: Projection,
    options: ProjectionOptions,
    control: Control | None = None,
) -> Steps:
    """Tune a copy of the generator so that a projection's latent draws its photograph.

    Args:
        generator: stays as it is.
        target: the photograph.
        pivot: its projection; latent and noise stay.
        options: `tune_steps`, `tune_rate`, `tune_stop`, and the distance.
        control: lets another thread stop early and keep what was reached.

    Yields:
        progress; the returned value is the projection with its tuning, which is in the store.

    Raises:
        SaveError: the tuning could not be stored.
    """
    started, control = time.perf_counter(), control or Control()
    twin = copied(generator).requires_grad_(True)
    twin.compute_dtype = torch.float32
    images = target_tensor(generator, [target])
    mask = mask_tensor(generator, [target]) if options.use_mask else None
    distance = make_distance(options.distance, generator, dict(options.weights), vgg_path=options.vgg_path)
    prepared = distance.prepare(images, mask)
    pixels = make_distance("pixel", generator).prepare(images, mask)
    named = dict(twin.named_parameters())
    adam = Adam(list(named.values()))
    rung = rungs(twin)[-1]
    ws = torch.from_numpy(np.array(pivot.ws))[None].to(generator.device)
    noise = {
        i: torch.from_numpy(np.array(values))[None, None].to(generator.device)
        for i, values in enumerate(pivot.noise)
    }
    history: list[dict[str, Floats]] = []
    shown = max(1, options.preview_every)

    def progress(image: Tensor | None = None) -> ProjectionProgress:
        return ProjectionProgress(
            len(history),
            options.tune_steps,
            history[-1] if history else {},
            None if image is None else as_pixels(image, generator.info.img_size),
            "Tuning the generator",
            (0, 1),
        )

    def loss_of(image: Tensor) -> Tensor:
        terms = prepared.terms(image)
        history.append({name: value.detach().cpu().numpy() for name, value in terms.items()})
        return torch.stack(list(terms.values())).sum() + PIXEL_WEIGHT * pixels(image).sum()

    for step in range(options.tune_steps):
        told = time.perf_counter()
        passing = gradients(twin, Inputs(ws, "const", noise), rung, loss_of)
        while True:
            try:
                next(passing)
            except StopIteration as end:
                image: Tensor = end.value
                break
            if time.perf_counter() - told > PATIENCE_S:
                yield progress()
                told = time.perf_counter()
        reached = float(sum(values.sum() for values in history[-1].values()))
        if control.stops or reached <= options.tune_stop * pivot.distance:
            break
        adam.step(options.tune_rate * _ramp(step, options.tune_steps))
        due = options.preview_every and (step + 1) % shown == 0
        yield progress(image if due else None)
    before = dict(generator.named_parameters())
    deltas = {
        name: (parameter - before[name]).detach().cpu().numpy().astype(np.float32)
        for name, parameter in named.items()
    }
    del twin, adam, named
    tuning = rounded(
        Tuning({name: delta for name, delta in deltas.items() if delta.any()}, generator.info.sha256)
    )
    final = tuned(generator, tuning)
    image, drawn = exact_picture(final, pivot.ws, pivot.noise)
    with torch.no_grad():
        reached = float(prepared(nominal(generator, image)))
    names = history[0] if history else {}
    terms = {name: np.array([row[name][0] for row in history], np.float32) for name in names}
    if reached >= pivot.distance:
        # Too large a rate leads away; then the pivot is the better picture.
        return replace(pivot, options=options, seconds=pivot.seconds + time.perf_counter() - started)
    total = np.zeros(len(history), np.float32)
    for values in terms.values():
        total += values
    reference = keep_tuning(tuning, (target.name or "picture") + SUFFIX)
    return replace(
        pivot,
        image=drawn,
        distance=reached,
        curve=np.concatenate([pivot.curve, total]),
        terms={
            name: np.concatenate([values, terms.get(name, np.zeros(len(history), np.float32))])
            for name, values in pivot.terms.items()
        },
        tuning=reference,
        seconds=pivot.seconds + time.perf_counter() - started,
        options=options,
        checkpoint=None,
    )


def _ramp(step: int, steps: int) -> float:
    """The share of the rate in a step: a short rise, as Adam's first steps are its wildest; a fall."""
    rise = min(1.0, (step + 1) / max(1.0, RISE * steps))
    fall = min(1.0, (1 - step / steps) / FALL)
    return rise * (0.5 - 0.5 * math.cos(math.pi * fall))
