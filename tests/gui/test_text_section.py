"""Prompts become one slider; without CLIP the section says so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from clip_files import write_clip
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from window_helpers import WAIT_MS

from latentstudio.gui.main_window import MainWindow
from latentstudio.gui.panels.channels import ChannelsPanel
from latentstudio.settings import load_settings


def test_without_clip_the_section_says_so_and_a_folder_is_remembered(
    qtbot: QtBot, window: MainWindow, tmp_path: Path
) -> None:
    window.inspector.show_tab("channels")
    panel = window.inspector.panels["channels"]
    assert isinstance(panel, ChannelsPanel)
    section = panel.text
    qtbot.waitUntil(panel.content.isVisible, timeout=WAIT_MS)
    assert section.words.text().startswith("Not installed")
    assert not section.search.isVisible()
    section.set_folder(write_clip(tmp_path / "clip"))
    assert section.search.isVisible()
    assert load_settings().clip == str(tmp_path / "clip")


def test_prompts_become_one_slider_over_many_channels(
    qtbot: QtBot, window: MainWindow, tmp_path: Path
) -> None:
    studio = window.studio
    studio.settings = replace(studio.settings, clip=str(write_clip(tmp_path / "clip")))
    window.inspector.show_tab("channels")
    panel = window.inspector.panels["channels"]
    assert isinstance(panel, ChannelsPanel)
    section = panel.text
    qtbot.waitUntil(panel.content.isVisible, timeout=WAIT_MS)
    section.target.setText("smiling")
    section.search.click()
    with qtbot.waitSignal(section.job.finished, timeout=WAIT_MS):
        pass
    QApplication.processEvents()
    assert section.strength.isVisible()
    count = len(studio.document.entries)
    before = studio.document.recipe
    for value in (1.0, 2.0, 3.0):
        section.strength.slider.value_edited.emit(value)
    section.strength.slider.edit_finished.emit()
    assert len(studio.document.entries) == count + 1
    assert len(studio.document.recipe.channels) > 3
    assert studio.document.undo_label == "smiling +3"
    section.set_strength(0.0, None)
    assert studio.document.recipe == before


def test_a_folder_that_holds_no_clip_is_told(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    studio = window.studio
    studio.settings = replace(studio.settings, clip=str(tmp_path))
    window.inspector.show_tab("channels")
    section = window.inspector.panels["channels"].text  # type: ignore[attr-defined]
    section.target.setText("smiling")
    with qtbot.waitSignal(studio.told, timeout=WAIT_MS) as told:
        section.look()
    assert "no weights" in told.args[0].message
    assert not section.job.is_running
