"""The mix panel and the mixing grid, through the real window with the real engine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from window_helpers import WAIT_MS, OpenWindow, write_model

from latentstudio.document.recipe import Recipe, Source, StyleMix
from latentstudio.document.recipe_json import dumps
from latentstudio.document.style_mixing import painted, remaining
from latentstudio.gui.layers import layer_groups
from latentstudio.gui.main_window import MainWindow
from latentstudio.gui.mixing import published_groups, strict_groups
from latentstudio.gui.mixing_grid import MixingGrid
from latentstudio.gui.panels.mix import MixPanel
from latentstudio.latent.spaces import coarse_middle_fine
from latentstudio.media.image import read_pixels, write_png

LEFT, NONE, SHIFT = (
    Qt.MouseButton.LeftButton,
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ShiftModifier,
)


def mix(window: MainWindow) -> MixPanel:
    window.inspector.show_tab("mix")
    panel = window.inspector.panels["mix"]
    assert isinstance(panel, MixPanel)
    return panel


def settle(qtbot: QtBot, window: MainWindow) -> np.ndarray:
    qtbot.waitUntil(lambda: window.studio.binding.is_current, timeout=WAIT_MS)
    picture = window.studio.binding.picture
    assert picture is not None
    return picture.pixels


def amounts(panel: MixPanel, row: int) -> tuple[float, ...]:
    return panel.matrix.rows[row].amounts


def add_seed(panel: MixPanel, text: str) -> None:
    panel.sources.seeds.setText(text)
    QTest.keyClick(panel.sources.seeds, Qt.Key.Key_Return)


def at(panel: MixPanel, row: int, column: int) -> QPoint:
    return panel.matrix.cell(row, column).center().toPoint()


def stroke(panel: MixPanel, row: int, first: int, last: int, *, let_go: bool = True) -> None:
    QTest.mousePress(panel.matrix, LEFT, NONE, at(panel, row, first))
    for column in range(first, last + 1):
        QTest.mouseMove(panel.matrix, at(panel, row, column))
    if let_go:
        QTest.mouseRelease(panel.matrix, LEFT, NONE, at(panel, row, last))


def drop_file(panel: MixPanel, point: QPoint, path: Path) -> bool:
    """Whether it was welcome."""
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path))])
    copy = Qt.DropAction.CopyAction
    enter = QDragEnterEvent(point, copy, mime, LEFT, NONE)
    QApplication.sendEvent(panel, enter)
    QApplication.sendEvent(panel, QDropEvent(QPointF(point), copy, mime, LEFT, NONE))
    return enter.isAccepted()


def undo_words(window: MainWindow) -> str | None:
    return window.studio.document.undo_label


def mixing(window: MainWindow) -> tuple[StyleMix, ...]:
    return window.studio.document.recipe.mixing


# --- values -------------------------------------------------------------------------------------


def test_shares_of_a_layer_never_exceed_the_whole() -> None:
    table = tuple(StyleMix(Source(seed=seed), ()) for seed in (1, 2))
    table = painted(table, 0, range(2, 5), 1.0)
    assert remaining(table, 6) == (1, 1, 0, 0, 0, 1)
    table = painted(table, 1, [4, 5], 0.25)
    assert [mix.amounts for mix in table] == [(0, 0, 1, 1, 0.75), (0, 0, 0, 0, 0.25, 0.25)]
    assert remaining(table, 6) == (1, 1, 0, 0, 0, 0.75)
    assert painted(table, None, range(6), 1.0) == tuple(StyleMix(Source(seed=seed), ()) for seed in (1, 2))


def test_the_strict_groups_of_stylegan2_are_those_of_its_resolutions() -> None:
    sides = (4, 8, 8, 16, 16, 32, 32, 64, 64, 128, 128, 128)
    strict = strict_groups(sides, layer_groups(sides))
    rows = {group.name.lower(): range(group.start, group.stop) for group in strict}
    assert rows == coarse_middle_fine(12, strict=True)
    assert [g.sizes for g in strict] == ["4–8", "16–32", "64–128"]
    assert [g.sizes for g in published_groups(sides)] == ["4–16", "16–64", "64–128"]
    assert strict_groups(sides, ()) == strict


# --- panel --------------------------------------------------------------------------------------


def test_painting_cells_mixes_undo_restores_and_a_saved_picture_reopens(
    qtbot: QtBot, window: MainWindow, tmp_path: Path
) -> None:
    panel, document = mix(window), window.studio.document
    start = settle(qtbot, window)
    add_seed(panel, "12")
    assert undo_words(window) == "Add seed 12"
    assert [row.name for row in panel.matrix.rows] == ["Base, seed 0", "Seed 12"]
    assert np.array_equal(settle(qtbot, window), start)

    stroke(panel, 1, 1, 3)
    assert mixing(window) == (StyleMix.of_rows(Source(seed=12), range(1, 4)),)
    assert undo_words(window) == "Seed 12 on layers 1 to 3"
    assert amounts(panel, 0) == (1, 0, 0, 0, 1, 1)
    mixed = settle(qtbot, window)
    assert not np.array_equal(start, mixed)
    assert len(document.entries) == 3

    document.undo()
    assert np.array_equal(settle(qtbot, window), start)
    assert amounts(panel, 1) == (0,) * 6
    document.redo()
    path = tmp_path / "mixed.png"
    settle(qtbot, window)
    with qtbot.waitSignal(window.filing.saved, timeout=WAIT_MS):
        window.filing.save_to(path)
    window.filing.open_path(path)
    qtbot.waitUntil(lambda: document.entries[0].label == "Opened mixed.png", timeout=WAIT_MS)
    assert np.array_equal(settle(qtbot, window), mixed)
    assert amounts(panel, 1) == (0, 1, 1, 1, 0, 0)


def test_esc_takes_a_stroke_back_and_another_source_gives_way(qtbot: QtBot, window: MainWindow) -> None:
    panel, document = mix(window), window.studio.document
    add_seed(panel, "3,4")
    stroke(panel, 1, 0, 2)
    before = document.recipe
    stroke(panel, 2, 1, 4, let_go=False)
    assert amounts(panel, 1) == (1, 0, 0, 0, 0, 0)
    QTest.keyClick(panel.matrix, Qt.Key.Key_Escape)
    assert document.recipe == before
    stroke(panel, 0, 0, 5)  # the base takes everything back
    assert not any(any(m.amounts) for m in mixing(window))
    assert undo_words(window) == "Base on all layers"


def test_amounts_by_shift_and_by_slider(qtbot: QtBot, window: MainWindow) -> None:
    panel = mix(window)
    add_seed(panel, "5")
    point = at(panel, 1, 2)
    QTest.mousePress(panel.matrix, LEFT, SHIFT, point)
    QTest.mouseMove(panel.matrix, point - QPoint(0, 40))
    QTest.mouseRelease(panel.matrix, LEFT, SHIFT, point - QPoint(0, 40))
    assert mixing(window)[0].amounts == (0, 0, 0.5)
    assert panel.amount.slider.value == 0.5
    panel.amount.slider.setFocus()
    QTest.keyClick(panel.amount.slider, Qt.Key.Key_Right)
    assert mixing(window)[0].amounts == (0, 0, 0.55)
    assert undo_words(window) == "Seed 5 0.55"
    assert panel.matrix.rows[0].amounts[2] == pytest.approx(0.45)


def test_groups_by_button_and_by_a_dragged_picture(qtbot: QtBot, window: MainWindow) -> None:
    panel = mix(window)
    add_seed(panel, "8")
    assert [b.text() for b in panel.matrix.buttons] == ["Coarse\n4–16", "Middle\n16"]
    panel.matrix.buttons[1].click()
    assert mixing(window)[0].amounts == (0, 0, 0, 0, 1, 1)
    assert undo_words(window) == "Seed 8 on middle 16"
    panel.matrix.buttons[1].click()
    assert mixing(window)[0].amounts == ()
    panel.counting.button("strict").click()
    assert [b.text() for b in panel.matrix.buttons] == ["Coarse\n4–8", "Middle\n16"]
    start, end = panel.matrix.thumb(1).center().toPoint(), at(panel, 0, 1)
    QTest.mousePress(panel.matrix, LEFT, NONE, start)
    QTest.mouseMove(panel.matrix, (start + end) / 2)
    QTest.mouseMove(panel.matrix, end)
    QTest.mouseRelease(panel.matrix, LEFT, NONE, end)
    assert mixing(window)[0].amounts == (1, 1, 1)
    panel.matrix.setFocus()
    QTest.keyClick(panel.matrix, Qt.Key.Key_Delete)
    assert mixing(window) == ()
    assert undo_words(window) == "Remove seed 8"


def test_a_kept_picture_gives_exactly_what_was_seen(qtbot: QtBot, window: MainWindow) -> None:
    panel, document = mix(window), window.studio.document
    moved = document.recipe.with_direction(
        0, document.recipe.directions[0].__class__(document.recipe.directions[0].direction, 2.0)
    )
    document.edit("Turn", moved.changed(truncation_psi=0.6))
    seen = settle(qtbot, window).astype(int)
    panel.sources.keep.click()
    qtbot.waitUntil(lambda: len(mixing(window)) == 1, timeout=WAIT_MS)
    assert panel.matrix.rows[1].name == "Kept picture"
    document.edit("Seed 7", document.recipe.changed(sources=(Source(seed=7),)))
    assert np.abs(settle(qtbot, window).astype(int) - seen).max() > 1
    stroke(panel, 1, 0, 5)
    assert np.abs(settle(qtbot, window).astype(int) - seen).max() <= 1


def test_a_picture_with_a_recipe_dropped_on_a_group(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    panel, document = mix(window), window.studio.document
    pixels = settle(qtbot, window)
    mine, foreign = tmp_path / "face.png", tmp_path / "foreign.png"
    write_png(mine, pixels, dumps(document.recipe.changed(sources=(Source(seed=21),), truncation_psi=0.4)))
    other = Recipe.from_seed(1, model=document.recipe.model.__class__("0" * 64, "Horses"))
    write_png(foreign, pixels, dumps(other))
    point = panel.matrix.mapTo(panel, at(panel, 0, 5))
    assert drop_file(panel, point, mine)
    qtbot.waitUntil(lambda: len(mixing(window)) == 1, timeout=WAIT_MS)
    assert mixing(window)[0] == StyleMix(Source(seed=21), (0, 0, 0, 0, 1, 1))
    before = document.recipe
    with qtbot.waitSignal(window.studio.told, timeout=WAIT_MS) as told:
        assert drop_file(panel, point, foreign)
    assert told.args is not None
    assert "Horses" in told.args[0].message
    assert document.recipe == before


def test_wrong_seeds_are_said_and_change_nothing(qtbot: QtBot, window: MainWindow) -> None:
    panel = mix(window)
    with qtbot.waitSignal(window.studio.told, timeout=WAIT_MS):
        add_seed(panel, "twelve")
    with qtbot.waitSignal(window.studio.told, timeout=WAIT_MS):
        add_seed(panel, "0-999")
    assert mixing(window) == ()


# --- grid ---------------------------------------------------------------------------------------


def open_grid(qtbot: QtBot, window: MainWindow) -> MixingGrid:
    panel = mix(window)
    panel.grid_button.click()
    assert panel.grid is not None
    qtbot.waitUntil(lambda: panel.grid is not None and panel.grid.export_button.isEnabled(), timeout=WAIT_MS)
    return panel.grid


def test_the_grid_is_drawn_opened_and_exported(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    grid, document = open_grid(qtbot, window), window.studio.document
    grid.rows.setText("0,1")
    grid.columns.setText("5-7")
    with qtbot.waitSignal(grid.drawn, timeout=WAIT_MS):
        grid.choose_layers(0, 4)
        QTest.keyClick(grid.columns, Qt.Key.Key_Return)
    assert all(grid.table.has_image(r, c) for r in range(-1, 2) for c in range(-1, 3) if (r, c) != (-1, -1))
    assert "11 pictures" in grid.state.text()

    QTest.mouseClick(grid.table, LEFT, NONE, grid.table.place(1, 2).center().toPoint())
    assert undo_words(window) == "Seed 1 with coarse 4–16 of seed 7"
    assert document.recipe.sources == (Source(seed=1),)
    assert mixing(window) == (StyleMix.of_rows(Source(seed=7), range(4)),)
    opened = settle(qtbot, window)

    path = tmp_path / "grid.png"
    grid.ask_path = lambda: path  # type: ignore[method-assign]
    with qtbot.waitSignal(grid.exported, timeout=WAIT_MS):
        grid.export_button.click()
    sheet = read_pixels(path)
    side, gap = 16, 1
    assert sheet.shape == (3 * side + 2 * gap, 4 * side + 3 * gap, 3)
    assert not sheet[:side, :side].any()
    assert np.array_equal(sheet[2 * (side + gap) :, 3 * (side + gap) :], opened)
    document.undo()
    assert mixing(window) == ()


def test_the_grid_follows_the_sliders_and_says_what_it_cannot_read(qtbot: QtBot, window: MainWindow) -> None:
    grid, document = open_grid(qtbot, window), window.studio.document
    with qtbot.waitSignal(grid.drawn, timeout=WAIT_MS):
        document.edit("Truncation 0.5", document.recipe.changed(truncation_psi=0.5))
    grid.rows.setText("six")
    QTest.keyClick(grid.rows, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "six" in grid.state.text(), timeout=WAIT_MS)
    grid.close()
    assert not grid.isVisible()


def test_a_model_of_one_row_says_so(qtbot: QtBot, open_window: OpenWindow, tmp_path: Path) -> None:
    window = open_window(write_model(tmp_path / "small.safetensors", [8]))
    panel = mix(window)
    if window.studio.model is not None and window.studio.model.info.num_ws < 2:
        assert "no layers to mix" in panel._nothing.text()
    else:
        assert panel.matrix.isVisible()
