"""Make the small model with classes: the autoencoder's decoder, told what a head should show.

    python pretrained/clayfaces/make_classes.py DATA

Ten classes: hair by colour and length, bald, a beard; glasses are no class, since the autoencoder hardly
draws them. Each has a mean in z, found by sending the data through the autoencoder's encoder; around it
lies a normal law that all of them share. Both go into the first layer, which reads z and the weights of
the classes side by side, so that mixed weights mix the means.

Source: the law is that of linear discriminant analysis (Fisher, "The Use of Multiple Measurements in
Taxonomic Problems"), here to draw from.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from clay_grids import save_grid
from torch import Tensor
from train_vae import HELD_OUT
from train_vae import TARGET as AUTOENCODER
from vae_network import batches

from latentstudio.formats import read_checkpoint
from latentstudio.models.architectures.vae import VAE
from latentstudio.models.generator import Generator, Provenance
from latentstudio.models.registry import build_network, load_generator
from latentstudio.models.spec import NetworkSpec, read_spec, write_spec

TARGET = Path(__file__).parents[1] / "clayclasses64" / "clayclasses64.safetensors"
CLASSES = (
    "Black hair, short",
    "Black hair, long",
    "Brown hair, short",
    "Brown hair, long",
    "Blond hair, short",
    "Blond hair, long",
    "Red hair",
    "Grey hair",
    "Bald",
    "Beard",
)
RED, GREY, BALD, BEARD = range(6, 10)
# What a class says already is no coordinate of z any more.
SAID = {"Beard", "Moustache", "Baldness", "Hair length", "Haircut", "Hair colour", "Red hair", "Grey hair"}

PROVENANCE = Provenance(
    title="Clay classes 64",
    licence="MIT",
    caution="The decoder of a small autoencoder: soft by nature. No real person is in it.",
    origin="bundled:clayclasses64",
    source="Made by the LatentStudio founders from pictures of an own renderer",
    class_names=CLASSES,
)


def kinds_of(factors: Mapping[str, np.ndarray]) -> np.ndarray:
    """The class of each head, int (N,): bald before beard before grey before red before the other colours."""
    colour = np.digitize(factors["hair_tone"], (0.3, 0.62))
    kinds = 2 * colour + (factors["hair_len"] > 0.4)
    for kind, shown in (
        (RED, factors["hair_red"] > 0.35),
        (GREY, factors["hair_grey"] > 0.4),
        (BEARD, factors["beard"] > 0.3),
        (BALD, factors["bald"] > 0.5),
    ):
        kinds = np.where(shown, kind, kinds)
    return kinds


def law(z: Tensor, kinds: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Means (count, z_dim) of the classes, and the root (z_dim, z_dim) of the covariance around them.

    Args:
        z: of the data, (N, z_dim), from an encoder whose z have mean 0 and covariance 1 all in all.
        kinds: class of each, (N,).
        count: of classes; none may be empty.
    """
    z = z.double() - z.double().mean(0)
    share = torch.bincount(kinds, minlength=count).double() / len(kinds)
    means = torch.stack([z[kinds == kind].mean(0) for kind in range(count)])
    # All in all the covariance is 1; what the means explain of it is not around them.
    around = torch.eye(z.shape[1], dtype=torch.float64) - (means.T * share) @ means
    values, vectors = torch.linalg.eigh(around)
    return means.float(), (vectors * values.clamp(min=0.01).sqrt() @ vectors.T).float()


def with_classes(spec: NetworkSpec, means: Tensor, root: Tensor) -> NetworkSpec:
    """The autoencoder's decoder with classes in its first layer.

    Args:
        spec: of the autoencoder.
        means: (classes, z_dim).
        root: (z_dim, z_dim).
    """
    named = spec.provenance.z_names
    kept = [i for i, name in enumerate(named) if name not in SAID]
    order = kept + [i for i in range(len(root)) if i not in kept]
    weight = torch.from_numpy(np.array(spec.arrays["steps.0.weight"]))
    arrays = {name: array for name, array in spec.arrays.items() if name.startswith("steps.")}
    arrays["steps.0.weight"] = torch.cat([weight @ root[:, order], weight @ means.T], 1).numpy()
    inputs = weight.shape[1] + len(means)
    steps = [{**spec.config["steps"][0], "in": inputs}, *spec.config["steps"][1:]]
    changed: dict[str, Any] = {"inputs": inputs, "classes": len(means), "label": "after", "steps": steps}
    config = {**spec.config, **changed, "encoder": []}
    provenance = replace(PROVENANCE, z_names=tuple(named[i] for i in kept))
    return NetworkSpec("vae", config, arrays, provenance)


def grid(generator: Generator, path: Path, count: int = 8) -> None:
    """Samples of each class: two classes a row, and the same z for all of them."""
    z = torch.randn(count, generator.info.z_dim, generator=torch.Generator().manual_seed(5))
    with torch.inference_mode():
        rows = [generator(z, one[None]) for one in torch.eye(generator.info.c_dim)]
    save_grid(torch.cat(rows), path, 2 * count)


def main() -> None:
    """Read the arguments and write the bundle."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--autoencoder", type=Path, default=AUTOENCODER)
    parser.add_argument("--out", type=Path, default=TARGET)
    parser.add_argument("--threads", type=int, default=1)
    told = parser.parse_args()
    torch.set_num_threads(told.threads)
    names = (told.data / "factor_names.txt").read_text().split()
    kinds = kinds_of(dict(zip(names, np.load(told.data / "factors.npy").T, strict=True)))[:-HELD_OUT]
    images = np.load(told.data / "images.npy", mmap_mode="r")[:-HELD_OUT]
    autoencoder = load_generator(told.autoencoder, device="cpu")
    assert isinstance(autoencoder, VAE)
    with torch.inference_mode():
        z = torch.cat([autoencoder.encode(x) for x in batches(images)])
    means, root = law(z, torch.from_numpy(kinds), len(CLASSES))
    spec = with_classes(read_spec(read_checkpoint(told.autoencoder)), means, root)
    told.out.parent.mkdir(parents=True, exist_ok=True)
    write_spec(told.out, spec, half=True)
    grid(build_network(spec), told.out.with_name("samples.png"))
    counted = dict(zip(CLASSES, np.bincount(kinds, minlength=len(CLASSES)).tolist(), strict=True))
    sys.stdout.write(json.dumps(counted, indent=1) + "\n")


if __name__ == "__main__":
    main()
