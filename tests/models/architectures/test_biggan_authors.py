"""BigGAN as its authors' training code saves it, against the paper's maths and the original's pictures."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from biggan_authors_files import Plain, checkpoint

from latentstudio.errors import InputError, MismatchError
from latentstudio.formats import read_checkpoint
from latentstudio.models.generator import State
from latentstudio.models.registry import claimants, load_generator, read_network
from latentstudio.models.spec import write_spec


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
        assert torch.equal(generator.image(again), generator.image(states[index + 1])), stage.name


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
