"""StyleGAN 1's TensorFlow pickles: the original's pictures, both ways of upsampling, every setting."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from seam_checks import check_claimed_by, check_seam, close, close_in_range, load
from tensorflow_files import (
    doubles,
    mapping_variables,
    plain_mapping,
    spread,
    style_files,
    write_networks,
)

from latentstudio.errors import MismatchError

NAME = "stylegan1-tensorflow"


def synthesis_variables(
    random: np.random.Generator,
    *,
    channels: list[int],
    w_dim: int,
    base: tuple[int, int] = (4, 4),
    heads: int | None = None,
    noise: bool = True,
    styles: bool = True,
    const: bool = True,
    weight_scale: float = 1.0,
) -> dict[str, Any]:
    """`heads`: how many resolutions have a way to the picture, from the last; None for all."""

    def normal(*shape: int, scale: float = 1.0) -> Any:
        return (random.standard_normal(shape) * scale).astype(np.float32)

    v: dict[str, Any] = {"lod": np.float32(0)}
    layers = 0

    def epilogue(scope: str, width: int, size: tuple[int, int]) -> None:
        nonlocal layers
        v[f"{scope}/bias"] = normal(width, scale=0.3)
        if noise:
            v[f"{scope}/Noise/weight"] = normal(width, scale=0.3)
            v[f"noise{layers}"] = normal(1, 1, *size)
        if styles:
            v[f"{scope}/StyleMod/weight"] = normal(w_dim, 2 * width, scale=weight_scale)
            v[f"{scope}/StyleMod/bias"] = normal(2 * width, scale=0.3)
        layers += 1

    for i, width in enumerate(channels):
        scope, size = f"{4 * 2**i}x{4 * 2**i}", (base[0] * 2**i, base[1] * 2**i)
        if i == 0:
            if const:
                v["4x4/Const/const"] = normal(1, width, *size)
            else:
                v["4x4/Dense/weight"] = normal(w_dim, width * 16, scale=weight_scale)
            epilogue("4x4/Const" if const else "4x4/Dense", width, size)
            v["4x4/Conv/weight"] = normal(3, 3, width, width, scale=weight_scale)
            epilogue("4x4/Conv", width, size)
        else:
            v[f"{scope}/Conv0_up/weight"] = normal(3, 3, channels[i - 1], width, scale=weight_scale)
            epilogue(f"{scope}/Conv0_up", width, size)
            v[f"{scope}/Conv1/weight"] = normal(3, 3, width, width, scale=weight_scale)
            epilogue(f"{scope}/Conv1", width, size)
        lod = len(channels) - 1 - i
        if heads is None or lod < heads:
            v[f"ToRGB_lod{lod}/weight"] = normal(1, 1, width, 3, scale=weight_scale)
            v[f"ToRGB_lod{lod}/bias"] = normal(3)
    return v


def plain_synthesis(
    v: dict[str, Any], ws: Any, settings: dict[str, Any], lod: float = 0.0, noise: bool = True
):
    """The picture by the paper's figure 1 b and equation 1, in float64."""
    v = doubles(v)
    ws = torch.as_tensor(ws, dtype=torch.float64)
    slope = {"lrelu": 0.2, "relu": 0.0}[settings.get("nonlinearity", "lrelu")]
    blur = settings.get("blur_filter", [1, 2, 1])
    layers = 0

    def scaled(name: str, gain: float = math.sqrt(2)) -> torch.Tensor:
        weight = v[f"{name}/weight"]
        return weight * (
            gain / math.sqrt(math.prod(weight.shape[:-1])) if settings.get("use_wscale", True) else 1
        )

    def conv(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return F.conv2d(x, weight.permute(3, 2, 0, 1), padding=weight.shape[0] // 2)

    def larger(x: torch.Tensor, factor: int = 2) -> torch.Tensor:
        return x.repeat_interleave(factor, 2).repeat_interleave(factor, 3)

    def doubled(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        fused = settings.get("fused_scale", "auto")
        if fused == "auto":
            fused = 2 * min(x.shape[2:]) >= 128
        if fused:
            wide = weight.new_zeros((4, 4, *weight.shape[2:]))
            for dy in (0, 1):
                for dx in (0, 1):
                    wide[dy : dy + 3, dx : dx + 3] += weight
            # Every input pixel stamps the 4 x 4 kernel, one pixel up and left of its place.
            x = F.conv2d(F.pad(spread(x), [2, 1, 2, 1]), wide.flip(0, 1).permute(3, 2, 0, 1))
        else:
            x = conv(larger(x), weight)
        if blur:
            taps = torch.tensor(blur, dtype=torch.float64)
            kernel = torch.outer(taps, taps) / taps.sum() ** 2
            half = len(taps) // 2
            x = F.conv2d(F.pad(x, [half] * 4), kernel.expand(x.shape[1], 1, -1, -1), groups=x.shape[1])
        return x

    def epilogue(x: torch.Tensor, scope: str) -> torch.Tensor:
        nonlocal layers
        if noise and f"{scope}/Noise/weight" in v:
            x = x + v[f"noise{layers}"] * v[f"{scope}/Noise/weight"][:, None, None]
        x = x + v[f"{scope}/bias"][:, None, None]
        x = torch.where(x > 0, x, slope * x)
        if settings.get("use_pixel_norm"):
            x = x / (x.square().mean(1, keepdim=True) + 1e-8).sqrt()
        if settings.get("use_instance_norm", True):
            x = x - x.mean((2, 3), keepdim=True)
            x = x / (x.square().mean((2, 3), keepdim=True) + 1e-8).sqrt()
        if f"{scope}/StyleMod/weight" in v:
            style = ws[:, layers] @ scaled(f"{scope}/StyleMod", 1) + v[f"{scope}/StyleMod/bias"]
            a, b = style[:, : x.shape[1], None, None], style[:, x.shape[1] :, None, None]
            x = x * (a + 1) + b
        layers += 1
        return x

    count = sum(key.endswith("/Conv1/weight") for key in v)
    if "4x4/Const/const" in v:
        x = epilogue(v["4x4/Const/const"].expand(len(ws), -1, -1, -1), "4x4/Const")
    else:
        x = ws[:, 0] @ scaled("4x4/Dense", math.sqrt(2) / 4)
        x = epilogue(x.reshape(len(ws), -1, 4, 4), "4x4/Dense")
    x = epilogue(conv(x, scaled("4x4/Conv")), "4x4/Conv")
    img = None
    for i in range(count + 1):
        if i:
            scope = f"{4 * 2**i}x{4 * 2**i}"
            x = epilogue(doubled(x, scaled(f"{scope}/Conv0_up")), f"{scope}/Conv0_up")
            x = epilogue(conv(x, scaled(f"{scope}/Conv1")), f"{scope}/Conv1")
        head = f"ToRGB_lod{count - i}"
        if f"{head}/weight" in v:
            y = conv(x, scaled(head, 1)) + v[f"{head}/bias"][:, None, None]
            amount = min(max(lod - (count - i), 0), 1)
            img = y if img is None else y + amount * (larger(img) - y)
    return img


def made(
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    settings: dict[str, Any] | None = None,
    lod: float = 0.0,
    mapping: dict[str, Any] | None = None,
    version: int = 3,
    remove: tuple[str, ...] = (),
    **synthesis: Any,
) -> tuple[Path, dict[str, Any], dict[str, Any]]:
    random = np.random.default_rng(3)
    v_mapping = mapping_variables(
        random, **{"z_dim": 6, "w_dim": 8, "layers": 3, "hidden": 7, **(mapping or {})}
    )
    v = synthesis_variables(random, **{"channels": [6, 5, 4], "w_dim": 8, **synthesis})
    for part in remove:
        del v[part]
    top = {"lod": np.float32(lod), "dlatent_avg": random.standard_normal(8).astype(np.float32)}
    files = style_files(random, top, v_mapping, v, settings=settings or {}, version=version, func="G_style")
    return write_networks(path / "network.pkl", files, monkeypatch), v_mapping, v


@pytest.mark.parity
def test_the_originals_pictures_come_back(shared: Path) -> None:
    folder = shared / "zoo" / "tfreal_sg1_32"
    check_claimed_by(folder / "checkpoint_nosrc.pkl", NAME)
    generator = load(folder / "checkpoint_nosrc.pkl")
    reference = np.load(folder / "reference.npz")
    z = reference["z"]
    with torch.inference_mode():
        close(generator.mean_latent, reference["w_avg"], 0)
        close(generator.mapping(z), reference["w_psi1"])
        close(generator(z), reference["img_psi1"])
        # The original truncates the first 8 rows by default, which here are all, and none for None.
        close(generator(z, None, 0.7, 8), reference["img_psi07"])
        close(generator(z, None, 0.7, 8), reference["img_default_kwargs"])
        close(generator(z, None, 0.7, 0), reference["img_psi07_cutNone"])
        close(generator(z, None, 0.7, 4), reference["img_psi07_cut4"])
        close(generator.synthesis(reference["ws_rand"]), reference["img_ws_rand"])
        close(generator(z[:1]), reference["img_psi1_first_alone"])


CASES: dict[str, dict[str, Any]] = {
    "as published": {},
    "configuration A of StyleGAN2": {"version": 4},
    "transposed convolutions throughout": {"settings": {"fused_scale": True}},
    "no transposed convolutions at 128": {"settings": {"fused_scale": False}, "channels": [2] * 6},
    "transposed convolutions from 128": {"settings": {"fused_scale": "auto"}, "channels": [3, 2, 2, 2, 2, 2]},
    "no blur": {"settings": {"blur_filter": None}},
    "five taps": {"settings": {"blur_filter": [1, 4, 6, 4, 1]}},
    "no noise": {"noise": False},
    "relu and pixel norm": {
        "settings": {"nonlinearity": "relu", "use_pixel_norm": True, "use_instance_norm": False}
    },
    "beginning made from w": {"const": False},
    "no styles": {"const": False, "styles": False, "settings": {"use_instance_norm": False}},
    "oblong": {"base": (3, 5), "settings": {"something_new": 1}},
    "a single way to the picture": {"heads": 1, "settings": {"structure": "fixed"}, "lod": 2.0},
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_it_is_the_papers_network(
    case: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, mapping, variables = made(tmp_path, monkeypatch, **case)
    check_claimed_by(path, NAME)
    generator = load(path)
    settings = case.get("settings", {})
    random = np.random.default_rng(1)
    z = random.standard_normal((2, 6))
    w = plain_mapping(mapping, z, None, rate=0.01, first_style_gan=True)
    close(generator.mapping(z)[:, 0], w)
    ws = random.standard_normal((2, generator.info.num_ws, 8))
    close_in_range(generator.synthesis(ws), plain_synthesis(variables, ws, settings))
    close_in_range(generator.synthesis(ws, "none"), plain_synthesis(variables, ws, settings, noise=False))
    assert generator.info.num_ws == (2 * len(case.get("channels", "abc")) if case.get("styles", True) else 1)
    if min(generator.info.img_size) < 128:
        check_seam(generator)


def test_weights_without_gains_stay_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"use_wscale": False}
    path, mapping, variables = made(tmp_path, monkeypatch, settings=settings, weight_scale=0.2)
    generator = load(path)
    ws = np.random.default_rng(1).standard_normal((2, 6, 8))
    close(generator.synthesis(ws), plain_synthesis(variables, ws, settings))
    z = np.random.default_rng(1).standard_normal((2, 6))
    x = torch.as_tensor(z / np.sqrt((z**2).mean(1, keepdims=True) + 1e-8))
    for i in range(3):
        x = x @ doubles(mapping)[f"Dense{i}/weight"] * 0.01 + doubles(mapping)[f"Dense{i}/bias"] * 0.01
        x = torch.maximum(x, 0.2 * x)
    np.testing.assert_allclose(generator.mapping(z)[:, 0], x, rtol=1e-5)


@pytest.mark.parametrize("lod", [0.3, 1.0, 1.5, 2.0])
def test_a_network_that_was_still_growing_shows_what_it_had(
    lod: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, _, variables = made(tmp_path, monkeypatch, lod=lod)
    ws = np.random.default_rng(1).standard_normal((2, 6, 8))
    close(load(path).synthesis(ws), plain_synthesis(variables, ws, {}, lod))
    close(load(path, {"lod": 0}).synthesis(ws), plain_synthesis(variables, ws, {}))


def test_labels_join_before_the_normalisation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, mapping, _ = made(tmp_path, monkeypatch, mapping={"label": "LabelConcat", "c_dim": 3})
    generator = load(path)
    assert (generator.info.c_dim, generator.info.z_dim) == (3, 6)
    z, c = np.random.default_rng(1).standard_normal((2, 6)), np.array([[0, 1, 0], [0.2, 0.5, 0.3]])
    close(generator.mapping(z, c)[:, 0], plain_mapping(mapping, z, c, rate=0.01, first_style_gan=True))


@pytest.mark.parametrize(
    "part", ["4x4/Conv/bias", "8x8/Conv1/weight", "noise1", "16x16/Conv0_up/StyleMod/bias"]
)
def test_a_missing_part_is_named(part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, _, _ = made(tmp_path, monkeypatch, remove=(part,))
    with pytest.raises(MismatchError, match=f"{part} is missing"):
        load(path)
