"""One photograph with the frame around what is inverted of it.

Owns the choice of the frame and what was painted on it; reads nothing and tells nobody. No widget; what is
cut may be cut on any thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PySide6.QtGui import QImage

from latentstudio.document.mask import Mask
from latentstudio.errors import InputError, LatentStudioError
from latentstudio.inversion.face_frame import Face, face_quad
from latentstudio.inversion.target import Alignment, Target, central_quad, crop_to_model, cut
from latentstudio.models.info import GeneratorInfo

WHOLE, FACE, HAND = "whole", "face", "hand"
Quad = NDArray[np.float64]
Size = tuple[int, int]  # (height, width)


@dataclass(eq=False)
class FramedPhoto:
    """A photograph on the desk.

    Attributes:
        pixels: uint8 (H, W, 3), at full size.
        preview: the same, small enough to be drawn often.
        small: uint8 (h, w, 3), smaller still, for its thumbnail.
        name: the file's.
        path: where it was read from, if from a file.
        faces: what was found; None until somebody has looked.
        mode: the whole picture, a face, or three points by hand.
        face: which of the faces.
        whole: the frame that a hand moved; None takes the largest.
        points: float64 (3, 2), eyes and mouth by hand; None takes those of the face.
        painted: what counts; None for all of it.
    """

    pixels: NDArray[np.uint8]
    preview: QImage
    small: NDArray[np.uint8]
    name: str
    path: Path | None = None
    faces: list[Face] | None = None
    mode: str = WHOLE
    face: int = 0
    whole: Quad | None = None
    points: Quad | None = None
    painted: Mask | None = None

    @property
    def size(self) -> Size:
        """(height, width)."""
        height, width = self.pixels.shape[:2]
        return height, width

    def quad(self, img_size: Size) -> Quad:
        """The corners of the frame, as in `Alignment`, for a generator of this size."""
        if self.mode == FACE and self.faces:
            return self.faces[self.face].quad(img_size)
        if self.mode == HAND:
            left, right, mouth = self.placed_points()
            # Points in one place make no frame: the last one stays.
            with suppress(InputError):
                return face_quad(left, right, mouth, img_size)
        if self.whole is None:
            return central_quad(self.size, img_size)
        return self.whole

    def placed_points(self) -> Quad:
        """Float64 (3, 2): the eye on the left, the other eye, the mouth's middle, in photo pixels."""
        if self.points is None:
            if self.faces:
                found = self.faces[self.face].points
                self.points = np.stack([found[0], found[1], found[3:].mean(0)])
            else:
                height, width = self.size
                middle, side = np.array([width / 2, height * 0.45]), min(height, width) * 0.11
                self.points = middle + side * np.array([[-1, -0.6], [1, -0.6], [0, 1.4]])
        return self.points

    def take_faces(self, faces: list[Face]) -> None:
        """Faces were found; only a frame that nobody has touched moves by itself."""
        self.faces = faces
        if faces and self.mode == WHOLE and self.whole is None:
            self.mode, self.painted = FACE, None

    def target(self, info: GeneratorInfo) -> Target:
        """What is inverted.

        Raises:
            InputError: the frame lies outside of the photograph.
        """
        mask = None
        if self.painted is not None:
            height, width = info.img_size
            shares = Image.fromarray(self.painted.shares)
            mask = np.asarray(shares.resize((width, height), Image.Resampling.BOX), np.float32).clip(0, 1)
        quad = self.quad(info.img_size)
        return crop_to_model(self.pixels, info, quad, mask=mask, name=Path(self.name).stem)

    def thumbnail(self, img_size: Size, longer_px: int) -> NDArray[np.uint8]:
        """What is in the frame, small: uint8 (h, w, 3)."""
        scale = self.small.shape[0] / self.size[0]
        height, width = (max(1, round(side * longer_px / max(img_size))) for side in img_size)
        place = Alignment(self.quad(img_size) * scale, self.small.shape[:2])
        return cut(self.small, place, (height, width))


def cut_all(photos: Sequence[FramedPhoto], info: GeneratorInfo) -> list[Target | LatentStudioError]:
    """The targets of several photographs, or why there is none; any thread."""
    found: list[Target | LatentStudioError] = []
    for photo in photos:
        try:
            found.append(photo.target(info))
        except LatentStudioError as error:
            found.append(InputError(f"{photo.name}: {error.message}", error.hint, path=photo.path))
    return found
