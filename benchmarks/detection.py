"""How well detection tells the bundled generator's pictures from others, so that anyone can repeat it.

    python -m benchmarks.detection WORK [--model clayfaces128] [--n 200] [--workers 2] [--keep]

Draws clay heads that no training has seen (the extra "clay"), measures them and as many of the generator's
own pictures, clean and degraded, fits on half of them and prints the tables of the other half as Markdown.
The heads are of grained clay where the generator's noise shows: else grain alone would tell them apart.
What was measured lies in WORK, and a run that was stopped goes on from there. `--keep` makes the calibration
the one that travels with the model: run it again whenever the bundled weights change.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Generator as Iteration
from contextlib import nullcontext
from pathlib import Path

import numpy as np

from latentstudio import clay
from latentstudio.cli.model_argument import model_path
from latentstudio.cluster.farm import Farm
from latentstudio.detection.calibration import SUFFIX, Calibration
from latentstudio.detection.detecting import detect
from latentstudio.detection.findings import Finding
from latentstudio.detection.making import Plan, calibrate, held_out_pictures, measured_so_far
from latentstudio.detection.measuring import usual_protocol
from latentstudio.detection.records import GENERATED, record_of
from latentstudio.detection.verdict import Word, judge
from latentstudio.detection.work import WorkHere
from latentstudio.engine.requests import Progress
from latentstudio.media.image import write_png
from latentstudio.models.generator import Generator
from latentstudio.models.library import default_model
from latentstudio.models.registry import load_generator

# Training draws its heads from the seeds 1000 onward and its bank of latents from 900,000. These were never
# drawn while the statistics and the fit were chosen; whoever changes those takes new ones.
HEADS_SEED, STRANGERS_SEED = 26_112_500, 26_112_501


def draw_heads(folder: Path, count: int, size: int, seed: int, grain: float = 0.0) -> Path:
    """Clay heads as PNG, unless they are there."""
    folder.mkdir(parents=True, exist_ok=True)
    factors = clay.sample_factors(count, seed)
    for i, row in enumerate(factors):
        path = folder / f"{i:04d}.png"
        if not path.exists():
            write_png(path, clay.render(row[None], size, grain=grain, seed=i)[0])
    return folder


def tables(made: Calibration) -> str:
    """The tables of docs/detection.md."""
    lines = [
        "| copies | own | others | AUC | distance | ECE (by chance) | Brier | found, false 1 % | 5 % |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {r.degradation} | {r.generated} | {r.others} | "
        f"{r.auc:.3f} ({r.auc_low:.3f} to {r.auc_high:.3f}) | "
        f"{r.baseline_auc:.3f} | {r.calibration_error:.3f} ({r.calibration_floor:.3f}) | {r.brier:.3f} | "
        f"{r.found_at_1:.0%}, {r.false_at_1:.1%} | {r.found_at_5:.0%}, {r.false_at_5:.1%} |"
        for r in made.rows
    ]
    shown = [name for name, _ in made.ablations[0].aucs][:4]
    lines += ["", f"| statistics | {' | '.join(shown)} |", "|---" * (len(shown) + 1) + "|"]
    for row in made.ablations:
        areas = dict(row.aucs)
        lines.append(f"| {row.what} | " + " | ".join(f"{areas[name]:.3f}" for name in shown) + " |")
    return "\n".join(lines)


def verdicts(made: Calibration, journal: Path, plan: Plan) -> str:
    """What would be said of the held-out pictures at a prior of one half, by what was done to them."""
    with journal.open(encoding="utf-8") as file:
        next(file)  # what the measurements belong to
        records = [record_of(json.loads(line)) for line in file]
    held_out = held_out_pictures(records, plan)
    counts: dict[tuple[str, bool], Counter[Word]] = defaultdict(Counter)
    for record in records:
        if held_out.get((record.kind, record.name)):
            of = (record.degradation, record.kind == GENERATED)
            counts[of][judge(record.values, made).word] += 1
    order = (Word.CONSISTENT, Word.CANT_SAY, Word.NOT)
    lines = ["| copies | own: consistent | can't say | not | others: consistent | can't say | not |"]
    lines.append("|---" * 7 + "|")
    for row in made.rows:
        if row.degradation != "all":
            told = [counts[row.degradation, own][word] for own in (True, False) for word in order]
            lines.append(f"| {row.degradation} | " + " | ".join(map(str, told)) + " |")
    return "\n".join(lines)


def one_by_one(generator: Generator, made: Calibration, photos: list[Path]) -> list[Finding]:
    """Photos judged alone, as a person does it."""
    steps = detect(photos, generator.info, made, WorkHere(generator, batch=1))
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: list[Finding] = end.value
            return found


def measured(steps: Iteration[Progress, None, Calibration], minutes: float) -> Calibration:
    """The calibration that the steps lead to; ends the program when the time is over before."""
    started, last = time.monotonic(), 0
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            return end.value
        spent = time.monotonic() - started
        if step.done >= last + 50:
            last = step.done
            sys.stderr.write(f"{step.done} of {step.total}, {spent:.0f} s\n")
        if minutes and spent > 60 * minutes:
            steps.close()
            raise SystemExit(f"stopped at {step.done} of {step.total}; run it again to go on")


def main() -> None:
    """Parse the arguments and run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.detection", description=__doc__)
    parser.add_argument("work", type=Path)
    parser.add_argument("--model", default=default_model().stem, help="a bundled model")
    parser.add_argument("--n", type=int, default=200)
    parser.add_argument("--workers", type=int, default=0, help="processes; 0 measures in this one")
    parser.add_argument("--others", type=Path, nargs="*", default=[], help="pictures of other generators")
    parser.add_argument("--photos", type=int, default=10, help="how many are judged alone, for their time")
    parser.add_argument("--minutes", type=float, default=0, help="stop measuring after so long; 0 for never")
    parser.add_argument("--fit-only", action="store_true", help="measure nothing more; fit what there is")
    parser.add_argument("--keep", action="store_true", help="put the calibration beside the bundled model")
    options = parser.parse_args()
    model = model_path(options.model)
    generator = load_generator(model, "cpu")
    info = generator.info
    protocol, journal = usual_protocol(generator), options.work / f"{info.sha256[:12]}.measured.jsonl"
    size, grain = max(info.img_size), clay.USUAL_GRAIN if protocol.projection.fit_noise else 0.0
    real = draw_heads(options.work / "heads", options.n, size, HEADS_SEED, grain)
    plan = Plan(real=(real,), others=tuple(options.others), count=options.n)
    if options.fit_only:
        made = measured_so_far(plan, info, protocol, journal)
    else:
        with (
            Farm(model, info.sha256, workers=options.workers, threads=1, together=4)
            if options.workers
            else nullcontext(WorkHere(generator)) as work
        ):
            made = measured(calibrate(plan, info, protocol, work, journal), options.minutes)
    out = options.work / f"{model.stem}{SUFFIX}"
    made.save(out)
    if options.keep:
        made.save(model.with_name(out.name))
    print(f"Model hash {info.sha256}\n{protocol.words}\n{dict(made.about)}\n\n{tables(made)}\n")
    print(f"{verdicts(made, journal, plan)}\n")
    strangers = draw_heads(options.work / "strangers", options.photos, size, STRANGERS_SEED, grain)
    alone = sorted(strangers.glob("*.png"))
    if alone:
        found = one_by_one(generator, made, alone)
        seconds = [f.seconds for f in found]
        words = [f.verdict.word for f in found if f.verdict is not None]
        counts = ", ".join(f"{words.count(word)} {word}" for word in Word)
        print(
            f"One photo alone: median {statistics.median(seconds):.1f} s, slowest {max(seconds):.1f} s, of "
            f"{len(found)}; {counts}; mean score {np.mean([f.verdict.score for f in found if f.verdict]):.1f}"
        )


if __name__ == "__main__":
    main()
