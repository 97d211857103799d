"""`latentstudio [FILE...]`: open the window."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from latentstudio.cli.model_argument import model_path
from latentstudio.errors import DeviceError

DEBIAN_LIBRARIES = (
    "libegl1 libgl1 libxkbcommon-x11-0 libdbus-1-3 libfontconfig1 libxcb-cursor0 libxcb-icccm4 "
    "libxcb-image0 libxcb-keysyms1 libxcb-randr0 libxcb-render-util0 libxcb-shape0 libxcb-xinerama0"
)


def open_window(
    files: Annotated[
        list[str] | None, typer.Argument(help="Models (paths or ids), recipes or pictures that carry one.")
    ] = None,
) -> None:
    """Open the window; `open` may be left out."""
    paths = [model_path(name) for name in files or []]
    try:
        from latentstudio.gui.app import run
    except ImportError as error:
        if error.name is not None and not error.name.startswith("PySide6"):
            raise
        raise DeviceError(
            f"The window can't open: {error}.",
            f"A system library is missing. On Debian: apt-get install {DEBIAN_LIBRARIES}",
        ) from error
    sys.exit(run(paths))
