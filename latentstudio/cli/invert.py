"""`latentstudio invert`: photographs to recipes.

For each photograph a PNG that carries its recipe, the latents as published tools read them, and where
the generator was tuned its tuning. Interrupted once, it keeps what it has and can go on later.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from latentstudio.cli.console import print_error, print_warning, progress_bar, stderr, stdout
from latentstudio.cli.drawing import make_folder
from latentstudio.errors import CancelledError, InputError, LatentStudioError

if TYPE_CHECKING:
    from latentstudio.document.recipe import Source
    from latentstudio.inversion.options import ProjectionOptions
    from latentstudio.inversion.projection import Checkpoint, Control, Projection
    from latentstudio.inversion.target import Target
    from latentstudio.models.generator import Generator

# A fit is put on disk at least so often, so that even a lost machine costs little.
STORE_EVERY_S = 30.0


def invert(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model: path or id.")],
    photos: Annotated[list[Path], typer.Argument(metavar="PHOTO...", help="Photographs; or PTI folders.")],
    out: Annotated[Path, typer.Option("--out", "--outdir", help="Folder for the results.")],
    space: Annotated[str, typer.Option(help="w+, w or z; by default the first that the model has.")] = "",
    steps: Annotated[int, typer.Option(help="0 takes the method's own number.")] = 0,
    method: Annotated[str, typer.Option(help="fast, or published (1000 steps, to the letter).")] = "fast",
    distance: Annotated[
        str,
        typer.Option(help="auto, pixel, pyramid, squeezenet, efficientnet, discriminator or lpips."),
    ] = "auto",
    weight: Annotated[
        list[str] | None, typer.Option(metavar="TERM=NUMBER", help="Weight of a term; may be repeated.")
    ] = None,
    vgg: Annotated[Path | None, typer.Option(help="VGG16 weights, for the distance lpips.")] = None,
    seed: Annotated[int, typer.Option(help="Of everything that is drawn.")] = 303,
    start: Annotated[
        str, typer.Option(help="auto, mean, samples, encoder, seed:N, or a file with latents `w`.")
    ] = "auto",
    pull: Annotated[float | None, typer.Option(help="Toward the mean latent, in w+ and z.")] = None,
    noise: Annotated[bool, typer.Option(help="Fit the noise maps too.")] = True,
    class_index: Annotated[int | None, typer.Option("--class", help="Class, where it is known.")] = None,
    class_mode: Annotated[str, typer.Option(help="given, soft, or fitted.")] = "",
    mask: Annotated[Path | None, typer.Option(help="Picture that is white where the photo counts.")] = None,
    align: Annotated[str, typer.Option(help="auto, face (found and turned upright), or center.")] = "auto",
    tune: Annotated[int, typer.Option(help="Steps of pivotal tuning afterwards.")] = 0,
    precision: Annotated[str, typer.Option(help="Of the steps: fast or exact.")] = "fast",
    resume: Annotated[bool, typer.Option("--resume", help="Go on with what an earlier run left.")] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
) -> None:
    """Find the latents that draw photographs."""
    from latentstudio.cli.model_argument import model_path, reference
    from latentstudio.inversion.options import ProjectionOptions
    from latentstudio.models.registry import load_generator

    generator = load_generator(model_path(model), device)
    info = generator.info
    reference(info)
    classes = () if class_index is None else ((class_index, 1.0),)
    options = ProjectionOptions(
        space=space or next(name for name in ("w+", "w", "z") if name in info.spaces),
        method=method,
        steps=steps,
        seed=seed,
        distance=distance,
        weights=_weights(weight or []),
        start=_start(start),
        pull=pull,
        fit_noise=noise,
        classes=classes,
        class_mode=class_mode or ("given" if classes or not info.c_dim else "fitted"),
        precision=precision,
        tune_steps=tune,
        vgg_path="" if vgg is None else str(vgg),
        preview_every=0,
    )
    make_folder(out)
    targets, failed = _targets(generator, photos, mask, align, out)
    if not targets and failed:
        raise InputError("None of the photographs could be used.")
    if targets:
        _invert_all(generator, targets, options, out, resume)
    if failed:
        raise InputError(f"{failed} of {len(photos)} could not be used; see above.")


def _weights(texts: Sequence[str]) -> tuple[tuple[str, float], ...]:
    pairs = []
    for text in texts:
        name, equals, number = text.partition("=")
        try:
            pairs.append((name.strip(), float(number)))
        except ValueError:
            equals = ""
        if not equals:
            raise typer.BadParameter(f'write "{text}" like pixel=0.5', param_hint="--weight")
    return tuple(pairs)


def _start(text: str) -> str | Source:
    from latentstudio.document.recipe import Source
    from latentstudio.inversion.files import read_projected_w
    from latentstudio.inversion.options import STARTS
    from latentstudio.latent.sampling import parse_seeds
    from latentstudio.latent.spaces import W_PLUS, Latent

    if text in STARTS:
        return text
    if text.startswith("seed:"):
        return Source(seed=parse_seeds(text.removeprefix("seed:"))[0])
    path = Path(text).expanduser()
    if path.suffix.lower() != ".npz":
        raise InputError(f'There is no start "{text}".', f"Use {', '.join(STARTS)}, seed:N or an .npz file.")
    return Source(W_PLUS, None, Latent(read_projected_w(path)[0]))


def _targets(
    generator: Generator, photos: Sequence[Path], mask: Path | None, align: str, out: Path
) -> tuple[list[Target], int]:
    """The photographs as targets of different names, and how many could not be read."""
    from latentstudio.cli.photo_argument import Reader

    reader = Reader(generator.info, align, mask)
    targets: list[Target] = []
    failed = 0
    for photo in photos:
        if photo.is_dir():
            failed += not _convert_pti(generator, photo, out)
            continue
        try:
            targets.append(reader.target(photo, {target.name for target in targets}))
        except LatentStudioError as error:
            print_error(error)
            failed += 1
    return targets, failed


def _convert_pti(generator: Generator, folder: Path, out: Path) -> bool:
    """Write what a folder of published pivotal tuning holds as recipes; False where it can't be used."""
    from latentstudio.inversion.pti_folder import read_pti_folder

    try:
        for name, projection in read_pti_folder(folder, generator):
            _write(generator, projection, out, name)
    except LatentStudioError as error:
        print_error(error)
        return False
    return True


def _invert_all(
    generator: Generator, targets: Sequence[Target], options: ProjectionOptions, out: Path, resume: bool
) -> None:
    from latentstudio.inversion.projection import Control
    from latentstudio.inversion.projector import batch_size

    control = Control()
    options = options.for_model(generator.info)
    size = batch_size(generator)
    waiting = list(targets)
    if resume:
        waiting = [t for t in targets if not _png(out, t).is_file() or _fit(out, t).is_file()]
        if len(waiting) < len(targets):
            print_warning(f"{len(targets) - len(waiting)} are done already.")
    with progress_bar() as bar, interruptible(control):
        task = bar.add_task("Inverting", total=len(waiting) * options.total_steps)
        for first in range(0, len(waiting), size):
            some = waiting[first : first + size]
            done = first * options.total_steps

            def tell(step: int, steps: int, text: str, begun: int = done, n: int = len(some)) -> None:
                bar.update(task, completed=begun + n * options.total_steps * step / max(1, steps))
                bar.update(task, description=text)

            for target, projection in zip(
                some, _invert(generator, some, options, out, resume, control, tell), strict=True
            ):
                _write(generator, projection, out, target.name, control.stops)
            if control.stops:
                raise CancelledError("Stopped; what was reached is kept. Go on with --resume.")


def _invert(
    generator: Generator,
    targets: Sequence[Target],
    options: ProjectionOptions,
    out: Path,
    resume: bool,
    control: Control,
    tell: Any,
) -> list[Projection]:
    import time

    from latentstudio.inversion.files import read_fit, write_fit
    from latentstudio.inversion.projector import project

    sha256 = generator.info.sha256
    known: list[Checkpoint | None] = []
    if resume:
        fits = [_fit(out, target) for target in targets]
        known = [read_fit(path, options, sha256) if path.is_file() else None for path in fits]
        if len({None if one is None else one.step for one in known}) > 1:
            known = []
    control.ask_checkpoints()
    steps = project(generator, targets, options, control=control, resume=known)
    stored = time.monotonic()
    try:
        while True:
            try:
                progress = next(steps)
            except StopIteration as end:
                results: list[Projection] = end.value
                return results
            tell(progress.step, progress.steps, progress.text)
            if time.monotonic() - stored > STORE_EVERY_S and control.checkpoints:
                for target, checkpoint in zip(targets, control.checkpoints, strict=True):
                    write_fit(_fit(out, target), checkpoint, options, sha256)
                stored = time.monotonic()
    finally:
        steps.close()


def _write(
    generator: Generator, projection: Projection, out: Path, name: str, is_partial: bool = False
) -> None:
    from latentstudio.atomic_file import write_atomically
    from latentstudio.document.recipe_json import dumps
    from latentstudio.inversion.files import projected_w_bytes, write_fit
    from latentstudio.inversion.tuning_store import export_tuning
    from latentstudio.media.image import write_png

    recipe = projection.to_recipe(generator.info)
    export_tuning(recipe, out)
    write_atomically(out / f"{name}_projected_w.npz", projected_w_bytes([projection.ws]))
    write_png(out / f"{name}.png", projection.image, dumps(recipe))
    fit = out / f"{name}.fit.npz"
    if is_partial and projection.checkpoint is not None:
        write_fit(fit, projection.checkpoint, projection.options, generator.info.sha256)
    else:
        fit.unlink(missing_ok=True)
    stdout.print(
        f"{out / f'{name}.png'}  distance {projection.distance:.4f}  {projection.seconds:.0f} s  "
        f"{projection.about_distance}",
        highlight=False,
        markup=False,
    )


def _png(out: Path, target: Target) -> Path:
    return out / f"{target.name}.png"


def _fit(out: Path, target: Target) -> Path:
    return out / f"{target.name}.fit.npz"


@contextmanager
def interruptible(control: Control) -> Iterator[None]:
    """The first interrupt stops and keeps; the second one abandons."""

    def stop(number: int, frame: object) -> None:
        if control.stops:
            raise KeyboardInterrupt
        control.stop()
        stderr.print("Stopping; what was reached is kept. Press again to abandon it.", highlight=False)

    try:
        before = signal.signal(signal.SIGINT, stop)
    except ValueError:  # not on the main thread, where no interrupt arrives either
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
