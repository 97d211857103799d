"""Hovering, heat over the picture, dragging pictures between panels, a centre of several; real engine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QEnterEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot
from window_helpers import WAIT_MS, OpenWindow

from latentstudio.document.factors import Factors, factor_paths, write_factors
from latentstudio.document.recipe import DirectionEdit, Recipe
from latentstudio.engine.latents import resolve_ws
from latentstudio.gui.dragging import dropped_recipe, is_picture, picture_data
from latentstudio.gui.main_window import MainWindow
from latentstudio.gui.own_directions import add_own, own
from latentstudio.gui.panels.bench import BenchPanel
from latentstudio.gui.panels.directions import DirectionsPanel
from latentstudio.gui.panels.mix import MixPanel
from latentstudio.gui.selection_picker import SelectionPicker
from latentstudio.latent.directions import Direction
from latentstudio.latent.spaces import Latent
from latentstudio.models.registry import load_generator

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


@pytest.fixture
def panel(window: MainWindow) -> DirectionsPanel:
    found = window.inspector.panels["directions"]
    assert isinstance(found, DirectionsPanel)
    return found


def enter(widget: QWidget) -> None:
    point = QPointF(widget.rect().center())
    QApplication.sendEvent(widget, QEnterEvent(point, point, point))


def test_resting_on_a_name_shows_where_it_leads_and_where_it_acts(
    qtbot: QtBot, panel: DirectionsPanel
) -> None:
    panel.hover._timer.setInterval(0)
    enter(panel.rows[1].name)
    popup = panel.hover.popup
    qtbot.waitUntil(popup.isVisible, timeout=WAIT_MS)
    assert panel.hover.name.text() == panel.rows[1].direction.name
    qtbot.waitUntil(lambda: all(map(panel.hover.strip.has_image, range(5))), timeout=WAIT_MS)
    assert panel.hover.heat.has_veil
    QApplication.sendEvent(panel.rows[1].name, QEvent(QEvent.Type.Leave))
    assert not popup.isVisible()


def test_the_heat_map_lies_over_the_picture_while_the_hand_rests(
    qtbot: QtBot, window: MainWindow, panel: DirectionsPanel
) -> None:
    window.commands.toggle_heat()
    assert window.bar.heat.isChecked()
    assert not window.canvas.has_veil
    panel.rows[0].typed.emit(2.0)
    qtbot.waitUntil(lambda: window.canvas.has_veil, timeout=WAIT_MS)
    assert "Turn +2" in window.heat.words
    panel.rows[0].edited.emit(2.5)
    assert not window.canvas.has_veil
    window.studio.document.release()
    qtbot.waitUntil(lambda: window.canvas.has_veil, timeout=WAIT_MS)
    window.bar.heat.click()
    assert not window.canvas.has_veil


def drop(widget: QWidget, recipe: Recipe, at: QPoint) -> None:
    data, copy = picture_data(recipe), Qt.DropAction.CopyAction
    QApplication.sendEvent(widget, QDragEnterEvent(at, copy, data, LEFT, NONE))
    QApplication.sendEvent(widget, QDropEvent(QPointF(at), copy, data, LEFT, NONE))


def test_a_dragged_picture_lands_in_a_tray_on_a_group_and_on_the_canvas(
    qtbot: QtBot, window: MainWindow
) -> None:
    document = window.studio.document
    carried = document.recipe.changed(sources=(document.recipe.seeded(12),))
    assert is_picture(picture_data(carried))
    assert dropped_recipe(picture_data(carried)) == carried

    bench = window.inspector.panels["bench"]
    assert isinstance(bench, BenchPanel)
    drop(bench.rows[1], carried, QPoint(5, 5))
    assert [member.words for member in bench.state.trays[1]] == ["Seed 12"]

    window.inspector.show_tab("mix")
    mix = window.inspector.panels["mix"]
    assert isinstance(mix, MixPanel)
    place = mix.matrix.mapTo(mix, QPoint(mix.matrix.width() - 4, 4))
    drop(mix, carried, place)
    qtbot.waitUntil(lambda: len(document.recipe.mixing) == 1, timeout=WAIT_MS)
    assert document.recipe.mixing[0].source.seed == 12
    assert any(document.recipe.mixing[0].amounts)

    drop(window, carried, window.canvas.mapTo(window, window.canvas.rect().center()))
    assert document.recipe == carried


def test_favourites_and_seeds_together_are_a_centre(
    qtbot: QtBot, window: MainWindow, model_path: Path
) -> None:
    window.favourites.add()
    document, shown = window.studio.document, window.studio.document.recipe
    window.inspector.show_tab("conditions")
    section = window.inspector.panels["conditions"].truncation
    qtbot.waitUntil(lambda: bool(window.favourites.grid._pictures), timeout=WAIT_MS)
    section.from_selection.click()
    picker: list[SelectionPicker] = []

    def opened() -> bool:
        picker[:] = [w for w in QApplication.topLevelWidgets() if isinstance(w, SelectionPicker)]
        return bool(picker) and picker[0].isVisible()

    qtbot.waitUntil(opened, timeout=WAIT_MS)
    picker[0].buttons[0].click()
    QTest.keyClicks(picker[0].seeds, "3-4")
    picker[0].take.click()
    qtbot.waitUntil(lambda: document.recipe.truncation_center is not None, timeout=WAIT_MS)

    generator = load_generator(model_path, device="cpu")
    bare = Recipe(model=shown.model)
    parts = [shown, *(bare.changed(sources=(shown.seeded(seed),)) for seed in (3, 4))]
    mean = np.mean([resolve_ws(part, generator).astype(np.float64) for part in parts], 0)
    center = document.recipe.truncation_center
    assert center is not None
    assert center.values is not None
    assert np.allclose(center.values.array, mean, atol=1e-6)
    assert document.undo_label == "Centre on the mean of 3"


def test_an_own_direction_keeps_how_far_it_reaches_and_what_it_may_move(
    qtbot: QtBot, window: MainWindow, panel: DirectionsPanel
) -> None:
    values = np.zeros(8, np.float32)
    values[1] = 1
    kept = add_own(window.studio, Direction("Straight", "w", Latent(values), 0.5, "examples"))
    assert kept is not None
    panel.add(kept)
    panel.rows[-1].typed.emit(1.0)
    panel.own.open_library()
    assert panel.own.dialog is not None
    row = panel.own.dialog.library.rows[0]
    qtbot.waitUntil(lambda: all(map(row.strip.has_image, range(5))), timeout=WAIT_MS)
    popup = row.open_habits()
    assert popup is not None
    popup.reach.value_typed.emit(9.0)
    popup.reach.set_value(9.0)
    popup.layers.set_rows({0, 2})
    popup.close()

    model = window.studio.model
    assert model is not None
    assert [(d.reach, d.rows) for d in own(model)] == [(9.0, (0, 2))]
    edit = window.studio.document.recipe.directions[-1]
    assert edit == DirectionEdit(replace(kept, reach=9.0, rows=(0, 2)), 1.0)
    assert panel.rows[-1].layers_hint.text() == "2 layers"
    assert panel.rows[-1].slider.position_of(9.0).x() > panel.rows[-1].slider.position_of(8.0).x()


def test_measured_factors_stand_beside_the_sliders(
    qtbot: QtBot, open_window: OpenWindow, model_path: Path
) -> None:
    generator = load_generator(model_path, device="cpu")
    sha256 = generator.info.sha256
    effects = {("named", "Turn"): {"Yaw": 11.25, "Age": 0.01}}
    write_factors(
        factor_paths(sha256, None)[0], Factors(sha256, {"Yaw": "°", "Age": ""}, {"Yaw": 9}, effects)
    )
    window = open_window(model_path)
    panel = window.inspector.panels["directions"]
    assert isinstance(panel, DirectionsPanel)
    qtbot.waitUntil(lambda: bool(window.studio.model and window.studio.model.factors), timeout=WAIT_MS)
    panel.use(0)
    measured = panel.rows[0].measured
    assert measured is not None
    assert measured.text() == "Measured, per σ: Yaw +11.25°"
