"""mimicry's residual GANs, against the papers' maths and the original's pictures."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from latentstudio.errors import MismatchError
from latentstudio.formats import read_checkpoint
from latentstudio.models.generator import State
from latentstudio.models.registry import claimants, load_generator

Z_DIM, CLASSES = 10, 4


def checkpoint(widths=(8, 8, 8, 8), *, bottom=4, conditional=False, spectral=False, attention=0):
    """Random arrays under the original's names; `attention`: the features it reads."""
    random = torch.Generator().manual_seed(6)
    arrays: dict[str, torch.Tensor] = {}

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=random)

    def layer(name: str, *shape: int, bias: bool = True) -> None:
        weight = draw(*shape) / float(np.prod(shape[1:])) ** 0.5
        if bias:
            arrays[f"{name}.bias"] = 0.1 * draw(shape[0])
        if not spectral:
            arrays[f"{name}.weight"] = weight
            return
        u, _, v = torch.linalg.svd(weight.flatten(1), full_matrices=False)
        arrays[f"{name}.weight_orig"] = weight
        arrays[f"{name}.weight_u"] = F.normalize(u[:, 0] + 0.1 * draw(len(u)), dim=0)
        arrays[f"{name}.weight_v"] = F.normalize(v[0] + 0.1 * draw(v.shape[1]), dim=0)

    def norm(name: str, channels: int, conditional: bool) -> None:
        place = f"{name}.bn" if conditional else name
        arrays[f"{place}.running_mean"] = 0.2 * draw(channels)
        arrays[f"{place}.running_var"] = 0.5 + draw(channels).abs()
        arrays[f"{place}.num_batches_tracked"] = torch.tensor(7)
        if conditional:
            arrays[f"{name}.embed.weight"] = draw(CLASSES, 2 * channels)
        else:
            arrays[f"{name}.weight"], arrays[f"{name}.bias"] = 1 + 0.1 * draw(channels), 0.1 * draw(channels)

    layer("l1", widths[0] * bottom**2, Z_DIM)
    for i, (before, after) in enumerate(pairwise(widths)):
        name = f"block{i + 2}"
        layer(f"{name}.c1", after, before, 3, 3)
        layer(f"{name}.c2", after, after, 3, 3)
        layer(f"{name}.c_sc", after, before, 1, 1)
        norm(f"{name}.b1", before, conditional)
        norm(f"{name}.b2", after, conditional)
    last = len(widths) + 1
    norm(f"b{last}", widths[-1], False)
    layer(f"c{last}", 3, widths[-1], 3, 3)
    if attention:
        arrays["attn_block.gamma"] = torch.tensor(0.6)
        for part, shape in {
            "theta": (attention // 8, attention),
            "phi": (attention // 8, attention),
            "g": (attention // 2, attention),
            "o": (attention, attention // 2),
        }.items():
            layer(f"attn_block.{part}", *shape, 1, 1, bias=False)
    return arrays


class Plain:
    """The maths in float64 on the original's names."""

    def __init__(self, arrays) -> None:
        self.a = {name: array.double() for name, array in arrays.items()}

    def weight(self, name: str) -> torch.Tensor:
        if f"{name}.weight" in self.a:
            return self.a[f"{name}.weight"]
        weight = self.a[f"{name}.weight_orig"]
        return weight / (self.a[f"{name}.weight_u"] @ weight.flatten(1) @ self.a[f"{name}.weight_v"])

    def conv(self, name: str, x: torch.Tensor) -> torch.Tensor:
        weight = self.weight(name)
        return F.conv2d(x, weight, self.a.get(f"{name}.bias"), padding=weight.shape[-1] // 2)

    def norm(self, name: str, x: torch.Tensor, c: torch.Tensor | None) -> torch.Tensor:
        place = name
        if f"{name}.embed.weight" in self.a:
            gain, bias = (c @ self.a[f"{name}.embed.weight"]).chunk(2, 1)
            place = f"{name}.bn"
        else:
            gain, bias = self.a[f"{name}.weight"][None], self.a[f"{name}.bias"][None]
        mean, var = self.a[f"{place}.running_mean"], self.a[f"{place}.running_var"]
        hat = (x - mean[:, None, None]) / (var[:, None, None] + 1e-5).sqrt()
        return torch.relu(hat * gain[:, :, None, None] + bias[:, :, None, None])

    def attend(self, x: torch.Tensor) -> torch.Tensor:
        n, c, h, w = x.shape
        theta, phi, g = (self.conv(f"attn_block.{part}", x) for part in ("theta", "phi", "g"))
        phi, g = F.max_pool2d(phi, 2).flatten(2), F.max_pool2d(g, 2).flatten(2)
        beta = torch.softmax(torch.einsum("ncq,nck->nqk", theta.flatten(2), phi), -1)
        seen = torch.einsum("nck,nqk->ncq", g, beta).reshape(n, c // 2, h, w)
        return x + self.a["attn_block.gamma"] * self.conv("attn_block.o", seen)

    def picture(self, z, c=None, *, bottom=4, attention_after=0, last=torch.tanh) -> torch.Tensor:
        c = None if c is None else c.double()
        x = F.linear(z.double(), self.weight("l1"), self.a["l1.bias"]).view(len(z), -1, bottom, bottom)
        numbers = sorted({int(key[5:].split(".")[0]) for key in self.a if key.startswith("block")})
        for number in numbers:
            name = f"block{number}"
            h = self.norm(f"{name}.b2", self.conv(f"{name}.c1", bilinear(self.norm(f"{name}.b1", x, c))), c)
            x = self.conv(f"{name}.c2", h) + self.conv(f"{name}.c_sc", bilinear(x))
            if number == attention_after:
                x = self.attend(x)
        end = numbers[-1] + 1
        return last(self.conv(f"c{end}", self.norm(f"b{end}", x, None)))


def bilinear(x: torch.Tensor) -> torch.Tensor:
    """Twice the size: each new place is three quarters its neighbour, one quarter the one beyond."""
    for dim in (2, 3):
        n = x.shape[dim]
        before = x.index_select(dim, (torch.arange(n) - 1).clamp(min=0))
        after = x.index_select(dim, (torch.arange(n) + 1).clamp(max=n - 1))
        pair = torch.stack([0.75 * x + 0.25 * before, 0.75 * x + 0.25 * after], dim + 1)
        x = pair.flatten(dim, dim + 1)
    return x


def saved(tmp_path, arrays):
    torch.save(arrays, tmp_path / "netG.pth")
    return tmp_path / "netG.pth"


def latents():
    z = torch.randn(3, Z_DIM, generator=torch.Generator().manual_seed(1))
    c = F.one_hot(torch.tensor([0, 3, 1]), CLASSES).float()
    c[2] = torch.tensor([0.5, 0.25, 0.25, 0])
    return z, c


VARIANTS = {
    "32 px": ({}, 32, 0),
    "48 px": ({"widths": (32, 16, 8, 4), "bottom": 6}, 48, 0),
    "64 px": ({"widths": (32, 16, 8, 4, 4)}, 64, 0),
    "128 px": ({"widths": (16, 16, 8, 8, 4, 4)}, 128, 0),
    "cGAN-PD 64 px": ({"widths": (16, 16, 8, 4, 4), "conditional": True}, 64, 0),
    "SAGAN 32 px": ({"conditional": True, "spectral": True, "attention": 8}, 32, 3),
    "SAGAN 128 px": (
        {"widths": (64, 64, 32, 16, 8, 4), "conditional": True, "spectral": True, "attention": 16},
        128,
        4,
    ),
    "unconditional with attention": ({"attention": 8}, 32, 3),
}


@pytest.mark.parametrize(("variant", "side", "after"), VARIANTS.values(), ids=VARIANTS)
def test_every_variant_gives_the_picture_of_the_plain_maths(tmp_path, variant, side, after):
    arrays = checkpoint(**variant)
    generator = load_generator(saved(tmp_path, arrays), device="cpu")
    z, c = latents()
    c = c if variant.get("conditional") else None
    expected = Plain(arrays).picture(z, c, bottom=variant.get("bottom", 4), attention_after=after)
    assert expected.std() > 0.05
    assert generator.info.img_size == expected.shape[2:] == (side, side)
    torch.testing.assert_close(generator(z, c).double(), expected, atol=1e-5, rtol=0)


def test_the_family_names_every_kind_that_the_file_may_be(tmp_path):
    family = load_generator(saved(tmp_path, checkpoint()), device="cpu").info.family
    assert all(name in family for name in ("SNGAN", "WGAN-GP", "DCGAN"))
    conditional = load_generator(saved(tmp_path, checkpoint(conditional=True)), device="cpu")
    assert conditional.info.family == "cGAN-PD"
    attended = checkpoint(conditional=True, spectral=True, attention=8)
    assert load_generator(saved(tmp_path, attended), device="cpu").info.family == "SAGAN"


def test_a_generator_that_ends_in_a_sigmoid_can_be_told_so(tmp_path):
    arrays = checkpoint()
    generator = load_generator(saved(tmp_path, arrays), device="cpu", options={"sigmoid": 1})
    z, _ = latents()
    expected = Plain(arrays).picture(z, last=torch.sigmoid)
    torch.testing.assert_close(generator(z).double(), expected, atol=1e-5, rtol=0)
    assert generator.to_uint8(torch.tensor([[[[0.0, 0.5, 1.0]]]])).flatten().tolist() == [0, 128, 255]


@pytest.mark.parametrize(
    "wrap",
    [
        lambda arrays: {"model_state_dict": arrays, "optimizer_state_dict": {"state": {}}, "global_step": 9},
        lambda arrays: {"netG": {f"module.{name}": array for name, array in arrays.items()}, "netD": {}},
        lambda arrays: {"state_dict": {f"generator.{name}": array for name, array in arrays.items()}},
    ],
)
def test_training_scripts_may_wrap_the_state_dict(tmp_path, wrap):
    arrays = checkpoint()
    z, _ = latents()
    expected = load_generator(saved(tmp_path, arrays), device="cpu")(z)
    assert torch.equal(load_generator(saved(tmp_path, wrap(arrays)), device="cpu")(z), expected)


def test_an_unconditional_network_has_one_row_and_a_conditional_one_a_row_for_each_block(tmp_path):
    z, c = latents()
    plain = load_generator(saved(tmp_path, checkpoint()), device="cpu")
    assert (plain.info.num_ws, plain.info.w_dim, plain.info.spaces) == (1, Z_DIM, ("z",))
    torch.testing.assert_close(plain(z, truncation_psi=0.3), plain(0.3 * z), atol=1e-6, rtol=0)
    assert [style.weight.shape for style in plain.style_weights()] == [(128, Z_DIM)]

    generator = load_generator(saved(tmp_path, checkpoint(conditional=True)), device="cpu")
    assert (generator.info.num_ws, generator.info.w_dim) == (4, Z_DIM + CLASSES)
    ws = generator.mapping(z, c)
    inputs, states = generator.inputs(ws), [State()]
    for index, stage in enumerate(generator.stages):
        states.append(generator.run_stage(index, states[-1], inputs))
        touched = ws.clone()
        touched[:, [row for row in range(4) if row not in stage.ws_rows]] += 1
        again = generator.run_stage(index, states[index], generator.inputs(touched))
        assert torch.equal(generator.image(again), generator.image(states[-1]))
        assert states[-1].x.shape[2:] == stage.resolution
    assert torch.equal(generator.image(states[-1]), generator.synthesis(ws))
    truncated = generator.truncate(ws, 0.5)
    torch.testing.assert_close(truncated[..., :Z_DIM], 0.5 * ws[..., :Z_DIM])
    assert torch.equal(truncated[..., Z_DIM:], ws[..., Z_DIM:])


def test_classes_can_be_mixed_block_by_block(tmp_path):
    generator = load_generator(saved(tmp_path, checkpoint(conditional=True)), device="cpu")
    z, _ = latents()
    one, two = (generator.mapping(z, torch.eye(CLASSES)[[k] * 3]) for k in (0, 1))
    mixed = one.clone()
    mixed[:, 2:] = two[:, 2:]
    assert not torch.allclose(generator.synthesis(mixed), generator.synthesis(one), atol=1e-3)
    mixed[:, 1] = two[:, 1]  # row 0 feeds z alone
    assert torch.equal(generator.synthesis(mixed), generator.synthesis(two))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a.pop("block3.c2.weight"), r"block3\.c2\.weight"),
        (lambda a: a.pop("block4.b2.running_var"), r"block4\.b2\.running_var"),
        (lambda a: a.update({"block3.extra.weight": torch.ones(2)}), r"block3\.extra\.weight"),
        (lambda a: a.update({"l1.weight": torch.ones(130, Z_DIM)}), "square maps"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_sentence(tmp_path, change, message):
    arrays = checkpoint()
    change(arrays)
    with pytest.raises(MismatchError, match=message):
        load_generator(saved(tmp_path, arrays), device="cpu")


def test_a_discriminator_alone_is_not_claimed(tmp_path):
    arrays = {f"block{i}.{c}.{part}": torch.ones(4, 4) for i in (1, 2) for c in ("c1", "c2") for part in "ab"}
    arrays |= {"l5.weight": torch.ones(1, 4)}
    assert claimants(read_checkpoint(saved(tmp_path, arrays))) == []


@pytest.mark.parity
@pytest.mark.parametrize("kind", ["sngan", "wgangp", "cganpd", "sagan"])
def test_zoo_pictures_are_the_originals(shared, kind):
    folder = shared / "zoo" / f"{kind}_mimicry_32"
    path = next(folder.glob("*.pth"))
    reference = np.load(folder / "reference.npz")
    assert [a.name for a in claimants(read_checkpoint(path))] == ["resnet-gan-mimicry"]
    generator = load_generator(path, device="cpu")
    z = reference["z"]
    c = np.eye(4, dtype=np.float32)[reference["y"]] if "y" in reference else None
    for key, picture in {
        "img": generator(z, c),
        "img_z07": generator(z, c, truncation_psi=0.7),
        "img_first_alone": generator(z[:1], None if c is None else c[:1]),
    }.items():
        np.testing.assert_allclose(picture, reference[key], atol=1e-5, rtol=0, err_msg=key)


def test_hand_written_spectral_norm_takes_one_step_from_its_stored_vector(tmp_path):
    stored, divided = {}, checkpoint()
    for name, array in checkpoint().items():
        stored[name] = array
        if name.endswith("weight") and array.ndim > 1:
            layer, matrix = name.removesuffix(".weight"), array.double().flatten(1)
            u = torch.randn(1, len(array), generator=torch.Generator().manual_seed(2))
            stored |= {f"{layer}.sn_u": u, f"{layer}.sn_sigma": torch.ones(1)}
            v = F.normalize(u.double() @ matrix)
            divided[name] = (array / (matrix @ v.T).norm()).float()
    z, _ = latents()
    generator = load_generator(saved(tmp_path, stored), device="cpu")
    expected = Plain(divided).picture(z)
    torch.testing.assert_close(generator(z).double(), expected, atol=1e-5, rtol=0)
