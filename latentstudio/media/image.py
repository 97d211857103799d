"""Pictures on disk, with the recipe inside.

Owns PNG writing and reading and the metadata key; the recipe travels as text, so that this room
needs to know nothing of what it means. Any thread.
"""

from __future__ import annotations

import io
import stat
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin, UnidentifiedImageError

from latentstudio.atomic_file import write_atomically
from latentstudio.errors import InputError, RecipeError

# An international text chunk (iTXt) of this name carries the recipe's JSON.
RECIPE_KEY = "latentstudio.recipe"
MAX_PICTURE_BYTES = 512 * 1024 * 1024


def png_bytes(pixels: NDArray[np.uint8], recipe_text: str | None = None) -> bytes:
    """A PNG of uint8 (H, W, 3) pixels that carries a recipe's JSON."""
    info = PngImagePlugin.PngInfo()
    if recipe_text is not None:
        info.add_itxt(RECIPE_KEY, recipe_text, zip=True)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


def write_png(path: str | Path, pixels: NDArray[np.uint8], recipe_text: str | None = None) -> None:
    """Write a PNG; the old file stays until the new one is complete.

    Raises:
        SaveError: the file could not be written.
    """
    write_atomically(Path(path), png_bytes(pixels, recipe_text))


_NO_RECIPE = "Only pictures saved by LatentStudio carry one; other programs may have removed it."


def read_recipe_text(path: str | Path) -> str:
    """The recipe's JSON that a PNG carries.

    Raises:
        RecipeError: it is not a picture, or carries no recipe.
    """
    text = find_recipe_text(path)
    if text is None:
        path = Path(path)
        raise RecipeError(f'The picture "{path.name}" carries no recipe.', _NO_RECIPE, path=path)
    return text


def find_recipe_text(path: str | Path) -> str | None:
    """The recipe's JSON that a PNG carries; None where it carries none.

    Raises:
        RecipeError: it is not a picture.
    """
    path = Path(path)
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise RecipeError(f'Can\'t read "{path.name}": it is not an ordinary file.', path=path)
        if path.stat().st_size > MAX_PICTURE_BYTES:
            raise RecipeError(f'Can\'t read "{path.name}": it is too large for a picture.', path=path)
        with warnings.catch_warnings():
            # Only the text is read, the pixels are not: a claimed size can do no harm.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path, formats=["PNG"]) as image:
                assert isinstance(image, PngImagePlugin.PngImageFile)
                text = image.text.get(RECIPE_KEY)
    except UnidentifiedImageError as error:
        raise RecipeError(f'"{path.name}" is not a PNG picture.', _NO_RECIPE, path=path) from error
    except OSError as error:
        reason = error.strerror or "the picture is damaged"
        raise RecipeError(f'Can\'t read "{path.name}": {reason}.', path=path) from error
    except (ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise RecipeError(f'Can\'t read "{path.name}": the picture is damaged.', path=path) from error
    return None if text is None else str(text)


def read_pixels(path: str | Path) -> NDArray[np.uint8]:
    """The pixels of a picture, uint8 (H, W, 3).

    Raises:
        InputError: it can't be read.
    """
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(f'Can\'t read the picture "{Path(path).name}".', path=path) from error


def grid(pictures: list[NDArray[np.uint8]], columns: int, gap_px: int = 0) -> NDArray[np.uint8]:
    """Pictures of one size (H, W, 3), row by row, as one picture; empty places stay black."""
    if not pictures:
        raise InputError("A grid needs at least one picture.")
    height, width = pictures[0].shape[:2]
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    sheet = np.zeros((rows * (height + gap_px) - gap_px, columns * (width + gap_px) - gap_px, 3), np.uint8)
    for i, picture in enumerate(pictures):
        top, left = i // columns * (height + gap_px), i % columns * (width + gap_px)
        sheet[top : top + height, left : left + width] = picture
    return sheet


def shrunk(pixels: NDArray[np.uint8], side_px: int) -> NDArray[np.uint8]:
    """A picture (H, W, 3) with its longer side at most `side_px`, filtered against steps."""
    height, width = pixels.shape[:2]
    if max(height, width) <= side_px:
        return pixels
    scale = side_px / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))
