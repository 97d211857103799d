"""One recipe, one picture: in the window, on the command line, in Python."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from window_helpers import WAIT_MS, OpenWindow

from latentstudio import load_generator, render
from latentstudio.document.recipe import (
    DirectionEdit,
    Noise,
    NoiseLayer,
    Recipe,
    Source,
    StyleMix,
)
from latentstudio.document.recipe_json import loads
from latentstudio.latent.directions import Direction, coordinate_direction
from latentstudio.latent.spaces import Latent
from latentstudio.media.image import read_pixels, read_recipe_text

ALONG = Direction("w", "w", Latent(np.linspace(-1, 1, 8)), 0.7)
EDITS = {
    "sliders": {
        "directions": (
            DirectionEdit(coordinate_direction("Turn", 0, 8), 1.3, 0, 4),
            DirectionEdit(ALONG, -2.0, 2, 5),
        )
    },
    "mixing": {"mixing": (StyleMix.of_rows(Source(seed=8), [0, 3], 0.6),)},
    "sums": {"sources": (Source(seed=1), Source(seed=2, weight=-1.0), Source(seed=3)), "combine": "z"},
    "noise": {"noise": Noise("random", 12, (NoiseLayer(2, 0.5),))},
}


@pytest.mark.parametrize("name", EDITS)
def test_window_command_line_and_python_give_identical_bytes(
    qtbot: QtBot, open_window: OpenWindow, model_path: Path, tmp_path: Path, home: Path, name: str
) -> None:
    window = open_window(model_path)
    document = window.studio.document
    qtbot.waitUntil(lambda: window.studio.binding.is_current, timeout=WAIT_MS)
    fields = {"sources": (Source(seed=41),), "truncation_psi": 0.8, **EDITS[name]}
    document.edit("test", Recipe(model=document.recipe.model, **fields))  # type: ignore[arg-type]
    # Passing through other recipes fills the cache with what a fresh process does not have.
    document.edit("detour", document.recipe.changed(truncation_psi=0.3))
    qtbot.waitUntil(lambda: window.studio.binding.is_current, timeout=WAIT_MS)
    document.undo()
    qtbot.waitUntil(lambda: window.studio.binding.is_current, timeout=WAIT_MS)
    shown = window.studio.binding.picture
    assert shown is not None
    saved = tmp_path / "window.png"
    window.filing.ask_save_path = lambda: saved  # type: ignore[method-assign]
    with qtbot.waitSignal(window.filing.saved, timeout=WAIT_MS):
        window.actions_["save"].trigger()

    recipe = loads(read_recipe_text(saved))
    in_python = render(recipe, load_generator(model_path, device="cpu"))
    again = tmp_path / "again.png"
    subprocess.run(
        [sys.executable, "-m", "latentstudio", "render", str(saved), "--out", str(again)],
        env={**os.environ, "LATENTSTUDIO_HOME": str(home)},
        check=True,
        capture_output=True,
        timeout=120,
    )
    assert np.array_equal(read_pixels(saved), shown.pixels)
    assert np.array_equal(in_python, shown.pixels)
    assert np.array_equal(read_pixels(again), shown.pixels)
