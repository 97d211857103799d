from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest


@pytest.fixture
def window(monkeypatch: pytest.MonkeyPatch) -> list[list[Path]]:
    """A window that only writes down what it was asked to open."""
    opened: list[list[Path]] = []
    stand_in = types.ModuleType("latentstudio.gui.app")
    stand_in.run = lambda paths: opened.append(paths) or 0
    monkeypatch.setitem(sys.modules, "latentstudio.gui.app", stand_in)
    return opened


def test_the_window_is_given_the_files(cli, window, tiny_path: Path) -> None:
    assert cli(tiny_path, "clayfaces64").code == 0
    (paths,) = window
    assert paths[0] == tiny_path
    assert paths[1].name == "clayfaces64.safetensors"


def test_the_window_opens_without_files_too(cli, window) -> None:
    assert cli().code == 0
    assert window == [[]]


def test_missing_system_libraries_are_said_with_the_command_that_brings_them(cli, monkeypatch) -> None:
    class NoLibrary:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "latentstudio.gui.app":
                raise ImportError("libEGL.so.1: cannot open shared object file")

    monkeypatch.delitem(sys.modules, "latentstudio.gui.app", raising=False)
    monkeypatch.setattr(sys, "meta_path", [NoLibrary(), *sys.meta_path])
    ended = cli("open")
    assert ended.code == 1
    assert "libEGL.so.1" in ended.err
    assert "apt-get install libegl1" in ended.err
