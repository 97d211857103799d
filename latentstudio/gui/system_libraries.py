"""Is everything there that a window needs?

Owns the look at the display and at the shared libraries of Qt's X11 plug-in, before Qt looks itself and
ends the program. Imports no Qt. Main thread.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Mapping

from latentstudio.errors import LatentStudioError

# What Qt's X11 plug-in loads, and the Debian package that carries it.
LIBRARIES = {
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render.so.0": "libxcb-render0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-shm.so.0": "libxcb-shm0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-util.so.1": "libxcb-util1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libglib-2.0.so.0": "libglib2.0-0",
}


def check_window_system(
    environment: Mapping[str, str] = os.environ,
    platform: str = sys.platform,
    load: Callable[[str], object] = ctypes.CDLL,
) -> None:
    """Make sure that a window can open.

    Args:
        environment: the variables of the process.
        platform: `sys.platform`.
        load: loads a shared library, or raises OSError.

    Raises:
        LatentStudioError: there is no display, or libraries are missing; the hint names the packages.
    """
    if not platform.startswith("linux") or environment.get("QT_QPA_PLATFORM"):
        return
    has_x, has_wayland = bool(environment.get("DISPLAY")), bool(environment.get("WAYLAND_DISPLAY"))
    if not has_x and not has_wayland:
        raise LatentStudioError(
            "There is no display to open a window on.",
            "Start it from a desktop session, or use the commands that need no window: latentstudio --help",
        )
    wanted = LIBRARIES if has_x else {"libEGL.so.1": "libegl1", "libfontconfig.so.1": "libfontconfig1"}
    missing = []
    for library, package in wanted.items():
        try:
            load(library)
        except OSError:
            missing.append(package)
    if missing:
        raise LatentStudioError(
            "The window needs system libraries that are not installed.",
            f"On Debian or Ubuntu: sudo apt install {' '.join(missing)}",
        )
