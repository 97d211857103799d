"""A person's photograph, as plain sRGB pixels.

Owns everything a picture file from outside can bring along (orientation, colour profile, transparency, 16
bits, ink colours), the sentences for what is no photograph, and writing one back. Any thread.

Sources: EXIF 2.3, tag 0x0112 (orientation); ICC.1:2010, relative colorimetric intent with black point
compensation.
"""

from __future__ import annotations

import io
import stat
import warnings
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from latentstudio.atomic_file import write_atomically
from latentstudio.errors import InputError

# What a camera, a phone, a scanner or another program writes; each decoded by Pillow itself.
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "AVIF", "JPEG2000", "BMP", "GIF", "PPM")
_SUFFIXES = ".jpg .jpeg .jpe .mpo .png .webp .tif .tiff .avif .jp2 .j2k .bmp .gif .ppm .pgm .pnm"
SUFFIXES = frozenset(_SUFFIXES.split(" "))
MAX_PHOTO_BYTES = 1024 * 1024 * 1024
MAX_PIXELS = 170_000_000  # a camera of 150 million pixels passes; as uint8 these are half a GB
MIN_SIDE_PX = 8
PAPER = (255, 255, 255)  # what shows through where a picture is transparent
_HINT = "LatentStudio reads JPEG, PNG, WebP, TIFF, AVIF, BMP and GIF: save it as one of these."

_Image = Image.Image


def read_photo(source: str | Path | bytes, name: str = "") -> NDArray[np.uint8]:
    """A photograph, upright, opaque and in sRGB.

    Args:
        source: a file, or the bytes of one (as from the clipboard).
        name: what to call it in sentences; by default the file's name.

    Returns:
        uint8 (H, W, 3).

    Raises:
        InputError: missing, empty, no picture, damaged, moving, or of an impossible size.
    """
    path = None if isinstance(source, bytes) else Path(source)
    name = name or (path.name if path is not None else "the picture")
    stream = io.BytesIO(source) if isinstance(source, bytes) else _opened(Path(source), name)
    try:
        with stream, warnings.catch_warnings():
            # Pillow warns of sizes and of odd metadata; sizes are checked here, before any pixel is read.
            warnings.simplefilter("ignore")
            with Image.open(stream, formats=_formats()) as image:
                _check(image, name)
                return np.asarray(_upright_srgb(image))
    except InputError as error:
        error.path = path
        raise
    except UnidentifiedImageError as error:
        raise InputError(f'"{name}" is not a picture that can be read here.', _HINT, path=path) from error
    except Image.DecompressionBombError as error:
        raise InputError(
            f'"{name}" claims more than {MAX_PIXELS // 10**6} million pixels, and is not opened.',
            "Make it smaller in another program.",
            path=path,
        ) from error
    except MemoryError as error:
        raise InputError(
            f'There is not enough memory for "{name}".', "Make it smaller in another program.", path=path
        ) from error
    except (OSError, ValueError, SyntaxError, TypeError, EOFError, IndexError, KeyError) as error:
        raise InputError(
            f'Can\'t read "{name}": the picture is damaged or cut short.', "Get it anew.", path=path
        ) from error


@cache
def _formats() -> list[str]:
    """Those of `FORMATS` that this Pillow was built with."""
    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]


def write_photo(path: str | Path, pixels: NDArray[np.uint8]) -> None:
    """Write a photograph in the format that the file's ending names, at high quality, in sRGB.

    Raises:
        InputError: the ending names no format that is written here.
        SaveError: the file could not be written; the old one is untouched.
    """
    path = Path(path)
    kinds: dict[str, tuple[str, dict[str, Any]]] = {
        ".png": ("PNG", {}),
        ".jpg": ("JPEG", {"quality": 95, "subsampling": 0}),
        ".jpeg": ("JPEG", {"quality": 95, "subsampling": 0}),
        ".webp": ("WEBP", {"quality": 95}),
        ".tif": ("TIFF", {"compression": "tiff_lzw"}),
        ".tiff": ("TIFF", {"compression": "tiff_lzw"}),
    }
    if path.suffix.lower() not in kinds:
        raise InputError(
            f'Can\'t write "{path.name}".', "End its name with .png, .jpg, .webp or .tif.", path=path
        )
    kind, options = kinds[path.suffix.lower()]
    buffer = io.BytesIO()
    try:
        Image.fromarray(pixels).save(buffer, kind, **options)
    except (OSError, ValueError) as error:
        raise InputError(
            f"A picture of {pixels.shape[1]} × {pixels.shape[0]} pixels can't be a {kind}.",
            "Save it as PNG.",
            path=path,
        ) from error
    write_atomically(path, buffer.getvalue())


def _opened(path: Path, name: str) -> io.BufferedReader:
    """The file, if it can be a picture at all."""
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise InputError(f'"{name}" is a folder.', "Choose a picture in it.")
        if not stat.S_ISREG(found.st_mode):
            raise InputError(f'Can\'t read "{name}": it is not an ordinary file.')
        if found.st_size == 0:
            raise InputError(f'"{name}" is empty: it has 0 bytes.', "Get it anew.")
        if found.st_size > MAX_PHOTO_BYTES:
            raise InputError(f'"{name}" is too large for a photograph.', "Make it smaller.")
        return path.open("rb")
    except InputError as error:
        error.path = path
        raise
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or "its name can't be used").lower()
        raise InputError(f'Can\'t read "{name}": {reason}.', path=path) from error


def _check(image: _Image, name: str) -> None:
    """Refuse by the header what has no single picture of a sensible size.

    Raises:
        InputError: told in a sentence.
    """
    width, height = image.size
    # A phone's MPO carries a second view or a depth map: its first picture is the photograph.
    frames = 1 if image.format == "MPO" else int(getattr(image, "n_frames", 1))
    if frames > 1:
        kind = "has several pages" if image.format == "TIFF" else "moves"
        raise InputError(
            f'"{name}" {kind}: it holds {frames} pictures.', "Save the one you want as PNG or JPEG."
        )
    if min(width, height) < MIN_SIDE_PX:
        raise InputError(
            f'"{name}" is too small: {width} × {height} pixels.',
            f"A photo needs {MIN_SIDE_PX} × {MIN_SIDE_PX} at least.",
        )
    if width * height > MAX_PIXELS:
        millions = width * height / 1e6
        raise InputError(
            f'"{name}" has {width} × {height} pixels ({millions:.0f} million), '
            f"and {MAX_PIXELS // 10**6} million is the most.",
            "Make it smaller in another program.",
        )


def _upright_srgb(image: _Image) -> _Image:
    profile = image.info.get("icc_profile")
    image.load()
    # A note that can't be read turns nothing: the pixels are what counts.
    with suppress(Exception):
        image = ImageOps.exif_transpose(image)
    image = _eight_bits(image)
    alpha = None
    if image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        alpha = image.getchannel("A")
        image = image.convert("RGB")
    elif image.mode in ("P", "1"):
        image = image.convert("RGB")
    image = _in_srgb(image, profile)
    if alpha is not None and alpha.getextrema() != (255, 255):
        paper = Image.new("RGB", image.size, PAPER)
        paper.paste(image, mask=alpha)
        image = paper
    return image


def _eight_bits(image: _Image) -> _Image:
    """Grey of 16 or 32 bits, or with a fraction, as grey of 8 bits."""
    if not image.mode.startswith(("I", "F")):
        return image
    values = np.asarray(image).astype(np.float32)
    values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    top = float(values.max(initial=0))
    if image.mode == "F":
        full = 1.0 if top <= 1.5 else 255.0 if top <= 255 else 65535.0 if top <= 65535 else top
    else:
        full = 65535.0 if top <= 65535 else top
    return Image.fromarray((values * (255 / full) + 0.5).clip(0, 255).astype(np.uint8))


def _in_srgb(image: _Image, profile: bytes | None) -> _Image:
    """RGB of the web's colour space; a profile that can't be used counts as none."""
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            transform = ImageCms.buildTransform(
                source,
                ImageCms.createProfile("sRGB"),
                image.mode,
                "RGB",
                ImageCms.Intent.RELATIVE_COLORIMETRIC,
                ImageCms.Flags.BLACKPOINTCOMPENSATION,
            )
            if image.mode == "RGB" and _changes_nothing(transform):
                return image
            converted = ImageCms.applyTransform(image, transform)
            if converted is not None:
                return converted
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            pass
    return image.convert("RGB")


def _changes_nothing(transform: ImageCms.ImageCmsTransform) -> bool:
    """Whether a profile is sRGB under another name: then no pixel may lose a level to rounding."""
    steps = np.linspace(0, 255, 9).round().astype(np.uint8)
    colours = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), -1).reshape(27, 27, 3)
    seen = ImageCms.applyTransform(Image.fromarray(colours), transform)
    return int(np.abs(np.asarray(seen).astype(int) - colours).max()) <= 1
