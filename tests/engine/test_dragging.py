from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from latentstudio import Recipe, drag, render
from latentstudio.document.dragging import DragOptions, DragPoint
from latentstudio.document.mask import Mask
from latentstudio.document.recipe import Source
from latentstudio.engine.dragging import PointDrag, drag_job, drag_steps, feature_stage
from latentstudio.engine.jobs import JobRunner
from latentstudio.engine.latents import resolve_ws
from latentstudio.engine.requests import JobFinished
from latentstudio.errors import InputError
from latentstudio.latent.spaces import Latent
from latentstudio.models.generator import Generator, GeneratorInfo, Inputs, StageInfo, State
from latentstudio.models.registry import load_generator

SIDE = 32


class Blobs(Generator):
    """Draws two soft blobs whose places are the four numbers of w, in pixels from the middle."""

    def __init__(self) -> None:
        super().__init__()
        self.anchor = nn.Parameter(torch.zeros(1), requires_grad=False)
        self.stages = (
            StageInfo("blobs", (SIDE, SIDE), (0,)),
            StageInfo("picture", (SIDE, SIDE), (1,)),
        )
        self.info = GeneratorInfo("test", "Test", 4, 4, 0, 2, SIDE, 3, (SIDE, SIDE), False)

    def _map(self, z: Tensor, c: Tensor | None) -> Tensor:
        return z[:, None].expand(-1, 2, -1)

    def run_stage(self, index: int, state: State, inputs: Inputs) -> State:
        if index == 1:
            assert state.x is not None
            return State(state.x[:, :3])
        w = inputs.ws[:, 0]
        line = torch.arange(SIDE) - (SIDE - 1) / 2
        maps = []
        for blob in range(2):
            x, y = w[:, 2 * blob, None, None], w[:, 2 * blob + 1, None, None]
            dx, dy = line[None, None] - x, line[None, :, None] - y
            # Its own colours on either side, so that places on a blob can be told apart.
            soft = torch.exp(-(dx**2 + dy**2) / 18)
            maps += [soft, soft * dx / 4, soft * dy / 4]
        return State(torch.stack(maps, 1))


def start(*places: float) -> Recipe:
    return Recipe(sources=(Source("z", None, Latent(np.array(places, np.float32))),))


def middle(x: float, y: float) -> tuple[float, float]:
    return x + (SIDE - 1) / 2, y + (SIDE - 1) / 2


def test_what_is_under_the_handle_is_carried_to_the_target():
    blobs = Blobs()
    recipe = start(-6, 0, 6, 0)
    points = [DragPoint(middle(-6, 0), middle(-2, 5))]
    result = drag(recipe, points, blobs, DragOptions(stage="blobs", rate=0.2))
    moved = resolve_ws(result, blobs)[0]
    assert np.abs(moved[:2] - (-2, 5)).max() < 1
    assert np.abs(moved[2:] - (6, 0)).max() < 0.75


def test_two_handles_go_two_ways_and_a_pin_stays():
    blobs = Blobs()
    points = [DragPoint(middle(-6, 0), middle(-6, -5)), DragPoint(middle(6, 0), middle(6, 0))]
    steps = list(drag_steps(blobs, start(-6, 0, 6, 0), points, DragOptions(stage="blobs", rate=0.2)))
    moved = resolve_ws(steps[-1].recipe, blobs)[0]
    assert steps[-1].arrived
    assert np.abs(moved - (-6, -5, 6, 0)).max() < 1
    # Every step tells its own recipe, and the way grows shorter.
    assert steps[0].recipe == start(-6, 0, 6, 0)
    assert steps[0].distance == pytest.approx(5, abs=0.1)
    assert len({step.recipe.digest for step in steps}) == len(steps)


def test_a_mask_holds_what_it_does_not_cover():
    blobs = Blobs()
    points = [DragPoint(middle(-6, 0), middle(-3, 0))]
    recipe = start(-6, 0, 6, 0)
    shift = np.zeros((SIDE, SIDE), np.uint8)
    shift[:, : SIDE // 2 + 2] = 255
    ways = {}
    for name, mask in (("nothing may move", Mask(np.zeros((4, 4)))), ("the left may move", Mask(shift))):
        options = DragOptions(stage="blobs", rate=0.1, mask=mask, mask_weight=20, max_steps=60)
        ways[name] = resolve_ws(drag(recipe, points, blobs, options), blobs)[0][0] + 6
    assert ways["the left may move"] > 2
    assert ways["nothing may move"] < 1


def test_the_recipe_of_the_drag_draws_the_picture_of_its_last_step(tiny):
    recipe = Recipe.from_seed(3, truncation_psi=0.7)
    points = [DragPoint((5, 5), (9, 8))]
    steps = list(drag_steps(tiny, recipe, points, DragOptions(max_steps=6)))
    assert [step.step for step in steps] == list(range(len(steps)))
    result = drag(recipe, points, tiny, DragOptions(max_steps=6))
    assert result == steps[-1].recipe
    assert not np.array_equal(render(result, tiny), render(recipe, tiny))
    at_rest = result.with_direction(0, replace(result.directions[0], amount=0.0))
    assert np.array_equal(render(at_rest, tiny), render(recipe, tiny))


def test_only_the_rows_that_may_move_do(tiny):
    result = drag(Recipe.from_seed(3), [DragPoint((5, 5), (9, 8))], tiny, DragOptions(max_steps=3, rows=2))
    before, after = resolve_ws(Recipe.from_seed(3), tiny), resolve_ws(result, tiny)
    assert (before[:2] != after[:2]).any()
    assert np.array_equal(before[2:], after[2:])


def test_a_drag_starts_from_an_inverted_photo_too(tiny):
    ws = resolve_ws(Recipe.from_seed(9), tiny) + 0.1
    recipe = Recipe(sources=(Source("w+", None, Latent(ws)),))
    result = drag(recipe, [DragPoint((5, 5), (9, 8))], tiny, DragOptions(max_steps=3))
    assert result.sources == recipe.sources
    assert len(result.directions) == 1


def test_previews_between_the_steps_do_no_harm(tiny):
    from latentstudio.engine.render import Renderer

    renderer = Renderer(tiny)
    recipe = Recipe.from_seed(3)
    points, options = [DragPoint((5, 5), (9, 8))], DragOptions(max_steps=3)
    dragging = PointDrag(tiny, recipe, points, options)
    alone = [now.recipe for now in drag_steps(tiny, recipe, points, options)]
    between = []
    for _ in range(4):
        now = dragging.step()
        renderer.frame(now.recipe, precision="fast")
        between.append(now.recipe)
    assert between == alone


def test_the_job_tells_each_step_and_its_value_is_the_last(tiny):
    job = drag_job(Recipe.from_seed(3), [DragPoint((5, 5), (9, 8))], DragOptions(max_steps=2))
    events: list[object] = []
    runner = JobRunner(7, job, events.append)
    runner.start(tiny)
    while runner.step(stop=False):
        pass
    *told, end = events
    assert [event.progress.done for event in told] == [0, 1, 2]
    assert isinstance(end, JobFinished)
    assert end.value is told[-1].progress.payload


def test_the_usual_features_have_half_the_side_of_the_picture(tiny):
    assert tiny.stages[feature_stage(tiny)].name == "b8.conv1"
    assert tiny.stages[feature_stage(tiny, "b16.conv0")].name == "b16.conv0"
    with pytest.raises(InputError, match="no stage"):
        feature_stage(tiny, "b99")


def test_points_outside_are_refused(tiny):
    with pytest.raises(InputError, match="outside"):
        PointDrag(tiny, Recipe(), [DragPoint((5, 5), (16.5, 8))])


@pytest.mark.parametrize(
    "file",
    [
        "sg2ada_cond3/checkpoint_nosrc.pkl",
        "sg2ada_resnet/checkpoint_nosrc.pkl",
        "sg3t_small/checkpoint_nosrc.pkl",
        "stylegan1_fbzoo_32/checkpoint.pth",
        "progan_fbzoo_32/checkpoint.pth",
        "biggan_hf_tiny",
        "biggan_ajbrock_32/G_ema.pth",
        "dcgan_examples_64/netG_epoch_24.pth",
        "sagan_mimicry_32/netG_1000_steps.pth",
        "rosinality_64_train/checkpoint.pt",
        "lucidrains_32/model_0.pt",
        "tfreal_sg2_64",
    ],
)
def test_every_family_can_be_dragged(shared, file):
    path = shared / "zoo" / file
    if path.is_dir() and not (path / "config.json").exists():
        path = next(p for p in sorted(path.iterdir()) if p.suffix == ".pkl")
    generator = load_generator(path, device="cpu")
    height, width = generator.info.img_size
    point = DragPoint((width * 0.4, height * 0.5), (width * 0.6, height * 0.5))
    recipe = Recipe.from_seed(1)
    *_, last = drag_steps(generator, recipe, [point], DragOptions(max_steps=2))
    assert np.isfinite(resolve_ws(last.recipe, generator)).all()
    assert not np.array_equal(render(last.recipe, generator), render(recipe, generator))
