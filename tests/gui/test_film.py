from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog
from pytestqt.qtbot import QtBot
from window_helpers import WAIT_MS, OpenWindow

from latentstudio.document.film import Film
from latentstudio.document.film_file import read_film, write_film
from latentstudio.document.recipe import Source
from latentstudio.engine.render import render
from latentstudio.gui.film.dialogs import ExportDialog, SweepDialog, TimingDialog, WalkDialog
from latentstudio.gui.film.scale import Scale, tick_words, time_words
from latentstudio.gui.main_window import MainWindow
from latentstudio.gui.strip import FILM, HISTORY
from latentstudio.latent.spaces import Latent
from latentstudio.media.image import read_pixels
from latentstudio.media.video import VideoOptions
from latentstudio.models.registry import load_generator


@pytest.fixture
def filming(window: MainWindow, qtbot: QtBot) -> MainWindow:
    """The window with a film of three kept pictures: at 0, 2 and 4 seconds."""
    for seed in (1, 2, 3):
        window.commands._start_from(seed)
        window.commands.keep_keyframe()
    qtbot.waitUntil(lambda: window.studio.binding.is_current, timeout=WAIT_MS)
    return window


def film_of(window: MainWindow) -> Film:
    film = window.studio.document.film
    assert film is not None
    return film


def drag(window: MainWindow, begin: QPointF, end: QPointF, steps: int = 6) -> None:
    view = window.strip.film_panel.view
    QTest.mousePress(view, Qt.MouseButton.LeftButton, pos=begin.toPoint())
    for i in range(1, steps + 1):
        QTest.mouseMove(view, (begin + (end - begin) * i / steps).toPoint())
        QApplication.processEvents()
    QTest.mouseRelease(view, Qt.MouseButton.LeftButton, pos=end.toPoint())


def test_a_start_builds_no_timeline_and_the_first_keyframe_shows_it(window: MainWindow):
    assert window.strip._film is None
    assert window.strip.part == HISTORY
    window.commands.keep_keyframe()
    assert window.strip.part == FILM
    # Else the space key would press whatever button had the focus before.
    assert window.focusWidget() is window.strip.film_panel.view
    assert film_of(window).length == 1
    window.commands.show_film()
    assert window.strip.part == HISTORY


def test_pictures_kept_one_after_another_make_a_film(filming: MainWindow):
    film = film_of(filming)
    assert [k.frame for k in film.keyframes] == [0, 60, 120]
    assert [k.recipe.seed for k in film.keyframes] == [1, 2, 3]
    assert filming.studio.document.undo_label == "Keyframe at 0:04.00"
    filming.commands.undo()
    assert len(film_of(filming).keyframes) == 2


def test_scrubbing_shows_the_film_and_leaves_no_step(filming: MainWindow, qtbot: QtBot, model_path: Path):
    view, document = filming.strip.film_panel.view, filming.studio.document
    steps = len(document.entries)
    drag(filming, QPointF(view.scale.x(5), 40), QPointF(view.scale.x(90), 40))
    assert filming.strip.timeline.playhead == 90
    assert len(document.entries) == steps
    qtbot.waitUntil(lambda: filming.studio.binding.is_current, timeout=WAIT_MS)
    picture = filming.studio.binding.picture
    assert picture is not None
    expected = render(film_of(filming).recipe_at(90), load_generator(model_path))
    np.testing.assert_array_equal(picture.pixels, expected)


def test_an_edit_of_a_moment_is_kept_where_the_playhead_was_put(filming: MainWindow):
    timeline, document = filming.strip.timeline, filming.studio.document
    timeline.go_to(30)
    document.edit("Truncation", document.recipe.changed(truncation_psi=0.5))
    timeline.keep()
    film = film_of(filming)
    assert [k.frame for k in film.keyframes] == [0, 30, 60, 120]
    assert film.keyframes[1].recipe.truncation_psi == 0.5
    timeline.go_to(60)
    document.edit("Truncation", document.recipe.changed(truncation_psi=0.2))
    timeline.keep()
    assert film_of(filming).keyframes[2].recipe.truncation_psi == 0.2
    # Once kept, the next picture goes after the last one again.
    timeline.keep()
    assert [k.frame for k in film_of(filming).keyframes][-1] == 180


def test_a_keyframe_is_dragged_in_one_step_and_escape_gives_it_back(filming: MainWindow):
    view, document = filming.strip.film_panel.view, filming.studio.document
    steps = len(document.entries)
    place = view.place_of(1)
    drag(filming, place, QPointF(view.scale.x(80), place.y()))
    assert film_of(filming).keyframes[1].frame == 80
    assert len(document.entries) == steps + 1
    QTest.mousePress(view, Qt.MouseButton.LeftButton, pos=view.place_of(1).toPoint())
    QTest.mouseMove(view, QPoint(int(view.scale.x(100)), int(place.y())))
    QApplication.processEvents()
    assert film_of(filming).keyframes[1].frame > 90
    QTest.keyClick(view, Qt.Key.Key_Escape)
    assert film_of(filming).keyframes[1].frame == 80
    QTest.mouseRelease(view, Qt.MouseButton.LeftButton, pos=place.toPoint())
    filming.commands.undo()
    assert film_of(filming).keyframes[1].frame == 60


def test_the_end_is_dragged_and_shift_stretches(filming: MainWindow):
    view = filming.strip.film_panel.view
    drag(filming, QPointF(view.scale.x(121), 60), QPointF(view.scale.x(125), 60))
    assert film_of(filming).length in range(124, 127)
    filming.strip.timeline.drag_end(242, True)
    filming.strip.timeline.release()
    assert [k.frame for k in film_of(filming).keyframes] == pytest.approx([0, 117, 233], abs=6)
    filming.strip.timeline.drag_end(10, False)
    assert film_of(filming).length > 200


def test_keys_step_through_the_film(filming: MainWindow):
    timeline, view = filming.strip.timeline, filming.strip.film_panel.view
    QTest.keyClick(view, Qt.Key.Key_Home)
    assert timeline.playhead == 0
    QTest.keyClick(view, Qt.Key.Key_Right)
    filming.commands.next_frame()
    assert timeline.playhead == 2
    filming.commands.next_keyframe()
    assert (timeline.playhead, timeline.selected) == (60, 1)
    filming.commands.previous_keyframe()
    filming.commands.previous_frame()
    assert timeline.playhead == 0
    QTest.keyClick(view, Qt.Key.Key_End)
    assert timeline.playhead == 120
    QTest.keyClick(view, Qt.Key.Key_Delete)
    assert len(film_of(filming).keyframes) == 2


def test_the_space_key_plays_on_the_canvas_and_stops(filming: MainWindow, qtbot: QtBot):
    timeline = filming.strip.timeline
    timeline.go_to(0)
    QTest.keyClick(filming.canvas, Qt.Key.Key_Space)
    assert timeline.player.is_playing
    qtbot.waitUntil(lambda: timeline.playhead > 3, timeout=WAIT_MS)
    QTest.keyClick(filming.canvas, Qt.Key.Key_Space)
    assert not timeline.player.is_playing
    assert not filming.studio.document.is_merging
    qtbot.waitUntil(lambda: filming.studio.binding.is_current, timeout=WAIT_MS)


def test_an_open_film_stops_at_its_end_and_a_closed_one_goes_on(filming: MainWindow, qtbot: QtBot):
    timeline = filming.strip.timeline
    timeline.go_to(118)
    timeline.toggle_play()
    qtbot.waitUntil(lambda: not timeline.player.is_playing, timeout=WAIT_MS)
    assert timeline.playhead == 120
    timeline.set_closed(True)
    assert film_of(filming).length == 180
    timeline.go_to(178)
    timeline.toggle_play()
    qtbot.waitUntil(lambda: timeline.playhead < 100, timeout=WAIT_MS)
    # Whoever edits while the film plays wants to see that.
    filming.commands._start_from(9)
    assert not timeline.player.is_playing
    assert filming.studio.document.recipe.seed == 9


def test_path_and_easing_are_chosen_in_the_bar_and_in_the_menu(filming: MainWindow):
    timeline, panel = filming.strip.timeline, filming.strip.film_panel
    timeline.go_to(70)
    timeline.set_way(path="linear")
    timeline.set_way(easing="ease in")
    assert (film_of(filming).keyframes[1].path, film_of(filming).keyframes[1].easing) == ("linear", "ease in")
    menu = panel.menu_at(70)
    sub = next(a.menu() for a in menu.actions() if a.text() == "Path to the next keyframe")
    assert [a.text() for a in sub.actions() if a.isChecked()] == ["Straight"]
    next(a for a in sub.actions() if a.text() == "The same everywhere").trigger()
    assert {k.path for k in film_of(filming).keyframes} == {"linear"}
    menu.deleteLater()


def test_keyframes_that_can_t_be_joined_are_told_once(filming: MainWindow):
    told: list[str] = []
    filming.studio.told.connect(lambda notice: told.append(notice.message))
    timeline, document = filming.strip.timeline, filming.studio.document
    slider = document.recipe.directions[0]
    assert slider.direction.space == "z"
    layered = document.recipe.with_direction(0, replace(slider, amount=1.0, start=0, stop=2))
    w = document.recipe.changed(sources=(Source("w", None, Latent(np.zeros(8))),))
    document.edit_film("Odd", film_of(filming).replaced(0, recipe=layered).replaced(1, recipe=w))
    for frame in (20, 21, 22):
        timeline.scrub(frame)
    timeline.release()
    assert len(told) == 1
    assert "some layers" in told[0]


def test_walks_sweeps_and_timing_come_from_their_dialogs(window: MainWindow, monkeypatch: pytest.MonkeyPatch):
    desk = window.strip.desk

    def answer(dialog: QDialog) -> bool:
        if isinstance(dialog, WalkDialog):
            dialog.seeds.setText("4, 7-8")
            dialog.gap.setValue(1.0)
        if isinstance(dialog, TimingDialog):
            dialog.seconds.setValue(10.0)
            dialog.rate.setValue(24)
        if isinstance(dialog, SweepDialog):
            dialog.slider.setCurrentIndex(1)
        dialog.deleteLater()
        return True

    monkeypatch.setattr(desk, "ask", answer)
    window.commands.film_walk()
    film = film_of(window)
    assert [k.recipe.seed for k in film.keyframes] == [4, 7, 8]
    assert (film.length, film.closed, film.z_dim) == (90, True, 8)
    window.commands.film_timing()
    assert (film_of(window).length, film_of(window).frame_rate) == (240, 24)
    window.strip.timeline.put("Film removed", None)
    window.commands.film_sweep()
    assert [k.recipe.directions[1].amount for k in film_of(window).keyframes] == [-2, 2]


def test_a_dialog_counts_and_refuses_what_can_t_be(window: MainWindow, filming: MainWindow):
    walk = WalkDialog(3, parent=window)
    assert "6 keyframes, 360 frames, 12.0 s" in walk.summary.text()
    walk.seeds.setText("one")
    assert not walk.agree.isEnabled()
    export = ExportDialog(film_of(filming), (16, 16), window)
    export.grid.setCurrentIndex(export.grid.findText("2 × 2", Qt.MatchFlag.MatchStartsWith))
    export.side.setCurrentIndex(export.side.findData(256))
    assert export.options().size == (256, 256)
    assert "121 frames" in export.summary.text()
    for dialog in (walk, export):
        dialog.close()
        dialog.deleteLater()


def test_a_film_is_exported_saved_and_opened_again(
    filming: MainWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model_path: Path
):
    desk, document = filming.strip.desk, filming.studio.document
    film = film_of(filming).stretched(5)
    document.edit_film("Short", film)
    folder = tmp_path / "pictures"
    desk.export_to(folder, VideoOptions(30))
    qtbot.waitUntil(lambda: len(list(folder.glob("*.png"))) == 5, timeout=WAIT_MS)
    expected = render(film.recipe_at(1), load_generator(model_path))
    np.testing.assert_array_equal(read_pixels(folder / "frame00001.png"), expected)
    saved = tmp_path / "walk.film.json"
    monkeypatch.setattr(desk, "ask_path", lambda *_: tmp_path / "walk")
    assert document.is_film_modified
    desk.save()
    qtbot.waitUntil(lambda: not document.is_film_modified, timeout=WAIT_MS)
    assert read_film(saved) == film
    document.edit_film("Gone", None)
    filming.filing.open_path(saved)
    qtbot.waitUntil(lambda: document.film == film, timeout=WAIT_MS)
    assert (document.film_path, document.undo_label) == (saved, "Opened walk.film.json")
    video = tmp_path / "film.mp4"
    desk.export_to(video, VideoOptions(30))
    qtbot.waitUntil(video.exists, timeout=WAIT_MS)
    document.edit_film("Gone", None)
    filming.filing.open_path(video)
    qtbot.waitUntil(lambda: document.film == film, timeout=WAIT_MS)


def test_a_stopped_export_says_that_it_goes_on(filming: MainWindow, qtbot: QtBot, tmp_path: Path):
    told: list[str] = []
    filming.studio.told.connect(lambda notice: told.append(notice.message))
    bridge, numbers = filming.studio.bridge, []
    bridge.job_progressed.connect(lambda event: numbers.append(event.job) if event.tag == "film" else None)
    filming.strip.desk.export_to(tmp_path / "film.mp4", VideoOptions(60, (2048, 2048)))
    qtbot.waitUntil(lambda: bool(numbers), timeout=WAIT_MS)
    bridge.cancel(numbers[0])
    qtbot.waitUntil(lambda: "The film was stopped." in told, timeout=WAIT_MS)
    assert list(tmp_path.iterdir()) == []


def test_a_film_of_another_model_brings_its_model_and_another_model_takes_the_film_away(
    open_window: OpenWindow, filming: MainWindow, other_model_path: Path, tmp_path: Path, qtbot: QtBot
):
    film, studio = film_of(filming), filming.studio
    path = tmp_path / "a.film.json"
    write_film(path, film)
    asked: list[str] = []
    filming.filing.ask_discard = lambda *words: bool(asked.append(words[0] if words else "")) or True
    filming.filing.open_model(other_model_path)
    qtbot.waitUntil(lambda: studio.model.info.path == str(other_model_path), timeout=WAIT_MS)
    assert "The film is not saved." in asked
    assert studio.document.film is None
    filming.filing.open_path(path)
    qtbot.waitUntil(lambda: studio.document.film == film, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: studio.binding.is_current, timeout=WAIT_MS)
    assert studio.model.info.path != str(other_model_path)


def test_the_strip_fills_with_the_film_s_pictures_and_zooms(filming: MainWindow, qtbot: QtBot):
    view, thumbnails = filming.strip.film_panel.view, filming.studio.thumbnails
    film = film_of(filming)

    def is_full() -> bool:
        return all(thumbnails.find(film.recipe_at(frame)) is not None for frame, _ in view._cells())

    qtbot.waitUntil(is_full, timeout=WAIT_MS)
    before = view.scale.pixels
    place = QPointF(300, 40)
    event = QWheelEvent(
        place, view.mapToGlobal(place), QPoint(), QPoint(0, 240), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.ControlModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    frame = view.scale.frame(300)
    view.wheelEvent(event)
    assert view.scale.pixels > before
    assert view.scale.frame(300) == pytest.approx(frame, abs=0.5)
    qtbot.waitUntil(is_full, timeout=WAIT_MS)
    assert not view.grab().isNull()


def test_times_are_written_for_people():
    assert time_words(75, 30) == "0:02.50"
    assert time_words(3600 * 2, 60) == "2:00.00"
    assert (tick_words(2), tick_words(62.5)) == ("0:02", "1:02.5")
    scale = Scale.fitting(100, 1000)
    assert scale.frame(scale.x(42)) == pytest.approx(42)
    assert scale.x(100) < 1000
    assert scale.zoomed(4, 500, 100).frame(500) == pytest.approx(scale.frame(500))
    assert scale.zoomed(0.01, 500, 100) == scale
