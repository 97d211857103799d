"""ProGAN as its authors pickled it with TensorFlow (and StyleGAN's repository after them).

Owns the way from the variables of `G_paper` to ProGAN's config; its settings are the stored
arguments, and what is absent there is that function's default. The embedded source is never run.

Source: Karras et al., "Progressive Growing of GANs", section 4 and table 2; the names of the variables
and the arguments' defaults are those of the published networks.
"""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

from latentstudio.errors import LatentStudioError, MismatchError
from latentstudio.formats import Contents, TFNetwork, tf_network
from latentstudio.models.generator import Option
from latentstudio.models.spec import NetworkSpec, as_float32


def _generator(contents: Contents) -> TFNetwork | None:
    """The averaged generator: the last network of the file that starts as ProGAN's does."""
    if contents.kind != "pickle":
        return None
    root = contents.root
    found = None
    for node in root if isinstance(root, (tuple, list)) else (root,):
        try:
            network = tf_network(node)
        except LatentStudioError:
            continue
        if network is not None and network.variables.keys() >= {"4x4/Dense/weight", "4x4/Conv/weight"}:
            found = network
    return found


def claims(contents: Contents) -> bool:
    """A TensorFlow network that starts with `4x4/Dense` and `4x4/Conv`."""
    return _generator(contents) is not None


def convert(contents: Contents) -> NetworkSpec:
    """Config and arrays from the variables.

    Raises:
        MismatchError: its variables are not those of `G_paper`.
    """
    network = _generator(contents)
    assert network is not None
    try:
        spec = _spec(network)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        function = network.build_func_name or "an unnamed function"
        raise MismatchError(
            f'"{contents.path.name}" holds a ProGAN in TensorFlow, but built by {function} in a way that is'
            f" not known here: {error}.",
            "Only the paper's generator (G_paper) is supported.",
            path=contents.path,
        ) from error
    if isinstance(contents.root, (tuple, list)) and len(contents.root) > 2:
        spec = spec.changed(notes=("It holds a discriminator too.",))
    return spec


def _spec(network: TFNetwork) -> NetworkSpec:
    variables, settings = network.variables, network.static_kwargs
    scaled = bool(settings.get("use_wscale", True))
    named: dict[str, Any] = {}
    used = {"lod"}

    def array(name: str) -> np.ndarray[Any, Any]:
        used.add(name)
        return as_float32(variables[name])

    def conv(source: str, target: str, inside: int, gain: float = math.sqrt(2)) -> list[int]:
        weight = array(f"{source}/weight")  # (k, k, in, out)
        if source.endswith("_up"):
            # The fused layer is a transposed convolution: on the doubled picture the same kernel is
            # turned round. Its authors' first code keeps the output channels before the input's.
            weight = weight[::-1, ::-1]
            if network.version < 3:
                weight = weight.transpose(0, 1, 3, 2)
        if weight.ndim != 4 or weight.shape[2] != inside:
            raise ValueError(f"{source} has shape {list(weight.shape)}, but {inside} channels come in")
        fan_in = math.prod(weight.shape[:3])
        scale = gain / math.sqrt(fan_in) if scaled else 1.0
        named[f"{target}.weight"] = np.ascontiguousarray(weight.transpose(3, 2, 0, 1)) * as_float32(scale)
        named[f"{target}.bias"] = array(f"{source}/bias")
        return [inside, weight.shape[3], weight.shape[0]]

    dense = array("4x4/Dense/weight")  # (in, 16 channels)
    latent, rows = dense.shape
    scale = math.sqrt(2) / 4 / math.sqrt(latent) if scaled else 1.0
    named["dense.weight"] = np.ascontiguousarray(dense.T) * as_float32(scale)
    named["dense.bias"] = np.repeat(array("4x4/Dense/bias"), 16)
    sizes = [int(m[1]) for name in variables if (m := re.fullmatch(r"(\d+)x\1/Conv1/weight", name))]
    sizes = [4, *sorted(sizes)]
    if sizes != [4 * 2**i for i in range(len(sizes))]:
        raise ValueError(f"its sizes are {sizes}")
    blocks, heads = [[conv("4x4/Conv", "blocks.0.0", rows // 16)]], []
    for i, size in enumerate(sizes):
        if i:
            block = f"{size}x{size}"
            first = "Conv0_up" if f"{block}/Conv0_up/weight" in variables else "Conv0"
            entry = conv(f"{block}/{first}", f"blocks.{i}.0", blocks[-1][-1][1])
            blocks.append([entry, conv(f"{block}/Conv1", f"blocks.{i}.1", entry[1])])
        head = conv(f"ToRGB_lod{len(sizes) - 1 - i}", f"heads.{i}", blocks[-1][-1][1], gain=1.0)
        heads.append(head)
    unknown = sorted(set(variables) - used)
    if unknown:
        raise ValueError(f"it has the variable {unknown[0]}")
    classes = int(settings.get("label_size", 0) or 0)
    pixelnorm = bool(settings.get("use_pixelnorm", True))
    top = len(sizes) - 1
    lod = float(array("lod")) if "lod" in variables else 0.0
    config = {
        "z_dim": latent - classes,
        "c_dim": classes,
        "img_channels": heads[-1][1],
        "base": [4, 4],
        "start_channels": rows // 16,
        "blocks": blocks,
        "heads": [head[0] for head in heads],
        "slope": 0.2 if settings.get("use_leakyrelu", True) else 0.0,
        "eps": float(settings.get("pixelnorm_epsilon", 1e-8)),
        "norm_latent": bool(settings.get("normalize_latents", True)),
        "norm_dense": pixelnorm,
        "norm": pixelnorm,
        "lod": min(max(lod, 0.0), float(top)),
    }
    options = (Option("lod", 0.0, float(top), config["lod"]),) if top else ()
    return NetworkSpec("progan", config, named, options=options)
