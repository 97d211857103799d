from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from latentstudio import Recipe, render
from latentstudio.document.recipe import Noise
from latentstudio.document.recipe_json import loads
from latentstudio.media.image import read_pixels, read_recipe_text


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_seeds_become_files_with_the_field_s_names(cli, tiny_path: Path, tmp_path: Path) -> None:
    ended = cli("render", tiny_path, "--seeds", "0,2,5-6,12345", "--out", tmp_path / "new" / "folder")
    assert ended.code == 0
    assert names(tmp_path / "new" / "folder") == [
        "seed0000.png", "seed0002.png", "seed0005.png", "seed0006.png", "seed12345.png",
    ]  # fmt: skip


@pytest.mark.parametrize("noise_mode", ["const", "random", "none"])
def test_pixels_are_those_of_the_python_interface(
    cli, tiny_path: Path, tiny, tmp_path: Path, noise_mode: str
) -> None:
    options = ("--trunc", "0.7", "--trunc-cutoff", "2", "--noise-mode", noise_mode, "--noise-seed", "4")
    cli("render", tiny_path, "--seeds", "3-4", *options, "--out", tmp_path)
    for seed in (3, 4):
        recipe = Recipe.from_seed(seed, truncation_psi=0.7, truncation_cutoff=2, noise=Noise(noise_mode, 4))
        assert (read_pixels(tmp_path / f"seed000{seed}.png") == render(recipe, tiny)).all()


def test_a_picture_carries_the_recipe_that_draws_it_again(cli, tiny_path: Path, tmp_path: Path) -> None:
    cli("render", tiny_path, "--seeds", "8", "--trunc", "0.5", "--out", tmp_path)
    first = tmp_path / "seed0008.png"
    recipe = loads(read_recipe_text(first))
    assert (recipe.seed, recipe.truncation_psi, recipe.model.name) == (8, 0.5, "Tiny")
    assert cli("render", first, "--out", tmp_path / "again.png").code == 0
    assert (tmp_path / "again.png").read_bytes() == first.read_bytes()
    assert (render(recipe) == read_pixels(first)).all()


def test_a_recipe_needs_the_name_of_a_picture(cli, tiny_path: Path, tmp_path: Path) -> None:
    cli("render", tiny_path, "--seeds", "8", "--out", tmp_path)
    ended = cli("render", tmp_path / "seed0008.png", "--out", tmp_path / "again.jpg")
    assert (ended.code, "again.jpg" in ended.err) == (1, True)


def test_a_recipe_of_an_unknown_model_says_which(cli, tmp_path: Path) -> None:
    from latentstudio.document.recipe import ModelRef
    from latentstudio.document.session_file import write_recipe

    write_recipe(tmp_path / "a.recipe.json", Recipe(model=ModelRef("ab" * 32, "Cats")))
    ended = cli("render", tmp_path / "a.recipe.json", "--out", tmp_path / "a.png")
    assert (ended.code, "Cats" in ended.err) == (1, True)
    assert not (tmp_path / "a.png").exists()


def test_a_conditional_model_is_not_drawn_without_a_class(
    cli, conditional_path: Path, tmp_path: Path
) -> None:
    ended = cli("render", conditional_path, "--seeds", "0", "--out", tmp_path / "out")
    assert ended.code == 1
    assert "--class" in ended.err
    assert "0 to 2" in ended.err
    assert not (tmp_path / "out").exists()


def test_a_class_chooses_the_picture(cli, conditional_path: Path, tmp_path: Path) -> None:
    pictures = []
    for index in (0, 2):
        folder = tmp_path / str(index)
        assert cli("render", conditional_path, "--seeds", "0", "--class", index, "--out", folder).code == 0
        assert loads(read_recipe_text(folder / "seed0000.png")).classes == ((index, 1.0),)
        pictures.append(read_pixels(folder / "seed0000.png"))
    assert (pictures[0] != pictures[1]).any()
    assert cli("render", conditional_path, "--seeds", "0", "--class", 3, "--out", tmp_path).code == 1


def test_a_class_for_a_model_without_classes_is_a_warning(cli, tiny_path: Path, tiny, tmp_path: Path) -> None:
    ended = cli("render", tiny_path, "--seeds", "0", "--class", "1", "--out", tmp_path)
    assert ended.code == 0
    assert "no effect" in ended.err
    assert (read_pixels(tmp_path / "seed0000.png") == render(Recipe.from_seed(0), tiny)).all()


def test_projected_latents_are_drawn_as_they_are(cli, tiny_path: Path, tiny, tmp_path: Path) -> None:
    ws = np.random.default_rng(0).standard_normal((2, 6, 8)).astype(np.float32)
    np.savez(tmp_path / "w.npz", w=ws)
    ended = cli(
        "render", tiny_path, "--projected-w", tmp_path / "w.npz", "--trunc", "0.5", "--out", tmp_path / "o"
    )
    assert ended.code == 0
    assert names(tmp_path / "o") == ["proj00.png", "proj01.png"]
    expected = tiny.to_uint8(tiny.synthesis(ws[1:]))[0].permute(1, 2, 0).numpy()
    assert (read_pixels(tmp_path / "o" / "proj01.png") == expected).all()


def test_a_file_without_latents_is_an_expected_failure(cli, tiny_path: Path, tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("no archive")
    np.savez(tmp_path / "other.npz", v=np.zeros(3))
    np.savez(tmp_path / "flat.npz", w=np.zeros(3))
    np.savez(tmp_path / "objects.npz", w=np.array([{}], dtype=object))
    for name in ("text.npz", "other.npz", "flat.npz", "objects.npz", "missing.npz"):
        ended = cli("render", tiny_path, "--projected-w", tmp_path / name, "--out", tmp_path / "o")
        assert (ended.code, name in ended.err) == (1, True)


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--seeds", "5-2"), 1, "runs backwards"),
        (("--seeds", "one"), 1, "Can't read the seeds"),
        ((), 2, "--seeds"),
        (("--seeds", "1", "--projected-w", "x.npz"), 2, "--projected-w"),
        (("--seeds", "1", "--noise-mode", "loud"), 1, "loud"),
        (("--seeds", "1", "--trunc", "nan"), 1, "finite"),
        (("--seeds", "1", "--rotate", "30"), 1, "StyleGAN3"),
        (("--seeds", "1", "--device", "abacus"), 1, "abacus"),
    ],
)
def test_wrong_options_are_said(cli, tiny_path: Path, tmp_path: Path, options, code: int, said: str) -> None:
    ended = cli("render", tiny_path, *options, "--out", tmp_path / "o")
    assert ended.code == code
    assert said in ended.err
    assert not (tmp_path / "o").exists()


def test_a_folder_that_can_not_be_made_is_an_expected_failure(cli, tiny_path: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ended = cli("render", tiny_path, "--seeds", "0", "--out", tmp_path / "file" / "below")
    assert (ended.code, "Can't create the folder" in ended.err) == (1, True)
