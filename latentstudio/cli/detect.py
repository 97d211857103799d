"""`latentstudio detect`: was a photo made by this generator? Measured, weighed, never a bare yes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from latentstudio.cli.console import print_warning, stdout
from latentstudio.errors import InputError

if TYPE_CHECKING:
    from latentstudio.detection.calibration import Calibration
    from latentstudio.detection.report import Findings
    from latentstudio.models.generator import Generator


def detect(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A model (path or id), or several with commas between.")
    ],
    photos: Annotated[list[Path], typer.Argument(metavar="PHOTO|DIR...", help="Photos, or folders of them.")],
    calibrations: Annotated[
        list[Path] | None,
        typer.Option("--calibration", help="The model's calibration; may be given for each model."),
    ] = None,
    json_out: Annotated[
        Path | None, typer.Option("--json", help="Write findings as JSON; - prints it.")
    ] = None,
    csv_out: Annotated[Path | None, typer.Option("--csv", help="Write a table; - prints it.")] = None,
    html_out: Annotated[Path | None, typer.Option("--html", help="Write a page with pictures.")] = None,
    prior: Annotated[
        float, typer.Option(help="Chance, before looking, that a photo is the generator's.")
    ] = 0.5,
    frame: Annotated[
        str, typer.Option(help="How photos are cut: middle, or faces (aligned like FFHQ).")
    ] = "middle",
    results: Annotated[
        Path | None, typer.Option("--results", help="Keep measurements here, and go on from them.")
    ] = None,
    workers: Annotated[int, typer.Option(min=0, help="Measure in this many processes.")] = 0,
    scheduler: Annotated[str, typer.Option(help="Measure on this dask scheduler, tcp://HOST:PORT.")] = "",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
) -> None:
    """Judge photos: consistent with this generator, not its, or can't say; with the evidence."""
    from latentstudio.cli.model_argument import model_path
    from latentstudio.detection.calibration import read_calibration
    from latentstudio.detection.photos import FRAMES, find_photos
    from latentstudio.models.registry import load_generator

    if not 0 < prior < 1:
        raise typer.BadParameter("a chance between 0 and 1", param_hint="--prior")
    if frame not in FRAMES:
        raise typer.BadParameter(f"one of {', '.join(FRAMES)}", param_hint="--frame")
    paths = find_photos(photos)
    given = [read_calibration(path) for path in calibrations or ()]
    names = [name.strip() for name in model.split(",") if name.strip()]
    found: list[Findings] = []
    for name in names:
        generator = load_generator(model_path(name), device)
        calibration = _calibration_of(generator, given, len(names))
        journal = results
        if results is not None and len(names) > 1:
            journal = results.with_name(f"{results.stem}.{generator.info.sha256[:8]}{results.suffix}")
        found.append(_run(generator, calibration, paths, prior, frame, journal, workers, scheduler))
    _write(found, prior, json_out, csv_out, html_out)
    if Path("-") not in (json_out, csv_out):
        _tell(found, prior)


def _calibration_of(generator: Generator, given: Sequence[Calibration], models: int) -> Calibration:
    from latentstudio.detection.calibration import find_calibration

    if given and models == 1:
        # A person named this file for this model: if it belongs to another one, that must be said.
        given[0].check_model(generator.info)
    found = find_calibration(generator.info, given)
    if found is None:
        name = generator.info.provenance.title or generator.info.family
        raise InputError(
            f'There is no calibration for "{name}".',
            "Make one: latentstudio calibrate MODEL --real FOLDER, with pictures it never saw.",
        )
    return found


def _run(
    generator: Generator,
    calibration: Calibration,
    paths: Sequence[Path],
    prior: float,
    frame: str,
    journal: Path | None,
    workers: int,
    scheduler: str,
) -> Findings:
    from latentstudio.cli.working import followed, place_of_work
    from latentstudio.detection.detecting import detect as steps_of

    # Each alone, as in the window and on a cluster: a verdict must not depend on a photo's neighbours.
    with place_of_work(generator, workers, scheduler, batch=1) as work:
        steps = steps_of(
            paths, generator.info, calibration, work, prior=prior, frame=frame, journal_path=journal
        )
        return calibration, followed(steps, "Looking at photos")


def _write(
    found: Sequence[Findings],
    prior: float,
    json_out: Path | None,
    csv_out: Path | None,
    html_out: Path | None,
) -> None:
    from latentstudio.atomic_file import write_atomically
    from latentstudio.cli.drawing import make_folder
    from latentstudio.detection.report import as_csv, as_html, as_json

    wanted: list[tuple[Path, str]] = []
    if json_out is not None:
        wanted.append((json_out, as_json(found, prior)))
    if csv_out is not None:
        wanted.append((csv_out, as_csv(found)))
    if html_out is not None:
        wanted.append((html_out, as_html(found, prior)))
    for out, text in wanted:
        if out == Path("-"):
            typer.echo(text)
        else:
            make_folder(out.parent)
            write_atomically(out, text.encode())


def _tell(found: Sequence[Findings], prior: float) -> None:
    from rich.table import Table

    from latentstudio.detection.report import CAUTION, attributions

    for calibration, findings in found:
        table = Table(box=None, pad_edge=False, header_style="bold", title=None)
        for heading in ("Photo", "Verdict", "Chance", "Likelihood ratio", "Distance", "Seconds"):
            table.add_column(heading)
        for finding in findings:
            verdict = finding.verdict
            if verdict is None:
                table.add_row(finding.path.name, "left out: " + finding.error, "", "", "", "")
                continue
            capped = "beyond " if verdict.is_capped else ""
            table.add_row(
                finding.path.name,
                str(verdict.word),
                f"{verdict.posterior:.1%}",
                f"{capped}{verdict.likelihood_ratio:.3g}",
                f"{verdict.distance:.1f} dB",
                f"{finding.seconds:.1f}",
            )
        if len(found) > 1:
            stdout.print(calibration.model, highlight=False, markup=False)
        stdout.print(table, highlight=False, markup=False)
        for finding in findings:
            if finding.verdict is not None and len(findings) <= 10:
                for reason in finding.verdict.reasons:
                    stdout.print(f"{finding.path.name}: {reason}", highlight=False, markup=False)
    for path, which in attributions(found, prior).items():
        stdout.print(f"{Path(path).name}: {which.words}", highlight=False, markup=False)
    print_warning(f"Prior {prior:.0%}. {CAUTION}")
