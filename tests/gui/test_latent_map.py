"""The latent map in the real window with the real engine: made, walked on, coloured, lassoed."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from window_helpers import WAIT_MS

from latentstudio.gui.latent_map import LatentMap
from latentstudio.gui.latent_map_choice import DIRECTIONS, LIKENESS, MapChoice, with_axes
from latentstudio.gui.latent_map_view import MapView
from latentstudio.gui.latent_map_window import MapWindow
from latentstudio.gui.main_window import MainWindow
from latentstudio.gui.panels.bench import BenchPanel
from latentstudio.gui.panels.directions import DirectionsPanel
from latentstudio.gui.widgets.contact_sheet import HAS

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


@pytest.fixture
def latent_map(qtbot: QtBot, window: MainWindow) -> LatentMap:
    found = window.map.map
    found.choose(MapChoice(samples=300))
    qtbot.waitUntil(lambda: len(found.points) == 300 and found.dot is not None, timeout=WAIT_MS)
    return found


@pytest.fixture
def large(qtbot: QtBot, window: MainWindow, latent_map: LatentMap) -> MapWindow:
    window.commands.open_map()
    assert window.map.large is not None
    qtbot.waitUntil(window.map.large.isVisible, timeout=WAIT_MS)
    window.map.large.view.fit()
    return window.map.large


def settle(qtbot: QtBot, window: MainWindow) -> None:
    qtbot.waitUntil(lambda: window.studio.binding.is_current, timeout=WAIT_MS)


def spot(view: MapView, place: tuple[float, float]) -> QPoint:
    return view.camera.widget_point(place).toPoint()


def test_the_dot_lies_on_its_sample_and_moves_with_the_sliders(
    qtbot: QtBot, window: MainWindow, latent_map: LatentMap
) -> None:
    window.commands._start_from(7)
    settle(qtbot, window)
    assert np.allclose(latent_map.dot, latent_map.points[7], atol=1e-3)
    panel = window.inspector.panels["directions"]
    assert isinstance(panel, DirectionsPanel)
    panel.rows[0].typed.emit(2.0)
    settle(qtbot, window)
    assert not np.allclose(latent_map.dot, latent_map.points[7], atol=1e-3)


def test_dragging_the_dot_is_one_edit_of_two_sliders_and_undo_brings_it_back(
    qtbot: QtBot, window: MainWindow, large: MapWindow
) -> None:
    view, document, latent_map = large.view, window.studio.document, large.map
    assert latent_map.dot is not None
    before, recipe = latent_map.dot, document.recipe
    start, end = spot(view, before), spot(view, (0.5, -0.4))
    QTest.mousePress(view, LEFT, NONE, start)
    for share in (0.3, 0.7, 1.0):
        QTest.mouseMove(view, start + (end - start) * share)
    QTest.mouseRelease(view, LEFT, NONE, end)
    settle(qtbot, window)
    assert document.undo_label == "Walk on the map"
    assert {e.direction.name for e in document.recipe.directions if e.amount} == {"PCA 1", "PCA 2"}
    pixel = 1 / view.camera.scale
    assert np.allclose(latent_map.dot, view.camera.map_place(QPointF(end)), atol=3 * pixel)
    document.undo()
    settle(qtbot, window)
    assert document.recipe == recipe
    assert np.allclose(latent_map.dot, before, atol=1e-4)


def test_a_click_on_a_sample_opens_it_and_pictures_come_by_themselves(
    qtbot: QtBot, window: MainWindow, large: MapWindow
) -> None:
    view, pictures = large.view, large.map.pictures
    qtbot.waitUntil(lambda: pictures.count >= 5, timeout=WAIT_MS)
    index, place = next((i, p) for i, p in view.shown_pictures() if pictures.find(i) is not None)
    QTest.mouseClick(view, LEFT, NONE, place.center().toPoint())
    assert window.studio.document.recipe.seed == index
    settle(qtbot, window)
    assert np.allclose(large.map.dot, large.map.points[index], atol=1e-3)


def test_the_wheel_goes_nearer_around_the_pointer_and_pictures_stay(large: MapWindow) -> None:
    view = large.view
    shown = {index for index, _ in view.shown_pictures()}
    point = QPointF(view.rect().center()) + QPointF(20, 10)
    place = view.camera.map_place(point)
    still, phase = Qt.MouseButton.NoButton, Qt.ScrollPhase.NoScrollPhase
    wheel = QWheelEvent(point, point, QPoint(), QPoint(0, 240), still, NONE, phase, False)
    QApplication.sendEvent(view, wheel)
    assert view.camera.scale > view.camera.fit_scale * 1.4
    assert np.allclose(view.camera.map_place(point), place, atol=1e-9)
    nearer = {index for index, _ in view.shown_pictures()}
    inside = {
        i for i in shown if view.rect().adjusted(40, 40, -40, -40).contains(spot(view, large.map.points[i]))
    }
    assert inside <= nearer


def test_panning_does_not_draw_the_points_again(qtbot: QtBot, large: MapWindow) -> None:
    view = large.view
    view.repaint()
    drawn = view._layer.drawn
    for _ in range(20):
        view.pan_by(6, 3)
        view.repaint()
    assert view._layer.drawn == drawn


def test_a_stroke_becomes_a_tray_and_a_label_set(qtbot: QtBot, window: MainWindow, large: MapWindow) -> None:
    view = large.view
    large.lasso.click()
    corners = [(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)]
    QTest.mousePress(view, LEFT, NONE, spot(view, corners[0]))
    for corner in corners[1:]:
        QTest.mouseMove(view, spot(view, corner))
    QTest.mouseRelease(view, LEFT, NONE, spot(view, corners[3]))
    points = large.map.points
    pixel = 2 / view.camera.scale
    inside = set(np.flatnonzero((np.abs(points) < 0.9 - pixel).all(1)).tolist())
    outside = set(np.flatnonzero((np.abs(points) > 0.9 + pixel).any(1)).tolist())
    chosen = set(view.selection.tolist())
    assert inside <= chosen
    assert not outside & chosen
    assert len(chosen) > 20

    large.buttons["Tray B"].click()
    bench = window.inspector.panels["bench"]
    assert isinstance(bench, BenchPanel)
    qtbot.waitUntil(lambda: len(bench.state.trays[1]) == 1, timeout=WAIT_MS)
    assert bench.state.trays[1][0].words == f"Mean of {len(chosen)}"
    large.buttons["Has it"].click()
    panel = window.inspector.panels["directions"]
    assert isinstance(panel, DirectionsPanel)
    assert panel.own.dialog is not None
    assert panel.own.dialog.marks.marks == dict.fromkeys(chosen, HAS)
    large.buttons["Centre"].click()
    qtbot.waitUntil(lambda: window.studio.document.recipe.truncation_center is not None, timeout=WAIT_MS)
    large.buttons["Drop"].click()
    assert not len(view.selection)
    assert not large.selection.isVisible()


def test_colours_come_from_directions_and_from_what_is_measured(qtbot: QtBot, large: MapWindow) -> None:
    latent_map = large.map
    large.colour.setCurrentIndex(large.colour.findText("Contrast"))
    large.colour.activated.emit(large.colour.currentIndex())
    qtbot.waitUntil(
        lambda: latent_map.values is not None and bool(np.isfinite(latent_map.values).all()), timeout=WAIT_MS
    )
    qtbot.waitUntil(large.legend.isVisible, timeout=WAIT_MS)
    at = large.colour.findText("PCA 1  (w)")
    large.colour.setCurrentIndex(at)
    large.colour.activated.emit(at)
    assert latent_map.values is not None
    assert np.allclose(latent_map.values, latent_map.points[:, 0], atol=1e-3)


def test_two_directions_and_likeness_are_other_maps_of_the_same_samples(
    qtbot: QtBot, window: MainWindow, large: MapWindow
) -> None:
    latent_map, model = large.map, window.studio.model
    assert model is not None
    first, second = model.directions["named"][:2]
    latent_map.choose(with_axes(latent_map.choice, first, second))
    qtbot.waitUntil(lambda: latent_map.axes == (first, second), timeout=WAIT_MS)
    assert latent_map.choice.kind == DIRECTIONS
    window.commands._start_from(5)
    settle(qtbot, window)
    # Named directions are coordinates of z: the place of a seed is two of its numbers.
    z = window.studio.document.recipe.sources[0].z(8)
    assert np.allclose(latent_map.dot, z[:2], atol=1e-5)
    latent_map.go_to((1.5, -1.0))
    settle(qtbot, window)
    assert np.allclose(latent_map.dot, (1.5, -1.0), atol=1e-3)

    window.commands.reset_sliders()
    latent_map.choose(MapChoice(kind=LIKENESS, samples=300))
    qtbot.waitUntil(lambda: latent_map.axes is None and not latent_map.words, timeout=WAIT_MS)
    assert latent_map.points.shape == (300, 2)
    latent_map.open_sample(11)
    settle(qtbot, window)
    assert np.allclose(latent_map.dot, latent_map.points[11], atol=1e-3)
    middle = latent_map.points[:3].mean(0)
    latent_map.go_to((float(middle[0]), float(middle[1])))
    settle(qtbot, window)
    assert 1 <= len(window.studio.document.recipe.sources) <= 3
