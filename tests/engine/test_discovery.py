from __future__ import annotations

import numpy as np
import pytest
import torch
from long_work import ended

from latentstudio.engine import discovery
from latentstudio.engine.discovery import named_directions, pca_job, sefa_job
from latentstudio.engine.requests import Progress


def run(job, generator):
    seen, value = ended(job.start(generator))
    return value, seen


def test_pca_of_w_agrees_with_numpy_on_the_same_samples(tiny):
    directions, progress = run(pca_job(6000, 8), tiny)
    assert all(isinstance(p, Progress) for p in progress)
    assert progress[-1].done == progress[-1].total == 6000

    random = torch.Generator().manual_seed(0)
    z = torch.cat([torch.randn(count, 8, generator=random) for count in (4096, 6000 - 4096)])
    w = tiny.mapping(z)[:, 0].double().numpy()
    _, singular, rows = np.linalg.svd(w - w.mean(0), full_matrices=False)
    assert np.allclose([d.sigma for d in directions], singular / np.sqrt(5999), rtol=1e-5)
    cosines = [abs(float(d.values.array @ row)) for d, row in zip(directions, rows, strict=True)]
    assert np.allclose(cosines, 1, atol=1e-5)
    assert directions[0].origin == "pca"


def test_components_are_kept_on_disk_by_the_models_hash(tiny, home):
    first, progress = run(pca_job(5000, 4), tiny)
    again, nothing = run(pca_job(5000, 4), tiny)
    assert progress
    assert nothing == []
    assert again == first
    stored = list(home.rglob("*.npz"))
    assert len(stored) == 1
    assert tiny.info.sha256[:32] in str(stored[0])


def test_a_damaged_cache_is_computed_anew(tiny, home):
    first, _ = run(pca_job(5000, 4), tiny)
    next(home.rglob("*.npz")).write_bytes(b"damaged")
    assert run(pca_job(5000, 4), tiny)[0] == first


def test_sefa_solves_the_papers_equation_on_the_style_weights(tiny):
    directions, _ = run(sefa_job(8), tiny)
    stacked = np.concatenate([w.weight.numpy() for w in tiny.style_weights()]).T.astype(np.float64)
    columns = stacked / np.linalg.norm(stacked, axis=0)
    values = []
    for direction in directions:
        vector = direction.values.array.astype(np.float64)
        image = columns @ (columns.T @ vector)
        values.append(vector @ image)
        assert np.allclose(image, values[-1] * vector, atol=1e-4)
        assert direction.sigma > 0
    assert values == sorted(values, reverse=True)


def test_without_a_model_the_job_says_so():
    from latentstudio.errors import InputError

    with pytest.raises(InputError):
        pca_job().start(None)


def test_named_coordinates_become_directions():
    assert [d.name for d in named_directions(("Turn", "", "Nod"), 8)] == ["Turn", "Nod"]
    assert named_directions(("Turn", "", "Nod"), 8)[1].values.array[2] == 1


@pytest.mark.parametrize(("gain", "expected"), [(0.0, True), (1e9, False)])
def test_many_samples_take_the_lower_precision_where_the_clock_says_so(tiny, monkeypatch, gain, expected):
    monkeypatch.setattr(discovery, "MANY", 100)
    monkeypatch.setattr(discovery, "BATCH", 100)
    monkeypatch.setattr(discovery, "WORTHWHILE", gain)
    mapping, halves = tiny.mapping, []

    def seen(*args):
        halves.append(torch.is_autocast_enabled("cpu"))
        return mapping(*args)

    monkeypatch.setattr(tiny, "mapping", seen)
    ws = np.concatenate(list(discovery.many_w(tiny, 650)))
    assert halves == [False, False, True, True, expected, expected, expected]
    assert ws.shape == (650, 8)
    random = torch.Generator().manual_seed(0)
    z = torch.cat([torch.randn(count, 8, generator=random) for count in [100] * 6 + [50]])
    assert np.allclose(ws, mapping(z)[:, 0].numpy(), atol=0.05)


def test_few_samples_are_always_exact(tiny, monkeypatch):
    monkeypatch.setattr(discovery, "WORTHWHILE", 0.0)
    ws = np.concatenate(list(discovery.many_w(tiny, 100)))
    z = torch.randn(100, 8, generator=torch.Generator().manual_seed(0))
    assert np.array_equal(ws, tiny.mapping(z)[:, 0].numpy())


def test_sefa_on_some_layers_factorises_their_styles_and_moves_them_only(tiny):
    found, _ = run(sefa_job(4, (0, 2), "SeFa coarse"), tiny)
    stacked = np.concatenate([w.weight.numpy() for w in tiny.style_weights() if w.row < 2]).T
    columns = (stacked / np.linalg.norm(stacked, axis=0)).astype(np.float64)
    vector = found[0].values.array.astype(np.float64)
    strongest = np.linalg.svd(columns)[1][0] ** 2
    assert np.allclose(columns @ (columns.T @ vector), strongest * vector, atol=1e-4)
    assert [d.name for d in found[:2]] == ["SeFa coarse 1", "SeFa coarse 2"]
    assert found[0].rows == (0, 1)
    assert run(sefa_job(4, (0, 2), "SeFa coarse"), tiny)[0] == found
