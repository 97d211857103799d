"""Photographs into the window, and the frame around what is inverted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from photo_helpers import drop, files, invert, photo_pixels, settle, take, two_faces
from PIL import Image
from PySide6.QtCore import QMimeData, QPointF, Qt
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from window_helpers import WAIT_MS

from latentstudio.gui.engine_bridge import as_image
from latentstudio.gui.main_window import MainWindow
from latentstudio.gui.panels.photo import PhotoPanel
from latentstudio.gui.photo.reading import pixels_of
from latentstudio.media.image import read_pixels

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


def test_a_dropped_photo_turns_to_its_panel_and_loses_no_edit(
    qtbot: QtBot, window: MainWindow, photo_path: Path
) -> None:
    asked: list[int] = []
    window.filing.ask_discard = lambda: asked.append(1) is None  # type: ignore[method-assign]
    drop(window, files(photo_path))
    qtbot.waitUntil(lambda: window.inspector.tab == "photo", timeout=WAIT_MS)
    panel = window.photo_panel()
    qtbot.waitUntil(lambda: panel.desk.photo is not None, timeout=WAIT_MS)
    assert np.array_equal(panel.desk.photo, photo_pixels())
    assert "egg.png · 120 × 90" in panel.intake.name.text()
    assert panel.invert.isVisible()
    assert asked == []
    # Without the face finder the frame is the largest of the model's shape, and that is told.
    assert panel.desk.quad is not None
    assert panel.desk.quad.tolist() == [[15, 0], [15, 90], [105, 90], [105, 0]]
    assert panel.intake.install.isVisible()
    assert "3 points" in panel.intake.note.text()


def test_a_picture_on_the_clipboard_is_pasted(qtbot: QtBot, window: MainWindow, panel: PhotoPanel) -> None:
    QGuiApplication.clipboard().setImage(as_image(photo_pixels()))
    window.actions_["paste_photo"].trigger()
    qtbot.waitUntil(lambda: panel.desk.photo is not None, timeout=WAIT_MS)
    assert np.array_equal(panel.desk.photo, photo_pixels())
    QGuiApplication.clipboard().setText("no picture")
    window.actions_["paste_photo"].trigger()
    qtbot.waitUntil(window.notices.isVisible, timeout=WAIT_MS)
    assert window.notices.notice is not None
    assert "no picture" in window.notices.notice.message
    QGuiApplication.clipboard().clear()


def test_a_dropped_image_without_a_file_is_taken_on_white_paper(
    qtbot: QtBot, window: MainWindow, panel: PhotoPanel
) -> None:
    image = QImage(40, 30, QImage.Format.Format_ARGB32)
    image.fill(Qt.GlobalColor.transparent)
    mime = QMimeData()
    mime.setImageData(image)
    drop(window, mime)
    qtbot.waitUntil(lambda: panel.desk.photo is not None, timeout=WAIT_MS)
    assert (panel.desk.photo == 255).all()
    assert pixels_of(as_image(photo_pixels())).tolist() == photo_pixels().tolist()


def test_what_is_no_photo_is_told_and_the_one_before_stays(
    qtbot: QtBot, window: MainWindow, panel: PhotoPanel, tmp_path: Path
) -> None:
    take(qtbot, panel)
    bad = tmp_path / "dot.jpg"
    Image.new("RGB", (1, 1)).save(bad)
    drop(window, files(bad))
    qtbot.waitUntil(window.notices.isVisible, timeout=WAIT_MS)
    assert window.notices.notice is not None
    assert "too small" in window.notices.notice.message
    assert panel.desk.name == "egg.png"


def test_faces_are_offered_and_one_is_picked(qtbot: QtBot, panel: PhotoPanel) -> None:
    take(qtbot, panel)
    panel.desk.lacks_finder = False
    panel.desk._take_faces(two_faces())
    panel.desk.faces_changed.emit()
    assert panel.desk.mode == "face"
    assert "2 faces" in panel.intake.note.text()
    first = panel.desk.quad
    assert panel.intake.faces is not None
    panel.intake.faces.chosen.emit(1)
    assert not np.array_equal(panel.desk.quad, first)
    panel.intake.modes.button("hand").click()
    assert panel.desk.mode == "hand"
    panel.intake.modes.button("face").click()
    assert panel.desk.mode == "face"
    panel.desk._take_faces([])
    panel.desk.faces_changed.emit()
    assert "No face was found" in panel.intake.note.text()
    assert not panel.intake.modes.button("face").isEnabled()


def test_the_frame_is_dragged_sized_and_turned_on_the_canvas(
    qtbot: QtBot, window: MainWindow, panel: PhotoPanel
) -> None:
    take(qtbot, panel)
    panel.intake.adjust.click()
    stage = panel.intake.stage
    assert stage is not None
    assert stage.isVisible()
    before = panel.desk.quad
    assert before is not None

    def hand(start: QPointF, end: QPointF) -> None:
        QTest.mousePress(stage, LEFT, NONE, start.toPoint())
        for share in (0.3, 0.7, 1.0):
            QTest.mouseMove(stage, (start + (end - start) * share).toPoint())
            QApplication.processEvents()
        QTest.mouseRelease(stage, LEFT, NONE, end.toPoint())

    corner, opposite = stage.on_screen(before[2]), stage.on_screen(before[0])
    hand(corner, corner + (opposite - corner) * 0.5)
    smaller = panel.desk.quad
    assert smaller is not None
    assert np.allclose(smaller[0], before[0], atol=1e-6)
    assert np.allclose(smaller[2] - smaller[0], (before[2] - before[0]) / 2, atol=1)

    middle = stage.on_screen(smaller.mean(0))
    hand(middle, middle + QPointF(60, 30))
    moved = panel.desk.quad
    assert moved is not None
    shift = stage.in_photo(QPointF(60, 30)) - stage.in_photo(QPointF(0, 0))
    assert np.allclose(moved - smaller, shift, atol=0.5)

    knob = stage.knob()
    assert knob is not None
    middle = stage.on_screen(moved.mean(0))
    side = QPointF(middle.x() + (middle.y() - knob.y()), middle.y())
    hand(knob, side)
    turned = panel.desk.quad
    assert turned is not None
    assert np.allclose(turned[0], moved[3], atol=0.5)  # a quarter turn, caught exactly
    QTest.keyClick(stage, Qt.Key.Key_Escape)
    assert not stage.isVisible()


def test_three_points_make_the_frame(qtbot: QtBot, panel: PhotoPanel) -> None:
    take(qtbot, panel)
    panel.intake.modes.button("hand").click()
    stage = panel.intake.stage
    assert stage is not None
    assert stage.isVisible()
    before, at = panel.desk.quad, stage.on_screen(panel.desk.points[2])
    QTest.mousePress(stage, LEFT, NONE, at.toPoint())
    QTest.mouseMove(stage, (at + QPointF(0, 40)).toPoint())
    QTest.mouseRelease(stage, LEFT, NONE, (at + QPointF(0, 40)).toPoint())
    assert not np.array_equal(panel.desk.quad, before)
    quad = panel.desk.quad
    # The photo comes near enough for the points to be apart, and what is under the pointer stays there.
    corner = stage.in_photo(QPointF(20, 20))
    stage.zoom_at(QPointF(20, 20), 1.5)
    assert np.allclose(stage.in_photo(QPointF(20, 20)), corner, atol=1e-6)
    stage.zoom_at(QPointF(20, 20), 0.001)
    assert stage.rect().contains(stage.place.toRect())
    panel.desk.set_points(np.zeros((3, 2)))
    assert panel.desk.quad is not None  # points in one place are no reason to stumble
    assert quad is not None


def test_a_saved_picture_is_no_photo_but_a_plain_png_is(
    qtbot: QtBot, window: MainWindow, photo_path: Path, tmp_path: Path
) -> None:
    path = tmp_path / "saved.png"
    with qtbot.waitSignal(window.filing.saved, timeout=WAIT_MS):
        window.filing.save_to(path)
    pixels = read_pixels(path)
    drop(window, files(path))
    qtbot.waitUntil(lambda: window.studio.document.entries[0].label == "Opened saved.png", timeout=WAIT_MS)
    assert np.array_equal(settle(qtbot, window), pixels)
    assert window.inspector.tab != "photo"


def test_only_what_is_painted_counts(qtbot: QtBot, window: MainWindow, panel: PhotoPanel) -> None:
    take(qtbot, panel)
    assert panel.desk.target().mask is None
    panel.counts.paint.click()
    brush = panel.counts.brush
    assert brush is not None
    assert brush.isVisible()
    place = brush.place()
    start, end = place.topLeft() + QPointF(5, 5), place.bottomLeft() + QPointF(5, -5)
    QTest.mousePress(brush, LEFT, NONE, start.toPoint())
    QTest.mouseMove(brush, end.toPoint())
    QTest.mouseRelease(brush, LEFT, NONE, end.toPoint())
    mask = panel.desk.target().mask
    assert mask is not None
    assert mask.shape == panel.desk.img_size
    assert mask[8, 0] > 0.5
    assert mask[8, -1] == 0
    panel.intake.adjust.click()
    assert not brush.isVisible()
    panel.intake.adjust.click()
    invert(qtbot, panel)
    assert panel.live.run is not None
    assert panel.live.run.target.mask is not None
    panel.desk.reset_frame()
    assert panel.desk.target().mask is None
    settle(qtbot, window)
