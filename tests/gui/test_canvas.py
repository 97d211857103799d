from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from latentstudio.gui.canvas import Canvas


@pytest.fixture
def canvas(qtbot: QtBot) -> Canvas:
    made = Canvas()
    qtbot.addWidget(made)
    made.resize(600, 500)
    image = QImage(64, 64, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.red)
    made.set_image(image)
    made.show()
    qtbot.waitExposed(made)
    return made


def wheel(canvas: Canvas, at: QPointF, notches: int) -> None:
    event = QWheelEvent(
        at,
        canvas.mapToGlobal(at),
        QPoint(),
        QPoint(0, 120 * notches),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(canvas, event)


def test_fit_shows_all_of_the_picture(canvas: Canvas) -> None:
    assert canvas.fits
    assert canvas.rect().toRectF().contains(canvas.place())
    assert canvas.place().center() == QPointF(300, 250)


def test_one_to_one_is_a_pixel_for_a_pixel(canvas: Canvas) -> None:
    canvas.one_to_one()
    assert canvas.place().width() * canvas.devicePixelRatioF() == 64


def test_zoom_keeps_what_is_under_the_pointer(canvas: Canvas) -> None:
    at = QPointF(330, 240)
    before = canvas.place()
    share = (at.x() - before.x()) / before.width()
    wheel(canvas, at, 3)
    after = canvas.place()
    assert after.width() > before.width() * 1.9
    assert (at.x() - after.x()) / after.width() == pytest.approx(share)


def test_pan_follows_the_hand_and_the_picture_can_not_be_lost(canvas: Canvas) -> None:
    before = canvas.place()
    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, pos=QPoint(300, 250))
    QTest.mouseMove(canvas, QPoint(320, 240))
    assert canvas.place().x() == pytest.approx(before.x() + 20)
    QTest.mouseMove(canvas, QPoint(9000, 9000))
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=QPoint(9000, 9000))
    assert canvas.rect().toRectF().intersects(canvas.place())
    canvas.fit()
    assert canvas.place() == before


def test_the_other_picture_shows_only_while_asked(canvas: Canvas) -> None:
    canvas.show_other(True)
    assert not canvas.shows_other
    other = QImage(64, 64, QImage.Format.Format_RGB32)
    other.fill(Qt.GlobalColor.blue)
    canvas.set_other(other)
    assert canvas.grab().toImage().pixelColor(300, 250).blue() == 255
    canvas.show_other(False)
    assert canvas.grab().toImage().pixelColor(300, 250).red() == 255
