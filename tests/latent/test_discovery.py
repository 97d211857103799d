from __future__ import annotations

import numpy as np
import pytest

from latentstudio.errors import InputError
from latentstudio.latent.discovery import StreamedCovariance, sefa


def test_streamed_components_agree_with_a_plain_statement_of_pca():
    random = np.random.default_rng(3)
    samples = (random.standard_normal((5000, 12)) @ random.standard_normal((12, 12)) + 3).astype(np.float32)
    streamed = StreamedCovariance(12)
    for batch in np.array_split(samples, 7):
        streamed.update(batch)
    found = streamed.components(12)

    exact = samples.astype(np.float64)
    _, singular, rows = np.linalg.svd(exact - exact.mean(0), full_matrices=False)
    assert np.allclose(found.sigmas, singular / np.sqrt(len(exact) - 1), rtol=1e-5)
    assert np.allclose(np.abs((found.vectors * rows).sum(1)), 1, atol=1e-5)
    assert np.allclose(found.mean, exact.mean(0), atol=1e-5)
    assert found.share.sum() == pytest.approx(1, abs=1e-5)


def test_quick_sums_find_the_same_components():
    random = np.random.RandomState(3)
    samples = (random.randn(9000, 12) * np.geomspace(1, 1e-2, 12) + 5).astype(np.float32)
    exact, quick = StreamedCovariance(12), StreamedCovariance(12)
    for begin in range(0, 9000, 3000):
        exact.update(samples[begin : begin + 3000])
        quick.update(samples[begin : begin + 3000], quickly=True)
    wanted, found = exact.components(12), quick.components(12)
    assert np.allclose(found.sigmas, wanted.sigmas, rtol=1e-3)
    assert np.allclose((found.vectors * wanted.vectors).sum(1), 1, atol=1e-4)


def test_sefa_agrees_with_a_plain_statement_of_the_paper():
    random = np.random.default_rng(4)
    weights = [random.standard_normal((n, 10)).astype(np.float32) for n in (7, 16, 5)]
    found = sefa(weights, 10)

    stacked = np.concatenate(weights).T.astype(np.float64)
    columns = stacked / np.linalg.norm(stacked, axis=0)
    for vector, share in zip(found.vectors.astype(np.float64), found.share, strict=True):
        image = columns @ (columns.T @ vector)
        assert np.allclose(image, share * 28 * vector, atol=1e-5)  # an eigenvector: trace is 28 columns
    assert (np.diff(found.share) <= 1e-7).all()


def test_the_sign_is_fixed_so_that_a_slider_always_leads_the_same_way():
    random = np.random.default_rng(5)
    samples = random.standard_normal((500, 6)).astype(np.float32)
    flipped = StreamedCovariance(6)
    flipped.update(samples)
    for vector in flipped.components(6).vectors:
        assert vector[np.abs(vector).argmax()] > 0


def test_too_little_data_is_refused():
    with pytest.raises(InputError):
        StreamedCovariance(4).components(2)
    with pytest.raises(InputError):
        sefa([], 3)
    with pytest.raises(InputError):
        sefa([np.ones((3, 4), np.float32), np.ones((3, 5), np.float32)], 3)
