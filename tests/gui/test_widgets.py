from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from latentstudio.gui.layers import layer_groups
from latentstudio.gui.widgets.layer_strip import LayerStrip
from latentstudio.gui.widgets.number_box import NumberBox
from latentstudio.gui.widgets.preview_strip import PreviewStrip
from latentstudio.gui.widgets.segmented import Segmented
from latentstudio.gui.words import count_words, layer_words, parse_number, plain, signed

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


@pytest.mark.parametrize(
    ("amount", "words"),
    [(1.4, "+1.4"), (-0.6, "−0.6"), (0, "0"), (0.001, "0"), (2, "+2"), (-10.25, "−10.25")],
)
def test_amounts_are_written_with_a_sign(amount: float, words: str) -> None:
    assert signed(amount) == words


@pytest.mark.parametrize(
    ("text", "value"), [("1.4", 1.4), ("−0,5 σ", -0.5), ("+2", 2.0), ("", None), ("abc", None), ("nan", None)]
)
def test_numbers_are_read_as_people_type_them(text: str, value: float | None) -> None:
    assert parse_number(text) == value


def test_layer_ranges_are_inclusive_on_screen() -> None:
    assert layer_words(0, None, 10) == "all layers"
    assert layer_words(0, 4, 10) == "layers 0 to 3"
    assert layer_words(9, None, 10) == "layer 9"


def test_counts_and_numbers_have_calm_words() -> None:
    assert count_words(4_361_000) == "4.36 M"
    assert plain(0.7) == "0.7"
    assert plain(1) == "1.0"


def test_groups_follow_the_resolutions() -> None:
    groups = layer_groups((4, 8, 8, 16, 16, 32, 32, 64, 64))
    assert [(g.name, g.sizes, g.start, g.stop) for g in groups] == [
        ("Coarse", "4–8", 0, 3),
        ("Middle", "16–32", 3, 7),
        ("Fine", "64", 7, 9),
    ]
    assert layer_groups((4,)) == ()


def test_typing_a_number_tells_it_once_and_esc_keeps_the_old_one(qtbot: QtBot) -> None:
    box = NumberBox(signed, "σ")
    qtbot.addWidget(box)
    box.show()
    heard: list[float] = []
    box.value_typed.connect(heard.append)
    box.activateWindow()
    box.setFocus()
    qtbot.waitUntil(box.hasFocus)
    QTest.keyClicks(box, "1,5")
    QTest.keyClick(box, Qt.Key.Key_Return)
    assert heard == [1.5]
    assert box.text() == "+1.5 σ"
    box.setFocus()
    qtbot.waitUntil(box.hasFocus)
    QTest.keyClicks(box, "2")
    QTest.keyClick(box, Qt.Key.Key_Escape)
    assert heard == [1.5]
    assert box.text() == "+1.5 σ"


def test_painting_layers_tells_the_range(qtbot: QtBot) -> None:
    strip = LayerStrip()
    qtbot.addWidget(strip)
    strip.resize(200, 18)
    strip.set_layers([4] * 10)
    strip.show()
    with qtbot.waitSignal(strip.range_painted) as heard:
        QTest.mousePress(strip, LEFT, NONE, QPoint(105, 9))
        QTest.mouseMove(strip, QPoint(45, 9))
        QTest.mouseRelease(strip, LEFT, NONE, QPoint(45, 9))
    assert heard.args == [2, 6]


def test_a_click_on_a_preview_tells_its_amount(qtbot: QtBot) -> None:
    strip = PreviewStrip()
    qtbot.addWidget(strip)
    strip.resize(300, 60)
    strip.set_image(4, QImage(8, 8, QImage.Format.Format_RGB32))
    strip.show()
    assert strip.has_image(4)
    with qtbot.waitSignal(strip.amount_chosen) as heard:
        QTest.mouseClick(strip, LEFT, NONE, QPoint(290, 30))
    assert heard.args == [3.0]


def test_choosing_nothing_in_a_row_of_words(qtbot: QtBot) -> None:
    row = Segmented()
    qtbot.addWidget(row)
    row.set_choices([("a", "A", ""), ("b", "B", "")])
    row.set_chosen("a")
    assert row.button("a").isChecked()
    row.set_chosen(None)
    assert not row.button("a").isChecked()
    with qtbot.waitSignal(row.chosen) as heard:
        row.button("b").click()
    assert heard.args == ["b"]


def test_the_event_loop_keeps_count_of_references(qapp: QApplication) -> None:
    """A binding that loses count ends the process hours later; one release did."""
    import sys

    qapp.processEvents()
    before = sys.getrefcount(None)
    for _ in range(1000):
        qapp.processEvents()
    assert sys.getrefcount(None) - before > -100
