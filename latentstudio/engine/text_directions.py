"""A direction from two prompts: which style channels change the picture the way the words change.

Owns the statistics (for each style channel the way its change takes a picture in CLIP's space), their
memory on disk by the hashes of model and CLIP, and the choice of channels. Runs on the engine's thread.

Source: Patashnik et al., "StyleCLIP: Text-Driven Manipulation of StyleGAN Imagery", section 6 (global
directions: relevance of a channel, equation 8; threshold beta).
"""

from __future__ import annotations

from collections.abc import Generator as Iteration
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentstudio.array_cache import keep_arrays, kept_arrays
from latentstudio.document.recipe import ChannelEdit, Recipe
from latentstudio.engine.exploring import style_statistics
from latentstudio.engine.latents import resolve_inputs
from latentstudio.engine.requests import Job, JobSteps, Progress
from latentstudio.errors import InputError
from latentstudio.models.generator import Generator, Inputs, State
from latentstudio.settings import user_folders

if TYPE_CHECKING:
    from latentstudio.models.clip import Clip

# A channel is moved so far to either side, in sigma; less is drowned in what CLIP does not see.
PUSH = 5.0
SAMPLES, SAMPLE_PSI = 4, 0.7
BATCH = 16
CHANNELS = 40
# One sentence says too little about what it means; several ways to put it are averaged.
PHRASES = (
    "{}",
    "a photo of {}",
    "a picture of {}",
    "a drawing of {}",
    "a sculpture of {}",
    "a rendering of {}",
    "a close view of {}",
    "a bright photo of {}",
    "a dark photo of {}",
    "a blurred photo of {}",
)


@dataclass(frozen=True, eq=False)
class ChannelArrows:
    """What each style channel does, as CLIP sees it.

    Attributes:
        layers: for each channel the name of its layer.
        channels: for each its number in the layer.
        sigmas: float32, for each its deviation over samples.
        arrows: float32 (channels, shared): mean change of the picture's arrow.
        samples: how many pictures were looked at.
    """

    layers: tuple[str, ...]
    channels: NDArray[np.int64]
    sigmas: NDArray[np.float32]
    arrows: NDArray[np.float32]
    samples: int


def text_channels(
    known: ChannelArrows, clip: Clip, neutral: str, target: str, count: int = CHANNELS
) -> tuple[ChannelEdit, ...]:
    """The style channels that lead from one prompt to another.

    Args:
        known: statistics of the model.
        clip: the same CLIP that they were made with.
        neutral: what the pictures are, such as "a face".
        target: what they should be, such as "a smiling face".
        count: how many channels at most; the paper's threshold as a number.

    Returns:
        The most relevant first, with amounts of which the largest is 1 or -1; times a strength they are
        an edit.

    Raises:
        InputError: a prompt is empty, or the two mean the same.
    """
    with torch.inference_mode():
        way = (_meaning(clip, target) - _meaning(clip, neutral)).cpu().numpy()
    length = float(np.linalg.norm(way))
    if length < 1e-6:
        raise InputError("The two prompts mean the same: there is no way between them.")
    lengths = np.linalg.norm(known.arrows, axis=1, keepdims=True)
    relevance = (known.arrows / np.maximum(lengths, 1e-8)) @ (way / length)
    # A channel that CLIP hardly notices has an arrow of noise.
    relevance[lengths[:, 0] < 1e-4] = 0
    order = np.argsort(-np.abs(relevance), kind="stable")[: max(1, count)]
    largest = float(np.abs(relevance[order[0]]))
    if not largest:
        raise InputError("No style channel changes the pictures in a way that CLIP sees.")
    return tuple(
        ChannelEdit(
            known.layers[i],
            int(known.channels[i]),
            float(relevance[i] / largest),
            float(known.sigmas[i]),
        )
        for i in order
        if relevance[i]
    )


def text_direction_job(
    clip_path: str,
    neutral: str,
    target: str,
    *,
    words: str = "",
    samples: int = SAMPLES,
    count: int = CHANNELS,
) -> Job:
    """The channels of two prompts, see `text_channels`; measures the model first where that is to be done.

    Raises (as the job's failure):
        ModelNotFoundError: CLIP is not there.
        InputError: the model has no style channels, or a prompt does not serve.
    """

    def start(generator: Generator | None) -> JobSteps:
        if generator is None:
            raise InputError("No model is open.")
        return _job_steps(generator, clip_path, words, neutral, target, samples, count)

    return Job("Text direction", start, tag="text direction")


def _job_steps(
    generator: Generator, clip_path: str, words: str, neutral: str, target: str, samples: int, count: int
) -> JobSteps:
    from latentstudio.models.clip import load_clip

    yield Progress(0, 0, "Reading CLIP")
    clip = load_clip(clip_path, words or None).to(generator.device)
    known = yield from arrows_steps(generator, clip, samples)
    yield Progress(1, 1, "Comparing words")
    return text_channels(known, clip, neutral, target, count)


def arrows_steps(
    generator: Generator, clip: Clip, samples: int = SAMPLES
) -> Iteration[Progress, None, ChannelArrows]:
    """The statistics of a model: measured once, kept after every sample, read from then on.

    Raises:
        InputError: the model's style channels can't be moved one by one.
    """
    if not generator.has_style_edits:
        raise InputError(
            "Text directions move style channels, and this model has none that can be moved one by one.",
            "They work with the StyleGAN families.",
        )
    deviations = {layer: std for layer, (_, std) in style_statistics(generator).items()}
    layers = tuple(layer for layer, std in deviations.items() for _ in std)
    channels = np.concatenate([np.arange(len(std)) for std in deviations.values()])
    sigmas = np.concatenate(list(deviations.values())).astype(np.float32)
    path = _cache_path(generator, clip)
    total, done = _load(path, (len(layers), clip.sizes.shared))
    while done < samples:
        recipe = Recipe.from_seed(done, truncation_psi=SAMPLE_PSI)
        sample = np.zeros_like(total)
        for at, arrows in _pushed(generator, clip, recipe, deviations):
            sample[at : at + len(arrows)] = arrows
            yield Progress(
                done * len(layers) + at, samples * len(layers), "Looking at what each style channel does"
            )
        total, done = total + sample, done + 1
        _store(path, total, done)
    return ChannelArrows(layers, channels, sigmas, (total / done).astype(np.float32), done)


@torch.inference_mode()
def _pushed(
    generator: Generator, clip: Clip, recipe: Recipe, deviations: dict[str, NDArray[np.float32]]
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """For runs of channels (the first one's place) how the picture's arrow changes, half way both ways."""
    inputs = resolve_inputs(recipe, generator)
    names = [stage.name for stage in generator.stages]
    # The stages before a layer are the same for all its channels: they run once.
    states = [State()]
    generator.compute_dtype = torch.float32
    for index in range(len(names)):
        states.append(generator.run_stage(index, states[-1], inputs))
    at = 0
    for layer, std in deviations.items():
        index = names.index(layer)
        for first in range(0, len(std), BATCH):
            some = torch.arange(first, min(first + BATCH, len(std)))
            offsets = torch.zeros(2 * len(some), len(std), device=generator.device)
            push = PUSH * torch.from_numpy(std)[some].to(offsets)
            offsets[torch.arange(len(some)), some] = push
            offsets[len(some) + torch.arange(len(some)), some] = -push
            images = _picture(generator, states[index], index, inputs, {layer: offsets})
            arrows = clip.pictures(images)
            change = (arrows[: len(some)] - arrows[len(some) :]) / 2
            yield at + first, change.float().cpu().numpy()
        at += len(std)


def _picture(
    generator: Generator, state: State, first: int, inputs: Inputs, offsets: dict[str, Tensor]
) -> Tensor:
    """Pictures (N, C, H, W) in [-1, 1] from a state on, with N different offsets."""
    count = len(next(iter(offsets.values())))
    many = replace(inputs, ws=inputs.ws.expand(count, -1, -1), style_offsets=offsets)
    state = State(*(None if part is None else part.expand(count, -1, -1, -1).clone() for part in state))
    for index in range(first, len(generator.stages)):
        state = generator.run_stage(index, state, many)
    low, high = generator.img_range
    return (generator.image(state) - low) * (2 / (high - low)) - 1


def _meaning(clip: Clip, text: str) -> Tensor:
    if not text.strip():
        raise InputError("A prompt needs at least one word.")
    arrows = clip.sentences([phrase.format(text.strip()) for phrase in PHRASES])
    return torch.nn.functional.normalize(arrows.mean(0), dim=0)


def _cache_path(generator: Generator, clip: Clip) -> Path | None:
    """Where the sums are kept; None for networks that are in no file."""
    sha256 = generator.info.sha256
    if not sha256 or not clip.sha256:
        return None
    return user_folders().cache / "text" / sha256[:32] / f"{clip.sha256[:32]}-v1.npz"


def _load(path: Path | None, shape: tuple[int, int]) -> tuple[NDArray[np.float32], int]:
    """The sum over samples so far, and their number."""
    arrays = kept_arrays(path)
    if {"total", "samples"} <= arrays.keys():
        total, done = arrays["total"].astype(np.float32), int(arrays["samples"])
        if total.shape == shape and done > 0 and np.isfinite(total).all():
            return total, done
    return np.zeros(shape, np.float32), 0


def _store(path: Path | None, total: NDArray[np.float32], done: int) -> None:
    keep_arrays(path, {"total": total, "samples": np.int64(done)})
