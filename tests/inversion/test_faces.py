from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from latentstudio.errors import InputError
from latentstudio.inversion.face_frame import face_quad
from latentstudio.inversion.faces import find_faces, overlap_free
from latentstudio.inversion.target import Alignment
from latentstudio.media.photo import read_photo
from latentstudio.models.catalogue import installed_path
from latentstudio.models.feature_networks import MTCNN, load_mtcnn
from latentstudio.settings import user_folders


def _published_quad(points):
    """The frame of the face data sets, as their paper tells it."""
    (left, right, mouth) = (np.array(p, float) for p in points)
    eyes = (left + right) / 2
    to_mouth, to_eye = mouth - eyes, right - left
    x = to_eye - to_mouth[::-1] * [-1, 1]
    x /= np.hypot(*x)
    x *= max(np.hypot(*to_eye) * 2.0, np.hypot(*to_mouth) * 1.8)
    y = x[::-1] * [-1, 1]
    c = eyes + to_mouth * 0.1
    return np.stack([c - x - y, c - x + y, c + x + y, c + x - y])


@pytest.mark.parametrize(
    "points",
    [
        ((100, 100), (140, 100), (120, 145)),
        ((100, 100), (140, 120), (100, 160)),
        ((300, 200), (220, 210), (250, 120)),
    ],
)
def test_the_frame_is_the_published_one(points):
    assert np.allclose(face_quad(*points), _published_quad(points))
    Alignment(face_quad(*points), (500, 500))


def test_a_model_that_is_not_square_gets_a_frame_of_its_own_aspect():
    quad = face_quad((100, 100), (140, 110), (118, 145), (96, 64))
    height, width = Alignment(quad, (500, 500)).size_px
    assert np.isclose(height / width, 96 / 64)


def test_points_in_one_place_are_refused():
    with pytest.raises(InputError):
        face_quad((5, 5), (5, 5), (5, 5))


def test_of_boxes_that_overlap_the_best_stays():
    boxes = np.array([[0, 0, 10, 10], [1, 1, 11, 11], [20, 20, 30, 30], [0, 0, 30, 30], [2, 2, 6, 6]], float)
    scores = np.array([0.8, 0.9, 0.5, 0.4, 0.3])
    assert overlap_free(boxes, scores, 0.5) == [1, 2, 3, 4]
    assert overlap_free(boxes, scores, 0.5, of_smaller=True) == [1, 2]
    assert overlap_free(boxes[:0], scores[:0], 0.5) == []


def test_networks_that_see_nothing_find_no_face_in_any_photo():
    torch.manual_seed(0)
    networks = MTCNN().eval()
    networks.propose.conv4_1.bias.data = torch.tensor([9.0, -9.0])
    photo = np.random.default_rng(0).integers(0, 256, (90, 70, 3), np.uint8)
    assert find_faces(photo, networks) == []
    assert find_faces(photo[:9, :9], networks) == []


def test_networks_that_see_faces_everywhere_still_come_to_an_end():
    torch.manual_seed(0)
    networks = MTCNN().eval()
    networks.propose.conv4_1.bias.data = torch.tensor([-9.0, 9.0])
    networks.refine.dense5_1.bias.data = torch.tensor([-9.0, 9.0])
    networks.place.dense6_1.bias.data = torch.tensor([-9.0, 9.0])
    faces = find_faces(np.zeros((60, 60, 3), np.uint8), networks)
    assert faces
    assert [f.size_px for f in faces] == sorted((f.size_px for f in faces), reverse=True)
    assert all(np.isfinite(f.points).all() for f in faces)


@pytest.mark.parity
def test_the_portrait_is_found_at_every_size_and_the_cat_is_no_person(shared, monkeypatch):
    monkeypatch.delenv("LATENTSTUDIO_HOME")
    if installed_path("mtcnn-face-finder", user_folders()) is None:
        pytest.skip("the face finder of the catalogue is not installed")
    detector = load_mtcnn(user_folders())
    assert find_faces(read_photo(shared / "photos" / "chelsea.png"), detector) == []
    portrait = Image.fromarray(read_photo(shared / "photos" / "astronaut.png"))
    first = None
    for side in (512, 2000):
        photo = np.asarray(portrait.resize((side, side), Image.Resampling.BICUBIC))
        (face,) = find_faces(photo, detector)
        points = face.points * 512 / side
        # Where eyes and mouth are, as read off the photograph.
        assert np.abs(points - [[205, 101], [247, 103], [225, 128], [202, 139], [245, 141]]).max() < 4
        assert first is None or np.abs(points - first).max() < 2.5
        first = points
    # Two of them side by side are two faces.
    both = np.concatenate([np.asarray(portrait)] * 2, 1)
    assert len(find_faces(both, detector)) == 2
