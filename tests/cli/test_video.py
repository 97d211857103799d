from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from latentstudio.document.film_file import read_film
from latentstudio.document.recipe import Recipe
from latentstudio.document.walks import published_seeds, seed_walk
from latentstudio.engine.render import render


def frames(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def done(cli, arguments: list[str]) -> None:
    ended = cli(*arguments)
    assert ended.code == 0, ended.err


def test_the_published_flags_give_the_published_grid(cli, tiny, tiny_path: Path, tmp_path: Path):
    out = tmp_path / "grid.mp4"
    done(
        cli,
        [
            "video",
            str(tiny_path),
            "--seeds",
            "0-7",
            "--grid",
            "2x1",
            "--shuffle-seed",
            "3",
            "--w-frames",
            "3",
            "--trunc",
            "0.7",
            "--output",
            str(out),
            "--quality",
            "lossless",
        ],
    )
    found = frames(out)
    assert found.shape == (12, 16, 32, 3)
    films = [
        seed_walk(Recipe(truncation_psi=0.7), row, 3) for row in published_seeds(range(8), 2, 1, None, 3)
    ]
    for i in (0, 1, 11):
        expected = np.concatenate([render(film.recipe_at(i), tiny) for film in films], 1)
        np.testing.assert_array_equal(found[i], expected)


def test_a_film_file_and_a_video_draw_themselves_again(cli, tiny_path: Path, tmp_path: Path):
    first, again, third = (tmp_path / name for name in ("a.mp4", "b.webm", "c.mp4"))
    saved = tmp_path / "walk.film.json"
    common = ["--quality", "lossless"]
    done(
        cli,
        [
            "video",
            str(tiny_path),
            "--seeds",
            "1,2",
            "--w-frames",
            "3",
            "--out",
            str(first),
            *common,
            "--save-film",
            str(saved),
            "--path",
            "spherical",
            "--open",
            "--fps",
            "24",
        ],
    )
    assert (read_film(saved).length, read_film(saved).z_dim) == (4, 8)
    done(cli, ["video", str(saved), "--out", str(again), *common])
    done(cli, ["video", str(first), "--out", str(third), *common])
    np.testing.assert_array_equal(frames(first), frames(again))
    np.testing.assert_array_equal(frames(first), frames(third))


def test_a_size_is_that_of_the_longer_side(cli, tiny_path: Path, tmp_path: Path):
    for size, shape in (("64", (32, 64, 3)), ("30x40", (40, 30, 3))):
        out = tmp_path / f"{size}.mp4"
        done(
            cli,
            [
                "video",
                str(tiny_path),
                "--seeds",
                "0-1",
                "--grid",
                "2x1",
                "--w-frames",
                "2",
                "--out",
                str(out),
                "--size",
                size,
            ],
        )
        assert frames(out).shape[1:] == shape


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--seeds", "0-2", "--grid", "2x1", "--out", "a.mp4"], "divided"),
        (["--seeds", "0-2", "--grid", "two", "--out", "a.mp4"], "Can't read"),
        (["--seeds", "0-2", "--out", "a.avi"], "a.avi"),
        (["--seeds", "0-2", "--path", "zigzag", "--out", "a.mp4"], "zigzag"),
        (["--seeds", "0-2", "--size", "0x4", "--out", "a.mp4"], "Can't read"),
        (["--seeds", "0-2", "--fps", "-3", "--out", "a.mp4"], "frame rate"),
    ],
)
def test_wrong_options_end_in_a_sentence(
    cli, tiny_path: Path, tmp_path: Path, arguments: list[str], said: str
):
    *options, name = arguments
    ended = cli("video", tiny_path, *options, tmp_path / name)
    assert ended.code == 1
    assert said in ended.err
    assert list(tmp_path.iterdir()) == []


def test_a_video_without_a_film_is_told(cli, tiny_path: Path, tmp_path: Path):
    out = tmp_path / "grid.mp4"
    done(cli, ["video", tiny_path, "--seeds", "0-1", "--grid", "2x1", "--w-frames", "2", "--out", out])
    ended = cli("video", out, "--out", tmp_path / "again.mp4")
    assert ended.code == 1
    assert "carries no film" in ended.err


def test_a_sweep_goes_there_and_back(cli, tiny_path: Path, tmp_path: Path):
    found = tmp_path / "found.directions.json"
    done(cli, ["directions", tiny_path, "--sefa", "1", "--out", found])
    out = tmp_path / "sweep.mp4"
    done(
        cli,
        [
            "video",
            tiny_path,
            "--seeds",
            "1,2",
            "--direction",
            found,
            "--sweep",
            "-1,1",
            "--w-frames",
            "4",
            "--out",
            out,
            "--quality",
            "lossless",
        ],
    )
    pictures = frames(out)
    assert pictures.shape == (8, 16, 32, 3)
    np.testing.assert_array_equal(pictures[3], pictures[5])
    assert (pictures[0] != pictures[4]).any()


def test_info_tells_what_a_film_is(cli, tiny_path: Path, tmp_path: Path):
    saved, out = tmp_path / "walk.film.json", tmp_path / "walk.mp4"
    done(cli, ["video", tiny_path, "--seeds", "4,9", "--w-frames", "2", "--out", out, "--save-film", saved])
    for path in (saved, out):
        shown = cli("info", path).out
        for part in ("4 frames", "60 a second", "leads back", "frame 2: seed 9; then curve"):
            assert part in shown
