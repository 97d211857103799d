"""What an inversion aims at: a photograph, cut to the shape of the generator's pictures.

Owns the cut (a parallelogram of the photograph, resampled without steps) and where it was, so that an edit
finds its way back. NumPy and Pillow only. Any thread.

Source: Karras et al., "A Style-Based Generator Architecture for GANs", appendix C (the cut reaches beyond the
edge of a photograph: mirrored and blurred there).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from latentstudio.errors import InputError
from latentstudio.models.info import GeneratorInfo

MAX_SUPERSAMPLING = 4
# How far a corner may lie from where the other three put it, in photo pixels.
_SKEW_PX = 0.75


@dataclass(frozen=True, eq=False)
class Alignment:
    """Where in a photograph a target was cut out.

    Attributes:
        quad: float64 (4, 2), x and y of the corners in photo pixels (0, 0 is the outer corner of the first
            pixel): top left, bottom left, bottom right, top right; a parallelogram.
        source_size: (height, width) of the photograph.
    """

    quad: NDArray[np.float64]
    source_size: tuple[int, int]

    def __post_init__(self) -> None:
        quad = np.asarray(self.quad, np.float64)
        if quad.shape != (4, 2) or not np.isfinite(quad).all():
            raise InputError("A cut needs four corners.")
        if np.abs(quad[0] + quad[2] - quad[1] - quad[3]).max() > _SKEW_PX:
            raise InputError("The four corners of a cut must make a rectangle, turned as you like.")
        if abs(self._cross(quad)) < 1:
            raise InputError("The cut is empty.")
        quad.setflags(write=False)
        object.__setattr__(self, "quad", quad)

    @staticmethod
    def _cross(quad: NDArray[np.float64]) -> float:
        across, down = quad[3] - quad[0], quad[1] - quad[0]
        return float(across[0] * down[1] - across[1] * down[0])

    @property
    def size_px(self) -> tuple[float, float]:
        """(height, width) of the cut, in photo pixels."""
        across, down = self.quad[3] - self.quad[0], self.quad[1] - self.quad[0]
        return float(np.hypot(*down)), float(np.hypot(*across))

    @property
    def is_upright(self) -> bool:
        """Whether the cut is parallel to the photograph's edges, and not mirrored."""
        (left, top), (_, bottom), (right, _), _ = self.quad
        exact = np.array([[left, top], [left, bottom], [right, bottom], [right, top]])
        return bool(np.allclose(self.quad, exact, atol=1e-6) and right > left and bottom > top)

    def to_photo(self) -> NDArray[np.float64]:
        """float64 (2, 3): from shares of the cut (0..1 across, 0..1 down, 1) to photo pixels."""
        origin = self.quad[0]
        return np.stack([self.quad[3] - origin, self.quad[1] - origin, origin], axis=1)

    def to_json(self) -> dict[str, Any]:
        """Plain values for a file."""
        return {"quad": self.quad.tolist(), "source_size": list(self.source_size)}

    @classmethod
    def from_json(cls, stored: Any) -> Alignment:
        """Read what `to_json` wrote.

        Raises:
            InputError: it is something else.
        """
        try:
            height, width = (int(side) for side in stored["source_size"])
            return cls(np.array(stored["quad"], np.float64), (height, width))
        except (KeyError, TypeError, ValueError) as error:
            raise InputError("Where the photo was cut out is not told in a way that can be read.") from error


@dataclass(frozen=True, eq=False)
class Target:
    """What an inversion aims at.

    Attributes:
        image: uint8 (H, W, 3) at the generator's own size.
        mask: float32 (H, W), how much each pixel counts, 0..1; None when all count alike.
        alignment: where it was cut out; None where there is no photograph around it.
        name: for people.
    """

    image: NDArray[np.uint8]
    mask: NDArray[np.float32] | None = None
    alignment: Alignment | None = None
    name: str = ""

    def __post_init__(self) -> None:
        if self.image.ndim != 3 or self.image.shape[2] != 3 or self.image.dtype != np.uint8:
            raise InputError("A target is a picture of three colours with levels 0 to 255.")
        if self.mask is not None:
            if self.mask.shape != self.image.shape[:2]:
                raise InputError(
                    f"The mask has {self.mask.shape[1]} × {self.mask.shape[0]} pixels, "
                    f"the target {self.image.shape[1]} × {self.image.shape[0]}."
                )
            if not float(self.mask.max(initial=0)) > 0:
                raise InputError("The mask leaves nothing that counts.", "Paint what should count.")


def central_quad(photo_size: tuple[int, int], img_size: tuple[int, int]) -> NDArray[np.float64]:
    """The largest frame of a picture's aspect in the middle of a photograph, both (height, width)."""
    height, width = photo_size
    scale = min(height / img_size[0], width / img_size[1])
    cut_h, cut_w = img_size[0] * scale, img_size[1] * scale
    return box_quad((width - cut_w) / 2, (height - cut_h) / 2, cut_w, cut_h)


def box_quad(left: float, top: float, width: float, height: float) -> NDArray[np.float64]:
    """The corners of an upright frame, in photo pixels."""
    right, bottom = left + width, top + height
    return np.array([[left, top], [left, bottom], [right, bottom], [right, top]], np.float64)


def crop_to_model(
    photo: NDArray[np.uint8],
    info: GeneratorInfo,
    quad: NDArray[np.float64] | None = None,
    *,
    mask: NDArray[np.float32] | None = None,
    name: str = "",
) -> Target:
    """Cut a photograph to the size of a generator's pictures.

    Args:
        photo: uint8 (H, W, 3).
        info: of the generator.
        quad: corners as in `Alignment`; by default the largest frame in the middle.
        mask: float32 at the generator's size, see `Target`.
        name: for people.

    Raises:
        InputError: the corners make no rectangle.
    """
    source_size = (photo.shape[0], photo.shape[1])
    if quad is None:
        quad = central_quad(source_size, info.img_size)
    alignment = Alignment(quad, source_size)
    image = cut(photo, alignment, info.img_size)
    if info.img_channels == 1:
        # Such a generator shows grey: a coloured target would be out of its reach for ever.
        grey = np.asarray(Image.fromarray(image).convert("L"))
        image = np.repeat(grey[..., None], 3, axis=2)
    return Target(image, mask, alignment, name)


def cut(photo: NDArray[np.uint8], alignment: Alignment, size: tuple[int, int]) -> NDArray[np.uint8]:
    """The pixels of a cut, uint8 (*size, 3); beyond the photograph's edge it is mirrored and blurred."""
    height, width = size
    quad = alignment.quad
    if alignment.is_upright:
        (left, top), _, (right, bottom), _ = quad
        inside = left >= 0 and top >= 0 and right <= photo.shape[1] and bottom <= photo.shape[0]
        if inside:
            # Only the part that the filter reads: a large photo would be copied for a small cut.
            reach = 3 * max((right - left) / width, (bottom - top) / height, 1.0) + 2
            x0, y0 = max(0, int(left - reach)), max(0, int(top - reach))
            part = photo[y0 : int(bottom + reach) + 1, x0 : int(right + reach) + 1]
            box = (left - x0, top - y0, right - x0, bottom - y0)
            shown = Image.fromarray(np.ascontiguousarray(part)).resize(
                (width, height), Image.Resampling.LANCZOS, box
            )
            return np.asarray(shown)
    # A turned cut is made at some times the size and averaged down: no steps, no moiré.
    scale = max(alignment.size_px[0] / height, alignment.size_px[1] / width)
    shrink = max(1, int(scale / MAX_SUPERSAMPLING))
    patch, origin = _surroundings(photo, quad)
    if shrink > 1:
        patch = patch.reduce(shrink)
    corners = (quad - origin) / shrink
    factor = int(min(MAX_SUPERSAMPLING, max(1, np.ceil(scale / shrink))))
    big_w, big_h = width * factor, height * factor
    across, down = (corners[3] - corners[0]) / big_w, (corners[1] - corners[0]) / big_h
    # Pillow takes the middle of each pixel itself: the matrix is between outer corners.
    matrix = (across[0], down[0], corners[0, 0], across[1], down[1], corners[0, 1])
    turned = patch.transform(
        (big_w, big_h), Image.Transform.AFFINE, matrix, resample=Image.Resampling.BICUBIC
    )
    if factor > 1:
        turned = turned.resize((width, height), Image.Resampling.LANCZOS)
    return np.asarray(turned)


def _surroundings(
    photo: NDArray[np.uint8], quad: NDArray[np.float64]
) -> tuple[Image.Image, NDArray[np.float64]]:
    """What lies around a cut, continued beyond the edges, and its place in the photograph."""
    margin = 8
    left, top = (int(v) - margin for v in np.floor(quad.min(0)))
    right, bottom = (int(v) + margin for v in np.ceil(quad.max(0)))
    box = (max(left, 0), max(top, 0), min(right, photo.shape[1]), min(bottom, photo.shape[0]))
    if box[2] - box[0] < 2 or box[3] - box[1] < 2:
        raise InputError("The cut lies outside of the photo.", "Move it over the photo.")
    patch = Image.fromarray(np.ascontiguousarray(photo[box[1] : box[3], box[0] : box[2]]))
    pads = ((box[1] - top, bottom - box[3]), (box[0] - left, right - box[2]))
    if max(max(pads)) > margin:
        patch = _continued(patch, pads)
        return patch, np.array([left, top], np.float64)
    return patch, np.array(box[:2], np.float64)


def _continued(patch: Image.Image, pads: tuple[tuple[int, int], tuple[int, int]]) -> Image.Image:
    """The patch mirrored over its edges, and the more blurred the farther from them."""
    pixels = np.asarray(patch)
    height, width = pixels.shape[:2]
    total_h, total_w = height + sum(pads[0]), width + sum(pads[1])
    if total_h * total_w > 120_000_000:
        raise InputError("The cut reaches too far beyond the photo.", "Make it smaller.")
    wide = np.pad(pixels, (*pads, (0, 0)), mode="symmetric")
    rows = _beyond(height, pads[0])
    columns = _beyond(width, pads[1])
    reach = max(1.0, 0.35 * max(max(pads[0]), max(pads[1])))
    strength = np.clip(np.maximum(rows[:, None], columns[None, :]) / reach, 0, 1).astype(np.float32)[
        ..., None
    ]
    # Blurring a small copy is as smooth, and does not take a minute on a large photo.
    step = max(1, int(max(total_h, total_w) / 512))
    small = Image.fromarray(wide).reduce(step)
    soft = small.filter(ImageFilter.GaussianBlur(max(1.0, reach / step / 2)))
    blurred = np.asarray(soft.resize((total_w, total_h), Image.Resampling.BICUBIC))
    mixed = wide + (blurred.astype(np.float32) - wide) * strength
    return Image.fromarray((mixed + 0.5).clip(0, 255).astype(np.uint8))


def _beyond(length: int, pads: tuple[int, int]) -> NDArray[np.float32]:
    """For each line how far it lies outside of the photograph, in pixels."""
    at = np.arange(-pads[0], length + pads[1], dtype=np.float32)
    return np.maximum(np.maximum(-at, at - (length - 1)), 0)
