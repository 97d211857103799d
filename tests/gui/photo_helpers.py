"""What the tests of photographs share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from window_helpers import WAIT_MS

from latentstudio.gui.main_window import MainWindow
from latentstudio.gui.panels.photo import PhotoPanel
from latentstudio.inversion.face_frame import Face
from latentstudio.inversion.projection import Projection

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
STEPS = 6


def photo_pixels(height: int = 90, width: int = 120) -> np.ndarray:
    """A drawn photograph: an egg on a ramp."""
    y, x = np.mgrid[0:height, 0:width]
    pixels = np.stack([x * 255 // width, y * 255 // height, 128 + 0 * x], -1).astype(np.uint8)
    egg = ((x - width * 0.5) / 22) ** 2 + ((y - height * 0.5) / 30) ** 2 < 1
    pixels[egg] = (230, 180, 150)
    return pixels


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


def result(panel: PhotoPanel) -> Projection:
    """What was found of the photo that is chosen."""
    assert panel.batch is not None
    part = panel.batch.part_of(panel.desk.current)
    assert part is not None
    assert part.result is not None
    return part.result


def two_faces() -> list[Face]:
    points = np.array([[50, 40], [70, 40], [60, 48], [52, 58], [68, 58]], float)
    first = Face(np.array([40.0, 25, 80, 70]), points, 0.99)
    second = Face(np.array([5.0, 5, 25, 25]), points * 0.3, 0.9)
    return [first, second]
