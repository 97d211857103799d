"""Stories of a photograph: in, framed, inverted, edited, and back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from window_helpers import WAIT_MS

from latentstudio.gui.engine_bridge import as_image
from latentstudio.gui.main_window import MainWindow
from latentstudio.gui.panels.photo import PhotoPanel
from latentstudio.gui.photo.intake import pixels_of
from latentstudio.inversion.face_frame import Face
from latentstudio.inversion.target import cut
from latentstudio.inversion.tuning_store import tuning_path
from latentstudio.media.image import read_pixels
from latentstudio.media.photo import read_photo

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
STEPS = 6


def photo_pixels(height: int = 90, width: int = 120) -> np.ndarray:
    """A drawn photograph: an egg on a ramp."""
    y, x = np.mgrid[0:height, 0:width]
    pixels = np.stack([x * 255 // width, y * 255 // height, 128 + 0 * x], -1).astype(np.uint8)
    egg = ((x - width * 0.5) / 22) ** 2 + ((y - height * 0.5) / 30) ** 2 < 1
    pixels[egg] = (230, 180, 150)
    return pixels


@pytest.fixture
def photo_path(tmp_path: Path) -> Path:
    path = tmp_path / "egg.png"
    Image.fromarray(photo_pixels()).save(path)
    return path


@pytest.fixture
def panel(window: MainWindow) -> PhotoPanel:
    found = window.photo_panel()
    # Few steps, and a start that costs nothing: the window is what is tried here.
    plain = found.choices.options
    found.choices.options = lambda: replace(  # type: ignore[method-assign]
        plain(), steps=STEPS, distance="pixel", start="mean", preview_every=1
    )
    return found


def drop(window: MainWindow, mime: QMimeData) -> None:
    copy, point = Qt.DropAction.CopyAction, QPointF(10, 10)
    enter = QDragEnterEvent(point.toPoint(), copy, mime, LEFT, NONE)
    QApplication.sendEvent(window, enter)
    assert enter.isAccepted()
    QApplication.sendEvent(window, QDropEvent(point, copy, mime, LEFT, NONE))


def files(*paths: Path) -> QMimeData:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    return mime


def take(qtbot: QtBot, panel: PhotoPanel, pixels: np.ndarray | None = None) -> None:
    panel.desk.set_pixels(photo_pixels() if pixels is None else pixels, "egg.png")
    qtbot.waitUntil(lambda: not panel.desk.is_looking, timeout=WAIT_MS)


def settle(qtbot: QtBot, window: MainWindow) -> np.ndarray:
    qtbot.waitUntil(lambda: window.studio.binding.is_current, timeout=WAIT_MS)
    picture = window.studio.binding.picture
    assert picture is not None
    return picture.pixels


def invert(qtbot: QtBot, panel: PhotoPanel) -> None:
    panel.invert.click()
    qtbot.waitUntil(lambda: panel.back.inverted is not None, timeout=WAIT_MS)


def two_faces() -> list[Face]:
    points = np.array([[50, 40], [70, 40], [60, 48], [52, 58], [68, 58]], float)
    first = Face(np.array([40.0, 25, 80, 70]), points, 0.99)
    second = Face(np.array([5.0, 5, 25, 25]), points * 0.3, 0.9)
    return [first, second]


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


def test_drop_invert_edit_undo_save_and_reopen_gives_the_same_picture(
    qtbot: QtBot, window: MainWindow, panel: PhotoPanel, photo_path: Path, tmp_path: Path
) -> None:
    drop(window, files(photo_path))
    qtbot.waitUntil(lambda: panel.desk.photo is not None, timeout=WAIT_MS)
    start = settle(qtbot, window)
    invert(qtbot, panel)
    inverted = settle(qtbot, window)
    assert not np.array_equal(inverted, start)
    assert window.studio.document.undo_label == "Invert egg"
    assert panel._result is not None
    assert np.array_equal(inverted, panel._result.image)
    run = panel.live.run
    assert run is not None
    assert run.step == STEPS
    assert len(run.terms["pixel"][1]) == STEPS
    assert run.terms["pixel"][1][-1] < run.terms["pixel"][1][0]

    # Sliders that act on z can't move a picture that starts from a w.
    recipe = window.studio.document.recipe
    assert all(edit.direction.space == "w" for edit in recipe.directions)
    model = window.studio.model
    assert model is not None
    qtbot.waitUntil(lambda: "pca" in model.directions, timeout=WAIT_MS)
    window.inspector.show_tab("directions")
    directions = window.inspector.panels["directions"]
    if not directions.rows:
        directions.add(model.directions["pca"][0])
    directions.rows[0].typed.emit(1.5)
    edited = settle(qtbot, window)
    assert not np.array_equal(edited, inverted)
    window.actions_["undo"].trigger()
    assert np.array_equal(settle(qtbot, window), inverted)
    window.actions_["redo"].trigger()
    settle(qtbot, window)

    path = tmp_path / "edited.png"
    with qtbot.waitSignal(window.filing.saved, timeout=WAIT_MS):
        window.filing.save_to(path)
    window.commands.new_start()
    settle(qtbot, window)
    drop(window, files(path))
    qtbot.waitUntil(lambda: window.studio.document.entries[0].label == "Opened edited.png", timeout=WAIT_MS)
    assert np.array_equal(settle(qtbot, window), edited)


def test_the_edit_goes_back_into_the_photo_at_full_size(
    qtbot: QtBot, window: MainWindow, panel: PhotoPanel, tmp_path: Path
) -> None:
    take(qtbot, panel)
    panel.desk.set_quad(np.array([[30.0, 20], [30, 70], [80, 70], [80, 20]]))
    invert(qtbot, panel)
    settle(qtbot, window)
    qtbot.waitUntil(lambda: panel.back._base is not None, timeout=WAIT_MS)
    # Nothing is edited yet: the change alone gives the photo as it was.
    same = tmp_path / "same.png"
    with qtbot.waitSignal(panel.back.saved, timeout=WAIT_MS):
        panel.back.save_to(same)
    assert np.array_equal(read_photo(same), photo_pixels())

    recipe = window.studio.document.recipe
    window.studio.document.edit(
        "Other", recipe.changed(sources=window.studio.document.entries[0].recipe.sources)
    )
    edited = settle(qtbot, window)
    for how, name in (("change", "a.png"), ("whole", "b.png")):
        panel.back.how.button(how).click()
        with qtbot.waitSignal(panel.back.saved, timeout=WAIT_MS):
            panel.back.save_to(tmp_path / name)
    changed, whole = read_photo(tmp_path / "a.png"), read_photo(tmp_path / "b.png")
    assert changed.shape == whole.shape == photo_pixels().shape
    assert np.array_equal(whole[:, :30], photo_pixels()[:, :30])
    back = cut(whole, panel.desk.alignment(), edited.shape[:2]).astype(int)
    middle = np.s_[5:-5, 5:-5]
    assert np.abs(back[middle] - edited[middle]).mean() < 12
    assert not np.array_equal(changed, whole)


def test_the_photo_is_shown_with_the_edit_and_split_on_the_canvas(
    qtbot: QtBot, window: MainWindow, panel: PhotoPanel
) -> None:
    take(qtbot, panel)
    invert(qtbot, panel)
    settle(qtbot, window)
    panel.back.split.button("photo").click()
    split = panel.back.split_view
    assert split is not None
    assert split.isVisible()
    x, y = split.line_x(), split.height() / 2
    QTest.mousePress(split, LEFT, NONE, QPointF(x, y).toPoint())
    QTest.mouseMove(split, QPointF(x + 50, y).toPoint())
    QTest.mouseRelease(split, LEFT, NONE, QPointF(x + 50, y).toPoint())
    assert abs(split.line_x() - x - 50) < 2
    QTest.keyClick(split, Qt.Key.Key_Escape)
    assert not split.isVisible()

    qtbot.waitUntil(lambda: panel.back._base is not None, timeout=WAIT_MS)
    panel.back.look.click()
    sheet = panel.back.sheet
    assert sheet is not None
    assert sheet.isVisible()
    plain = photo_pixels()
    qtbot.waitUntil(lambda: not panel.back._blending, timeout=WAIT_MS)
    assert np.array_equal(pixels_of(sheet.edited), plain)
    recipe = window.studio.document.recipe
    window.studio.document.edit(
        "Other", recipe.changed(sources=window.studio.document.entries[0].recipe.sources)
    )
    qtbot.waitUntil(lambda: not np.array_equal(pixels_of(sheet.edited), plain), timeout=WAIT_MS)
    panel.back.look.click()
    assert not sheet.isVisible()


def test_stop_keeps_continue_goes_on_and_cancel_changes_nothing(
    qtbot: QtBot, window: MainWindow, panel: PhotoPanel
) -> None:
    take(qtbot, panel)
    plain = panel.choices.options
    panel.choices.options = lambda: replace(plain(), steps=4000)  # type: ignore[method-assign]
    start = window.studio.document.recipe
    panel.invert.click()
    qtbot.waitUntil(lambda: panel.live.run is not None and panel.live.run.step > 3, timeout=WAIT_MS)
    assert panel.live.stop.isVisible()
    panel.live.cancel.click()
    assert not panel.live.stop.isVisible()
    assert window.studio.document.recipe == start

    panel.invert.click()
    qtbot.waitUntil(lambda: panel.live.run is not None and panel.live.run.step > 3, timeout=WAIT_MS)
    panel.live.stop.click()
    qtbot.waitUntil(lambda: panel.back.inverted is not None, timeout=WAIT_MS)
    assert panel._result is not None
    first = len(panel._result.curve)
    assert 3 < first < 4000
    assert panel.live.go_on.isVisible()
    panel.live.go_on.click()
    qtbot.waitUntil(lambda: panel.live.run is not None and panel.live.run.step > first + 3, timeout=WAIT_MS)
    panel.live.stop.click()
    qtbot.waitUntil(lambda: panel._result is not None, timeout=WAIT_MS)
    assert panel._result is not None
    assert len(panel._result.curve) > first


def test_the_history_is_scrubbed_and_a_step_of_it_kept(
    qtbot: QtBot, window: MainWindow, panel: PhotoPanel
) -> None:
    take(qtbot, panel)
    invert(qtbot, panel)
    settle(qtbot, window)
    run = panel.live.run
    assert run is not None
    panel.live.history.edited.emit(3 / STEPS)
    moment = panel.live.moment
    assert moment is not None
    assert moment.step == 3
    assert panel.live.keep.isVisible()
    panel.live.keep.click()
    assert window.studio.document.undo_label == "Step 3 of the inversion"
    settle(qtbot, window)
    assert window.studio.document.recipe.sources == (moment.snapshot.source,)
    panel.live.history.edited.emit(1.0)
    assert not panel.live.keep.isVisible()


def test_previews_go_first_while_a_photo_is_inverted(
    qtbot: QtBot, window: MainWindow, panel: PhotoPanel
) -> None:
    take(qtbot, panel)
    plain = panel.choices.options
    panel.choices.options = lambda: replace(plain(), steps=4000)  # type: ignore[method-assign]
    panel.invert.click()
    run = panel.live.run
    assert run is not None
    qtbot.waitUntil(lambda: run.step > 2, timeout=WAIT_MS)
    window.commands._start_from(5)
    at = run.step
    settle(qtbot, window)
    assert run.step < at + 200
    panel.live.cancel.click()


def test_another_model_takes_the_photo_and_forgets_the_inversion(
    qtbot: QtBot, window: MainWindow, panel: PhotoPanel, other_model_path: Path
) -> None:
    take(qtbot, panel)
    invert(qtbot, panel)
    window.filing.open_model(other_model_path)
    qtbot.waitUntil(
        lambda: window.studio.model is not None and window.studio.model.info.path == str(other_model_path),
        timeout=WAIT_MS,
    )
    settle(qtbot, window)
    assert panel.desk.photo is not None
    assert panel.back.inverted is None
    assert not panel.live.isVisible()
    invert(qtbot, panel)
    settle(qtbot, window)


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
    assert panel.counts.painted() is None
    panel.counts.paint.click()
    brush = panel.counts.brush
    assert brush is not None
    assert brush.isVisible()
    place = brush.place()
    start, end = place.topLeft() + QPointF(5, 5), place.bottomLeft() + QPointF(5, -5)
    QTest.mousePress(brush, LEFT, NONE, start.toPoint())
    QTest.mouseMove(brush, end.toPoint())
    QTest.mouseRelease(brush, LEFT, NONE, end.toPoint())
    mask = panel.counts.painted()
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
    assert panel.counts.painted() is None
    settle(qtbot, window)


def test_another_photo_clears_the_views_of_the_run_before(
    qtbot: QtBot, window: MainWindow, panel: PhotoPanel
) -> None:
    take(qtbot, panel)
    invert(qtbot, panel)
    settle(qtbot, window)
    assert panel.live.isVisible()
    assert not panel.intake.zone.isVisible()
    take(qtbot, panel, photo_pixels(60, 60))
    assert not panel.live.isVisible()
    assert panel.intake.zone.isVisible()


def test_undo_to_an_earlier_inversion_finds_its_photo_and_a_saved_one_is_found_in_a_new_session(
    qtbot: QtBot, window: MainWindow, panel: PhotoPanel, photo_path: Path, tmp_path: Path
) -> None:
    panel.open_photo(photo_path)
    qtbot.waitUntil(lambda: panel.desk.photo is not None, timeout=WAIT_MS)
    invert(qtbot, panel)
    first = panel.back.inverted
    assert first is not None
    saved = tmp_path / "inverted.png"
    with qtbot.waitSignal(window.filing.saved, timeout=WAIT_MS):
        window.filing.save_to(saved)
    take(qtbot, panel, photo_pixels(60, 64))
    panel.invert.click()
    qtbot.waitUntil(lambda: panel.back.inverted is not first, timeout=WAIT_MS)
    window.studio.document.undo()
    assert panel.back.inverted is first

    # As after a restart: the panel knows nothing, the file tells where the photo is.
    assert window.studio.model is not None
    panel.set_model(window.studio.model)
    assert panel.back.inverted is None
    window.commands.new_start()
    drop(window, files(saved))
    qtbot.waitUntil(lambda: panel.back.inverted is not None, timeout=WAIT_MS)
    found = panel.back.inverted
    assert found is not None
    assert np.array_equal(found.photo, photo_pixels())
    assert np.array_equal(found.target.image, first.target.image)
    settle(qtbot, window)


def test_a_tuned_model_travels_beside_the_picture(
    qtbot: QtBot, window: MainWindow, panel: PhotoPanel, tmp_path: Path
) -> None:
    plain = panel.choices.options
    panel.choices.options = lambda: replace(plain(), tune_steps=3, tune_stop=0.0)  # type: ignore[method-assign]
    take(qtbot, panel)
    invert(qtbot, panel)
    tuned = settle(qtbot, window)
    recipe = window.studio.document.recipe
    assert recipe.tuning is not None
    saved = tmp_path / "tuned.png"
    with qtbot.waitSignal(window.filing.saved, timeout=WAIT_MS):
        window.filing.save_to(saved)
    assert (tmp_path / recipe.tuning.name).is_file()

    # As on another machine: only what lies beside the picture is there.
    tuning_path(recipe.tuning.sha256).unlink()
    window.commands.new_start()
    settle(qtbot, window)
    drop(window, files(saved))
    qtbot.waitUntil(lambda: window.studio.document.entries[0].label == "Opened tuned.png", timeout=WAIT_MS)
    assert np.array_equal(settle(qtbot, window), tuned)
