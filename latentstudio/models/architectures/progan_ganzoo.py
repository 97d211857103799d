"""ProGAN as pytorch_GAN_zoo saves it.

Owns the way from its arrays and settings to ProGAN's config. Its equalised layers scale what the
convolution gives, the bias included; the network does it in the same order, for the last digits' sake.

Source: Karras et al., "Progressive Growing of GANs", section 4.1 (equalised learning rate); the
layout and the scaled bias were measured on files.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from latentstudio.errors import MismatchError
from latentstudio.formats import Contents
from latentstudio.models.architectures.ganzoo_container import GanZoo, gan_zoo
from latentstudio.models.generator import Option, Provenance
from latentstudio.models.spec import NetworkSpec, as_float32

_KEYS = {"formatLayer.module.weight", "groupScale0.0.module.weight", "toRGBLayers.0.module.weight"}


def claims(contents: Contents) -> bool:
    """A generator with a format layer, a first group and picture heads."""
    zoo = gan_zoo(contents)
    return zoo is not None and zoo.generator.keys() >= _KEYS


def convert(contents: Contents) -> NetworkSpec:
    """Config and arrays from the averaged generator.

    Raises:
        MismatchError: a part of the network is missing.
    """
    zoo = gan_zoo(contents)
    assert zoo is not None
    try:
        return _spec(zoo)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise MismatchError(
            f'"{contents.path.name}" looks like ProGAN, but a part of the network is missing: {error}.',
            path=contents.path,
        ) from error


def _spec(zoo: GanZoo) -> NetworkSpec:
    arrays, settings = zoo.generator, zoo.settings
    named: dict[str, Any] = {}

    def take(source: str, target: str) -> tuple[int, ...]:
        named[f"{target}.weight"] = weight = as_float32(arrays[f"{source}.module.weight"])
        named[f"{target}.bias"] = as_float32(arrays[f"{source}.module.bias"])
        return weight.shape

    def group(source: str, target: str) -> list[list[int]]:
        convs: list[list[int]] = []
        while f"{source}.{len(convs)}.module.weight" in arrays:
            out, inside, size, _ = take(f"{source}.{len(convs)}", f"{target}.{len(convs)}")
            convs.append([inside, out, size])
        return convs

    rows, latent = take("formatLayer", "dense")
    sizes = _count(arrays, r"toRGBLayers\.(\d+)\.")
    blocks = [group("groupScale0", "blocks.0")]
    blocks += [group(f"scaleLayers.{i - 1}", f"blocks.{i}") for i in range(1, sizes)]
    if not all(blocks):
        raise ValueError("a size has no convolution")
    heads = [take(f"toRGBLayers.{i}", f"heads.{i}") for i in range(sizes)]
    normalised = bool(settings.get("perChannelNormalization", True))
    classes = int(settings.get("categoryVectorDim") or 0)
    alpha = float(settings.get("alpha") or 0.0)
    config = {
        "z_dim": latent - classes,
        "c_dim": classes,
        "img_channels": heads[-1][0],
        "base": [4, 4],
        "start_channels": rows // 16,
        "blocks": blocks,
        "heads": [head[1] for head in heads],
        "gain_on_output": bool(settings.get("equalizedlR", True)),
        "slope": float(settings.get("leakyReluLeak", 0.2)),
        "eps": 1e-8,
        "norm_latent": normalised,
        "norm_dense": normalised,
        "norm": normalised,
        # The critic's loss decides how the generator ends.
        "output": "tanh" if settings.get("lossCriterion") in ("MSE", "DCGAN") else None,
        "alpha": alpha,
        "alpha_of": "coarse",
    }
    options = (Option("alpha", 0.0, 1.0, alpha),) if sizes > 1 else ()
    provenance = replace(Provenance(), class_names=zoo.class_names())
    return NetworkSpec("progan", config, named, provenance, zoo.notes, options)


def _count(arrays: Any, pattern: str) -> int:
    return 1 + max(int(match[1]) for key in arrays if (match := re.match(pattern, key)))
