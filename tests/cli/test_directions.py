from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from latentstudio import Recipe, render
from latentstudio.document.direction_file import read_directions, write_directions
from latentstudio.document.recipe import DirectionEdit
from latentstudio.engine.discovery import many_w
from latentstudio.latent.directions import Direction
from latentstudio.latent.spaces import Latent
from latentstudio.media.image import read_pixels

QUICK = ("--samples", "2000")


def read(path: Path) -> list[Direction]:
    return read_directions(path, z_dim=8, w_dim=8)


def test_components_are_written_and_told(cli, tiny_path: Path, tiny, tmp_path: Path) -> None:
    out = tmp_path / "new" / "tiny.directions.json"
    ended = cli("directions", tiny_path, "--pca", 3, "--sefa", 2, *QUICK, "--out", out)
    assert ended.code == 0
    found = read(out)
    assert [d.name for d in found] == ["PCA 1", "PCA 2", "PCA 3", "SeFa 1", "SeFa 2"]
    assert all(d.name in ended.out for d in found)
    # The plain statement: eigenvectors of the covariance of the same samples.
    w = np.concatenate(list(many_w(tiny, 2000))).astype(np.float64)
    values, vectors = np.linalg.eigh(np.cov(w.T))
    for i, direction in enumerate(found[:3], 1):
        assert abs(vectors[:, -i] @ direction.values.array) == pytest.approx(1, abs=1e-6)
        assert direction.sigma == pytest.approx(values[-i] ** 0.5, rel=1e-5)


def test_layers_choose_the_styles_and_stand_in_the_file(cli, tiny_path: Path, tiny, tmp_path: Path) -> None:
    out = tmp_path / "coarse.directions.json"
    assert cli("directions", tiny_path, "--sefa", 2, "--layers", "0-2", "--out", out).code == 0
    stacked = np.concatenate([w.weight.numpy() for w in tiny.style_weights() if w.row <= 2]).T
    columns = stacked / np.linalg.norm(stacked, axis=0)
    _, vectors = np.linalg.eigh(columns.astype(np.float64) @ columns.T)
    for i, direction in enumerate(read(out), 1):
        values = direction.values.array
        assert values.shape == (6, 8)
        assert not values[3:].any()
        assert np.array_equal(values[0], values[2])
        assert abs(vectors[:, -i] @ values[0]) == pytest.approx(1, abs=1e-5)


def test_an_npz_has_one_sigma_as_its_unit(cli, tiny_path: Path, tmp_path: Path) -> None:
    for name in ("a.directions.json", "a.npz"):
        assert cli("directions", tiny_path, "--pca", 2, *QUICK, "--out", tmp_path / name).code == 0
    own, other = read(tmp_path / "a.directions.json"), read(tmp_path / "a.npz")
    assert [d.name for d in other] == [d.name for d in own]
    for a, b in zip(own, other, strict=True):
        np.testing.assert_allclose(a.values.array * a.sigma, b.values.array, rtol=1e-6)


def test_strips_lead_from_minus_three_to_three_sigma(cli, tiny_path: Path, tiny, tmp_path: Path) -> None:
    options = ("--pca", 2, *QUICK, "--strip", tmp_path / "strips", "--seed", 4, "--trunc", 0.8)
    assert cli("directions", tiny_path, *options, "--out", tmp_path / "a.directions.json").code == 0
    assert sorted(p.name for p in (tmp_path / "strips").iterdir()) == ["PCA-1.png", "PCA-2.png"]
    strip = read_pixels(tmp_path / "strips" / "PCA-2.png")
    assert strip.shape == (16, 7 * 16, 3)
    direction = read(tmp_path / "a.directions.json")[1]
    for place, amount in enumerate((-3, -2, -1, 0, 1, 2, 3)):
        edits = (DirectionEdit(direction, float(amount)),)
        expected = render(Recipe.from_seed(4, truncation_psi=0.8, directions=edits), tiny)
        assert np.array_equal(strip[:, 16 * place : 16 * place + 16], expected)


def test_a_file_is_shown_drawn_and_turned_into_the_own_form(cli, tiny_path: Path, tmp_path: Path) -> None:
    torch.save({"smile": torch.ones(1, 8), "a/b: ?": torch.ones(18, 8)}, tmp_path / "found.pt")
    out = tmp_path / "own.directions.json"
    options = ("--import", tmp_path / "found.pt", "--strip", tmp_path / "strips", "--out", out)
    ended = cli("directions", tiny_path, *options)
    assert ended.code == 0
    assert "smile" in ended.out
    assert "18 x 8" in ended.out
    assert [d.name for d in read(out)] == ["smile", "a/b: ?"]
    assert sorted(p.name for p in (tmp_path / "strips").iterdir()) == ["a-b.png", "smile.png"]


def test_render_goes_along_the_directions_of_a_file(cli, tiny_path: Path, tiny, tmp_path: Path) -> None:
    file = tmp_path / "two.directions.json"
    random = np.random.default_rng(3)
    found = [
        Direction(name, "w", Latent(random.standard_normal(8).astype(np.float32)), 0.5, "file")
        for name in ("Up", "Down")
    ]
    write_directions(file, found)
    options = (
        "--direction",
        f"{file}:up",
        "--amount",
        "2",
        "--direction",
        f"{file}:Down",
        "--amount",
        "-1.5",
    )
    ranges = ("--layers", "0-2", "--layers", "4")
    assert cli("render", tiny_path, "--seeds", "1", *options, *ranges, "--out", tmp_path).code == 0
    edits = (DirectionEdit(found[0], 2.0, 0, 3), DirectionEdit(found[1], -1.5, 4, 5))
    expected = render(Recipe.from_seed(1, directions=edits), tiny)
    assert np.array_equal(read_pixels(tmp_path / "seed0001.png"), expected)


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--direction", "{}"), 1, "holds 2 directions"),
        (("--direction", "{}:Left"), 1, "It holds Up, Down"),
        (("--direction", "missing.pt"), 1, "missing.pt"),
        (("--amount", "1"), 2, "--direction"),
        (("--direction", "{}:Up", "--amount", "1", "--amount", "2"), 2, "--amount"),
        (("--direction", "{}:Up", "--layers", "0-9"), 1, "layers 0 to 5"),
        (("--direction", "{}:Up", "--layers", "0,3"), 1, "no single range"),
        (("--direction", "{}:Up", "--amount", "nan"), 1, "finite"),
    ],
)
def test_a_direction_that_does_not_fit_is_told(
    cli, tiny_path: Path, tmp_path: Path, options, code: int, said: str
) -> None:
    file = tmp_path / "two.directions.json"
    ones = Latent(np.ones(8, np.float32))
    write_directions(file, [Direction("Up", "w", ones), Direction("Down", "w", ones)])
    given = [option.format(file) for option in options]
    ended = cli("render", tiny_path, "--seeds", "0", *given, "--out", tmp_path / "out")
    assert (ended.code, said in ended.err) == (code, True)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ((), 2, "--out"),
        (("--out", "a.txt"), 1, "a.txt"),
        (("--out", "a.npz", "--layers", "7"), 1, "layers 0 to 5"),
        (("--import", "absent.npy", "--out", "a.npz"), 1, "absent.npy"),
        (("--import", "other.npy", "--strip", "s"), 1, "another model"),
        (("--import", "other.npy", "--pca", "3"), 2, "--import"),
        (("--import", "nan.npy", "--strip", "s"), 1, ""),
    ],
)
def test_what_does_not_fit_is_told_in_a_sentence(
    cli, tiny_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options, code: int, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("other.npy", np.ones(9, np.float32))
    np.save("nan.npy", np.full(8, np.nan, np.float32))
    ended = cli("directions", tiny_path, *options)
    assert (ended.code, said in ended.err) == (code, True)
    assert "Traceback" not in ended.err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["nan.npy", "other.npy"]


def test_examples_and_scores_become_directions_like_in_the_window(
    cli, tiny_path: Path, tiny, tmp_path: Path
) -> None:
    out = tmp_path / "mine.directions.json"
    w = tiny.mapping(np.stack([np.random.RandomState(s).randn(8) for s in range(60)]).astype(np.float32))[
        :, 0
    ]
    order = np.argsort(w[:, 3].detach().numpy())
    has, has_not = (",".join(map(str, order[part])) for part in (slice(-20, None), slice(20)))
    ended = cli("directions", tiny_path, "--has", has, "--has-not", has_not, "--name", "Third", "--out", out)
    assert ended.code == 0, ended.err
    assert "held-out" in ended.out
    found = read_directions(out, z_dim=8, w_dim=8)[0]
    assert (found.name, found.space) == ("Third", "w")
    assert int(np.abs(found.values.array).argmax()) == 3

    ended = cli("directions", tiny_path, "--score", "contrast", "--scored", 100, "--out", out)
    assert ended.code == 0, ended.err
    assert read_directions(out, z_dim=8, w_dim=8)[0].name == "Contrast"
    assert cli("directions", tiny_path, "--has", "1", "--out", out).code == 2
    ended = cli("directions", tiny_path, "--score", "realism", "--out", out)
    assert (ended.code, "no discriminator" in ended.err) == (1, True)
