"""The pictures of docs/dragging.md, from the bundled model: `python tools/drag_picture.py`.

Writes docs/dragging.jpg (heads turned by their noses: before, during, after) and docs/regions.jpg.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from latentstudio.document.dragging import DragPoint
from latentstudio.document.edits import DirectionEdit, Source
from latentstudio.document.local_edits import LocalEdit
from latentstudio.document.mask import Mask
from latentstudio.document.recipe import Recipe
from latentstudio.engine.dragging import DragStep, drag_steps
from latentstudio.engine.render import render
from latentstudio.latent.directions import coordinate_direction
from latentstudio.models.generator import Generator
from latentstudio.models.library import default_model
from latentstudio.models.registry import load_generator

DOCS = Path(__file__).resolve().parent.parent / "docs"
CELL = 224
TURNS = ((0, (0.49, 0.58), (0.625, 0.58)), (33, (0.54, 0.56), (0.41, 0.56)))
ACCENT, SECOND = (240, 163, 94), (111, 177, 255)


def main() -> None:
    """Draw both sheets."""
    generator = load_generator(default_model(), device="cpu")
    rows = [_turned(generator, *turn) for turn in TURNS]
    Image.fromarray(np.concatenate(rows)).save(DOCS / "dragging.jpg", quality=90)
    Image.fromarray(_regions(generator)).save(DOCS / "regions.jpg", quality=90)


def _turned(
    generator: Generator, seed: int, handle: tuple[float, float], target: tuple[float, float]
) -> NDArray[np.uint8]:
    side = generator.info.img_resolution
    point = DragPoint(*(tuple(v * side for v in p) for p in (handle, target)))  # type: ignore[arg-type]
    recipe = Recipe.from_seed(seed, truncation_psi=0.7)
    steps = list(drag_steps(generator, recipe, [point]))
    shown = [steps[round(share * (len(steps) - 1))] for share in (0, 0.33, 0.66, 1)]
    cells = [_marked(render(step.recipe, generator), step, point) for step in shown]
    return np.concatenate(cells, 1)


def _marked(picture: NDArray[np.uint8], step: DragStep, point: DragPoint) -> NDArray[np.uint8]:
    image = _enlarged(picture)
    draw = ImageDraw.Draw(image)
    scale = CELL / picture.shape[0]
    (x, y), (a, b) = (((p[0] + 0.5) * scale, (p[1] + 0.5) * scale) for p in (step.handles[0], point.target))
    draw.line((x, y, a, b), (255, 255, 255), 2)
    draw.ellipse((a - 6, b - 6, a + 6, b + 6), outline=SECOND, width=2)
    draw.ellipse((x - 4, y - 4, x + 4, y + 4), fill=ACCENT, outline=(30, 20, 10))
    return np.asarray(image)


def _regions(generator: Generator) -> NDArray[np.uint8]:
    rows = []
    for seed, other in ((5, 9), (33, 12)):
        base = Recipe.from_seed(seed, truncation_psi=0.7)
        hair, chin = _ellipse(0.5, 0.18, 0.46, 0.22), _ellipse(0.52, 0.74, 0.3, 0.2)
        face = _ellipse(0.5, 0.52, 0.34, 0.42)
        edits = (
            LocalEdit(hair, source=Source(seed=other)),
            LocalEdit(chin, directions=(_slider(generator, "Beard", -3 if seed == 5 else 3),)),
            LocalEdit(face.inverted(), directions=(_slider(generator, "Background", 3),)),
        )
        cells = [base, Recipe.from_seed(other, truncation_psi=0.7)]
        cells += [base.changed(local=(edit,)) for edit in edits]
        rows.append(np.concatenate([np.asarray(_enlarged(render(r, generator))) for r in cells], 1))
    return np.concatenate(rows)


def _slider(generator: Generator, name: str, amount: float) -> DirectionEdit:
    names = generator.info.provenance.z_names
    return DirectionEdit(coordinate_direction(name, names.index(name), generator.info.z_dim), amount)


def _ellipse(x: float, y: float, across: float, down: float) -> Mask:
    line = (np.arange(256) + 0.5) / 256
    inside = ((line[None] - x) / across) ** 2 + ((line[:, None] - y) / down) ** 2 <= 1
    return Mask(inside.astype(np.uint8) * 255)


def _enlarged(picture: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(picture).resize((CELL, CELL), Image.Resampling.BICUBIC)


if __name__ == "__main__":
    main()
