"""The container in which pytorch_GAN_zoo keeps every one of its models.

Owns the choice of the generator inside (the averaged one before the trained one) and the reading of
its settings; what the arrays mean is decided by the readers of the families. Any thread.

Source: the layout was measured on files of that repository.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from latentstudio.formats import Contents, Inert, StoredArray, state_dict

CONFIG_NAME = "models.utils.config.BaseConfig"


@dataclass(frozen=True)
class GanZoo:
    """What such a file holds.

    Attributes:
        settings: what the model was made with; empty where only a generator was saved.
        generator: its arrays by name.
        notes: facts worth a line in the model panel.
    """

    settings: dict[str, Any]
    generator: dict[str, StoredArray]
    notes: tuple[str, ...]

    def class_names(self) -> tuple[str, ...]:
        """Names of the class weights, in order; empty where the file does not tell them."""
        order = self.settings.get("attribKeysOrder")
        if not isinstance(order, dict):
            return ()
        try:
            ranked = sorted(order.items(), key=lambda item: int(item[1]["order"]))
            names = [f"{key}: {value}" for key, entry in ranked for value in entry["values"]]
        except (KeyError, TypeError, ValueError):
            return ()
        return tuple(names) if len(names) == self.settings.get("categoryVectorDim") else ()


def without_prefix(arrays: dict[str, StoredArray], prefix: str = "module.") -> dict[str, StoredArray]:
    """The arrays without a prefix that all of them carry, such as DataParallel's."""
    if arrays and all(key.startswith(prefix) for key in arrays):
        return {key[len(prefix) :]: array for key, array in arrays.items()}
    return arrays


def gan_zoo(contents: Contents) -> GanZoo | None:
    """The generator and settings of a file; None where the file is no such container.

    A generator's state dict alone is taken too, with no settings.
    """
    root = contents.root
    if not isinstance(root, dict):
        return None
    plain = state_dict(root)
    if plain is not None:
        return GanZoo({}, without_prefix(plain), ())
    config = root.get("config")
    if isinstance(config, Inert) and config.name == CONFIG_NAME:
        config = config.state or {}
    if not isinstance(config, dict):
        return None
    for key in ("avgG", "netG"):
        arrays = state_dict(root.get(key))
        if arrays:
            notes = []
            if key == "netG":
                notes.append("It holds no averaged generator; the trained one is used.")
            if root.get("netD"):
                notes.append("It holds a discriminator too.")
            return GanZoo({str(k): v for k, v in config.items()}, without_prefix(arrays), tuple(notes))
    return None
