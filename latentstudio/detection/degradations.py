"""What happens to pictures on their way: compression, resizing, cropping, blur, noise, screenshots.

Owns the names of degradations and what each does to a picture. Calibrations degrade copies of both
classes with them, and the statistics ask which of them explains a difference. NumPy and Pillow only,
any thread.
"""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from latentstudio.errors import InputError

Picture = NDArray[np.uint8]
CLEAN = "clean"
# The ones a calibration makes without being asked; the first three are those the docs promise.
STANDARD = (CLEAN, "jpeg75", "resize2")
ALL = (*STANDARD, "jpeg95", "jpeg50", "crop95", "blur0.7", "noise4", "screenshot")

_SPELLING = re.compile(r"([a-z]+)(\d+(?:\.\d+)?)?")


def degrade(picture: Picture, name: str, seed: int = 0) -> Picture:
    """A degraded copy of the same size.

    Args:
        picture: uint8 (H, W, 3).
        name: "clean", "jpegQ" (quality 1 to 100), "resizeF" (down F times and up again), "cropP" (the
            middle P per cent, enlarged), "blurS" (Gaussian, S pixels), "noiseS" (Gaussian, S levels of
            255) or "screenshot" (enlarged with sharp resampling, gamma, JPEG 90, and back).
        seed: of the noise; the other degradations draw nothing.

    Returns:
        uint8 (H, W, 3).

    Raises:
        InputError: there is no such degradation, or its number is out of range.
    """
    work, amount = _parse(name)
    return work(picture, amount, seed)


def check_degradation(name: str) -> None:
    """Raise InputError unless `degrade` knows the name."""
    _parse(name)


def _parse(name: str) -> tuple[Callable[[Picture, float, int], Picture], float]:
    match = _SPELLING.fullmatch(name)
    kind, number = match.groups() if match else ("", None)
    entry = _KINDS.get(kind)
    if entry is None:
        raise InputError(f'There is no degradation "{name}".', f"Write one like {', '.join(ALL)}.")
    work, low, high = entry
    if low == high:
        if number is not None:
            raise InputError(f'"{kind}" takes no number, but "{name}" has one.')
        return work, 0.0
    if number is None or not low <= float(number) <= high:
        raise InputError(f'"{name}" needs a number from {low:g} to {high:g}.', f"Write {kind}{high:g}.")
    return work, float(number)


def _clean(picture: Picture, amount: float, seed: int) -> Picture:
    return picture


def _jpeg(picture: Picture, amount: float, seed: int) -> Picture:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=round(amount))
    return _pixels(Image.open(buffer))


def _resize(picture: Picture, amount: float, seed: int) -> Picture:
    height, width = picture.shape[:2]
    small = (max(1, round(width / amount)), max(1, round(height / amount)))
    image = Image.fromarray(picture).resize(small, Image.Resampling.LANCZOS)
    return _pixels(image.resize((width, height), Image.Resampling.BICUBIC))


def _crop(picture: Picture, amount: float, seed: int) -> Picture:
    height, width = picture.shape[:2]
    left, top = width * (100 - amount) / 200, height * (100 - amount) / 200
    box = (left, top, width - left, height - top)
    image = Image.fromarray(picture)
    return _pixels(image.resize((width, height), Image.Resampling.LANCZOS, box=box))


def _blur(picture: Picture, amount: float, seed: int) -> Picture:
    return _pixels(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(amount)))


def _noise(picture: Picture, amount: float, seed: int) -> Picture:
    # The picture is part of the seed: one noise on all pictures would be a pattern to learn.
    random = np.random.default_rng([seed, zlib.crc32(picture.tobytes())])
    noisy = picture + random.normal(0, amount, picture.shape)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def _screenshot(picture: Picture, amount: float, seed: int) -> Picture:
    height, width = picture.shape[:2]
    shown = Image.fromarray(picture).resize((width * 17 // 8, height * 17 // 8), Image.Resampling.BILINEAR)
    levels = np.asarray(shown) / 255.0
    bent = np.rint(255 * levels**1.06).astype(np.uint8)
    photographed = _jpeg(bent, 90, seed)
    return _pixels(Image.fromarray(photographed).resize((width, height), Image.Resampling.LANCZOS))


def _pixels(image: Image.Image) -> Picture:
    return np.asarray(image.convert("RGB"))


_KINDS: dict[str, tuple[Callable[[Picture, float, int], Picture], float, float]] = {
    "clean": (_clean, 0, 0),
    "jpeg": (_jpeg, 1, 100),
    "resize": (_resize, 1, 16),
    "crop": (_crop, 10, 100),
    "blur": (_blur, 0.1, 20),
    "noise": (_noise, 0, 100),
    "screenshot": (_screenshot, 0, 0),
}
