"""NVIDIA's persistent objects, and modules in general, as arrays and settings by name.

Owns the walk over `_parameters`, `_buffers` and `_modules`; the source text that such a file
embeds is never kept, only its hash. Safe on any thread.

Source: torch_utils/persistence.py of stylegan2-ada-pytorch and stylegan3 (what a file holds).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from latentstudio.formats.tree import PERSISTENT_NAME
from latentstudio.formats.values import Inert, StoredArray

_INIT = ("_init_args", "_init_kwargs")


@dataclass(frozen=True, eq=False)
class PersistentObject:
    """An object of NVIDIA's `torch_utils.persistence`, as recorded.

    Attributes:
        class_name: for example "Generator".
        module_source_sha256: hash of the Python source that the file embeds.
        init_args: what it was constructed with.
        init_kwargs: likewise, by name.
        state: its attributes, `_parameters`, `_buffers` and `_modules` among them.
    """

    class_name: str
    module_source_sha256: str
    init_args: tuple[Any, ...]
    init_kwargs: dict[str, Any]
    state: dict[str, Any]

    def __repr__(self) -> str:
        return f"PersistentObject({self.class_name!r})"


def persistent(node: Any) -> PersistentObject | None:
    """The persistent object that a node of the tree stands for; None for any other node."""
    if not isinstance(node, Inert) or node.name != PERSISTENT_NAME or len(node.args) != 1:
        return None
    record = node.args[0]
    state = record["state"]
    args, kwargs = state.get("_init_args", ()), state.get("_init_kwargs", {})
    return PersistentObject(
        class_name=record["class_name"],
        module_source_sha256=record["module_source_sha256"],
        init_args=tuple(args) if isinstance(args, (list, tuple)) else (),
        init_kwargs=dict(kwargs) if isinstance(kwargs, dict) else {},
        state=state,
    )


def state_dict(tree: Any) -> dict[str, StoredArray] | None:
    """The arrays of a plain state dict; None where the tree is anything else.

    Plain means: a dict of texts to arrays, and perhaps numbers or texts, which are left out.
    """
    if not isinstance(tree, dict) or not all(isinstance(key, str) for key in tree):
        return None
    arrays = {key: item for key, item in tree.items() if isinstance(item, StoredArray)}
    others = (item for item in tree.values() if not isinstance(item, StoredArray))
    if not arrays or any(isinstance(item, (Inert, dict, list, tuple, frozenset)) and item for item in others):
        return None
    return arrays


def flatten_module(
    module: PersistentObject | Inert | Mapping[str, Any],
) -> tuple[dict[str, StoredArray], dict[str, dict[str, Any]], dict[str, str]]:
    """A module with all its children, by dotted name.

    Args:
        module: a persistent object, an inert torch module, or the state of either.

    Returns:
        arrays: parameters and buffers by dotted name; those that are None are absent.
        attributes: plain attributes by dotted path of their module, "" for the root; what begins
            with an underscore is left out, except `_init_args` and `_init_kwargs`.
        classes: class name by dotted path, "" where only a state was given.
    """
    arrays: dict[str, StoredArray] = {}
    attributes: dict[str, dict[str, Any]] = {}
    classes: dict[str, str] = {}
    for path, class_name, state in _modules("", module):
        prefix = f"{path}." if path else ""
        for group in ("_parameters", "_buffers"):
            for name, item in _items(state, group):
                if isinstance(item, StoredArray):
                    arrays[prefix + name] = item
        attributes[path] = {
            key: item
            for key, item in state.items()
            if isinstance(key, str) and (not key.startswith("_") or key in _INIT)
        }
        classes[path] = class_name
    return arrays, attributes, classes


def _modules(path: str, module: Any) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Every module with its path, parents first."""
    class_name, state = _class_and_state(module)
    if state is None:
        return
    yield path, class_name, state
    for name, child in _items(state, "_modules"):
        yield from _modules(f"{path}.{name}" if path else name, child)


def _class_and_state(module: Any) -> tuple[str, Mapping[str, Any] | None]:
    if isinstance(module, Inert):
        known = persistent(module)
        if known is None:
            state = module.state if isinstance(module.state, dict) else None
            return module.name.rpartition(".")[2], state
        module = known
    if isinstance(module, PersistentObject):
        return module.class_name, module.state
    return "", module if isinstance(module, Mapping) else None


def _items(state: Mapping[str, Any], group: str) -> list[tuple[str, Any]]:
    found = state.get(group)
    return [(str(key), item) for key, item in found.items()] if isinstance(found, Mapping) else []
