"""ProGAN of three houses: the originals' pictures, and the paper stated plainly for other shapes."""

from __future__ import annotations

import itertools
import math
import pickle
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from progan_files import (
    Network,
    akanimax_state,
    larger,
    leaky,
    normal,
    plain_akanimax,
    plain_zoo,
    unit,
    write_zoo,
    zoo_state,
)
from seam_checks import check_claimed_by, check_seam, close, close_in_range, load

from latentstudio.errors import MismatchError

# --- pytorch_GAN_zoo ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("channels", "settings"),
    [
        ([6], {}),
        ([6, 5], {"alpha": 0.3, "leakyReluLeak": 0.1}),
        ([6, 5, 4, 4], {"equalizedlR": False}),
        ([6, 5], {"lossCriterion": "DCGAN"}),
    ],
)
def test_a_zoo_file_gives_the_papers_picture(
    random: np.random.Generator,
    tmp_path: Path,
    monkeypatch: Any,
    channels: list[int],
    settings: dict[str, Any],
) -> None:
    arrays = zoo_state(random, 7, channels)
    if settings.get("equalizedlR") is False:
        arrays = {key: value * 0.2 for key, value in arrays.items()}
    path = write_zoo(tmp_path / "a.pth", monkeypatch, arrays, settings)
    check_claimed_by(path, "progan-ganzoo")
    generator = load(path)
    z = normal(random, 3, 7)
    plain = plain_zoo(
        arrays,
        z,
        alpha=settings.get("alpha", 0.0),
        slope=settings.get("leakyReluLeak", 0.2),
        equalised=settings.get("equalizedlR", True),
    )
    if settings.get("lossCriterion") == "DCGAN":
        plain = torch.tanh(plain)
    close_in_range(generator(z), plain)
    check_seam(generator)
    assert any("discriminator" in note for note in generator.info.notes)


def test_a_conditional_zoo_model_reads_its_classes_after_z(
    random: np.random.Generator, tmp_path: Path, monkeypatch: Any
) -> None:
    arrays = zoo_state(random, 9, [6, 5], colours=1)
    attributes = {
        "style": {"order": 1, "values": ["a"]},
        "kind": {"order": 0, "values": ["x", "y"]},
    }
    settings = {"categoryVectorDim": 3, "attribKeysOrder": attributes}
    path = write_zoo(tmp_path / "a.pth", monkeypatch, arrays, settings, key="netG")
    generator = load(path)
    z, c = normal(random, 2, 6), torch.tensor([[1.0, 0, 0], [0, 0.5, 0.5]])
    assert (generator.info.z_dim, generator.info.c_dim) == (6, 3)
    assert generator.info.provenance.class_names == ("kind: x", "kind: y", "style: a")
    close_in_range(generator(z, c), plain_zoo(arrays, torch.cat([z, c], 1)))
    # Truncation moves z and leaves the class.
    ws = generator.mapping(z, c, truncation_psi=0.5)
    close(ws[:, 0, 6:], c)
    close(ws[:, 0, :6], z * 0.5)


def test_alpha_may_be_set_when_a_zoo_model_is_loaded(
    random: np.random.Generator, tmp_path: Path, monkeypatch: Any
) -> None:
    arrays = zoo_state(random, 7, [6, 5, 4])
    path = write_zoo(tmp_path / "a.pth", monkeypatch, arrays, {"alpha": 0})
    generator = load(path, {"alpha": 0.35})
    z = normal(random, 2, 7)
    close_in_range(generator(z), plain_zoo(arrays, z, alpha=0.35))
    assert generator.has_preview
    check_seam(generator)


def test_a_zoo_file_without_a_layer_is_refused_by_name(
    random: np.random.Generator, tmp_path: Path, monkeypatch: Any
) -> None:
    arrays = zoo_state(random, 7, [6, 5])
    del arrays["scaleLayers.0.0.module.weight"]
    with pytest.raises(MismatchError, match="looks like ProGAN"):
        load(write_zoo(tmp_path / "a.pth", monkeypatch, arrays, {}))


# --- akanimax -----------------------------------------------------------------------------------


@pytest.mark.parametrize("older", [False, True])
@pytest.mark.parametrize("eql", [False, True])
def test_an_akanimax_file_gives_the_papers_picture_at_every_depth(
    random: np.random.Generator, tmp_path: Path, older: bool, eql: bool
) -> None:
    channels, latent = [6, 6, 4], (6 if older else 9)
    v = akanimax_state(random, latent, channels, older)
    conf = {"depth": 4, "num_channels": 3, "latent_size": latent, "use_eql": eql}
    other = {key: value + 1 for key, value in v.items()}
    path = tmp_path / "a.bin"
    root = {
        "generator": {"conf": conf, "state_dict": other},
        "shadow_generator": {"conf": conf, "state_dict": v},
        "discriminator": {"conf": conf, "state_dict": other},
    }
    torch.save(root if not (older and eql) else {f"module.{k}": x for k, x in v.items()}, path)
    check_claimed_by(path, "progan-akanimax")
    z, lowest = normal(random, 2, latent), 0 if older else 2
    close_in_range(load(path)(z), plain_akanimax(v, z, older=older, used=3, eql=eql), 3e-5)
    for used in (1, 2, 3):
        generator = load(path, {"depth": lowest + used - 1, "alpha": 0.3})
        plain = plain_akanimax(v, z, older=older, used=used, alpha=0.3, eql=eql)
        close_in_range(generator(z), plain, 3e-5)
        check_seam(generator)


def test_the_oldest_akanimax_layout_uses_expected_scales_and_says_so(
    random: np.random.Generator, tmp_path: Path
) -> None:
    v = akanimax_state(random, 6, [6, 6], True)
    inner = {
        key.replace(".weight", ".deconv.weight" if "block.conv_1" in key else ".conv.weight"): value
        for key, value in v.items()
    }
    torch.save(inner, tmp_path / "a.pth")
    check_claimed_by(tmp_path / "a.pth", "progan-akanimax")
    assert any("scales" in note for note in load(tmp_path / "a.pth").info.notes)


def test_an_akanimax_file_without_a_layer_is_refused_by_name(
    random: np.random.Generator, tmp_path: Path
) -> None:
    v = akanimax_state(random, 6, [6, 5], False)
    del v["layers.1.conv_2.weight"]
    torch.save({"generator": {"conf": {}, "state_dict": v}}, tmp_path / "a.bin")
    with pytest.raises(MismatchError, match="looks like ProGAN"):
        load(tmp_path / "a.bin")


# --- TensorFlow ---------------------------------------------------------------------------------


def tf_variables(random: np.random.Generator, width: int, channels: list[int], fused: bool, old: bool) -> Any:
    v: dict[str, Any] = {"lod": np.float32(0)}

    def layer(name: str, *shape: int, out: int = 0) -> None:
        v[f"{name}/weight"] = random.standard_normal(shape).astype(np.float32)
        v[f"{name}/bias"] = random.standard_normal(out or shape[-1]).astype(np.float32)

    layer("4x4/Dense", width, 16 * channels[0], out=channels[0])
    layer("4x4/Conv", 3, 3, channels[0], channels[0])
    last = len(channels) - 1
    layer(f"ToRGB_lod{last}", 1, 1, channels[0], 3)
    for i, (a, b) in enumerate(itertools.pairwise(channels), 1):
        size = f"{4 * 2**i}x{4 * 2**i}"
        if fused:
            layer(f"{size}/Conv0_up", 3, 3, *((b, a) if old else (a, b)), out=b)
        else:
            layer(f"{size}/Conv0", 3, 3, a, b)
        layer(f"{size}/Conv1", 3, 3, b, b)
        layer(f"ToRGB_lod{last - i}", 1, 1, b, 3)
    return v


def plain_tf(v: Any, x: Any, *, old: bool, lod: float = 0.0, **settings: Any) -> Any:
    """The picture in float64, with the transposed convolution of four shifted kernels where it is fused."""
    v = {key: torch.from_numpy(np.asarray(value, np.float64)) for key, value in v.items()}
    scaled, slope = settings.get("use_wscale", True), 0.2 if settings.get("use_leakyrelu", True) else 0.0

    def norm(x: torch.Tensor) -> torch.Tensor:
        return unit(x, settings.get("pixelnorm_epsilon", 1e-8)) if settings.get("use_pixelnorm", True) else x

    def weight(name: str, gain: float = math.sqrt(2)) -> torch.Tensor:
        w = v[f"{name}/weight"]
        if name.endswith("_up") and old:
            w = w.transpose(2, 3)
        return w * gain / math.sqrt(w[..., 0].numel()) if scaled else w

    def conv(x: torch.Tensor, name: str, gain: float = math.sqrt(2)) -> torch.Tensor:
        w = weight(name, gain).permute(3, 2, 0, 1)
        return F.conv2d(x, w, v[f"{name}/bias"], padding=w.shape[-1] // 2)

    def fused(x: torch.Tensor, name: str) -> torch.Tensor:
        w = F.pad(weight(name).permute(2, 3, 0, 1), [1, 1, 1, 1])  # (in, out, 5, 5)
        w = w[..., 1:, 1:] + w[..., :-1, 1:] + w[..., 1:, :-1] + w[..., :-1, :-1]
        return F.conv_transpose2d(x, w, v[f"{name}/bias"], stride=2, padding=1)

    x = torch.as_tensor(x).double()
    if settings.get("normalize_latents", True):
        x = unit(x, settings.get("pixelnorm_epsilon", 1e-8))
    x = (x @ weight("4x4/Dense", math.sqrt(2) / 4)).reshape(len(x), -1, 4, 4)
    x = norm(leaky(x + v["4x4/Dense/bias"][:, None, None], slope))
    x = norm(leaky(conv(x, "4x4/Conv"), slope))
    count = sum(key.endswith("/Conv1/weight") for key in v)
    img = conv(x, f"ToRGB_lod{count}", 1.0)
    for i in range(1, count + 1):
        size = f"{4 * 2**i}x{4 * 2**i}"
        y = (
            fused(x, f"{size}/Conv0_up")
            if f"{size}/Conv0_up/weight" in v
            else conv(larger(x), f"{size}/Conv0")
        )
        x = norm(leaky(conv(norm(leaky(y, slope)), f"{size}/Conv1"), slope))
        new, share = conv(x, f"ToRGB_lod{count - i}", 1.0), min(max(lod - (count - i), 0.0), 1.0)
        img = new + (larger(img) - new) * share
    return img


def write_tf(path: Path, monkeypatch: Any, variables: Any, settings: Any, old: bool) -> Path:
    module = "tfutil" if old else "dnnlib.tflib.network"
    for name in ("tfutil", "dnnlib", "dnnlib.tflib", "dnnlib.tflib.network"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setattr(sys.modules[module], "Network", Network, raising=False)
    monkeypatch.setattr(Network, "__module__", module)

    def network(name: str, variables: Any) -> Network:
        made = Network()
        made.__dict__.update(
            version=2 if old else 3,
            name=name,
            static_kwargs=settings,
            build_module_src="# omitted",
            build_func_name="G_paper",
            variables=list(variables.items()),
        )
        if not old:
            made.__dict__["components"] = {}
        return made

    other = {key: np.asarray(value + 1, np.float32) for key, value in variables.items()}
    root = (network("G", other), network("D", {"w": np.zeros(2, np.float32)}), network("Gs", variables))
    path.write_bytes(pickle.dumps(root, protocol=2))
    return path


@pytest.mark.parametrize("old", [True, False])
@pytest.mark.parametrize(
    ("fused", "settings"),
    [
        (True, {}),
        (False, {"use_wscale": True, "pixelnorm_epsilon": 0.3}),
        (True, {"use_wscale": False, "use_pixelnorm": False, "normalize_latents": False}),
        (True, {"use_leakyrelu": False, "label_size": 2}),
    ],
)
def test_a_tensorflow_pickle_gives_the_papers_picture(
    random: np.random.Generator, tmp_path: Path, monkeypatch: Any, old: bool, fused: bool, settings: Any
) -> None:
    # With plain ReLUs a narrow layer would have pixels where every channel is off.
    channels = [16, 16, 16] if settings.get("use_leakyrelu") is False else [6, 5, 5]
    variables = tf_variables(random, 7, channels, fused, old)
    if settings.get("use_wscale") is False:
        variables = {key: np.asarray(value * 0.2, np.float32) for key, value in variables.items()}
    path = write_tf(tmp_path / "a.pkl", monkeypatch, variables, settings, old)
    check_claimed_by(path, "progan-tensorflow")
    generator = load(path)
    classes = settings.get("label_size", 0)
    assert (generator.info.z_dim, generator.info.c_dim) == (7 - classes, classes)
    z, c = normal(random, 2, 7 - classes), torch.eye(2)[:, :classes]
    plain = plain_tf(variables, torch.cat([z, c], 1), old=old, **settings)
    close_in_range(generator(z, c if classes else None), plain)
    check_seam(generator)


@pytest.mark.parametrize("lod", [0.4, 1.0, 1.7, 2.0])
def test_lod_fades_to_the_coarser_picture_at_full_size(
    random: np.random.Generator, tmp_path: Path, monkeypatch: Any, lod: float
) -> None:
    variables = tf_variables(random, 7, [6, 5, 4], True, True)
    path = write_tf(tmp_path / "a.pkl", monkeypatch, variables, {}, True)
    generator = load(path, {"lod": lod})
    z = normal(random, 2, 7)
    close_in_range(generator(z), plain_tf(variables, z, old=True, lod=lod))
    assert generator.info.img_size == (16, 16)


def test_a_tensorflow_generator_with_unknown_variables_is_refused_by_name(
    random: np.random.Generator, tmp_path: Path, monkeypatch: Any
) -> None:
    variables = tf_variables(random, 7, [6, 5], True, True)
    variables["8x8/Attention/weight"] = np.zeros(3, np.float32)
    path = write_tf(tmp_path / "a.pkl", monkeypatch, variables, {}, True)
    with pytest.raises(MismatchError, match="built by G_paper"):
        load(path)


# --- the originals' own pictures ----------------------------------------------------------------


@pytest.mark.parity
def test_pytorch_gan_zoo_gives_the_originals_pictures(shared: Path) -> None:
    folder = shared / "zoo" / "progan_fbzoo_32"
    stored = np.load(folder / "reference.npz")
    generator = load(folder / "checkpoint.pth")
    # Values reach 4.8, and the original itself differs by 1.1e-5 between a batch and one alone.
    close(generator(stored["z"]), stored["img"], 2e-5)
    close(generator(stored["z"][:1]), stored["img_first_alone"], 2e-5)
    close(load(folder / "checkpoint.pth", {"alpha": 0.35})(stored["z"]), stored["img_alpha035"])
    check_claimed_by(folder / "checkpoint.pth", "progan-ganzoo")
    check_seam(generator)


@pytest.mark.parity
@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({}, "img"),
        ({"depth": 3}, "img_depth3"),
        ({"depth": 2}, "img_depth2"),
        ({"alpha": 0.4}, "img_alpha04"),
    ],
)
def test_akanimax_gives_the_originals_pictures(shared: Path, options: dict[str, float], name: str) -> None:
    folder = shared / "zoo" / "progan_akanimax_32"
    stored = np.load(folder / "reference.npz")
    close(load(folder / "depth_5_epoch_1.bin", options)(stored["z"]), stored[name])
