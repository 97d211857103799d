"""Own directions through the real window with the real engine: marked, scored, imported, changed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot
from window_helpers import WAIT_MS, OpenWindow

from latentstudio.gui.main_window import MainWindow
from latentstudio.gui.own.dialog import OwnDialog
from latentstudio.gui.own_directions import add_own
from latentstudio.gui.panels.directions import DirectionsPanel
from latentstudio.latent.boundaries import METHODS, cosine
from latentstudio.latent.directions import Direction
from latentstudio.latent.spaces import Latent

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


@pytest.fixture
def panel(window: MainWindow) -> DirectionsPanel:
    found = window.inspector.panels["directions"]
    assert isinstance(found, DirectionsPanel)
    found.show_group("mine")
    return found


@pytest.fixture
def dialog(qtbot: QtBot, panel: DirectionsPanel) -> OwnDialog:
    panel.own.open_marks()
    assert panel.own.dialog is not None
    qtbot.waitUntil(panel.own.dialog.isVisible)
    return panel.own.dialog


def settle(qtbot: QtBot, window: MainWindow) -> np.ndarray:
    qtbot.waitUntil(lambda: window.studio.binding.is_current, timeout=WAIT_MS)
    picture = window.studio.binding.picture
    assert picture is not None
    return picture.pixels


def mine(window: MainWindow) -> list[Direction]:
    assert window.studio.model is not None
    return window.studio.model.directions.get("mine", [])


def straight() -> Direction:
    values = np.zeros(8, np.float32)
    values[2] = 1
    return Direction("Straight", "w", Latent(values), 0.5, "examples")


def test_marked_samples_become_a_slider(qtbot: QtBot, window: MainWindow, dialog: OwnDialog) -> None:
    marks = dialog.marks
    for seed in range(12):
        marks.mark(seed, "has" if seed % 2 else "has not")
    assert marks.counts.text() == "6 with it, 6 without"
    marks.fit.click()
    qtbot.waitUntil(lambda: len(marks.fits) == len(METHODS), timeout=WAIT_MS)
    assert "held-out" in marks.card.accuracy.text()
    assert "cosine" in marks.card.similar.text()
    qtbot.waitUntil(lambda: all(marks.card.strip.has_image(i) for i in range(5)), timeout=WAIT_MS)
    marks.card.name.setText("Odd")
    marks.card.keep.click()
    assert [d.name for d in mine(window)] == ["Odd"]
    assert window.studio.document.undo_label == "Add Odd"
    assert window.studio.document.recipe.directions[-1].direction.name == "Odd"


def test_samples_are_marked_by_mouse_and_by_keys(qtbot: QtBot, window: MainWindow, dialog: OwnDialog) -> None:
    marks, sheet = dialog.marks, dialog.marks.sheet
    view = sheet.viewport()
    QTest.mouseClick(view, LEFT, NONE, sheet.place(0).center().toPoint())
    QTest.mouseClick(view, Qt.MouseButton.RightButton, NONE, sheet.place(1).center().toPoint())
    assert marks.marks == {0: "has", 1: "has not"}
    QTest.keyClick(sheet, Qt.Key.Key_Right)
    for key in (Qt.Key.Key_H, Qt.Key.Key_N, Qt.Key.Key_N):
        QTest.keyClick(sheet, key)
    assert marks.marks == {0: "has", 1: "has not", 2: "has", 3: "has not", 4: "has not"}
    QTest.keyClick(sheet, Qt.Key.Key_Left)
    QTest.keyClick(sheet, Qt.Key.Key_Delete)
    assert 4 not in marks.marks
    QTest.mouseClick(view, LEFT, NONE, sheet.place(0).center().toPoint())
    assert 0 not in marks.marks


def test_the_ends_of_a_score_become_a_direction(qtbot: QtBot, window: MainWindow, dialog: OwnDialog) -> None:
    dialog.show_page("scores")
    scores = dialog.scores
    scores.start(64)
    qtbot.waitUntil(lambda: scores.card.direction is not None and scores.run.isEnabled(), timeout=WAIT_MS)
    assert scores.top.count == scores.bottom.count == 1
    scores.card.keep.click()
    assert [d.name for d in mine(window)] == ["Brightness"]


def test_flip_scale_and_name_keep_the_picture_of_a_slider(
    qtbot: QtBot, window: MainWindow, panel: DirectionsPanel
) -> None:
    kept = add_own(window.studio, straight())
    assert kept is not None
    panel.add(kept)
    panel.rows[-1].typed.emit(2.0)
    before = settle(qtbot, window)
    panel.own.open_library()
    assert panel.own.dialog is not None
    library = panel.own.dialog.library
    library.rows[0].buttons["Flip"].click()
    assert window.studio.document.undo_label == "Flip Straight"
    assert window.studio.document.recipe.directions[-1].amount == -2
    assert mine(window)[0].values.array[2] == -1
    assert np.array_equal(settle(qtbot, window), before)
    library.rows[0].buttons["× 2"].click()
    assert window.studio.document.recipe.directions[-1].amount == -1
    assert np.array_equal(settle(qtbot, window), before)
    library.rows[0].name.setText("Curved")
    library.rows[0].name.editingFinished.emit()
    assert panel.rows[-1].name.text() == "Curved"
    window.studio.document.undo()
    assert panel.rows[-1].name.text() == "Straight"


def test_one_direction_is_removed_from_another(
    qtbot: QtBot, window: MainWindow, panel: DirectionsPanel
) -> None:
    first = straight()
    other = Direction("Other", "w", Latent(np.ones(8, np.float32)), 1.0, "examples")
    add_own(window.studio, first)
    add_own(window.studio, other)
    panel.own.open_library()
    assert panel.own.dialog is not None
    panel.own.dialog.library.rows[0].remove_from(other)
    left = mine(window)[-1]
    assert left.name == "Straight without Other"
    assert abs(cosine(left.values.array, other.values.array)) < 1e-6
    panel.own.dialog.library.rows[0].remove_from(first)
    qtbot.waitUntil(window.notices.isVisible)
    assert "Nothing is left" in window.notices.notice.message  # type: ignore[union-attr]


def test_files_come_in_and_go_out_and_wrong_ones_say_one_sentence(
    qtbot: QtBot, window: MainWindow, panel: DirectionsPanel, tmp_path: Path
) -> None:
    path = tmp_path / "age.npy"
    np.save(path, np.eye(8, dtype=np.float32)[:1])
    panel.own.ask_open_path = lambda: path  # type: ignore[method-assign]
    panel.own.buttons["Import…"].click()
    qtbot.waitUntil(lambda: [d.name for d in mine(window)] == ["age"], timeout=WAIT_MS)
    out = tmp_path / "mine"
    panel.own.ask_save_path = lambda: out  # type: ignore[method-assign]
    panel.own.buttons["Export…"].click()
    written = tmp_path / "mine.directions.json"
    qtbot.waitUntil(written.is_file, timeout=WAIT_MS)
    panel.own.import_file(written)
    qtbot.waitUntil(lambda: [d.name for d in mine(window)] == ["age", "age 2"], timeout=WAIT_MS)
    np.save(path, np.zeros((1, 512), np.float32))
    panel.own.import_file(path)
    qtbot.waitUntil(lambda: "another model" in _told(window), timeout=WAIT_MS)
    np.save(path, np.full((1, 8), np.nan, np.float32))
    panel.own.import_file(path)
    qtbot.waitUntil(lambda: "finite" in _told(window), timeout=WAIT_MS)
    (tmp_path / "no.pt").write_bytes(b"no")
    panel.own.import_file(tmp_path / "no.pt")
    qtbot.waitUntil(lambda: "no.pt" in _told(window), timeout=WAIT_MS)
    assert len(mine(window)) == 2


def test_own_directions_belong_to_their_model_and_stars_come_first(
    qtbot: QtBot, window: MainWindow, panel: DirectionsPanel, open_window: OpenWindow,
    model_path: Path, other_model_path: Path,
) -> None:  # fmt: skip
    add_own(window.studio, straight())
    second = add_own(window.studio, straight())
    assert second is not None
    assert second.name == "Straight 2"
    panel.own.open_library()
    assert panel.own.dialog is not None
    panel.own.dialog.library.rows[1].star.click()
    assert [d.name for d in mine(window)] == ["Straight 2", "Straight"]
    qtbot.waitUntil(lambda: window.studio.background.is_idle, timeout=WAIT_MS)
    window.close()
    other = open_window(other_model_path)
    qtbot.waitUntil(lambda: other.studio.background.is_idle, timeout=WAIT_MS)
    assert mine(other) == []
    other.close()
    again = open_window(model_path)
    qtbot.waitUntil(lambda: [d.name for d in mine(again)] == ["Straight 2", "Straight"], timeout=WAIT_MS)


def _told(window: MainWindow) -> str:
    return window.notices.notice.message if window.notices.notice is not None else ""
