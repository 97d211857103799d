from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest


@pytest.fixture
def window(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """A window that only writes down what it was asked to open."""
    opened: list[list[str]] = []
    stand_in = types.ModuleType("latentstudio.gui.app")
    stand_in.run = lambda paths: opened.append(paths) or 0
    monkeypatch.setitem(sys.modules, "latentstudio.gui.app", stand_in)
    return opened


def test_the_window_is_given_the_files(cli, window, tiny_path: Path) -> None:
    assert cli(tiny_path, "clayfaces64").code == 0
    (paths,) = window
    assert paths[0] == str(tiny_path)
    assert Path(paths[1]).name == "clayfaces64.safetensors"


def test_the_window_opens_without_files_too(cli, window) -> None:
    assert cli().code == 0
    assert window == [[]]


def test_a_machine_without_a_display_is_told_so(cli, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("latentstudio.gui.system_libraries.sys.platform", "linux")
    ended = cli()
    assert ended.code == 1
    assert "no display" in ended.err
