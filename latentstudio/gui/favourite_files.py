"""The folder of favourites, for those who star pictures without showing the grid.

Owns the name of a favourite's file and writing one; the grid reads the same folder. Any thread.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from latentstudio.document.recipe import Recipe
from latentstudio.document.recipe_json import dumps
from latentstudio.media.image import write_png
from latentstudio.settings import user_folders

NAME_CHARACTERS = 24


def favourite_name(recipe: Recipe) -> str:
    """The name that a recipe's file has."""
    return f"{recipe.digest[:NAME_CHARACTERS]}.png"


def favourite_folder() -> Path:
    """The folder, made on first use."""
    folder = user_folders().data / "favourites"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def favourite_names() -> frozenset[str]:
    """The names of all favourites."""
    return frozenset(path.name for path in favourite_folder().glob("*.png"))


def set_favourite(recipe: Recipe, pixels: NDArray[np.uint8] | None) -> frozenset[str]:
    """Keep a picture with its recipe, or with None remove it; returns the names of all favourites.

    Raises:
        SaveError: the file could not be written.
    """
    path = favourite_folder() / favourite_name(recipe)
    if pixels is None:
        path.unlink(missing_ok=True)
    else:
        write_png(path, pixels, dumps(recipe))
    return favourite_names()
