from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot
from window_helpers import WAIT_MS

from latentstudio.document.recipe import FeatureEdit
from latentstudio.gui.main_window import MainWindow
from latentstudio.gui.panels.layers import LayersPanel
from latentstudio.media.image import read_pixels


def panel_of(qtbot: QtBot, window: MainWindow) -> LayersPanel:
    window.inspector.show_tab("layers")
    panel = window.inspector.panels["layers"]
    assert isinstance(panel, LayersPanel)
    qtbot.waitUntil(lambda: panel.maps is not None, timeout=WAIT_MS)
    return panel


def settle(qtbot: QtBot, window: MainWindow) -> np.ndarray:
    qtbot.waitUntil(lambda: window.studio.binding.is_current, timeout=WAIT_MS)
    picture = window.studio.binding.picture
    assert picture is not None
    return picture.pixels.copy()


def drag_factor(panel: LayersPanel, value: float, *, let_go: bool = True) -> None:
    slider = panel.factor.slider
    start, end = slider.position_of(slider.value).toPoint(), slider.position_of(value).toPoint()
    QTest.mousePress(slider, Qt.MouseButton.LeftButton, pos=start)
    for share in (0.3, 0.7, 1.0):
        x = start.x() + round((end.x() - start.x()) * share)
        QTest.mouseMove(slider, QPoint(x, start.y()))
    if let_go:
        QTest.mouseRelease(slider, Qt.MouseButton.LeftButton, pos=end)


def test_every_stage_that_hands_maps_on_can_be_seen(qtbot: QtBot, window: MainWindow) -> None:
    panel = panel_of(qtbot, window)
    model = window.studio.model
    assert model is not None
    offered = [panel.stages.itemData(i) for i in range(panel.stages.count())]
    wanted = [s.name for s in model.stages[:-1] if not s.name.endswith("torgb")]
    assert offered == wanted
    for name in wanted:
        panel.show_stage(name)
        qtbot.waitUntil(
            lambda name=name: panel.maps is not None and panel.maps.stage == name, timeout=WAIT_MS
        )
        assert [tile.channel for tile in panel.grid.tiles] == list(range(8))


def test_scaling_a_map_is_one_edit_that_undo_takes_back(
    qtbot: QtBot, window: MainWindow, tmp_path: Path
) -> None:
    panel = panel_of(qtbot, window)
    start = settle(qtbot, window)
    panel.show_stage("b8.conv1")
    QTest.mouseClick(panel.grid, Qt.MouseButton.LeftButton, pos=panel.grid.place_of(2).center().toPoint())
    drag_factor(panel, 3.0)
    document = window.studio.document
    assert document.recipe.features == (FeatureEdit("b8.conv1", 2, 3.0),)
    assert document.undo_label == "b8.conv1 · 2 × 3.0"
    assert len(document.entries) == 2
    scaled = settle(qtbot, window)
    assert not np.array_equal(start, scaled)
    assert [line.name.text() for line in panel.lines] == ["b8.conv1 · 2"]

    path = tmp_path / "scaled.png"
    window.filing.ask_save_path = lambda: path  # type: ignore[method-assign]
    with qtbot.waitSignal(window.filing.saved, timeout=WAIT_MS):
        window.actions_["save"].trigger()
    assert np.array_equal(read_pixels(path), scaled)

    document.undo()
    assert np.array_equal(settle(qtbot, window), start)
    assert (panel.lines, panel.factor.slider.value) == ([], 1.0)
    window.filing.open_path(path)
    qtbot.waitUntil(lambda: document.recipe.features != (), timeout=WAIT_MS)
    assert np.array_equal(settle(qtbot, window), scaled)
    assert len(panel.lines) == 1


def test_the_maps_follow_the_recipe(qtbot: QtBot, window: MainWindow) -> None:
    panel = panel_of(qtbot, window)
    panel.choose(1)
    before = panel.maps
    assert before is not None
    panel.factor.typed.emit(2.0)
    qtbot.waitUntil(lambda: panel.maps is not before, timeout=WAIT_MS)
    now = panel.maps
    assert now is not None
    assert now.mean[1] == pytest.approx(2 * before.mean[1], rel=1e-4)
    assert now.mean[0] == pytest.approx(before.mean[0], rel=1e-4)
    assert panel.grid.tiles[1].is_scaled


def test_one_is_no_edit_and_esc_takes_the_drag_back(qtbot: QtBot, window: MainWindow) -> None:
    panel = panel_of(qtbot, window)
    document = window.studio.document
    drag_factor(panel, 2.5, let_go=False)
    assert document.recipe.features
    QTest.keyClick(panel.factor.slider, Qt.Key.Key_Escape)
    assert (document.recipe.features, len(document.entries)) == ((), 1)
    drag_factor(panel, 2.5)
    panel.factor.slider.reset()
    assert document.recipe.features == ()


def test_scaled_maps_are_listed_and_taken_away(qtbot: QtBot, window: MainWindow) -> None:
    panel = panel_of(qtbot, window)
    document = window.studio.document
    for stage, factor in (("b4.conv1", 0.0), ("b8.conv0", 2.0)):
        panel.show_stage(stage)
        panel.choose(3)
        panel.factor.typed.emit(factor)
    assert [e.stage for e in document.recipe.features] == ["b4.conv1", "b8.conv0"]
    QTest.mouseClick(panel.lines[0], Qt.MouseButton.LeftButton)
    assert (panel.stage, panel.factor.slider.value) == ("b4.conv1", 0.0)
    panel.lines[0].button.click()
    assert [e.stage for e in document.recipe.features] == ["b8.conv0"]
    assert document.undo_label == "No longer scale b4.conv1 · 3"


def test_statistics_sort_the_maps(qtbot: QtBot, window: MainWindow) -> None:
    panel = panel_of(qtbot, window)
    maps = panel.maps
    assert maps is not None
    panel.orders.button("std").click()
    shown = [tile.channel for tile in panel.grid.tiles]
    assert shown == [int(i) for i in np.argsort(-maps.std, kind="stable")]
    panel.orders.button("std").click()
    assert [tile.channel for tile in panel.grid.tiles] == shown[::-1]
    QTest.keyClick(panel.grid, Qt.Key.Key_Right)
    assert panel.factor.name.text().startswith("Map ")


def test_another_model_starts_anew(qtbot: QtBot, window: MainWindow, other_model_path: Path) -> None:
    panel = panel_of(qtbot, window)
    panel.factor.typed.emit(2.0)
    window.filing.open_path(other_model_path)
    qtbot.waitUntil(
        lambda: window.studio.model is not None and window.studio.model.info.path == str(other_model_path),
        timeout=WAIT_MS,
    )
    qtbot.waitUntil(lambda: panel.maps is not None, timeout=WAIT_MS)
    assert panel.lines == []
