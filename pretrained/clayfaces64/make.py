"""Make `clayfaces64.safetensors` from the training checkpoint.

Run as `python pretrained/clayfaces64/make.py CHECKPOINT`. It reads the checkpoint as data, names the
leading coordinates of z, stores the weights in 16 bits and says how far pictures move by that.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from latentstudio.formats import read_checkpoint
from latentstudio.models.architectures.stylegan2_compact import convert
from latentstudio.models.generator import Generator, Provenance
from latentstudio.models.registry import build_network
from latentstudio.models.spec import NetworkSpec, read_spec, write_spec

TARGET = Path(__file__).with_name("clayfaces64.safetensors")

# By position: the renderer that drew the training pictures takes one normal number for each.
Z_NAMES = (
    "Head width", "Jaw width", "Chin length", "Cheeks", "Ear size", "Neck width",
    "Eye distance", "Eye size", "Eye slant", "Eye opening", "Gaze sideways", "Gaze height", "Eye colour",
    "Brow height", "Brow arch", "Brow mood", "Brow thickness",
    "Nose length", "Nose width", "Nose tip", "Mouth width", "Lip fullness", "Smile", "Mouth opening",
    "Skin", "Skin warmth", "Blush", "Lip colour", "Lashes",
    "Baldness", "Hair length", "Hair volume", "Curls", "Hairline", "Parting", "Bun",
    "Hair colour", "Red hair", "Grey hair", "Beard", "Moustache", "Stubble",
    "Glasses", "Glasses size", "Glasses shape", "Glasses colour",
    "Clothes hue", "Clothes colourfulness", "Clothes brightness",
    "Turn", "Nod", "Tilt",
    "Light side", "Light height", "Soft light", "Light warmth",
    "Background", "Background colourfulness", "Background brightness", "Background slope",
    "Haircut", "Masculine", "Fullness", "Age",
)  # fmt: skip

PROVENANCE = Provenance(
    title="Clay faces 64",
    licence="MIT",
    caution="A soft placeholder, trained by regression on rendered heads; no real person is in it.",
    origin="bundled:clayfaces64",
    source="Made by the LatentStudio founders from pictures of an own renderer",
    z_names=Z_NAMES,
)


def read_training_file(path: str | Path) -> NetworkSpec:
    """The network of the training checkpoint, with its provenance."""
    contents = read_checkpoint(path)
    return convert(contents).changed(provenance=replace(PROVENANCE, source_sha256=contents.sha256))


def pictures(generator: Generator, count: int) -> np.ndarray:
    """uint8 (count, H, W, 3) of random z."""
    z = torch.randn(count, generator.info.z_dim, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        return generator.to_uint8(generator(z)).permute(0, 2, 3, 1).numpy()


def main(checkpoint: str) -> None:
    """Write the file and compare pictures before and after."""
    spec = read_training_file(checkpoint)
    write_spec(TARGET, spec, half=True)
    exact = pictures(build_network(spec), 64).astype(int)
    stored = pictures(build_network(read_spec(read_checkpoint(TARGET))), 64).astype(int)
    difference = np.abs(exact - stored)
    sys.stdout.write(
        f"{TARGET.name}: {TARGET.stat().st_size / 1e6:.2f} MB; 64 pictures differ by at most "
        f"{difference.max()} levels of 255, by {difference.mean():.4f} on average\n"
    )


if __name__ == "__main__":
    main(sys.argv[1])
