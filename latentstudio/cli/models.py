"""`latentstudio models`: the catalogue."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.table import Table

from latentstudio.cli.console import progress_bar, stderr, stdout
from latentstudio.errors import CatalogueError
from latentstudio.models.catalogue import (
    CatalogueRow,
    catalogue_rows,
    check_installable,
    install_steps,
    installed_path,
    remove,
    row,
)

app = typer.Typer(help="Models that other people published: list, install, remove.", no_args_is_help=True)

Identity = Annotated[str, typer.Argument(metavar="ID", help="As `latentstudio models list` shows it.")]


@app.command("list")
def list_models() -> None:
    """Show the catalogue and what of it is installed."""
    table = Table(box=None, pad_edge=False)
    for heading in ("ID", "What it is", "Kind", "Download", "Installed"):
        table.add_column(heading, justify="right" if heading == "Download" else "left", overflow="fold")
    for found in catalogue_rows():
        installed = "yes" if installed_path(found.id) else ""
        table.add_row(found.id, found.title, found.kind, _size(found), installed)
    stdout.print(table)
    stdout.print("\nLicence and caution of each: latentstudio models info ID", highlight=False)


@app.command("info")
def show_model(identity: Identity) -> None:
    """Show where a model comes from, its licence, and what to be careful about."""
    found = row(identity)
    path = installed_path(identity)
    for name, value in (*_facts(found), ("Installed", str(path) if path else "no")):
        stdout.print(f"{name:<11} {value}", highlight=False, markup=False)


@app.command("install")
def install_model(
    identity: Identity,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Accept licence and caution unasked.")] = False,
) -> None:
    """Download, check and convert a model."""
    found = check_installable(identity)
    path = installed_path(identity)
    if path is not None:
        stdout.print(f"{identity} is installed already: {path}", highlight=False, markup=False)
        return
    for name, value in _facts(found):
        stderr.print(f"{name:<11} {value}", highlight=False, markup=False)
    if not yes:
        if not sys.stdin.isatty():
            raise CatalogueError(
                f'"{identity}" was not installed: nobody is here to accept its licence.',
                "Add --yes to accept it.",
            )
        if not typer.confirm("Install it on these terms?", err=True):
            stderr.print("Not installed.")
            raise typer.Exit(1)
    with progress_bar(in_bytes=True) as bar:
        task = bar.add_task("Starting", total=None)
        steps = install_steps(identity)
        try:
            for step in steps:
                bar.update(task, completed=step.done, total=step.total, description=step.text)
        finally:
            steps.close()
    stdout.print(f"Installed {identity}: {installed_path(identity)}", highlight=False, markup=False)


@app.command("remove")
def remove_model(identity: Identity) -> None:
    """Delete an installed model."""
    remove(identity)
    stdout.print(f"Removed {identity}.", highlight=False)


def _facts(found: CatalogueRow) -> tuple[tuple[str, str], ...]:
    kind = (
        f"{found.family} generator, {found.resolution} x {found.resolution}" if found.family else found.kind
    )
    return (
        ("Title", found.title),
        ("What it is", f"{found.about} ({kind})"),
        ("Licence", found.licence),
        ("Caution", found.caution or "none known"),
        ("From", found.source),
        ("Download", _size(found)),
    )


def _size(found: CatalogueRow) -> str:
    mb = found.size_bytes / 1e6
    return f"{mb:.0f} MB" if mb >= 1 else f"{mb:.1f} MB"
