"""What NVIDIA's persistent pickles of StyleGAN2 and StyleGAN3 share: finding the generator, reading modules.

Owns the choice of the generator in a file, and the reading of linear layers and mapping networks from
their attributes; those are the authority, since defaults differ between the repositories. Any thread.

Source: the layout of the pickles was measured on files of stylegan2-ada-pytorch and stylegan3.
"""

from __future__ import annotations

from typing import Any

from latentstudio.formats import Contents, PersistentObject, StoredArray, persistent
from latentstudio.models.spec import as_float32

Attributes = dict[str, dict[str, Any]]


def persistent_generator(contents: Contents) -> PersistentObject | None:
    """The averaged generator of a file: "G_ema", else "G", else the root itself."""
    root = contents.root
    candidates = [root.get(key) for key in ("G_ema", "G")] if isinstance(root, dict) else [root]
    for node in candidates:
        found = persistent(node)
        if found is not None:
            return found
    return None


def generator_notes(contents: Contents) -> tuple[str, ...]:
    """What the model panel should say about the rest of the file."""
    root = contents.root if isinstance(contents.root, dict) else {}
    notes = []
    if root.get("G_ema") is None and root.get("G") is not None:
        notes.append("holds no averaged generator, the trained one itself is used")
    if root.get("D") is not None:
        notes.append("holds a discriminator")
    return tuple(notes)


class ModuleReader:
    """Takes arrays by their names in the file and files them under the names of the network.

    Args:
        arrays: by dotted name, from `flatten_module`.
        attributes: by dotted path of the module, from `flatten_module`.
    """

    def __init__(self, arrays: dict[str, StoredArray], attributes: Attributes) -> None:
        self.arrays, self.attributes = arrays, attributes
        self.named: dict[str, Any] = {}
        self.taken: set[str] = set()

    def take(self, source: str, target: str) -> StoredArray:
        """File an array under another name, and return it."""
        array = self.arrays[source]
        self.named[target] = as_float32(array)
        self.taken.add(source)
        return array

    def linear(self, source: str, target: str) -> dict[str, Any]:
        """Arguments of a FullyConnected."""
        own = self.attributes[source]
        out_features, in_features = self.take(f"{source}.weight", f"{target}.weight").shape
        has_bias = f"{source}.bias" in self.arrays
        if has_bias:
            self.take(f"{source}.bias", f"{target}.bias")
        return {
            "in_features": in_features,
            "out_features": out_features,
            "weight_gain": float(own["weight_gain"]),
            "lr_multiplier": float(own.get("bias_gain", 1.0)),
            "activation": activation(own),
            "bias": has_bias,
        }

    def affine(self, source: str, target: str) -> float:
        """File a module's affine; returns the factor on its weight."""
        return float(self.linear(f"{source}.affine", f"{target}.affine")["weight_gain"])

    def mapping(self) -> dict[str, Any]:
        """The config of a Mapping."""
        own = self.attributes["mapping"]
        target = "mapping_network"
        self.take("mapping.w_avg", f"{target}.w_avg")
        embed = None
        if "mapping.embed.weight" in self.arrays:
            embed = self.linear("mapping.embed", f"{target}.embed")
        return {
            "z_dim": int(own["z_dim"]),
            "c_dim": int(own["c_dim"]),
            "w_dim": int(own["w_dim"]),
            "embed": embed,
            # Without a z the label alone feeds the layers.
            "normalize_z": int(own["z_dim"]) > 0,
            "layers": [
                self.linear(f"mapping.fc{i}", f"{target}.layers.{i}") for i in range(int(own["num_layers"]))
            ],
        }


def activation(own: dict[str, Any]) -> str:
    """The activation that a module's attributes name.

    Raises:
        ValueError: it is none of StyleGAN's.
    """
    name = str(own.get("activation", "linear"))
    if name not in ("linear", "lrelu"):
        raise ValueError(f'the activation "{name}" is none that this program knows')
    return name


def clamp(own: dict[str, Any]) -> float | None:
    """The bound on a module's output, or None."""
    value = own.get("conv_clamp")
    return None if value is None else float(value)
