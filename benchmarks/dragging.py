"""Turning heads by dragging the nose: steps a second, and where the nose ends.

The drag's own tracker says where a handle is; that it is right is checked by eyes (`docs/dragging.jpg`) and
by a search in the pictures that knows nothing of features: the place in the last picture that correlates
best with what lay around the nose in the first. That search errs to the short side, since what surrounds a
nose moves less than its tip when a head turns.
"""

from __future__ import annotations

import math
import statistics
import time
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from benchmarks.reference import reference_model
from latentstudio.document.dragging import DragOptions, DragPoint
from latentstudio.document.recipe import Recipe
from latentstudio.engine.dragging import drag_steps
from latentstudio.engine.render import Renderer
from latentstudio.models.registry import load_generator

SEEDS = range(8)
NOSE, WAY, FAR = (0.49, 0.58), 0.125, 0.234  # in sides of the picture
FAR_SEEDS = range(3)
PATCH, REACH, FINE = 0.047, 0.25, 2


def turning() -> list[dict[str, Any]]:
    """One row for the speed, with and without each step's picture, and one for each measure of the end."""
    generator = load_generator(reference_model(), device="cpu")
    side = generator.info.img_resolution
    renderer = Renderer(generator, 256 << 20)
    alone, shown, own, seen, counts = [], [], [], [], []
    for seed in SEEDS:
        for sign in (-1, 1):
            start = (NOSE[0] * side, NOSE[1] * side)
            point = DragPoint(start, (start[0] + sign * WAY * side, start[1]))
            recipe = Recipe.from_seed(seed, truncation_psi=0.7)
            before = renderer.frame(recipe).image
            dragging, drawing = 0.0, 0.0
            steps = drag_steps(generator, recipe, [point], DragOptions())
            while True:
                began = time.perf_counter()
                now = next(steps, None)
                stepped = time.perf_counter()
                dragging += stepped - began
                if now is None:
                    break
                last, picture = now, renderer.frame(now.recipe).image
                drawing += time.perf_counter() - stepped
            alone.append((last.step + 1) / dragging)
            shown.append((last.step + 1) / (dragging + drawing))
            own.append(last.distance)
            counts.append(last.step)
            seen.append(math.dist(found_again(before, picture, start), point.target))
    far = []
    for seed in FAR_SEEDS:
        for sign in (-1, 1):
            point = DragPoint(start, (start[0] + sign * FAR * side, start[1]))
            recipe = Recipe.from_seed(seed, truncation_psi=0.7)
            *_, last = drag_steps(generator, recipe, [point], DragOptions())
            before, picture = (renderer.frame(r).image for r in (recipe, last.recipe))
            far.append(math.dist(found_again(before, picture, start), point.target))
    name = generator.info.provenance.title
    return [
        {"name": f"{name}: steps a second", "value": f"{statistics.median(alone):.1f}"},
        {"name": "the same with every step's picture", "value": f"{statistics.median(shown):.1f}"},
        {"name": "the slowest of the drags, with pictures", "value": f"{min(shown):.1f}"},
        {"name": "steps of a drag", "value": f"{statistics.median(counts):.0f} ({max(counts)} at most)"},
        {"name": "px left, by the tracker", "value": f"{statistics.median(own):.2f} ({max(own):.2f})"},
        {"name": "px left, by correlation", "value": f"{statistics.median(seen):.2f} ({max(seen):.2f})"},
        {
            "name": f"the same, pulled {FAR * side:.0f} px",
            "value": f"{statistics.median(far):.2f} ({max(far):.2f})",
        },
    ]


def found_again(
    before: NDArray[np.uint8], after: NDArray[np.uint8], place: tuple[float, float]
) -> tuple[float, float]:
    """Where in `after` it looks most like around `place` in `before`, in pixels."""
    side = before.shape[0]
    radius, reach = round(PATCH * side * FINE), round(REACH * side * FINE)
    big = [_padded(picture, radius) for picture in (before, after)]
    x, y = (round((value + 0.5) * FINE - 0.5) for value in place)
    size = 2 * radius + 1
    patch = big[0][:, :, y : y + size, x : x + size]
    patch = (patch - patch.mean()) / (patch - patch.mean()).norm()
    top, left = max(0, y - reach // 2), max(0, x - reach)
    area = big[1][:, :, top : y + reach // 2 + size, left : x + reach + size]
    mean = F.conv2d(area, torch.full_like(patch, 1 / patch.numel()))
    square = F.conv2d(area.square(), torch.full_like(patch, 1 / patch.numel()))
    spread = ((square - mean.square()).clamp(min=1e-3) * patch.numel()).sqrt()
    alike = (F.conv2d(area, patch) / spread)[0, 0]
    row, column = divmod(int(alike.argmax()), alike.shape[1])
    return (left + column + 0.5) / FINE - 0.5, (top + row + 0.5) / FINE - 0.5


def _padded(picture: NDArray[np.uint8], radius: int) -> torch.Tensor:
    pixels = torch.from_numpy(picture.astype(np.float32)).permute(2, 0, 1)[None]
    larger = F.interpolate(pixels, scale_factor=FINE, mode="bilinear", align_corners=False)
    return F.pad(larger, [radius] * 4, mode="replicate")
