"""Latents and scores of examples: what a direction of one's own is fitted to, as jobs.

Owns the way from recipes to latents and from pictures to scores; the fitting is in
`latent.boundaries`. Jobs that draw run on the engine's thread, the fit on a thread of its own.

Source: Shen et al., "Interpreting the Latent Space of GANs for Semantic Face Editing", section 3.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentstudio.document.recipe import Recipe
from latentstudio.engine.batches import in_batches
from latentstudio.engine.factors import factor_estimator
from latentstudio.engine.latents import class_tensor, resolve_ws
from latentstudio.engine.requests import Job, JobSteps, Progress
from latentstudio.errors import InputError
from latentstudio.latent.boundaries import Fit, extremes, fit_boundary
from latentstudio.latent.spaces import Z
from latentstudio.models.discriminators import load_discriminator
from latentstudio.models.generator import Generator

Array = NDArray[np.float32]
Score = Callable[[Array], Array]
Scorer = Callable[[Array, Tensor | None], Array]
LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
BATCH = 8
OTHERS = 256  # samples as they come: their spread is a slider's unit
CHUNK = 16
SMALLEST_PSI = 0.1


def brightness(pictures: Array) -> Array:
    """Mean luma (Rec. 709) of pictures (N, H, W, 3) in 0..1."""
    return np.asarray((pictures @ LUMA).mean((1, 2)), np.float32)


def warmth(pictures: Array) -> Array:
    """Mean of red minus blue."""
    return np.asarray((pictures[..., 0] - pictures[..., 2]).mean((1, 2)), np.float32)


def colourfulness(pictures: Array) -> Array:
    """Mean distance between a pixel's largest and smallest channel."""
    return np.asarray((pictures.max(3) - pictures.min(3)).mean((1, 2)), np.float32)


def contrast(pictures: Array) -> Array:
    """Standard deviation of luma."""
    return np.asarray((pictures @ LUMA).std((1, 2)), np.float32)


def symmetry(pictures: Array) -> Array:
    """How little a picture differs from its mirror image; 0 is the most symmetric."""
    return np.asarray(-np.abs(pictures - pictures[:, :, ::-1]).mean((1, 2, 3)), np.float32)


def detail(pictures: Array) -> Array:
    """Mean size of the steps between neighbouring pixels."""
    across = np.abs(np.diff(pictures, axis=2)).mean((1, 2, 3))
    return np.asarray(across + np.abs(np.diff(pictures, axis=1)).mean((1, 2, 3)), np.float32)


SCORES: dict[str, Score] = {
    "brightness": brightness,
    "warmth": warmth,
    "colourfulness": colourfulness,
    "contrast": contrast,
    "symmetry": symmetry,
    "detail": detail,
}


REALISM = "realism"  # by the discriminator in the model's own file


def scorer(generator: Generator, score: str) -> Scorer:
    """What gives the score of pictures (N, H, W, 3) in 0..1 with their classes (N, c_dim) or None.

    Raises:
        InputError: there is no such score, or the model lacks what it needs.
    """
    if score in SCORES:
        plain = SCORES[score]
        return lambda pictures, c: plain(pictures)
    if score == REALISM:
        return realism_score(generator)
    estimate = factor_estimator(generator)
    if estimate is None:
        raise InputError(f'There is no score "{score}".', f"Use one of {', '.join((*SCORES, REALISM))}.")

    def read(pictures: Array, c: Tensor | None) -> Array:
        found = estimate(pictures)
        if score not in found:
            raise InputError(f'There is no score "{score}".', f"Such as {', '.join(list(found)[:6])}.")
        return found[score]

    return read


def realism_score(generator: Generator) -> Scorer:
    """The discriminator's score of pictures (N, H, W, 3) in 0..1 with their classes (N, c_dim) or None.

    Raises:
        InputError: the model's file holds no discriminator that is known here.
    """
    judge = load_discriminator(generator.info.path)
    if judge is None or (judge.c_dim and judge.c_dim != generator.info.c_dim):
        raise InputError(
            "This model's file holds no discriminator that LatentStudio knows.",
            "Training checkpoints hold one; files for drawing alone do not. Choose another score.",
        )
    if (judge.resolution, judge.resolution) != generator.info.img_size:
        raise InputError("The discriminator in this file looks at pictures of another size.")

    @torch.inference_mode()
    def score(pictures: Array, c: Tensor | None) -> Array:
        images = torch.from_numpy(pictures.transpose(0, 3, 1, 2).copy()) * 2 - 1
        return np.asarray(judge(images[:, : judge.channels], c).numpy(), np.float32)

    return score


@dataclass(frozen=True)
class Scored:
    """Seeds with the highest and the lowest scores, and the fit between them.

    Attributes:
        top: seeds, the highest first.
        bottom: seeds, the lowest first.
        fit: from the lowest to the highest.
        space: "z" or "w".
    """

    top: tuple[int, ...]
    bottom: tuple[int, ...]
    fit: Fit
    space: str


def latents_job(recipes: Sequence[Recipe], tag: str) -> Job:
    """The rows (num_ws, w_dim) of recipes, such that truncating them gives the pictures, as a list."""

    def steps(generator: Generator) -> JobSteps:
        found = []
        for index, recipe in enumerate(recipes):
            if index % CHUNK == 0:
                yield Progress(index, len(recipes), "Looking at latents")
            with torch.inference_mode():
                found.append(_before_truncation(recipe, generator))
        return found

    return _job("Latents of the examples", tag, steps)


def _before_truncation(recipe: Recipe, generator: Generator) -> Array:
    """The rows that truncation makes the recipe's: sliders in w, which act after it, are in them."""
    open_recipe = recipe.changed(truncation_psi=1.0, truncation_curve=(), truncation_center=None)
    bare = tuple(e for e in recipe.directions if e.direction.space == Z)
    start = resolve_ws(open_recipe.changed(directions=bare), generator)
    step = resolve_ws(open_recipe, generator) - start
    info = generator.info
    psi = np.full(info.num_ws, recipe.truncation_psi, np.float32)
    curve = recipe.truncation_curve[: info.num_ws]
    psi[: len(curve)] = curve
    if recipe.truncation_cutoff is not None:
        psi[recipe.truncation_cutoff :] = 1
    if info.truncates_in_synthesis:
        psi[:] = 1
    # Near the mean picture nothing of a start is left; what a slider did there can't be undone.
    psi[np.abs(psi) < SMALLEST_PSI] = 1
    return start + step / psi[:, None]


def fit_job(has: Array, has_not: Array, everybody: Array, method: str, tag: str) -> Job:
    """Fit a boundary on a thread of its own; the value is a `Fit`.

    Args:
        has: (n, dim) latents that have it.
        has_not: (m, dim) latents that have it not.
        everybody: (k, dim) latents as they come, whose spread is the slider's unit.
        method: see `fit_boundary`.
        tag: comes back with the events.
    """

    def start(_: Generator | None) -> JobSteps:
        yield Progress(0, 0, "Fitting")
        return _in_sigma(fit_boundary(has, has_not, method), everybody)

    return Job(f"Fitting, {method}", start, on_engine=False, tag=tag)


def score_job(
    recipe: Recipe, score: str, tag: str, samples: int = 1000, share: float = 0.02, space: str = "w"
) -> Job:
    """Draw the seeds 0 to samples - 1, score them, fit between the extremes; the value is a `Scored`.

    Args:
        recipe: class and truncation of the pictures.
        score: one of `SCORES`, "realism", or what the model's estimator of factors reads (`engine.factors`).
        tag: comes back with the events.
        samples: how many seeds.
        share: part at each end that counts as an example.
        space: "z" or "w", where the direction shall live.
    """

    def steps(generator: Generator) -> JobSteps:
        judge = scorer(generator, score)
        c = class_tensor(recipe, generator)
        scores = np.zeros(samples, np.float32)
        latents: list[Array] = []
        for begin in range(0, samples, BATCH):
            yield Progress(begin, samples, "Drawing samples")
            seeds = range(begin, min(begin + BATCH, samples))
            z = np.stack([recipe.seeded(seed).z(generator.info.z_dim) for seed in seeds])
            for ws, pictures in in_batches(len(z), BATCH, partial(_drawn, generator, recipe, z)):
                done = len(latents)
                classes = None if c is None else c.expand(len(ws), -1)
                scores[done : done + len(ws)] = judge(pictures, classes)
                latents.extend(z[done - begin :][: len(ws)] if space == Z else ws)
        yield Progress(samples, samples, "Fitting")
        top, bottom = extremes(scores, share)
        stacked = np.stack(latents)
        fit = _in_sigma(fit_boundary(stacked[top], stacked[bottom]), stacked)
        return Scored(tuple(map(int, top)), tuple(map(int, bottom)), fit, space)

    return _job(f"{score.capitalize()} of {samples:,} samples", tag, steps)


def _in_sigma(fit: Fit, everybody: Array) -> Fit:
    """The fit with the spread of all samples as its unit: that of two extremes says little."""
    spread = float((everybody @ fit.normal).std())
    return replace(fit, sigma=spread) if spread > 0 else fit


@torch.inference_mode()
def _drawn(generator: Generator, recipe: Recipe, all_z: Array, part: slice) -> tuple[Array, Array]:
    """The w (N, w_dim) and pictures (N, H, W, 3) in 0..1 of a part of all z (M, z_dim)."""
    z = all_z[part]
    generator.compute_dtype = torch.float32
    c = class_tensor(recipe, generator)
    ws = generator.mapping(torch.from_numpy(z), None if c is None else c.expand(len(z), -1))
    cut = generator.truncate(ws, recipe.truncation_psi, recipe.truncation_cutoff)
    levels = generator.to_uint8(generator.synthesis(cut)).permute(0, 2, 3, 1).cpu().numpy()
    colours = levels[..., :3] if levels.shape[3] >= 3 else levels[..., :1].repeat(3, 3)
    return ws[:, 0].float().cpu().numpy(), (colours / 255).astype(np.float32)


def seeds_as_recipes(recipe: Recipe, seeds: Sequence[int]) -> list[Recipe]:
    """The bare starts of seeds, in the recipe's class."""
    bare = Recipe(model=recipe.model, classes=recipe.classes)
    return [bare.changed(sources=(recipe.seeded(seed),)) for seed in seeds]


def _job(title: str, tag: str, steps: Callable[[Generator], JobSteps]) -> Job:
    def start(generator: Generator | None) -> JobSteps:
        if generator is None:
            raise InputError("No model is open.")
        return steps(generator)

    return Job(title, start, tag=tag)
