"""Faces in a photograph, and the frame that the published face data sets were cut by.

Owns the cascade (many sizes, propose, refine, place points, throw out what overlaps) and the frame from
eyes and mouth. Any thread.

Sources: Zhang et al., "Joint Face Detection and Alignment using Multi-task Cascaded Convolutional Networks",
section 2; Karras et al., "Progressive Growing of GANs", appendix C (the frame from eyes and mouth).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from latentstudio.errors import InputError
from latentstudio.models.feature_networks.mtcnn import MTCNN

Boxes = NDArray[np.float64]

# Faces are looked for in a copy of this size: a face too small to be found there is too small to invert.
LOOKING_PX = 1024
SMALLEST_PX = 24  # in that copy
SIZE_STEP = 0.709  # each copy has half the area of the one before
CELL_PX, CELL_STEP_PX = 12, 2
THRESHOLDS = (0.6, 0.7, 0.7)
MAX_WINDOWS = 2000
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


def find_faces(photo: NDArray[np.uint8], detector: MTCNN) -> list[Face]:
    """The faces of a photograph, the largest first.

    Args:
        photo: uint8 (H, W, 3).
        detector: the networks, on the CPU.
    """
    source = Image.fromarray(photo)
    scale = min(1.0, LOOKING_PX / max(source.size))
    small = source if scale == 1 else _resized(source, scale)
    with torch.inference_mode():
        boxes = _proposed(small, detector)
        boxes = boxes / (small.width / source.width)
        boxes, _ = _refined(source, boxes, detector)
        return _placed(source, boxes, detector)


def overlap_free(
    boxes: Boxes, scores: NDArray[np.float64], share: float, of_smaller: bool = False
) -> list[int]:
    """Indices of boxes (N, 4) that no better one covers, the best first.

    Args:
        boxes: left, top, right, bottom.
        scores: (N,), higher is better.
        share: how much of their union two boxes may share.
        of_smaller: measured by the smaller of the two instead.
    """
    areas = np.maximum(boxes[:, 2] - boxes[:, 0], 0) * np.maximum(boxes[:, 3] - boxes[:, 1], 0)
    waiting = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while len(waiting):
        best, rest = int(waiting[0]), waiting[1:]
        kept.append(best)
        corner = np.maximum(boxes[rest, :2], boxes[best, :2])
        sides = np.maximum(np.minimum(boxes[rest, 2:], boxes[best, 2:]) - corner, 0)
        common = sides.prod(1)
        whole = np.minimum(areas[rest], areas[best]) if of_smaller else areas[rest] + areas[best] - common
        waiting = rest[common <= share * whole]
    return kept


# --- the three looks --------------------------------------------------------------------------------


def _proposed(picture: Image.Image, detector: MTCNN) -> Boxes:
    """Square windows worth a closer look, in pixels of the picture."""
    factor = CELL_PX / SMALLEST_PX
    found: list[Boxes] = []
    scores: list[NDArray[np.float64]] = []
    while min(picture.size) * factor >= CELL_PX:
        levels = _levels(_resized(picture, factor))
        chances, shifts = detector.propose(levels)
        y, x = torch.nonzero(chances[0] >= THRESHOLDS[0], as_tuple=True)
        if len(x):
            corner = torch.stack([x, y], 1).double() * CELL_STEP_PX
            boxes = torch.cat([corner, corner + CELL_PX], 1).numpy() / factor
            chance = chances[0, y, x].double().numpy()
            moved = shifts[0][:, y, x].double().numpy().T
            keep = overlap_free(boxes, chance, 0.5)
            found.append(_moved(boxes[keep], moved[keep]))
            scores.append(chance[keep])
        factor *= SIZE_STEP
    if not found:
        return np.empty((0, 4))
    boxes, chance = np.concatenate(found), np.concatenate(scores)
    return _squared(boxes[overlap_free(boxes, chance, 0.7)[:MAX_WINDOWS]])


def _refined(photo: Image.Image, boxes: Boxes, detector: MTCNN) -> tuple[Boxes, NDArray[np.float64]]:
    if not len(boxes):
        return boxes, np.empty(0)
    chances, shifts = (a.double().numpy() for a in detector.refine(_windows(photo, boxes, 24)))
    good = chances >= THRESHOLDS[1]
    boxes, chances, shifts = boxes[good], chances[good], shifts[good]
    keep = overlap_free(boxes, chances, 0.7)
    return _squared(_moved(boxes[keep], shifts[keep])), chances[keep]


def _placed(photo: Image.Image, boxes: Boxes, detector: MTCNN) -> list[Face]:
    if not len(boxes):
        return []
    chances, shifts, shares = (a.double().numpy() for a in detector.place(_windows(photo, boxes, 48)))
    good = chances >= THRESHOLDS[2]
    boxes, chances, shifts, shares = boxes[good], chances[good], shifts[good], shares[good]
    sides = (boxes[:, 2:] - boxes[:, :2])[:, None]
    points = boxes[:, None, :2] + shares * sides
    boxes = _moved(boxes, shifts)
    faces = [
        Face(boxes[i], points[i], float(chances[i]))
        for i in overlap_free(boxes, chances, 0.7, of_smaller=True)
    ]
    return sorted(faces, key=lambda face: face.size_px, reverse=True)


def _moved(boxes: Boxes, shifts: NDArray[np.float64]) -> Boxes:
    """Boxes with each edge moved by its share of the side."""
    sides = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
    return boxes + shifts * sides


def _squared(boxes: Boxes) -> Boxes:
    """Boxes as squares around their middles."""
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = (boxes[:, 2:] - boxes[:, :2]).max(1, keepdims=True) / 2
    return np.concatenate([middle - half, middle + half], 1)


def _windows(photo: Image.Image, boxes: Boxes, side_px: int) -> Tensor:
    """What lies in the boxes, (N, 3, side, side), black beyond the photograph."""
    windows = []
    for left, top, right, bottom in boxes:
        x0, y0, x1, y1 = (round(v) for v in (left, top, right, bottom))
        patch = photo.crop((x0, y0, max(x1, x0 + 2), max(y1, y0 + 2)))
        # Averaged where it is larger, or a face of 2000 pixels would be a handful of single ones.
        windows.append(_levels(patch.resize((side_px, side_px), Image.Resampling.BILINEAR)))
    return torch.cat(windows)


def _resized(picture: Image.Image, factor: float) -> Image.Image:
    size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
    return picture.resize(size, Image.Resampling.BILINEAR)


def _levels(picture: Image.Image) -> Tensor:
    """(1, 3, H, W), levels 0..255."""
    pixels = np.array(picture, dtype=np.float32)
    return torch.from_numpy(pixels).permute(2, 0, 1)[None]
