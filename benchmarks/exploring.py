"""The map of 5,000 samples under a panning hand, and the mixing grid of 6 x 6, in the real window.

The map: mouse events at the pace of a screen; counted are the frames that were painted and the longest gap
between two. The grid: from asking until the last of its pictures is in the table.
"""

from __future__ import annotations

import itertools
import math
import os
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks.reference import reference_model
from latentstudio.engine.memory import keep_freed_memory
from latentstudio.settings import load_settings

SAMPLES = 5000
PACE_MS = 16
PAN_S = 4.0
LONGEST_S = 180
GRIDS = 7


def exploring(platform: str) -> list[dict[str, Any]]:
    """Frames a second of the map, and seconds of the grid."""
    os.environ["QT_QPA_PLATFORM"] = platform
    from PySide6.QtWidgets import QApplication

    from latentstudio.gui.app import SWITCH_S
    from latentstudio.gui.main_window import MainWindow
    from latentstudio.gui.theme import apply_theme

    keep_freed_memory()
    sys.setswitchinterval(SWITCH_S)
    app = QApplication.instance() or QApplication(["benchmarks"])
    assert isinstance(app, QApplication)
    apply_theme(app, "dark")
    window = MainWindow(load_settings())
    window.resize(1440, 900)
    window.show()
    window.start([reference_model()])
    studio = window.studio
    _wait(lambda: studio.binding.is_current)
    _wait(lambda: len(window.map.map.points) == SAMPLES and not window.status.job.text())
    rows = [*_map(window), *_grid(window), *_likeness(window)]
    studio.document.mark_saved(None)
    window.close()
    return rows


def _map(window: Any) -> list[dict[str, Any]]:
    window.map.open_large()
    large = window.map.large
    view, pictures = large.view, large.map.pictures
    view.fit()
    rows = []
    for words, zoom in (("the whole map", 1.0), ("three times nearer", 3.0)):
        view.fit()
        view.zoom_at(_middle(view), zoom)
        shown = [index for index, _ in view.shown_pictures()]
        _wait(lambda shown=shown: all(pictures.find(i) is not None for i in shown))
        frames, seconds, longest = _pan(view)
        rows.append(
            {
                "name": f"map of {SAMPLES:,} samples, {words}, {len(shown)} pictures: frames a second",
                "value": round(frames / seconds, 1),
            }
        )
        rows.append({"name": "  longest gap between two frames", "value": round(longest * 1000, 1)})
    large.close()
    return rows


def _pan(view: Any) -> tuple[int, float, float]:
    """Frames painted, the time they took in seconds, and the longest gap, while a hand pans in a circle."""
    from PySide6.QtCore import QEvent, QEventLoop, QObject, QPointF, Qt, QTimer
    from PySide6.QtGui import QMouseEvent
    from PySide6.QtWidgets import QApplication

    painted: list[float] = []

    class Counting(QObject):
        """Notes when the view begins to paint."""

        def eventFilter(self, watched: QObject, event: QEvent) -> bool:
            if event.type() == QEvent.Type.Paint:
                painted.append(time.perf_counter())
            return False

    counting = Counting()
    view.installEventFilter(counting)
    right = Qt.MouseButton.RightButton

    def mouse(kind: QEvent.Type, point: QPointF, buttons: Qt.MouseButton) -> None:
        place = view.mapToGlobal(point)
        button = right if kind != QEvent.Type.MouseMove else Qt.MouseButton.NoButton
        event = QMouseEvent(kind, point, place, button, buttons, Qt.KeyboardModifier.NoModifier)
        QApplication.postEvent(view, event)

    middle, count = _middle(view), itertools.count()
    loop, timer = QEventLoop(), QTimer(interval=PACE_MS)
    timer.setTimerType(Qt.TimerType.PreciseTimer)
    mouse(QEvent.Type.MouseButtonPress, middle, right)
    started = time.perf_counter()

    def move() -> None:
        if time.perf_counter() - started > PAN_S:
            loop.quit()
            return
        turn = next(count) / 40
        mouse(
            QEvent.Type.MouseMove, middle + QPointF(220 * math.sin(turn), 160 * (1 - math.cos(turn))), right
        )

    timer.timeout.connect(move)
    timer.start()
    loop.exec()
    timer.stop()
    mouse(QEvent.Type.MouseButtonRelease, middle, Qt.MouseButton.NoButton)
    QApplication.processEvents()
    view.removeEventFilter(counting)
    during = [at for at in painted if started <= at <= started + PAN_S]
    gaps = [b - a for a, b in itertools.pairwise(during)]
    return len(during), PAN_S, max(gaps)


def _grid(window: Any) -> list[dict[str, Any]]:
    window.inspector.show_tab("mix")
    panel = window.inspector.panels["mix"]
    panel.open_grid()
    grid, seconds = panel.grid, []
    for turn in range(GRIDS):
        done: list[bool] = []
        grid.drawn.connect(lambda done=done: done.append(True))
        grid.rows.setText(f"{10 * turn}-{10 * turn + 5}")
        grid.columns.setText(f"{1000 + 10 * turn}-{1000 + 10 * turn + 5}")
        started = time.perf_counter()
        grid._draw()
        _wait(lambda done=done: bool(done), 2)
        if turn:  # the first opens the window and warms up
            seconds.append(time.perf_counter() - started)
    grid.close()
    ordered = sorted(seconds)
    return [
        {
            "name": "mixing grid of 6 x 6 with its heads, 64 px, in the window",
            "median_ms": round(ordered[len(ordered) // 2] * 1000),
            "min_ms": round(ordered[0] * 1000),
            "max_ms": round(ordered[-1] * 1000),
        }
    ]


def _likeness(window: Any) -> list[dict[str, Any]]:
    from latentstudio.gui.latent_map_choice import LIKENESS, MapChoice

    latent_map = window.map.map
    started = time.perf_counter()
    latent_map.choose(MapChoice(kind=LIKENESS, samples=SAMPLES))
    _wait(lambda: not latent_map.words and latent_map.axes is None)
    seconds = time.perf_counter() - started
    return [{"name": f"arranging {SAMPLES:,} samples by likeness", "median_ms": round(seconds * 1000)}]


def _wait(ready: Callable[[], bool], every_ms: int = 30) -> None:
    """An event loop until something is so; asleep in between."""
    from PySide6.QtCore import QEventLoop, QTimer

    loop, timer = QEventLoop(), QTimer(interval=every_ms)
    timer.timeout.connect(lambda: loop.quit() if ready() else None)
    timer.start()
    QTimer.singleShot(LONGEST_S * 1000, loop.quit)
    if not ready():
        loop.exec()
    if not ready():
        raise TimeoutError("The window did not get ready in time.")


def _middle(view: Any) -> Any:
    from PySide6.QtCore import QPointF

    return QPointF(view.rect().center())
