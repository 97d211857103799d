from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from latentstudio.errors import InputError
from latentstudio.inversion.target import (
    Alignment,
    Target,
    box_quad,
    central_quad,
    crop_to_model,
    cut,
)

Y, X = np.mgrid[0:120, 0:160]
PHOTO = np.stack([X, Y * 2, (X + Y) % 256], -1).astype(np.uint8)


def _turned(middle: tuple[float, float], half: float, degrees: float) -> np.ndarray:
    angle = np.radians(degrees)
    x = half * np.array([np.cos(angle), np.sin(angle)])
    y = np.array([-x[1], x[0]])
    centre = np.array(middle)
    return np.stack([centre - x - y, centre - x + y, centre + x + y, centre + x - y])


def test_a_whole_pixel_cut_of_the_models_size_is_exact():
    found = cut(PHOTO, Alignment(box_quad(20, 30, 64, 48), (120, 160)), (48, 64))
    assert np.array_equal(found, PHOTO[30:78, 20:84])


def test_the_middle_frame_has_the_models_aspect_and_is_the_largest(tiny):
    target = crop_to_model(PHOTO, tiny.info, name="ramp")
    assert target.image.shape == (*tiny.info.img_size, 3)
    assert target.alignment.size_px == (120, 120)
    assert target.alignment.quad[0].tolist() == [20, 0]
    assert central_quad((120, 160), (20, 40)).tolist() == [[0, 20], [0, 100], [160, 100], [160, 20]]


def test_a_turned_cut_meets_the_photo_where_its_corners_say():
    quad = _turned((80, 60), 30, 30)
    found = cut(PHOTO, Alignment(quad, (120, 160)), (64, 64)).astype(float)
    for row, column in ((3, 5), (32, 32), (60, 11), (50, 61)):
        x, y = Alignment(quad, (120, 160)).to_photo() @ [(column + 0.5) / 64, (row + 0.5) / 64, 1]
        assert abs(found[row, column, 0] - (x - 0.5)) < 1.5
        assert abs(found[row, column, 1] - 2 * (y - 0.5)) < 2.5


def test_a_strong_reduction_averages_instead_of_skipping():
    stripes = np.zeros((600, 600, 3), np.uint8)
    stripes[:, ::2] = 200
    for degrees in (0, 20):
        found = cut(stripes, Alignment(_turned((300, 300), 200, degrees), (600, 600)), (20, 20))
        assert np.abs(found.astype(int) - 100).max() < 12


def test_beyond_the_edge_the_photo_is_continued_without_a_black_border():
    photo = np.full((50, 50, 3), 140, np.uint8)
    found = cut(photo, Alignment(_turned((10, 10), 40, 15), (50, 50)), (32, 32))
    assert np.abs(found.astype(int) - 140).max() <= 2
    # Near the edge it mirrors: no jump to be seen.
    wide = cut(PHOTO, Alignment(box_quad(-20, 0, 120, 120), (120, 160)), (120, 120)).astype(int)
    assert np.abs(wide[60, 18:22, 0] - [1, 0, 0, 1]).max() < 12


def test_a_cut_outside_of_the_photo_is_refused():
    with pytest.raises(InputError, match="outside"):
        cut(PHOTO, Alignment(box_quad(400, 400, 50, 50), (120, 160)), (16, 16))


def test_corners_that_make_no_rectangle_are_refused():
    bent = box_quad(0, 0, 50, 50)
    bent[2, 0] += 9
    for quad in (bent, np.zeros((4, 2)), np.zeros((3, 2)), np.full((4, 2), np.nan)):
        with pytest.raises(InputError):
            Alignment(quad, (120, 160))


def test_an_alignment_survives_its_file():
    first = Alignment(_turned((80, 60), 30.123456789, 33), (120, 160))
    again = Alignment.from_json(json.loads(json.dumps(first.to_json())))
    assert np.array_equal(again.quad, first.quad)
    assert again.source_size == first.source_size
    with pytest.raises(InputError):
        Alignment.from_json({"quad": [[0, 0]]})


def test_a_grey_model_gets_a_grey_target(tiny):
    info = replace(tiny.info, img_channels=1)
    image = crop_to_model(PHOTO, info).image
    assert (image == image[..., :1]).all()


def test_masks_must_fit_and_leave_something():
    image = np.zeros((16, 16, 3), np.uint8)
    with pytest.raises(InputError, match="8 × 8"):
        Target(image, np.ones((8, 8), np.float32))
    with pytest.raises(InputError, match="nothing"):
        Target(image, np.zeros((16, 16), np.float32))
    with pytest.raises(InputError):
        Target(image.astype(np.float32))
