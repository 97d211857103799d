"""The rail of tabs has room in a low window, too."""

from __future__ import annotations

import itertools

from pytestqt.qtbot import QtBot

from latentstudio.gui.main_window import MainWindow


def test_a_window_of_720_pixels_shows_all_of_itself(qtbot: QtBot, window: MainWindow) -> None:
    window.resize(1280, 720)
    qtbot.waitUntil(lambda: window.height() == 720)
    buttons = window.inspector._group.buttons()
    places = [button.geometry() for button in buttons]
    assert all(place.height() >= 24 for place in places)
    assert all(below.top() >= above.bottom() for above, below in itertools.pairwise(places))
    last = buttons[-1]
    assert last.mapTo(window, last.rect().bottomLeft()).y() < window.height()
    status = window.status
    assert status.mapTo(window, status.rect().bottomLeft()).y() <= window.height()
