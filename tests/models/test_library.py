from __future__ import annotations

import shutil

import pytest

from latentstudio.document.recipe import ModelRef
from latentstudio.errors import ModelNotFoundError
from latentstudio.models.library import (
    DEFAULT,
    MAX_RECENT,
    KnownModel,
    bundled_models,
    default_model,
    find_model,
    known_models,
    remember_model,
)
from latentstudio.settings import user_folders


def test_opened_models_are_remembered_the_latest_first(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).touch()
        remember_model(KnownModel(str(tmp_path / name), name * 64))
    remember_model(KnownModel(str(tmp_path / "a"), "a" * 64, "again"))
    assert [(m.title, m.sha256[0]) for m in known_models()] == [("again", "a"), ("", "b")]
    (tmp_path / "a").unlink()
    assert [m.sha256[0] for m in known_models()] == ["b"]


def test_the_list_does_not_grow_for_ever(tmp_path):
    for i in range(MAX_RECENT + 5):
        (tmp_path / str(i)).touch()
        remember_model(KnownModel(str(tmp_path / str(i)), f"{i:064d}"))
    assert len(known_models()) == MAX_RECENT


def test_a_damaged_list_is_an_empty_one(home):
    (user_folders().data / "models.json").write_text('[{"path": 3, "who": 1}]')
    assert known_models() == []


def test_a_recipe_finds_bundled_and_installed_models_by_hash(tiny, tiny_path):
    assert find_model(ModelRef()) == default_model()
    shutil.copy(tiny_path, user_folders().models / "tiny.safetensors")
    assert find_model(ModelRef(tiny.info.sha256)).name == "tiny.safetensors"
    assert default_model() in bundled_models()


def test_a_missing_model_says_how_to_get_it():
    with pytest.raises(ModelNotFoundError, match="models install ffhq"):
        find_model(ModelRef("ab" * 32, "FFHQ", "catalogue:ffhq"))
    with pytest.raises(ModelNotFoundError, match="Horses"):
        find_model(ModelRef("ab" * 32, "Horses", "horses.pkl"))


def test_weights_beside_a_model_are_no_models_of_their_own(tmp_path, monkeypatch):
    for name in (
        "b/b",
        "b/encoder",
        "clay/clay",
        "clayfaces64/clayfaces64",
        f"{DEFAULT}/{DEFAULT}",
        "a/other",
    ):
        path = tmp_path / f"{name}.safetensors"
        path.parent.mkdir(exist_ok=True)
        path.touch()
    monkeypatch.setattr("latentstudio.models.library.resource_dir", lambda name: tmp_path)
    assert [path.stem for path in bundled_models()] == [DEFAULT, "clayfaces64", "b", "clay"]
