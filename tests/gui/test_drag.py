"""Points are set on the canvas with the mouse, and the drag is one entry."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot
from window_helpers import WAIT_MS

from latentstudio.document.mask import Mask
from latentstudio.gui.main_window import MainWindow
from latentstudio.gui.panels.drag import PAINT, DragPanel


def pull(sheet: QWidget, start: QPointF, end: QPointF, button=Qt.MouseButton.LeftButton) -> None:
    """Press, move, release."""
    none, mods = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier
    for kind, point, pressed, held in (
        (QEvent.Type.MouseButtonPress, start, button, button),
        (QEvent.Type.MouseMove, (start + end) / 2, none, button),
        (QEvent.Type.MouseMove, end, none, button),
        (QEvent.Type.MouseButtonRelease, end, button, none),
    ):
        where = QPointF(sheet.mapToGlobal(point))
        QApplication.sendEvent(sheet, QMouseEvent(kind, point, where, pressed, held, mods))


@pytest.fixture
def panel(window: MainWindow) -> DragPanel:
    window.inspector.show_tab("drag")
    found = window.inspector.panels["drag"]
    assert isinstance(found, DragPanel)
    QApplication.processEvents()
    return found


def pulled(panel: DragPanel, start=(5, 5), end=(9, 8)) -> None:
    tool = panel.tool
    assert tool is not None
    pull(tool, tool.screen_point(start), tool.screen_point(end))


def test_the_tool_lies_on_the_canvas_only_while_its_panel_shows(window: MainWindow, panel: DragPanel) -> None:
    assert panel.tool is not None
    assert panel.tool.isVisible()
    window.inspector.show_tab("sample")
    assert not panel.tool.isVisible()


def test_a_pull_makes_a_point_a_click_a_pin_and_the_right_button_removes(panel: DragPanel) -> None:
    tool = panel.tool
    assert tool is not None
    assert not panel.start.isEnabled()
    pulled(panel)
    pulled(panel, (12, 3), (12, 3))
    moved, pin = tool.points
    assert np.allclose(moved.handle, (5, 5), atol=0.05)
    assert np.allclose(moved.target, (9, 8), atol=0.05)
    assert pin.distance == 0
    assert panel.start.isEnabled()
    pulled(panel, (9, 8), (11, 8))
    assert np.allclose(tool.points[0].target, (11, 8), atol=0.05)
    place = tool.screen_point((5, 5))
    pull(tool, place, place, Qt.MouseButton.RightButton)
    assert len(tool.points) == 1


def test_a_drag_is_one_entry_and_undo_brings_back_picture_and_points(
    qtbot: QtBot, window: MainWindow, panel: DragPanel
) -> None:
    document = window.studio.document
    before = document.recipe
    panel.max_steps = 4
    pulled(panel)
    panel.start.click()
    qtbot.waitUntil(lambda: not panel.job.is_running, timeout=4 * WAIT_MS)
    assert [entry.label for entry in document.entries][-1] == "Drag a point"
    assert len(document.entries) == 2
    assert document.recipe.directions[-1].direction.origin == "drag"
    assert not document.is_merging
    document.undo()
    assert document.recipe == before
    assert panel.tool is not None
    assert np.allclose(panel.tool.points[0].handle, (5, 5), atol=0.05)


def test_a_drag_can_be_stopped_and_taken_back(qtbot: QtBot, window: MainWindow, panel: DragPanel) -> None:
    document = window.studio.document
    before = document.recipe
    pulled(panel)
    for end in (panel.start_or_stop, panel.take_back):
        panel.start.click()
        with qtbot.waitSignal(panel.job.progressed, timeout=WAIT_MS):
            pass
        qtbot.waitUntil(lambda: document.recipe != before, timeout=WAIT_MS)
        end()
        assert not panel.job.is_running
        assert not document.is_merging
        assert len(document.entries) == (2 if end == panel.start_or_stop else 1)
        if end == panel.start_or_stop:
            document.undo()
            assert document.recipe == before
            document.restart(before)
    assert document.recipe == before


def test_another_edit_ends_the_drag(qtbot: QtBot, window: MainWindow, panel: DragPanel) -> None:
    document = window.studio.document
    pulled(panel)
    panel.start.click()
    with qtbot.waitSignal(panel.job.progressed, timeout=WAIT_MS):
        pass
    document.edit("Truncation 0.5", document.recipe.changed(truncation_psi=0.5))
    assert not panel.job.is_running
    kept = document.recipe
    qtbot.waitUntil(lambda: window.studio.binding.is_current, timeout=WAIT_MS)
    assert document.recipe == kept


def test_what_is_painted_is_what_may_move(panel: DragPanel) -> None:
    brush = panel.brush
    assert brush is not None
    panel._choose_hand(PAINT)
    assert brush.isVisible()
    place = brush.place()
    pull(brush, place.center() - QPointF(40, 0), place.center() + QPointF(40, 0))
    painted = brush.painted_mask
    height, width = painted.shape
    assert painted.levels[height // 2, width // 2] == 255
    assert painted.levels[0, 0] == 0
    assert panel._options().mask == painted
    pull(brush, place.center(), place.center(), Qt.MouseButton.RightButton)
    assert brush.painted_mask.levels[height // 2, width // 2] == 0
    panel.brushes.invert.click()
    assert brush.painted_mask.levels[0, 0] == 255
    panel.brushes.clear.click()
    assert brush.painted_mask == Mask(np.zeros(painted.shape))
    assert panel._options().mask is None
