from __future__ import annotations

import os

import numpy as np
import pytest
from PIL import Image

from latentstudio.errors import InputError, RecipeError
from latentstudio.media.image import grid, read_pixels, read_recipe_text, write_png

PIXELS = np.random.default_rng(0).integers(0, 256, (12, 9, 3), np.uint8)


def test_a_png_carries_pixels_and_recipe_to_the_last_character(tmp_path):
    text = '{"name": "Zoë σ 😀"}'
    write_png(tmp_path / "a.png", PIXELS, text)
    assert np.array_equal(read_pixels(tmp_path / "a.png"), PIXELS)
    assert read_recipe_text(tmp_path / "a.png") == text


def test_pictures_without_a_recipe_say_so(tmp_path):
    Image.fromarray(PIXELS).save(tmp_path / "plain.png")
    with pytest.raises(RecipeError, match="carries no recipe"):
        read_recipe_text(tmp_path / "plain.png")


def test_what_is_no_picture_is_refused(tmp_path):
    write_png(tmp_path / "good.png", PIXELS, "x")
    (tmp_path / "cut.png").write_bytes((tmp_path / "good.png").read_bytes()[:40])
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("hello")
    os.mkfifo(tmp_path / "pipe.png")
    for name in ("cut.png", "empty.png", "text.png", "pipe.png", "missing.png", "."):
        with pytest.raises(RecipeError):
            read_recipe_text(tmp_path / name)
    with pytest.raises(InputError):
        read_pixels(tmp_path / "text.png")


def test_a_grid_places_pictures_row_by_row():
    pictures = [np.full((2, 3, 3), i, np.uint8) for i in range(5)]
    sheet = grid(pictures, 2, gap_px=1)
    assert sheet.shape == (8, 7, 3)
    assert sheet[0, 0, 0] == 0
    assert sheet[0, 4, 0] == 1
    assert sheet[3, 0, 0] == 2
    assert sheet[7, 6, 0] == 0  # an empty place
