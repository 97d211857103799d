from __future__ import annotations

import csv
from pathlib import Path

import long_work
import numpy as np
import pytest

from latentstudio import Recipe
from latentstudio.engine.discovery import pca_job
from latentstudio.engine.latents import resolve_ws
from latentstudio.latent.map_layout import Plane
from latentstudio.media.image import read_pixels


def test_a_map_has_pictures_and_the_places_of_the_window(cli, tiny_path: Path, tiny, tmp_path: Path) -> None:
    out, table = tmp_path / "new" / "map.png", tmp_path / "map.csv"
    options = ("--samples", 200, "--size", 300, "--picture", 16, "--trunc", 0.7, "--colour", "contrast")
    ended = cli("map", tiny_path, *options, "--out", out, "--table", table)
    assert ended.code == 0, ended.err
    sheet = read_pixels(out)
    assert sheet.shape == (300, 300, 3)
    assert len(np.unique(sheet.reshape(-1, 3), axis=0)) > 200

    first, second = long_work.ended(pca_job(50_000).start(tiny))[1][:2]
    center = tiny.mean_latent.expand(tiny.info.num_ws, -1).numpy().mean(0)
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert len(rows) == 200
    w = resolve_ws(Recipe.from_seed(17), tiny)[:1]
    place = Plane.of(first, second, center).places(w)[0]
    assert np.allclose([float(rows[17]["x"]), float(rows[17]["y"])], place, atol=1e-4)


def test_classes_go_round_and_colour_the_points(cli, conditional_path: Path, tmp_path: Path) -> None:
    out = tmp_path / "map.png"
    options = ("--samples", 60, "--size", 200, "--picture", 0, "--kind", "likeness", "--colour", "class")
    assert cli("map", conditional_path, *options, "--out", out).code == 0
    assert read_pixels(out).shape == (200, 200, 3)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--kind", "umap"), "no map by"),
        (("--kind", "directions"), "--across"),
        (("--colour", "beauty"), "no score"),
        (("--colour", "class"), "of one class"),
    ],
)
def test_what_can_not_be_is_said_in_a_sentence(
    cli, tiny_path: Path, tmp_path: Path, options: tuple[str, str], said: str
) -> None:
    ended = cli("map", tiny_path, "--samples", 20, *options, "--out", tmp_path / "map.png")
    assert ended.code == 1
    assert said in ended.err
    assert not (tmp_path / "map.png").exists()
