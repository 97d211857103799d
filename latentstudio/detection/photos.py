"""A person's photos at the size at which they are compared, and how they came to it.

Owns finding photo files and cutting them to a model; reading is `media.photo`'s, the cut and the faces
are `inversion`'s. Any thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from latentstudio.detection.verdict import Framing
from latentstudio.errors import InputError
from latentstudio.inversion.target import crop_to_model
from latentstudio.media.photo import SUFFIXES, read_photo
from latentstudio.models.info import GeneratorInfo

MIDDLE, FACES = "middle", "faces"
FRAMES = (MIDDLE, FACES)
# A frame that loses less than this share of a side is the photo's own, but for rounding.
_ROUNDING = 0.02


@dataclass(frozen=True, eq=False)
class Photo:
    """A photo, ready to be measured.

    Attributes:
        name: for people.
        image: uint8 (H, W, 3) at the model's size.
        framing: how it came to it.
    """

    name: str
    image: NDArray[np.uint8]
    framing: Framing


def find_photos(given: Sequence[Path]) -> list[Path]:
    """The photo files among files and folders; a folder's in the order of their names.

    Raises:
        InputError: a path does not exist, or a folder holds no photo.
    """
    found: list[Path] = []
    for path in given:
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
            if not inside:
                raise InputError(f'The folder "{path.name}" holds no photo.', path=path)
            found += inside
        elif path.exists():
            found.append(path)
        else:
            raise InputError(f'There is no file "{path}".', path=path)
    return list(dict.fromkeys(found))


def open_photo(path: Path, info: GeneratorInfo, frame: str = MIDDLE) -> Photo:
    """Read a photo and cut it to a model.

    Args:
        path: the file.
        info: the model it is compared with.
        frame: "middle" takes the largest frame in the middle; "faces" finds the largest face and aligns
            it as FFHQ's were, which needs the face finder of the catalogue.

    Raises:
        InputError: it can't be read, or no face is found.
        ModelNotFoundError: the face finder is not installed.
    """
    return frame_photo(read_photo(path), info, frame, path.name)


def frame_photo(pixels: NDArray[np.uint8], info: GeneratorInfo, frame: str = MIDDLE, name: str = "") -> Photo:
    """Cut a photo's pixels (H, W, 3) to a model; see `open_photo`."""
    size = (pixels.shape[0], pixels.shape[1])
    if frame == FACES:
        from latentstudio.engine.photos import finder
        from latentstudio.inversion.faces import find_faces

        faces = find_faces(pixels, finder())
        if not faces:
            raise InputError(f'No face was found in "{name}".', "Crop the photo by hand first.")
        target = crop_to_model(pixels, info, faces[0].quad(info.img_size), name=name)
        return Photo(name, target.image, Framing(size, was_cropped=True, was_aligned=True))
    target = crop_to_model(pixels, info, name=name)
    assert target.alignment is not None
    height, width = target.alignment.size_px
    was_cropped = height < size[0] * (1 - _ROUNDING) or width < size[1] * (1 - _ROUNDING)
    return Photo(name, target.image, Framing(size, was_cropped))
