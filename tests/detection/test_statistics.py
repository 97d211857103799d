from __future__ import annotations

import numpy as np
import pytest

from latentstudio.detection.degradations import degrade
from latentstudio.detection.statistics import CRITICS, STATISTICS, Evidence, WSpread, measure


def picture(seed: int, roughness: float = 0.0) -> np.ndarray:
    random = np.random.default_rng(seed)
    waves = np.cumsum(np.cumsum(random.normal(size=(32, 32, 3)), 0), 1)
    levels = np.interp(waves, (waves.min(), waves.max()), (20, 230))
    return np.clip(levels + roughness * random.normal(size=levels.shape), 0, 255).astype(np.uint8)


def evidence(target: np.ndarray, resynthesis: np.ndarray, **changes) -> Evidence:
    given = {
        "freer": resynthesis,
        "curve": np.array([1.0, 0.5, 0.2, 0.1, 0.09, 0.08], np.float32),
        "distance": 0.08,
        "nearest": 400.0,
        "ws": np.zeros((4, 6), np.float32),
    }
    return Evidence(target, resynthesis, **{**given, **changes})


@pytest.fixture
def spread() -> WSpread:
    random = np.random.default_rng(0)
    return WSpread.of((random.normal(size=(4000, 6)) * [3, 1, 1, 1, 0.1, 1] + 5).astype(np.float32))


def test_every_statistic_is_finite_even_for_empty_evidence(spread: WSpread) -> None:
    flat = np.full((16, 16, 3), 128, np.uint8)
    nothing = evidence(flat, flat, curve=np.zeros(0, np.float32), distance=0.0, nearest=0.0)
    for e in (nothing, evidence(picture(1), picture(2))):
        found = measure(e, spread)
        assert [*found, *CRITICS] == list(STATISTICS)
        assert np.isfinite(list(found.values())).all()


def test_depth_is_about_one_for_own_samples_whatever_the_axes(spread: WSpread) -> None:
    random = np.random.default_rng(1)
    own = [
        spread.depth((random.normal(size=(1, 6)) * [3, 1, 1, 1, 0.1, 1] + 5).astype(np.float32).repeat(4, 0))
        for _ in range(200)
    ]
    assert np.mean(own) == pytest.approx(1, abs=0.1)
    assert spread.depth(np.full((4, 6), 5, np.float32)) < 0.1


def test_a_degradation_of_the_resynthesis_explains_what_it_did(spread: WSpread) -> None:
    own = picture(3, 6)
    for name in ("jpeg75", "resize2", "blur1"):
        found = measure(evidence(degrade(own, name), own), spread, ["pixels", "explained"])
        assert found["explained"] < found["pixels"] - 15
    other = measure(evidence(picture(4), own), spread, ["pixels", "explained"])
    assert other["explained"] > other["pixels"] - 3


def test_texture_forgives_what_is_rough_anyway(spread: WSpread) -> None:
    smooth, rough = picture(5), picture(5, 20)
    off = np.clip(smooth.astype(int) + 6, 0, 255).astype(np.uint8)
    off_rough = np.clip(rough.astype(int) + 6, 0, 255).astype(np.uint8)
    a = measure(evidence(smooth, off), spread)
    b = measure(evidence(rough, off_rough), spread)
    assert a["pixels"] == pytest.approx(b["pixels"], abs=0.5)
    assert b["texture"] < a["texture"] - 5


def test_a_miss_in_one_place_is_uneven_and_noise_has_no_structure(spread: WSpread) -> None:
    target = picture(6)
    hole = target.copy()
    hole[4:8, 4:8] = 255 - hole[4:8, 4:8]
    noisy = degrade(target, "noise4")
    a, b = measure(evidence(target, hole), spread), measure(evidence(noisy, target), spread)
    assert a["uneven"] > b["uneven"] + 20
    assert abs(b["structure"]) < 0.1
    assert a["structure"] > 0.3


def test_signs_are_as_the_words_say(spread: WSpread) -> None:
    target = picture(7)
    near, far = (np.clip(target.astype(int) + by, 0, 255).astype(np.uint8) for by in (1, 8))
    found = measure(evidence(target, far, freer=near, restarts=(0.1, 0.2)), spread)
    assert found["freedom"] > 10  # W+ came closer
    assert found["gain"] < 0  # closer than the nearest sample
    assert found["falling"] < 0  # the curve still falls
    assert found["agreement"] == pytest.approx(3.01, abs=0.01)
    assert measure(evidence(target, near), spread)["pixels"] < found["pixels"]


def test_the_discriminator_is_asked_where_there_is_one(spread: WSpread) -> None:
    e = evidence(picture(8), picture(9), critic=(1.5, 4.0))
    found = measure(e, spread)
    assert list(found) == list(STATISTICS)
    assert (found["critic"], found["critic_gap"]) == (1.5, -2.5)
