"""Screenshots of the real window, written to ./shots: `make shots`, or `python tools/shots.py`.

Starts a virtual screen where there is no display. Options: --scale 2 for a screen of that density,
--only NAME for one picture.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "shots"
# name, theme, size, tab
SHOTS = (
    ("dark", "dark", (1440, 900), "directions"),
    ("light", "light", (1440, 900), "directions"),
    ("sample", "dark", (1440, 900), "sample"),
    ("small", "dark", (1280, 720), "directions"),
)
EDITS = (("Turn", -0.8), ("Hair colour", 1.2), ("Light side", 1.4))


@contextmanager
def display(scale: float) -> Iterator[None]:
    """A display: the present one, or a virtual one for as long as it is needed."""
    if os.environ.get("DISPLAY"):
        yield
        return
    if shutil.which("Xvfb") is None:
        raise SystemExit("There is no display, and Xvfb is not installed.")
    read, write = os.pipe()
    size = f"{round(1440 * scale)}x{round(900 * scale)}x24"
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", size], pass_fds=[write], stderr=subprocess.DEVNULL
    )
    os.close(write)
    try:
        with os.fdopen(read) as answer:
            os.environ["DISPLAY"] = f":{answer.readline().strip()}"
        yield
    finally:
        server.terminate()
        server.wait()


def take(only: str | None, scale: float) -> None:
    """Open the window, make a nice edit, take the pictures."""
    from PySide6.QtWidgets import QApplication

    from latentstudio.gui.main_window import MainWindow
    from latentstudio.gui.theme import apply_theme
    from latentstudio.settings import Settings

    app = QApplication([])
    apply_theme(app, "dark")
    window = MainWindow(Settings(theme="dark"))

    def wait(until: Callable[[], bool], limit_s: float = 90) -> None:
        end = time.monotonic() + limit_s
        while not until():
            if time.monotonic() > end:
                raise SystemExit("The window did not get ready in time.")
            app.processEvents()
            time.sleep(0.01)

    def settle() -> None:
        end = time.monotonic() + 2.5
        wait(lambda: window.studio.binding.is_current and time.monotonic() > end)

    window.show()
    window.start()
    wait(lambda: window.studio.binding.is_current)
    panel = window.inspector.panels["directions"]
    for seed in (24, 89, 4, 110, 62, 5):
        window.commands._start_from(seed)
        settle_picture(window, wait)
        window.favourites.add()
    window.studio.document.restart(window.studio.document.entries[0].recipe)
    wait(lambda: window.studio.binding.is_current)
    rows = {row.name.text(): i for i, row in enumerate(panel.rows)}
    for name, amount in EDITS:
        panel.use(rows[name])
        panel.rows[rows[name]].typed.emit(amount)
        settle_picture(window, wait)
    panel.use(rows["Turn"])
    wait(lambda: len(window.map.map.points) > 0)
    OUT.mkdir(exist_ok=True)
    for name, theme, size, tab in SHOTS:
        if only not in (None, name):
            continue
        window.set_theme(theme)
        window.resize(*size)
        window.inspector.show_tab(tab)
        settle()
        suffix = "" if scale == 1 else f"-{scale:g}x"
        window.grab().save(str(OUT / f"{name}{suffix}.png"))
    window.filing.may_discard = lambda: True  # type: ignore[method-assign]
    window.close()


def settle_picture(window: object, wait: Callable[[Callable[[], bool]], None]) -> None:
    """Wait for the exact picture."""
    wait(lambda: window.studio.binding.is_current)  # type: ignore[attr-defined]


def main() -> None:
    """Read the options and take the pictures."""
    parser = argparse.ArgumentParser(description="Screenshots of the real window")
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("--only", choices=[shot[0] for shot in SHOTS])
    options = parser.parse_args()
    if options.scale != 1:
        os.environ["QT_SCALE_FACTOR"] = f"{options.scale:g}"
    sys.path.insert(0, str(ROOT))
    with tempfile.TemporaryDirectory() as home, display(options.scale):
        os.environ["LATENTSTUDIO_HOME"] = home
        take(options.only, options.scale)


if __name__ == "__main__":
    main()
