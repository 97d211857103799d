from __future__ import annotations

import io
import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from latentstudio.errors import InputError
from latentstudio.media.photo import MAX_PIXELS, read_photo, write_photo

RAMP = np.stack(
    [*np.meshgrid(np.arange(0, 240, 10), np.arange(0, 180, 10)), np.full((18, 24), 60)], -1
).astype(np.uint8)


def _bytes(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def test_a_plain_picture_keeps_every_pixel(tmp_path):
    Image.fromarray(RAMP).save(tmp_path / "a.png")
    assert np.array_equal(read_photo(tmp_path / "a.png"), RAMP)
    assert np.array_equal(read_photo((tmp_path / "a.png").read_bytes()), RAMP)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_cameras_orientation_is_undone(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    # How a camera lays down an upright picture, by the standard's table.
    stored = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
        8: lambda a: np.rot90(a, -1),
    }[orientation](RAMP)
    found = read_photo(_bytes(Image.fromarray(np.ascontiguousarray(stored)), "PNG", exif=exif))
    assert np.array_equal(found, RAMP)


def test_damaged_notes_of_a_camera_turn_nothing():
    found = read_photo(_bytes(Image.fromarray(RAMP), "PNG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff"))
    assert np.array_equal(found, RAMP)


def test_what_is_transparent_shows_white_paper():
    levels = np.dstack([RAMP, np.full(RAMP.shape[:2], 255, np.uint8)])
    levels[:9, :, 3] = 0
    found = read_photo(_bytes(Image.fromarray(levels)))
    assert (found[:9] == 255).all()
    assert np.array_equal(found[9:], RAMP[9:])


def test_a_palette_with_a_transparent_colour_is_understood():
    image = Image.fromarray(np.repeat(np.array([[0], [1]], np.uint8), 16, 1).repeat(8, 0)).convert("L")
    image = image.convert("P")
    image.putpalette([10, 20, 30, 200, 100, 50] + [0] * 762)
    found = read_photo(_bytes(image, "GIF", transparency=0))
    assert (found[0] == 255).all()
    assert found[-1, 0].tolist() == [200, 100, 50]


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "YCbCr", "LAB", "HSV", "I;16", "I", "F"]
)
def test_every_kind_of_pixel_becomes_three_colours(mode):
    grey = np.linspace(0, 255, 20 * 16).reshape(16, 20)
    if mode == "I;16":
        image = Image.fromarray((grey * 257).astype(np.uint16))
    elif mode == "I":
        image = Image.fromarray((grey * 257).astype(np.int32))
    elif mode == "F":
        image = Image.fromarray((grey / 255).astype(np.float32))
    else:
        image = Image.fromarray(grey.astype(np.uint8)).convert("RGB" if mode in ("LAB", "HSV") else mode)
    if mode == "LAB":
        lab = ImageCms.createProfile("LAB", 6500)
        image = ImageCms.profileToProfile(image, ImageCms.createProfile("sRGB"), lab, outputMode="LAB")
    found = read_photo(
        _bytes(image, "PNG" if mode in ("1", "L", "LA", "P", "RGBA", "I;16", "HSV") else "TIFF")
        if mode != "HSV"
        else _bytes(image)
    )
    assert found.shape == (16, 20, 3)
    assert found.dtype == np.uint8
    assert found[0, 0].max() < 30
    assert found[-1, -1].min() > 225
    if mode in ("L", "I;16", "I", "F", "YCbCr", "LAB"):
        assert np.abs(found.astype(float) - grey[..., None]).max() < 4


def test_sixteen_bits_keep_their_upper_eight():
    values = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)
    found = read_photo(_bytes(Image.fromarray(values)))
    assert np.abs(found[..., 0] - values / 257).max() <= 0.51
    # Pillow can't write 16 bits of three colours: by hand.
    colours = np.stack([values, values[::-1], values.T], -1)
    found = read_photo(_png(64, 64, 16, 2, b"".join(b"\0" + row.astype(">u2").tobytes() for row in colours)))
    assert np.abs(found - colours / 257).max() < 1


def test_ink_colours_of_a_jpeg_are_turned_into_light():
    image = Image.fromarray(np.full((16, 16, 3), (220, 40, 30), np.uint8)).convert("CMYK")
    found = read_photo(_bytes(image, "JPEG", quality=95))
    assert np.abs(found[8, 8].astype(int) - (220, 40, 30)).max() < 12


def test_a_wide_colour_space_is_brought_to_the_webs():
    image = Image.fromarray(np.full((16, 16, 3), (120, 200, 90), np.uint8))
    found = read_photo(_bytes(image, icc_profile=_wide_profile()))
    # Red and green trade places in this profile, so no rounding can pass for the conversion.
    assert found[0, 0, 0] > 190
    assert found[0, 0, 1] < 130


def test_the_webs_own_profile_changes_no_pixel_and_a_broken_one_counts_as_none():
    own = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for profile in (own, b"not a profile", own[:200]):
        assert np.array_equal(read_photo(_bytes(Image.fromarray(RAMP), icc_profile=profile)), RAMP)


def test_a_phones_jpeg_with_a_second_view_gives_the_first():
    first, second = Image.fromarray(np.full((16, 16, 3), 200, np.uint8)), Image.new("RGB", (16, 16))
    found = read_photo(_bytes(first, "MPO", save_all=True, append_images=[second]))
    assert found.min() > 190


def test_a_hundred_million_pixels_are_read():
    found = read_photo(_bytes(Image.new("L", (12_500, 8_000), 77)))
    assert found.shape == (8_000, 12_500, 3)
    assert (found[::500, ::500] == 77).all()


def test_what_is_no_photograph_is_told_in_a_sentence(tmp_path):
    flat, dark = Image.new("RGB", (20, 20), "red"), Image.new("RGB", (20, 20))
    whole = _bytes(Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 60, 3), np.uint8)))
    files = {
        "empty.png": (b"", "0 bytes"),
        "text.jpg": (b"hello" * 40, "not a picture"),
        "vector.svg": (b"<svg/>", "not a picture"),
        "dot.png": (_bytes(Image.new("RGB", (1, 1))), "too small"),
        "line.png": (_bytes(Image.new("RGB", (900, 2))), "too small"),
        "moving.gif": (
            _bytes(flat, "GIF", save_all=True, append_images=[dark]),
            "moves: it holds 2 pictures",
        ),
        "moving.png": (_bytes(flat, "PNG", save_all=True, append_images=[dark]), "moves"),
        "moving.webp": (_bytes(flat, "WEBP", save_all=True, append_images=[dark]), "moves"),
        "pages.tif": (_bytes(flat, "TIFF", save_all=True, append_images=[dark]), "several pages"),
        "cut.png": (whole[: len(whole) // 2], "damaged or cut short"),
        "bomb.png": (_png(40_000, 40_000, 8, 0, b""), "million"),
        "large.png": (_png(MAX_PIXELS // 1000 + 1, 1000, 8, 0, b""), "million"),
        "none.png": (_png(0, 0, 8, 0, b""), "not a picture|too small|damaged"),
    }
    for name, (data, words) in files.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InputError, match=words) as caught:
            read_photo(tmp_path / name)
        assert caught.value.path == tmp_path / name
        assert name in caught.value.message
        if data:
            with pytest.raises(InputError, match=words):
                read_photo(data)
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", ".", "missing.jpg", "a\0b"):
        with pytest.raises(InputError):
            read_photo(tmp_path / name)


def _png(width: int, height: int, bits: int, kind: int, rows: bytes) -> bytes:
    """A PNG with a header of one's choice."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0)
    body = zlib.compress(rows)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def _wide_profile() -> bytes:
    """The web's profile with the primaries of red and green exchanged."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    tags = {}
    for at in range(132, 132 + 12 * struct.unpack(">I", profile[128:132])[0], 12):
        tags[bytes(profile[at : at + 4])] = at
    red, green = tags[b"rXYZ"], tags[b"gXYZ"]
    profile[red : red + 4], profile[green : green + 4] = b"gXYZ", b"rXYZ"
    return bytes(profile)


def test_a_photo_is_written_as_its_ending_says_and_the_old_file_survives_a_refusal(tmp_path):
    for ending in (".png", ".tif", ".jpg", ".JPEG", ".webp"):
        write_photo(tmp_path / f"a{ending}", RAMP)
        found = read_photo(tmp_path / f"a{ending}").astype(int)
        assert np.abs(found - RAMP).mean() <= (0 if ending in (".png", ".tif") else 4)
    for name, pixels in (("a.xyz", RAMP), ("wide.jpg", np.zeros((1, 70_000, 3), np.uint8))):
        (tmp_path / name).write_bytes(b"old")
        with pytest.raises(InputError):
            write_photo(tmp_path / name, pixels)
        assert (tmp_path / name).read_bytes() == b"old"
