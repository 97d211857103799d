from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import stylegan3_files as files
import torch
from nvidia_files import Module, plain_mapping, rendered, same, whole, write
from seam_checks import check_claimed_by, check_seam

from latentstudio.errors import InputError, MismatchError
from latentstudio.formats import read_checkpoint
from latentstudio.models.architectures import stylegan3_nvidia
from latentstudio.models.architectures.stylegan3_filters import filtered_leaky_relu
from latentstudio.models.generator import State
from latentstudio.models.registry import load_generator

MOVE = torch.tensor([[0.9, 0.3, 0.1], [-0.25, 1.1, -0.07], [0, 0, 1]])

VARIANTS = {
    "T": {},
    "R": {"kernel": 1, "radial": True},
    "wide": {"resolution": (24, 16), "clamp": 1.0},
    "tall R with labels": {"resolution": (16, 32), "kernel": 1, "radial": True, "c_dim": 3},
    "grey without clamp": {"img_channels": 1, "clamp": None, "filter_size": 3, "margin": 3},
    "four channels, upsampled 4": {"img_channels": 4, "lrelu_upsampling": 4, "critical": 1},
    "many layers": {"layers": 9, "mapping_layers": 5, "w_dim": 12, "z_dim": 5},
    "no upsampling": {"lrelu_upsampling": 1},
}


def opened(tmp_path, model):
    return load_generator(write(tmp_path / "network.pkl", whole(model)))


def ws_of(generator, count=2, seed=1):
    shape = (count, generator.info.num_ws, generator.info.w_dim)
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def by_stages(generator, ws, **options):
    inputs, state = generator.inputs(ws, **options), State()
    for index in range(len(generator.stages)):
        state = generator.run_stage(index, state, inputs)
        yield state


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
    cut = generator.mapping(z, c, 1.5, 2)
    same(cut[:, 1], average + 1.5 * (expected - average))
    same(cut[:, 2], expected)

    ws = ws_of(generator)
    picture, _ = files.plain_synthesis(model, ws)
    same(generator.synthesis(ws), picture)
    alone, _ = files.plain_synthesis(model, ws[1:])
    same(generator.synthesis(ws[1:]), alone)
    moved, _ = files.plain_synthesis(model, ws, MOVE)
    same(generator.synthesis(ws, transform=MOVE), moved)
    assert float((moved - picture).abs().max()) > 0.01


def test_stages_follow_one_another_as_the_whole_does(tmp_path):
    model = files.make(resolution=(24, 16))
    generator = opened(tmp_path, model)
    ws = ws_of(generator)
    picture, features = files.plain_synthesis(model, ws)
    states = list(by_stages(generator, ws))
    for stage, state, expected in zip(generator.stages, states, features, strict=True):
        assert tuple(expected.shape[2:]) == stage.resolution
        same(state.x, expected)
    same(generator.image(states[-1]), picture)
    torch.testing.assert_close(generator.image(states[-1]), generator.synthesis(ws))


@pytest.mark.parametrize("options", [{}, {"kernel": 1, "radial": True, "resolution": (24, 16)}])
def test_stages_tell_the_truth_and_carry_gradients(tmp_path, options):
    check_seam(opened(tmp_path, files.make(**options)))


def test_a_stage_reads_the_row_it_names_and_no_other(tmp_path):
    generator = opened(tmp_path, files.make())
    ws = ws_of(generator, 1)
    before = [state.x for state in by_stages(generator, ws)]
    for row in range(generator.info.num_ws):
        changed = ws.clone()
        changed[:, row] += 1
        after = [state.x for state in by_stages(generator, changed)]
        first = next(i for i, (a, b) in enumerate(zip(before, after, strict=True)) if not torch.equal(a, b))
        assert generator.stages[first].ws_rows == (row,)
    assert [stage.reads_transform for stage in generator.stages] == [True, *[False] * (len(before) - 1)]


def test_the_generator_says_what_it_is(tmp_path):
    info = opened(tmp_path, files.make((24, 16), c_dim=3)).info
    assert (info.architecture, info.family) == ("stylegan3", "StyleGAN3")
    assert (info.img_size, info.img_resolution, info.img_channels) == ((16, 24), 24, 3)
    assert (info.c_dim, info.num_ws) == (3, 8)
    assert info.has_transform
    assert not info.has_noise
    assert "holds a discriminator" in info.notes


def test_noise_modes_are_accepted_and_change_nothing(tmp_path):
    generator = opened(tmp_path, files.make())
    ws = ws_of(generator, 1)
    assert torch.equal(generator.synthesis(ws, "random"), generator.synthesis(ws, "none"))
    assert generator.draw_noise(3) == {}


def test_a_transform_leaves_nothing_behind(tmp_path):
    generator = opened(tmp_path, files.make())
    ws = ws_of(generator, 1)
    before = generator.synthesis(ws)
    generator.synthesis(ws, transform=MOVE)
    assert torch.equal(generator.synthesis(ws), before)
    assert torch.equal(generator.synthesis(ws, transform=torch.eye(3)), before)


def test_a_stored_transform_is_set_aside_and_told(tmp_path):
    model = files.make(transform=MOVE)
    generator = opened(tmp_path, model)
    ws = ws_of(generator, 1)
    picture, _ = files.plain_synthesis(model, ws)
    same(generator.synthesis(ws), picture)
    assert any("transform" in note for note in generator.info.notes)
    assert not any("transform" in note for note in opened(tmp_path, files.make()).info.notes)


@pytest.mark.parametrize("transform", [np.zeros((3, 3)), np.eye(2), np.full((3, 3), np.nan)])
def test_a_transform_that_is_none_is_refused(tmp_path, transform):
    generator = opened(tmp_path, files.make())
    with pytest.raises(InputError):
        generator.synthesis(ws_of(generator, 1), transform=transform)


def test_a_picture_does_not_depend_on_its_neighbours(tmp_path):
    generator = opened(tmp_path, files.make())
    ws = ws_of(generator, 3)
    ws[2] *= 1e4
    alone = generator.synthesis(ws[:1])
    torch.testing.assert_close(generator.synthesis(ws)[:1], alone, atol=1e-6, rtol=0)


def test_gradients_reach_ws_transform_and_weights(tmp_path):
    generator = opened(tmp_path, files.make(kernel=1, radial=True))
    ws = ws_of(generator, 1)
    plain = generator.synthesis(ws)
    generator.requires_grad_(True)
    ws.requires_grad_(True)
    move = MOVE.clone().requires_grad_(True)
    torch.testing.assert_close(generator.synthesis(ws).detach(), plain, atol=1e-6, rtol=0)
    generator.synthesis(ws, transform=move).square().sum().backward()
    assert all(float(ws.grad[0, row].abs().max()) > 0 for row in range(generator.info.num_ws))
    assert float(move.grad.abs().max()) > 0
    names = [name for name, value in generator.named_parameters() if value.grad is None]
    assert all(name.startswith("mapping_network") for name in names)


def test_a_batch_of_one_and_of_two_agree_while_training(tmp_path):
    generator = opened(tmp_path, files.make()).requires_grad_(True)
    ws = ws_of(generator)
    torch.testing.assert_close(generator.synthesis(ws)[:1], generator.synthesis(ws[:1]), atol=1e-6, rtol=0)


def test_style_weights_belong_to_the_layers_in_order(tmp_path):
    model = files.make()
    generator = opened(tmp_path, model)
    weights = generator.style_weights()
    assert [weight.row for weight in weights] == list(range(1, generator.info.num_ws))
    for weight in weights:
        affine = model.find(f"synthesis.{weight.layer}.affine")
        expected = affine.parameters["weight"] * affine.attributes["weight_gain"]
        torch.testing.assert_close(weight.weight, expected.float())


def test_offsets_of_styles_do_what_a_move_of_w_does(tmp_path):
    generator = opened(tmp_path, files.make())
    ws, step = ws_of(generator), torch.linspace(-1, 1, generator.info.w_dim)
    assert generator.has_style_edits
    for style in generator.style_weights():
        moved = ws.clone()
        moved[:, style.row] += step
        offsets = {style.layer: style.weight @ step}
        inputs, state = dataclasses.replace(generator.inputs(ws), style_offsets=offsets), State()
        for index in range(len(generator.stages)):
            state = generator.run_stage(index, state, inputs)
        torch.testing.assert_close(generator.image(state), generator.synthesis(moved), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_pickle_protocol_is_read(tmp_path, protocol):
    model = files.make()
    path = write(tmp_path / "network.pkl", whole(model), protocol)
    generator = load_generator(path)
    ws = ws_of(generator, 1)
    picture, _ = files.plain_synthesis(model, ws)
    same(generator.synthesis(ws), picture)


def test_exactly_one_architecture_claims_the_file(tmp_path):
    for root in (whole(files.make()), files.make(), {"G_ema": files.make()}):
        check_claimed_by(write(tmp_path / "network.pkl", root), "stylegan3-nvidia")
    other = {"G_ema": Module("Generator", children={"synthesis": Module("SynthesisNetwork")})}
    assert not stylegan3_nvidia.claims(read_checkpoint(write(tmp_path / "network.pkl", other)))


def without(model, path, name):
    module = model.find(path)
    for group in (module.parameters, module.buffers, module.attributes, module.children):
        group.pop(name, None)


DAMAGE = {
    "no bias": lambda model: without(model, "synthesis.L2_26_8", "bias"),
    "no mean": lambda model: without(model, "mapping", "w_avg"),
    "no layer names": lambda model: without(model, "synthesis", "layer_names"),
    "no layers at all": lambda model: model.find("synthesis").attributes.update(layer_names=[]),
    "no such layer": lambda model: model.find("synthesis").attributes["layer_names"].append("L99"),
    "a shorter filter": lambda model: model.find("synthesis.L2_26_8").buffers.update(
        down_filter=torch.ones(7)
    ),
    "a filter of no dimension": lambda model: model.find("synthesis.L2_26_8").buffers.update(
        down_filter=torch.ones(())
    ),
    "other channels": lambda model: model.find("synthesis.L2_26_8").parameters.update(
        weight=torch.ones(8, 5, 3, 3)
    ),
    "a flat kernel": lambda model: model.find("synthesis.L2_26_8").parameters.update(weight=torch.ones(8, 8)),
    "a factor of nothing": lambda model: model.find("synthesis.L2_26_8").attributes.update(down_factor=0),
    "five numbers of padding": lambda model: model.find("synthesis.L2_26_8").attributes.update(
        padding=[1] * 5
    ),
    "a wrong number of rows": lambda model: model.find("synthesis").attributes.update(num_ws=3),
    "an unknown activation": lambda model: model.find("mapping.fc0").attributes.update(activation="swish"),
    "a part of its own": lambda model: model.find("mapping").buffers.update(embed_proj=torch.ones(3)),
    "odd waves": lambda model: model.find("synthesis.input").buffers.update(freqs=torch.ones(8, 3)),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_what_does_not_fit_is_told_in_a_sentence(tmp_path, damage):
    model = files.make()
    assert "L2_26_8" in model.find("synthesis").children
    damage(model)
    path = write(tmp_path / "network.pkl", whole(model))
    with pytest.raises(MismatchError, match="StyleGAN3"):
        load_generator(path)


# --- the filtered activation alone ---------------------------------------------------------------------


@pytest.mark.parametrize("padding", [(9, 8, 9, 8), (3, 2, 7, 5), (-3, -2, 4, 1), (-6, -9, -6, -9)])
@pytest.mark.parametrize(
    ("up", "down", "up_taps", "down_taps"),
    [(2, 2, (12,), (12,)), (4, 2, (24,), (12, 12)), (1, 2, (3,), (8,)), (3, 2, (5,), (4, 4)),
     (2, 1, (4,), (3,)), (2, 2, (6, 6), (6,)), (2, 3, None, (5,)), (1, 1, (5,), None)],
)  # fmt: skip
def test_the_filtered_activation_is_what_its_definition_says(up, down, up_taps, down_taps, padding):
    random = files.Random(4)
    one = torch.ones(1)
    first = None if up_taps is None else random.normal(*up_taps)
    second = None if down_taps is None else random.normal(*down_taps)
    for size in ((31, 38), (62, 30)):
        x = random.normal(2, 3, *size)
        y = files.plain_resample(x, one if first is None else first, up=up, padding=padding, gain=up**2)
        y = torch.where(y > 0, y, 0.2 * y).mul(2**0.5).clamp(-3, 3)
        expected = files.plain_resample(y, one if second is None else second, down=down)
        for given in (x, x.contiguous(memory_format=torch.channels_last), x.clone().requires_grad_()):
            result = filtered_leaky_relu(given, first, second, up=up, down=down, padding=padding, clamp=3.0)
            same(result, expected, 3e-6)
            assert torch.equal(given, x)


def test_filters_longer_than_the_features_are_refused():
    with pytest.raises(ValueError, match="leave nothing"):
        filtered_leaky_relu(
            torch.ones(1, 1, 3, 3), torch.ones(4), torch.ones(40), up=2, down=2, padding=(0, 0, 0, 0)
        )


# --- what the original implementation gave ---------------------------------------------------------------


@pytest.fixture(scope="module", params=["sg3t_small", "sg3r_small"])
def reference(request, shared):
    folder = shared / "zoo" / request.param
    check_claimed_by(folder / "checkpoint_nosrc.pkl", "stylegan3-nvidia")
    generator = load_generator(folder / "checkpoint_nosrc.pkl")
    about = json.loads((folder / "about.json").read_text())
    with np.load(folder / "reference.npz") as arrays:
        return generator, {name: arrays[name] for name in arrays.files}, about


def close(result, expected):
    np.testing.assert_allclose(result.numpy(), expected, atol=1e-5, rtol=0)


@pytest.mark.parity
def test_the_original_pictures_come_out(reference):
    generator, stored, _ = reference
    cases = {"psi1": (1, None), "psi07": (0.7, None), "psi07_cut4": (0.7, 4), "psi15": (1.5, None)}
    for name, truncation in {**cases, "psi_neg05": (-0.5, None)}.items():
        ws = generator.mapping(stored["z"], None, *truncation)
        close(ws, stored[f"w_{name}"])
        if f"img_{name}" in stored:
            close(generator.synthesis(ws), stored[f"img_{name}"])
    ws = stored["w_psi1"]
    close(generator.synthesis(ws, "none"), stored["img_nonoise"])
    close(generator.synthesis(ws, "random"), stored["img_noise_random_seed123"])
    close(generator.synthesis(ws[:1]), stored["img_psi1_first_alone"])
    close(generator.synthesis(stored["ws_rand"]), stored["img_ws_rand"])
    for name in ("rot30", "trans", "rot_trans"):
        close(generator.synthesis(ws, transform=stored[f"transform_user_{name}"]), stored[f"img_{name}"])
    uint8 = generator.to_uint8(generator.synthesis(ws)).int()
    original = generator.to_uint8(torch.from_numpy(stored["img_psi1"])).int()
    assert int((uint8 - original).abs().max()) <= 1


@pytest.mark.parity
def test_the_original_windows_pictures_come_out(reference):
    generator, stored, about = reference
    for name, args in about["render_args"].items():
        if "untransform" in args:
            continue  # resampled for the window after the network; no generator does that here
        picture, statistics = rendered(generator, args)
        difference = np.abs(picture.astype(int) - stored[name])
        assert difference.max() <= 1, name
        assert (difference > 0).mean() < 1e-3, name
        np.testing.assert_allclose(statistics, stored[f"{name}_stats"], atol=1e-5, rtol=0, err_msg=name)
