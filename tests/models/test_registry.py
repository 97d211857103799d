"""Which architecture claims which file, and families that others add."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from importlib.metadata import EntryPoint

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from latentstudio.errors import InputError, MismatchError, UnknownArchitectureError
from latentstudio.formats import Contents, read_checkpoint, state_dict
from latentstudio.models import registry
from latentstudio.models.generator import Generator, GeneratorInfo, Inputs, StageInfo, State
from latentstudio.models.registry import Architecture, architectures, claimants, load_generator
from latentstudio.models.spec import NetworkSpec, as_float32

# What each reference file is; the name of the folder is for people, detection never sees it.
ZOO = {
    "biggan_ajbrock_32/G_ema.pth": "biggan-authors",
    "biggan_ajbrock_deep64/G_ema.pth": "biggan-authors",
    "biggan_hf_tiny": "biggan-huggingface",
    "cganpd_mimicry_32/netG_1000_steps.pth": "resnet-gan-mimicry",
    "dcgan_examples_64/netG_epoch_24.pth": "dcgan-sequential",
    "dcgan_examples_64/variant_dataparallel.pth": "dcgan-sequential",
    "lucidrains_32/model_0.pt": "stylegan2-lucidrains",
    "progan_akanimax_32/depth_5_epoch_1.bin": "progan-akanimax",
    "progan_fbzoo_32/checkpoint.pth": "progan-ganzoo",
    "rosinality_64_train/checkpoint.pt": "stylegan2-rosinality",
    "sagan_mimicry_32/netG_1000_steps.pth": "resnet-gan-mimicry",
    "sg2ada_cond3/checkpoint_nosrc.pkl": "stylegan2-nvidia",
    "sg2ada_resnet/checkpoint_nosrc.pkl": "stylegan2-nvidia",
    "sg2ada_uncond/checkpoint_nosrc.pkl": "stylegan2-nvidia",
    "sg2ada_uncond/variant_augpipe_nosrc.pkl": "stylegan2-nvidia",
    "sg2ada_uncond/variant_proto2_nosrc.pkl": "stylegan2-nvidia",
    "sg3r_small/checkpoint_nosrc.pkl": "stylegan3-nvidia",
    "sg3repo_sg2_uncond/checkpoint_nosrc.pkl": "stylegan2-nvidia",
    "sg3t_small/checkpoint_nosrc.pkl": "stylegan3-nvidia",
    "sngan_mimicry_32/netG_1000_steps.pth": "resnet-gan-mimicry",
    "stylegan1_fbzoo_32/checkpoint.pth": "stylegan1-ganzoo",
    "tf_ada_v5/checkpoint_nosrc.pkl": "stylegan2-tensorflow",
    "tfreal_sg1_32/checkpoint_nosrc.pkl": "stylegan1-tensorflow",
    "tfreal_sg2_64/checkpoint_nosrc.pkl": "stylegan2-tensorflow",
    "wgangp_mimicry_32/netG_1000_steps.pth": "resnet-gan-mimicry",
}
WEIGHTS = {
    "csinva_mnist/mnist_gan_mlp_weights_G--300.ckpt": "dcgan-sequential",
    "csinva_mnist/mnist_vae_weights_vae_epoch_25.pth": "vae-state-dict",
    "fletchersarip93_face32/generator.pt": "dcgan-sequential",
    "hayatohongo_cwgangp_mnist/generator.pth": "dcgan-sequential",
    "ryhan9834_wgangp_mnist/generator.pth": "dcgan-sequential",
    "taef2": "tiny-autoencoder",
    "taef2/taef2_decoder.pth": "tiny-autoencoder",
}
FILES = [*(f"zoo/{k}" for k in ZOO), *(f"weights/{k}" for k in WEIGHTS)]


def test_names_and_titles_are_unique():
    known = architectures()
    assert len({a.name for a in known}) == len(known)
    assert len({a.title for a in known}) == len(known)


@pytest.mark.parity
@pytest.mark.parametrize("name", FILES)
def test_exactly_one_architecture_claims_each_file(shared, name):
    expected = {**{f"zoo/{k}": v for k, v in ZOO.items()}, **{f"weights/{k}": v for k, v in WEIGHTS.items()}}
    assert [a.name for a in claimants(read_checkpoint(shared / name))] == [expected[name]]


@pytest.mark.parity
@pytest.mark.parametrize("name", FILES)
def test_every_file_draws_the_same_picture_after_a_trip_through_the_own_format(shared, name, tmp_path):
    from latentstudio.models.registry import read_network
    from latentstudio.models.spec import write_spec

    original = load_generator(shared / name, device="cpu")
    spec, _ = read_network(shared / name)
    write_spec(tmp_path / "own.safetensors", spec)
    again = load_generator(tmp_path / "own.safetensors", device="cpu")
    info = original.info
    z = np.random.default_rng(0).standard_normal((1, info.z_dim)).astype(np.float32)
    c = np.eye(info.c_dim, dtype=np.float32)[:1] if info.c_dim else None
    assert torch.equal(original(z, c), again(z, c))
    assert again.info.architecture == info.architecture


@pytest.mark.parity
def test_a_checkpoint_loads_within_its_memory(shared):
    """In a process of its own: never more than 1.6 times the file and the network above the start."""
    code = textwrap.dedent("""
        import resource, sys
        from pathlib import Path
        from latentstudio.models.registry import architectures, load_generator
        import torch
        architectures()
        load_generator(sys.argv[1])  # warms up whatever torch loads on first use
        peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        before = peak()
        network = load_generator(sys.argv[2])
        size = sum(p.numel() * 4 for p in network.parameters())
        print(peak() - before, Path(sys.argv[2]).stat().st_size, size)
    """)
    files = [shared / "zoo" / n for n in ("sg2ada_cond3/checkpoint_nosrc.pkl", "lucidrains_32/model_0.pt")]
    out = subprocess.run(
        [sys.executable, "-c", code, *map(str, files)], capture_output=True, text=True, check=True
    ).stdout
    grown, file_size, network_size = map(int, out.split())
    # Small files: an allowance for the allocator's own granularity.
    assert grown <= 1.6 * (file_size + network_size) + (8 << 20)


def test_an_unknown_file_says_what_was_seen_and_what_was_tried(tmp_path):
    torch.save({"my.own.layer": torch.zeros(3, 3), "another": torch.zeros(2)}, tmp_path / "x.pt")
    with pytest.raises(UnknownArchitectureError) as caught:
        load_generator(tmp_path / "x.pt")
    assert "my.own.layer" in caught.value.message
    assert "StyleGAN3" in caught.value.hint


class Dots(Generator):
    """The smallest family: a linear layer whose outputs are the pixels."""

    def __init__(self, config):
        super().__init__()
        self.linear = nn.Linear(config["z_dim"], 3 * config["size"] ** 2)
        size = config["size"]
        self.stages = (StageInfo("dots", (size, size), (0,)),)
        self.info = GeneratorInfo(
            "dots", "Dots", config["z_dim"], config["z_dim"], 0, 1, size, 3, (size, size), False, False
        )

    def _map(self, z: Tensor, c: Tensor | None) -> Tensor:
        return z[:, None]

    def run_stage(self, index: int, state: State, inputs: Inputs) -> State:
        height, width = self.info.img_size
        return State(None, self.linear(inputs.ws[:, 0]).reshape(-1, 3, height, width).tanh())


def _dots_convert(contents: Contents) -> NetworkSpec:
    arrays = state_dict(contents.root)
    rows, z_dim = arrays["dots.weight"].shape
    named = {f"linear.{part}": as_float32(arrays[f"dots.{part}"]) for part in ("weight", "bias")}
    return NetworkSpec("dots", {"z_dim": z_dim, "size": round((rows / 3) ** 0.5)}, named)


PLUGIN = Architecture(
    name="dots",
    title="Dots",
    recognised_by="`dots.weight`",
    claims=lambda contents: "dots.weight" in (state_dict(contents.root) or {}),
    convert=_dots_convert,
    build=Dots,
    network="dots",
)


@pytest.fixture
def installed(monkeypatch):
    """An installed package that provides the entry point."""
    entry = EntryPoint("dots", f"{__name__}:PLUGIN", registry.ENTRY_POINT_GROUP)
    monkeypatch.setattr(EntryPoint, "load", lambda self: PLUGIN)
    monkeypatch.setattr(
        registry, "entry_points", lambda group: [entry] if group == registry.ENTRY_POINT_GROUP else []
    )
    architectures.cache_clear()
    yield
    architectures.cache_clear()


def test_a_plug_in_family_loads_renders_and_converts_like_any_other(installed, tmp_path):
    from latentstudio import Recipe, render
    from latentstudio.models.registry import read_network
    from latentstudio.models.spec import write_spec

    layer = nn.Linear(5, 3 * 16)
    torch.save({f"dots.{k}": v for k, v in layer.state_dict().items()}, tmp_path / "dots.pt")
    generator = load_generator(tmp_path / "dots.pt", device="cpu")
    assert generator.info.family == "Dots"
    z = torch.randn(2, 5)
    assert torch.allclose(generator(z).reshape(2, -1), layer(z).tanh(), atol=1e-6)
    picture = render(Recipe.from_seed(1), generator)
    assert picture.shape == (4, 4, 3)
    write_spec(tmp_path / "own.safetensors", read_network(tmp_path / "dots.pt")[0])
    assert np.array_equal(render(Recipe.from_seed(1), load_generator(tmp_path / "own.safetensors")), picture)


def test_an_own_file_of_a_plug_in_that_is_gone_says_so(installed, tmp_path):
    from latentstudio.models.registry import build_network

    spec = NetworkSpec("nowhere", {}, {})
    with pytest.raises(UnknownArchitectureError, match="nowhere"):
        build_network(spec)


def test_two_claims_on_one_file_are_an_error_not_a_guess(installed, monkeypatch, tmp_path):
    twice = (*architectures(), PLUGIN)
    monkeypatch.setattr(registry, "architectures", lambda: twice)
    torch.save({f"dots.{k}": v for k, v in nn.Linear(5, 48).state_dict().items()}, tmp_path / "dots.pt")
    with pytest.raises(MismatchError, match="more than one family"):
        load_generator(tmp_path / "dots.pt")


def test_what_is_no_architecture_is_refused(monkeypatch):
    entry = EntryPoint("bad", "x:y", registry.ENTRY_POINT_GROUP)
    monkeypatch.setattr(EntryPoint, "load", lambda self: 3)
    monkeypatch.setattr(registry, "entry_points", lambda group: [entry])
    architectures.cache_clear()
    with pytest.raises(InputError, match="bad"):
        architectures()
    architectures.cache_clear()


def test_importing_the_package_does_not_load_torch():
    code = "import sys, latentstudio, latentstudio.cli.main; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_loading_does_not_move_the_global_random_state(tiny_path):
    torch.manual_seed(3)
    expected = torch.randn(3)
    torch.manual_seed(3)
    load_generator(tiny_path)
    assert torch.equal(torch.randn(3), expected)
