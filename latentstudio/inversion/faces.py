"""Faces in a photograph.

Owns the cascade: many sizes, propose, refine, place points, throw out what overlaps. Any thread.

Source: Zhang et al., "Joint Face Detection and Alignment using Multi-task Cascaded Convolutional Networks",
section 2.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from latentstudio.inversion.face_frame import Face
from latentstudio.models.feature_networks.mtcnn import MTCNN

Boxes = NDArray[np.float64]

# Faces are looked for in a copy of this size: a face too small to be found there is too small to invert.
LOOKING_PX = 1024
SMALLEST_PX = 24  # in that copy
SIZE_STEP = 0.709  # each copy has half the area of the one before
CELL_PX, CELL_STEP_PX = 12, 2
THRESHOLDS = (0.6, 0.7, 0.7)
MAX_WINDOWS = 2000


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
