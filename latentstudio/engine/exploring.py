"""What a generator does with a picture, looked at closely: jobs for the exploring panels.

Owns mixing grids, the spread over noise draws, heat maps of an edit, feature maps of a stage, the
statistics of style channels and the search for the channel that moves a region. Runs on the engine's
thread; every picture is drawn by the same renderer as the canvas.

Sources: Karras et al., "A Style-Based Generator Architecture for GANs", figures 3 to 5 (mixing, noise);
Wu et al., "StyleSpace Analysis", section 4 (channels that act locally).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from latentstudio.document.recipe import ChannelEdit, Noise, NoiseLayer, Recipe, Source, StyleMix
from latentstudio.engine.batches import BatchRenderer
from latentstudio.engine.discovery import sample_w
from latentstudio.engine.latents import resolve_inputs
from latentstudio.engine.render import Pixels, Renderer, feature_edits_by_stage, scaled_features
from latentstudio.engine.requests import Job, JobSteps, Progress
from latentstudio.errors import InputError
from latentstudio.models.generator import Generator, State

FloatMap = NDArray[np.float32]
STYLE_SAMPLES = 2000
TILE_PX = 64
SIGN_DRAWS = 4
# Work shorter than this passes without a word: a status line that flickers tells nothing.
SILENT_S = 0.25


@dataclass(frozen=True)
class FeatureMaps:
    """What one stage leaves.

    Attributes:
        stage: its name.
        maps: float32 (channels, H, W).
        mean: float32 (channels,).
        std: float32 (channels,).
        tiles: uint8 (channels, h, w), at most TILE_PX high and wide: each map made small and stretched
            from its 1st to its 99th percentile, since a few outliers would leave the rest grey.
    """

    stage: str
    maps: FloatMap
    mean: FloatMap
    std: FloatMap
    tiles: Pixels


@dataclass(frozen=True)
class ChannelScore:
    """How one style channel acts on a region.

    Attributes:
        edit: the channel with its sigma, amount 1.
        ratio: mean change inside the region over mean change outside.
        inside: mean change inside, in levels of 255.
    """

    edit: ChannelEdit
    ratio: float
    inside: float


def mixing_recipes(
    base: Recipe, rows: Sequence[Source], columns: Sequence[Source], layers: Iterable[int]
) -> list[list[Recipe]]:
    """The recipes of a mixing grid: row r's picture with column c's styles in `layers`."""
    chosen = list(layers)
    return [
        [base.changed(sources=(row,), mixing=(StyleMix.of_rows(column, chosen),)) for column in columns]
        for row in rows
    ]


def pictures_job(recipes: Sequence[Recipe], title: str = "Drawing pictures", tag: str = "pictures") -> Job:
    """Draw many recipes; each progress carries (index, pixels), the value is the list of pixels."""

    def steps(generator: Generator) -> JobSteps:
        pictures: list[Pixels] = []
        drawn = BatchRenderer(Renderer(generator, 256 << 20)).pictures(recipes)
        for index, picture in enumerate(drawn):
            pictures.append(picture)
            yield Progress(index + 1, len(recipes), title, (index, pictures[-1]))
        return pictures

    return _job(title, tag, steps)


def noise_spread_job(recipe: Recipe, draws: int = 32) -> Job:
    """Standard deviation of the picture over noise draws: float32 (H, W), in levels of 255.

    Raises (as the job's failure):
        InputError: the model has no noise.
    """

    def steps(generator: Generator) -> JobSteps:
        if not generator.info.has_noise:
            raise InputError("This model has no noise inputs.")
        renderer = Renderer(generator, 256 << 20)
        total = squares = np.zeros(1)
        for draw in range(draws):
            noise = Noise("random", draw, recipe.noise.layers)
            picture = renderer.frame(recipe.changed(noise=noise)).image.astype(np.float64)
            total, squares = total + picture, squares + picture**2
            yield Progress(draw + 1, draws, "Drawing noise")
        variance = squares / draws - (total / draws) ** 2
        return np.sqrt(np.maximum(variance, 0)).mean(2).astype(np.float32)

    return _job(f"Spread over {draws} noise draws", "noise spread", steps)


def noise_panels(recipe: Recipe, noise_rows: Sequence[tuple[int, int]], fine_from_px: int) -> list[Recipe]:
    """The published figure's four panels: all noise, none, fine layers only, coarse layers only.

    Args:
        recipe: the picture.
        noise_rows: (height, width) of each noise input, in order.
        fine_from_px: size from which a layer counts as fine.
    """
    fine = [max(shape) >= fine_from_px for shape in noise_rows]

    def without(hidden: Callable[[bool], bool]) -> Noise:
        layers = tuple(NoiseLayer(i, mode="none") for i, is_fine in enumerate(fine) if hidden(is_fine))
        return Noise("const", 0, layers)

    panels = (
        Noise("const"),
        Noise("none"),
        without(lambda is_fine: not is_fine),
        without(lambda is_fine: is_fine),
    )
    return [recipe.changed(noise=noise) for noise in panels]


def heat_map_job(before: Recipe, after: Recipe) -> Job:
    """Where a picture changes between two recipes: float32 (H, W), mean absolute levels of 255."""

    def steps(generator: Generator) -> JobSteps:
        renderer = Renderer(generator, 256 << 20)
        first = renderer.frame(before).image.astype(np.float32)
        yield Progress(1, 2, "Comparing")
        second = renderer.frame(after).image.astype(np.float32)
        return np.abs(second - first).mean(2)

    return _job("Heat map", "heat map", steps)


def feature_maps_job(recipe: Recipe, stage: str) -> Job:
    """The feature maps that a stage leaves, as `FeatureMaps`."""

    def steps(generator: Generator) -> JobSteps:
        names = [info.name for info in generator.stages]
        if stage not in names:
            raise InputError(f'This model has no stage "{stage}".')
        edits, state = feature_edits_by_stage(recipe, generator), State()
        started = time.monotonic()
        for index in range(names.index(stage) + 1):
            # Entered anew for each step: between two steps the thread does other things.
            with torch.inference_mode():
                generator.compute_dtype = torch.float32
                inputs = resolve_inputs(recipe, generator)
                state = generator.run_stage(index, state, inputs)
                if names[index] in edits:
                    state = scaled_features(state, edits[names[index]])
            if time.monotonic() - started > SILENT_S:
                yield Progress(index + 1, names.index(stage) + 1, "Running stages")
        x = state.x if state.x is not None else state.img
        assert x is not None
        maps = np.ascontiguousarray(x[0].float().cpu().numpy())
        maps = maps.reshape(*maps.shape, *(1,) * (3 - maps.ndim))
        flat = maps.reshape(len(maps), -1)
        return FeatureMaps(stage, maps, flat.mean(1), flat.std(1), _tiles(maps))

    return _job(f"Feature maps of {stage}", "feature maps", steps)


def _tiles(maps: FloatMap) -> Pixels:
    """Small stretched pictures of maps (channels, H, W)."""
    step = max(1, -(-max(maps.shape[1:]) // TILE_PX))
    if step > 1:
        small = torch.nn.functional.avg_pool2d(torch.from_numpy(maps)[None], step, ceil_mode=True)[0]
        maps = small.numpy()
    flat = maps.reshape(len(maps), -1)
    # Maps of a single number are compared with one another: alone each would be flat.
    among = flat if flat.shape[1] > 1 else np.broadcast_to(flat.T, (len(flat), len(flat)))
    low, high = np.percentile(among, 1, axis=1), np.percentile(among, 99, axis=1)
    # A flat map is middle grey, whatever its level; so is one that holds no number.
    spread = np.where(high > low, high - low, 1)
    levels = (flat - np.where(high > low, low, low - 0.5)[:, None]) / spread[:, None]
    return (np.nan_to_num(levels, nan=0.5).clip(0, 1) * 255).astype(np.uint8).reshape(maps.shape)


def style_statistics_job(samples: int = STYLE_SAMPLES) -> Job:
    """Mean and standard deviation of every style channel: {layer: (mean, std)}, each (style_dim,).

    Empty where the model's style channels can't be moved one by one.
    """

    def steps(generator: Generator) -> JobSteps:
        if not generator.has_style_edits:
            return {}
        yield Progress(0, 1, "Looking at styles")
        return style_statistics(generator, samples)

    return _job("Statistics of styles", "style statistics", steps)


def style_statistics(
    generator: Generator, samples: int = STYLE_SAMPLES
) -> dict[str, tuple[FloatMap, FloatMap]]:
    """Mean and standard deviation of every style channel over samples of w.

    The affine's bias moves the mean but not the deviation; the mean here is without it.
    """
    w = torch.from_numpy(sample_w(generator, samples, np.random.RandomState(0)))
    statistics = {}
    for style in generator.style_weights():
        s = w @ style.weight.float().cpu().t()
        statistics[style.layer] = (s.mean(0).numpy(), s.std(0).numpy())
    return statistics


def channel_search_job(recipe: Recipe, region: NDArray[np.bool_], candidates: int = 64) -> Job:
    """The style channels that change a region most and the rest least, as a list of `ChannelScore`.

    The picture's gradient picks the candidates, a real edit of one sigma scores each.

    Args:
        recipe: the picture.
        region: bool (H, W), the picture's size.
        candidates: how many channels are tried.
    """

    def steps(generator: Generator) -> JobSteps:
        if not generator.has_style_edits:
            raise InputError("This model's style channels can't be moved one by one.")
        if region.shape != generator.info.img_size:
            raise InputError(f"The region has shape {region.shape}, the picture {generator.info.img_size}.")
        if not region.any() or region.all():
            raise InputError("Mark a part of the picture, not nothing and not all of it.")
        yield Progress(0, 0, "Ranking channels")
        deviations = {layer: std for layer, (_, std) in style_statistics(generator).items()}
        ranked: list[tuple[str, int]] = []
        for look, found in enumerate(_rank_channels(generator, recipe, region, deviations)):
            ranked = found[:candidates]
            yield Progress(look, 2 * SIGN_DRAWS, "Ranking channels")
        renderer = Renderer(generator, 256 << 20)
        before = renderer.frame(recipe).image.astype(np.float32)
        scores: list[ChannelScore] = []
        for done, (layer, channel) in enumerate(ranked):
            edit = ChannelEdit(layer, channel, 1.0, float(deviations[layer][channel]))
            moved = ChannelEdit(layer, channel, 3.0, edit.sigma)
            after = renderer.frame(recipe.changed(channels=(*recipe.channels, moved))).image
            change = np.abs(after.astype(np.float32) - before).mean(2)
            inside, outside = float(change[region].mean()), float(change[~region].mean())
            scores.append(ChannelScore(edit, inside / (outside + 0.1), inside))
            yield Progress(done + 1, len(ranked), "Trying channels")
        return sorted(scores, key=lambda s: s.ratio * min(s.inside, 4.0), reverse=True)

    return _job("Searching for channels", "channel search", steps)


def _rank_channels(
    generator: Generator, recipe: Recipe, region: NDArray[np.bool_], deviations: dict[str, FloatMap]
) -> Iterator[list[tuple[str, int]]]:
    """Channels by how much one sigma moves the region against the rest, to first order.

    Yields an empty list after each look at the gradients, so that pictures may go first; the ranking last.
    """
    inside = torch.from_numpy(region).to(generator.device)
    random = torch.Generator().manual_seed(0)
    strengths = []
    for mask in (inside, ~inside):
        # Random signs turn the sum of gradients into an estimate of their size, not of their mean.
        total = {layer: np.zeros(len(std)) for layer, std in deviations.items()}
        for _ in range(SIGN_DRAWS):
            for layer, gradient in _style_gradients(generator, recipe, mask, deviations, random).items():
                total[layer] += gradient**2
            yield []
        strengths.append({layer: np.sqrt(squares) for layer, squares in total.items()})
    scored: list[tuple[float, str, int]] = []
    for layer, std in deviations.items():
        ratio = strengths[0][layer] / (strengths[1][layer] + 1e-8)
        strength = strengths[0][layer] * std
        scored.extend(
            (float(r * s), layer, channel) for channel, (r, s) in enumerate(zip(ratio, strength, strict=True))
        )
    scored.sort(reverse=True)
    yield [(layer, channel) for _, layer, channel in scored]


def _style_gradients(
    generator: Generator,
    recipe: Recipe,
    mask: torch.Tensor,
    deviations: dict[str, FloatMap],
    random: torch.Generator,
) -> dict[str, FloatMap]:
    """Gradient of a randomly signed mean of the masked picture, by layer: (style_dim,)."""
    generator.compute_dtype = torch.float32
    with torch.inference_mode(False), torch.enable_grad():
        offsets = {
            layer: torch.zeros(len(std), device=generator.device, requires_grad=True)
            for layer, std in deviations.items()
        }
        inputs = resolve_inputs(recipe.changed(channels=()), generator)
        bundle = replace(
            inputs,
            ws=inputs.ws.clone(),
            noise_maps={index: m.clone() for index, m in inputs.noise_maps.items()},
            style_offsets=offsets,
        )
        state = State()
        for index in range(len(generator.stages)):
            state = generator.run_stage(index, state, bundle)
        picture = generator.image(state)[0]
        signs = torch.randn(picture.shape, generator=random).to(picture.device)
        total = (picture * signs * mask).sum() / mask.sum()
        found = torch.autograd.grad(total, list(offsets.values()), allow_unused=True)
    return {
        layer: gradient.cpu().numpy()
        for layer, gradient in zip(offsets, found, strict=True)
        if gradient is not None
    }


def _job(title: str, tag: str, steps: Callable[[Generator], JobSteps]) -> Job:
    def start(generator: Generator | None) -> JobSteps:
        if generator is None:
            raise InputError("No model is open.")
        return steps(generator)

    return Job(title, start, tag=tag)
