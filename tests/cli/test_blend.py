from __future__ import annotations

import numpy as np
from PIL import Image

from latentstudio.inversion.blend import blend_back
from latentstudio.inversion.target import Alignment, box_quad, central_quad
from latentstudio.media.photo import read_photo

Y, X = np.mgrid[0:60, 0:80]
PHOTO = np.stack([X * 3, Y * 4, X + Y], -1).astype(np.uint8)
EDITED = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)


def _files(folder):
    for name, pixels in (("photo.png", PHOTO), ("edited.png", EDITED), ("before.png", EDITED // 2)):
        Image.fromarray(pixels).save(folder / name)
    return folder / "photo.png", folder / "edited.png"


def test_the_command_line_blends_the_pixels_that_python_does(cli, tmp_path):
    photo, edited = _files(tmp_path)
    out = tmp_path / "out.png"
    ended = cli("blend", photo, edited, "--align", "center", "--out", out)
    assert ended.code == 0
    expected = blend_back(PHOTO, EDITED, Alignment(central_quad((60, 80), (16, 16)), (60, 80)), 0.15)
    assert np.array_equal(read_photo(out), expected)

    quad = box_quad(10, 20, 30, 30)
    corners = ",".join(str(v) for v in quad.reshape(-1))
    arguments = ("--quad", corners, "--before", tmp_path / "before.png", "--feather", "0.3")
    assert cli("blend", photo, edited, *arguments, "--out", out).code == 0
    expected = blend_back(PHOTO, EDITED, Alignment(quad, (60, 80)), 0.3, before=EDITED // 2)
    assert np.array_equal(read_photo(out), expected)


def test_what_can_not_be_blended_is_told_and_writes_nothing(cli, tmp_path):
    photo, edited = _files(tmp_path)
    out = tmp_path / "out.png"
    for arguments, words in (
        (("--align", "face"), "models install mtcnn-face-finder"),
        (("--align", "sideways"), "no alignment"),
        (("--align", "center", "--feather", "2"), "0 to 0.5"),
        (("--quad", "0,0,0,0,0,0,0,0"), "empty"),
    ):
        ended = cli("blend", photo, edited, *arguments, "--out", out)
        assert ended.code == 1
        assert words in " ".join(ended.err.split())
        assert not out.exists()
    assert cli("blend", photo, edited, "--quad", "1,2", "--out", out).code == 2
    ended = cli("blend", photo, edited, "--align", "center", "--out", tmp_path / "out.xyz")
    assert ended.code == 1
    assert "End its name with" in " ".join(ended.err.split())
