"""The A - B + C bench through the real window with the real engine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot
from window_helpers import WAIT_MS

from latentstudio.document.recipe import Recipe, Source
from latentstudio.document.recipe_json import dumps
from latentstudio.gui.main_window import MainWindow
from latentstudio.gui.neighbourhood import CENTER
from latentstudio.gui.panels.bench import BenchPanel
from latentstudio.media.image import write_png

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


@pytest.fixture
def panel(window: MainWindow) -> BenchPanel:
    window.inspector.show_tab("bench")
    found = window.inspector.panels["bench"]
    assert isinstance(found, BenchPanel)
    return found


def settle(qtbot: QtBot, window: MainWindow) -> np.ndarray:
    qtbot.waitUntil(lambda: window.studio.binding.is_current, timeout=WAIT_MS)
    picture = window.studio.binding.picture
    assert picture is not None
    return picture.pixels


def filled(panel: BenchPanel) -> None:
    panel.put_seeds(0, "1-3")
    panel.put_seeds(1, "4-6")
    panel.put_seeds(2, "7")


def test_collecting_leaves_the_picture_and_showing_is_one_edit(
    qtbot: QtBot, window: MainWindow, panel: BenchPanel
) -> None:
    document, start = window.studio.document, settle(qtbot, window)
    filled(panel)
    assert len(document.entries) == 1
    panel.show_result.click()
    assert document.undo_label == "A − B + C"
    weights = [s.weight for s in document.recipe.sources]
    assert weights == pytest.approx([1 / 3] * 3 + [-1 / 3] * 3 + [1])
    shown = settle(qtbot, window)
    assert not np.array_equal(shown, start)
    document.undo()
    assert np.array_equal(settle(qtbot, window), start)
    assert not panel.is_live
    document.redo()
    assert np.array_equal(settle(qtbot, window), shown)
    assert panel.is_live


def test_a_shown_sum_follows_every_change_and_undo_brings_the_trays_back(
    qtbot: QtBot, window: MainWindow, panel: BenchPanel
) -> None:
    document = window.studio.document
    filled(panel)
    panel.show_result.click()
    before = settle(qtbot, window)
    panel.rows[1].tiles.removed.emit(0)
    assert document.undo_label == "Seed 4 out of B"
    assert len(panel.state.trays[1]) == 2
    assert not np.array_equal(settle(qtbot, window), before)
    document.undo()
    assert len(panel.state.trays[1]) == 3
    assert panel.rows[1].tiles.count == 3
    assert np.array_equal(settle(qtbot, window), before)


def test_a_weight_is_dragged_as_one_edit_and_esc_takes_it_back(
    qtbot: QtBot, window: MainWindow, panel: BenchPanel
) -> None:
    document = window.studio.document
    filled(panel)
    panel.show_result.click()
    slider = panel.rows[0].slider
    here = slider.position_of(1.0).toPoint()
    for let_go in (True, False):
        QTest.mousePress(slider, LEFT, NONE, slider.position_of(slider.value).toPoint())
        for step in range(1, 5):
            QTest.mouseMove(slider, here + QPoint(8 * step, 0))
        assert panel.state.weights[0] > 1
        if let_go:
            QTest.mouseRelease(slider, LEFT, NONE, here + QPoint(32, 0))
            assert len(document.entries) == 3
            assert str(document.undo_label).startswith("Weight of A +1.")
            document.undo()
        else:
            QTest.keyClick(slider, Qt.Key.Key_Escape)
    assert len(document.entries) == 3  # the undone one can be redone
    assert panel.state.weights[0] == 1
    assert slider.value == 1


def test_sliders_go_into_the_picture_that_is_put_in(
    qtbot: QtBot, window: MainWindow, panel: BenchPanel
) -> None:
    window.inspector.panels["directions"].rows[0].typed.emit(2.0)  # type: ignore[attr-defined]
    turned = settle(qtbot, window)
    panel.rows[2].put.click()
    panel.show_result.click()
    assert window.studio.document.recipe.directions[0].amount == 0
    assert np.array_equal(settle(qtbot, window), turned)


def test_a_slider_in_w_is_resolved_by_the_network(
    qtbot: QtBot, window: MainWindow, panel: BenchPanel
) -> None:
    studio = window.studio
    qtbot.waitUntil(lambda: "pca" in (studio.model.directions if studio.model else {}), timeout=WAIT_MS)
    directions = window.inspector.panels["directions"]
    directions.add(studio.model.directions["pca"][0])  # type: ignore[attr-defined, union-attr]
    directions.rows[-1].typed.emit(2.0)  # type: ignore[attr-defined]
    moved = settle(qtbot, window)
    panel.rows[0].put.click()
    qtbot.waitUntil(lambda: bool(panel.state.trays[0]), timeout=WAIT_MS)
    assert not panel.state.has_only_z
    panel.show_result.click()
    assert np.allclose(settle(qtbot, window).astype(int), moved, atol=2)


def test_the_result_stands_amid_eight_neighbours_that_can_be_opened(
    qtbot: QtBot, window: MainWindow, panel: BenchPanel
) -> None:
    filled(panel)
    qtbot.waitUntil(lambda: all(panel.result.has_image(i) for i in range(9)), timeout=WAIT_MS)
    panel.result.chosen.emit(CENTER)
    centre = settle(qtbot, window)
    qtbot.waitUntil(lambda: all(panel.result.has_image(i) for i in range(9)), timeout=WAIT_MS)
    panel.result.chosen.emit(0)
    assert window.studio.document.undo_label == "Neighbour of A − B + C"
    assert not np.array_equal(settle(qtbot, window), centre)


def test_an_example_fills_the_trays_and_shows_the_sum(
    qtbot: QtBot, window: MainWindow, panel: BenchPanel
) -> None:
    start = settle(qtbot, window)
    panel.use_preset("Turn")
    assert window.studio.document.undo_label == "Example: Turn"
    assert [len(tray) for tray in panel.state.trays] == [3, 3, 1]
    assert not np.array_equal(settle(qtbot, window), start)
    window.studio.document.undo()
    assert np.array_equal(settle(qtbot, window), start)


def test_the_difference_becomes_a_direction_that_is_kept(
    qtbot: QtBot, window: MainWindow, panel: BenchPanel, home: Path
) -> None:
    filled(panel)
    panel.difference.name.setText("Three to three")
    panel.difference.make.click()
    model = window.studio.model
    assert model is not None
    qtbot.waitUntil(lambda: bool(model.directions.get("mine")), timeout=WAIT_MS)
    (direction,) = model.directions["mine"]
    assert (direction.name, direction.space) == ("Three to three", "w")
    qtbot.waitUntil(lambda: window.studio.background.is_idle, timeout=WAIT_MS)
    assert len(list((home / "data" / "directions").glob("*.directions.json"))) == 1


def test_pictures_with_a_recipe_go_into_a_tray_and_strangers_do_not(
    qtbot: QtBot, window: MainWindow, panel: BenchPanel, tmp_path: Path
) -> None:
    recipe = window.studio.document.recipe
    path = tmp_path / "kept.png"
    write_png(path, settle(qtbot, window), dumps(recipe.changed(sources=(Source(seed=12),))))
    panel.put_files(0, [path])
    qtbot.waitUntil(lambda: bool(panel.state.trays[0]), timeout=WAIT_MS)
    assert panel.state.trays[0][0].source == Source(seed=12)
    from latentstudio.document.recipe import ModelRef

    stranger = Recipe(model=ModelRef("0" * 64, "Elsewhere", ""))
    write_png(path, np.zeros((4, 4, 3), np.uint8), dumps(stranger))
    panel.put_files(0, [path])
    qtbot.waitUntil(window.notices.isVisible, timeout=WAIT_MS)
    assert "Elsewhere" in window.notices.notice.message  # type: ignore[union-attr]
    assert len(panel.state.trays[0]) == 1
    panel.put_seeds(0, "many")
    assert "many" in window.notices.notice.message  # type: ignore[union-attr]


def test_space_and_layers_change_the_sum_and_a_saved_sum_comes_back_as_trays(
    qtbot: QtBot, window: MainWindow, panel: BenchPanel
) -> None:
    document = window.studio.document
    filled(panel)
    panel.show_result.click()
    in_w = settle(qtbot, window)
    panel.options.sums.button("z normalized").click()
    assert document.recipe.combine == "z normalized"
    assert not np.array_equal(settle(qtbot, window), in_w)
    panel.options.sums.button("w").click()
    panel.options.range_chosen.emit(0, 2)
    assert document.recipe.mixing
    assert not np.array_equal(settle(qtbot, window), in_w)
    document.undo()
    assert np.array_equal(settle(qtbot, window), in_w)

    recipe = document.recipe
    panel.set_model(window.studio.model)  # type: ignore[arg-type]
    document.restart(recipe)
    assert [[m.words for m in tray] for tray in panel.state.trays] == [
        ["Seed 1", "Seed 2", "Seed 3"],
        ["Seed 4", "Seed 5", "Seed 6"],
        ["Seed 7"],
    ]
    assert panel.is_live
