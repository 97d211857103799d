"""A film from whatever file carries one: its own file, or a video that was written from it.

Owns the choice between the two. Light to import; any thread.
"""

from __future__ import annotations

from pathlib import Path

from latentstudio.document.film import Film
from latentstudio.document.film_file import SUFFIX, film_loads, is_film, read_film, read_film_text
from latentstudio.document.recipe import ModelRef
from latentstudio.errors import RecipeError

VIDEOS = (".mp4", ".webm")


def may_carry_film(name: str) -> bool:
    """Whether a file of this name is a film file or a video."""
    return name.lower().endswith((SUFFIX, *VIDEOS))


def is_film_file(path: Path) -> bool:
    """Whether a JSON file says that it is a film, whatever its name."""
    return is_film(read_film_text(path))


def read_any_film(path: Path) -> Film:
    """The film of a film file, or of a video.

    Raises:
        RecipeError: there is none, or it is damaged.
        InputError: it is no video.
    """
    if path.suffix.lower() not in VIDEOS:
        return read_film(path)
    from latentstudio.media.video import read_comment

    text = read_comment(path)
    if not is_film(text):
        raise RecipeError(
            f'The video "{path.name}" carries no film.',
            "Only an MP4 or WebM of one film that was written by LatentStudio does.",
            path=path,
        )
    return film_loads(text)


def film_model(film: Film) -> ModelRef:
    """Which generator a film is of."""
    named = [k.recipe.model for k in film.keyframes if k.recipe.model.sha256]
    return named[0] if named else film.keyframes[0].recipe.model
