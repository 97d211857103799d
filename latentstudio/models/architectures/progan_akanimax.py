"""ProGAN as akanimax's pro_gan_pytorch saves it, in its present and its older layouts.

Owns the way from its arrays to ProGAN's config. Depth and alpha are arguments of the original's
generator, so a person may set them when loading; depth counts as the original does (2 is 4 x 4 pixels
in the present layout, 0 in the older ones).

Source: Karras et al., "Progressive Growing of GANs", section 4.1; the layouts were measured on files.
"""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

from latentstudio.errors import MismatchError
from latentstudio.formats import Contents, StoredArray, state_dict
from latentstudio.models.architectures.ganzoo_container import without_prefix
from latentstudio.models.generator import Option
from latentstudio.models.spec import NetworkSpec, as_float32

Arrays = dict[str, StoredArray]


def _generator(contents: Contents) -> tuple[Arrays, dict[str, Any], str] | None:
    """The arrays, the constructor's arguments and where they lay; the averaged generator first."""
    root = contents.root
    if not isinstance(root, dict):
        return None
    for key in ("shadow_generator", "generator", ""):
        holder = root.get(key) if key else {"state_dict": root}
        if not isinstance(holder, dict):
            continue
        arrays = state_dict(holder.get("state_dict"))
        if not arrays:
            continue
        arrays = without_prefix(arrays)
        start = any(f"{first}.conv_1.weight" in arrays for first in ("layers.0", "initial_block"))
        oldest = "initial_block.conv_1.deconv.weight" in arrays
        if (start or oldest) and any(name.startswith("rgb_converters.0.") for name in arrays):
            conf = holder.get("conf")
            return arrays, conf if isinstance(conf, dict) else {}, key
    return None


def claims(contents: Contents) -> bool:
    """A generator with a first block, `conv_1` and `conv_2` in each, and `rgb_converters`."""
    return _generator(contents) is not None


def convert(contents: Contents) -> NetworkSpec:
    """Config and arrays from the shadow generator, else from the generator.

    Raises:
        MismatchError: a part of the network is missing.
    """
    found = _generator(contents)
    assert found is not None
    try:
        spec = _spec(*found)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise MismatchError(
            f'"{contents.path.name}" looks like ProGAN, but a part of the network is missing: {error}.',
            path=contents.path,
        ) from error
    if isinstance(contents.root, dict) and contents.root.get("discriminator"):
        spec = spec.changed(notes=(*spec.notes, "It holds a discriminator too."))
    return spec


def _spec(arrays: Arrays, conf: dict[str, Any], key: str) -> NetworkSpec:
    older = any(name.startswith("initial_block.") for name in arrays)
    oldest = any(name.endswith((".conv.weight", ".deconv.weight")) for name in arrays)
    equalised = bool(conf.get("use_eql", True))
    named: dict[str, Any] = {}
    notes = []
    if oldest:
        notes.append("The file does not keep the scales of its layers; their expected values are used.")
    if key == "generator":
        notes.append("It holds no averaged generator; the trained one is used.")

    def weight_of(source: str, transposed: bool = False) -> np.ndarray[Any, Any]:
        inner = ".deconv" if transposed else ".conv"
        weight = as_float32(arrays[f"{source}{inner if oldest else ''}.weight"])
        # A transposed convolution stores its input channels first, and they alone count here. The
        # oldest layout draws with unit gain over what it takes for the fan.
        fan = weight.shape[0] if transposed and not oldest else math.prod(weight.shape[1:])
        gain = math.sqrt((1 if oldest else 2) / fan) if equalised else 1.0
        return weight * as_float32(gain)

    def take(source: str, target: str) -> list[int]:
        named[f"{target}.weight"] = weight = weight_of(source)
        named[f"{target}.bias"] = as_float32(arrays[f"{source}.bias"])
        return [weight.shape[1], weight.shape[0], weight.shape[2]]

    first = "initial_block" if older else "layers.0"
    start = weight_of(f"{first}.conv_1", transposed=True)  # (latent, channels, 4, 4)
    latent, channels, height, width = start.shape
    named["dense.weight"] = np.ascontiguousarray(start.reshape(latent, -1).T)
    named["dense.bias"] = np.repeat(as_float32(arrays[f"{first}.conv_1.bias"]), height * width)
    count = 1 + max(int(m[1]) for name in arrays if (m := re.match(r"rgb_converters\.(\d+)\.", name)))
    blocks = [[take(f"{first}.conv_2", "blocks.0.0")]]
    for i in range(1, count):
        source = f"layers.{i - 1 if older else i}"
        blocks.append([take(f"{source}.conv_{k + 1}", f"blocks.{i}.{k}") for k in range(2)])
    heads = [take(f"rgb_converters.{i}", f"heads.{i}") for i in range(count)]
    lowest = 0 if older else 2
    config = {
        "z_dim": latent,
        "c_dim": 0,
        "img_channels": heads[-1][1],
        "base": [height, width],
        "start_channels": channels,
        "blocks": blocks,
        "heads": [head[0] for head in heads],
        "slope": 0.2,
        "eps": 1e-8,
        # In the older layouts whoever samples normalises z, not the network.
        "norm_latent": not older,
        "divides": True,
        "norm_dense": False,
        "norm": True,
        "depth": lowest + count - 1,
        "depth_of_first": lowest,
        "alpha": 1.0,
        "alpha_of": "fine",
    }
    options = (
        Option("depth", lowest, lowest + count - 1, lowest + count - 1, whole=True),
        Option("alpha", 0.0, 1.0, 1.0),
    )
    return NetworkSpec("progan", config, named, notes=tuple(notes), options=options)
