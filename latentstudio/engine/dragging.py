"""Dragging points of the picture: the latent moves until what was under the handles is at the targets.

Owns the optimisation (motion supervision, then point tracking, in W+ on the first rows) and the job
around it. Works on any family, through the stages alone. One thread at a time per generator.

Four things differ from the paper. A patch is moved by the mean of what it looks like now and of what it
looked like at first: by the one alone it slides off what it held (of 16 heads turned by their noses 3 ended
more than 3 pixels of 64 off), by the other alone a large picture comes to rest before the handle is seen to
have moved. For pictures much smaller than its 512 pixels lengths follow the
size of the picture down to a least one, and a handle is recognised by the patch around it, not by one
feature alone, which on smooth skin is like its neighbours. And Adam sees gradients of one length with an
epsilon beside it.

Source: Pan et al., "Drag Your GAN: Interactive Point-based Manipulation on the Generative Image
Manifold", section 3.2, equations 1 and 2.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from latentstudio.document.dragging import (
    DragOptions,
    DragPoint,
    Point,
    check_points,
    drag_name,
    with_drag,
)
from latentstudio.document.recipe import Recipe
from latentstudio.engine.discovery import sample_w
from latentstudio.engine.latents import resolve_inputs
from latentstudio.engine.local_blending import regions_of, run_joined
from latentstudio.engine.masks import fitted_mask
from latentstudio.engine.render import check_model, feature_edits_by_stage, scaled_features
from latentstudio.engine.requests import Job, JobSteps, Progress
from latentstudio.errors import InputError
from latentstudio.inversion.tuning_store import load_tuning
from latentstudio.models.generator import Generator, Inputs, State
from latentstudio.models.tuning import tuned

# The paper's lengths are pixels of its pictures of 512: patch, search, and the step a patch is asked for.
PAPER_SIDE, PATCH, SEARCH, STRIDE = 512, 3.0, 12.0, 1.0
# In small pictures they would fall below what features can tell apart.
LEAST_PATCH, LEAST_SEARCH, LEAST_STRIDE = 2.5, 3.0, 0.5
SPREAD_SAMPLES = 512
USUAL_SIDE = 128
FIRST_SHARE = 0.5  # of a patch's first looks in what moves it
# Beside gradients of mean square 1: what hardly matters to the points hardly moves. With a tiny one, as
# is usual, Adam moves all numbers of the latent alike, and the rest of the picture drifts.
ADAM_EPSILON = 1.0


@dataclass(frozen=True)
class DragStep:
    """Where a drag is after a step.

    Attributes:
        recipe: the picture at this moment.
        handles: where the handles are now, (x, y) in pixels.
        distance: the farthest handle's way to its target, in pixels.
        step: number of steps done.
        arrived: whether all handles are near their targets.
    """

    recipe: Recipe
    handles: tuple[Point, ...]
    distance: float
    step: int
    arrived: bool


class PointDrag:
    """One drag under way.

    Args:
        generator: whose picture.
        recipe: where it starts: any recipe.
        points: what goes where.
        options: how.

    Raises:
        InputError: a point is outside, or the options name a stage that is not there.
    """

    def __init__(
        self,
        generator: Generator,
        recipe: Recipe,
        points: Sequence[DragPoint],
        options: DragOptions | None = None,
    ) -> None:
        check_model(recipe, generator)
        check_points(points, generator.info.img_size)
        if recipe.tuning is not None:
            generator = tuned(generator, load_tuning(recipe.tuning))
        self.generator, self.recipe, self.options = generator, recipe, options or DragOptions()
        self.steps = 0
        self._name = drag_name(recipe)
        self._edits = feature_edits_by_stage(recipe, generator)
        self._stage = feature_stage(generator, self.options.stage)
        scale = max(generator.info.img_size) / PAPER_SIDE
        stride = max(scale * STRIDE, LEAST_STRIDE)
        patch = self.options.patch or max(scale * PATCH, LEAST_PATCH)
        search = self.options.search or max(scale * SEARCH, LEAST_SEARCH)
        device = generator.device
        # Places are as far apart as a patch is asked to move, so that no two steps look the same.
        self._patch = _places(patch, stride, device, round_=True)
        self._around = _places(search, stride, device)
        self._stride, self._near = stride, self.options.near or stride
        # Plain tensors: through those of inference mode, which previews make, no gradient passes.
        with torch.inference_mode(False), torch.no_grad():
            self._inputs = _plain(resolve_inputs(recipe, generator))
            self._regions = regions_of(recipe, generator, {}, "")
            self._insides = [_plain(region.inputs) for region in self._regions]
            read = [row for stage in generator.stages[: self._stage + 1] for row in stage.ws_rows]
            count = max(read, default=0) + 1
            self._rows = min(self.options.rows or count, count)
            self._unit = self._spread()
            self._handles = torch.tensor([p.handle for p in points], dtype=torch.float32, device=device)
            self._targets = torch.tensor([p.target for p in points], dtype=torch.float32, device=device)
            # What the rows have moved so far, in units of the spread of w.
            self._moved = torch.zeros_like(self._inputs.ws[:, : self._rows])
        self._moved.requires_grad_(True)
        self._optimizer = torch.optim.Adam([self._moved], lr=self.options.rate, eps=ADAM_EPSILON)
        self._first: Tensor | None = None  # the features before anything moved
        self._looks: Tensor | None = None  # what the patches around the handles looked like then
        self._held: Tensor | None = None

    def step(self) -> DragStep:
        """Find the handles, and move the latent on unless they have arrived.

        Returns:
            Where the drag was when the handles were found: its recipe and handles belong together.
        """
        self.generator.compute_dtype = torch.float32
        with torch.inference_mode(False), torch.enable_grad():
            features = self._features()
            self._track(features.detach())
            now = self._now()
            if not now.arrived:
                self._optimizer.zero_grad()
                self._loss(features).backward()  # type: ignore[no-untyped-call]
                gradient = self._moved.grad
                assert gradient is not None
                gradient /= gradient.square().mean().sqrt() + 1e-20
                self._optimizer.step()
                self.steps += 1
        return now

    def _now(self) -> DragStep:
        distances = (self._targets - self._handles).norm(dim=1)
        arrived = bool((distances <= self._near).all())
        handles = tuple((float(x), float(y)) for x, y in self._handles.cpu().numpy())
        recipe = self.recipe
        if self.steps:
            step = np.zeros(tuple(self._inputs.ws.shape[1:]), np.float32)
            step[: self._rows] = (self._moved.detach() * self._unit)[0].cpu().numpy()
            recipe = with_drag(recipe, step, self._name)
        return DragStep(recipe, handles, float(distances.max()), self.steps, arrived)

    def _features(self) -> Tensor:
        """The features that are followed, (1, C, h, w), of the latent as it is now."""
        inputs = self._with_way(self._inputs)
        insides = [self._with_way(inside) for inside in self._insides]
        state = run_joined(self._stage, inputs, self._regions, insides, self._run)
        if state.x is None or state.x.ndim != 4:
            name = self.generator.stages[self._stage].name
            raise InputError(f'The stage "{name}" leaves no feature maps to follow.', "Choose a later one.")
        return state.x.float()

    def _with_way(self, inputs: Inputs) -> Inputs:
        """Inputs with the drag in their latents; a slider moves regions and what is around them alike."""
        rows = inputs.ws[:, : self._rows] + self._moved * self._unit
        return replace(inputs, ws=torch.cat([rows, inputs.ws[:, self._rows :]], 1))

    def _run(self, index: int, state: State, inputs: Inputs) -> State:
        state = self.generator.run_stage(index, state, inputs)
        scaled = self._edits.get(self.generator.stages[index].name)
        return state if scaled is None else scaled_features(state, scaled)

    def _track(self, features: Tensor) -> None:
        """Equation 2: a handle is where, near its last place, the features are most like its first."""
        if self._looks is None:
            self._first = features
            self._looks = self._sampled(features, self._handles[:, None] + self._patch)
            return
        places = self._handles[:, None] + self._around  # (points, places, 2)
        count, choices = places.shape[:2]
        patches = (places[:, :, None] + self._patch).reshape(count, -1, 2)
        sampled = self._sampled(features, patches).reshape(count, choices, len(self._patch), -1)
        unlike = (sampled - self._looks[:, None]).abs().mean((2, 3))
        found = places[torch.arange(count, device=places.device), unlike.argmin(1)]
        height, width = self.generator.info.img_size
        self._handles = torch.stack([found[:, 0].clamp(0, width - 1), found[:, 1].clamp(0, height - 1)], 1)

    def _loss(self, features: Tensor) -> Tensor:
        """Equation 1: one step further on, it should look like what the handle holds.

        L1 over features; means in place of sums, so that the mask's weight means the same at any size.
        """
        assert self._first is not None
        assert self._looks is not None
        way = self._targets - self._handles
        distance = way.norm(dim=1, keepdim=True)
        step = way / distance.clamp(min=1e-6) * distance.clamp(max=self._stride)
        places = self._handles[:, None] + self._patch
        there = self._sampled(features, places + step[:, None])
        # A handle that has arrived no longer pulls.
        pulls = (distance[:, 0] > self._near).float()
        now = self._sampled(features.detach(), places)
        loss: Tensor = ((there - now.lerp(self._looks, FIRST_SHARE)).abs().mean((1, 2)) * pulls).sum()
        if self.options.mask is not None:
            change = (features - self._first).abs().mean(1)
            loss = loss + self.options.mask_weight * (change * self._held_share(features)).mean()
        return loss

    def _held_share(self, features: Tensor) -> Tensor:
        """How much of each place of the features has to stay, (h, w)."""
        if self._held is None:
            assert self.options.mask is not None
            free = torch.from_numpy(self.options.mask.shares).to(features.device)
            share = self.generator.picture_share(self._stage)
            self._held = 1 - fitted_mask(free, tuple(features.shape[2:]), share)
        return self._held

    def _sampled(self, features: Tensor, places: Tensor) -> Tensor:
        """Features between their samples, at places (points, M, 2) of the picture: (points, M, C)."""
        height, width = self.generator.info.img_size
        down, across = self.generator.picture_share(self._stage)
        size = torch.tensor([width, height], dtype=features.dtype, device=features.device)
        share = torch.tensor([across, down], dtype=features.dtype, device=features.device)
        grid = ((places + 0.5) / size * 2 - 1) * share
        sampled = F.grid_sample(features, grid[None], align_corners=False, padding_mode="border")
        placed: Tensor = sampled[0].permute(1, 2, 0)
        return placed

    def _spread(self) -> Tensor:
        """How far latents of this model lie apart, (w_dim,); 0 where a column is no place to move in."""
        info = self.generator.info
        w = sample_w(self.generator, SPREAD_SAMPLES, np.random.RandomState(0))
        columns = self.generator.truncated_columns or info.w_dim
        spread = np.zeros(info.w_dim, np.float32)
        spread[:columns] = w[:, :columns].std(0).mean()
        return torch.from_numpy(spread).to(self.generator.device)


def drag_steps(
    generator: Generator, recipe: Recipe, points: Sequence[DragPoint], options: DragOptions | None = None
) -> Iterator[DragStep]:
    """A drag step by step, until the handles have arrived or the steps are used up; see `PointDrag`."""
    dragging = PointDrag(generator, recipe, points, options)
    while True:
        now = dragging.step()
        yield now
        if now.arrived or now.step >= dragging.options.max_steps:
            return


def drag(
    recipe: Recipe,
    points: Sequence[DragPoint],
    generator: Generator,
    options: DragOptions | None = None,
) -> Recipe:
    """The recipe after a drag: the same with one more slider, see `document.dragging.with_drag`.

    Raises:
        InputError: see `PointDrag`.
    """
    result = recipe
    for now in drag_steps(generator, recipe, points, options):
        result = now.recipe
    return result


def drag_job(recipe: Recipe, points: Sequence[DragPoint], options: DragOptions | None = None) -> Job:
    """A drag as a job: each progress carries a `DragStep`, the value is the last one."""

    def start(generator: Generator | None) -> JobSteps:
        if generator is None:
            raise InputError("No model is open.")
        return _job_steps(generator, recipe, tuple(points), options or DragOptions())

    return Job("Dragging", start, tag="drag")


def _job_steps(
    generator: Generator, recipe: Recipe, points: tuple[DragPoint, ...], options: DragOptions
) -> JobSteps:
    last = None
    for last in drag_steps(generator, recipe, points, options):
        yield Progress(last.step, options.max_steps, f"{last.distance:.1f} px to go", last)
    return last


def feature_stages(generator: Generator) -> list[int]:
    """The stages whose features can be followed: those that leave new feature maps of some size."""
    return [
        i
        for i, stage in enumerate(generator.stages)
        if min(stage.resolution) >= 4 and not generator.gives_picture(i)
    ]


def feature_stage(generator: Generator, name: str = "") -> int:
    """Index of the stage of a name; where it is empty that of 128 pixels, or half the picture's side.

    128 pixels are what the paper's sixth block gives.

    Raises:
        InputError: there is no such stage, or none that leaves feature maps.
    """
    found = [i for i, stage in enumerate(generator.stages) if stage.name == name]
    if found:
        return found[0]
    if name:
        known = ", ".join(generator.stages[i].name for i in feature_stages(generator))
        raise InputError(f'This model has no stage "{name}".', f"Its stages with features: {known}.")
    usual = min(max(generator.info.img_size) / 2, USUAL_SIDE)
    stages = feature_stages(generator)
    if not stages:
        raise InputError("This model has no feature maps that a drag could follow.")
    small = [
        i
        for i in stages
        if max(generator.stages[i].resolution) * max(generator.picture_share(i)) <= usual + 0.5
    ]
    return small[-1] if small else stages[0]


def _plain(inputs: Inputs) -> Inputs:
    """Inputs in memory of their own, that no preview has made for itself."""
    return replace(
        inputs,
        ws=inputs.ws.clone(),
        noise_maps={index: noise.clone() for index, noise in inputs.noise_maps.items()},
        style_offsets={name: offset.clone() for name, offset in inputs.style_offsets.items()},
    )


def _places(radius: float, step: float, device: torch.device, *, round_: bool = False) -> Tensor:
    """Offsets (M, 2) from a point on a grid, within a square or a disc."""
    count = math.floor(radius / step + 1e-6)
    line = torch.arange(-count, count + 1, dtype=torch.float32, device=device) * step
    y, x = torch.meshgrid(line, line, indexing="ij")
    places = torch.stack([x.reshape(-1), y.reshape(-1)], 1)
    return places[places.norm(dim=1) <= radius + 1e-6] if round_ else places
