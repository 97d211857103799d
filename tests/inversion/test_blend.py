from __future__ import annotations

import numpy as np
import pytest

from latentstudio.errors import InputError
from latentstudio.inversion.blend import blend_back
from latentstudio.inversion.face_frame import face_quad
from latentstudio.inversion.target import Alignment, box_quad, cut

Y, X = np.mgrid[0:300, 0:400]
PHOTO = np.stack([X // 2, Y // 2, 128 + 60 * np.sin(X / 30) * np.cos(Y / 25)], -1).astype(np.uint8)
TURNED = Alignment(face_quad((180, 120), (225, 130), (195, 180)), (300, 400))


def test_what_was_not_edited_leaves_the_photo_as_it_was():
    edited = cut(PHOTO, TURNED, (160, 160))
    found = blend_back(PHOTO, edited, TURNED)
    assert found is not PHOTO
    assert np.abs(found.astype(int) - PHOTO).max() <= 3
    # The change alone: not a single level differs.
    assert np.array_equal(blend_back(PHOTO, edited, TURNED, before=edited), PHOTO)


def test_only_what_lies_under_the_cut_is_touched():
    white = np.full((64, 64, 3), 255, np.uint8)
    found = blend_back(PHOTO, white, TURNED, feather=0.0)
    touched = (found != PHOTO).any(2)
    to_share = np.linalg.inv(np.vstack([TURNED.to_photo(), [0, 0, 1]]))
    shares = np.stack([X + 0.5, Y + 0.5, np.ones_like(X)], -1) @ to_share.T
    inside = ((shares[..., :2] > 0.03) & (shares[..., :2] < 0.97)).all(-1)
    outside = ((shares[..., :2] < -0.03) | (shares[..., :2] > 1.03)).any(-1)
    assert touched[inside].all()
    assert not touched[outside].any()


def test_the_edge_fades_without_a_seam():
    white = np.full((64, 64, 3), 255, np.uint8)
    dark = np.zeros((300, 400, 3), np.uint8)
    alignment = Alignment(box_quad(100, 50, 200, 200), (300, 400))
    line = blend_back(dark, white, alignment, feather=0.25)[150, :, 0].astype(int)
    assert line[99] == 0
    assert line[100] <= 3
    assert line[200] == 255
    assert np.abs(np.diff(line)).max() < 12
    assert (np.diff(line[100:150]) >= 0).all()


def test_an_upright_cut_of_the_same_size_goes_back_pixel_for_pixel():
    random = np.random.default_rng(0)
    edited = random.integers(0, 256, (80, 60, 3), np.uint8)
    alignment = Alignment(box_quad(40, 20, 60, 80), (300, 400))
    found = blend_back(PHOTO, edited, alignment, feather=0.1)
    assert np.array_equal(found[30:90, 50:90], edited[10:70, 10:50])


def test_the_change_alone_keeps_the_photos_own_detail():
    random = np.random.default_rng(0)
    rough = (PHOTO // 2 + random.integers(0, 100, PHOTO.shape)).astype(np.uint8)
    before = np.full((16, 16, 3), 90, np.uint8)
    found = blend_back(rough, before + 20, TURNED, feather=0.1, before=before).astype(int)
    middle = TURNED.quad.mean(0).round().astype(int)
    window = np.s_[middle[1] - 20 : middle[1] + 20, middle[0] - 20 : middle[0] + 20]
    assert (found[window] - rough[window] == 20).all()


def test_a_mask_keeps_the_rest_of_the_cut():
    mask = np.zeros((64, 64), np.float32)
    mask[16:48, 16:32] = 1
    alignment = Alignment(box_quad(100, 50, 128, 128), (300, 400))
    found = blend_back(PHOTO, np.full((64, 64, 3), 255, np.uint8), alignment, mask=mask)
    assert (found[100, 140] == 255).all()
    assert np.array_equal(found[100, 175:], PHOTO[100, 175:])


def test_a_cut_that_reaches_beyond_the_photo_is_put_back_as_far_as_it_goes():
    alignment = Alignment(box_quad(-50, -50, 200, 200), (300, 400))
    found = blend_back(PHOTO, np.full((32, 32, 3), 255, np.uint8), alignment, feather=0.1)
    assert (found[0, 0] == 255).all()
    assert np.array_equal(found[160:], PHOTO[160:])


def test_a_generator_larger_than_the_cut_is_averaged():
    stripes = np.zeros((512, 512, 3), np.uint8)
    stripes[:, ::2] = 200
    alignment = Alignment(box_quad(100, 50, 64, 64), (300, 400))
    found = blend_back(PHOTO, stripes, alignment, feather=0.05)
    assert np.abs(found[70:100, 120:150].astype(int) - 100).max() <= 2


def test_another_photo_is_refused():
    with pytest.raises(InputError, match="400 × 300"):
        blend_back(PHOTO[:200], np.zeros((16, 16, 3), np.uint8), TURNED)
    with pytest.raises(InputError, match="sizes"):
        blend_back(PHOTO, np.zeros((16, 16, 3), np.uint8), TURNED, before=np.zeros((8, 8, 3), np.uint8))
