"""The command `latentstudio`: which words it knows, and how it ends.

Owns the entry point `run`, the table of commands and the exit codes: 0 done, 1 an expected failure,
2 wrong usage, 130 interrupted. Commands import what they need when they run, so that `--help` is quick.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from latentstudio import __version__
from latentstudio.cli import (
    blend,
    calibrate,
    convert,
    detect,
    directions,
    drag,
    encoder,
    grid,
    info,
    invert,
    mix,
    models,
    region,
    render,
    text,
    video,
    window,
)
from latentstudio.cli import map as map_command
from latentstudio.cli.console import print_error, stdout
from latentstudio.errors import CancelledError, LatentStudioError
from latentstudio.settings import calm_threads

EXIT_FAILED = 1
EXIT_INTERRUPTED = 130
OPEN = "open"

app = typer.Typer(
    name="latentstudio",
    help="Explore what an image generator has learnt. Without a command, the window opens: "
    "latentstudio [FILE...]",
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="rich",
)
app.command(OPEN)(window.open_window)
app.command("info")(info.info)
app.command("render")(render.render)
app.command("grid")(grid.grid)
app.command("mix")(mix.mix)
app.command("video")(video.video)
app.command("map")(map_command.map_)
app.command("directions")(directions.directions)
app.command("invert")(invert.invert)
app.command("encoder")(encoder.encoder)
app.command("blend")(blend.blend)
app.command("drag")(drag.drag)
app.command("region")(region.region)
app.command("text")(text.text)
app.command("convert")(convert.convert)
app.command("calibrate")(calibrate.calibrate)
app.command("detect")(detect.detect)
app.add_typer(models.app, name="models")


def _show_version(wanted: bool) -> None:
    if wanted:
        stdout.print(f"latentstudio {__version__}", highlight=False)
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


def _commands() -> set[str]:
    named = {command.name for command in app.registered_commands}
    return {name for name in named if name} | {group.name for group in app.registered_groups if group.name}


def with_command(arguments: Sequence[str]) -> list[str]:
    """The arguments with "open" put in where a person named only files, or nothing."""
    arguments = list(arguments)
    if not arguments or (arguments[0] not in _commands() and not arguments[0].startswith("-")):
        return [OPEN, *arguments]
    return arguments


def run(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code."""
    calm_threads()
    given = sys.argv[1:] if arguments is None else arguments
    try:
        app(args=with_command(given), prog_name="latentstudio")
    except (CancelledError, KeyboardInterrupt):
        sys.exit(EXIT_INTERRUPTED)
    except LatentStudioError as error:
        print_error(error)
        sys.exit(EXIT_FAILED)
    except BrokenPipeError:
        # Whoever read the output has left, as `| head` does; nothing may be flushed to it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_FAILED)
