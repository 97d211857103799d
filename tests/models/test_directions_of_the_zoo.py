"""PCA and SeFa on published families' files, against plain numpy statements of the papers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from long_work import ended

from latentstudio.engine.discovery import many_w, pca_job, sefa_job
from latentstudio.models.registry import load_generator

WITH_W = (
    ("sg2ada_uncond", "checkpoint_nosrc.pkl"),
    ("sg2ada_cond3", "checkpoint_nosrc.pkl"),
    ("sg3t_small", "checkpoint_nosrc.pkl"),
    ("sg3r_small", "checkpoint_nosrc.pkl"),
    ("tf_ada_v5", "checkpoint_nosrc.pkl"),
    ("tfreal_sg2_64", "checkpoint_nosrc.pkl"),
    ("tfreal_sg1_32", "checkpoint_nosrc.pkl"),
    ("rosinality_64_train", "checkpoint.pt"),
    ("lucidrains_32", "model_0.pt"),
    ("stylegan1_fbzoo_32", "checkpoint.pth"),
)
SAMPLES, COUNT = 3000, 8
TOLERANCE = 1e-6
# Directions of nearly equal strength may turn among themselves: only the well apart are compared one by one.
APART = 1.02


def run(job, generator):
    return ended(job.start(generator))[1]


def apart(strengths: np.ndarray) -> list[int]:
    ratio = strengths[:-1] / np.maximum(strengths[1:], 1e-300)
    return [
        i
        for i in range(min(COUNT, len(ratio)))
        if ratio[i] > APART and (i == 0 or ratio[i - 1] > APART) and strengths[i] > 1e-3 * strengths[0]
    ]


def agree(found: np.ndarray, exact: np.ndarray) -> bool:
    return bool(min(np.abs(found - exact).max(), np.abs(found + exact).max()) <= TOLERANCE)


@pytest.mark.parametrize(("folder", "file"), WITH_W)
def test_components_are_those_of_numpys_decomposition(shared: Path, folder: str, file: str):
    generator = load_generator(shared / "zoo" / folder / file, device="cpu")
    found = run(pca_job(SAMPLES, COUNT), generator)
    w = np.concatenate(list(many_w(generator, SAMPLES))).astype(np.float64)
    _, singular, rows = np.linalg.svd(w - w.mean(0), full_matrices=False)
    sigmas = singular / np.sqrt(SAMPLES - 1)
    assert np.allclose(
        [d.sigma for d in found], sigmas[: len(found)], rtol=TOLERANCE, atol=TOLERANCE * sigmas[0]
    )
    compared = apart(sigmas)
    assert compared
    for i in compared:
        assert agree(found[i].values.array, rows[i]), i


@pytest.mark.parametrize(("folder", "file"), WITH_W)
def test_factorised_directions_are_those_of_the_papers_equation(shared: Path, folder: str, file: str):
    generator = load_generator(shared / "zoo" / folder / file, device="cpu")
    found = run(sefa_job(COUNT), generator)
    weights = [w.weight.detach().double().numpy() for w in generator.style_weights()]
    stacked = np.concatenate(weights).T
    columns = stacked / np.linalg.norm(stacked, axis=0)
    vectors, singular, _ = np.linalg.svd(columns, full_matrices=False)
    compared = apart(singular**2)
    assert compared
    for i in compared:
        assert agree(found[i].values.array, vectors[:, i]), i
