from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from latentstudio import Recipe, render
from latentstudio.media.image import read_pixels


def test_a_sheet_holds_the_seeds_row_by_row(cli, tiny_path: Path, tiny, tmp_path: Path) -> None:
    out = tmp_path / "new" / "sheet.png"
    ended = cli("grid", tiny_path, "--seeds", "3-7", "--columns", 3, "--trunc", 0.7, "--out", out)
    assert (ended.code, ended.out.strip()) == (0, str(out))
    sheet = read_pixels(out)
    assert sheet.shape == (32, 48, 3)
    for place, seed in enumerate(range(3, 8)):
        top, left = place // 3 * 16, place % 3 * 16
        expected = render(Recipe.from_seed(seed, truncation_psi=0.7), tiny)
        assert np.array_equal(sheet[top : top + 16, left : left + 16], expected)
    assert not sheet[16:, 32:].any()


def test_pictures_can_be_made_small_and_set_apart(cli, tiny_path: Path, tmp_path: Path) -> None:
    out = tmp_path / "sheet.png"
    options = ("--seeds", "0-3", "--columns", 2, "--size", 8, "--gap", 2)
    assert cli("grid", tiny_path, *options, "--out", out).code == 0
    assert read_pixels(out).shape == (18, 18, 3)


def test_a_class_chooses_the_pictures(cli, conditional_path: Path, tmp_path: Path) -> None:
    out = tmp_path / "sheet.png"
    ended = cli("grid", conditional_path, "--seeds", "0", "--out", out)
    assert (ended.code, "--class" in ended.err, out.exists()) == (1, True, False)
    assert cli("grid", conditional_path, "--seeds", "0", "--class", 1, "--out", out).code == 0


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--seeds", "4-1"), 1, "runs backwards"),
        (("--columns", "0"), 2, "--columns"),
        (("--noise-mode", "loud"), 1, "loud"),
    ],
)
def test_what_does_not_fit_is_told_in_a_sentence(
    cli, tiny_path: Path, tmp_path: Path, options, code: int, said: str
) -> None:
    ended = cli("grid", tiny_path, *options, "--out", tmp_path / "sheet.png")
    assert (ended.code, said in ended.err) == (code, True)
    assert "Traceback" not in ended.err


def test_the_sheet_is_a_png_of_a_sensible_size(cli, tiny_path: Path, tmp_path: Path, monkeypatch) -> None:
    from latentstudio.cli import grid

    ended = cli("grid", tiny_path, "--seeds", "0", "--out", tmp_path / "sheet.jpg")
    assert (ended.code, "sheet.jpg" in ended.err) == (1, True)
    monkeypatch.setattr(grid, "MAX_PIXELS", 1000)
    ended = cli("grid", tiny_path, "--seeds", "0-63", "--out", tmp_path / "sheet.png")
    assert (ended.code, "too many" in ended.err) == (1, True)
