"""Write a run's averaged generator as a model file of the program.

    python pretrained/clayfaces/pack.py RUN/state.pt OUT.safetensors [--mapping MAPPING.pt] [--checkpoint]
    python pretrained/clayfaces/pack.py RUN/state.pt NAME.discriminator.safetensors --discriminator --data D

w_avg is measured on 65,536 random z. Weights are stored in 16 bits. With --checkpoint it writes what
another run goes on from instead (`train.py --init`): averaged generator and embedding, and the
discriminator, without the optimisers. With --discriminator it writes the judge, which the program finds
beside NAME.safetensors; what it was asked about the features of a head is left out, since a picture alone
has none.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from checkpoints import write_checkpoint
from torch import Tensor
from trainable import MAPPING_LAYERS, W_DIM, Z_DIM, mapping_config

from latentstudio.clay.words import Z_NAMES
from latentstudio.models.architectures.stylegan2 import Mapping
from latentstudio.models.architectures.stylegan2_compact import compact_config
from latentstudio.models.discriminators.own import OwnConfig, OwnDiscriminator, write_own
from latentstudio.models.generator import Provenance
from latentstudio.models.spec import NetworkSpec, write_spec


def provenance(size: int) -> Provenance:
    """What the model of `size` pixels says about itself."""
    return Provenance(
        title=f"Clay faces {size}",
        licence="MIT",
        caution="Trained on rendered heads; no real person is in it.",
        origin=f"bundled:clayfaces{size}",
        source="Made by the LatentStudio founders from pictures of an own renderer",
        z_names=Z_NAMES,
    )


def spec_of(state: dict[str, Any], fitted: dict[str, Any] | None = None) -> NetworkSpec:
    """The averaged generator of a training state, perhaps with a mapping fitted later."""
    arrays = dict(state["g_ema"])
    width = state.get("mapping_width", W_DIM)
    if fitted is not None:
        width = fitted["width"]
        arrays = {key: value for key, value in arrays.items() if not key.startswith("mapping_network.")}
        arrays |= {f"mapping_network.{key}": value for key, value in fitted["mapping"].items()}
    blocks = sorted(int(key.split(".")[1][1:]) for key in arrays if key.endswith("torgb.weight"))
    channels = [len(arrays[f"blocks.b{size}.conv1.weight"]) for size in blocks]
    config = compact_config(channels, z_dim=Z_DIM, w_dim=W_DIM, mapping_layers=MAPPING_LAYERS)
    config["mapping"] = mapping_config(width)
    mapping = Mapping(config["mapping"])
    prefix = "mapping_network."
    mapping.load_state_dict({k[len(prefix) :]: v for k, v in arrays.items() if k.startswith(prefix)})
    z = torch.randn(65_536, Z_DIM, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        arrays["mapping_network.w_avg"] = torch.cat([mapping(part, None) for part in z.split(8192)]).mean(0)
    noise = np.random.default_rng(0)
    for key in sorted(arrays):
        # Training drew fresh noise every time; a stored map makes "const" mean something.
        if key.endswith("noise_const"):
            arrays[key] = torch.from_numpy(noise.standard_normal(arrays[key].shape).astype(np.float32))
    plain = {key: np.array(value.float().numpy(), order="C") for key, value in arrays.items()}
    return NetworkSpec("stylegan2-compact", config, plain, provenance(blocks[-1]))


def deviation(level: Tensor, group: int = 4) -> float:
    """Mean deviation within groups of pictures, of the coarsest features (N, C, H, W) of a discriminator."""
    x = level.unflatten(0, (group, -1))
    return float((x.var(0, unbiased=False) + 1e-8).sqrt().mean())


def write_discriminator(state: dict[str, Any], images: np.ndarray, out: Path) -> OwnConfig:
    """The judge of a training state, with the company that a picture alone is given.

    Args:
        state: of a run.
        images: uint8 (N, H, W, 3), pictures of the data.
        out: the file.
    """
    arrays = {k: v.float().numpy() for k, v in state["d"].items() if not k.startswith("asked.")}
    blocks = sum(key.startswith("first.") and key.endswith("weight") for key in arrays)
    fold = round((arrays["fromrgb.weight"].shape[1] / 3) ** 0.5)
    about = f"{state['counters'][1] / 1000:.0f} thousand pictures into the run"
    config = OwnConfig(resolution=fold * 2 ** (blocks + 2), fold=fold, about=about)
    judge = OwnDiscriminator(config, arrays)
    x = torch.from_numpy(images[: len(images) // 4 * 4]).permute(0, 3, 1, 2).float() / 127.5 - 1
    with torch.inference_mode():
        seen = torch.cat([judge.features(part)[-1] for part in x.split(64)])
    config = replace(config, deviation=round(deviation(seen), 5))
    write_own(out, config, arrays)
    return config


def main() -> None:
    """Read the arguments and write the file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("state", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--mapping", type=Path)
    parser.add_argument("--checkpoint", action="store_true")
    parser.add_argument("--discriminator", action="store_true")
    parser.add_argument("--data", type=Path, help="where pictures are, for --discriminator")
    told = parser.parse_args()
    fitted = torch.load(told.mapping, weights_only=True) if told.mapping else None
    state = torch.load(told.state, weights_only=True)
    if told.checkpoint:
        write_checkpoint(state, told.out)
        return
    if told.discriminator:
        if told.data is None:
            parser.error("--discriminator needs --data: it looks at some of its pictures")
        images = np.array(np.load(told.data / "images.npy", mmap_mode="r")[-256:])
        config = write_discriminator(state, images, told.out)
        sys.stdout.write(f"{told.out.name}: {told.out.stat().st_size / 1e6:.2f} MB, {config}\n")
        return
    spec = spec_of(state, fitted)
    source = hashlib.sha256(told.state.read_bytes()).hexdigest()
    told.out.parent.mkdir(parents=True, exist_ok=True)
    known = replace(spec.provenance, source_sha256=source)
    write_spec(told.out, spec.changed(provenance=known), half=True)
    sys.stdout.write(f"{told.out.name}: {told.out.stat().st_size / 1e6:.2f} MB\n")


if __name__ == "__main__":
    main()
