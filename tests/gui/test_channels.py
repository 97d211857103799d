from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot
from window_helpers import WAIT_MS

from latentstudio.document.channel_file import favourites_path, read_channels
from latentstudio.gui.main_window import MainWindow
from latentstudio.gui.panels.channel_row import ChannelRow
from latentstudio.gui.panels.channels import ChannelsPanel, key_of
from latentstudio.gui.widgets.region_picture import ELLIPSE, RegionPicture
from latentstudio.media.image import read_pixels
from latentstudio.settings import user_folders


def panel_of(qtbot: QtBot, window: MainWindow) -> ChannelsPanel:
    window.inspector.show_tab("channels")
    panel = window.inspector.panels["channels"]
    assert isinstance(panel, ChannelsPanel)
    qtbot.waitUntil(lambda: panel.layers.count() > 0, timeout=WAIT_MS)
    return panel


def settle(qtbot: QtBot, window: MainWindow) -> np.ndarray:
    qtbot.waitUntil(lambda: window.studio.binding.is_current, timeout=WAIT_MS)
    picture = window.studio.binding.picture
    assert picture is not None
    return picture.pixels.copy()


def drag(row: ChannelRow, value: float, *, let_go: bool = True) -> None:
    slider = row.slider
    start, end = slider.position_of(slider.value).toPoint(), slider.position_of(value).toPoint()
    QTest.mousePress(slider, Qt.MouseButton.LeftButton, pos=start)
    for share in (0.3, 0.7, 1.0):
        QTest.mouseMove(slider, QPoint(start.x() + round((end.x() - start.x()) * share), start.y()))
    if let_go:
        QTest.mouseRelease(slider, Qt.MouseButton.LeftButton, pos=end)


def mark(picture: RegionPicture, left: float, top: float, right: float, bottom: float) -> None:
    place = picture.place()
    start = QPoint(round(left * place.width()), round(top * place.height()))
    end = QPoint(round(right * place.width()), round(bottom * place.height()))
    QTest.mousePress(picture, Qt.MouseButton.LeftButton, pos=start)
    QTest.mouseMove(picture, (start + end) / 2)
    QTest.mouseMove(picture, end)
    QTest.mouseRelease(picture, Qt.MouseButton.LeftButton, pos=end)


def test_every_style_layer_is_offered_with_its_channels(qtbot: QtBot, window: MainWindow) -> None:
    panel = panel_of(qtbot, window)
    model = window.studio.model
    assert model is not None
    assert [panel.layers.itemData(i) for i in range(panel.layers.count())] == [s.name for s in model.stages]
    panel.take("b8.conv1", 99)
    assert (panel.layer, panel.channel) == ("b8.conv1", 7)
    panel.pager.button("previous").click()
    assert panel.row.name.text() == "b8.conv1 · 6"


def test_a_channel_s_slider_is_one_edit_that_undo_takes_back(
    qtbot: QtBot, window: MainWindow, tmp_path: Path
) -> None:
    panel = panel_of(qtbot, window)
    start = settle(qtbot, window)
    panel.take("b8.conv1", 3)
    drag(panel.row, 8.0)
    document = window.studio.document
    (edit,) = document.recipe.channels
    assert key_of(edit) == ("b8.conv1", 3)
    assert edit.amount == pytest.approx(8, abs=0.2)
    assert edit.sigma > 0
    assert len(document.entries) == 2
    assert (document.undo_label or "").startswith("b8.conv1 · 3 +")
    moved = settle(qtbot, window)
    assert not np.array_equal(start, moved)

    path = tmp_path / "moved.png"
    window.filing.ask_save_path = lambda: path  # type: ignore[method-assign]
    with qtbot.waitSignal(window.filing.saved, timeout=WAIT_MS):
        window.actions_["save"].trigger()
    assert np.array_equal(read_pixels(path), moved)
    document.undo()
    assert np.array_equal(settle(qtbot, window), start)
    assert panel.row.slider.value == 0
    window.filing.open_path(path)
    qtbot.waitUntil(lambda: document.recipe.channels != (), timeout=WAIT_MS)
    assert np.array_equal(settle(qtbot, window), moved)


def test_esc_takes_the_drag_back(qtbot: QtBot, window: MainWindow) -> None:
    panel = panel_of(qtbot, window)
    drag(panel.row, 5.0, let_go=False)
    assert window.studio.document.recipe.channels
    QTest.keyClick(panel.row.slider, Qt.Key.Key_Escape)
    assert window.studio.document.recipe.channels == ()
    assert len(window.studio.document.entries) == 1


def test_other_sliders_are_listed_moved_and_removed(qtbot: QtBot, window: MainWindow) -> None:
    panel = panel_of(qtbot, window)
    document = window.studio.document
    for channel in (1, 2, 3):
        panel.take("b8.conv0", channel)
        panel.row.typed.emit(float(channel))
    # The one in hand is above, not in the list.
    assert [key_of(row.edit) for row in panel.rows] == [("b8.conv0", 1), ("b8.conv0", 2)]
    drag(panel.rows[0], -4.0)
    amounts = [edit.amount for edit in document.recipe.channels]
    assert amounts == [pytest.approx(-4, abs=0.2), 2.0, 3.0]
    panel.rows[1].remove.click()
    panel.row.remove.click()
    assert [edit.channel for edit in document.recipe.channels] == [1]
    document.undo()
    document.undo()
    assert [edit.amount for edit in document.recipe.channels] == amounts


def test_a_marked_region_finds_channels_and_a_click_adds_a_slider(qtbot: QtBot, window: MainWindow) -> None:
    panel = panel_of(qtbot, window)
    settle(qtbot, window)
    search = panel.search
    assert not search.search.isEnabled()
    mark(search.picture, 0.1, 0.1, 0.5, 0.4)
    assert search.search.isEnabled()
    mask = search.picture.region_mask(16, 16)
    assert 15 <= mask.sum() <= 40
    search.picture.set_shape(ELLIPSE)
    assert 0 < search.picture.region_mask(16, 16).sum() < mask.sum()
    search.search.click()
    qtbot.waitUntil(lambda: not search.job.is_running, timeout=WAIT_MS)
    assert len(search.results) == 8
    ratios = [float(button.text().split()[-2]) for button in search.results]
    assert ratios == sorted(ratios, reverse=True)
    search.results[0].click()
    (edit,) = window.studio.document.recipe.channels
    assert search.results[0].text().startswith(f"{edit.layer} · {edit.channel} ")
    assert (edit.amount, key_of(panel.row.edit)) == (0.0, key_of(edit))
    # A click takes the mark away.
    QTest.mouseClick(search.picture, Qt.MouseButton.LeftButton, pos=QPoint(5, 5))
    assert search.picture.region is None


def test_the_heat_map_follows_the_slider_in_use(qtbot: QtBot, window: MainWindow) -> None:
    panel = panel_of(qtbot, window)
    search = panel.search
    search.heat.click()
    assert "Move a slider" in search.words.text()
    panel.take("b8.conv1", 2)
    panel.row.typed.emit(6.0)
    qtbot.waitUntil(lambda: "acts:" in search.words.text(), timeout=WAIT_MS)
    assert search.words.text().startswith("Where b8.conv1 · 2 +6 acts:")
    recipe = window.studio.document.recipe
    moved = recipe.with_direction(0, type(recipe.directions[0])(recipe.directions[0].direction, 1.5))
    window.studio.document.edit("Turn", moved)
    qtbot.waitUntil(lambda: "Where Turn +1.5 acts:" in search.words.text(), timeout=WAIT_MS)
    search.heat.click()
    assert "Mark a part" in search.words.text()


def test_favourites_are_kept_for_the_model(
    qtbot: QtBot, window: MainWindow, model_path: Path, other_model_path: Path
) -> None:
    panel = panel_of(qtbot, window)
    model = window.studio.model
    assert model is not None
    panel.take("b16.conv0", 5)
    panel.row.star.click()
    path = favourites_path(user_folders().data, model.info.sha256)
    assert [key_of(edit) for edit in read_channels(path)] == [("b16.conv0", 5)]
    assert window.studio.document.recipe.channels == ()

    def open_model(path: Path) -> None:
        window.filing.open_path(path)
        qtbot.waitUntil(
            lambda: window.studio.model is not None and window.studio.model.info.path == str(path),
            timeout=WAIT_MS,
        )

    def pills() -> list[str]:
        return [panel._flow.itemAt(i).widget().text() for i in range(panel._flow.count())]  # type: ignore[union-attr]

    open_model(other_model_path)
    assert pills() == []
    open_model(model_path)
    assert pills() == ["b16.conv0 · 5"]
    qtbot.waitUntil(lambda: panel.layers.count() > 0, timeout=WAIT_MS)
    panel._flow.itemAt(0).widget().click()  # type: ignore[union-attr]
    assert key_of(window.studio.document.recipe.channels[0]) == ("b16.conv0", 5)
    panel.row.star.click()
    assert (read_channels(path), pills()) == ([], [])


@pytest.mark.parametrize("text", ["", "[]", "{", '{"format": "latentstudio.channels", "channels": [1]}'])
def test_a_damaged_file_holds_no_favourites(tmp_path: Path, text: str) -> None:
    path = tmp_path / "channels.json"
    path.write_text(text)
    assert read_channels(path) == []
