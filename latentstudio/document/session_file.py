"""Recipe files on disk.

Owns reading and writing "name.recipe.json"; pictures that carry a recipe belong to `media.image`.
A failed save leaves the old file as it was. Any thread.
"""

from __future__ import annotations

import stat
from pathlib import Path

from latentstudio.atomic_file import write_atomically
from latentstudio.document.recipe import Recipe
from latentstudio.document.recipe_json import MAX_CHARACTERS, dumps, loads
from latentstudio.errors import RecipeError

SUFFIX = ".recipe.json"


def write_recipe(path: str | Path, recipe: Recipe) -> None:
    """Write a recipe file.

    Raises:
        SaveError: the disk is full, the folder is missing or may not be written.
    """
    write_atomically(Path(path), dumps(recipe).encode("utf-8"))


def read_recipe(path: str | Path) -> Recipe:
    """Read a recipe file.

    Raises:
        RecipeError: it can't be read or is not a recipe (NewerVersionError for a later version).
    """
    path = Path(path)
    try:
        # A pipe would block for ever and a device never end: look before reading.
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise RecipeError(f'Can\'t read "{path.name}": it is not an ordinary file.', path=path)
        if status.st_size > MAX_CHARACTERS:
            raise RecipeError(f'Can\'t read "{path.name}": it is too large for a recipe.', path=path)
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise RecipeError(f'Can\'t read "{path.name}": {error.strerror}.', path=path) from error
    except UnicodeDecodeError as error:
        raise RecipeError(f'"{path.name}" is not a recipe: it is not text.', path=path) from error
    try:
        return loads(text)
    except RecipeError as error:
        raise type(error)(f'Can\'t open "{path.name}": {error.message}', error.hint, path=path) from error
