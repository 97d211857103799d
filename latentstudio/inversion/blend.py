"""An edited picture, put back into the photograph that it was cut from.

Owns the way back: enlarging, turning and feathering; only what lies under the cut is touched. NumPy and
Pillow only. Any thread.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from latentstudio.errors import InputError
from latentstudio.inversion.target import Alignment

FEATHER = 0.15
BAND_PIXELS = 1 << 21


def blend_back(
    photo: NDArray[np.uint8],
    edited: NDArray[np.uint8],
    alignment: Alignment,
    feather: float = FEATHER,
    *,
    before: NDArray[np.uint8] | None = None,
    mask: NDArray[np.float32] | None = None,
) -> NDArray[np.uint8]:
    """The photograph with an edited picture in place of its cut.

    Args:
        photo: uint8 (H, W, 3), full size.
        edited: uint8 (h, w, 3), the generator's picture.
        alignment: where the cut was made.
        feather: width of the soft edge, in shorter sides of the cut, 0..0.5.
        before: uint8 (h, w, 3), the generator's picture before the edit. When it is given, what the edit
            changed is added to the photograph, which so keeps its own fine detail.
        mask: float32 (h, w), 0..1: where the picture is used at all.

    Returns:
        uint8 (H, W, 3); a new array.

    Raises:
        InputError: the photograph is not the one of the alignment, or sizes differ.
    """
    if photo.shape[:2] != alignment.source_size:
        height, width = alignment.source_size
        raise InputError(
            f"The cut was made in a photo of {width} × {height} pixels, "
            f"and this one has {photo.shape[1]} × {photo.shape[0]}.",
            "Choose the photo that was inverted.",
        )
    if before is not None and before.shape != edited.shape:
        raise InputError("The pictures before and after the edit have different sizes.")
    box = _box(alignment)
    if box is None:
        return photo.copy()
    left, top, right, bottom = box
    height, width = edited.shape[:2]
    alpha = _soft_edge(height, width, feather)
    if mask is not None:
        alpha = alpha * mask.clip(0, 1)
    layers = [edited[..., colour].astype(np.float32) for colour in range(3)]
    if before is not None:
        layers = [layer - before[..., colour] for colour, layer in enumerate(layers)]
    result = photo.copy()
    # In bands: a photo of 100 million pixels has no room for all of them in 32 bits.
    rows = max(1, BAND_PIXELS // (right - left))
    for start in range(top, bottom, rows):
        band = (left, start, right, min(start + rows, bottom))
        weights = _laid(alpha, alignment, band, outside=True)
        patch = result[start : band[3], left:right]
        for colour, layer in enumerate(layers):
            there = patch[..., colour].astype(np.float32)
            laid = _laid(layer, alignment, band)
            mixed = there + (laid if before is not None else laid - there) * weights
            patch[..., colour] = (mixed + 0.5).clip(0, 255).astype(np.uint8)
    return result


def _box(alignment: Alignment) -> tuple[int, int, int, int] | None:
    """The pixels of the photograph that the cut touches; None for none."""
    height, width = alignment.source_size
    left, top = (max(0, int(v)) for v in np.floor(alignment.quad.min(0)))
    right, bottom = (int(v) for v in np.ceil(alignment.quad.max(0)))
    right, bottom = min(right, width), min(bottom, height)
    return (left, top, right, bottom) if right > left and bottom > top else None


def _soft_edge(height: int, width: int, feather: float) -> NDArray[np.float32]:
    """1 inside, falling to 0 at the border over `feather` shorter sides, without a kink."""
    reach = max(0.5, min(max(feather, 0.0), 0.5) * min(height, width))
    rows, columns = (np.arange(n, dtype=np.float32) + 0.5 for n in (height, width))
    away = np.minimum(np.minimum(rows, height - rows)[:, None], np.minimum(columns, width - columns)[None])
    share = (away / reach).clip(0, 1)
    soft: NDArray[np.float32] = (share * share * (3 - 2 * share)).astype(np.float32)
    return soft


def _laid(
    layer: NDArray[np.float32], alignment: Alignment, box: tuple[int, int, int, int], outside: bool = False
) -> NDArray[np.float32]:
    """A layer (h, w) of the cut, where it lies in the photograph: float32 of the box's size.

    Args:
        layer: values at the generator's size.
        alignment: where the cut was made.
        box: left, top, right, bottom in the photograph.
        outside: whether it is 0 outside of the cut; else its edge goes on.
    """
    left, top, right, bottom = box
    height, width = layer.shape
    # A cut that is shrunk on its way back is averaged first; one that grows needs nothing.
    shrink = int(min(height / alignment.size_px[0], width / alignment.size_px[1]))
    source = Image.fromarray(layer)
    if shrink > 1:
        source = source.resize((max(1, width // shrink), max(1, height // shrink)), Image.Resampling.BOX)
    margin = 4
    wide = np.pad(np.asarray(source), margin, mode="constant" if outside else "edge")
    # From the photograph's pixels to shares of the cut to the layer's pixels.
    to_photo = np.vstack([alignment.to_photo(), [0, 0, 1]])
    shares = np.linalg.inv(to_photo)
    scale = np.array([[source.width, 0, margin], [0, source.height, margin], [0, 0, 1]], np.float64)
    shift = np.array([[1, 0, left], [0, 1, top], [0, 0, 1]], np.float64)
    matrix = scale @ shares @ shift
    # A cubic runs over the ends of what it enlarges; an edge of weights must not.
    kind = Image.Resampling.BILINEAR if outside else Image.Resampling.BICUBIC
    laid = Image.fromarray(wide).transform(
        (right - left, bottom - top), Image.Transform.AFFINE, tuple(matrix[:2].reshape(-1)), resample=kind
    )
    return np.asarray(laid)
