from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from latentstudio import Recipe, render
from latentstudio.document.recipe_json import loads
from latentstudio.latent.sampling import z_from_seed
from latentstudio.media.image import read_pixels, read_recipe_text


def as_published(generator, row: int, column: int, styles: range, psi: float) -> np.ndarray:
    """The published procedure: truncate each w, copy the rows, draw."""
    ws = {
        seed: generator.mapping(z_from_seed(seed, 8)[None], truncation_psi=psi).clone()
        for seed in (row, column)
    }
    w = ws[row]
    w[:, list(styles)] = ws[column][:, list(styles)]
    with torch.no_grad():
        return generator.to_uint8(generator.synthesis(w))[0].permute(1, 2, 0).numpy()


def test_names_grid_and_pixels_are_the_published_tool_s(cli, tiny_path: Path, tiny, tmp_path: Path) -> None:
    options = ("--rows", "5,2", "--cols", "7-9", "--styles", "0-2", "--trunc", "0.6")
    assert cli("mix", tiny_path, *options, "--out", tmp_path / "mix").code == 0
    names = {path.name for path in (tmp_path / "mix").iterdir()}
    own = {f"{seed}-{seed}.png" for seed in (5, 2, 7, 8, 9)}
    assert names == own | {f"{r}-{c}.png" for r in (5, 2) for c in (7, 8, 9)} | {"grid.png"}
    for row in (5, 2):
        for column in (7, 8, 9):
            picture = read_pixels(tmp_path / "mix" / f"{row}-{column}.png")
            assert np.array_equal(picture, as_published(tiny, row, column, range(3), 0.6))
    expected = render(Recipe.from_seed(7, truncation_psi=0.6), tiny)
    assert np.array_equal(read_pixels(tmp_path / "mix" / "7-7.png"), expected)

    sheet = read_pixels(tmp_path / "mix" / "grid.png")
    assert sheet.shape == (3 * 16, 4 * 16, 3)
    assert not sheet[:16, :16].any()
    for y, row in enumerate((None, 5, 2)):
        for x, column in enumerate((None, 7, 8, 9)):
            if row is None and column is None:
                continue
            name = f"{column if row is None else row}-{row if column is None else column}.png"
            cell = sheet[16 * y : 16 * y + 16, 16 * x : 16 * x + 16]
            assert np.array_equal(cell, read_pixels(tmp_path / "mix" / name))


def test_each_picture_carries_its_recipe(cli, tiny_path: Path, tmp_path: Path) -> None:
    options = ("--rows", "1", "--cols", "4", "--styles", "1,3-4")
    assert cli("mix", tiny_path, *options, "--out", tmp_path).code == 0
    recipe = loads(read_recipe_text(tmp_path / "1-4.png"))
    assert (recipe.seed, recipe.mixing[0].source.seed) == (1, 4)
    assert recipe.mixing[0].amounts == (0, 1, 0, 1, 1)
    assert np.array_equal(render(recipe), read_pixels(tmp_path / "1-4.png"))


def test_a_seed_in_rows_and_columns_is_itself_where_they_meet(
    cli, tiny_path: Path, tiny, tmp_path: Path
) -> None:
    assert cli("mix", tiny_path, "--rows", "1,4", "--cols", "4", "--out", tmp_path).code == 0
    assert np.array_equal(read_pixels(tmp_path / "4-4.png"), render(Recipe.from_seed(4), tiny))


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--rows", "1", "--cols", "2", "--styles", "3-9"), 1, "layers 0 to 5"),
        (("--rows", "1", "--cols", "2", "--styles", "coarse"), 1, "Can't read the layers"),
        (("--rows", "1", "--cols", "2", "--styles", "4-2"), 1, "runs backwards"),
        (("--rows", "x", "--cols", "2"), 1, "Can't read the seeds"),
        (("--rows", "0-999", "--cols", "0-999"), 1, "ten thousand"),
        (("--rows", "1"), 2, "--cols"),
    ],
)
def test_what_does_not_fit_is_told_in_a_sentence(
    cli, tiny_path: Path, tmp_path: Path, options, code: int, said: str
) -> None:
    ended = cli("mix", tiny_path, *options, "--out", tmp_path / "mix")
    assert (ended.code, said in ended.err) == (code, True)
    assert not (tmp_path / "mix").exists()
