"""The seeds panel through the real window with the real engine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot
from window_helpers import WAIT_MS

from latentstudio.document.recipe import Source
from latentstudio.engine.requests import RenderRequest
from latentstudio.gui.main_window import MainWindow
from latentstudio.gui.panels.seeds import SeedsPanel
from latentstudio.latent.sampling import MAX_SEED

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


@pytest.fixture
def panel(window: MainWindow) -> SeedsPanel:
    window.inspector.show_tab("seeds")
    found = window.inspector.panels["seeds"]
    assert isinstance(found, SeedsPanel)
    return found


def settle(qtbot: QtBot, window: MainWindow) -> np.ndarray:
    qtbot.waitUntil(lambda: window.studio.binding.is_current, timeout=WAIT_MS)
    picture = window.studio.binding.picture
    assert picture is not None
    return picture.pixels


def filled(panel: SeedsPanel) -> bool:
    cells = panel.sheet.visible_cells()
    return bool(cells) and all(panel.sheet.image_of(seed) is not None for seed in cells)


def test_only_visible_seeds_are_drawn_and_a_click_opens_one(
    qtbot: QtBot, window: MainWindow, panel: SeedsPanel
) -> None:
    start = settle(qtbot, window)
    asked: list[RenderRequest] = []
    bridge, ask = window.studio.bridge, window.studio.bridge.request
    bridge.request = lambda request: (asked.append(request), ask(request))[1]  # type: ignore[method-assign]
    panel.sheet.go_to(4000)
    qtbot.waitUntil(lambda: filled(panel), timeout=WAIT_MS)
    drawn = {r.recipe.seed for r in asked if r.channel.startswith("thumbnail:seeds")}
    assert drawn <= set(panel.sheet.visible_cells())
    assert {r.channel for r in asked if "seeds" in r.channel} <= {"thumbnail:seeds 0", "thumbnail:seeds 1"}
    sheet = panel.sheet
    seed = sheet.visible_cells()[1]
    QTest.mouseClick(sheet.viewport(), LEFT, NONE, sheet.place(seed).center().toPoint())
    assert window.studio.document.undo_label == f"Seed {seed}"
    assert not np.array_equal(settle(qtbot, window), start)
    window.studio.document.undo()
    assert np.array_equal(settle(qtbot, window), start)


def test_the_sheet_has_no_end_before_the_last_seed(
    qtbot: QtBot, window: MainWindow, panel: SeedsPanel
) -> None:
    bar = panel.sheet.verticalScrollBar()
    for _ in range(5):
        bar.setValue(bar.maximum())
        assert bar.value() < bar.maximum()
    panel.jump.setText(str(MAX_SEED))
    panel.jump.returnPressed.emit()
    assert panel.sheet.visible_cells()[-1] == MAX_SEED
    qtbot.waitUntil(lambda: filled(panel), timeout=WAIT_MS)
    panel.jump.setText("0")
    panel.jump.returnPressed.emit()
    assert panel.sheet.visible_cells()[0] == 0
    QTest.keyClick(panel.sheet, Qt.Key.Key_Right)
    QTest.keyClick(panel.sheet, Qt.Key.Key_Return)
    assert window.studio.document.recipe.seed == 1


def test_a_star_keeps_a_seed_among_the_favourites(
    qtbot: QtBot, window: MainWindow, panel: SeedsPanel, home: Path
) -> None:
    qtbot.waitUntil(lambda: filled(panel), timeout=WAIT_MS)
    sheet = panel.sheet
    corner = sheet.place(2).topRight().toPoint()
    corner.setX(corner.x() - 10)
    corner.setY(corner.y() + 10)
    QTest.mouseClick(sheet.viewport(), LEFT, NONE, corner)
    qtbot.waitUntil(lambda: sheet.is_starred(2), timeout=WAIT_MS)
    assert len(list((home / "data" / "favourites").glob("*.png"))) == 1
    qtbot.waitUntil(lambda: window.favourites.grid.isVisible(), timeout=WAIT_MS)
    panel.star(2)
    qtbot.waitUntil(lambda: not sheet.is_starred(2), timeout=WAIT_MS)
    qtbot.waitUntil(lambda: window.studio.background.is_idle, timeout=WAIT_MS)


def test_a_neighbour_is_an_explicit_z_that_can_be_saved(
    qtbot: QtBot, window: MainWindow, panel: SeedsPanel
) -> None:
    start = settle(qtbot, window)
    panel.show_view("like")
    qtbot.waitUntil(lambda: all(panel.tiles.has_image(i) for i in range(9)), timeout=WAIT_MS)
    panel.tiles.chosen.emit(0)
    (source,) = window.studio.document.recipe.sources
    assert source.space == "z"
    assert source.values is not None
    assert window.studio.document.undo_label == "More like this"
    assert not np.array_equal(settle(qtbot, window), start)
    panel.near.radius.typed.emit(0.0)
    qtbot.waitUntil(lambda: len(panel._neighbours) == 9 and len(set(panel._neighbours[:4])) == 1)
    window.studio.document.undo()
    assert np.array_equal(settle(qtbot, window), start)


def test_walking_is_one_edit_a_drag_and_comes_back_from_its_recipe(
    qtbot: QtBot, window: MainWindow, panel: SeedsPanel
) -> None:
    document = window.studio.document
    panel.show_view("walk")
    panel.walk_to(3, 1)
    assert document.recipe.sources == (Source(seed=103),)
    before = settle(qtbot, window)
    pad = panel.pad
    qtbot.waitUntil(lambda: panel._image_at(3, 1) is not None, timeout=WAIT_MS)
    entries = len(document.entries)
    QTest.mousePress(pad, LEFT, NONE, pad.position_of(3, 1).toPoint())
    for x in (3.2, 3.4):
        QTest.mouseMove(pad, pad.position_of(x, 1.5).toPoint())
    QTest.mouseRelease(pad, LEFT, NONE, pad.position_of(3.4, 1.5).toPoint())
    assert len(document.entries) == entries + 1
    assert [s.seed for s in document.recipe.sources] == [103, 104, 203, 204]
    assert pad.place == pytest.approx((3.4, 1.5), abs=0.02)
    assert panel.boxes[0].value == pad.place[0]
    walked = settle(qtbot, window)
    document.undo()
    assert pad.place == (3, 1)
    assert np.array_equal(settle(qtbot, window), before)
    document.redo()
    assert np.array_equal(settle(qtbot, window), walked)
    panel.boxes[1].value_typed.emit(1.0)
    assert document.undo_label == f"Walk {pad.place[0]}, 1.0"


def test_esc_takes_a_walk_back(qtbot: QtBot, window: MainWindow, panel: SeedsPanel) -> None:
    start, entries = settle(qtbot, window), len(window.studio.document.entries)
    panel.show_view("walk")
    pad = panel.pad
    QTest.mousePress(pad, LEFT, NONE, pad.rect().center())
    QTest.mouseMove(pad, pad.rect().center() * 1.3)
    QTest.keyClick(pad, Qt.Key.Key_Escape)
    assert len(window.studio.document.entries) == entries
    assert np.array_equal(settle(qtbot, window), start)
