"""Tiny autoencoders for the latents of large diffusion models (TAESD and its sisters).

Owns the network and the reading of its files: a decoder, and the encoder from the same file or from
one beside it, found by its content. Latents are maps; z is such a map laid out flat. Pictures span
[0, 1], or [-1, 1] in the layout of diffusers. Trainable.

Source: He et al., "Deep Residual Learning for Image Recognition" (residual blocks); Wu and He, "Group
Normalization"; the layouts and the soft clamp of the latents were measured on files.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latentstudio.errors import CheckpointError, InputError, MismatchError
from latentstudio.formats import Contents, StoredArray, read_checkpoint, state_dict
from latentstudio.models.generator import (
    Generator,
    GeneratorInfo,
    Inputs,
    Option,
    StageInfo,
    State,
    StyleWeight,
)
from latentstudio.models.spec import NetworkSpec, as_float32

_MAGNITUDE = 3.0  # latents are clamped softly to this
_GROUPS = 4
_ENDINGS = (".pth", ".pt", ".bin", ".safetensors", ".ckpt")
_MAX_NEIGHBOURS, _MAX_BYTES = 24, 256 << 20


class Conv(nn.Conv2d):
    """A convolution that keeps the size, or halves it.

    Args:
        layer: "in", "out", "kernel", "bias", "stride".
    """

    def __init__(self, layer: dict[str, Any]) -> None:
        kernel = int(layer["kernel"])
        super().__init__(
            int(layer["in"]),
            int(layer["out"]),
            kernel,
            stride=int(layer.get("stride", 1)),
            padding=kernel // 2,
            bias=bool(layer["bias"]),
        )


class Block(nn.Module):
    """Three convolutions beside a shortcut; before them, in the middle, a normalised branch.

    Args:
        layer: "in", "out", "pool" (width of the normalised branch, 0 for none).
    """

    def __init__(self, layer: dict[str, Any]) -> None:
        super().__init__()
        inside, out, pool = int(layer["in"]), int(layer["out"]), int(layer["pool"])
        self.conv = nn.ModuleDict(
            {str(2 * i): nn.Conv2d(inside if i == 0 else out, out, 3, padding=1) for i in range(3)}
        )
        self.skip = nn.Conv2d(inside, out, 1, bias=False) if inside != out else None
        if pool:
            self.pool = nn.ModuleDict(
                {
                    "0": nn.Conv2d(inside, pool, 1, bias=False),
                    "1": nn.GroupNorm(_GROUPS, pool),
                    "3": nn.Conv2d(pool, inside, 1, bias=False),
                }
            )
        self.has_pool = pool > 0

    def forward(self, x: Tensor) -> Tensor:
        """(N, in, H, W) -> (N, out, H, W)."""
        if self.has_pool:
            x = x + self.pool["3"](F.relu(self.pool["1"](self.pool["0"](x))))
        y = self.conv["4"](F.relu(self.conv["2"](F.relu(self.conv["0"](x)))))
        return F.relu(y + (x if self.skip is None else self.skip(x)))


def _layers(config: list[dict[str, Any]]) -> nn.ModuleList:
    return nn.ModuleList(Block(layer) if layer["kind"] == "block" else Conv(layer) for layer in config)


class TinyAutoencoder(Generator):
    """The network; see `build` for the config."""

    architecture = "tiny-autoencoder"
    family = "Tiny autoencoder"

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        self.config = config
        self.decoder = _layers(config["decoder"])
        self.encoder = _layers(config["encoder"])
        doublings = sum(bool(layer.get("doubled")) for layer in config["decoder"])
        side = max(int(config["resolution"]) >> doublings, 1)
        channels = int(config["decoder"][0]["in"])
        self.z_shape = (channels, side, side)
        stages, size = [], side
        for i, layer in enumerate(config["decoder"]):
            size *= 2 if layer.get("doubled") else 1
            stages.append(StageInfo(f"{layer['kind']}{i}", (size, size), (0,) if i == 0 else ()))
        self.stages = tuple(stages)
        self.info = GeneratorInfo(
            architecture=self.architecture,
            family=self.family,
            z_dim=channels * side * side,
            w_dim=channels * side * side,
            c_dim=0,
            num_ws=1,
            img_resolution=size,
            img_channels=int(config["decoder"][-1]["out"]),
            img_size=(size, size),
            has_noise=False,
            has_mapping=False,
            has_encoder=len(self.encoder) > 0,
            z_shape=self.z_shape,
        )

    def _map(self, z: Tensor, c: Tensor | None) -> Tensor:
        return z[:, None]

    def run_stage(self, index: int, state: State, inputs: Inputs) -> State:
        """A convolution (after doubling the size, where it does) or a block."""
        x, layer = state.x, self.config["decoder"][index]
        if index == 0:
            z = inputs.ws[:, 0].reshape(-1, *self.z_shape)
            x = torch.tanh(z / _MAGNITUDE) * _MAGNITUDE
        assert x is not None
        if layer.get("doubled"):
            x = F.interpolate(x, scale_factor=2, mode="nearest")
        x = self.decoder[index](x)
        if layer.get("relu"):
            x = F.relu(x)
        if index < len(self.stages) - 1:
            return State(x)
        x = x * 2 - 1 if self.config["signed"] else x
        return State(x, x)

    def encode(self, images: Tensor) -> Tensor:
        """Latents z (N, z_dim) of pictures (N, 3, H, W) in [-1, 1]; other sizes are resized.

        Raises:
            InputError: there was no encoder in the file or beside it.
        """
        if not self.info.has_encoder:
            raise InputError("This model has no encoder.", "Put its encoder's file beside the decoder's.")
        x = images.float()
        if tuple(x.shape[2:]) != self.info.img_size:
            x = F.interpolate(x, self.info.img_size, mode="bilinear", align_corners=False, antialias=True)
        x = (x + 1) / 2
        for layer, module in zip(self.config["encoder"], self.encoder, strict=True):
            x = module(x)
            if layer.get("relu"):
                x = F.relu(x)
        return x.flatten(1)

    def style_weights(self) -> list[StyleWeight]:
        """None: z is a map, and every part of it moves its own part of the picture."""
        return []

    @property
    def img_range(self) -> tuple[float, float]:
        """The range of [0, 1], or [-1, 1] where the decoder says so."""
        return (-1.0, 1.0) if self.config["signed"] else (0.0, 1.0)

    def to_uint8(self, img: Tensor) -> Tensor:
        """Pictures in [0, 1] are clamped and cut to whole levels, as the original saves them."""
        unit = (img + 1) / 2 if self.config["signed"] else img
        return (unit.clamp(0, 1) * 255).to(torch.uint8)


def build(config: dict[str, Any]) -> Generator:
    """The network of a config.

    Args:
        config: "decoder" and "encoder" (may be empty): lists of {"kind" "conv" or "block", "in", "out",
            ...}, see `Conv` and `Block`; "doubled": upsample before it; "relu": after it; "resolution":
            side of the picture; "signed": pictures span [-1, 1].
    """
    return TinyAutoencoder(config)


Arrays = dict[str, StoredArray]


def _half(arrays: Arrays) -> list[tuple[str, str]] | None:
    """Names and kinds of the layers of one half in order; None where it is no such half."""
    names: dict[int, str] = {}
    for key in arrays:
        match = re.fullmatch(r"(\d+)\.(?:(conv\.[024]|pool\.[013]|skip)\.)?(?:weight|bias)", key)
        if match is None:
            return None
        if match[2] or int(match[1]) not in names:
            names[int(match[1])] = "block" if match[2] else "conv"
    kinds = list(names.values())
    if kinds.count("block") < 2 or kinds.count("conv") < 2:
        return None
    return [(str(index), names[index]) for index in sorted(names)]


def _halves(contents: Contents) -> tuple[Arrays | None, Arrays | None, bool]:
    """Decoder, encoder, and whether they lie in one file in diffusers' way."""
    arrays = state_dict(contents.root)
    if arrays is None:
        return None, None, False
    for prefix in ("{}.layers.", "taesd_{}.", "{}."):
        parts = []
        for half in ("decoder", "encoder"):
            start = prefix.format(half)
            parts.append({key[len(start) :]: value for key, value in arrays.items() if key.startswith(start)})
        if parts[0] and len(parts[0]) + len(parts[1]) == len(arrays) and _half(parts[0]):
            encoder = parts[1] if parts[1] and _half(parts[1]) else None
            return parts[0], encoder, "layers" in prefix
    layers = _half(arrays)
    if layers is None:
        return None, None, False
    first, last = arrays[f"{layers[0][0]}.weight"], arrays.get(f"{layers[-1][0]}.weight")
    if last is None:
        return None, None, False
    if last.shape[0] == 3 and first.shape[1] != 3:
        return arrays, None, False
    return (None, arrays, False) if first.shape[1] == 3 else (None, None, False)


def claims(contents: Contents) -> bool:
    """Numbered convolutions and blocks of three (`conv.0`, `conv.2`, `conv.4`)."""
    decoder, encoder, _ = _halves(contents)
    return decoder is not None or encoder is not None


def convert(contents: Contents) -> NetworkSpec:
    """Config and arrays of the decoder and, where there is one, of the encoder.

    Raises:
        MismatchError: there is an encoder only, or the layers do not fit.
    """
    decoder, encoder, signed = _halves(contents)
    if decoder is None or encoder is None:
        files = _neighbours(contents)
        decoder, encoder = _fitting(decoder, encoder, files)
    if decoder is None:
        raise MismatchError(
            f'"{contents.path.name}" is the encoder of a tiny autoencoder, and no decoder lies beside it.',
            "Put both files into one folder.",
            path=contents.path,
        )
    named: dict[str, Any] = {}
    try:
        config = {
            "decoder": _read(decoder, "decoder", named),
            "encoder": _read(encoder, "encoder", named) if encoder is not None else [],
            "resolution": 256,
            "signed": signed,
        }
    except (KeyError, IndexError, ValueError) as error:
        raise MismatchError(
            f'"{contents.path.name}" looks like a tiny autoencoder, but a layer is missing: {error}.',
            path=contents.path,
        ) from error
    notes = () if encoder is not None else ("No encoder lies beside it, so pictures must be inverted.",)
    options = (Option("resolution", 64, 1024, 256, whole=True),)
    return NetworkSpec("tiny-autoencoder", config, named, notes=notes, options=options)


def _neighbours(contents: Contents) -> list[Path]:
    own = contents.files[0] if contents.files else contents.path
    try:
        found = sorted(p for p in own.parent.iterdir() if p.suffix.casefold() in _ENDINGS and p != own)
        return [p for p in found if p.is_file() and p.stat().st_size < _MAX_BYTES][:_MAX_NEIGHBOURS]
    except OSError:
        return []


def _fitting(
    decoder: Arrays | None, encoder: Arrays | None, files: list[Path]
) -> tuple[Arrays | None, Arrays | None]:
    """The halves, the missing one from the first neighbour whose latents have as many channels."""

    def channels(half: Arrays | None, layer: int, axis: int) -> int | None:
        layers = _half(half) if half else None
        return half[f"{layers[layer][0]}.weight"].shape[axis] if half and layers else None

    for path in files:
        try:
            other_decoder, other_encoder, _ = _halves(read_checkpoint(path))
        except CheckpointError:
            continue
        decodes = channels(decoder or other_decoder, 0, 1)
        encodes = channels(encoder or other_encoder, -1, 0)
        if decodes is not None and decodes == encodes:
            return decoder or other_decoder, encoder or other_encoder
    return decoder, encoder


def _read(arrays: Arrays, half: str, named: dict[str, Any]) -> list[dict[str, Any]]:
    layers = _half(arrays)
    if layers is None:
        raise ValueError(half)
    config: list[dict[str, Any]] = []
    for i, (name, kind) in enumerate(layers):
        for key, array in arrays.items():
            if key.startswith(f"{name}."):
                named[f"{half}.{i}.{key[len(name) + 1 :]}"] = as_float32(array)
        if kind == "block":
            out, inside = arrays[f"{name}.conv.0.weight"].shape[:2]
            pool = arrays[f"{name}.pool.0.weight"].shape[0] if f"{name}.pool.0.weight" in arrays else 0
            config.append({"kind": kind, "in": inside, "out": out, "pool": pool})
            continue
        out, inside, kernel, _ = arrays[f"{name}.weight"].shape
        bias = f"{name}.bias" in arrays
        layer = {"kind": kind, "in": inside, "out": out, "kernel": kernel, "bias": bias}
        # A convolution without bias changes the size; one with a gap after it has a ReLU there.
        gap = i + 1 < len(layers) and int(layers[i + 1][0]) - int(name) > 1 and layers[i + 1][1] != "conv"
        early = half == "encoder" and i + 1 < len(layers) and int(layers[i + 1][0]) - int(name) > 1
        if half == "decoder":
            layer |= {"doubled": not bias, "relu": gap and bias}
        else:
            layer |= {"stride": 2 if not bias or early else 1, "relu": early}
        config.append(layer)
    return config
