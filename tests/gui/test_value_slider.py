from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from latentstudio.gui.widgets.value_slider import ValueSlider

LEFT = Qt.MouseButton.LeftButton
NONE = Qt.KeyboardModifier.NoModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def slider(qtbot: QtBot) -> ValueSlider:
    made = ValueSlider(-3, 3)
    qtbot.addWidget(made)
    made.resize(314, 22)
    made.show()
    qtbot.waitExposed(made)
    return made


def at(slider: ValueSlider, value: float) -> QPoint:
    return slider.position_of(value).toPoint()


def drag(slider: ValueSlider, start: float, end: float, modifiers: Qt.KeyboardModifier = NONE) -> None:
    QTest.mousePress(slider, LEFT, modifiers, at(slider, start))
    for i in range(1, 5):
        QTest.mouseMove(slider, at(slider, start + (end - start) * i / 4))
        QApplication.processEvents()


def turn(slider: ValueSlider, notches: int, modifiers: Qt.KeyboardModifier = NONE) -> None:
    centre = QPointF(slider.rect().center())
    event = QWheelEvent(
        centre,
        slider.mapToGlobal(centre),
        QPoint(),
        QPoint(0, 120 * notches),
        Qt.MouseButton.NoButton,
        modifiers,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(slider, event)


def test_dragging_the_handle_edits_and_letting_go_finishes_once(slider: ValueSlider) -> None:
    values: list[float] = []
    ends: list[int] = []
    slider.value_edited.connect(values.append)
    slider.edit_finished.connect(lambda: ends.append(1))
    drag(slider, 0, 1.5)
    assert slider.is_held
    QTest.mouseRelease(slider, LEFT, NONE, at(slider, 1.5))
    assert values[-1] == pytest.approx(1.5, abs=0.03)
    assert values == sorted(values)
    assert ends == [1]


def test_a_click_on_the_track_brings_the_handle_there(slider: ValueSlider) -> None:
    QTest.mouseClick(slider, LEFT, NONE, at(slider, -2))
    assert slider.value == pytest.approx(-2, abs=0.03)


def test_double_click_resets(qtbot: QtBot, slider: ValueSlider) -> None:
    slider.set_value(1.25)
    with qtbot.waitSignals([slider.value_edited, slider.edit_finished]):
        QTest.mouseDClick(slider, LEFT, NONE, at(slider, 1.25))
    assert slider.value == 0


def test_setting_a_value_says_nothing(qtbot: QtBot, slider: ValueSlider) -> None:
    with qtbot.assertNotEmitted(slider.value_edited):
        slider.set_value(2)


def test_arrows_step_and_shift_makes_them_fine(slider: ValueSlider) -> None:
    QTest.keyClick(slider, Qt.Key.Key_Right)
    assert slider.value == pytest.approx(0.1)
    QTest.keyClick(slider, Qt.Key.Key_Left, SHIFT)
    assert slider.value == pytest.approx(0.09)
    QTest.keyClick(slider, Qt.Key.Key_End)
    assert slider.value == 3
    QTest.keyClick(slider, Qt.Key.Key_Right)
    assert slider.value == 3


def test_wheel_steps_and_shift_makes_it_fine(slider: ValueSlider) -> None:
    turn(slider, 2)
    assert slider.value == pytest.approx(0.2)
    turn(slider, -1, SHIFT)
    assert slider.value == pytest.approx(0.19)


def test_the_wheel_is_one_edit_until_it_pauses(qtbot: QtBot, slider: ValueSlider) -> None:
    ends: list[int] = []
    slider.edit_finished.connect(lambda: ends.append(1))
    turn(slider, 1)
    turn(slider, 1)
    assert ends == []
    qtbot.waitUntil(lambda: ends == [1])


def test_esc_while_held_aborts_and_does_not_finish(slider: ValueSlider) -> None:
    heard: list[str] = []
    slider.edit_aborted.connect(lambda: heard.append("aborted"))
    slider.edit_finished.connect(lambda: heard.append("finished"))
    drag(slider, 0, 2)
    QTest.keyClick(slider, Qt.Key.Key_Escape)
    QTest.mouseMove(slider, at(slider, -2))
    QTest.mouseRelease(slider, LEFT, NONE, at(slider, -2))
    assert heard == ["aborted"]


def test_near_zero_the_hand_finds_zero(slider: ValueSlider) -> None:
    slider.set_value(1)
    drag(slider, 1, 0.04)
    assert slider.value == 0
    QTest.mouseRelease(slider, LEFT, NONE, at(slider, 0))


def test_a_typed_value_beyond_the_end_is_kept_and_drawn_at_the_end(slider: ValueSlider) -> None:
    slider.set_value(4.2)
    assert slider.value == 4.2
    assert slider.position_of(4.2) == slider.position_of(3)


def test_losing_the_focus_finishes(slider: ValueSlider) -> None:
    ends: list[int] = []
    slider.edit_finished.connect(lambda: ends.append(1))
    slider.setFocus()
    drag(slider, 0, 1)
    slider.clearFocus()
    assert ends == [1]
    QTest.mouseRelease(slider, LEFT, NONE, at(slider, 1))
