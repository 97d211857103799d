"""LatentStudio: explore what an image generator has learnt.

    from latentstudio import load_generator
    g = load_generator("faces.pkl")
    ws = g.mapping(z, truncation_psi=0.7)      # float32 (N, num_ws, w_dim)
    img = g.synthesis(ws, noise_mode="const")  # float32 (N, C, H, W), nominally [-1, 1]

`Recipe` describes one picture as a value and `render(recipe)` draws it, with the same pixels as the
window and the command line; `render_many(recipes)` draws many. Every error is a `LatentStudioError`
with a message and a hint.

Names are loaded on first use, so that `import latentstudio` alone does not import torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from latentstudio.errors import LatentStudioError

if TYPE_CHECKING:
    from latentstudio.document.recipe import Recipe
    from latentstudio.engine.batches import render_many
    from latentstudio.engine.dragging import drag
    from latentstudio.engine.render import render
    from latentstudio.models.generator import Generator, GeneratorInfo
    from latentstudio.models.registry import load_generator

__version__ = "0.1.0"
__all__ = [
    "Generator",
    "GeneratorInfo",
    "LatentStudioError",
    "Recipe",
    "__version__",
    "drag",
    "load_generator",
    "render",
    "render_many",
]

_HOMES = {
    "Generator": "latentstudio.models.generator",
    "GeneratorInfo": "latentstudio.models.generator",
    "Recipe": "latentstudio.document.recipe",
    "drag": "latentstudio.engine.dragging",
    "load_generator": "latentstudio.models.registry",
    "render": "latentstudio.engine.render",
    "render_many": "latentstudio.engine.batches",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
