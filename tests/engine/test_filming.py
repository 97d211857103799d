from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from latentstudio.document.film import Film, Keyframe
from latentstudio.document.film_file import film_loads
from latentstudio.document.recipe import ModelRef, Recipe
from latentstudio.document.recipe_json import loads
from latentstudio.document.walks import published_seeds, seed_walk
from latentstudio.engine import filming
from latentstudio.engine.engine import InlineEngine
from latentstudio.engine.filming import Reel, export_film, film_job, film_steps
from latentstudio.engine.render import Renderer, render
from latentstudio.engine.requests import Failure, JobFinished
from latentstudio.errors import InputError, ModelNotFoundError
from latentstudio.media.image import grid, read_pixels, read_recipe_text
from latentstudio.media.video import VideoOptions, read_comment
from latentstudio.settings import user_folders

LOSSLESS = VideoOptions(30, quality="lossless")


@pytest.fixture
def film() -> Film:
    keyframes = tuple(Keyframe(5 * i, Recipe.from_seed(i)) for i in range(3))
    return Film(keyframes, 11, frame_rate=30, z_dim=8)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Recipe]:
    """Every recipe that is drawn from now on."""
    recipes: list[Recipe] = []
    frame = Renderer.frame

    def counted(self: Renderer, recipe: Recipe, **options: object) -> object:
        recipes.append(recipe)
        return frame(self, recipe, **options)

    monkeypatch.setattr(filming.Renderer, "frame", counted)
    return recipes


def decoded(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def stored() -> list[Path]:
    return list((user_folders().cache / filming.STORE).rglob("*.png"))


def test_a_lossless_film_is_the_pictures_of_its_recipes(tiny, film: Film, tmp_path: Path):
    path = export_film(film, tmp_path / "film.mp4", tiny, LOSSLESS)
    expected = np.stack([render(recipe, tiny) for recipe in film.recipes()])
    np.testing.assert_array_equal(decoded(path), expected)
    assert film_loads(read_comment(path)) == film
    assert stored() == []


def test_another_frame_rate_shows_the_moments_between(tiny, film: Film, tmp_path: Path):
    path = export_film(film, tmp_path / "film.mp4", tiny, VideoOptions(60, quality="lossless"))
    frames = decoded(path)
    assert len(frames) == 22
    np.testing.assert_array_equal(frames[1], render(film.recipe_at(0.5), tiny))


def test_a_film_that_was_cut_short_goes_on_where_it_was(
    tiny, film: Film, tmp_path: Path, drawn: list[Recipe]
):
    steps = film_steps(Reel((film,)), tmp_path / "film.mp4", LOSSLESS, tiny)
    for _ in range(4):
        next(steps)
    steps.close()
    assert len(stored()) == 4
    assert list(tmp_path.iterdir()) == []
    stored()[0].write_bytes(b"half a pic")  # the crash may have hit a frame itself
    drawn.clear()
    path = export_film(film, tmp_path / "film.mp4", tiny, LOSSLESS)
    assert len(drawn) == film.length - 4 + 1
    expected = np.stack([render(recipe, tiny) for recipe in film.recipes()])
    np.testing.assert_array_equal(decoded(path), expected)
    assert stored() == []


def test_another_film_takes_up_nothing(tiny, film: Film, tmp_path: Path, drawn: list[Recipe]):
    steps = film_steps(Reel((film,)), tmp_path / "film.mp4", LOSSLESS, tiny)
    next(steps)
    steps.close()
    drawn.clear()
    export_film(film.replaced(0, easing="ease in"), tmp_path / "film.mp4", tiny, LOSSLESS)
    assert len(drawn) == film.length


def test_films_stand_side_by_side(tiny, tmp_path: Path):
    films = tuple(seed_walk(Recipe(), seeds, 2) for seeds in published_seeds(range(8), 2, 2))
    path = export_film(Reel(films, 2), tmp_path / "grid.mp4", tiny, VideoOptions(60, quality="lossless"))
    frames = decoded(path)
    assert frames.shape == (4, 32, 32, 3)
    for i in range(4):
        cells = [render(film.recipe_at(i), tiny) for film in films]
        np.testing.assert_array_equal(frames[i], grid(cells, 2))
    with pytest.raises(InputError, match="one length"):
        Reel((films[0], seed_walk(Recipe(), [1, 2, 3], 2)), 2)


def test_a_folder_of_pictures_draws_itself_again(tiny, film: Film, tmp_path: Path):
    folder = export_film(film, tmp_path / "film", tiny, VideoOptions(30))
    assert len(list(folder.iterdir())) == film.length
    recipe = loads(read_recipe_text(folder / "frame00003.png"))
    np.testing.assert_array_equal(render(recipe, tiny), read_pixels(folder / "frame00003.png"))


@pytest.mark.parametrize("name", ["film.gif", "film.webp", "film.webm"])
def test_every_format_is_written(tiny, film: Film, tmp_path: Path, name: str):
    assert export_film(film, tmp_path / name, tiny, VideoOptions(30, (40, 40))).stat().st_size > 500


def test_the_job_tells_its_progress_and_its_failures(tiny_path: Path, film: Film, tmp_path: Path):
    events: list[object] = []
    engine = InlineEngine(events.append)
    engine.open_model(tiny_path)

    def run(film: Film, name: str) -> int:
        return engine.submit(film_job(Reel((film,)), tmp_path / name, VideoOptions(30)))

    number = run(film, "film.mp4")
    finished = [e for e in events if isinstance(e, JobFinished) and e.job == number]
    assert finished[0].value == tmp_path / "film.mp4"
    run(film, "film.avi")
    run(film.replaced(0, recipe=Recipe(ModelRef("0" * 64, "Other"))), "other.mp4")
    failures = [e.message for e in events if isinstance(e, Failure)]
    assert "film.avi" in failures[0]
    assert "Other" in failures[1]
    engine.close()


def test_a_film_of_another_model_is_refused_before_anything_is_written(tiny, film: Film, tmp_path: Path):
    other = film.replaced(0, recipe=Recipe(ModelRef("0" * 64)))
    with pytest.raises(ModelNotFoundError):
        export_film(other, tmp_path / "film.mp4", tiny, LOSSLESS)
    assert list(tmp_path.iterdir()) == []
