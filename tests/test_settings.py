from __future__ import annotations

import os

import pytest

from latentstudio.atomic_file import atomic_writer, write_atomically
from latentstudio.errors import InputError, SaveError
from latentstudio.settings import Settings, load_settings, resource_dir, save_settings, user_folders


def test_settings_come_back_and_a_damaged_file_never_stops_a_start(home):
    save_settings(Settings(theme="light", frame_budget_ms=25))
    assert load_settings() == Settings(theme="light", frame_budget_ms=25)
    path = user_folders().config / "settings.json"
    for text in ("", "[1]", '{"theme": 3, "frame_budget_ms": 30, "unknown": 1}'):
        path.write_text(text)
        loaded = load_settings()
        assert loaded.theme == "system"
    assert loaded.frame_budget_ms == 30


def test_folders_lie_below_the_chosen_home(home):
    for folder in (user_folders().data, user_folders().cache, user_folders().models):
        assert folder.is_dir()
        assert home in folder.parents


def test_a_home_that_cannot_be_made_is_a_sentence(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("LATENTSTUDIO_HOME", str(tmp_path / "file"))
    with pytest.raises(SaveError, match="LATENTSTUDIO_HOME"):
        _ = user_folders().data


def test_the_resources_are_found_and_a_missing_one_is_told():
    assert (resource_dir("pretrained") / "catalogue.toml").is_file()
    with pytest.raises(InputError, match="nowhere"):
        resource_dir("nowhere")


def test_a_write_that_fails_half_way_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.bin"
    write_atomically(path, b"old")
    with pytest.raises(KeyboardInterrupt):
        _interrupted_write(path)
    assert path.read_bytes() == b"old"

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SaveError, match="No space left on device"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.bin"]


def _interrupted_write(path):
    with atomic_writer(path) as file:
        file.write(b"half")
        raise KeyboardInterrupt
