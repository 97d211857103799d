from __future__ import annotations

import json

import numpy as np
import pytest
import stylegan2_files as files
import torch
from nvidia_files import Module, plain_mapping, rendered, same, whole, write
from seam_checks import check_claimed_by, check_seam

from latentstudio.errors import MismatchError
from latentstudio.formats import read_checkpoint
from latentstudio.models.architectures import stylegan2_nvidia
from latentstudio.models.registry import load_generator

VARIANTS = {
    "plain": {},
    "orig": {"architecture": "orig"},
    "resnet": {"architecture": "resnet"},
    "resnet, small clamp": {"architecture": "resnet", "clamp": 0.4},
    "no clamp": {"clamp": None},
    "small clamp": {"clamp": 0.5},
    "no noise": {"noise": False},
    "labels": {"c_dim": 3},
    "many mapping layers": {"mapping_layers": 5, "z_dim": 6, "w_dim": 10},
    "one mapping layer, grey": {"mapping_layers": 1, "img_channels": 1},
    "wide": {"const": (4, 6), "channels": (6, 5, 7, 4)},
    "tall": {"const": (7, 3), "architecture": "resnet"},
    "one block": {"channels": (8,)},
    "half precision flags": {"fp16_from": 1},
    **{f"{taps} taps": {"taps": taps} for taps in (1, 2, 3, 5, 8, 9)},
    **{f"{taps} lopsided taps": {"taps": taps, "lopsided": True} for taps in (3, 4, 6, 8, 11)},
    **{
        f"resnet, {taps} lopsided taps": {"taps": taps, "lopsided": True, "architecture": "resnet"}
        for taps in (2, 5, 9)
    },
}


def opened(tmp_path, model, protocol=4):
    return load_generator(write(tmp_path / "network.pkl", whole(model), protocol))


def ws_of(generator, count=2, seed=1):
    shape = (count, generator.info.num_ws, generator.info.w_dim)
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS.keys())
def test_every_variant_gives_what_the_plain_mathematics_gives(tmp_path, options):
    model = files.make(**options)
    generator = opened(tmp_path, model)
    mapping = model.find("mapping")
    z = torch.randn((3, generator.info.z_dim), generator=torch.Generator().manual_seed(2))
    c = torch.tensor([[0.0, 1, 0], [1, 0, 0], [0.2, 0.5, 0.3]]) if generator.info.c_dim else None
    expected = plain_mapping(mapping, z, c)
    same(generator.mapping(z, c)[:, 0], expected)
    average = mapping.buffers["w_avg"].double()
    cut = generator.mapping(z, c, -0.5, 1)
    same(cut[:, 0], average - 0.5 * (expected - average))
    same(cut[:, 1], expected)

    ws = ws_of(generator)
    same(generator.synthesis(ws), files.plain_synthesis(model, ws))
    same(generator.synthesis(ws[1:]), files.plain_synthesis(model, ws[1:]))
    same(generator.synthesis(ws, "none"), files.plain_synthesis(model, ws, "none"))
    torch.manual_seed(7)
    maps = [torch.randn(2, 1, *shape) for shape in generator.noise_shapes]
    torch.manual_seed(7)
    same(generator.synthesis(ws, "random"), files.plain_synthesis(model, ws, "random", maps))


@pytest.mark.parametrize("options", [{}, {"architecture": "resnet"}, {"architecture": "orig"}])
def test_stages_tell_the_truth_and_carry_gradients(tmp_path, options):
    check_seam(opened(tmp_path, files.make(**options)))


def test_the_generator_says_what_it_is(tmp_path):
    info = opened(tmp_path, files.make(const=(4, 6), c_dim=3, img_channels=4)).info
    assert (info.architecture, info.family) == ("stylegan2", "StyleGAN2")
    assert (info.img_size, info.img_resolution, info.img_channels) == ((16, 24), 24, 4)
    assert (info.c_dim, info.num_ws, info.z_dim, info.w_dim) == (3, 6, 8, 8)
    assert info.has_noise
    assert not info.has_transform
    assert info.notes == ("holds a discriminator",)
    assert not opened(tmp_path, files.make(noise=False)).info.has_noise


def test_style_weights_are_what_the_affines_do(tmp_path):
    model = files.make()
    weights = opened(tmp_path, model).style_weights()
    rows = {weight.layer: weight.row for weight in weights}
    assert [rows[f"b8.{name}"] for name in ("conv0", "conv1", "torgb")] == [1, 2, 3]
    assert rows["b4.torgb"] == rows["b8.conv0"]
    for weight in weights:
        affine = model.find(f"synthesis.{weight.layer}.affine")
        expected = affine.parameters["weight"] * affine.attributes["weight_gain"]
        torch.testing.assert_close(weight.weight, expected.float())


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_pickle_protocol_is_read(tmp_path, protocol):
    model = files.make()
    path = write(tmp_path / "network.pkl", whole(model), protocol)
    # Before protocol 3 bytes had to travel as text.
    assert (b"_codecs" in path.read_bytes()) == (protocol == 2)
    generator = load_generator(path)
    ws = ws_of(generator)
    same(generator.synthesis(ws), files.plain_synthesis(model, ws))


def test_weights_with_channels_last_are_read(tmp_path):
    model = files.make()
    for name in ("b8.conv0", "b16.conv1"):
        layer = model.find(f"synthesis.{name}")
        layer.parameters["weight"] = layer.parameters["weight"].contiguous(memory_format=torch.channels_last)
    generator = opened(tmp_path, model)
    ws = ws_of(generator)
    same(generator.synthesis(ws), files.plain_synthesis(model, ws))


def test_the_averaged_generator_is_preferred(tmp_path):
    averaged, trained = files.make(seed=1), files.make(seed=2)
    path = tmp_path / "network.pkl"
    generator = load_generator(write(path, {"G": trained, "D": None, "G_ema": averaged}))
    ws = ws_of(generator)
    same(generator.synthesis(ws), files.plain_synthesis(averaged, ws))
    assert generator.info.notes == ()
    generator = load_generator(write(path, {"G": trained, "D": None, "G_ema": None}))
    same(generator.synthesis(ws), files.plain_synthesis(trained, ws))
    assert any("no averaged generator" in note for note in generator.info.notes)


def test_exactly_one_architecture_claims_the_file(tmp_path):
    for root in (whole(files.make()), files.make(), {"G_ema": files.make()}, {"G": files.make()}):
        check_claimed_by(write(tmp_path / "network.pkl", root), "stylegan2-nvidia")
    other = {"G_ema": Module("Generator", children={"synthesis": Module("SynthesisNetwork")})}
    assert not stylegan2_nvidia.claims(read_checkpoint(write(tmp_path / "network.pkl", other)))
    assert not stylegan2_nvidia.claims(read_checkpoint(write(tmp_path / "network.pkl", {"G_ema": None})))


def without(model, path, name):
    module = model.find(path)
    for group in (module.parameters, module.buffers, module.attributes, module.children):
        group.pop(name, None)


DAMAGE = {
    "no bias": lambda model: without(model, "synthesis.b8.conv0", "bias"),
    "no mean": lambda model: without(model, "mapping", "w_avg"),
    "no constant": lambda model: without(model, "synthesis.b4", "const"),
    "no filter": lambda model: without(model, "synthesis.b8.conv0", "resample_filter"),
    "no head": lambda model: without(model, "synthesis.b16", "torgb"),
    "no synthesis settings": lambda model: without(model, "synthesis", "img_channels"),
    "a missing block": lambda model: without(model, "synthesis", "b8"),
    "a missing layer of the mapping": lambda model: without(model, "mapping", "fc1"),
    "other channels": lambda model: model.find("synthesis.b8.conv1").parameters.update(
        weight=torch.ones(8, 3, 3, 3)
    ),
    "a flat kernel": lambda model: model.find("synthesis.b8.conv1").parameters.update(
        weight=torch.ones(8, 8)
    ),
    "an unknown activation": lambda model: model.find("synthesis.b8.conv1").attributes.update(
        activation="swish"
    ),
    "two architectures": lambda model: model.find("synthesis.b8").attributes.update(architecture="resnet"),
    "noise of another size": lambda model: model.find("synthesis.b8.conv1").buffers.update(
        noise_const=torch.ones(9, 8)
    ),
    "too few rows": lambda model: (
        model.find("synthesis").attributes.update(num_ws=3),
        model.find("mapping").attributes.update(num_ws=3),
    ),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_what_does_not_fit_is_told_in_a_sentence(tmp_path, damage):
    model = files.make()
    damage(model)
    path = write(tmp_path / "network.pkl", whole(model))
    with pytest.raises(MismatchError, match="StyleGAN2"):
        load_generator(path)


# --- what the original implementation gave ---------------------------------------------------------------

ZOO = (
    "sg2ada_uncond/checkpoint_nosrc.pkl",
    "sg2ada_uncond/variant_augpipe_nosrc.pkl",
    "sg2ada_uncond/variant_proto2_nosrc.pkl",
    "sg2ada_cond3/checkpoint_nosrc.pkl",
    "sg2ada_resnet/checkpoint_nosrc.pkl",
    "sg3repo_sg2_uncond/checkpoint_nosrc.pkl",
)


@pytest.fixture(scope="module", params=ZOO)
def reference(request, shared):
    path = shared / "zoo" / request.param
    check_claimed_by(path, "stylegan2-nvidia")
    generator = load_generator(path)
    about = json.loads((path.parent / "about.json").read_text())
    with np.load(path.parent / "reference.npz") as arrays:
        return generator, {name: arrays[name] for name in arrays.files}, about


def close(result, expected):
    np.testing.assert_allclose(result.numpy(), expected, atol=1e-5, rtol=0)


@pytest.mark.parity
def test_the_original_pictures_come_out(reference):
    generator, stored, _ = reference
    c = stored["c"] if generator.info.c_dim else None
    cases = {"psi1": (1, None), "psi07": (0.7, None), "psi07_cut4": (0.7, 4), "psi15": (1.5, None)}
    for name, truncation in {**cases, "psi_neg05": (-0.5, None)}.items():
        ws = generator.mapping(stored["z"], c, *truncation)
        close(ws, stored[f"w_{name}"])
        if f"img_{name}" in stored:
            close(generator.synthesis(ws), stored[f"img_{name}"])
    ws = stored["w_psi1"]
    close(generator.synthesis(ws, "none"), stored["img_nonoise"])
    close(generator.synthesis(ws[:1]), stored["img_psi1_first_alone"])
    close(generator.synthesis(stored["ws_rand"]), stored["img_ws_rand"])
    torch.manual_seed(123)
    close(generator.synthesis(ws, "random"), stored["img_noise_random_seed123"])
    maps = generator.draw_noise(123, len(ws))
    close(generator.synthesis(ws, noise_maps=maps), stored["img_noise_random_seed123"])


@pytest.mark.parity
def test_the_original_windows_pictures_come_out(reference):
    generator, stored, about = reference
    for name, args in about.get("render_args", {}).items():
        picture, statistics = rendered(generator, args)
        difference = np.abs(picture.astype(int) - stored[name])
        assert difference.max() <= 1, name
        assert (difference > 0).mean() < 1e-3, name
        np.testing.assert_allclose(statistics, stored[f"{name}_stats"], atol=1e-5, rtol=0, err_msg=name)
