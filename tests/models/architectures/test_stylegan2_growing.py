"""StyleGAN2's configurations B to D: one way to the picture a resolution, faded between."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from seam_checks import check_claimed_by, check_seam, close, load
from tensorflow_files import (
    mapping_variables,
    plain_stylegan2,
    style_files,
    stylegan2_variables,
    write_networks,
)

from latentstudio.errors import InputError


def made(
    path: Path, monkeypatch: pytest.MonkeyPatch, lod: float, settings: dict[str, Any]
) -> tuple[Path, dict[str, Any]]:
    random = np.random.default_rng(3)
    mapping = mapping_variables(random, z_dim=8, w_dim=8, layers=1, hidden=8)
    synthesis = stylegan2_variables(random, channels=[6, 5, 4, 3], w_dim=8, kind="growing")
    top = {"lod": np.float32(lod), "dlatent_avg": np.zeros(8, np.float32)}
    files = style_files(random, top, mapping, synthesis, settings=settings, version=4, func="G_main")
    return write_networks(path / "network.pkl", files, monkeypatch), synthesis


@pytest.mark.parametrize("lod", [0.0, 0.4, 1.0, 1.75, 2.5, 3.0])
def test_the_picture_fades_from_one_resolution_to_the_next(
    lod: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, variables = made(tmp_path, monkeypatch, lod, {"synthesis_func": "G_synthesis_stylegan_revised"})
    check_claimed_by(path, "stylegan2-growing")
    generator = load(path)
    assert (generator.info.num_ws, generator.info.img_resolution) == (8, 32)
    ws = np.random.default_rng(1).standard_normal((2, 8, 8))
    close(generator.synthesis(ws), plain_stylegan2(variables, ws, lod=lod))
    assert generator.info.options[0].default == pytest.approx(lod)


def test_the_lod_can_be_chosen_when_loading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, variables = made(tmp_path, monkeypatch, 1.0, {})
    ws = np.random.default_rng(1).standard_normal((2, 8, 8))
    generator = load(path, {"lod": 0.0})
    close(generator.synthesis(ws), plain_stylegan2(variables, ws))
    check_seam(generator)
    with pytest.raises(InputError, match="lod"):
        load(path, {"lod": 4.0})


def test_a_network_that_was_built_without_growing_ignores_where_it_stood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, variables = made(tmp_path, monkeypatch, 2.0, {"structure": "fixed"})
    ws = np.random.default_rng(1).standard_normal((2, 8, 8))
    close(load(path).synthesis(ws), plain_stylegan2(variables, ws))
