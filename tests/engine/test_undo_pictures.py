"""Undo restores recipe and picture exactly, after any sequence of edits of every kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from latentstudio.document.document import Document
from latentstudio.document.map_moves import gone_by
from latentstudio.document.recipe import (
    ChannelEdit,
    DirectionEdit,
    FeatureEdit,
    Noise,
    NoiseLayer,
    Recipe,
    Source,
    StyleMix,
)
from latentstudio.document.starts import plane_sources
from latentstudio.engine.render import Renderer
from latentstudio.latent.directions import Direction
from latentstudio.latent.spaces import Latent

RANDOM = np.random.default_rng(7)
ALONG_W = Direction("Along w", "w", Latent(RANDOM.standard_normal(8).astype(np.float32)), 0.5, rows=(0, 2))
ACROSS_W = Direction("Across w", "w", Latent(RANDOM.standard_normal(8).astype(np.float32)), 0.5)
ALONG_Z = Direction("Along z", "z", Latent(RANDOM.standard_normal(8).astype(np.float32)))
W_PLUS = Source("w+", None, Latent(RANDOM.standard_normal((18, 8)).astype(np.float32)))

Edit = Callable[[Recipe, float, int], Recipe]
EDITS: dict[str, Edit] = {
    "seed": lambda r, x, n: r.changed(sources=(Source(seed=n),), combine="w"),
    "drawn otherwise": lambda r, x, n: r.changed(sources=(Source(seed=n, draw="resampled", limit=0.8),)),
    "walk": lambda r, x, n: r.changed(sources=plane_sources(x, -x), combine="w"),
    "sum in z": lambda r, x, n: r.changed(
        sources=(Source(seed=n), Source(seed=n + 1, weight=x)), combine="z normalized"
    ),
    "psi": lambda r, x, n: r.changed(truncation_psi=x),
    "cutoff": lambda r, x, n: r.changed(truncation_cutoff=n % 5),
    "curve": lambda r, x, n: r.changed(truncation_curve=(x, 1.0, 0.5)),
    "centre": lambda r, x, n: r.changed(truncation_center=W_PLUS),
    "slider in w": lambda r, x, n: r.changed(
        directions=(DirectionEdit(ALONG_W, x, n % 3), *r.directions[1:])
    ),
    "slider in z": lambda r, x, n: r.changed(directions=(*r.directions[:2], DirectionEdit(ALONG_Z, x))),
    "map": lambda r, x, n: gone_by(r, (ALONG_W, ACROSS_W), (x, -x), 5),
    "mix": lambda r, x, n: r.changed(mixing=(StyleMix.of_rows(Source(seed=n), range(n % 4), abs(x) / 2),)),
    "channel": lambda r, x, n: r.changed(channels=(ChannelEdit("conv1", n % 4, x),)),
    "feature": lambda r, x, n: r.changed(features=(FeatureEdit("conv1", n % 4, x),)),
    "noise": lambda r, x, n: r.changed(noise=Noise(("const", "random", "none")[n % 3], n)),
    "noise layer": lambda r, x, n: r.changed(noise=replace(r.noise, layers=(NoiseLayer(0, x),))),
    "bare": lambda r, x, n: r.unedited(),
}
ACTIONS = (*EDITS, "drag", "release", "abort", "undo", "redo", "jump")

steps = st.tuples(st.sampled_from(ACTIONS), st.floats(-2, 2, width=16), st.integers(0, 30))


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(steps, min_size=1, max_size=10))
def test_after_any_sequence_undo_restores_recipe_and_picture_exactly(tiny, sequence):
    stage = next(s.name for s in tiny.stages if not s.name.endswith("torgb"))
    layer = tiny.style_weights()[0].layer
    renderer = Renderer(tiny, 1 << 20)  # small: old stages are dropped and computed anew
    document, pictures = Document(Recipe.from_seed(3)), {}

    def look() -> None:
        """What a recipe showed once it shows ever after."""
        image = renderer.frame(document.recipe).image
        before = pictures.setdefault(document.recipe, image)
        assert np.array_equal(before, image)

    look()
    for action, amount, number in sequence:
        if action in EDITS or action == "drag":
            edit = EDITS["slider in w" if action == "drag" else action]
            recipe = edit(document.recipe, float(amount), number)
            recipe = recipe.changed(
                channels=tuple(replace(e, layer=layer) for e in recipe.channels),
                features=tuple(replace(e, stage=stage) for e in recipe.features),
            )
            if any(s.space != "z" for s in recipe.sources):
                recipe = recipe.changed(directions=())
            document.edit(action, recipe, "drag" if action == "drag" else None)
        elif action == "jump":
            document.go_to(number % len(document.entries))
        else:
            getattr(document, action)()
        look()
    document.release()
    entries = [entry.recipe for entry in document.entries[: document.position + 1]]
    for recipe in reversed(entries):
        assert document.recipe == recipe
        look()
        document.undo()
    assert document.recipe == Recipe.from_seed(3)
    # And the first picture is what a fresh renderer draws, not only what the cache remembers.
    assert np.array_equal(Renderer(tiny, 0).frame(document.recipe).image, pictures[document.recipe])
