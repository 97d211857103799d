"""Whole stories through the real window with the real engine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from window_helpers import WAIT_MS, OpenWindow

from latentstudio.document.recipe import ModelRef, Recipe
from latentstudio.document.recipe_json import dumps
from latentstudio.document.session_file import write_recipe
from latentstudio.gui.main_window import MainWindow
from latentstudio.gui.panels.direction_row import DirectionRow
from latentstudio.gui.panels.directions import DirectionsPanel
from latentstudio.media.image import read_pixels, read_recipe_text, write_png

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


def directions(window: MainWindow) -> DirectionsPanel:
    panel = window.inspector.panels["directions"]
    assert isinstance(panel, DirectionsPanel)
    return panel


def row(window: MainWindow, name: str) -> DirectionRow:
    return next(r for r in directions(window).rows if r.name.text() == name)


def settle(qtbot: QtBot, window: MainWindow) -> np.ndarray:
    qtbot.waitUntil(lambda: window.studio.binding.is_current, timeout=WAIT_MS)
    picture = window.studio.binding.picture
    assert picture is not None
    return picture.pixels


def drag(window: MainWindow, name: str, to: float, *, let_go: bool = True) -> None:
    slider = row(window, name).slider
    QTest.mousePress(slider, LEFT, NONE, slider.position_of(slider.value).toPoint())
    for i in range(1, 6):
        QTest.mouseMove(slider, slider.position_of(to * i / 5).toPoint())
        QApplication.processEvents()
    if let_go:
        QTest.mouseRelease(slider, LEFT, NONE, slider.position_of(to).toPoint())


def drop(window: MainWindow, path: Path) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path))])
    copy, point = Qt.DropAction.CopyAction, QPointF(10, 10)
    enter = QDragEnterEvent(point.toPoint(), copy, mime, LEFT, NONE)
    QApplication.sendEvent(window, enter)
    assert enter.isAccepted()
    QApplication.sendEvent(window, QDropEvent(point, copy, mime, LEFT, NONE))


def test_the_keyboard_starts_at_the_picture(window: MainWindow) -> None:
    assert window.focusWidget() is window.canvas


def test_the_window_opens_with_a_model_its_picture_and_its_sliders(qtbot: QtBot, window: MainWindow) -> None:
    assert [r.name.text() for r in directions(window).rows] == ["Turn", "Light"]
    assert not window.canvas.image.isNull()
    assert window.bar.state.text() == "exact"
    assert "ms" in window.status.time.text()
    assert "CPU" in window.status.device.text()
    assert not window.isWindowModified()


def test_drag_undo_redo_save_and_reopen_gives_the_same_pixels(
    qtbot: QtBot, window: MainWindow, tmp_path: Path
) -> None:
    start = settle(qtbot, window)
    drag(window, "Turn", 2)
    turned = settle(qtbot, window)
    assert not np.array_equal(start, turned)
    undo = window.actions_["undo"]
    assert undo.text().startswith("Undo: Turn +")
    assert len(window.studio.document.entries) == 2
    assert window.isWindowModified()

    undo.trigger()
    assert np.array_equal(settle(qtbot, window), start)
    assert row(window, "Turn").slider.value == 0
    assert window.actions_["redo"].text().startswith("Redo: Turn +")
    window.actions_["redo"].trigger()
    assert np.array_equal(settle(qtbot, window), turned)

    path = tmp_path / "turned.png"
    window.filing.ask_save_path = lambda: path  # type: ignore[method-assign]
    with qtbot.waitSignal(window.filing.saved, timeout=WAIT_MS):
        window.actions_["save"].trigger()
    assert np.array_equal(read_pixels(path), turned)
    assert read_recipe_text(path) == dumps(window.studio.document.recipe)
    assert not window.isWindowModified()

    window.actions_["undo"].trigger()
    settle(qtbot, window)
    drop(window, path)
    qtbot.waitUntil(lambda: window.studio.document.entries[0].label == "Opened turned.png", timeout=WAIT_MS)
    assert np.array_equal(settle(qtbot, window), turned)
    assert row(window, "Turn").slider.value == pytest.approx(2, abs=0.05)


def test_esc_takes_the_drag_back(qtbot: QtBot, window: MainWindow) -> None:
    start = settle(qtbot, window)
    drag(window, "Light", -2, let_go=False)
    assert window.studio.document.recipe.directions[1].amount != 0
    QTest.keyClick(row(window, "Light").slider, Qt.Key.Key_Escape)
    assert len(window.studio.document.entries) == 1
    assert row(window, "Light").slider.value == 0
    assert np.array_equal(settle(qtbot, window), start)


def test_the_slider_in_use_shows_where_it_leads(qtbot: QtBot, window: MainWindow) -> None:
    drag(window, "Turn", 1)
    strip = row(window, "Turn").strip
    assert strip is not None
    qtbot.waitUntil(lambda: all(strip.has_image(i) for i in range(5)), timeout=WAIT_MS)
    strip.amount_chosen.emit(-3.0)
    assert window.studio.document.recipe.directions[0].amount == -3
    assert window.studio.document.undo_label == "Turn −3"


def test_layers_of_a_slider_are_chosen_by_group(qtbot: QtBot, window: MainWindow) -> None:
    drag(window, "Turn", 2)
    everywhere = settle(qtbot, window)
    groups = row(window, "Turn").groups
    assert groups is not None
    groups.button("Coarse").click()
    edit = window.studio.document.recipe.directions[0]
    assert (edit.start, edit.stop) == (0, 3)
    assert not np.array_equal(settle(qtbot, window), everywhere)
    groups.button("All").click()
    assert np.array_equal(settle(qtbot, window), everywhere)


def test_found_directions_can_be_added_and_removed(qtbot: QtBot, window: MainWindow) -> None:
    model = window.studio.model
    assert model is not None
    qtbot.waitUntil(lambda: "pca" in model.directions, timeout=WAIT_MS)
    panel = directions(window)
    panel.show_group("pca")
    panel.add(model.directions["pca"][0])
    assert [r.name.text() for r in panel.rows] == ["Turn", "Light", "PCA 1"]
    assert window.studio.document.undo_label == "Add PCA 1"
    drag(window, "PCA 1", 1.5)
    assert window.studio.document.recipe.directions[2].amount > 1
    panel.rows[2].removed.emit()
    assert [r.name.text() for r in panel.rows] == ["Turn", "Light"]


def test_a_model_without_names_lists_its_first_components(
    qtbot: QtBot, open_window: OpenWindow, other_model_path: Path
) -> None:
    window = open_window(other_model_path)
    qtbot.waitUntil(lambda: len(directions(window).rows) == 5, timeout=WAIT_MS)
    assert directions(window).rows[0].name.text() == "PCA 1"
    assert len(window.studio.document.entries) == 1
    assert not window.isWindowModified()


def test_sample_panel_changes_seed_truncation_noise(qtbot: QtBot, window: MainWindow) -> None:
    panel = window.inspector.panels["sample"]
    window.inspector.show_tab("sample")
    start = settle(qtbot, window)
    panel.seed.choose(5)  # type: ignore[attr-defined]
    assert not np.array_equal(settle(qtbot, window), start)
    panel.psi.typed.emit(0.0)  # type: ignore[attr-defined]
    mean = settle(qtbot, window)
    assert window.studio.document.undo_label == "Truncation 0.0"
    window.commands.random_seed()
    assert np.array_equal(settle(qtbot, window), mean)
    panel.noise.button("random").click()  # type: ignore[attr-defined]
    assert window.studio.document.recipe.noise.mode == "random"
    settle(qtbot, window)


def test_compare_shows_the_unedited_picture_while_the_key_is_held(qtbot: QtBot, window: MainWindow) -> None:
    start = window.canvas.image.copy()
    drag(window, "Turn", 3)
    settle(qtbot, window)
    assert window.canvas.image != start
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    QTest.keyPress(window.canvas, Qt.Key.Key_Backslash)
    qtbot.waitUntil(lambda: window.canvas.shows_other, timeout=WAIT_MS)
    assert window.bar.state.text() == "unedited"
    QTest.keyRelease(window.canvas, Qt.Key.Key_Backslash)
    assert not window.canvas.shows_other
    assert window.bar.state.text() == "exact"


def test_history_goes_to_any_state(qtbot: QtBot, window: MainWindow) -> None:
    start = settle(qtbot, window)
    for amount in (1, 2, 3):
        row(window, "Turn").typed.emit(amount)
    settle(qtbot, window)
    strip = window.history
    assert strip.model.rowCount() == 4
    strip.view.clicked.emit(strip.model.index(0))
    assert np.array_equal(settle(qtbot, window), start)
    row(window, "Light").typed.emit(1)
    assert [e.label for e in window.studio.document.entries] == ["Start", "Light +1"]
    assert strip.model.rowCount() == 2


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("notes.pkl", b"not a pickle at all", "notes.pkl"),
        ("photo.jpg", b"\xff\xd8\xff", "photo.jpg"),
        ("broken.json", b"{", "not valid JSON"),
        ("empty.png", b"", "empty.png"),
    ],
)
def test_a_wrong_file_is_told_and_the_window_goes_on(
    qtbot: QtBot, window: MainWindow, tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    start = settle(qtbot, window)
    drop(window, path)
    qtbot.waitUntil(window.notices.isVisible, timeout=WAIT_MS)
    notice = window.notices.notice
    assert notice is not None
    assert words in notice.message
    assert "Error" not in notice.message
    window.notices.dismiss()
    assert np.array_equal(settle(qtbot, window), start)
    assert window.canvas.message == ""
    model = window.studio.model
    assert model is not None
    qtbot.waitUntil(lambda: "pca" in model.directions, timeout=WAIT_MS)
    drag(window, "Turn", 1)
    assert not np.array_equal(settle(qtbot, window), start)


def test_a_recipe_for_a_missing_model_offers_to_find_it(
    qtbot: QtBot, window: MainWindow, tmp_path: Path, other_model_path: Path
) -> None:
    from latentstudio.models.registry import load_generator

    sha256 = load_generator(other_model_path).info.sha256
    recipe = Recipe.from_seed(3, model=ModelRef(sha256, "Elsewhere", "elsewhere.pkl"))
    path = tmp_path / "three.recipe.json"
    write_recipe(path, recipe)
    drop(window, path)
    qtbot.waitUntil(window.notices.isVisible, timeout=WAIT_MS)
    notice = window.notices.notice
    assert notice is not None
    assert "Elsewhere" in notice.message
    assert notice.action == "Find the model…"
    window.filing.ask_open_path = lambda title: other_model_path  # type: ignore[method-assign]
    assert notice.act is not None
    notice.act()
    qtbot.waitUntil(lambda: window.studio.document.path == path, timeout=WAIT_MS)
    settle(qtbot, window)
    assert window.studio.document.recipe == recipe


def test_a_png_finds_its_model_by_itself(
    qtbot: QtBot, window: MainWindow, tmp_path: Path, other_model_path: Path
) -> None:
    drag(window, "Turn", 2)
    turned = settle(qtbot, window)
    path = tmp_path / "turned.png"
    write_png(path, turned, dumps(window.studio.document.recipe))
    window.filing.open_path(other_model_path)
    qtbot.waitUntil(lambda: _path(window) == str(other_model_path.resolve()), timeout=WAIT_MS)
    settle(qtbot, window)
    window.filing.open_path(path)
    qtbot.waitUntil(lambda: window.studio.document.path == path, timeout=WAIT_MS)
    assert np.array_equal(settle(qtbot, window), turned)


def test_favourites_are_kept_and_opened(qtbot: QtBot, window: MainWindow, home: Path) -> None:
    row(window, "Turn").typed.emit(2)
    kept = settle(qtbot, window)
    window.actions_["add_favourite"].trigger()
    folder = home / "data" / "favourites"
    qtbot.waitUntil(lambda: len(list(folder.glob("*.png"))) == 1 and window.studio.background.is_idle)
    window.actions_["reset_sliders"].trigger()
    assert not np.array_equal(settle(qtbot, window), kept)
    window.favourites.wanted.emit(next(folder.glob("*.png")))
    qtbot.waitUntil(lambda: window.studio.document.path is not None, timeout=WAIT_MS)
    assert np.array_equal(settle(qtbot, window), kept)


def test_the_layout_and_the_theme_are_remembered(
    qtbot: QtBot, open_window: OpenWindow, model_path: Path, home: Path
) -> None:
    window = open_window(model_path)
    window.inspector.show_tab("model")
    window.set_theme("light")
    window.layout_.docks["history"].close()
    window.close()
    assert '"light"' in (home / "config" / "settings.json").read_text()
    again = open_window(model_path)
    assert again.inspector.tab == "model"
    assert not again.layout_.docks["history"].isVisible()
    again.set_theme("dark")
    again.layout_.reset()
    assert again.layout_.docks["history"].isVisible()


def test_leaving_asks_only_when_there_is_something_to_lose(qtbot: QtBot, window: MainWindow) -> None:
    asked: list[int] = []
    window.filing.ask_discard = lambda: asked.append(1) is not None  # type: ignore[method-assign]
    assert window.filing.may_discard()
    drag(window, "Turn", 1)
    assert not window.filing.may_discard()
    assert asked == [1]
    window.filing.ask_discard = lambda: True  # type: ignore[method-assign]


def _path(window: MainWindow) -> str:
    return "" if window.studio.model is None else window.studio.model.info.path
