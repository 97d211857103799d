"""From the arrays of NVIDIA's, TensorFlow's and rosinality's residual discriminators to canonical names.

Owns the renaming; the network is in `residual`. Any thread.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from latentstudio.errors import InputError
from latentstudio.models.discriminator import Discriminator
from latentstudio.models.discriminators.residual import ResidualArrays

Arrays = dict[str, NDArray[np.float32]]

EPILOGUE = {"Conv": "conv", "Dense0": "fc"}


def canonical(found: Discriminator) -> ResidualArrays:
    """The arrays under the names of `ResidualArrays`.

    Raises:
        InputError: the arrays are those of another discriminator.
    """
    arrays = found.arrays
    if found.layout == "nvidia" and "b4.out.weight" in arrays:
        result = _nvidia(found)
    elif found.layout == "tensorflow" and "4x4/Dense0/weight" in arrays and "Output/weight" in arrays:
        result = _tensorflow(found)
    elif "final_linear.1.weight" in arrays and "convs.1.conv1.0.weight" in arrays:
        result = _rosinality(arrays)
    else:
        raise InputError("The discriminator in this file is of a kind that is not known here.")
    sides = {name.split(".")[0] for name in result.arrays if name.endswith(".conv0.weight")}
    complete = all(f"{side}.{part}.weight" in result.arrays for side in sides for part in ("conv1", "skip"))
    if not sides or not complete or "fromrgb.weight" not in result.arrays:
        raise InputError("The discriminator in this file is not a residual one.")
    return result


def _nvidia(found: Discriminator) -> ResidualArrays:
    top = found.attributes.get("", {})
    kwargs = top.get("_init_kwargs", {})
    arrays: Arrays = {}
    kernel = None
    for name, array in found.arrays.items():
        if name.endswith("resample_filter"):
            kernel = array
            continue
        parts = name.split(".")
        if parts[0] == "mapping":
            key = parts[1].replace("fc", "map")
            arrays[f"{key}.{parts[-1]}"] = array
        elif parts[0] == "b4":
            arrays[".".join(parts[1:])] = array
        elif parts[1] == "fromrgb":
            if f"b{top.get('img_resolution')}" == parts[0]:
                arrays[f"fromrgb.{parts[-1]}"] = array
        else:
            arrays[f"{parts[0][1:]}.{'.'.join(parts[1:])}"] = array
    clamp = kwargs.get("conv_clamp", 256 if "freeze_layers" in kwargs.get("block_kwargs", {}) else None)
    return ResidualArrays(
        arrays,
        np.array([1, 3, 3, 1], np.float32) if kernel is None else kernel,
        None if clamp is None else float(clamp),
        int(top.get("c_dim", 0)),
    )


def _tensorflow(found: Discriminator) -> ResidualArrays:
    arrays: Arrays = {}
    labels = int(found.attributes.get("", {}).get("label_size", 0))
    sides = [int(m.group(1)) for name in found.arrays if (m := re.match(r"(\d+)x\d+/", name))]
    top = max(sides)
    parts = {"Conv0": "conv0", "Conv1_down": "conv1", "Skip": "skip"}
    for name, array in found.arrays.items():
        place, _, rest = name.partition("/")
        layer, _, kind = rest.rpartition("/")
        if array.ndim == 4:
            array = array.transpose(3, 2, 0, 1)
        elif kind == "weight" or name == "Output/weight":
            array = array.T
        array = np.ascontiguousarray(array)
        if name.startswith("Output/"):
            arrays[f"out.{name.rpartition('/')[2]}"] = array
        elif place == "4x4":
            arrays[f"{EPILOGUE[layer]}.{kind}"] = array
        elif layer == "FromRGB":
            if place == f"{top}x{top}":
                arrays[f"fromrgb.{kind}"] = array
        elif layer in parts:
            arrays[f"{place.split('x')[0]}.{parts[layer]}.{kind}"] = array
        elif layer.startswith("Mapping") or place.startswith(("Mapping", "LabelEmbed")):
            raise InputError("A TensorFlow discriminator with a mapping of classes is not known here.")
    clamp = found.attributes.get("", {}).get("conv_clamp")
    return ResidualArrays(arrays, clamp=None if clamp is None else float(clamp), c_dim=labels, selects=True)


def _rosinality(found: Arrays) -> ResidualArrays:
    blocks = sorted({int(m.group(1)) for name in found if (m := re.match(r"convs\.(\d+)\.conv1\.", name))})
    arrays: Arrays = {
        "fromrgb.weight": found["convs.0.0.weight"],
        "fromrgb.bias": found["convs.0.1.bias"],
        "conv.weight": found["final_conv.0.weight"],
        "conv.bias": found["final_conv.1.bias"],
        "fc.weight": found["final_linear.0.weight"],
        "fc.bias": found["final_linear.0.bias"],
        "out.weight": found["final_linear.1.weight"],
        "out.bias": found["final_linear.1.bias"],
    }
    side = 4 * 2 ** len(blocks)
    for block in blocks:
        start = f"convs.{block}"
        arrays |= {
            f"{side}.conv0.weight": found[f"{start}.conv1.0.weight"],
            f"{side}.conv0.bias": found[f"{start}.conv1.1.bias"],
            f"{side}.conv1.weight": found[f"{start}.conv2.1.weight"],
            f"{side}.conv1.bias": found[f"{start}.conv2.2.bias"],
            f"{side}.skip.weight": found[f"{start}.skip.1.weight"],
        }
        side //= 2
    return ResidualArrays(arrays, found[f"convs.{blocks[0]}.conv2.0.kernel"])
