"""From the hand to the picture, in the real window with the real engine.

A slider is dragged by mouse events at the pace of a screen; counted is the time from each move until a
picture of that move, or of a later one, has been painted. `--platform` chooses where the window stands;
"offscreen" needs no screen, "xcb" shows it on $DISPLAY.
"""

from __future__ import annotations

import itertools
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.frames import clay_faces
from latentstudio.engine.memory import keep_freed_memory
from latentstudio.settings import load_settings, user_folders

MOVES = 120
PACE_MS = 16
LONGEST_S = 120


def hand_to_picture(platform: str) -> list[dict[str, Any]]:
    """Median and 95th percentile for the bundled and every installed generator, in milliseconds."""
    os.environ["QT_QPA_PLATFORM"] = platform
    from PySide6.QtWidgets import QApplication

    from latentstudio.gui.app import SWITCH_S
    from latentstudio.gui.theme import apply_theme

    keep_freed_memory()
    sys.setswitchinterval(SWITCH_S)
    app = QApplication.instance() or QApplication(["benchmarks"])
    assert isinstance(app, QApplication)
    apply_theme(app, "dark")
    rows = []
    for path in [*clay_faces(), *sorted(user_folders().models.glob("*.safetensors"))]:
        rows.extend(_measure(app, path))
    return rows


def _measure(app: Any, path: Path) -> list[dict[str, Any]]:
    from PySide6.QtCore import QEventLoop, Qt, QTimer

    from latentstudio.document.recipe import DirectionEdit
    from latentstudio.gui.main_window import MainWindow

    started = time.perf_counter()
    window = MainWindow(load_settings())
    window.resize(1440, 900)
    window.show()
    window.start([path])
    studio, binding, document = window.studio, window.studio.binding, window.studio.document

    def wait(ready: Any) -> None:
        # Asleep in between: polling would hold back the engine, and with it what it measures of itself.
        loop, timer = QEventLoop(), QTimer(interval=30)
        timer.timeout.connect(lambda: loop.quit() if ready() else None)
        timer.start()
        QTimer.singleShot(LONGEST_S * 1000, loop.quit)
        loop.exec()
        if not ready():
            raise TimeoutError(path.stem)

    wait(lambda: binding.is_current)
    first_s = time.perf_counter() - started
    wait(lambda: studio.model is not None and "pca" in studio.model.directions)
    # What makes the model quick to follow is measured and fitted after the first picture.
    wait(lambda: not window.status.job.text())
    if not document.recipe.directions:
        assert studio.model is not None
        document.restart(
            document.recipe.changed(directions=(DirectionEdit(studio.model.directions["pca"][0]),))
        )
    wait(lambda: binding.is_current)

    moved: dict[int, float] = {}
    painted: list[float] = []
    waiting: list[int] = []

    def on_picture(picture: Any) -> None:
        window.canvas.repaint()
        now = time.perf_counter()
        while waiting and waiting[0] <= picture.request.generation:
            painted.append(now - moved[waiting.pop(0)])

    binding.picture_changed.connect(on_picture)
    edit = document.recipe.directions[0]
    count = itertools.count(1)
    loop, timer = QEventLoop(), QTimer(interval=PACE_MS)
    timer.setTimerType(Qt.TimerType.PreciseTimer)

    def move() -> None:
        step = next(count)
        if step > MOVES:
            timer.stop()
            loop.quit()
            return
        moved_edit = DirectionEdit(edit.direction, 2.5 * step / MOVES)
        now = time.perf_counter()
        document.edit("drag", document.recipe.with_direction(0, moved_edit), "drag")
        generation = binding._generation
        moved[generation] = now
        waiting.append(generation)

    # An event loop of its own, as the program has: waiting by polling would add its own pauses.
    timer.timeout.connect(move)
    timer.start()
    loop.exec()
    let_go = time.perf_counter()
    document.release()
    while not binding.is_current:
        binding.picture_changed.connect(loop.quit)
        loop.exec()
    rest_ms = (time.perf_counter() - let_go) * 1000
    document.mark_saved(None)  # or it would ask whether to keep the edits
    window.close()
    milliseconds = sorted(1000 * s for s in painted)
    name = path.stem
    return [
        {"name": f"{name}: window to first picture", "median_ms": round(first_s * 1000)},
        {
            "name": f"{name}: hand to picture, median",
            "median_ms": round(statistics.median(milliseconds), 1),
            "min_ms": round(milliseconds[0], 1),
            "max_ms": round(milliseconds[-1], 1),
        },
        {
            "name": f"{name}: hand to picture, 95th percentile",
            "median_ms": round(milliseconds[int(len(milliseconds) * 0.95)], 1),
        },
        {"name": f"{name}: exact picture after letting go", "median_ms": round(rest_ms)},
    ]
