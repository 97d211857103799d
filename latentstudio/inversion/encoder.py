"""A small network that guesses the latent of a picture at once.

Owns `Encoder`, its file and where encoders are found: beside a bundled model, or in the user's data
folder, by the generator's hash. How one is trained is in `encoder_training`. One thread at a time per
encoder.

Source: the idea is as old as Zhu et al., "Generative Visual Manipulation on the Natural Image
Manifold", section 3.1; here it learns from the generator's own samples alone.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from weakref import WeakKeyDictionary

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latentstudio.errors import LatentStudioError, UnreadableFileError
from latentstudio.formats import read_checkpoint, write_safetensors
from latentstudio.inversion.distance import shrunk
from latentstudio.models.generator import Generator
from latentstudio.models.spec import as_float32
from latentstudio.settings import Folders, resource_dir, user_folders

SUFFIX = ".encoder"
METADATA_KEY = "latentstudio.encoder"
VERSION = 1
_SLOPE = 0.2
MAX_WIDTH = 256


@dataclass(frozen=True)
class EncoderConfig:
    """What an encoder is built from.

    Attributes:
        channels: of the pictures.
        size: (height, width) at which it looks at them; even numbers.
        outputs: numbers it gives: w_dim, or z_dim where the generator has no mapping.
        in_w: whether they are a w; else a z.
        width: features after the first convolution; doubled at every halving, up to a bound.
    """

    channels: int
    size: tuple[int, int]
    outputs: int
    in_w: bool
    width: int = 64


class _Conv(nn.Module):
    """Convolution, normalisation, leaky ReLU."""

    def __init__(self, channels: int, wider: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, wider, 3, stride, 1, bias=False)
        self.norm = nn.BatchNorm2d(wider)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) -> (N, wider, H / stride, W / stride)."""
        return F.leaky_relu(self.norm(self.conv(x)), _SLOPE)


class Encoder(nn.Module):
    """Pictures to latents.

    Args:
        config: sizes.
    """

    center: Tensor
    scale: Tensor

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        # Four neighbouring pixels become channels: the first convolution then costs a quarter.
        height, wide = config.size[0] // 2, config.size[1] // 2
        width = config.width
        layers = [_Conv(4 * config.channels, width, 1)]
        while min(height, wide) > 4:
            wider = min(2 * width, MAX_WIDTH)
            layers.append(_Conv(width, wider, 2))
            width, height, wide = wider, (height + 1) // 2, (wide + 1) // 2
        layers.append(_Conv(width, width, 1))
        self.layers = nn.Sequential(*layers)
        self.last = nn.Linear(width * height * wide, config.outputs)
        self.register_buffer("center", torch.zeros(config.outputs))
        self.register_buffer("scale", torch.ones(config.outputs))

    def forward(self, images: Tensor) -> Tensor:
        """Pictures (N, C, H, W) in [-1, 1] of any size -> latents (N, outputs)."""
        images = shrunk(images, self.config.size)
        if tuple(images.shape[2:]) != self.config.size:
            images = F.interpolate(images, size=self.config.size, mode="bilinear", align_corners=False)
        x = F.pixel_unshuffle(images, 2).contiguous(memory_format=torch.channels_last)
        guess: Tensor = self.last(self.layers(x).flatten(1))
        return self.center + self.scale * guess.float()

    def start(self, images: Tensor, generator: Generator, c: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """z (N, z_dim), zeros where it guesses a w, and ws (N, num_ws, w_dim) of pictures."""
        with torch.no_grad():
            guess = self(images)
            info = generator.info
            if self.config.in_w:
                z = torch.zeros((len(images), info.z_dim), device=images.device)
                return z, guess[:, None].expand(-1, info.num_ws, -1)
            return guess, generator.mapping(guess, c)


def config_for(generator: Generator, size: tuple[int, int]) -> EncoderConfig:
    """The encoder that suits a generator, looking at pictures of a size."""
    info = generator.info
    outputs = info.w_dim if info.has_mapping else info.z_dim
    return EncoderConfig(info.img_channels, size, outputs, info.has_mapping)


def write_encoder(path: Path, encoder: Encoder, model_sha256: str, about: dict[str, float]) -> None:
    """Write an encoder in 16 bits.

    Args:
        path: the file.
        encoder: what to write.
        model_sha256: of the generator it belongs to.
        about: how it was trained, for a person.

    Raises:
        SaveError: the file could not be written.
    """
    arrays = {
        name: np.asarray(value.detach().cpu().numpy(), np.float16)
        for name, value in encoder.state_dict().items()
        if value.is_floating_point()
    }
    header = {"version": VERSION, "model_sha256": model_sha256, "config": asdict(encoder.config)}
    header["about"] = about
    write_safetensors(path, arrays, {METADATA_KEY: json.dumps(header, sort_keys=True)})


def read_encoder(path: Path) -> tuple[Encoder, str]:
    """An encoder, ready to use, and the hash of its generator.

    Raises:
        CheckpointError: the file is damaged or something else.
    """
    contents = read_checkpoint(path)
    problem = UnreadableFileError(f'"{path.name}" is not an encoder of this program.', path=path)
    if contents.kind != "safetensors" or METADATA_KEY not in contents.metadata:
        raise problem
    try:
        header = json.loads(contents.metadata[METADATA_KEY])
        if header["version"] != VERSION:
            raise problem
        stored = header["config"]
        height, width = stored.pop("size")
        config = EncoderConfig(size=(int(height), int(width)), **stored)
        if not (
            1 <= config.channels <= 4
            and min(config.size) >= 4
            and max(config.size) <= 1024
            and not config.size[0] % 2
            and not config.size[1] % 2
        ):
            raise problem
        if not (1 <= config.outputs <= 65536 and 1 <= config.width <= MAX_WIDTH):
            raise problem
        encoder = Encoder(config)
        arrays = {name: torch.from_numpy(as_float32(value)) for name, value in contents.root.items()}
        wanted = encoder.state_dict()
        counters = {name: value for name, value in wanted.items() if not value.is_floating_point()}
        encoder.load_state_dict(arrays | counters)
    except (ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        raise problem from error
    return encoder.requires_grad_(False).eval(), str(header["model_sha256"])


# --- where encoders are ------------------------------------------------------------------------


def encoder_path(generator: Generator, folders: Folders | None = None) -> Path:
    """Where a person's own encoder of this generator is kept."""
    return (folders or user_folders()).data / "encoders" / f"{generator.info.sha256[:32]}{SUFFIX}"


@cache
def _bundled() -> dict[str, Path]:
    """The encoders that travel with the program, by the hash of their generator."""
    found = {}
    for path in sorted(resource_dir("pretrained").rglob("*" + SUFFIX)):
        try:
            metadata = read_checkpoint(path).metadata
            found[str(json.loads(metadata[METADATA_KEY])["model_sha256"])] = path
        except (LatentStudioError, ValueError, KeyError, TypeError):
            continue
    return found


_loaded: WeakKeyDictionary[Generator, tuple[tuple[Path, int], Encoder]] = WeakKeyDictionary()


def encoder_for(generator: Generator) -> Encoder | None:
    """The encoder of a generator, by its hash; a person's own goes first. None where there is none."""
    info = generator.info
    if not info.sha256:
        return None
    own = encoder_path(generator)
    known = (info.sha256, info.provenance.source_sha256)
    path = own if own.is_file() else next((_bundled()[h] for h in known if h in _bundled()), None)
    if path is None:
        return None
    stamp = (path, path.stat().st_mtime_ns)
    kept = _loaded.get(generator)
    if kept is not None and kept[0] == stamp:
        return kept[1]
    try:
        encoder, belongs_to = read_encoder(path)
    except LatentStudioError:
        return None
    if belongs_to not in known or encoder.config.outputs != config_for(generator, (4, 4)).outputs:
        return None
    encoder = encoder.to(generator.device)
    _loaded[generator] = (stamp, encoder)
    return encoder
