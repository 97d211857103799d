"""`latentstudio blend`: an edited picture back into the photograph that was inverted.

The cut is found again the way `invert` made it, so that nothing but the photograph is needed.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from latentstudio.cli.console import stdout
from latentstudio.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CENTER, FACE = "center", "face"


def blend(
    photo: Annotated[Path, typer.Argument(metavar="PHOTO", help="The photograph that was inverted.")],
    edited: Annotated[Path, typer.Argument(metavar="EDITED", help="The edited picture.")],
    out: Annotated[Path, typer.Option("--out", help="File to write: .png, .jpg, .webp or .tif.")],
    before: Annotated[
        Path | None,
        typer.Option(help="The inversion before the edit: then the change alone is added to the photo."),
    ] = None,
    align: Annotated[str, typer.Option(help="How it was cut: face or center.")] = FACE,
    face: Annotated[int, typer.Option(help="Which face, by size; 1 is the largest.")] = 1,
    quad: Annotated[
        str, typer.Option(help="Corners X,Y,X,Y,X,Y,X,Y of the cut: top left, then against the clock.")
    ] = "",
    feather: Annotated[
        float, typer.Option(help="Width of the soft edge, 0 to 0.5 of the cut's shorter side.")
    ] = 0.15,
) -> None:
    """Blend an edited picture back into its photograph, at full size."""
    from latentstudio.inversion.blend import blend_back
    from latentstudio.inversion.target import Alignment
    from latentstudio.media.image import read_pixels
    from latentstudio.media.photo import read_photo, write_photo

    if not 0 <= feather <= 0.5:
        raise InputError(f"The soft edge must be from 0 to 0.5, not {feather:g}.")
    pixels, picture = read_photo(photo), read_pixels(edited)
    size = (picture.shape[0], picture.shape[1])
    corners = _corners(quad) if quad else _found(pixels, size, align, face, photo.name)
    source = (pixels.shape[0], pixels.shape[1])
    unedited = None if before is None else read_pixels(before)
    write_photo(out, blend_back(pixels, picture, Alignment(corners, source), feather, before=unedited))
    stdout.print(f"Wrote {out}", highlight=False)


def _corners(text: str) -> NDArray[np.float64]:
    import numpy as np

    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != 8:
        raise typer.BadParameter("eight numbers, separated by commas", param_hint="--quad")
    return np.array(numbers, np.float64).reshape(4, 2)


def _found(
    pixels: NDArray[np.uint8], size: tuple[int, int], align: str, face: int, name: str
) -> NDArray[np.float64]:
    """The cut that `invert` makes of the same photograph."""
    from latentstudio.inversion.target import central_quad

    if align == CENTER:
        return central_quad((pixels.shape[0], pixels.shape[1]), size)
    if align != FACE:
        raise InputError(f'There is no alignment "{align}".', f"Use {FACE} or {CENTER}.")
    from latentstudio.inversion.faces import find_faces
    from latentstudio.models.feature_networks import load_mtcnn

    faces = find_faces(pixels, load_mtcnn())
    if not 1 <= face <= len(faces):
        found = "No face was" if not faces else f"Only {len(faces)} faces were"
        raise InputError(f'{found} found in "{name}".', "Use --align center, or --quad.")
    return faces[face - 1].quad(size)
