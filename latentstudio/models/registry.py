"""The table of architectures, and the way from a path to a loaded generator.

Owns `load_generator`. Detection reads keys and shapes, never file names; exactly one architecture may
claim a file. Other packages add families through the entry point group "latentstudio.architectures".
Any thread; the returned generator belongs to one thread at a time.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import torch

from latentstudio.errors import InputError, MismatchError, UnknownArchitectureError
from latentstudio.formats import Contents, read_checkpoint
from latentstudio.models.devices import choose_device
from latentstudio.models.generator import Generator
from latentstudio.models.precision import choose_fast_dtype
from latentstudio.models.spec import NetworkSpec, fill, is_own, read_spec, with_options

ENTRY_POINT_GROUP = "latentstudio.architectures"


@dataclass(frozen=True)
class Architecture:
    """One way that a file can hold a generator.

    Attributes:
        name: unique key of the reader, such as "stylegan2-nvidia".
        title: what a person calls such files.
        recognised_by: one line for the README's table.
        claims: whether a file's contents are of this kind; must not raise.
        convert: contents to a NetworkSpec.
        build: config to an unfilled network, for the specs this reader makes.
        network: the `NetworkSpec.architecture` that `build` serves.
    """

    name: str
    title: str
    recognised_by: str
    claims: Callable[[Contents], bool]
    convert: Callable[[Contents], NetworkSpec]
    build: Callable[[dict[str, Any]], Generator]
    network: str


_PACKAGE = "latentstudio.models.architectures"

# Reader module, network module, key of the network, title, how it is recognised.
_BUILT_IN = (
    (
        "stylegan2_nvidia",
        "stylegan2",
        "stylegan2",
        "StyleGAN2, NVIDIA pickles (stylegan2-ada-pytorch, stylegan3)",
        "persistent generator with `synthesis.b4`, `b8`, ...",
    ),
    (
        "stylegan3_nvidia",
        "stylegan3",
        "stylegan3",
        "StyleGAN3-T and -R, NVIDIA pickles",
        "persistent generator with `synthesis.input.freqs` and `magnitude_ema` in its layers",
    ),
    (
        "stylegan2_tensorflow",
        "stylegan2",
        "stylegan2",
        "StyleGAN2 and StyleGAN2-ADA, TensorFlow pickles",
        "TensorFlow network whose synthesis has `4x4/Conv/mod_weight`",
    ),
    (
        "stylegan2_growing",
        "stylegan2_growing",
        "stylegan2-growing",
        "StyleGAN2 configurations B to D, TensorFlow pickles",
        "the same with `ToRGB_lod1/mod_weight`",
    ),
    (
        "stylegan2_rosinality",
        "stylegan2",
        "stylegan2",
        "StyleGAN2, rosinality's stylegan2-pytorch",
        "state dict (in `g_ema` or `g`, or plain) with `input.input` and `conv1.conv.modulation.weight`",
    ),
    (
        "stylegan1_tensorflow",
        "stylegan1",
        "stylegan1",
        "StyleGAN 1, TensorFlow pickles",
        "TensorFlow network with a mapping whose synthesis has `ToRGB_lod0` and plain convolutions",
    ),
    (
        "stylegan1_ganzoo",
        "stylegan1",
        "stylegan1",
        "StyleGAN 1, pytorch_GAN_zoo",
        "`baseScale0`, `mean_w` and `adain00` in `avgG` or `netG`",
    ),
    (
        "stylegan2_lucidrains",
        "lucidrains_stylegan2",
        "lucidrains-stylegan2",
        "StyleGAN2, lucidrains' stylegan2-pytorch",
        "`SE.net` and `GE.blocks.*.to_style1` (or `S`, `G`) under `GAN`",
    ),
    (
        "stylegan2_compact",
        "stylegan2_compact",
        "stylegan2-compact",
        "StyleGAN2 compact (clay faces)",
        "state dict with `const`, `input.weight` and `conv1.0.noise`",
    ),
    (
        "mobile_stylegan",
        "mobile_stylegan",
        "mobile-stylegan",
        "MobileStyleGAN, OpenVINO graphs",
        "pair of graphs, mapping and synthesis, with inverse wavelet blocks",
    ),
    (
        "progan_ganzoo",
        "progan",
        "progan",
        "ProGAN, pytorch_GAN_zoo",
        "`formatLayer`, `groupScale0`, `scaleLayers`, `toRGBLayers` in `avgG` or `netG`",
    ),
    (
        "progan_akanimax",
        "progan",
        "progan",
        "ProGAN, pro_gan_pytorch (akanimax)",
        "`layers.0.conv_1` or `initial_block.conv_1`, and `rgb_converters`",
    ),
    (
        "progan_tensorflow",
        "progan",
        "progan",
        "ProGAN, official TensorFlow pickles",
        "TensorFlow network with `4x4/Dense` and `ToRGB_lod0`",
    ),
    (
        "biggan_huggingface",
        "biggan",
        "biggan",
        "BigGAN-deep, Hugging Face's PyTorch conversion",
        "state dict with `embeddings.weight` and `generator.layers.0.bn_0.running_means`, and config.json",
    ),
    (
        "biggan_authors",
        "biggan",
        "biggan",
        "BigGAN and BigGAN-deep, BigGAN-PyTorch",
        "state dict with `blocks.0.0.bn1.gain.weight` and `output_layer.2.weight`",
    ),
    (
        "resnet_gan_mimicry",
        "resnet_gan",
        "resnet-gan",
        "ResNet GANs, mimicry (SNGAN, WGAN-GP, SSGAN, DCGAN, InfoMax-GAN, cGAN-PD, SAGAN)",
        "state dict with `l1`, `block2.b1`, `block2.c1`, ... and a last norm and convolution",
    ),
    (
        "dcgan_sequential",
        "dcgan",
        "dcgan",
        "DCGAN and other plain stacks",
        "state dict whose layers form one chain from a vector to a picture",
    ),
    (
        "vae_state_dict",
        "vae",
        "vae",
        "VAE of plain layers",
        "encoder, two parallel layers for z, decoder that makes a picture",
    ),
    (
        "tiny_autoencoder",
        "tiny_autoencoder",
        "tiny-autoencoder",
        "Tiny autoencoder (TAESD and its sisters)",
        "numbered blocks with `conv.0`, `conv.2`, `conv.4`; the other half beside it",
    ),
    (
        "clay_renderer",
        "clay_renderer",
        "clay-renderer",
        "Clay renderer (the program's own teaching model)",
        "the program's own format only",
    ),
)


@cache
def architectures() -> tuple[Architecture, ...]:
    """Every known architecture: the built-in ones, then those of installed plug-ins."""
    known = []
    for reader_name, network_name, key, title, recognised_by in _BUILT_IN:
        reader = import_module(f"{_PACKAGE}.{reader_name}")
        network = import_module(f"{_PACKAGE}.{network_name}")
        name = reader_name.replace("_", "-")
        known.append(
            Architecture(name, title, recognised_by, reader.claims, reader.convert, network.build, key)
        )
    for entry in entry_points(group=ENTRY_POINT_GROUP):
        plugin = entry.load()
        if not isinstance(plugin, Architecture):
            raise InputError(f'The plug-in "{entry.name}" does not provide an Architecture.')
        known.append(plugin)
    return tuple(known)


def claimants(contents: Contents) -> list[Architecture]:
    """The architectures that recognise a file; exactly one for every supported file."""
    return [architecture for architecture in architectures() if architecture.claims(contents)]


def read_network(path: str | Path) -> tuple[NetworkSpec, Contents]:
    """Read a checkpoint as data: what network it holds, and the file itself.

    Raises:
        CheckpointError: see `load_generator`.
    """
    contents = read_checkpoint(path)
    if is_own(contents):
        return read_spec(contents), contents
    found = claimants(contents)
    if len(found) == 1:
        spec = found[0].convert(contents)
        provenance = spec.provenance
        if not provenance.title:
            title = contents.path.stem if contents.path.is_file() else contents.path.name
            provenance = dataclasses.replace(provenance, title=title)
        return spec.changed(provenance=provenance), contents
    name = contents.path.name
    if found:
        titles = " and ".join(a.title for a in found)
        raise MismatchError(f'"{name}" fits more than one family: {titles}.', path=contents.path)
    seen = contents.describe()
    keys = ", ".join(map(str, seen.get("keys", [])[:8])) or "none"
    tried = ", ".join(dict.fromkeys(a.title.split(",")[0] for a in architectures()))
    raise UnknownArchitectureError(
        f'"{name}" is a readable file, but no family here knows it. Keys seen: {keys}.',
        f"Families tried: {tried}.",
        path=contents.path,
    )


def build_network(spec: NetworkSpec) -> Generator:
    """A network with its arrays, in evaluation mode, on the CPU.

    Raises:
        MismatchError: config and arrays do not fit together.
        UnknownArchitectureError: the spec's architecture is not installed.
    """
    build = _builder(spec.architecture)
    try:
        # Nothing is allocated for weights that are about to be replaced.
        with torch.device("meta"):
            network = build(spec.config)
    except (KeyError, TypeError, ValueError, IndexError, RuntimeError, AttributeError) as error:
        raise MismatchError(
            f"The description of the {spec.architecture} network is damaged: {error}."
        ) from error
    fill(network, spec)
    # Convolutions follow the layout of their weights; the CPU's are quickest with channels last.
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    network.requires_grad_(False).eval()
    network.info = dataclasses.replace(
        network.info,
        provenance=spec.provenance,
        parameters=sum(p.numel() for p in network.parameters()),
        notes=spec.notes,
        options=spec.options,
    )
    return network


def _builder(key: str) -> Callable[[dict[str, Any]], Generator]:
    """The `build` of a network; only its own module is imported, which keeps a start quick."""
    for _, network_name, known, _, _ in _BUILT_IN:
        if known == key:
            build: Callable[[dict[str, Any]], Generator] = import_module(f"{_PACKAGE}.{network_name}").build
            return build
    for architecture in architectures():
        if architecture.network == key:
            return architecture.build
    raise UnknownArchitectureError(
        f'This file needs the architecture "{key}", which is not installed.',
        "Update LatentStudio, or install the plug-in that provides it.",
    )


def load_generator(
    path: str | Path,
    device: str = "auto",
    precision: str = "exact",
    options: Mapping[str, float] | None = None,
) -> Generator:
    """Load a generator from a checkpoint, as data; nothing in the file is executed.

    Args:
        path: a file or a folder.
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".
        precision: "exact" computes in float32 like the originals; "fast" in a lower precision where
            a short measurement shows that this machine is quicker in it.
        options: numbers that the family lets a person set, such as {"depth": 3}; see `info.options`.

    Returns:
        The generator, in evaluation mode, without gradients.

    Raises:
        UnreadableFileError: missing, empty, cut short, or something else entirely.
        UnsafeFileError: the file asks for more than being read as data.
        UnknownArchitectureError: no family knows it.
        MismatchError: a family knows it, but its arrays do not fit.
        DeviceError: the device is not there.
    """
    if precision not in ("exact", "fast"):
        raise InputError(f'There is no precision "{precision}".', "Use exact or fast.")
    target = choose_device(device)
    spec, contents = read_network(path)
    network = build_network(with_options(spec, options or {})).to(target)
    network.info = dataclasses.replace(
        network.info, sha256=contents.sha256, path=str(Path(path).expanduser().resolve())
    )
    if precision == "fast":
        network.compute_dtype = choose_fast_dtype(network)
    return network
