"""Stories of a photograph: inverted, edited, and back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from photo_helpers import STEPS, drop, files, invert, photo_pixels, result, settle, take
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot
from window_helpers import WAIT_MS

from latentstudio.gui.main_window import MainWindow
from latentstudio.gui.panels.photo import PhotoPanel
from latentstudio.gui.photo.reading import pixels_of
from latentstudio.inversion.target import cut
from latentstudio.inversion.tuning_store import tuning_path
from latentstudio.media.photo import read_photo

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


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
    assert np.array_equal(inverted, result(panel).image)
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
    qtbot.waitUntil(lambda: not panel.back._blending and not sheet.edited.isNull(), timeout=WAIT_MS)
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
    first = len(result(panel).curve)
    assert 3 < first < 4000
    assert panel.live.go_on.isVisible()
    panel.live.go_on.click()
    qtbot.waitUntil(lambda: panel.live.run is not None and panel.live.run.step > first + 3, timeout=WAIT_MS)
    panel.live.stop.click()
    qtbot.waitUntil(lambda: len(result(panel).curve) > first, timeout=WAIT_MS)


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
