"""Regions are painted on the canvas and changed in the panel."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot
from window_helpers import WAIT_MS

from latentstudio import render
from latentstudio.document.edits import Source
from latentstudio.gui.main_window import MainWindow
from latentstudio.gui.panels.regions import OTHER, SAME, RegionsPanel
from latentstudio.models.registry import load_generator


def mouse(sheet: QWidget, kind: QEvent.Type, point: QPointF, held: Qt.MouseButton) -> None:
    pressed = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseMove else Qt.MouseButton.LeftButton
    where = QPointF(sheet.mapToGlobal(point))
    mods = Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(sheet, QMouseEvent(kind, point, where, pressed, held, mods))


@pytest.fixture
def panel(window: MainWindow) -> RegionsPanel:
    window.inspector.show_tab("regions")
    found = window.inspector.panels["regions"]
    assert isinstance(found, RegionsPanel)
    QApplication.processEvents()
    return found


def paint(panel: RegionsPanel, *, release: bool = True) -> None:
    """A stroke down the middle of the right half."""
    brush = panel.brush
    assert brush is not None
    place = brush.place()
    x, left = place.x() + place.width() * 0.75, Qt.MouseButton.LeftButton
    mouse(brush, QEvent.Type.MouseButtonPress, QPointF(x, place.y() + 5), left)
    for share in (0.3, 0.6, 0.95):
        mouse(brush, QEvent.Type.MouseMove, QPointF(x, place.y() + share * place.height()), left)
    if release:
        mouse(brush, QEvent.Type.MouseButtonRelease, QPointF(x, place.y() + 9), Qt.MouseButton.NoButton)


def test_a_region_is_painted_and_shows_another_start(
    qtbot: QtBot, window: MainWindow, panel: RegionsPanel
) -> None:
    document = window.studio.document
    before = document.recipe
    assert not panel.brush or not panel.brush.isVisible()
    panel.new.click()
    paint(panel)
    panel.start.button(OTHER).click()
    labels = [entry.label for entry in document.entries]
    assert labels[1:3] == ["New Region 1", "Paint, Region 1"]
    assert len(labels) == 4
    (edit,) = document.recipe.local
    assert edit.source is not None
    height, width = edit.mask.shape
    assert edit.mask.levels[height // 2, width * 3 // 4] == 255
    assert edit.mask.levels[height // 2, 5] == 0
    qtbot.waitUntil(lambda: window.studio.binding.is_current, timeout=WAIT_MS)
    shown = window.studio.binding.picture
    assert shown is not None
    assert window.studio.model is not None
    generator = load_generator(window.studio.model.info.path, device="cpu")
    assert np.array_equal(shown.pixels, render(document.recipe, generator))
    panel.start.button(SAME).click()
    assert document.recipe.local[0].source is None
    for _ in range(4):
        document.undo()
    assert document.recipe == before
    assert not panel.body.isVisible()


def test_esc_takes_the_stroke_back(window: MainWindow, panel: RegionsPanel) -> None:
    panel.new.click()
    document = window.studio.document
    before = document.recipe
    paint(panel, release=False)
    assert document.recipe != before
    assert document.is_merging
    key = QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_Escape, Qt.KeyboardModifier.NoModifier)
    assert panel.brush is not None
    QApplication.sendEvent(panel.brush, key)
    assert document.recipe == before
    assert panel.brush.painted_mask.is_empty


def test_sliders_act_inside_and_are_one_entry_a_drag(window: MainWindow, panel: RegionsPanel) -> None:
    document, model = window.studio.document, window.studio.model
    assert model is not None
    panel.new.click()
    paint(panel)
    panel.add_slider(model.directions["named"][0])
    (row,) = panel.sliders.rows
    count = len(document.entries)
    for value in (0.5, 1.0, 1.5):
        row.slider.value_edited.emit(value)
    row.slider.edit_finished.emit()
    assert len(document.entries) == count + 1
    assert document.recipe.local[0].directions[0].amount == 1.5
    assert document.recipe.directions == document.entries[0].recipe.directions
    panel.sliders.removed.emit(0)
    assert document.recipe.local[0].directions == ()


def test_regions_are_hidden_softened_limited_and_removed(window: MainWindow, panel: RegionsPanel) -> None:
    document = window.studio.document
    for _ in range(2):
        panel.new.click()
        paint(panel)
    panel.list.taken.emit(0)
    panel.set_source(Source(seed=5))
    panel.feather.typed.emit(20)
    panel.layers.range_painted.emit(0, 2)
    panel.last.setCurrentIndex(3)
    panel.last.activated.emit(3)
    first, second = document.recipe.local
    assert (first.source, first.feather, first.start, first.stop) == (Source(seed=5), 0.2, 0, 2)
    assert (first.first_stage, first.last_stage) == (0, 3)
    assert second.source is None
    panel.list.rows[0].eye.click()
    assert document.recipe.local[0].amount == 0
    panel.list.rows[0].eye.click()
    assert document.recipe.local[0].amount == 1
    panel.list.rows[0].remove.click()
    assert document.recipe.local == (second,)
    window.inspector.show_tab("sample")
    assert panel.brush is not None
    assert not panel.brush.isVisible()
