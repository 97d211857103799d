"""Fixtures of the window's tests: a home of its own, a clean end, a small model."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from photo_helpers import STEPS, photo_pixels
from PIL import Image
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from window_helpers import WAIT_MS, OpenWindow, write_model

from latentstudio.gui.main_window import MainWindow
from latentstudio.gui.panels.photo import PhotoPanel
from latentstudio.gui.theme import apply_theme
from latentstudio.settings import Settings


@pytest.fixture(scope="session")
def qapp_args() -> list[str]:
    return ["latentstudio-tests"]


@pytest.fixture(autouse=True)
def _themed(qapp: QApplication) -> None:
    if not qapp.styleSheet():
        apply_theme(qapp, "dark")


@pytest.fixture(autouse=True)
def _nothing_left(qapp: QApplication) -> Iterator[None]:
    """Every test closes its threads and its windows."""
    yield
    qapp.processEvents()
    threads = [t.name for t in threading.enumerate() if t.name.startswith("latentstudio")]
    assert threads == []
    # What a closed dialog or menu leaves for later is deleted with the next events.
    left = [w for w in QApplication.topLevelWidgets() if w.isVisible()]
    assert left == []


@pytest.fixture(scope="session")
def model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of 16 pixels with two named directions."""
    return write_model(tmp_path_factory.mktemp("models") / "tiny.safetensors", [8, 8, 8])


@pytest.fixture(scope="session")
def other_model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another one, without names."""
    return write_model(tmp_path_factory.mktemp("models") / "other.safetensors", [8, 8, 4], z_names=())


@pytest.fixture
def open_window(qtbot: QtBot) -> Iterator[OpenWindow]:
    """Opens the real window with the real engine, and closes it at the end."""
    opened: list[MainWindow] = []

    def make(path: Path | None) -> MainWindow:
        window = MainWindow(Settings(theme="dark", discovery_samples=2000))
        opened.append(window)
        window.filing.ask_discard = lambda *_: True  # type: ignore[method-assign]
        window.resize(1200, 800)
        window.show()
        window.start([] if path is None else [path])
        qtbot.waitUntil(lambda: window.studio.binding.is_current, timeout=WAIT_MS)
        return window

    yield make
    for window in opened:
        window.close()
        window.deleteLater()
    QApplication.processEvents()


@pytest.fixture
def window(open_window: OpenWindow, model_path: Path) -> MainWindow:
    """The window with the tiny model, its picture shown and its directions found."""
    return open_window(model_path)


@pytest.fixture
def photo_path(tmp_path: Path) -> Path:
    path = tmp_path / "egg.png"
    Image.fromarray(photo_pixels()).save(path)
    return path


@pytest.fixture
def panel(window: MainWindow) -> PhotoPanel:
    found = window.photo_panel()
    # Few steps, and a start that costs nothing: the window is what is tried here.
    plain = found.choices.options
    found.choices.options = lambda: replace(  # type: ignore[method-assign]
        plain(), steps=STEPS, distance="pixel", start="mean", preview_every=1
    )
    return found
