from __future__ import annotations

import numpy as np
import pytest

from latentstudio.detection.degradations import ALL, check_degradation, degrade
from latentstudio.errors import InputError


def smooth(seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    waves = np.cumsum(np.cumsum(random.normal(size=(48, 40, 3)), 0), 1)
    return np.interp(waves, (waves.min(), waves.max()), (10, 245)).astype(np.uint8)


@pytest.mark.parametrize("name", [*ALL, "jpeg60", "resize3", "crop50", "blur12.5", "noise0"])
def test_a_degraded_copy_is_another_picture_of_the_same_size(name: str) -> None:
    picture = smooth()
    before = picture.copy()
    copy = degrade(picture, name)
    assert (copy.shape, copy.dtype) == (picture.shape, np.uint8)
    assert np.array_equal(picture, before)
    assert np.array_equal(copy, degrade(picture, name))
    assert np.array_equal(copy, picture) == (name in ("clean", "noise0"))
    # Still the same scene.
    assert np.corrcoef(copy.ravel(), picture.ravel())[0, 1] > 0.6


def test_stronger_ones_do_more() -> None:
    picture = smooth()

    def change(name: str) -> float:
        return float(np.abs(degrade(picture, name).astype(int) - picture).mean())

    for weak, strong in (("jpeg95", "jpeg50"), ("resize1.5", "resize3"), ("blur0.7", "blur2")):
        assert change(weak) < change(strong)
    assert change("noise4") == pytest.approx(4 * (2 / np.pi) ** 0.5, rel=0.1)


def test_noise_follows_seed_and_picture() -> None:
    picture = smooth()
    one, other = degrade(picture, "noise4", 1), degrade(picture, "noise4", 2)
    assert not np.array_equal(one, other)
    rests = [degrade(p, "noise4").astype(int) - p for p in (smooth(1), smooth(2))]
    assert abs(np.corrcoef(rests[0].ravel(), rests[1].ravel())[0, 1]) < 0.1


@pytest.mark.parametrize("name", ["", "jpeg", "jpeg0", "jpeg101", "clean2", "swirl5", "blur-1", "JPEG75"])
def test_what_there_is_not_is_told(name: str) -> None:
    with pytest.raises(InputError):
        check_degradation(name)
