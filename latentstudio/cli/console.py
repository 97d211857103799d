"""How the command line speaks: results on stdout, everything else on stderr.

Owns the two consoles, errors as two lines, and progress bars.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn

from latentstudio.errors import LatentStudioError

# soft_wrap keeps a path on one line, so that it can be copied or piped.
stdout = Console(soft_wrap=True)
stderr = Console(stderr=True, soft_wrap=True)


def print_error(error: LatentStudioError) -> None:
    """What failed, and below it what to do next."""
    stderr.print(f"[bold red]Error:[/] {escape(error.message)}", highlight=False)
    if error.hint:
        stderr.print(escape(error.hint), highlight=False)


def print_warning(message: str) -> None:
    """Something a person should know, that stops nothing."""
    stderr.print(f"[bold yellow]Note:[/] {escape(message)}", highlight=False)


def progress_bar(*, in_bytes: bool = False) -> AbstractContextManager[Progress]:
    """A bar on stderr that vanishes when it is done; silent where stderr is no terminal."""
    counter = DownloadColumn() if in_bytes else MofNCompleteColumn()
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        counter,
        console=stderr,
        transient=True,
        disable=not stderr.is_terminal,
    )
