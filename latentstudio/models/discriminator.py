"""The discriminator that a checkpoint may hold beside its generator.

Owns finding its arrays in every kind of file; building a network from them is for those who use it as
a feature network. Any thread.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentstudio.formats import (
    Contents,
    StoredArray,
    flatten_module,
    persistent,
    read_checkpoint,
    state_dict,
    tf_network,
)

_KEYS = re.compile(r"^(d|net_?d|discriminator|disc|critic|model_?d)(_ema)?(_state_dict)?$", re.IGNORECASE)
_PREFIX = re.compile(r"^(?:module\.)?(D|netD|discriminator)\.")


@dataclass(frozen=True)
class Discriminator:
    """A discriminator as it lies in its file.

    Attributes:
        layout: whose layout the names follow: "nvidia", "tensorflow" or "torch".
        arrays: float32 arrays by the file's own names.
        attributes: plain attributes by module path, where the file stores them (NVIDIA's pickles), or
            the network's settings under "" (TensorFlow's).
    """

    layout: str
    arrays: dict[str, NDArray[np.float32]]
    attributes: dict[str, dict[str, Any]] = field(default_factory=dict)


def read_discriminator(path: str | Path) -> Discriminator | None:
    """The discriminator of a checkpoint; None where it holds none.

    Raises:
        CheckpointError: the file can't be read.
    """
    return find_discriminator(read_checkpoint(path))


def find_discriminator(contents: Contents) -> Discriminator | None:
    """The discriminator in a file's contents; None where there is none."""
    root = contents.root
    if isinstance(root, tuple | list) and len(root) == 3:
        network = tf_network(root[1])
        if network is not None and network.variables:
            return Discriminator("tensorflow", _arrays(network.variables), {"": dict(network.static_kwargs)})
    if not isinstance(root, dict):
        return None
    for key in sorted((k for k in root if isinstance(k, str) and _KEYS.match(k)), key=_averaged_first):
        found = _from_value(root[key])
        if found is not None:
            return found
    # One flat state dict, or one below a wrapper such as "GAN", that holds both networks.
    for candidate in (root, *(value for value in root.values() if isinstance(value, dict))):
        flat = state_dict(candidate)
        if flat is None:
            continue
        own = {_PREFIX.sub("", name): value for name, value in flat.items() if _PREFIX.match(name)}
        if own:
            return Discriminator("torch", _arrays(own))
    return None


def _from_value(value: Any) -> Discriminator | None:
    module = persistent(value)
    if module is not None:
        arrays, attributes, _ = flatten_module(module)
        return Discriminator("nvidia", _arrays(arrays), attributes) if arrays else None
    if isinstance(value, dict):
        inner = value.get("state_dict", value)
        flat = state_dict(inner)
        if flat:
            return Discriminator("torch", _arrays(flat))
    return None


def _averaged_first(key: str) -> tuple[bool, str]:
    return ("ema" not in key.lower(), key)


def _arrays(found: dict[str, StoredArray]) -> dict[str, NDArray[np.float32]]:
    return {
        name: np.array(value.numpy(), np.float32)
        for name, value in found.items()
        if value.dtype.kind in "fiu"
    }
