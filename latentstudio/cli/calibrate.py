"""`latentstudio calibrate`: measure a model's own pictures and others, so that photos can be judged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from latentstudio.cli.console import print_warning, stdout
from latentstudio.errors import InputError

if TYPE_CHECKING:
    from latentstudio.detection.calibration import Calibration
    from latentstudio.detection.protocol import Protocol
    from latentstudio.models.generator import Generator


def calibrate(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model (path or id).")],
    real: Annotated[
        list[Path] | None,
        typer.Option("--real", help="Folder or file of pictures it never saw; may be given again."),
    ] = None,
    others: Annotated[
        list[Path] | None,
        typer.Option("--others", help="Pictures of other generators, likewise."),
    ] = None,
    n: Annotated[int, typer.Option("--n", min=20, max=100_000, help="Pictures of each kind.")] = 200,
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write; by default among your own calibrations.")
    ] = None,
    psi: Annotated[str, typer.Option(help="Range of truncation of the model's pictures.")] = "0.5-1",
    seed: Annotated[int, typer.Option(min=0, help="First seed of the model's pictures.")] = 3_600_000_000,
    copies: Annotated[
        str, typer.Option(help="Degradations of every picture, such as clean,jpeg75,resize2.")
    ] = "",
    quick: Annotated[
        bool, typer.Option("--quick", help="Only those copies: no further degradations in turn.")
    ] = False,
    frame: Annotated[
        str, typer.Option(help="How photos are cut: middle, or faces (aligned like FFHQ).")
    ] = "middle",
    steps: Annotated[
        int, typer.Option(min=0, max=100_000, help="Steps of each projection; 0 for the usual.")
    ] = 0,
    further_steps: Annotated[
        int,
        typer.Option(min=-1, max=10_000, help="Steps through what may have happened; -1 for the usual."),
    ] = -1,
    plus_steps: Annotated[
        int, typer.Option(min=-1, max=10_000, help="Steps in w+ after it; -1 for the usual.")
    ] = -1,
    restarts: Annotated[int, typer.Option(min=0, max=10, help="Tries with other seeds.")] = 0,
    distance: Annotated[str, typer.Option(help="The named distance; see latentstudio invert.")] = "",
    journal: Annotated[
        Path | None, typer.Option("--results", help="Keep measurements here, and go on from them.")
    ] = None,
    workers: Annotated[int, typer.Option(min=0, help="Measure in this many processes.")] = 0,
    scheduler: Annotated[str, typer.Option(help="Measure on this dask scheduler, tcp://HOST:PORT.")] = "",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
) -> None:
    """Calibrate detection for a model: own pictures against others, clean and degraded."""
    from latentstudio.cli.drawing import make_folder
    from latentstudio.cli.model_argument import model_path
    from latentstudio.cli.working import followed, place_of_work
    from latentstudio.detection.calibration import calibration_path
    from latentstudio.detection.making import Plan
    from latentstudio.detection.making import calibrate as steps_of
    from latentstudio.models.registry import load_generator

    plan = Plan(
        real=tuple(real or ()),
        others=tuple(others or ()),
        count=n,
        psi=_range(psi),
        first_seed=seed,
        frame=frame,
    )
    if copies:
        plan = replace(plan, copies=tuple(name.strip() for name in copies.split(",") if name.strip()))
    if quick:
        plan = replace(plan, extras=(), unseen=())
    generator = load_generator(model_path(model), device)
    protocol = _protocol(generator, steps, further_steps, plus_steps, restarts, distance)
    out = out or calibration_path(generator.info.sha256)
    make_folder(out.parent)
    journal = journal or out.with_name(f"{out.name}.measured.jsonl")
    with place_of_work(generator, workers, scheduler) as work:
        found = followed(steps_of(plan, generator.info, protocol, work, journal), "Calibrating")
    found.save(out)
    told(found)
    stdout.print(str(out), highlight=False, markup=False)


def told(calibration: Calibration) -> None:
    """Print how good a calibration is."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("Copies", "Own", "Others", "AUC", "95 %", "Distance alone", "ECE", "Found at 1 %"):
        table.add_column(heading)
    for row in calibration.rows:
        table.add_row(
            row.degradation,
            str(row.generated),
            str(row.others),
            f"{row.auc:.3f}",
            f"{row.auc_low:.3f}-{row.auc_high:.3f}",
            f"{row.baseline_auc:.3f}",
            f"{row.calibration_error:.3f}",
            f"{row.found_at_1:.0%}",
        )
    stdout.print(table, highlight=False, markup=False)
    stdout.print("Statistics: " + ", ".join(calibration.log_odds.names), highlight=False, markup=False)
    left_out = dict(calibration.about).get("left out")
    if left_out:
        print_warning(f"Left out {left_out}")


def _range(text: str) -> tuple[float, float]:
    low, _, high = text.partition("-")
    try:
        return float(low), float(high or low)
    except ValueError as error:
        raise InputError(f'Can\'t read the range "{text}".', "Write it like 0.5-1.") from error


def _protocol(
    generator: Generator, steps: int, further_steps: int, plus_steps: int, restarts: int, distance: str
) -> Protocol:
    from latentstudio.detection.measuring import usual_protocol

    protocol = usual_protocol(generator)
    projection = protocol.projection
    if steps:
        projection = projection.changed(steps=steps)
    if distance:
        projection = projection.changed(distance=distance)
    return replace(
        protocol,
        projection=projection,
        restarts=restarts or protocol.restarts,
        further_steps=protocol.further_steps if further_steps < 0 else further_steps,
        plus_steps=protocol.plus_steps if plus_steps < 0 else plus_steps,
    )
