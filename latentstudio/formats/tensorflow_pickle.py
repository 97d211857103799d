"""The networks of the TensorFlow generation (StyleGAN 1, 2 and 2-ADA, ProGAN) as plain values.

Owns the meaning of a recorded `Network`; its embedded source is only hashed. What the variables
are for is decided by the architectures. Safe on any thread.

Source: dnnlib/tflib/network.py (`__getstate__`, versions 2 to 5).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from latentstudio.errors import UnreadableFileError
from latentstudio.formats.values import Inert, StoredArray, scalar_array

NETWORK_NAMES = ("dnnlib.tflib.network.Network", "tfutil.Network")


@dataclass(frozen=True, eq=False)
class TFNetwork:
    """One network and the networks inside it.

    Attributes:
        version: of the format: 2 ProGAN, 3 StyleGAN, 4 StyleGAN2, 5 StyleGAN2-ADA.
        name: what its author called it, for example "Gs".
        build_func_name: the function that built it, for example "G_main".
        module_source_sha256: hash of the Python source that the file embeds.
        static_kwargs: what it was constructed with; absent keys mean the code's defaults.
        components: the networks inside, by name.
        variables: its own arrays by local name, rank 0 for numbers.
    """

    version: int
    name: str
    build_func_name: str
    module_source_sha256: str
    static_kwargs: dict[str, Any]
    components: dict[str, TFNetwork]
    variables: dict[str, StoredArray]

    def __repr__(self) -> str:
        return f"TFNetwork({self.name!r}, version {self.version})"


def tf_network(node: Any) -> TFNetwork | None:
    """The network that a node of the tree stands for; None for any other node.

    Raises:
        UnreadableFileError: a network whose state is not one.
    """
    if not isinstance(node, Inert) or node.name not in NETWORK_NAMES:
        return None
    state = node.state if isinstance(node.state, dict) else {}
    version, static, parts = state.get("version"), state.get("static_kwargs"), state.get("components")
    if type(version) is not int or not isinstance(static, dict):
        raise _damaged("it has no version or settings")
    source = state.get("build_module_src")
    return TFNetwork(
        version=version,
        name=str(state.get("name", "")),
        build_func_name=str(state.get("build_func_name", "")),
        module_source_sha256=hashlib.sha256(source.encode() if isinstance(source, str) else b"").hexdigest(),
        static_kwargs=static,
        components=_components(parts),
        variables=_variables(state.get("variables", [])),
    )


def _components(parts: Any) -> dict[str, TFNetwork]:
    if parts is None:
        return {}
    if not isinstance(parts, dict):
        raise _damaged("its parts have no names")
    found: dict[str, TFNetwork] = {}
    for key, part in parts.items():
        network = tf_network(part)
        if network is None:
            raise _damaged("one of its parts is no network")
        found[str(key)] = network
    return found


def _variables(pairs: Any) -> dict[str, StoredArray]:
    if not isinstance(pairs, (list, tuple)):
        raise _damaged("its variables are no list")
    found: dict[str, StoredArray] = {}
    for pair in pairs:
        if not isinstance(pair, (list, tuple)) or len(pair) != 2 or not isinstance(pair[0], str):
            raise _damaged("a variable has no name")
        name, value = pair
        if isinstance(value, (bool, int, float)):
            value = scalar_array(value)
        if not isinstance(value, StoredArray) or name in found:
            raise _damaged("a variable is no array, or is there twice")
        found[name] = value
    return found


def _damaged(reason: str) -> UnreadableFileError:
    return UnreadableFileError(f"a TensorFlow network in it is damaged: {reason}")
