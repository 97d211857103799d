"""What a map of latents is made of: the latents of many samples, their embedding, their measured factors.

Owns the jobs; places on a plane and what shows at which scale are `latent.map_layout`'s. Latents and
factors are found on the engine's thread, the embedding on a thread of its own.

Source: van der Maaten and Hinton, "Visualizing Data using t-SNE"; scikit-learn's Barnes-Hut form of it.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from latentstudio.document.map_moves import sample_recipe
from latentstudio.document.recipe import Recipe
from latentstudio.engine.examples import REALISM, SCORES, realism_score
from latentstudio.engine.factors import factor_estimator
from latentstudio.engine.latents import resolve_ws
from latentstudio.engine.requests import Job, JobSteps, Progress
from latentstudio.errors import InputError
from latentstudio.latent.sampling import class_vector
from latentstudio.latent.spaces import W, Z
from latentstudio.models.generator import Generator

Array = NDArray[np.float32]
LATENT_BATCH = 256
PICTURE_BATCH = 8
ROUNDS, ROUND_STEPS = 3, 250  # of the embedding; between two a person may stop it
PERPLEXITY = 30.0
DIMENSIONS = 50  # the embedding looks at so many principal components
MOST_SAMPLES = 20_000


@dataclass(frozen=True, eq=False)
class MapLatents:
    """The latents of samples 0 to N - 1, whose seeds are their numbers.

    Attributes:
        space: "w" or "z".
        latents: float32 (N, dim), before truncation.
        classes: how many classes the samples go through in turn; 0 where they have one class, or none.
        mean: float32 (num_ws, w_dim), what truncation moves toward.
        center: float32 (dim,), the middle of the space, the map's origin.
    """

    space: str
    latents: Array
    classes: int
    mean: Array
    center: Array


def map_latents_job(recipe: Recipe, samples: int, space: str, tag: str, *, all_classes: bool = True) -> Job:
    """The latents of many samples; its value is a `MapLatents`.

    Args:
        recipe: its class, and how its seeds are drawn.
        samples: how many, from seed 0 on.
        space: "w" or "z".
        tag: comes back with the events.
        all_classes: go through all classes of a conditional model in turn.
    """
    if not 2 <= samples <= MOST_SAMPLES:
        raise InputError(f"A map shows from 2 to {MOST_SAMPLES:,} samples, not {samples:,}.")
    if space not in (W, Z):
        raise InputError(f'There is no map of "{space}".', "Use w or z.")

    def start(generator: Generator | None) -> JobSteps:
        if generator is None:
            raise InputError("No model is open.")
        return _latents(generator, recipe, samples, space, all_classes)

    return Job(f"Map of {samples:,} samples", start, tag=tag)


def _latents(generator: Generator, recipe: Recipe, samples: int, space: str, all_classes: bool) -> JobSteps:
    info = generator.info
    classes = info.c_dim if all_classes else 0
    z = np.empty((samples, info.z_dim), np.float32)
    found = z if space == Z else np.empty((samples, info.w_dim), np.float32)
    for begin in range(0, samples, LATENT_BATCH):
        yield Progress(begin, samples, "Finding latents")
        end = min(begin + LATENT_BATCH, samples)
        for index in range(begin, end):
            z[index] = recipe.seeded(index).z(info.z_dim)
        if space == W:
            with torch.inference_mode():
                c = _classes(recipe, generator, range(begin, end), classes)
                # The mean of the rows: where layers read parts of z, no single row says it all.
                ws = generator.mapping(torch.from_numpy(z[begin:end]), c)
                found[begin:end] = ws.mean(1).cpu().numpy()
    mean = generator.mean_latent.expand(info.num_ws, -1).float().cpu().numpy()
    # The model's own middle, not the samples': a place means the same however many there are.
    center = mean.mean(0) if space == W else np.zeros(info.z_dim)
    return MapLatents(space, found, classes, np.array(mean), np.asarray(center, np.float32))


def _classes(recipe: Recipe, generator: Generator, numbers: range, classes: int) -> torch.Tensor | None:
    c_dim = generator.info.c_dim
    if not c_dim:
        return None
    own = recipe.classes or ((0, 1.0),)
    rows = [class_vector(((i % classes, 1.0),) if classes else own, c_dim) for i in numbers]
    return torch.from_numpy(np.stack(rows)).to(generator.device)


def embedding_job(latents: Array, tag: str, seed: int = 0) -> Job:
    """A t-SNE embedding, float32 (N, 2), scaled to a spread of 1; progress carries the one so far.

    Runs on a thread of its own and can be stopped between its rounds.
    """

    def start(_: Generator | None) -> JobSteps:
        from sklearn.decomposition import PCA
        from sklearn.manifold import TSNE

        count = len(latents)
        if count < 8:
            raise InputError("A map by likeness needs at least eight samples.")
        yield Progress(0, ROUNDS, "Comparing latents")
        keep = min(DIMENSIONS, latents.shape[1], count - 1)
        reduced = PCA(keep, random_state=seed).fit_transform(latents.astype(np.float64)).astype(np.float32)
        placed = reduced[:, :2] / max(float(reduced[:, 0].std()), 1e-9) * 1e-4
        for number in range(ROUNDS):
            # The first round pulls what is alike together, as the method's authors do; the others settle.
            pull = 12.0 if number == 0 else 1.0
            method = TSNE(
                2,
                perplexity=min(PERPLEXITY, (count - 1) / 3),
                early_exaggeration=pull,
                learning_rate=max(count / 48, 50.0),
                max_iter=ROUND_STEPS,
                init=placed,
                random_state=seed,
                n_jobs=1,
            )
            placed = method.fit_transform(reduced)
            yield Progress(number + 1, ROUNDS, "Arranging by likeness", _unit(placed))
        return _unit(placed)

    return Job(f"Arranging {len(latents):,} samples", start, on_engine=False, tag=tag)


def _unit(placed: Array) -> Array:
    centered = placed - placed.mean(0)
    return np.asarray(centered / max(float(centered.std()), 1e-12), np.float32)


def map_factors_job(recipe: Recipe, samples: int, classes: int, tag: str) -> Job:
    """Every score for samples 0 to N - 1; its value is {score: float32 (N,)}.

    Without "realism" where the model's file holds no discriminator; with what the model's estimator of
    factors reads, where it has one.

    The pictures are drawn in batches; progress carries what is known so far, NaN where it is not.
    """

    def start(generator: Generator | None) -> JobSteps:
        if generator is None:
            raise InputError("No model is open.")
        return _factors(generator, recipe, samples, classes)

    return Job(f"Measuring {samples:,} samples", start, tag=tag)


def _factors(generator: Generator, recipe: Recipe, samples: int, classes: int) -> JobSteps:
    values = {name: np.full(samples, np.nan, np.float32) for name in SCORES}
    judge, estimate = None, factor_estimator(generator)
    with contextlib.suppress(InputError):
        judge = realism_score(generator)
        values[REALISM] = np.full(samples, np.nan, np.float32)
    for begin in range(0, samples, PICTURE_BATCH):
        yield Progress(begin, samples, "Drawing samples", values if begin % 64 == 0 and begin else None)
        numbers = range(begin, min(begin + PICTURE_BATCH, samples))
        with torch.inference_mode():
            generator.compute_dtype = torch.float32
            ws = np.stack([resolve_ws(sample_recipe(recipe, i, classes), generator) for i in numbers])
            drawn = generator.synthesis(torch.from_numpy(ws), truncation_psi=recipe.truncation_psi)
            levels = generator.to_uint8(drawn).permute(0, 2, 3, 1).cpu().numpy()
        colours = levels[..., :3] if levels.shape[3] >= 3 else levels[..., :1].repeat(3, 3)
        pictures = (colours / 255).astype(np.float32)
        found = {name: score(pictures) for name, score in SCORES.items()}
        if estimate is not None:
            found |= estimate(pictures)
        for name, scores in found.items():
            kept = values.setdefault(name, np.full(samples, np.nan, np.float32))
            kept[begin : begin + len(numbers)] = scores
        if judge is not None:
            c = _classes(recipe, generator, numbers, classes)
            values[REALISM][begin : begin + len(numbers)] = judge(pictures, c)
    return values
