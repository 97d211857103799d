"""Further steps through what may have happened to a photo."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from long_work import ended

from latentstudio.detection.degradations import degrade
from latentstudio.detection.explaining import go_further, softenings
from latentstudio.detection.measuring import own_picture
from latentstudio.detection.metric import _found, pace
from latentstudio.inversion.options import ProjectionOptions
from latentstudio.inversion.pictures import target_tensor
from latentstudio.inversion.projector import projected
from latentstudio.inversion.starts import statistics
from latentstudio.inversion.target import Target


def waves(side: int, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    found = np.cumsum(np.cumsum(random.normal(size=(side, side, 3)), 0), 1)
    return np.interp(found, (found.min(), found.max()), (30, 220)).astype(np.uint8)


def tensor(picture: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float() / 127.5 - 1


@pytest.mark.parametrize("name", ["clean", "resize1.5", "resize2", "resize4", "blur0.7", "blur1"])
def test_a_softening_does_what_the_degradation_of_its_name_does(name: str) -> None:
    picture, known = waves(48), softenings(48, 48)
    soft = known.soft(tensor(picture), torch.tensor([known.names.index(name)]))
    exact = tensor(degrade(picture, name))
    # Rounding, and Pillow's blur of boxes.
    assert float((soft - exact).abs().mean()) * 127.5 < 1
    if name not in ("clean", "blur0.7"):
        assert float((soft - tensor(picture)).abs().mean()) * 127.5 > 1


def test_what_happened_is_recognised_and_jpeg_keeps_the_brightness() -> None:
    picture, known = waves(48, 1), softenings(48, 48)
    for name in ("resize2", "resize4", "blur1"):
        best = known.best(tensor(picture), tensor(degrade(picture, name)))
        assert known.names[int(best)] == name
    grey = tensor(picture[..., :1].repeat(3, 2))
    soft = known.soft(grey, torch.tensor([known.names.index("jpeg")]))
    torch.testing.assert_close(soft, grey, atol=1e-4, rtol=0)


def test_pictures_need_not_be_square_nor_coloured() -> None:
    known = softenings(16, 24)
    images = torch.rand(2, 1, 16, 24)
    assert known.soft(images, torch.tensor([0, 3])).shape == images.shape
    torch.testing.assert_close(known.soft(images, torch.tensor([0, 0])), images)


@pytest.fixture
def softened(tiny):
    """A softened own picture, an own one as it is, and their short projections."""
    pictures = [degrade(own_picture(tiny, 5, 0.7), "resize2"), own_picture(tiny, 6, 0.7)]
    targets = [Target(picture) for picture in pictures]
    options = ProjectionOptions(steps=30, distance="pixel", start="samples", fit_noise=False)
    return target_tensor(tiny, targets), projected(tiny, targets, options)


def test_further_steps_come_nearer_and_leave_the_generator_alone(tiny, softened) -> None:
    images, found = softened
    before = {name: value.clone() for name, value in tiny.state_dict().items()}
    seen, both = ended(go_further(tiny, images, found, statistics(tiny), None, 12, 4))
    assert sorted(set(seen)) == list(range(16))
    for one in both:
        assert one.curve.shape == (13,)
        assert (np.diff(one.curve) <= 1e-6 * one.curve[0]).all()
        # Below what rounding to bytes leaves there is nothing to gain.
        assert one.curve[-1] < max(0.95 * one.curve[0], 1 / 12)
        assert one.image.shape == one.freer.shape == (16, 16, 3)
        # In w all rows are the same.
        assert np.ptp(one.ws, axis=0).max() == 0
    assert all(torch.equal(value, before[name]) for name, value in tiny.state_dict().items())
    again = ended(go_further(tiny, images, found, statistics(tiny), None, 12, 4))[1]
    assert all(np.array_equal(a.image, b.image) for a, b in zip(both, again, strict=True))


def test_no_steps_keep_the_projection(tiny, softened) -> None:
    images, found = softened
    both = ended(go_further(tiny, images, found, statistics(tiny), None, 0, 0))[1]
    assert [np.array_equal(a.image, b.image) for a, b in zip(both, found, strict=True)] == [True, True]


def test_the_pace_is_a_measure_of_the_picture(tiny) -> None:
    found = pace(tiny)
    assert found is not None
    torch.testing.assert_close(found, found.mT)
    values, vectors = torch.linalg.eigh(found)
    assert 0 < float(values[0]) < float(values[-1]) <= 1.0001
    # Steps along the shortest pace move pictures most.
    ws = tiny.mapping(torch.randn(32, tiny.info.z_dim, generator=torch.Generator().manual_seed(1)), None)

    def moved(direction: torch.Tensor) -> float:
        with torch.no_grad():
            return float(
                (tiny.synthesis(ws + 0.02 * direction, "const") - tiny.synthesis(ws, "const")).norm()
            )

    assert moved(vectors[:, 0]) > moved(vectors[:, -1])
    torch.testing.assert_close(found, _found(tiny))
