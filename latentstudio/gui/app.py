"""Starting the program: `run` opens the window.

Owns the order of things at the start and the last resort for unexpected errors. Main thread.
"""

from __future__ import annotations

import contextlib
import logging
import logging.handlers
import sys
import threading
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from latentstudio.engine.memory import keep_freed_memory
from latentstudio.errors import SaveError
from latentstudio.gui.system_libraries import check_window_system
from latentstudio.settings import calm_threads, load_settings, user_folders

if TYPE_CHECKING:
    from latentstudio.gui.main_window import MainWindow

# The engine comes back to Python after every operation: it must not wait long for the window to let go.
SWITCH_S = 0.0005
LOG_BYTES, LOG_FILES = 1_000_000, 3


def run(paths: list[str]) -> int:
    """Open the window and stay until it is closed.

    Args:
        paths: models, pictures or recipes to open; the first one counts.

    Returns:
        The exit code of the process.

    Raises:
        LatentStudioError: no window can open here: no display, or system libraries are missing.
    """
    check_window_system()
    calm_threads()
    keep_freed_memory()
    # The longest part of a start is the import of torch: it runs beside the building of the window.
    threading.Thread(target=_import_engine, name="latentstudio-import", daemon=True).start()
    sys.setswitchinterval(SWITCH_S)
    start_log()
    from PySide6.QtGui import QGuiApplication
    from PySide6.QtWidgets import QApplication

    from latentstudio.gui.icons import app_icon
    from latentstudio.gui.main_window import MainWindow
    from latentstudio.gui.theme import apply_theme

    settings = load_settings()
    QGuiApplication.setDesktopFileName("latentstudio")
    app = QApplication(sys.argv[:1])
    app.setApplicationName("LatentStudio")
    app.setWindowIcon(app_icon())
    apply_theme(app, settings.theme)
    window = MainWindow(settings)
    _tell_unexpected(window)
    window.show()
    window.start([Path(path) for path in paths])
    return app.exec()


def _import_engine() -> None:
    # A failure is told by the bridge, which imports the same again and waits for it.
    with contextlib.suppress(Exception):
        import_module("latentstudio.engine.engine")


def start_log() -> None:
    """Write the program's log to a file of a bounded size; without one where the disk refuses."""
    log = logging.getLogger("latentstudio")
    log.setLevel(logging.INFO)
    try:
        path = user_folders().logs / "latentstudio.log"
        handler = logging.handlers.RotatingFileHandler(
            path, maxBytes=LOG_BYTES, backupCount=LOG_FILES, encoding="utf-8", delay=True
        )
    except (OSError, SaveError):
        return
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log.addHandler(handler)


def _tell_unexpected(window: MainWindow) -> None:
    """What nobody foresaw is told in the window, and the window goes on."""

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            window.close()
            return
        window.studio.tell_error(error.with_traceback(trace))

    sys.excepthook = hook
