from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import numpy as np
import platformdirs
import pytest
import torch
from mobile_stylegan_files import Pair, draw_slowly, map_slowly

from latentstudio.errors import MismatchError
from latentstudio.formats import Contents, read_checkpoint
from latentstudio.latent.sampling import z_from_seed
from latentstudio.models.architectures import mobile_stylegan
from latentstudio.models.generator import State
from latentstudio.models.registry import build_network, claimants, load_generator
from latentstudio.models.spec import write_spec

# Looked up while the tests are collected: every test runs in a home of its own.
_HOME = os.environ.get("LATENTSTUDIO_HOME")
_DATA = Path(_HOME) / "data" if _HOME else Path(platformdirs.user_data_dir("latentstudio", False))
PUBLISHED = Path(
    os.environ.get("LATENTSTUDIO_TEST_MOBILE") or _DATA / "models" / "ffhq-mobile-1024.safetensors"
)


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pair")
    return Pair().write(folder), folder


@pytest.fixture(scope="module")
def network(pair):
    return build_network(mobile_stylegan.convert(read_checkpoint(pair[1])))


def some_ws(network, count=1):
    shape = (count, network.info.num_ws, network.info.w_dim)
    return torch.from_numpy(np.random.default_rng(9).standard_normal(shape).astype(np.float32))


def test_exactly_one_architecture_claims_the_pair(pair):
    assert [a.name for a in claimants(read_checkpoint(pair[1]))] == ["mobile-stylegan"]
    assert load_generator(pair[1] / "SynthesisNetwork.bin").info.architecture == "mobile-stylegan"


def test_other_trees_are_not_claimed(pair):
    both = read_checkpoint(pair[1])
    alone = both.root["mapping"]
    for root in (
        {},
        [],
        None,
        alone,
        {"mapping": alone, "synthesis": alone},
        {"synthesis": both.root["synthesis"]},
    ):
        assert not mobile_stylegan.claims(Contents(both.path, "openvino-ir", root, {}, {}, both.files, 0))


def test_info_and_stages_come_from_the_graph(network):
    info = network.info
    assert (info.z_dim, info.w_dim, info.num_ws, info.img_size, info.has_noise) == (8, 8, 6, (32, 32), True)
    assert [(s.name, s.resolution[0], s.ws_rows, s.noise) for s in network.stages] == [
        ("b4.conv1", 4, (0,), (0,)),
        ("b8.up", 8, (1,), ()),
        ("b8.conv1", 8, (1,), (1,)),
        ("b8.conv2", 8, (2,), (2,)),
        ("b16.up", 16, (3,), ()),
        ("b16.conv1", 16, (3,), (3,)),
        ("b16.conv2", 16, (4,), (4,)),
        ("b32.head", 32, (5,), ()),
    ]
    assert network.noise_shapes == ((4, 4), (8, 8), (8, 8), (16, 16), (16, 16))


def test_mapping_follows_the_graph(pair, network):
    z = z_from_seed(4, 8)
    ws = network.mapping(z[None])[0]
    np.testing.assert_allclose(ws, np.tile(map_slowly(pair[0].numbers, z), (6, 1)), rtol=1e-5, atol=1e-6)


def test_mean_latent_is_the_mean_of_many_w(pair, network):
    z = np.random.default_rng(1).standard_normal((20_000, 8)).astype(np.float32)
    mean = network.mapping(z)[:, 0].mean(0)
    np.testing.assert_allclose(network.mean_latent, mean, atol=0.03)
    again = mobile_stylegan.convert(read_checkpoint(pair[1]))
    np.testing.assert_array_equal(again.arrays["mapping_network.w_avg"], network.mean_latent)


@pytest.mark.parametrize("strip", [1 << 20, 64], ids=["whole", "strips"])
def test_pictures_follow_the_graph(pair, network, monkeypatch, strip):
    monkeypatch.setattr(mobile_stylegan, "_STRIP", strip)
    ws = some_ws(network, 2)
    pictures = network.synthesis(ws)
    assert pictures.shape == (2, 3, 32, 32)
    for i in range(2):
        wanted = draw_slowly(pair[0].numbers, ws[i].double().numpy())
        np.testing.assert_allclose(pictures[i], wanted, atol=1e-5 * np.abs(wanted).max())
        torch.testing.assert_close(
            network.synthesis(ws[i : i + 1]), pictures[i : i + 1], atol=1e-4, rtol=1e-5
        )


def test_stages_one_by_one_give_the_same_picture_and_change_nothing_they_were_given(network, monkeypatch):
    monkeypatch.setattr(mobile_stylegan, "_STRIP", 64)
    inputs, state = network.inputs(some_ws(network)), State()
    for index in range(len(network.stages)):
        before = None if state.x is None else state.x.clone()
        after = network.run_stage(index, state, inputs)
        if before is not None:
            assert torch.equal(state.x, before)
        state = after
        shown = state.img if index == len(network.stages) - 1 else state.x
        assert tuple(shown.shape[2:]) == network.stages[index].resolution
    assert torch.equal(network.image(state), network.synthesis(inputs.ws))


def test_each_row_and_noise_changes_the_stages_that_say_so(network):
    ws = some_ws(network)
    for row in range(6):
        moved = ws.clone()
        moved[:, row] += 1
        changed = []
        for index in range(len(network.stages)):
            given = torch.ones(1, network._module(index).affine.out_features, *stage_input(network, index))
            results = [network.run_stage(index, State(given), network.inputs(w)) for w in (ws, moved)]
            if not torch.equal(*(result.x if result.img is None else result.img for result in results)):
                changed.append(index)
        assert changed == [i for i, stage in enumerate(network.stages) if row in stage.ws_rows]


def stage_input(network, index):
    height, width = network.stages[index].resolution
    halved = network.stages[index].name.endswith(("up", "head"))
    return (height // 2, width // 2) if halved else (height, width)


def test_noise_can_be_stored_absent_random_or_given(pair, network):
    ws = some_ws(network)
    const = network.synthesis(ws)
    quiet = {key: value * ("noise" not in key) for key, value in pair[0].numbers.items()}
    none = network.synthesis(ws, "none")
    np.testing.assert_allclose(none[0], draw_slowly(quiet, ws[0].double().numpy()), atol=1e-3)
    assert not torch.allclose(const, none)
    torch.manual_seed(6)
    drawn = network.synthesis(ws, "random")
    torch.testing.assert_close(network.synthesis(ws, noise_maps=network.draw_noise(6)), drawn)
    # Stored maps have unit variance, so that other noise has the same strength.
    for index, stage in enumerate(network.stages):
        if stage.noise:
            assert network._module(index).noise_const.square().mean().item() == pytest.approx(1, abs=1e-5)


def test_given_noise_may_lie_in_memory_as_it_likes(network, monkeypatch):
    ws, noise = some_ws(network, 2), torch.randn(2, 1, 16, 16, generator=torch.Generator().manual_seed(1))
    whole = network.synthesis(ws, noise_maps={3: noise})
    monkeypatch.setattr(mobile_stylegan, "_STRIP", 64)
    turned = noise.permute(3, 1, 2, 0).contiguous().permute(3, 1, 2, 0)
    torch.testing.assert_close(network.synthesis(ws, noise_maps={3: turned}), whole, atol=1e-4, rtol=1e-5)


def test_gradients_reach_latents_and_noise_and_leave_the_picture_alone(network, monkeypatch):
    monkeypatch.setattr(mobile_stylegan, "_STRIP", 64)
    ws, noise = some_ws(network).requires_grad_(), {4: torch.ones(1, 1, 16, 16, requires_grad=True)}
    picture = network.synthesis(ws, noise_maps=noise)
    picture.square().mean().backward()
    assert (ws.grad.abs().sum(2) > 0).all()
    assert noise[4].grad.abs().sum() > 0
    with torch.no_grad():
        torch.testing.assert_close(network.synthesis(ws, noise_maps=noise), picture, atol=1e-4, rtol=1e-5)


def test_style_weights_turn_w_into_styles(pair, network):
    weights = network.style_weights()
    assert [w.layer for w in weights] == [stage.name for stage in network.stages]
    assert [w.row for w in weights] == [0, 1, 1, 2, 3, 3, 4, 5]
    np.testing.assert_array_equal(weights[2].weight, pair[0].numbers["m.layers.0.conv1.conv.w"])


def test_offsets_of_styles_do_what_a_move_of_w_does(network, monkeypatch):
    monkeypatch.setattr(mobile_stylegan, "_STRIP", 64)
    ws, step = some_ws(network, 2), torch.linspace(-1, 1, network.info.w_dim)
    for row in range(network.info.num_ws):
        offsets = {s.layer: s.weight @ step for s in network.style_weights() if s.row == row}
        moved = ws.clone()
        moved[:, row] += step
        with torch.no_grad():
            inputs, state = dataclasses.replace(network.inputs(ws), style_offsets=offsets), State()
            for index in range(len(network.stages)):
                state = network.run_stage(index, state, inputs)
            torch.testing.assert_close(network.image(state), network.synthesis(moved), rtol=1e-5, atol=1e-4)
    assert network.has_style_edits


def test_pictures_become_bytes_as_published(network):
    values = torch.tensor([-2.0, -1.0, 0.0, 0.3492, 1.0, 9.0]).reshape(1, 1, 1, 6)
    assert network.to_uint8(values).flatten().tolist() == [0, 0, 127, 172, 255, 255]


def test_own_format_gives_the_same_picture(pair, network, tmp_path):
    write_spec(tmp_path / "m.safetensors", mobile_stylegan.convert(read_checkpoint(pair[1])))
    ws = some_ws(network)
    assert torch.equal(load_generator(tmp_path / "m.safetensors").synthesis(ws), network.synthesis(ws))


def test_a_graph_that_computes_something_else_is_refused(tmp_path):
    Pair(tap=1.1).write(tmp_path)
    with pytest.raises(MismatchError, match="no Haar wavelet"):
        mobile_stylegan.convert(read_checkpoint(tmp_path))


def test_the_slope_is_read_from_the_graph(tmp_path):
    Pair(slope=0.3).write(tmp_path)
    assert mobile_stylegan.convert(read_checkpoint(tmp_path)).config["slope"] == pytest.approx(0.3)


# What OpenVINO 2026.4 (CPU, float32) gave for the published pair on the seeds 0 to 3: three entries of
# w; mean and standard deviation of the picture; its RGB at (y, x) of PIXELS.
PIXELS = [(512, 512), (300, 400), (700, 650), (101, 902)]
REFERENCE = [
    (
        [0.1941, 1.61, 0.178],
        (0.1606, 0.4105),
        [
            [0.6372, 0.3495, 0.3153],
            [0.6712, 0.3252, 0.2245],
            [0.5592, 0.1173, -0.0709],
            [0.5067, 0.4252, 0.3859],
        ],
    ),
    (
        [0.0161, -0.289, -0.0706],
        (-0.0874, 0.3277),
        [
            [0.6159, 0.1208, 0.1152],
            [0.6819, 0.3384, 0.3035],
            [0.4029, 0.0849, 0.0637],
            [-0.4051, -0.3556, -0.2385],
        ],
    ),
    (
        [0.2593, 0.0422, 0.6911],
        (0.4263, 0.5504),
        [
            [0.3773, 0.1645, -0.0077],
            [-0.1401, -0.2888, -0.4185],
            [0.3829, 0.0172, -0.2622],
            [0.9929, 1.0192, 1.0669],
        ],
    ),
    (
        [-0.2619, 0.5734, 0.1062],
        (-0.1444, 0.6255),
        [[1.012, 0.7284, 0.7545], [0.99, 0.752, 0.6648], [0.382, -0.104, -0.3368], [-0.8804, -0.92, -0.9092]],
    ),
]


@pytest.mark.parity
@pytest.mark.skipif(
    not PUBLISHED.exists(),
    reason="set LATENTSTUDIO_TEST_MOBILE to the folder of the published pair, or install ffhq-mobile-1024",
)
def test_the_published_model_draws_what_its_engine_draws():
    network = load_generator(PUBLISHED, device="cpu")
    for seed, (w, (mean, deviation), pixels) in enumerate(REFERENCE):
        ws = network.mapping(z_from_seed(seed, network.info.z_dim)[None])
        np.testing.assert_allclose(ws[0, 0, [0, 100, 511]], w, atol=1e-3)
        picture = network.synthesis(ws)[0]
        assert picture.mean().item() == pytest.approx(mean, abs=1e-3)
        assert picture.std().item() == pytest.approx(deviation, abs=1e-3)
        for (y, x), rgb in zip(PIXELS, pixels, strict=True):
            np.testing.assert_allclose(picture[:, y, x], rgb, atol=1e-3)
