"""Several photographs at once: laid in a row, inverted as one job, looked at one by one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from photo_helpers import STEPS, drop, files, photo_pixels, result, settle, take, two_faces
from PIL import Image
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot
from window_helpers import WAIT_MS

from latentstudio.document.mask import Mask
from latentstudio.gui.main_window import MainWindow
from latentstudio.gui.panels.photo import PhotoPanel
from latentstudio.gui.photo import desk as desk_module
from latentstudio.inversion import projector

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
NAMES = ("a", "b", "c")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three photographs of different shapes, one of them no photograph at all."""
    made = tmp_path / "photos"
    made.mkdir()
    for i, name in enumerate(NAMES):
        Image.fromarray(np.roll(photo_pixels(60 + 10 * i, 80), 12 * i, 1)).save(made / f"{name}.png")
    (made / "broken.jpg").write_bytes(b"no picture")
    return made


def lay(qtbot: QtBot, panel: PhotoPanel, folder: Path, count: int = 3) -> None:
    panel.open_photos([folder / f"{name}.png" for name in NAMES[:count]])
    qtbot.waitUntil(lambda: len(panel.desk.photos) == count and not panel.desk.is_reading, timeout=WAIT_MS)


def test_a_dropped_folder_is_a_row_and_what_can_not_be_read_is_listed(
    qtbot: QtBot, window: MainWindow, panel: PhotoPanel, folder: Path, tmp_path: Path
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    drop(window, files(folder, empty))
    qtbot.waitUntil(lambda: len(panel.desk.photos) == 3 and not panel.desk.is_reading, timeout=WAIT_MS)
    row = panel.intake.row
    assert [photo.name for photo in panel.desk.photos] == ["a.png", "b.png", "c.png"]
    assert row.tiles.isVisible()
    assert row.tiles.count == 3
    assert all(row.tiles.has_image(i) for i in range(3))
    assert row.words.text() == "3 photos"
    assert "broken.jpg" in row.refused.text()
    assert '"empty" holds no photo' in row.refused.text()
    assert panel.desk.name == "a.png"
    assert panel.invert.text() == "Invert 3 photos"
    row.dismiss.click()
    assert not row.refused.isVisible()
    # A single folder, dropped on the window, is photos and no model.
    panel.desk.clear()
    assert not row.isVisible()
    drop(window, files(folder))
    qtbot.waitUntil(lambda: len(panel.desk.photos) == 3 and not panel.desk.is_reading, timeout=WAIT_MS)


def test_one_photo_alone_looks_as_ever_and_a_later_one_lies_beside_a_row(
    qtbot: QtBot, window: MainWindow, panel: PhotoPanel, folder: Path, photo_path: Path
) -> None:
    take(qtbot, panel)
    assert not panel.intake.row.isVisible()
    assert panel.intake.other.text() == "Another…"
    panel.open_photo(photo_path)
    qtbot.waitUntil(lambda: not panel.desk.is_reading, timeout=WAIT_MS)
    assert len(panel.desk.photos) == 1
    panel.desk.clear()
    lay(qtbot, panel, folder, 2)
    assert panel.intake.other.text() == "Add…"
    panel.open_photo(photo_path)
    qtbot.waitUntil(lambda: len(panel.desk.photos) == 3, timeout=WAIT_MS)
    panel.intake.row.tiles.removed.emit(0)
    assert [photo.name for photo in panel.desk.photos] == ["b.png", "egg.png"]
    assert panel.desk.name == "b.png"
    panel.intake.row.clear.click()
    assert panel.desk.photo is None
    assert panel.intake.zone.isVisible()


def test_each_photo_keeps_its_own_frame_its_faces_and_what_was_painted(
    qtbot: QtBot, window: MainWindow, panel: PhotoPanel, folder: Path
) -> None:
    lay(qtbot, panel, folder)
    desk, tiles = panel.desk, panel.intake.row.tiles
    desk._looked_at = desk.photos[1]
    desk._take_faces(two_faces())
    assert desk.mode == "whole"
    QTest.mouseClick(tiles, LEFT, NONE, tiles.place(1).center().toPoint())
    assert desk.name == "b.png"
    assert desk.mode == "face"
    assert panel.intake.faces is not None
    quad = np.array([[5.0, 5], [5, 45], [45, 45], [45, 5]])
    QTest.mouseClick(tiles, LEFT, NONE, tiles.place(2).center().toPoint())
    before = tiles._images[2]
    desk.set_quad(quad)
    assert tiles._images[2] is not before
    desk.set_painted(Mask(np.eye(256)))
    panel.counts.paint.click()
    assert panel.counts.brush is not None
    assert not panel.counts.brush.painted_mask.is_empty
    desk.choose(0)
    assert panel.counts.brush.painted_mask.is_empty
    assert desk.target().mask is None
    desk.choose(2)
    assert np.array_equal(desk.quad, quad)
    assert desk.target().mask is not None
    assert not panel.counts.brush.painted_mask.is_empty


def test_too_many_photos_are_listed_and_the_others_stay(
    qtbot: QtBot, window: MainWindow, panel: PhotoPanel, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk_module, "MOST_PHOTOS", 2)
    panel.open_photos([folder / f"{name}.png" for name in NAMES])
    qtbot.waitUntil(lambda: not panel.desk.is_reading, timeout=WAIT_MS)
    assert len(panel.desk.photos) == 2
    assert '"c.png" is too much at once' in panel.desk.refused[0]


@pytest.mark.parametrize("batch", [1, 32], ids=["one after the other", "together"])
def test_all_are_inverted_as_one_job_and_each_is_a_picture_with_its_recipe(
    qtbot: QtBot,
    window: MainWindow,
    panel: PhotoPanel,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    batch: int,
) -> None:
    monkeypatch.setattr(projector, "MAX_BATCH", batch)
    document = window.studio.document
    lay(qtbot, panel, folder)
    panel.desk.photos[1].whole = np.array([[900.0, 900], [900, 940], [940, 940], [940, 900]])
    panel.desk.choose(2)
    panel.invert.click()
    qtbot.waitUntil(lambda: document.undo_label == "Invert c", timeout=WAIT_MS)
    settle(qtbot, window)
    assert [entry.label for entry in document.entries][1:] == ["Invert a", "Invert c"]
    assert "b.png" in panel.intake.row.refused.text()
    assert panel.intake.row.tiles.shares == [1.0, None, 1.0]
    assert np.array_equal(settle(qtbot, window), result(panel).image)
    assert panel.live.run is not None
    assert len(panel.live.run.terms["pixel"][1]) == STEPS
    last = document.recipe
    assert panel.batch is not None
    first = panel.batch.parts[0]
    assert first.result is not None
    # Turning to another photo shows its run and its picture, and is no step of the history.
    panel.desk.choose(0)
    assert panel.live.run is first.run
    assert np.array_equal(settle(qtbot, window), first.result.image)
    assert len(document.entries) == 3
    qtbot.waitUntil(lambda: panel.back.inverted is not None and panel.back.inverted.name == "a.png")
    panel.desk.choose(2)
    assert document.recipe == last


def test_a_stopped_batch_keeps_what_was_begun_and_goes_on_with_the_rest(
    qtbot: QtBot, window: MainWindow, panel: PhotoPanel, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projector, "MAX_BATCH", 1)
    plain = panel.choices.options
    panel.choices.options = lambda: replace(  # type: ignore[method-assign]
        plain(), steps=4000, method="published"
    )
    lay(qtbot, panel, folder)
    panel.invert.click()
    qtbot.waitUntil(lambda: panel.batch is not None and panel.batch.parts[0].run.step > 3, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: "Photo 1 of 3" in panel.live.words.text(), timeout=WAIT_MS)
    # There is nothing to frame meanwhile: the room is for looking.
    assert not panel.intake.adjust.isVisible()
    assert panel.intake.row.tiles.isVisible()
    panel.desk.choose(1)
    assert panel.live.run is panel.batch.parts[1].run
    panel.desk.choose(0)
    panel.live.stop.click()
    qtbot.waitUntil(lambda: not panel.live.stop.isVisible(), timeout=WAIT_MS)
    results = [part.result for part in panel.batch.parts]
    assert results[0] is not None
    assert results[1:] == [None, None]
    done = len(results[0].curve)
    assert 3 < done < 4000
    assert panel.live.go_on.isVisible()
    assert panel.intake.adjust.isVisible()
    # Nobody waits for four thousand steps.
    panel.batch.options = replace(panel.batch.options, steps=done + 3)
    panel.live.go_on.click()
    qtbot.waitUntil(
        lambda: (
            all(part.result is not None for part in panel.batch.parts) and not panel.live.stop.isVisible()
        ),
        timeout=2 * WAIT_MS,
    )
    assert [len(part.result.curve) for part in panel.batch.parts] == [done + 3] * 3
    assert window.studio.document.undo_label == "Invert a"


def test_a_thumbnail_is_taken_away_by_its_cross(
    qtbot: QtBot, window: MainWindow, panel: PhotoPanel, folder: Path
) -> None:
    lay(qtbot, panel, folder)
    tiles = panel.intake.row.tiles
    corner = tiles.place(1).topRight() + QPointF(-9, 9)
    QTest.mouseClick(tiles, LEFT, NONE, corner.toPoint())
    assert [photo.name for photo in panel.desk.photos] == ["a.png", "c.png"]
