"""BigGAN-deep with statistics for every truncation, against plain maths and the original's pictures."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from latentstudio.errors import InputError, MismatchError
from latentstudio.formats import read_checkpoint
from latentstudio.models.architectures.residual_layers import statistics_position
from latentstudio.models.generator import State
from latentstudio.models.registry import claimants, load_generator

CONFIG = {
    "output_dim": 16,
    "z_dim": 6,
    "class_embed_dim": 5,
    "channel_width": 8,
    "num_classes": 4,
    "layers": [[False, 16, 16], [True, 16, 8], [False, 8, 2], [True, 2, 1]],
    "attention_layer_position": 2,
    "eps": 1e-4,
    "n_stats": 11,
}


def checkpoint(config) -> dict[str, torch.Tensor]:
    """Random arrays under the original's names; every vector of spectral norm is off its ideal."""
    random = torch.Generator().manual_seed(4)
    arrays: dict[str, torch.Tensor] = {}
    width, row = config["channel_width"], config["z_dim"] + config["class_embed_dim"]

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=random)

    def layer(name: str, *shape: int, bias: bool = True) -> None:
        weight = draw(*shape)
        u, _, v = torch.linalg.svd(weight.flatten(1), full_matrices=False)
        arrays[f"generator.{name}.weight_orig"] = weight
        arrays[f"generator.{name}.weight_u"] = F.normalize(u[:, 0] + 0.1 * draw(len(u)), dim=0)
        arrays[f"generator.{name}.weight_v"] = F.normalize(v[0] + 0.1 * draw(v.shape[1]), dim=0)
        if bias:
            arrays[f"generator.{name}.bias"] = 0.1 * draw(shape[0])

    def norm(name: str, channels: int) -> None:
        arrays[f"generator.{name}.running_means"] = 0.3 * draw(config["n_stats"], channels)
        arrays[f"generator.{name}.running_vars"] = 0.6 + draw(config["n_stats"], channels).abs()

    arrays["embeddings.weight"] = 0.4 * draw(config["class_embed_dim"], config["num_classes"])
    layer("gen_z", 16 * config["layers"][0][1] * width, row)
    position = 0
    for i, (_, before, after) in enumerate(config["layers"]):
        before, after = before * width, after * width
        if i == config["attention_layer_position"]:
            arrays[f"generator.layers.{position}.gamma"] = torch.tensor([0.8])
            for part, shape in {
                "theta": (before // 8, before),
                "phi": (before // 8, before),
                "g": (before // 2, before),
                "o_conv": (before, before // 2),
            }.items():
                layer(f"layers.{position}.snconv1x1_{part}", *shape, 1, 1, bias=False)
            position += 1
        middle = before // 4
        shapes = [(middle, before, 1), (middle, middle, 3), (middle, middle, 3), (after, middle, 1)]
        for k, (out, channels, size) in enumerate(shapes):
            name = f"layers.{position}"
            norm(f"{name}.bn_{k}", channels)
            layer(f"{name}.bn_{k}.scale", channels, row, bias=False)
            layer(f"{name}.bn_{k}.offset", channels, row, bias=False)
            layer(f"{name}.conv_{k}", out, channels, size, size)
        position += 1
    norm("bn", width)
    arrays["generator.bn.weight"], arrays["generator.bn.bias"] = 1 + 0.1 * draw(width), 0.1 * draw(width)
    layer("conv_to_rgb", width, width, 3, 3)
    return arrays


class Plain:
    """The published maths in float64, straight on the original's names."""

    def __init__(self, arrays, config) -> None:
        self.a = {name.removeprefix("generator."): array.double() for name, array in arrays.items()}
        self.config = config

    def weight(self, name: str) -> torch.Tensor:
        weight = self.a[f"{name}.weight_orig"]
        u, v = self.a[f"{name}.weight_u"], self.a[f"{name}.weight_v"]
        return weight / torch.einsum("i,ij,j->", u, weight.flatten(1), v)

    def conv(self, name: str, x: torch.Tensor) -> torch.Tensor:
        weight = self.weight(name)
        return F.conv2d(x, weight, self.a.get(f"{name}.bias"), padding=weight.shape[-1] // 2)

    def norm(self, name: str, x: torch.Tensor, gain, bias, psi: float) -> torch.Tensor:
        # Tenths here: the position is exact, and its two neighbours are weighed the wrong way round.
        position = round(psi * (self.config["n_stats"] - 1), 9)
        low, share = int(position), position - int(position)
        means, variances = self.a[f"{name}.running_means"], self.a[f"{name}.running_vars"]
        mean, var = means[low], variances[low]
        if share:
            mean = means[low] * share + means[low + 1] * (1 - share)
            var = variances[low] * share + variances[low + 1] * (1 - share)
        hat = (x - mean[:, None, None]) / (var[:, None, None] + self.config["eps"]).sqrt()
        return torch.relu(hat * gain[..., None, None] + bias[..., None, None])

    def picture(self, z: torch.Tensor, c: torch.Tensor, psi: float) -> torch.Tensor:
        y = torch.cat([z.double(), c.double() @ self.a["embeddings.weight"].T], 1)
        channels = self.config["layers"][0][1] * self.config["channel_width"]
        x = F.linear(y, self.weight("gen_z"), self.a["gen_z.bias"])
        x = x.view(len(z), 4, 4, channels).permute(0, 3, 1, 2)
        position = 0
        for i, (up, _, _) in enumerate(self.config["layers"]):
            if i == self.config["attention_layer_position"]:
                x = self.attend(f"layers.{position}", x)
                position += 1
            name, h = f"layers.{position}", x
            for k in range(4):
                gain = 1 + y @ self.weight(f"{name}.bn_{k}.scale").T
                h = self.norm(f"{name}.bn_{k}", h, gain, y @ self.weight(f"{name}.bn_{k}.offset").T, psi)
                if up and k == 1:
                    h = h.repeat_interleave(2, 2).repeat_interleave(2, 3)
                h = self.conv(f"{name}.conv_{k}", h)
            x = x[:, : h.shape[1]]
            x = h + (x.repeat_interleave(2, 2).repeat_interleave(2, 3) if up else x)
            position += 1
        x = self.norm("bn", x, self.a["bn.weight"], self.a["bn.bias"], psi)
        return torch.tanh(self.conv("conv_to_rgb", x)[:, :3])

    def attend(self, name: str, x: torch.Tensor) -> torch.Tensor:
        n, c, h, w = x.shape
        theta, phi, g = (self.conv(f"{name}.snconv1x1_{part}", x) for part in ("theta", "phi", "g"))
        phi, g = F.max_pool2d(phi, 2).flatten(2), F.max_pool2d(g, 2).flatten(2)
        beta = torch.softmax(torch.einsum("ncq,nck->nqk", theta.flatten(2), phi), -1)
        seen = torch.einsum("nck,nqk->ncq", g, beta).reshape(n, c // 2, h, w)
        return x + self.a[f"{name}.gamma"] * self.conv(f"{name}.snconv1x1_o_conv", seen)


def saved(folder, arrays, config=CONFIG):
    torch.save(arrays, folder / "pytorch_model.bin")
    if config is not None:
        (folder / "config.json").write_text(json.dumps(config))
    return folder


def latents(config=CONFIG, count=2):
    random = torch.Generator().manual_seed(2)
    z = 0.7 * torch.randn(count, config["z_dim"], generator=random)
    c = F.one_hot(torch.arange(count) % config["num_classes"], config["num_classes"]).float()
    c[-1] = 1 / config["num_classes"]  # a soft class
    return z, c


def check(generator, arrays, config, psi):
    z, c = latents(config)
    expected = Plain(arrays, config).picture(z, c, psi)
    assert expected.std() > 0.02
    img = generator(z, c, truncation_psi=psi)
    torch.testing.assert_close(img.double(), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("psi", [1.0, 0.5, 0.43, 0.05, 0.995])
def test_truncation_picks_statistics_and_leaves_z_alone(tmp_path, psi):
    arrays = checkpoint(CONFIG)
    generator = load_generator(saved(tmp_path, arrays), device="cpu")
    check(generator, arrays, CONFIG, psi)
    z, c = latents()
    assert torch.equal(generator.mapping(z, c, truncation_psi=psi), generator.mapping(z, c))


VARIANTS = {
    "attention first": {"attention_layer_position": 0},
    "no attention": {"attention_layer_position": 99},
    "another epsilon and number of statistics": {"eps": 1e-2, "n_stats": 51},
    "another pattern of sizes": {
        "layers": [[True, 16, 8], [True, 8, 4], [False, 4, 2], [True, 2, 1]],
        "attention_layer_position": 3,
        "output_dim": 32,
    },
}


@pytest.mark.parametrize("change", VARIANTS.values(), ids=VARIANTS)
def test_every_variant_gives_the_picture_of_the_plain_maths(tmp_path, change):
    config = {**CONFIG, **change}
    arrays = checkpoint(config)
    generator = load_generator(saved(tmp_path, arrays, config), device="cpu")
    assert generator.info.img_resolution == config["output_dim"]
    check(generator, arrays, config, 0.43 if config["n_stats"] == 11 else 0.5)


@pytest.mark.parametrize("psi", [0, -0.5, 1.5, float("nan")])
def test_a_truncation_without_statistics_is_refused_with_a_sentence(tmp_path, psi):
    generator = load_generator(saved(tmp_path, checkpoint(CONFIG)), device="cpu")
    with pytest.raises(InputError, match="truncations above 0 and up to 1"):
        generator(*latents(), truncation_psi=psi)


def test_positions_between_statistics_follow_the_division_by_the_step():
    assert statistics_position(1.0, 51) == (50, 0.0)
    assert statistics_position(0.5, 51) == (25, 0.0)
    index, fraction = statistics_position(0.43, 51)
    assert (index, round(fraction, 9)) == (21, 0.5)
    assert statistics_position(1.0, 50) == (49, 0.0)  # 1 / (1 / 49) is a little more than 49
    assert statistics_position(0.7, 1) == (0, 0.0)


def test_without_config_json_the_published_pattern_is_assumed_and_said(tmp_path):
    config = {**CONFIG, "layers": [[False, 16, 16], [True, 16, 8], [False, 8, 8], [True, 8, 1]]}
    arrays = checkpoint(config)
    generator = load_generator(saved(tmp_path, arrays, None) / "pytorch_model.bin", device="cpu")
    assert any("config.json is missing" in note for note in generator.info.notes)
    check(generator, arrays, config, 0.5)


def test_older_and_newer_ways_to_store_spectral_norm_give_the_same(tmp_path):
    arrays = checkpoint(CONFIG)
    plain = Plain(arrays, CONFIG)
    newer, older = dict(arrays), dict(arrays)
    for key in [key for key in arrays if key.endswith("weight_orig")]:
        name = key.removesuffix(".weight_orig")
        newer[f"{name}.parametrizations.weight.original"] = newer.pop(key)
        for part in "uv":
            newer[f"{name}.parametrizations.weight.0._{part}"] = newer.pop(f"{name}.weight_{part}")
        del older[f"{name}.weight_v"]
        older[f"{name}.weight"] = plain.weight(name.removeprefix("generator.")).float()
    for stored in (newer, older):
        check(load_generator(saved(tmp_path, stored), device="cpu"), arrays, CONFIG, 0.5)


def test_stages_say_what_changes_them(tmp_path):
    generator = load_generator(saved(tmp_path, checkpoint(CONFIG)), device="cpu")
    assert [stage.name for stage in generator.stages] == [
        *("linear", "block0", "block1", "attention1", "block2", "block3", "head"),
    ]
    assert generator.info.num_ws == 5
    z, c = latents()
    ws = generator.mapping(z, c)
    inputs, other, states = generator.inputs(ws), generator.inputs(ws, truncation_psi=0.5), [State()]
    for index, stage in enumerate(generator.stages):
        states.append(generator.run_stage(index, states[-1], inputs))
        moved = generator.image(generator.run_stage(index, states[index], other))
        assert torch.equal(moved, generator.image(states[-1])) != stage.reads_truncation
        assert states[-1].x.shape[2:] == stage.resolution
    assert torch.equal(generator.image(states[-1]), generator.synthesis(ws))
    assert generator.info.truncates_in_synthesis


def test_a_row_of_ws_moves_its_own_block_alone(tmp_path):
    generator = load_generator(saved(tmp_path, checkpoint(CONFIG)), device="cpu")
    ws = generator.mapping(*latents())
    for index, stage in enumerate(generator.stages):
        touched = ws.clone()
        touched[:, [row for row in range(5) if row not in stage.ws_rows]] += 1
        start = State(torch.randn(2, *_features_before(generator, index))) if index else State()
        first = generator.run_stage(index, start, generator.inputs(ws))
        again = generator.run_stage(index, start, generator.inputs(touched))
        assert torch.equal(generator.image(first), generator.image(again))


def _features_before(generator, index):
    state, inputs = State(), generator.inputs(torch.zeros(1, generator.info.num_ws, generator.info.w_dim))
    for i in range(index):
        state = generator.run_stage(i, state, inputs)
    return state.x.shape[1:]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({**CONFIG, "layers": CONFIG["layers"][:3]}, "describes 3 blocks, the weights have 4"),
        ({"model_type": "bert"}, "does not describe its layers"),
        ({**CONFIG, "layers": [3, 4, 5, 6]}, "does not fit"),
    ],
)
def test_a_config_that_contradicts_the_weights_is_refused(tmp_path, config, message):
    with pytest.raises(MismatchError, match=message):
        load_generator(saved(tmp_path, checkpoint(CONFIG), config), device="cpu")


def test_a_missing_part_is_named(tmp_path):
    arrays = checkpoint(CONFIG)
    del arrays["generator.layers.3.bn_2.running_vars"]
    with pytest.raises(MismatchError, match=r"layers\.3\.bn_2\.running_vars"):
        load_generator(saved(tmp_path, arrays), device="cpu")


@pytest.mark.parity
def test_zoo_pictures_are_the_originals(shared):
    folder = shared / "zoo" / "biggan_hf_tiny"
    reference = np.load(folder / "reference.npz")
    assert [a.name for a in claimants(read_checkpoint(folder))] == ["biggan-huggingface"]
    generator = load_generator(folder, device="cpu")
    c = reference["c"]
    for name, psi in {"t10": 1.0, "t05": 0.5, "t043": 0.43, "t002": 0.02, "t0995": 0.995}.items():
        img = generator(reference[f"z_{name}"], c, truncation_psi=psi)
        np.testing.assert_allclose(img, reference[f"img_{name}"], atol=1e-5, rtol=0, err_msg=name)
    z = reference["z_untruncated"]
    same = generator(z, c, truncation_psi=0.43)
    np.testing.assert_allclose(same, reference["img_same_z_t043"], atol=1e-5, rtol=0)
    embed = generator.mapping(z, c)[:, 0, generator.truncated_columns :]
    np.testing.assert_allclose(embed, reference["embed"], atol=1e-6)
    levels = generator.to_uint8(generator(reference["z_t05"], c, truncation_psi=0.5))
    apart = levels.permute(0, 2, 3, 1).numpy().astype(int) - reference["uint8_t05"]
    assert abs(apart).max() <= 1
    assert (apart != 0).mean() < 1e-3
