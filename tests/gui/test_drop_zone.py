"""The place that asks for a photograph."""

import numpy as np
import pytest
from PySide6.QtGui import QFontMetrics
from pytestqt.qtbot import QtBot

from latentstudio.gui.photo.drop_zone import INVITATION, DropZone


def rows_with_ink(zone: DropZone) -> np.ndarray:
    """Which rows inside the frame differ from its ground."""
    image = zone.grab().toImage()
    pixels = np.array(
        [[image.pixel(x, y) for x in range(12, image.width() - 12)] for y in range(60, image.height() - 6)]
    )
    return (pixels != pixels[-1, 0]).any(1)


@pytest.fixture
def zone(qtbot: QtBot) -> DropZone:
    zone = DropZone()
    qtbot.addWidget(zone)
    zone.resize(292, zone.height())
    return zone


def test_the_invitation_fits_one_line_each(zone: DropZone) -> None:
    font = zone.font()
    font.setPixelSize(12)
    assert QFontMetrics(font).horizontalAdvance(INVITATION[1]) < zone.width() - 20


def test_words_that_need_two_lines_show_both_in_full(zone: DropZone) -> None:
    heights = []
    for words in ("Shape", "Shape " * 12):
        zone.set_words("", words)
        rows = np.flatnonzero(rows_with_ink(zone))
        heights.append(rows[-1] - rows[0] + 1)
    font = zone.font()
    font.setPixelSize(12)
    assert heights[1] == pytest.approx(heights[0] + QFontMetrics(font).lineSpacing(), abs=1)
