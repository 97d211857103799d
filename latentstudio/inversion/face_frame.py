"""The frame that the published face data sets were cut by.

Owns a face's five points and the way from eyes and mouth to a frame. NumPy only, any thread.

Source: Karras et al., "Progressive Growing of GANs", appendix C.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latentstudio.errors import InputError

# How far the frame reaches from its middle, in distances between the eyes and from eyes to mouth.
EYES_REACH, MOUTH_REACH, MOUTH_SHIFT = 2.0, 1.8, 0.1


@dataclass(frozen=True, eq=False)
class Face:
    """A face.

    Attributes:
        box: float64 (4,), left, top, right, bottom in photo pixels.
        points: float64 (5, 2), x and y in photo pixels: the eye on the picture's left, the other eye, nose,
            the corner of the mouth on the picture's left, the other corner.
        score: how sure the network is, 0..1.
    """

    box: NDArray[np.float64]
    points: NDArray[np.float64]
    score: float

    @property
    def size_px(self) -> float:
        """The longer side of the box."""
        return float(max(self.box[2] - self.box[0], self.box[3] - self.box[1]))

    def quad(self, img_size: tuple[int, int] = (1, 1)) -> NDArray[np.float64]:
        """The frame for a generator's pictures of (height, width)."""
        eyes, mouth = self.points[:2], self.points[3:].mean(0)
        return face_quad(eyes[0], eyes[1], mouth, img_size)


def face_quad(
    left_eye: NDArray[np.float64],
    right_eye: NDArray[np.float64],
    mouth: NDArray[np.float64],
    img_size: tuple[int, int] = (1, 1),
) -> NDArray[np.float64]:
    """The frame from three points of a face.

    Args:
        left_eye: x and y of the eye on the picture's left, in photo pixels.
        right_eye: of the other.
        mouth: of the mouth's middle.
        img_size: (height, width) of the pictures; other than square ones lose what they have less.

    Returns:
        float64 (4, 2), corners as in `Alignment`.

    Raises:
        InputError: the points are in one place.
    """
    left_eye, right_eye, mouth = (np.asarray(p, np.float64) for p in (left_eye, right_eye, mouth))
    between, middle = right_eye - left_eye, (left_eye + right_eye) / 2
    down = mouth - middle
    # Across the face: along the eyes, and square to the way to the mouth; their sum evens out a turned head.
    across = between + np.array([down[1], -down[0]])
    length = float(np.hypot(*across))
    if length < 1e-6 or not np.isfinite(length):
        raise InputError("Eyes and mouth must not be in one place.", "Move the three points apart.")
    reach = max(float(np.hypot(*between)) * EYES_REACH, float(np.hypot(*down)) * MOUTH_REACH)
    x = across / length * reach
    y = np.array([-x[1], x[0]])
    height, width = img_size
    x, y = x * (width / max(img_size)), y * (height / max(img_size))
    centre = middle + down * MOUTH_SHIFT
    return np.stack([centre - x - y, centre - x + y, centre + x + y, centre + x - y])
