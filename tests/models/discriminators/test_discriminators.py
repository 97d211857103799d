"""Discriminators from every layout: the same arrays give the same score, and gradients come through."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from latentstudio.errors import InputError
from latentstudio.inversion.distance import make_distance
from latentstudio.models.discriminator import Discriminator
from latentstudio.models.discriminators import build_discriminator, load_discriminator
from latentstudio.models.discriminators.features import DiscriminatorFeatures
from latentstudio.models.registry import load_generator

SIDES, WIDTH = (16, 8), 6
Arrays = dict[str, np.ndarray]


def residual_arrays(seed: int = 0) -> Arrays:
    """Random arrays of a discriminator of 16 px by NVIDIA's names."""
    random = np.random.default_rng(seed)

    def make(*shape: int) -> np.ndarray:
        return random.standard_normal(shape).astype(np.float32)

    arrays = {"b16.fromrgb.weight": make(WIDTH, 3, 1, 1), "b16.fromrgb.bias": make(WIDTH)}
    for side in SIDES:
        arrays |= {
            f"b{side}.conv0.weight": make(WIDTH, WIDTH, 3, 3),
            f"b{side}.conv0.bias": make(WIDTH),
            f"b{side}.conv1.weight": make(WIDTH, WIDTH, 3, 3),
            f"b{side}.conv1.bias": make(WIDTH),
            f"b{side}.skip.weight": make(WIDTH, WIDTH, 1, 1),
        }
    return arrays | {
        "b4.conv.weight": make(WIDTH, WIDTH + 1, 3, 3),
        "b4.conv.bias": make(WIDTH),
        "b4.fc.weight": make(WIDTH, WIDTH * 16),
        "b4.fc.bias": make(WIDTH),
        "b4.out.weight": make(1, WIDTH),
        "b4.out.bias": make(1),
    }


def as_tensorflow(arrays: Arrays) -> Arrays:
    parts = {"fromrgb": "FromRGB", "conv0": "Conv0", "conv1": "Conv1_down", "skip": "Skip"}
    end = {"conv": "4x4/Conv", "fc": "4x4/Dense0", "out": "Output"}
    found = {}
    for name, array in arrays.items():
        block, layer, kind = name.split(".")
        side = block[1:]
        place = end[layer] if block == "b4" else f"{side}x{side}/{parts[layer]}"
        found[f"{place}/{kind}"] = array.transpose(2, 3, 1, 0) if array.ndim == 4 else array.T
    return found


def as_rosinality(arrays: Arrays) -> Arrays:
    names = {"b16.fromrgb.weight": "convs.0.0.weight", "b16.fromrgb.bias": "convs.0.1.bias"}
    for number, side in enumerate(SIDES, 1):
        names |= {
            f"b{side}.conv0.weight": f"convs.{number}.conv1.0.weight",
            f"b{side}.conv0.bias": f"convs.{number}.conv1.1.bias",
            f"b{side}.conv1.weight": f"convs.{number}.conv2.1.weight",
            f"b{side}.conv1.bias": f"convs.{number}.conv2.2.bias",
            f"b{side}.skip.weight": f"convs.{number}.skip.1.weight",
        }
    names |= {
        "b4.conv.weight": "final_conv.0.weight",
        "b4.conv.bias": "final_conv.1.bias",
        "b4.fc.weight": "final_linear.0.weight",
        "b4.fc.bias": "final_linear.0.bias",
        "b4.out.weight": "final_linear.1.weight",
        "b4.out.bias": "final_linear.1.bias",
    }
    taps = np.array([1, 3, 3, 1], np.float32)
    kernels = {
        f"convs.{n}.{part}.0.kernel": np.outer(taps, taps) / 64 for n in (1, 2) for part in ("conv2", "skip")
    }
    return {names[name]: array for name, array in arrays.items()} | kernels


def nvidia(arrays: Arrays) -> Discriminator:
    top = {"img_resolution": 16, "c_dim": 0, "_init_kwargs": {"conv_clamp": None}}
    return Discriminator("nvidia", arrays, {"": top})


def plain_score(arrays: Arrays, image: np.ndarray) -> float:
    """The network in plain loops, after the paper's figure: (3, 16, 16) -> a number."""

    def conv(x: np.ndarray, weight: np.ndarray, stride: int = 1, pad: int = 0) -> np.ndarray:
        weight = weight.astype(np.float64) / np.sqrt(weight[0].size)
        x = np.pad(x, ((0, 0), (pad, pad), (pad, pad)))
        size = weight.shape[2]
        side = (x.shape[1] - size) // stride + 1
        out = np.zeros((len(weight), side, side))
        for i in range(side):
            for j in range(side):
                patch = x[:, i * stride : i * stride + size, j * stride : j * stride + size]
                out[:, i, j] = (weight * patch).sum((1, 2, 3))
        return out

    def blur(x: np.ndarray, pad: int) -> np.ndarray:
        taps = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64
        x = np.pad(x, ((0, 0), (pad, pad), (pad, pad)))
        side = x.shape[1] - 3
        return np.stack(
            [[[(p[i : i + 4, j : j + 4] * taps).sum() for j in range(side)] for i in range(side)] for p in x]
        )

    def lrelu(x: np.ndarray) -> np.ndarray:
        return np.where(x > 0, x, 0.2 * x) * np.sqrt(2)

    def get(name: str) -> np.ndarray:
        return arrays[name]

    x = lrelu(conv(image, get("b16.fromrgb.weight")) + get("b16.fromrgb.bias")[:, None, None])
    for side in SIDES:
        rest = conv(blur(x, 1)[:, ::2, ::2], get(f"b{side}.skip.weight"))
        x = lrelu(conv(x, get(f"b{side}.conv0.weight"), pad=1) + get(f"b{side}.conv0.bias")[:, None, None])
        x = lrelu(
            conv(blur(x, 2), get(f"b{side}.conv1.weight"), 2) + get(f"b{side}.conv1.bias")[:, None, None]
        )
        x = (x + rest) / np.sqrt(2)
    x = np.concatenate([x, np.full((1, 4, 4), 1e-4)])
    x = lrelu(conv(x, get("b4.conv.weight"), pad=1) + get("b4.conv.bias")[:, None, None]).ravel()
    x = lrelu(get("b4.fc.weight") @ x / np.sqrt(len(x)) + get("b4.fc.bias"))
    return float((get("b4.out.weight") @ x / np.sqrt(len(x)) + get("b4.out.bias"))[0])


def test_the_score_is_that_of_the_papers_network_in_plain_loops():
    arrays = residual_arrays()
    image = np.random.default_rng(1).uniform(-1, 1, (3, 16, 16)).astype(np.float32)
    score = build_discriminator(nvidia(arrays))(torch.from_numpy(image)[None])
    assert float(score[0]) == pytest.approx(plain_score(arrays, image), abs=1e-4)


def test_three_layouts_of_the_same_arrays_agree_and_pictures_are_judged_alone():
    arrays = residual_arrays()
    images = torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    judge = build_discriminator(nvidia(arrays))
    scores = judge(images)
    for found in (
        Discriminator("tensorflow", as_tensorflow(arrays), {"": {"label_size": 0}}),
        Discriminator("torch", as_rosinality(arrays)),
    ):
        assert torch.allclose(build_discriminator(found)(images), scores, atol=1e-5)
    assert torch.allclose(judge(images[1:2]), scores[1:2], atol=1e-5)
    assert [tuple(level.shape[1:]) for level in judge.features(images)] == [(WIDTH, 8, 8), (WIDTH, 4, 4)]


def test_what_is_no_known_discriminator_is_refused(tmp_path: Path):
    arrays = residual_arrays()
    with pytest.raises(InputError, match="not known"):
        build_discriminator(Discriminator("torch", {"main.0.weight": np.ones((2, 3, 4, 4), np.float32)}))
    without = {name: a for name, a in arrays.items() if ".skip." not in name}
    with pytest.raises(InputError, match="not a residual"):
        build_discriminator(nvidia(without))
    judge = build_discriminator(nvidia(arrays))
    with pytest.raises(InputError, match="looks at pictures"):
        judge(torch.zeros(1, 3, 8, 8))
    assert load_discriminator("") is None
    (tmp_path / "text.pkl").write_text("no model")
    assert load_discriminator(tmp_path / "text.pkl") is None


@pytest.mark.parametrize(
    ("folder", "file"),
    [
        ("sg2ada_uncond", "checkpoint_nosrc.pkl"),
        ("sg2ada_cond3", "checkpoint_nosrc.pkl"),
        ("sg3r_small", "checkpoint_nosrc.pkl"),
        ("tfreal_sg2_64", "checkpoint_nosrc.pkl"),
        ("rosinality_64_train", "checkpoint.pt"),
        ("lucidrains_32", "model_0.pt"),
    ],
)
def test_the_zoos_discriminators_judge_their_generators_pictures(shared: Path, folder: str, file: str):
    path = shared / "zoo" / folder / file
    judge, generator = load_discriminator(path), load_generator(path, device="cpu")
    assert judge is not None
    assert (judge.resolution, judge.channels) == (generator.info.img_resolution, 3)
    z = torch.randn(2, generator.info.z_dim, generator=torch.Generator().manual_seed(0))
    c = torch.eye(generator.info.c_dim)[:2] if generator.info.c_dim else None
    images = generator(z, c).detach().requires_grad_()
    scores = judge(images, c)
    assert torch.isfinite(scores).all()
    scores.sum().backward()
    assert images.grad is not None
    assert images.grad.abs().sum() > 0
    assert len(DiscriminatorFeatures(judge)(images.detach())) >= 3


def test_an_inversions_distance_may_look_through_it(shared: Path, tiny):
    generator = load_generator(shared / "zoo" / "sg2ada_uncond" / "checkpoint_nosrc.pkl", device="cpu")
    distance = make_distance("discriminator", generator)
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1
    apart = distance.prepare(images)(images.flip(0))
    assert (distance.prepare(images)(images) < 1e-6).all()
    assert (apart > 0.01).all()
    with pytest.raises(InputError, match="no discriminator"):
        make_distance("discriminator", tiny)
