"""Tiny autoencoders: halves that find each other, and the network stated with torch's own layers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from seam_checks import check_claimed_by, check_seam, close_in_range, load
from torch import nn

from latentstudio.errors import InputError, MismatchError

NAME = "tiny-autoencoder"
Arrays = dict[str, torch.Tensor]


def conv(v: Arrays, name: str, inside: int, out: int, size: int = 3, bias: bool = True) -> None:
    v[f"{name}.weight"] = torch.randn(out, inside, size, size) / (inside * size * size) ** 0.5
    if bias:
        v[f"{name}.bias"] = torch.randn(out) * 0.1


def block(v: Arrays, name: str, inside: int, out: int, pool: bool) -> None:
    for i in range(3):
        conv(v, f"{name}.conv.{2 * i}", inside if i == 0 else out, out)
    if inside != out:
        conv(v, f"{name}.skip", inside, out, 1, bias=False)
    if pool:
        conv(v, f"{name}.pool.0", inside, 4 * inside, 1, bias=False)
        v[f"{name}.pool.1.weight"], v[f"{name}.pool.1.bias"] = torch.randn(2, 4 * inside)
        conv(v, f"{name}.pool.3", 4 * inside, inside, 1, bias=False)


def halves(latent: int = 5, width: int = 8, pool: bool = True, doublings: int = 2) -> tuple[Arrays, Arrays]:
    """Decoder (0 is the clamp, 2 a ReLU, then block, upsampling, convolution, ...) and encoder."""
    torch.manual_seed(7)
    decoder: Arrays = {}
    conv(decoder, "1", latent, width)
    index = 3
    for i in range(doublings):
        block(decoder, str(index), width, width, pool and i == 0)
        conv(decoder, str(index + 2), width, width, bias=False)
        index += 3
    block(decoder, str(index), width, width, False)
    conv(decoder, str(index + 1), width, 3)
    encoder: Arrays = {}
    conv(encoder, "0", 3, width)
    block(encoder, "1", width, width, False)
    index = 2
    for i in range(doublings):
        conv(encoder, str(index), width, width, bias=False)
        block(encoder, str(index + 1), width, width, pool and i == doublings - 1)
        index += 2
    conv(encoder, str(index), width, latent)
    return decoder, encoder


def plain_block(v: Arrays, name: str, x: torch.Tensor) -> torch.Tensor:
    if f"{name}.pool.0.weight" in v:
        y = F.conv2d(x, v[f"{name}.pool.0.weight"])
        y = F.group_norm(y, 4, v[f"{name}.pool.1.weight"], v[f"{name}.pool.1.bias"])
        x = x + F.conv2d(F.relu(y), v[f"{name}.pool.3.weight"])
    y = x
    for i in range(3):
        y = F.conv2d(y, v[f"{name}.conv.{2 * i}.weight"], v[f"{name}.conv.{2 * i}.bias"], padding=1)
        y = F.relu(y) if i < 2 else y
    skip = v.get(f"{name}.skip.weight")
    return F.relu(y + (x if skip is None else F.conv2d(x, skip)))


def plain_decoder(v: Arrays, z: torch.Tensor) -> torch.Tensor:
    x = F.relu(F.conv2d(3 * torch.tanh(z / 3), v["1.weight"], v["1.bias"], padding=1))
    last = max(int(key.partition(".")[0]) for key in v)
    for i in range(3, last + 1):
        if f"{i}.conv.0.weight" in v:
            x = plain_block(v, str(i), x)
        elif f"{i}.weight" in v:
            if f"{i}.bias" not in v:
                x = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
            x = F.conv2d(x, v[f"{i}.weight"], v.get(f"{i}.bias"), padding=1)
    return x


def plain_encoder(v: Arrays, x: torch.Tensor) -> torch.Tensor:
    last = max(int(key.partition(".")[0]) for key in v)
    for i in range(last + 1):
        if f"{i}.conv.0.weight" in v:
            x = plain_block(v, str(i), x)
        else:
            stride = 1 if f"{i}.bias" in v else 2
            x = F.conv2d(x, v[f"{i}.weight"], v.get(f"{i}.bias"), stride, padding=1)
    return x


@pytest.mark.parametrize(("pool", "opened"), [(True, "b_decoder.pth"), (False, "a_encoder.pth")])
def test_each_half_finds_the_other_by_content(tmp_path: Path, pool: bool, opened: str) -> None:
    decoder, encoder = halves(pool=pool)
    torch.save(decoder, tmp_path / "b_decoder.pth")
    torch.save(encoder, tmp_path / "a_encoder.pth")
    torch.save(halves(latent=4)[1], tmp_path / "0_other_encoder.pth")
    torch.save({"nothing": torch.zeros(3)}, tmp_path / "0.pth")
    (tmp_path / "1.pth").write_text("not a model")
    check_claimed_by(tmp_path / opened, NAME)
    generator = load(tmp_path / opened, {"resolution": 64})
    info = generator.info
    assert (info.z_shape, info.z_dim, info.img_size) == ((5, 16, 16), 5 * 256, (64, 64))
    z = torch.randn(2, info.z_dim)
    close_in_range(generator(z), plain_decoder(decoder, z.reshape(2, 5, 16, 16)))
    images = torch.rand(2, 3, 64, 64) * 2 - 1
    close_in_range(generator.encode(images), plain_encoder(encoder, (images + 1) / 2).flatten(1))
    assert generator.encode(torch.zeros(1, 3, 100, 80)).shape == (1, info.z_dim)
    check_seam(generator)


def test_a_folder_with_both_halves_opens_as_one_model(tmp_path: Path) -> None:
    decoder, encoder = halves()
    torch.save(decoder, tmp_path / "tiny_decoder.pth")
    torch.save(encoder, tmp_path / "tiny_encoder.pth")
    generator = load(tmp_path, {"resolution": 64})
    assert generator.info.has_encoder
    z = torch.randn(1, generator.info.z_dim)
    close_in_range(generator(z), plain_decoder(decoder, z.reshape(1, *generator.z_shape)))


def test_a_decoder_alone_opens_without_encoder_and_an_encoder_alone_says_what_is_missing(
    tmp_path: Path,
) -> None:
    decoder, encoder = halves()
    for name, arrays in (("d", decoder), ("e", encoder)):
        (tmp_path / name).mkdir()
        torch.save(arrays, tmp_path / name / "half.pth")
    generator = load(tmp_path / "d" / "half.pth", {"resolution": 64})
    assert not generator.info.has_encoder
    with pytest.raises(InputError, match="no encoder"):
        generator.encode(torch.zeros(1, 3, 64, 64))
    with pytest.raises(MismatchError, match="no decoder lies beside it"):
        load(tmp_path / "e" / "half.pth")


def test_both_halves_in_one_file(tmp_path: Path) -> None:
    decoder, encoder = halves(doublings=3)
    arrays = {f"decoder.{k}": v for k, v in decoder.items()} | {f"encoder.{k}": v for k, v in encoder.items()}
    torch.save(arrays, tmp_path / "both.pth")
    check_claimed_by(tmp_path / "both.pth", NAME)
    generator = load(tmp_path / "both.pth", {"resolution": 64})
    assert generator.info.has_encoder
    z = torch.randn(1, generator.info.z_dim)
    close_in_range(generator(z), plain_decoder(decoder, z.reshape(1, *generator.z_shape)))


def test_diffusers_counts_from_zero_and_gives_pictures_from_minus_one(tmp_path: Path) -> None:
    decoder, encoder = halves()
    arrays = {f"encoder.layers.{k}": v for k, v in encoder.items()}
    for key, value in decoder.items():
        index, _, rest = key.partition(".")
        arrays[f"decoder.layers.{int(index) - 1}.{rest}"] = value
    torch.save(arrays, tmp_path / "diffusion_pytorch_model.bin")
    check_claimed_by(tmp_path / "diffusion_pytorch_model.bin", NAME)
    generator = load(tmp_path / "diffusion_pytorch_model.bin", {"resolution": 64})
    z = torch.randn(1, generator.info.z_dim)
    close_in_range(generator(z), plain_decoder(decoder, z.reshape(1, *generator.z_shape)) * 2 - 1)
    assert generator.to_uint8(torch.tensor([-1.0, 0.0, 1.0]).reshape(1, 3, 1, 1)).flatten().tolist() == [
        0,
        127,
        255,
    ]


def test_wider_starts_with_shortcut_convolutions(tmp_path: Path) -> None:
    torch.manual_seed(1)
    v: Arrays = {}
    conv(v, "1", 4, 16)
    block(v, "3", 16, 16, False)
    conv(v, "5", 16, 8, bias=False)
    block(v, "6", 8, 6, False)
    conv(v, "7", 6, 3)
    torch.save(v, tmp_path / "d.pth")
    generator = load(tmp_path / "d.pth", {"resolution": 64})
    z = torch.randn(1, generator.info.z_dim)
    close_in_range(generator(z), plain_decoder(v, z.reshape(1, *generator.z_shape)))


def test_a_half_without_a_layer_is_refused_by_name(tmp_path: Path) -> None:
    decoder, _ = halves()
    del decoder["3.conv.0.weight"]
    torch.save(decoder, tmp_path / "d.pth")
    with pytest.raises(MismatchError, match="tiny autoencoder"):
        load(tmp_path / "d.pth")


def test_plain_stacks_are_not_taken_for_one(tmp_path: Path) -> None:
    network = nn.Sequential(nn.Conv2d(5, 8, 3), nn.ReLU(), nn.Conv2d(8, 3, 3))
    torch.save(network.state_dict(), tmp_path / "x.pth")
    with pytest.raises(Exception, match="no family here knows it"):
        load(tmp_path / "x.pth")


@pytest.mark.parity
def test_taef2_gives_photographs_back(shared: Path) -> None:
    folder = shared / "weights" / "taef2"
    check_claimed_by(folder / "taef2_decoder.pth", NAME)
    generator = load(folder / "taef2_decoder.pth")
    assert generator.info.z_shape == (32, 32, 32)
    photo = Image.open(shared / "photos" / "astronaut.png").convert("RGB").crop((0, 0, 512, 512))
    pixels = np.asarray(photo.resize((256, 256), Image.Resampling.LANCZOS), np.float32)
    x = torch.from_numpy(pixels).permute(2, 0, 1)[None] / 127.5 - 1
    again = generator(generator.encode(x))
    assert float((again.clamp(0, 1) - (x + 1) / 2).abs().mean()) < 0.03
