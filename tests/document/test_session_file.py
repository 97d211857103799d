from __future__ import annotations

import os

import pytest

from latentstudio.document.recipe import Recipe
from latentstudio.document.session_file import read_recipe, write_recipe
from latentstudio.errors import NewerVersionError, RecipeError, SaveError

RECIPE = Recipe.from_seed(5, truncation_psi=0.6)


def test_a_recipe_file_comes_back_equal(tmp_path):
    write_recipe(tmp_path / "a.recipe.json", RECIPE)
    assert read_recipe(tmp_path / "a.recipe.json") == RECIPE


def test_a_failed_save_leaves_the_old_file_whole(tmp_path, monkeypatch):
    path = tmp_path / "a.recipe.json"
    write_recipe(path, RECIPE)

    def full_disk(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(SaveError, match="No space left"):
        write_recipe(path, Recipe.from_seed(6))
    assert read_recipe(path) == RECIPE
    assert [p.name for p in tmp_path.iterdir()] == ["a.recipe.json"]


def test_a_folder_that_is_not_there_is_a_sentence(tmp_path):
    with pytest.raises(SaveError, match=r"Can't save"):
        write_recipe(tmp_path / "no" / "a.recipe.json", RECIPE)


def test_pipes_folders_and_noise_are_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "noise").write_bytes(bytes(range(256)))
    (tmp_path / "newer").write_text('{"format": "latentstudio.recipe", "version": 99}')
    for name in ("pipe", "noise", "missing", "."):
        with pytest.raises(RecipeError):
            read_recipe(tmp_path / name)
    with pytest.raises(NewerVersionError, match="newer"):
        read_recipe(tmp_path / "newer")
