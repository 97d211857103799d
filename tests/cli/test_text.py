from __future__ import annotations

import numpy as np
import pytest
from clip_files import write_clip
from typer.testing import CliRunner

from latentstudio import render
from latentstudio.cli.main import app
from latentstudio.document.recipe_json import loads
from latentstudio.errors import ModelNotFoundError
from latentstudio.media.image import read_pixels, read_recipe_text
from latentstudio.settings import Settings, save_settings


def call(*arguments: object):
    result = CliRunner().invoke(app, ["text", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_the_command_moves_channels_and_its_picture_needs_no_clip(tiny_path, tiny, tmp_path):
    out, again = tmp_path / "a.png", tmp_path / "b.png"
    folder = write_clip(tmp_path / "clip")
    options = ["--from", "face", "--to", "a smiling face", "--samples", 1, "--channels", 6, "--strength", 3]
    call(tiny_path, *options, "--clip", folder, "--out", out)
    recipe = loads(read_recipe_text(out))
    assert len(recipe.channels) == 6
    assert max(abs(edit.amount) for edit in recipe.channels) == pytest.approx(3)
    assert np.array_equal(read_pixels(out), render(recipe, tiny))
    assert not np.array_equal(read_pixels(out), render(recipe.changed(channels=()), tiny))
    save_settings(Settings(clip=str(folder)))
    call(tiny_path, *options, "--out", again)
    assert np.array_equal(read_pixels(out), read_pixels(again))


def test_without_clip_it_says_so_before_anything_else(tiny_path, tmp_path):
    with pytest.raises(ModelNotFoundError, match="need CLIP") as caught:
        call(tiny_path, "--to", "a smiling face", "--out", tmp_path / "a.png")
    assert "open_clip" in caught.value.hint
