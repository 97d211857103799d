"""lucidrains' StyleGAN2: the original's pictures, its options, and files without their side file."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from seam_checks import check_claimed_by, check_seam, close, close_in_range, load

from latentstudio.errors import MismatchError

NAME = "stylegan2-lucidrains"


def state(
    random: np.random.Generator,
    *,
    channels: list[int],
    dim: int = 6,
    layers: int = 2,
    rgb: int = 3,
    no_const: bool = False,
    attention: tuple[int, ...] = (),
    blur: bool = True,
    initial_conv: bool = True,
    plain_mapping: bool = False,
) -> dict[str, torch.Tensor]:
    """Mapping as "S.", generator as "G."; `attention` lists blocks."""
    v: dict[str, torch.Tensor] = {}

    def normal(*shape: int, scale: float = 1.0) -> torch.Tensor:
        return torch.from_numpy((random.standard_normal(shape) * scale).astype(np.float32))

    def linear(name: str, i: int, o: int) -> None:
        v[f"{name}.weight"], v[f"{name}.bias"] = normal(o, i, scale=0.5), normal(o, scale=0.3)

    for i in range(layers):
        scale = math.sqrt(2 / dim) if plain_mapping else 1.0
        v[f"S.net.{2 * i}.weight"], v[f"S.net.{2 * i}.bias"] = normal(dim, dim, scale=scale), normal(dim)
    if no_const:
        v["G.to_initial_block.weight"] = normal(dim, channels[0], 4, 4)
    else:
        v["G.initial_block"] = normal(1, channels[0], 4, 4)
    if initial_conv:
        v["G.initial_conv.weight"] = normal(channels[0], channels[0], 3, 3, scale=0.3)
        v["G.initial_conv.bias"] = normal(channels[0])
    for i in range(len(channels) - 1):
        a, b, block = channels[i], channels[i + 1], f"G.blocks.{i}"
        linear(f"{block}.to_style1", dim, a)
        linear(f"{block}.to_noise1", 1, b)
        v[f"{block}.conv1.weight"] = normal(b, a, 3, 3)
        linear(f"{block}.to_style2", dim, b)
        linear(f"{block}.to_noise2", 1, b)
        v[f"{block}.conv2.weight"] = normal(b, b, 3, 3)
        linear(f"{block}.to_rgb.to_style", dim, b)
        v[f"{block}.to_rgb.conv.weight"] = normal(rgb, b, 1, 1)
        if blur and i < len(channels) - 2:
            v[f"{block}.to_rgb.upsample.1.f"] = torch.tensor([1.0, 2.0, 1.0])
        if i in attention:
            one, two = f"G.attns.{i}.0.fn", f"G.attns.{i}.1.fn"
            for fn in (one, two):
                v[f"{fn}.norm.g"], v[f"{fn}.norm.b"] = normal(1, a, 1, 1), normal(1, a, 1, 1)
            v[f"{one}.fn.to_q.weight"] = normal(32, a, 1, 1)
            v[f"{one}.fn.to_kv.net.0.weight"] = normal(a, 1, 3, 3, scale=0.4)
            v[f"{one}.fn.to_kv.net.1.weight"] = normal(64, a, 1, 1)
            v[f"{one}.fn.to_out.weight"], v[f"{one}.fn.to_out.bias"] = normal(a, 32, 1, 1), normal(a)
            v[f"{two}.fn.0.weight"], v[f"{two}.fn.0.bias"] = normal(2 * a, a, 1, 1), normal(2 * a)
            v[f"{two}.fn.2.weight"], v[f"{two}.fn.2.bias"] = normal(a, 2 * a, 1, 1), normal(a)
    return v


def plain_style(v: dict[str, Any], z: Any, rate: float, normalize: bool = True) -> torch.Tensor:
    x = torch.as_tensor(z, dtype=torch.float64)
    if normalize:
        x = x / x.norm(dim=1, keepdim=True)
    i = 0
    while f"S.net.{i}.weight" in v:
        x = x @ v[f"S.net.{i}.weight"].double().T * rate + v[f"S.net.{i}.bias"].double() * rate
        x = torch.where(x > 0, x, 0.2 * x)
        i += 2
    return x


def plain(v: dict[str, Any], ws: Any, image: Any) -> torch.Tensor:
    """The picture in float64; image is the original's noise, (N, H, W, 1)."""
    v = {key[2:]: value.double() for key, value in v.items() if key.startswith("G.")}
    ws = torch.as_tensor(ws, dtype=torch.float64)
    image = torch.as_tensor(image, dtype=torch.float64)

    def linear(x: torch.Tensor, name: str) -> torch.Tensor:
        return x @ v[f"{name}.weight"].T + v[f"{name}.bias"]

    def conv(x: torch.Tensor, style: torch.Tensor, name: str, demodulate: bool = True) -> torch.Tensor:
        out = []
        for sample, s in zip(x, style, strict=True):
            own = v[f"{name}.weight"] * (s[:, None, None] + 1)
            if demodulate:
                own = own / (own.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
            out.append(F.conv2d(sample[None], own, padding=own.shape[-1] // 2))
        return torch.cat(out)

    def double(x: torch.Tensor) -> torch.Tensor:
        """Bilinear: each output pixel is 3/4 of the nearest input pixel and 1/4 of the next."""
        for axis in (2, 3):
            n = x.shape[axis]
            before = x.index_select(axis, torch.tensor([max(i - 1, 0) for i in range(n)]))
            after = x.index_select(axis, torch.tensor([min(i + 1, n - 1) for i in range(n)]))
            pair = torch.stack([0.75 * x + 0.25 * before, 0.75 * x + 0.25 * after], axis + 1)
            x = pair.flatten(axis, axis + 1)
        return x

    def smooth(x: torch.Tensor) -> torch.Tensor:
        """[1, 2, 1] / 4 both ways; the border mirrors without repeating its pixel."""
        for axis in (2, 3):
            n = x.shape[axis]
            before = x.index_select(axis, torch.tensor([1, *range(n - 1)]))
            after = x.index_select(axis, torch.tensor([*range(1, n), n - 2]))
            x = (before + 2 * x + after) / 4
        return x

    def lrelu(x: torch.Tensor) -> torch.Tensor:
        return torch.where(x > 0, x, 0.2 * x)

    def normed(x: torch.Tensor, name: str) -> torch.Tensor:
        x = x - x.mean(1, keepdim=True)
        return x / (x.square().mean(1, keepdim=True) + 1e-5).sqrt() * v[f"{name}.g"] + v[f"{name}.b"]

    def attended(x: torch.Tensor, name: str) -> torch.Tensor:
        n, _, height, width = x.shape
        y = normed(x, f"{name}.0.fn.norm")
        q = F.conv2d(y, v[f"{name}.0.fn.fn.to_q.weight"])
        deep = F.conv2d(y, v[f"{name}.0.fn.fn.to_kv.net.0.weight"], padding=1, groups=y.shape[1])
        k, value = F.conv2d(deep, v[f"{name}.0.fn.fn.to_kv.net.1.weight"]).chunk(2, 1)
        heads = []
        for h in range(8):
            part = slice(h * q.shape[1] // 8, (h + 1) * q.shape[1] // 8)
            qh, kh, vh = (t[:, part].flatten(2).transpose(1, 2) for t in (q, k, value))  # (N, HW, d)
            qh = qh.softmax(2) / math.sqrt(qh.shape[2])
            context = kh.softmax(1).transpose(1, 2) @ vh
            heads.append((qh @ context).transpose(1, 2).reshape(n, -1, height, width))
        y = torch.cat(heads, 1)
        y = y * 0.5 * (1 + torch.erf(y / math.sqrt(2)))
        x = x + F.conv2d(y, v[f"{name}.0.fn.fn.to_out.weight"], v[f"{name}.0.fn.fn.to_out.bias"])
        y = normed(x, f"{name}.1.fn.norm")
        y = lrelu(F.conv2d(y, v[f"{name}.1.fn.fn.0.weight"], v[f"{name}.1.fn.fn.0.bias"]))
        return x + F.conv2d(y, v[f"{name}.1.fn.fn.2.weight"], v[f"{name}.1.fn.fn.2.bias"])

    if "initial_block" in v:
        x = v["initial_block"].expand(len(ws), -1, -1, -1)
    else:
        x = torch.einsum("nd,dchw->nchw", ws.mean(1), v["to_initial_block.weight"])
    if "initial_conv.weight" in v:
        x = F.conv2d(x, v["initial_conv.weight"], v["initial_conv.bias"], padding=1)
    img = None
    for i in range(ws.shape[1]):
        block, w = f"blocks.{i}", ws[:, i]
        if f"attns.{i}.0.fn.norm.g" in v:
            x = attended(x, f"attns.{i}")
        x = double(x) if i else x
        seen = image[:, : x.shape[2], : x.shape[3]]
        for j in (1, 2):
            noise = linear(seen, f"{block}.to_noise{j}").permute(0, 3, 2, 1)
            x = lrelu(conv(x, linear(w, f"{block}.to_style{j}"), f"{block}.conv{j}") + noise)
        y = conv(x, linear(w, f"{block}.to_rgb.to_style"), f"{block}.to_rgb.conv", demodulate=False)
        if img is None:
            img = y
        else:
            img = double(img)
            img = y + (smooth(img) if f"blocks.{i - 1}.to_rgb.upsample.1.f" in v else img)
    return img


def both(trained: dict[str, Any], averaged: dict[str, Any]) -> dict[str, Any]:
    renamed = {key.replace("S.", "SE.", 1).replace("G.", "GE.", 1): value for key, value in averaged.items()}
    return {**trained, **renamed, "D.blocks.0.conv_res.weight": torch.zeros(2)}


@pytest.mark.parity
@pytest.mark.parametrize("entry", ["model_0.pt", ""])
def test_the_originals_pictures_come_back(shared: Path, entry: str) -> None:
    folder = shared / "zoo" / "lucidrains_32"
    check_claimed_by(folder / entry, NAME)
    generator = load(folder / entry)
    reference = np.load(folder / "reference.npz")
    z, noise = reference["z"], {0: torch.from_numpy(reference["noise"]).permute(0, 3, 1, 2)}
    with torch.inference_mode():
        close(generator.mapping(z)[:, 0], reference["w"])
        picture = generator(z, noise_maps=noise)
        close(picture, reference["img"])
        close(picture.clamp(0, 1), reference["img_clamped"])
        close(generator.synthesis(reference["ws_rand"], noise_maps=noise), reference["img_ws_rand"])
        close(generator.mean_latent[None], reference["w_av"])
        close(generator(z, None, 0.75, noise_maps=noise), reference["img_psi075"])


@pytest.mark.parametrize(
    "case",
    [
        {},
        {"rgb": 4},
        {"no_const": True},
        {"attention": (0, 2)},
        {"attention": (1,), "no_const": True, "rgb": 4, "channels": [5, 5, 4]},
        {"channels": [3, 3], "dim": 9, "layers": 1},
        {"blur": False},
        {"blur": False, "initial_conv": False},
    ],
)
def test_it_is_that_repositorys_network(case: dict[str, Any], tmp_path: Path) -> None:
    random = np.random.default_rng(4)
    sizes = {"channels": [6, 6, 5, 4], **case}
    trained, averaged = state(random, **sizes), state(random, **sizes)
    torch.save({"GAN": both(trained, averaged), "version": "1.9.0"}, tmp_path / "model_3.pt")
    side = {"image_size": 16, "network_capacity": 2, "lr_mlp": 0.3, "transparent": "rgb" in case}
    (tmp_path / ".config.json").write_text(json.dumps(side))
    check_claimed_by(tmp_path / "model_3.pt", NAME)
    generator = load(tmp_path / "model_3.pt")
    count, dim = len(sizes["channels"]) - 1, case.get("dim", 6)
    size = 4 * 2 ** (count - 1)
    assert (generator.info.img_resolution, generator.info.num_ws) == (size, count)
    z = random.standard_normal((2, dim))
    w = plain_style(averaged, z, 0.3)
    close(generator.mapping(z)[:, 0], w)
    image = random.random((2, size, size, 1))
    ws = random.standard_normal((2, count, dim))
    noise = {0: torch.from_numpy(image).float().permute(0, 3, 1, 2)}
    close_in_range(generator.synthesis(ws, noise_maps=noise), plain(averaged, ws, image))
    close_in_range(generator.synthesis(ws, "none"), plain(averaged, ws, np.zeros((2, size, size, 1))))
    check_seam(generator)
    torch.manual_seed(8)
    drawn = torch.empty(2, size, size, 1).uniform_(0.0, 1.0)
    torch.manual_seed(8)
    close_in_range(generator.synthesis(ws, "random"), plain(averaged, ws, drawn))
    assert any("discriminator" in note for note in generator.info.notes)


def test_the_mean_latent_lies_in_the_middle(tmp_path: Path) -> None:
    v = state(np.random.default_rng(4), channels=[6, 5, 4])
    torch.save({"GAN": v}, tmp_path / "m.pt")
    generator = load(tmp_path / "m.pt")
    z = np.random.default_rng(0).standard_normal((40000, 6))
    w = plain_style(v, z, 0.1)
    spread = float(w.std(0).mean())
    close(generator.mean_latent, w.mean(0), 0.1 * spread)
    close(generator.mapping(z[:2], None, 0.0)[:, 0], generator.mean_latent.expand(2, -1), 1e-7)
    assert any("no averaged generator" in note for note in generator.info.notes)


def test_without_a_side_file_the_usual_rate_is_taken(tmp_path: Path) -> None:
    v = state(np.random.default_rng(4), channels=[6, 5, 4])
    torch.save({"GAN": v}, tmp_path / "m.pt")
    (tmp_path / "config.json").write_text(json.dumps({"lr_mlp": 7.0}))  # another program's
    z = np.random.default_rng(1).standard_normal((2, 6))
    close(load(tmp_path / "m.pt").mapping(z)[:, 0], plain_style(v, z, 0.1))


def test_the_first_versions_had_a_plain_mapping(tmp_path: Path) -> None:
    sizes = {"channels": [6, 5, 4], "blur": False, "initial_conv": False}
    v = state(np.random.default_rng(4), dim=24, plain_mapping=True, **sizes)
    torch.save({"GAN": v}, tmp_path / "m.pt")
    z = np.random.default_rng(1).standard_normal((2, 24))
    close(load(tmp_path / "m.pt").mapping(z)[:, 0], plain_style(v, z, 1.0, normalize=False))


def test_pictures_between_0_and_1_become_bytes_by_rounding(tmp_path: Path) -> None:
    v = state(np.random.default_rng(4), channels=[6, 5, 4])
    torch.save({"GAN": v}, tmp_path / "m.pt")
    levels = torch.tensor([-0.2, 0.0, 0.0019, 0.002, 0.5, 0.998, 0.9981, 1.5]).reshape(1, 1, 2, 4)
    made = load(tmp_path / "m.pt").to_uint8(levels).flatten().tolist()
    assert made == [0, 0, 0, 1, 128, 254, 255, 255]


def test_older_attention_and_missing_parts_are_told(tmp_path: Path) -> None:
    v = state(np.random.default_rng(4), channels=[6, 5, 4], attention=(1,))
    old = {key.replace(".norm.g", ".g"): value for key, value in v.items()}
    torch.save({"GAN": old}, tmp_path / "old.pt")
    with pytest.raises(MismatchError, match="older kind"):
        load(tmp_path / "old.pt")
    del v["G.blocks.1.to_noise2.bias"]
    torch.save({"GAN": v}, tmp_path / "cut.pt")
    with pytest.raises(MismatchError, match=r"blocks\.1\.to_noise2\.bias is missing"):
        load(tmp_path / "cut.pt")
