"""Photographs that a person names on the command line, as targets of a generator.

Owns reading, aligning and naming them. Any thread.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from latentstudio.cli.console import print_warning
from latentstudio.errors import InputError, ModelNotFoundError
from latentstudio.inversion.faces import find_faces
from latentstudio.inversion.target import Target, crop_to_model
from latentstudio.media.photo import read_photo
from latentstudio.models.feature_networks import MTCNN, load_mtcnn

if TYPE_CHECKING:
    from latentstudio.models.info import GeneratorInfo

ALIGNMENTS = ("auto", "face", "center")


class Reader:
    """Reads photographs for one generator.

    Args:
        info: of the generator.
        align: "face" looks for a face and refuses pictures without one; "center" takes the middle;
            "auto" looks for a face where the finder is installed and the model draws faces as large as
            FFHQ's, and takes the middle elsewhere.
        mask: a picture, white where the photographs count.

    Raises:
        InputError: there is no such alignment, or the mask can't be read.
        ModelNotFoundError: "face" needs the face finder, which is not installed.
    """

    def __init__(self, info: GeneratorInfo, align: str = "auto", mask: Path | None = None) -> None:
        if align not in ALIGNMENTS:
            raise InputError(f'There is no alignment "{align}".', f"Use one of {', '.join(ALIGNMENTS)}.")
        self._info, self._align = info, align
        self._detector: MTCNN | None = None
        if align == "face" or (align == "auto" and "ffhq" in f"{info.provenance.origin} {info.path}".lower()):
            try:
                self._detector = load_mtcnn()
            except ModelNotFoundError:
                if align == "face":
                    raise
                print_warning(
                    "The face finder is not installed, so the middle of each photo is taken "
                    "(latentstudio models install mtcnn-face-finder)."
                )
        self._mask = None if mask is None else self._read_mask(mask)

    def target(self, path: Path, taken: set[str]) -> Target:
        """A photograph at the generator's own size, under a name that is not taken yet.

        Raises:
            InputError: it can't be read, or holds no face where one is needed.
        """
        photo = read_photo(path)
        quad = None
        if self._detector is not None:
            faces = find_faces(photo, self._detector)
            if faces:
                quad = faces[0].quad(self._info.img_size)
                if len(faces) > 1:
                    print_warning(f'"{path.name}" shows {len(faces)} faces; the largest is taken.')
            elif self._align == "face":
                raise InputError(f'No face was found in "{path.name}".', "Use --align center.", path=path)
            else:
                print_warning(f'No face was found in "{path.name}"; its middle is taken.')
        name = base = path.stem
        number = 2
        while name in taken:
            name, number = f"{base}-{number}", number + 1
        return crop_to_model(photo, self._info, quad, mask=self._mask, name=name)

    def _read_mask(self, path: Path) -> NDArray[np.float32]:
        shaped = crop_to_model(read_photo(path), self._info).image
        return np.asarray(shaped.mean(2) / 255, np.float32)
