"""`latentstudio [FILE...]`: open the window."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from latentstudio.cli.model_argument import model_path


def open_window(
    files: Annotated[
        list[str] | None, typer.Argument(help="Models (paths or ids), recipes or pictures that carry one.")
    ] = None,
) -> None:
    """Open the window; `open` may be left out."""
    paths = [str(model_path(name)) for name in files or []]
    from latentstudio.gui.app import run

    sys.exit(run(paths))
