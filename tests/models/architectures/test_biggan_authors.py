"""BigGAN as its authors' training code saves it, against the paper's maths and the original's pictures."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from latentstudio.errors import InputError, MismatchError
from latentstudio.formats import read_checkpoint
from latentstudio.models.generator import State
from latentstudio.models.registry import claimants, load_generator, read_network
from latentstudio.models.spec import write_spec

# --- a random checkpoint in the original layout -----------------------------------------------


class Maker:
    """Collects random arrays under the original's names."""

    def __init__(self, spectral: bool = True, norms: str = "stored") -> None:
        self.random = torch.Generator().manual_seed(3)
        self.arrays: dict[str, torch.Tensor] = {}
        self.spectral, self.norms = spectral, norms

    def draw(self, *shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=self.random)

    def layer(self, name: str, *shape: int, bias: bool = True) -> None:
        fan_in = int(np.prod(shape[1:]))
        self.arrays[f"{name}.weight"] = self.draw(*shape) / fan_in**0.5
        if bias:
            self.arrays[f"{name}.bias"] = self.draw(shape[0]) * 0.1
        if self.spectral:
            self.arrays[f"{name}.u0"] = self.draw(1, shape[0])
            self.arrays[f"{name}.sv0"] = torch.ones(1)

    def statistics(self, name: str, channels: int) -> None:
        place, kind = {
            "stored": (name, "stored"),
            "mybn": (f"{name}.bn", "stored"),
            "sync": (f"{name}.bn", "running"),
        }[self.norms]
        self.arrays[f"{place}.{kind}_mean"] = self.draw(channels) * 0.2
        self.arrays[f"{place}.{kind}_var"] = 0.5 + self.draw(channels).abs()
        if self.norms == "mybn":
            self.arrays[f"{place}.accumulation_counter"] = torch.full((1,), 4.0)
        if self.norms == "sync":
            self.arrays[f"{place}.num_batches_tracked"] = torch.tensor(9)

    def attention(self, name: str, channels: int) -> None:
        self.arrays[f"{name}.gamma"] = torch.tensor(0.7)
        for part, shape in {
            "theta": (channels // 8, channels),
            "phi": (channels // 8, channels),
            "g": (channels // 2, channels),
            "o": (channels, channels // 2),
        }.items():
            self.layer(f"{name}.{part}", *shape, 1, 1, bias=False)


def checkpoint(
    *,
    widths: tuple[int, ...] = (16, 16, 8),
    z_dim: int = 12,
    classes: int = 5,
    shared_dim: int = 6,
    kind: str = "hierarchical",
    attention: tuple[int, ...] = (),
    bottom: int = 4,
    **options: object,
) -> dict[str, torch.Tensor]:
    """`widths`: features before and after each stage; `kind`: hierarchical, shared, unshared or deep."""
    make = Maker(**options)  # type: ignore[arg-type]
    stages = len(widths) - 1
    chunk = z_dim // (stages + 1)
    cond = {"hierarchical": shared_dim + chunk, "shared": shared_dim, "deep": shared_dim + z_dim}.get(kind, 0)
    first = {"hierarchical": chunk, "deep": cond}.get(kind, z_dim)
    if cond:
        make.arrays["shared.weight"] = make.draw(classes, shared_dim)
    make.layer("linear", widths[0] * bottom**2, first)

    def norm(name: str, channels: int) -> None:
        for part in ("gain", "bias"):
            if cond:
                make.layer(f"{name}.{part}", channels, cond, bias=False)
            else:
                make.arrays[f"{name}.{part}.weight"] = make.draw(classes, channels) * 0.3
        make.statistics(name, channels)

    index = 0
    for stage, (before, after) in enumerate(pairwise(widths)):
        if kind == "deep":
            hidden = before // 4
            for last in (False, True):
                name, out = f"blocks.{index}.0", after if last else before
                make.layer(f"{name}.conv1", hidden, before, 1, 1)
                make.layer(f"{name}.conv2", hidden, hidden, 3, 3)
                make.layer(f"{name}.conv3", hidden, hidden, 3, 3)
                make.layer(f"{name}.conv4", out, hidden, 1, 1)
                for i, channels in enumerate((before, hidden, hidden, hidden), 1):
                    norm(f"{name}.bn{i}", channels)
                index += 1
        else:
            name = f"blocks.{index}.0"
            make.layer(f"{name}.conv1", after, before, 3, 3)
            make.layer(f"{name}.conv2", after, after, 3, 3)
            make.layer(f"{name}.conv_sc", after, before, 1, 1)
            norm(f"{name}.bn1", before)
            norm(f"{name}.bn2", after)
            index += 1
        if stage in attention:
            make.attention(f"blocks.{index - 1}.1", after)
    make.arrays["output_layer.0.gain"] = 1 + 0.1 * make.draw(widths[-1])
    make.arrays["output_layer.0.bias"] = 0.1 * make.draw(widths[-1])
    make.statistics("output_layer.0", widths[-1])
    make.layer("output_layer.2", 3, widths[-1], 3, 3)
    return make.arrays


# --- the maths, in float64 and one line a step ------------------------------------------------


class Plain:
    def __init__(self, arrays: dict[str, torch.Tensor], eps: float = 1e-5, standing: bool = False) -> None:
        self.a = {name: array.double() for name, array in arrays.items()}
        self.eps, self.standing = eps, standing

    def weight(self, name: str) -> torch.Tensor:
        weight = self.a[f"{name}.weight"]
        if f"{name}.u0" not in self.a:
            return weight
        matrix = weight.flatten(1)
        v = F.normalize(self.a[f"{name}.u0"] @ matrix)
        u = F.normalize(v @ matrix.T)
        return weight / (v @ matrix.T @ u.T).squeeze()

    def conv(self, name: str, x: torch.Tensor) -> torch.Tensor:
        weight = self.weight(name)
        return F.conv2d(x, weight, self.a.get(f"{name}.bias"), padding=weight.shape[-1] // 2)

    def norm(self, name: str, x: torch.Tensor, y: torch.Tensor | None, labels: torch.Tensor) -> torch.Tensor:
        if y is None and f"{name}.gain" in self.a:
            gain, bias = self.a[f"{name}.gain"][None], self.a[f"{name}.bias"][None]
        elif y is None:
            gain = 1 + self.a[f"{name}.gain.weight"][labels]
            bias = self.a[f"{name}.bias.weight"][labels]
        else:
            gain, bias = 1 + y @ self.weight(f"{name}.gain").T, y @ self.weight(f"{name}.bias").T
        gain, bias = gain[:, :, None, None], bias[:, :, None, None]
        for place, kind in ((name, "stored"), (f"{name}.bn", "stored"), (f"{name}.bn", "running")):
            if f"{place}.{kind}_mean" in self.a:
                mean, var = self.a[f"{place}.{kind}_mean"], self.a[f"{place}.{kind}_var"]
                if self.standing:
                    count = self.a[f"{place}.accumulation_counter"]
                    mean, var = mean / count, var / count
                hat = (x - mean[:, None, None]) / (var[:, None, None] + self.eps).sqrt()
                # Synchronised batch norm adds in evaluation what it multiplies in training.
                return torch.relu(hat + gain + bias if kind == "running" else hat * gain + bias)
        raise AssertionError(name)

    def attend(self, name: str, x: torch.Tensor) -> torch.Tensor:
        n, c, h, w = x.shape
        theta = self.conv(f"{name}.theta", x).view(n, -1, h * w)
        phi = F.max_pool2d(self.conv(f"{name}.phi", x), 2).view(n, -1, h * w // 4)
        g = F.max_pool2d(self.conv(f"{name}.g", x), 2).view(n, -1, h * w // 4)
        beta = torch.softmax(torch.einsum("ncq,nck->nqk", theta, phi), -1)
        seen = torch.einsum("nck,nqk->ncq", g, beta).view(n, c // 2, h, w)
        return self.a[f"{name}.gamma"] * self.conv(f"{name}.o", seen) + x

    def picture(self, z: torch.Tensor, labels: torch.Tensor, kind: str, bottom: int = 4) -> torch.Tensor:
        z = z.double()
        names = sorted({int(key.split(".")[1]) for key in self.a if key.startswith("blocks.")})
        y = self.a["shared.weight"][labels] if "shared.weight" in self.a else None
        ys = [y] * len(names)
        if kind == "hierarchical":
            first, *rest = z.chunk(len(names) + 1, 1)
            z, ys = first, [torch.cat([y, part], 1) for part in rest]
        elif kind == "deep":
            z = torch.cat([y, z], 1)
            ys = [z] * len(names)
        x = F.linear(z, self.weight("linear"), self.a["linear.bias"])
        x = x.view(len(z), -1, bottom, bottom)
        for i, cond in zip(names, ys, strict=True):
            name = f"blocks.{i}.0"
            up = i % 2 == 1 if kind == "deep" else True

            def double(x: torch.Tensor, up: bool = up) -> torch.Tensor:
                return x.repeat_interleave(2, 2).repeat_interleave(2, 3) if up else x

            if kind == "deep":
                h = self.conv(f"{name}.conv1", self.norm(f"{name}.bn1", x, cond, labels))
                h = double(self.norm(f"{name}.bn2", h, cond, labels))
                h = self.norm(f"{name}.bn3", self.conv(f"{name}.conv2", h), cond, labels)
                h = self.norm(f"{name}.bn4", self.conv(f"{name}.conv3", h), cond, labels)
                h = self.conv(f"{name}.conv4", h)
                x = h + double(x[:, : h.shape[1]])
            else:
                h = self.conv(f"{name}.conv1", double(self.norm(f"{name}.bn1", x, cond, labels)))
                h = self.conv(f"{name}.conv2", self.norm(f"{name}.bn2", h, cond, labels))
                x = h + self.conv(f"{name}.conv_sc", double(x))
            if f"blocks.{i}.1.gamma" in self.a:
                x = self.attend(f"blocks.{i}.1", x)
        eps, self.eps = self.eps, 1e-5  # the last norm keeps its own
        x = self.conv("output_layer.2", self.norm("output_layer.0", x, None, labels))
        self.eps = eps
        return torch.tanh(x)


def one_hot(labels: torch.Tensor, classes: int) -> torch.Tensor:
    return F.one_hot(labels, classes).float()


def saved(tmp_path, arrays, name="G_ema.pth"):
    torch.save(arrays, tmp_path / name)
    return tmp_path / name


LABELS = torch.tensor([1, 0, 4])

VARIANTS = {
    "hierarchical": {},
    "whole z, shared classes": {"kind": "shared"},
    "classes by id": {"kind": "unshared", "z_dim": 11},
    "128 px with two attentions": {"widths": (16, 8, 8, 8, 8, 8), "z_dim": 24, "attention": (0, 3)},
    "larger start": {"bottom": 6},
    "without spectral norm": {"spectral": False},
    "own batch norm": {"norms": "mybn", "attention": (1,)},
    "synchronised batch norm": {"norms": "sync"},
    "deep": {"kind": "deep", "widths": (16, 16, 8), "attention": (0,)},
    "deep, four stages, own batch norm": {"kind": "deep", "widths": (32, 32, 16, 16, 8), "norms": "mybn"},
}


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_every_variant_gives_the_picture_of_the_plain_maths(tmp_path, variant):
    arrays = checkpoint(**variant)
    generator = load_generator(saved(tmp_path, arrays), device="cpu")
    z = torch.randn(3, generator.info.z_dim, generator=torch.Generator().manual_seed(1))
    kind = variant.get("kind", "hierarchical")
    expected = Plain(arrays).picture(z, LABELS, kind, variant.get("bottom", 4))
    img = generator(z, one_hot(LABELS, 5))
    assert img.shape == expected.shape
    assert expected.std() > 0.05
    torch.testing.assert_close(img.double(), expected, atol=1e-5, rtol=0)
    side = variant.get("bottom", 4) * 2 ** (len(variant.get("widths", (16, 16, 8))) - 1)
    assert generator.info.img_size == (side, side)
    assert generator.info.family == ("BigGAN-deep" if kind == "deep" else "BigGAN")


def test_a_soft_class_mixes_the_embeddings(tmp_path):
    arrays = checkpoint()
    generator = load_generator(saved(tmp_path, arrays), device="cpu")
    z, soft = torch.randn(1, 12), torch.tensor([[0.2, 0, 0.8, 0, 0]])
    mixed = dict(arrays)
    mixed["shared.weight"] = (soft @ arrays["shared.weight"]).expand(5, -1).clone()
    expected = Plain(mixed).picture(z, torch.tensor([0]), "hierarchical")
    torch.testing.assert_close(generator(z, soft).double(), expected, atol=1e-5, rtol=0)


def test_a_model_with_one_class_needs_none(tmp_path):
    arrays = checkpoint(classes=1)
    generator = load_generator(saved(tmp_path, arrays), device="cpu")
    z = torch.randn(2, 12)
    expected = Plain(arrays).picture(z, torch.tensor([0, 0]), "hierarchical")
    assert generator.info.c_dim == 0
    torch.testing.assert_close(generator(z).double(), expected, atol=1e-5, rtol=0)


def test_32_px_networks_of_one_width_have_three_stages_however_deep(tmp_path):
    arrays = checkpoint(kind="deep", widths=(16, 16, 16, 16))
    generator = load_generator(saved(tmp_path, arrays), device="cpu")
    assert generator.info.img_resolution == 32
    deeper = {name: array for name, array in arrays.items() if not name.startswith("blocks.")}
    for i in range(9):
        for name, array in arrays.items():
            if name.startswith("blocks.0."):
                deeper[name.replace("blocks.0.", f"blocks.{i}.")] = array
    assert load_generator(saved(tmp_path, deeper), device="cpu").info.img_resolution == 32


def test_options_set_what_the_file_does_not_store(tmp_path):
    arrays = checkpoint(norms="mybn")
    path, z = saved(tmp_path, arrays), torch.randn(3, 12)
    for options, plain in (
        ({"bn_eps": 1e-3}, Plain(arrays, eps=1e-3)),
        ({"standing_stats": 1}, Plain(arrays, standing=True)),
    ):
        generator = load_generator(path, device="cpu", options=options)
        expected = plain.picture(z, LABELS, "hierarchical")
        torch.testing.assert_close(generator(z, one_hot(LABELS, 5)).double(), expected, atol=1e-5, rtol=0)
    assert {option.name for option in generator.info.options} == {"bn_eps", "standing_stats"}


def test_the_gain_of_synchronised_norm_can_multiply_as_in_training(tmp_path):
    arrays = checkpoint(norms="sync")
    renamed = {name.replace("bn.running_", "stored_"): array for name, array in arrays.items()}
    z = torch.randn(2, 12)
    generator = load_generator(saved(tmp_path, arrays), device="cpu", options={"gain_adds": 0})
    expected = Plain(renamed).picture(z, LABELS[:2], "hierarchical")
    torch.testing.assert_close(generator(z, one_hot(LABELS[:2], 5)).double(), expected, atol=1e-5, rtol=0)


def test_blocks_trained_without_normalisation_have_none(tmp_path):
    arrays = checkpoint()
    for name in [n for n in arrays if n.startswith("blocks.") and "stored" in n]:
        neutral = torch.zeros_like if name.endswith("mean") else torch.ones_like
        arrays[name] = neutral(arrays[name]) - (0 if name.endswith("mean") else 1e-5)
    bare = {n: a for n, a in arrays.items() if not (n.startswith("blocks.") and "stored" in n)}
    z = torch.randn(2, 12)
    expected = Plain(arrays).picture(z, LABELS[:2], "hierarchical")
    generator = load_generator(saved(tmp_path, bare), device="cpu")
    torch.testing.assert_close(generator(z, one_hot(LABELS[:2], 5)).double(), expected, atol=1e-5, rtol=0)


def wrap_module(arrays):
    return {f"module.{name}": array for name, array in arrays.items()}


WRAPPINGS = {
    "data parallel": (wrap_module, False),
    "state_dict": (lambda arrays: {"state_dict": arrays, "epoch": 3}, False),
    "with a worse copy and a discriminator": (
        lambda arrays: {
            "G": {name: torch.zeros_like(array) for name, array in arrays.items()},
            "D": {"linear.weight": torch.zeros(1, 4)},
            "G_ema": wrap_module(arrays),
        },
        True,
    ),
    "one dict for both networks": (
        lambda arrays: {
            **{f"G.{name}": array for name, array in arrays.items()},
            "D.linear.weight": torch.zeros(1, 4),
        },
        True,
    ),
}


@pytest.mark.parametrize(("wrap", "has_discriminator"), WRAPPINGS.values(), ids=WRAPPINGS)
def test_training_scripts_may_wrap_the_state_dict(tmp_path, wrap, has_discriminator):
    arrays = checkpoint()
    path = saved(tmp_path, wrap(arrays), "wrapped.pth")
    generator = load_generator(path, device="cpu")
    z = torch.randn(1, 12)
    expected = Plain(arrays).picture(z, LABELS[:1], "hierarchical")
    torch.testing.assert_close(generator(z, one_hot(LABELS[:1], 5)).double(), expected, atol=1e-5, rtol=0)
    assert ("discriminator" in " ".join(generator.info.notes)) == has_discriminator


# --- the seam ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["hierarchical", "shared", "unshared", "deep"])
def test_stages_read_the_rows_they_name_and_no_others(tmp_path, kind):
    generator = load_generator(saved(tmp_path, checkpoint(kind=kind, attention=(0,))), device="cpu")
    ws = generator.mapping(torch.randn(2, generator.info.z_dim), one_hot(LABELS[:2], 5))
    whole = generator.synthesis(ws)
    inputs, states = generator.inputs(ws), [State()]
    for index in range(len(generator.stages)):
        states.append(generator.run_stage(index, states[-1], inputs))
        assert states[-1].x.shape[2:] == generator.stages[index].resolution
    assert torch.equal(generator.image(states[-1]), whole)
    for index, stage in enumerate(generator.stages):
        others = [row for row in range(generator.info.num_ws) if row not in stage.ws_rows]
        touched = ws.clone()
        touched[:, others] += 1
        again = generator.run_stage(index, states[index], generator.inputs(touched))
        assert torch.equal(again.x, states[index + 1].x), stage.name


def test_truncation_moves_z_and_leaves_the_class(tmp_path):
    generator = load_generator(saved(tmp_path, checkpoint()), device="cpu")
    z, c = torch.randn(2, 12), one_hot(LABELS[:2], 5)
    torch.testing.assert_close(generator(z, c, truncation_psi=0.5), generator(z * 0.5, c), atol=1e-6, rtol=0)
    assert not generator.info.has_mapping
    with pytest.raises(InputError, match="needs a class"):
        generator(z)


def test_directions_come_from_what_reads_z_and_keep_the_class(tmp_path):
    for kind, rows in (("hierarchical", {0, 1, 2}), ("shared", {0}), ("deep", {0, 1, 2, 3, 4})):
        generator = load_generator(saved(tmp_path, checkpoint(kind=kind)), device="cpu")
        found = generator.style_weights()
        assert {style.row for style in found} == rows
        for style in found:
            assert style.weight.shape[1] == generator.info.w_dim
            assert style.weight[:, generator.truncated_columns :].abs().max() == 0
            assert style.weight.abs().max() > 0


def test_gradients_reach_the_latent_and_every_parameter(tmp_path):
    generator = load_generator(saved(tmp_path, checkpoint(attention=(1,))), device="cpu").requires_grad_(True)
    z = torch.randn(2, 12, requires_grad=True)
    generator(z, one_hot(LABELS[:2], 5)).square().mean().backward()
    assert z.grad.abs().max() > 0
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in generator.parameters())


def test_levels_are_cut_off_like_the_original(tmp_path):
    generator = load_generator(saved(tmp_path, checkpoint()), device="cpu")
    img = torch.tensor([-1.0, -0.999, 0.0, 0.9999, 1.0]).reshape(1, 1, 1, 5)
    assert generator.to_uint8(img).flatten().tolist() == [0, 0, 127, 254, 255]


def test_a_network_survives_the_own_format(tmp_path):
    path = saved(tmp_path, checkpoint(norms="mybn", attention=(1,)))
    spec, _ = read_network(path)
    write_spec(tmp_path / "own.safetensors", spec)
    z, c = torch.randn(2, 12), one_hot(LABELS[:2], 5)
    again = load_generator(tmp_path / "own.safetensors", device="cpu")
    assert torch.equal(again(z, c), load_generator(path, device="cpu")(z, c))
    assert again.info.options == load_generator(path, device="cpu").info.options


# --- refusals ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a.pop("blocks.1.0.bn2.stored_var"), "blocks.1.0.bn2.stored_var"),
        (lambda a: a.pop("blocks.1.0.conv2.weight"), "blocks.1.0.conv2.weight"),
        (lambda a: a.update({"blocks.0.2.extra": torch.ones(3)}), "blocks.0.2.extra"),
        (lambda a: a.update({"shared.weight": torch.ones(5, 9)}), "a class has 9"),
        (lambda a: a.update({"linear.weight": torch.ones(250, 4)}), "a vector of 256 numbers"),
        (
            lambda a: a.update({"linear.weight": torch.ones(250, 4), "linear.u0": torch.ones(250)}),
            "square maps",
        ),
        (lambda a: a.update({"blocks.1.0.conv1.bias": torch.ones(3)}), "was expected"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_sentence(tmp_path, change, message):
    arrays = checkpoint()
    change(arrays)
    with pytest.raises(MismatchError, match=message):
        load_generator(saved(tmp_path, arrays), device="cpu")


def test_a_discriminator_alone_is_not_claimed(tmp_path):
    arrays = {"linear.weight": torch.ones(1, 8), "blocks.0.0.conv1.weight": torch.ones(8, 3, 3, 3)}
    assert claimants(read_checkpoint(saved(tmp_path, arrays))) == []


# --- the original's own pictures --------------------------------------------------------------


@pytest.mark.parity
@pytest.mark.parametrize(("name", "classes"), [("biggan_ajbrock_32", 5), ("biggan_ajbrock_deep64", 6)])
def test_zoo_pictures_are_the_originals(shared, name, classes):
    folder = shared / "zoo" / name
    reference = dict(np.load(folder / "reference.npz"))
    contents = read_checkpoint(folder / "G_ema.pth")
    assert [a.name for a in claimants(contents)] == ["biggan-authors"]
    generator = load_generator(folder / "G_ema.pth", device="cpu")
    z, c = reference["z"], np.eye(classes, dtype=np.float32)[reference["y"]]
    pictures = {
        "img": generator(z, c),
        "img_z07": generator(z, c, truncation_psi=0.7),
        "img_first_alone": generator(z[:1], c[:1]),
    }
    if "shared_y" in reference:
        ws = generator.mapping(z, c)
        known = generator.truncated_columns
        np.testing.assert_allclose(ws[:, 0, known:], reference["shared_y"], atol=1e-6)
        ws[:, :, known:] = torch.from_numpy(reference["shared_y_mix"])[:, None]
        pictures["img_class_mix"] = generator.synthesis(ws)
    for key, picture in pictures.items():
        np.testing.assert_allclose(picture, reference[key], atol=1e-5, rtol=0, err_msg=key)
