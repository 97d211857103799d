"""`latentstudio video`: walks through seeds, grids of them, and films that were saved, as a file.

Options, the order of seeds in a grid and the closed loop are those of the published tool.

Source: the published gen_video.py of StyleGAN3.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from latentstudio.cli.console import print_warning, progress_bar, stdout
from latentstudio.cli.drawing import classes_of, make_folder
from latentstudio.errors import InputError
from latentstudio.latent.sampling import parse_seeds

if TYPE_CHECKING:
    from latentstudio.document.recipe import ModelRef, Recipe
    from latentstudio.engine.filming import Reel
    from latentstudio.media.video import VideoOptions
    from latentstudio.models.generator import Generator


def video(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL|FILM", help="A model (path or id), a film file, or a video that carries its film."
        ),
    ],
    out: Annotated[
        Path,
        typer.Option("--out", "--output", help="In .mp4, .webm, .gif, .webp; without an ending, a folder."),
    ],
    seeds: Annotated[str, typer.Option(help="The keyframes, such as 0,2,5-7.")] = "",
    grid: Annotated[str, typer.Option(metavar="WxH", help="Films side by side, such as 4x2.")] = "1x1",
    num_keyframes: Annotated[
        int | None, typer.Option(min=1, help="Seeds of each film; by default they are divided.")
    ] = None,
    w_frames: Annotated[int, typer.Option(min=1, help="Frames from one seed to the next.")] = 120,
    shuffle_seed: Annotated[int | None, typer.Option(help="Shuffle the seeds first.")] = None,
    path: Annotated[str, typer.Option(help="curve (cubic), linear, spherical or hold.")] = "curve",
    easing: Annotated[str, typer.Option(help='linear, "ease in", "ease out", "ease in and out".')] = "linear",
    open_end: Annotated[bool, typer.Option("--open", help="End at the last seed; no loop.")] = False,
    fps: Annotated[float | None, typer.Option(help="Pictures per second; 60, or the film's own.")] = None,
    size: Annotated[str, typer.Option(help="Longer side, or WxH, in pixels; the model's by default.")] = "",
    quality: Annotated[str, typer.Option(help="good, high or lossless.")] = "high",
    trunc: Annotated[float, typer.Option(help="Truncation psi.")] = 1.0,
    trunc_cutoff: Annotated[int | None, typer.Option(help="Truncate only the first N rows.")] = None,
    class_index: Annotated[int | None, typer.Option("--class", help="Class, for conditional models.")] = None,
    noise_mode: Annotated[str, typer.Option(help="const, random or none.")] = "const",
    direction: Annotated[
        str,
        typer.Option(
            metavar="FILE[:NAME]", help="Sweep along a direction, for each seed, in place of a walk."
        ),
    ] = "",
    sweep: Annotated[str, typer.Option(metavar="LOW,HIGH", help="How far, in sigma.")] = "-2,2",
    save_film: Annotated[
        Path | None, typer.Option(help="Write the film file too, to open it in the window.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
) -> None:
    """Make a film: a loop through seeds, a grid of loops, or a film that was saved.

    Stopped or cut short, the same command goes on where it was.
    """
    from latentstudio.document.film_file import write_film
    from latentstudio.engine.film_files import film_model, may_carry_film, read_any_film
    from latentstudio.engine.filming import Reel
    from latentstudio.media.video import VideoOptions, video_format
    from latentstudio.models.library import find_model
    from latentstudio.models.registry import load_generator

    video_format(out)
    if may_carry_film(model):
        if seeds or direction:
            raise typer.BadParameter("a film has its own keyframes", param_hint="--seeds")
        film = read_any_film(Path(model).expanduser())
        generator = load_generator(find_model(film_model(film)), device)
        reel = Reel((film,))
    else:
        if not seeds:
            raise typer.BadParameter("name the keyframes, such as 0-7", param_hint="--seeds")
        from latentstudio.cli.model_argument import model_path, reference

        generator = load_generator(model_path(model), device)
        walk = _Walk(
            seeds=parse_seeds(seeds),
            grid=parse_size(grid, "--grid"),
            num_keyframes=num_keyframes,
            frames=w_frames,
            shuffle_seed=shuffle_seed,
            path=path,
            easing=easing,
            closed=not open_end,
            fps=fps or 60.0,
        )
        base = _base(
            reference(generator.info), generator, trunc, trunc_cutoff, class_index, noise_mode, direction
        )
        reel = walk.sweeps(base, sweep) if direction else walk.reel(base, generator.info.z_dim)
    if save_film is not None:
        if len(reel.films) > 1:
            print_warning("--save-film keeps the first film of the grid.")
        write_film(save_film, reel.films[0])
    rate = fps or reel.films[0].frame_rate
    options = VideoOptions(rate, _pixels(size, generator, reel), quality)
    make_folder(out.parent)
    _write(reel, out, options, generator)
    stdout.print(str(out), highlight=False, markup=False)


def parse_size(text: str, option: str) -> tuple[int, int]:
    """Read "4x2" -> (4, 2).

    Raises:
        InputError: it is not two whole numbers above 0.
    """
    first, cross, second = text.lower().replace("×", "x").partition("x")
    if not cross or not all(part.isascii() and part.isdigit() and int(part) for part in (first, second)):
        raise InputError(f'Can\'t read "{text}".', f"Write it like {option} 4x2.")
    return int(first), int(second)


@dataclass(frozen=True)
class _Walk:
    """What a person asked for, before the model is known."""

    seeds: list[int]
    grid: tuple[int, int]
    num_keyframes: int | None
    frames: int
    shuffle_seed: int | None
    path: str
    easing: str
    closed: bool
    fps: float

    def reel(self, base: Recipe, z_dim: int) -> Reel:
        """The films of a walk."""
        from latentstudio.document.walks import published_seeds, seed_walk
        from latentstudio.engine.filming import Reel

        dealt = published_seeds(self.seeds, *self.grid, self.num_keyframes, self.shuffle_seed)
        films = tuple(
            seed_walk(
                base,
                row,
                self.frames,
                path=self.path,
                easing=self.easing,
                closed=self.closed,
                frame_rate=self.fps,
                z_dim=z_dim,
            )
            for row in dealt
        )
        return Reel(films, self.grid[0])

    def sweeps(self, base: Recipe, sweep: str) -> Reel:
        """For each seed the picture along its slider, there and back."""
        from latentstudio.document.recipe import Source
        from latentstudio.document.walks import slider_sweep
        from latentstudio.engine.filming import Reel

        try:
            low, high = (float(part) for part in sweep.split(","))
        except ValueError as error:
            raise InputError(f'Can\'t read "{sweep}".', "Write it like --sweep -2,2.") from error
        films = tuple(
            slider_sweep(
                base.changed(sources=(Source(seed=seed),)), 0, low, high, self.frames, frame_rate=self.fps
            )
            for seed in self.seeds
        )
        columns = self.grid[0] if self.grid != (1, 1) else len(films)
        return Reel(films, columns)


def _base(
    reference: ModelRef,
    generator: Generator,
    trunc: float,
    trunc_cutoff: int | None,
    class_index: int | None,
    noise_mode: str,
    direction: str,
) -> Recipe:
    from latentstudio.document.recipe import DirectionEdit, Noise, Recipe

    directions: tuple[DirectionEdit, ...] = ()
    if direction:
        from latentstudio.cli.directions import find_direction

        directions = (DirectionEdit(find_direction(direction, generator.info)),)
    return Recipe(
        model=reference,
        classes=classes_of(class_index, generator.info),
        truncation_psi=trunc,
        truncation_cutoff=trunc_cutoff,
        directions=directions,
        noise=Noise(noise_mode),
    )


def _pixels(size: str, generator: Generator, reel: Reel) -> tuple[int, int] | None:
    """(width, height) of the film; one number is the longer side of all films together."""
    if not size:
        return None
    if not size.isdigit():
        return parse_size(size, "--size")
    rows = -(-len(reel.films) // reel.columns)
    height, width = generator.info.img_size
    width, height = width * min(reel.columns, len(reel.films)), height * rows
    scale = int(size) / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _write(reel: Reel, out: Path, options: VideoOptions, generator: Generator) -> None:
    from latentstudio.engine.filming import film_steps

    done = 0
    try:
        with progress_bar() as bar:
            task = bar.add_task("Filming", total=None)
            for progress in film_steps(reel, out, options, generator):
                done = progress.done
                bar.update(
                    task, completed=done, total=progress.total, description=progress.text.split(" ")[0]
                )
    except KeyboardInterrupt:
        print_warning(f"{done} frames are kept: the same command goes on from there.")
        raise
