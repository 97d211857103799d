"""TensorFlow pickles of StyleGAN2 and ADA: the originals' pictures, and every setting they know."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from seam_checks import check_claimed_by, check_seam, close, load
from tensorflow_files import (
    mapping_variables,
    plain_mapping,
    plain_stylegan2,
    style_files,
    stylegan2_variables,
    write_networks,
)

from latentstudio.errors import MismatchError

NAME = "stylegan2-tensorflow"


def made(
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    version: int = 4,
    mapping: dict[str, Any] | None = None,
    settings: dict[str, Any] | None = None,
    protocol: int = 4,
    **synthesis: Any,
) -> tuple[Path, dict[str, Any], dict[str, Any], dict[str, Any]]:
    """A file, and the variables of its three networks."""
    random = np.random.default_rng(3)
    sizes = {"z_dim": 6, "w_dim": 8, "layers": 2, "hidden": 7, **(mapping or {})}
    v_mapping = mapping_variables(random, **sizes)
    v_synthesis = stylegan2_variables(random, **{"channels": [6, 5, 4], "w_dim": 8, **synthesis})
    top = {"dlatent_avg": random.standard_normal(8).astype(np.float32)}
    if version == 4:
        top["lod"] = np.float32(0)
    files = style_files(
        random, top, v_mapping, v_synthesis, settings=settings or {}, version=version, func="G_main"
    )
    return write_networks(path / "network.pkl", files, monkeypatch, protocol), top, v_mapping, v_synthesis


@pytest.mark.parity
@pytest.mark.parametrize("name", ["tfreal_sg2_64", "tf_ada_v5"])
def test_the_originals_pictures_come_back(shared: Path, name: str) -> None:
    folder = shared / "zoo" / name
    check_claimed_by(folder / "checkpoint_nosrc.pkl", NAME)
    generator = load(folder / "checkpoint_nosrc.pkl")
    reference = np.load(folder / "reference.npz")
    z = reference["z"]
    with torch.inference_mode():
        for key, psi, cutoff in [
            ("psi1", 1, None),
            ("psi07", 0.7, None),
            ("psi07_cut4", 0.7, 4),
            ("psi15", 1.5, None),
            ("psi_neg05", -0.5, None),
        ]:
            if f"w_{key}" in reference:
                close(generator.mapping(z, None, psi, cutoff), reference[f"w_{key}"])
            if f"img_{key}" in reference:
                close(generator(z, None, psi, cutoff), reference[f"img_{key}"])
        close(generator.synthesis(reference["ws_rand"]), reference["img_ws_rand"])
        close(generator(z[:1]), reference["img_psi1_first_alone"])
        if "w_avg" in reference:
            close(generator.mean_latent, reference["w_avg"], 0)
            close(generator(z, None, 0.5), reference["img_default_kwargs"])
        if "img_nonoise" in reference:
            close(generator(z, noise_mode="none"), reference["img_nonoise"])
            torch.manual_seed(123)
            close(generator(z, noise_mode="random"), reference["img_noise_random_seed123"])


CASES = {
    "skip": {},
    "one channel, seven blocks' worth of settings": {"img_channels": 1, "channels": [3, 4, 5, 3]},
    "residual": {"kind": "resnet"},
    "residual with a clamp": {"kind": "resnet", "settings": {"conv_clamp": 0.6}, "version": 5},
    "original": {"kind": "orig"},
    "clamped": {"settings": {"conv_clamp": 0.5, "num_fp16_res": 2}, "version": 5, "protocol": 3},
    "beginning of another width": {"const": 9, "version": 5},
    "no noise": {"noise": False, "version": 5},
    "oblong, settings of a community version": {
        "base": (4, 6),
        "settings": {"min_h": 4, "min_w": 6, "res_log2": 2, "verbose": False},
    },
    "oblong residual": {"base": (5, 3), "kind": "resnet"},
    "two taps": {"settings": {"resample_kernel": [1, 1]}},
    "no filter": {"settings": {"resample_kernel": None}, "kind": "resnet"},
    "three taps": {"settings": {"resample_kernel": [1, 2, 1]}, "kind": "resnet"},
    "six uneven taps": {"settings": {"resample_kernel": [1, 2, 5, 4, 3, 1]}},
    "filter stored as an array": {"settings": {"resample_kernel": np.array([1.0, 4.0, 3.0, 1.0])}},
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_it_is_the_papers_network(
    case: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, top, mapping, synthesis = made(tmp_path, monkeypatch, **case)
    check_claimed_by(path, NAME)
    generator = load(path)
    settings = case.get("settings", {})
    kernel = settings.get("resample_kernel", [1, 3, 3, 1])
    kernel = [1, 1] if kernel is None else list(kernel)
    random = np.random.default_rng(1)
    z = random.standard_normal((2, 6))
    w = plain_mapping(mapping, z, None, rate=0.01, first_style_gan=False)
    close(generator.mapping(z)[:, 0], w)
    close(generator.mapping(z, None, 0.3)[:, 1], top["dlatent_avg"] + 0.3 * (w.numpy() - top["dlatent_avg"]))
    ws = random.standard_normal((2, generator.info.num_ws, 8))
    for noise in (True, False):
        picture = plain_stylegan2(synthesis, ws, kernel=kernel, clamp=settings.get("conv_clamp"), noise=noise)
        close(generator.synthesis(ws, "const" if noise else "none"), picture)
    close(
        generator.synthesis(ws[:1]),
        plain_stylegan2(synthesis, ws[:1], kernel=kernel, clamp=settings.get("conv_clamp")),
    )
    check_seam(generator)
    assert generator.info.has_noise == case.get("noise", True)
    assert "It holds a discriminator too." in generator.info.notes
    assert any("min_h" in note for note in generator.info.notes) == ("min_h" in settings)


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("label", ["LabelConcat", "LabelEmbed"])
def test_labels_join_before_or_after_the_normalisation(
    label: str, normalize: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, _, mapping, _ = made(
        tmp_path,
        monkeypatch,
        version=4 if label == "LabelConcat" else 5,
        settings={"label_size": 3, "normalize_latents": normalize, "mapping_lrmul": 0.1},
        mapping={"label": label, "c_dim": 3, "label_dim": 5, "layers": 3, "rate": 0.1},
    )
    generator = load(path)
    assert (generator.info.c_dim, generator.info.z_dim) == (3, 6)
    random = np.random.default_rng(1)
    z, c = random.standard_normal((3, 6)), np.array([[1, 0, 0], [0, 0, 1], [0.2, 0.5, 0.3]])
    w = plain_mapping(mapping, z, c, rate=0.1, first_style_gan=False, normalize=normalize)
    close(generator.mapping(z, c)[:, 0], w)


def test_what_cannot_be_done_is_told_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, *_ = made(tmp_path, monkeypatch, settings={"nonlinearity": "swish"})
    with pytest.raises(MismatchError, match="swish"):
        load(path)


@pytest.mark.parametrize("part", ["4x4/Conv/bias", "8x8/Conv1/weight", "noise1", "16x16/ToRGB/mod_bias"])
def test_a_missing_part_is_named(part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(3)
    variables = stylegan2_variables(random, channels=[6, 5, 4], w_dim=8)
    del variables[part]
    top = {"dlatent_avg": np.zeros(8, np.float32)}
    mapping = mapping_variables(random, z_dim=6, w_dim=8, layers=2, hidden=7)
    files = style_files(random, top, mapping, variables, settings={}, version=4, func="G_main")
    with pytest.raises(MismatchError, match=f"{part} is missing"):
        load(write_networks(tmp_path / "network.pkl", files, monkeypatch))


def test_a_wrong_shape_is_a_mismatch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(3)
    variables = stylegan2_variables(random, channels=[6, 5, 4], w_dim=8)
    variables["noise1"] = np.zeros((1, 1, 8, 9), np.float32)
    top = {"dlatent_avg": np.zeros(8, np.float32)}
    mapping = mapping_variables(random, z_dim=6, w_dim=8, layers=2, hidden=7)
    files = style_files(random, top, mapping, variables, settings={}, version=4, func="G_main")
    with pytest.raises(MismatchError, match="shape"):
        load(write_networks(tmp_path / "network.pkl", files, monkeypatch))
