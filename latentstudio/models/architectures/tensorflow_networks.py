"""What StyleGAN's TensorFlow pickles of all three generations have in common.

Owns the choice of the averaged generator in a file, and the conversion of its mapping network; the
synthesis networks are the readers' own. Variables and shapes decide; settings are asked only for what
no shape tells. Settings that nothing here knows are ignored: community versions add their own. Any thread.

Sources: Karras et al., "A Style-Based Generator Architecture for Generative Adversarial Networks"
(appendix C, the mapping network and its learning rate); the layout of the files was measured.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentstudio.errors import CheckpointError
from latentstudio.formats import Contents, StoredArray, TFNetwork, tf_network
from latentstudio.models.spec import as_float32

Config = dict[str, Any]
Arrays = dict[str, NDArray[Any]]

_KNOWN_SETTINGS = frozenset(
    re.findall(
        r"\w+",
        "func_name latent_size dlatent_size label_size num_channels resolution fmap_base fmap_decay fmap_min"
        " fmap_max fmap_const mapping_layers mapping_fmaps mapping_lrmul mapping_nonlinearity label_fmaps"
        " normalize_latents dlatent_broadcast architecture nonlinearity resample_kernel blur_filter"
        " fused_scale fused_modconv num_fp16_res conv_clamp use_noise randomize_noise use_styles use_wscale"
        " use_pixel_norm use_instance_norm const_input_layer structure dtype truncation_psi"
        " truncation_cutoff truncation_psi_val truncation_cutoff_val dlatent_avg_beta style_mixing_prob"
        " mapping_func synthesis_func is_training is_validation is_template_graph return_dlatents"
        " force_clean_graph minibatch_std_group_size minibatch_std_num_features",
    )
)


@dataclass(frozen=True, eq=False)
class StyleNetwork:
    """A generator made of a mapping and a synthesis network.

    Attributes:
        top: the whole.
        mapping: from z to w.
        synthesis: from w to the picture.
        settings: what all three were constructed with; absent keys mean the code's defaults.
        has_discriminator: whether the file holds one beside it.
    """

    top: TFNetwork
    mapping: TFNetwork
    synthesis: TFNetwork
    settings: dict[str, Any]
    has_discriminator: bool

    @property
    def scopes(self) -> list[str]:
        """The synthesis network's scopes by resolution, such as "4x4", from the smallest."""
        found = {name.partition("/")[0] for name in self.synthesis.variables}
        sizes = {scope: re.fullmatch(r"(\d+)x(\d+)", scope) for scope in found}
        return sorted(
            (scope for scope, match in sizes.items() if match),
            key=lambda scope: math.prod(map(int, scope.split("x"))),
        )

    @property
    def lod(self) -> float:
        """How far the progressive growing had come: 0 at its end."""
        for network in (self.top, self.synthesis):
            if "lod" in network.variables:
                values = as_float32(network.variables["lod"]).reshape(-1)
                return float(values[0]) if len(values) and np.isfinite(values[0]) else 0.0
        return 0.0

    def notes(self) -> tuple[str, ...]:
        """Lines for the model panel."""
        unknown = sorted(str(key) for key in self.settings if key not in _KNOWN_SETTINGS)
        lines = ["It holds a discriminator too."] if self.has_discriminator else []
        if unknown:
            lines.append(f"It was made with settings unknown here: {', '.join(unknown[:6])}.")
        return tuple(lines)


def style_network(contents: Contents) -> StyleNetwork | None:
    """The averaged generator of a file (its last one); None where there is none. Never raises."""
    root = contents.root
    nodes = root.values() if isinstance(root, dict) else root if isinstance(root, (tuple, list)) else (root,)
    try:
        networks = [network for node in nodes if (network := tf_network(node)) is not None]
    except CheckpointError:
        return None
    generators = [n for n in networks if {"mapping", "synthesis"} <= n.components.keys()]
    if not generators:
        return None
    top = next((n for n in reversed(generators) if n.name == "Gs"), generators[-1])
    mapping, synthesis = top.components["mapping"], top.components["synthesis"]
    settings = {**mapping.static_kwargs, **synthesis.static_kwargs, **top.static_kwargs}
    return StyleNetwork(top, mapping, synthesis, settings, len(networks) > len(generators))


def setting(settings: Mapping[str, Any], name: str, default: float) -> float:
    """A number among the settings; None stands for the default, as in the originals."""
    value = settings.get(name)
    return default if value is None else float(number(value))


def number(value: Any) -> float:
    """A number that may have been stored as a scalar array."""
    return float(value.numpy()) if isinstance(value, StoredArray) else float(value)


def kernel_2d(values: Any, default: list[float]) -> NDArray[np.float32]:
    """A FIR kernel (k, k) with sum one from a setting of taps or of a whole kernel; None: default."""
    if isinstance(values, StoredArray):
        values = values.numpy()
    elif isinstance(values, (list, tuple)):
        values = [number(value) for value in values]
    kernel = np.asarray(default if values is None else values, np.float64)
    if kernel.ndim == 1:
        kernel = np.outer(kernel, kernel)
    if kernel.ndim != 2 or not kernel.sum():
        raise ValueError("a filter that is no filter")
    return np.asarray(kernel / kernel.sum(), np.float32)


def read_mapping(network: StyleNetwork, *, root_two_inside: bool = False) -> tuple[Config, Arrays]:
    """The mapping network as the config of `stylegan2.Mapping`, and its arrays.

    Args:
        network: whose mapping.
        root_two_inside: StyleGAN 1, whose gain sqrt(2) acts on the weights alone, before the bias.
    """
    variables, settings = network.mapping.variables, network.settings
    activation = str(settings.get("mapping_nonlinearity", "lrelu"))
    if activation != "lrelu":
        raise ValueError(f'the mapping\'s activation "{activation}" is none that this program knows')
    rate = setting(settings, "mapping_lrmul", 0.01)
    equalised = not root_two_inside or bool(settings.get("use_wscale", True))
    normalise = bool(settings.get("normalize_latents", True))
    target = "mapping_network"
    arrays: Arrays = {}
    layers: list[Config] = []
    while f"Dense{len(layers)}/weight" in variables:
        i = len(layers)
        weight = as_float32(variables[f"Dense{i}/weight"])
        arrays[f"{target}.layers.{i}.weight"] = weight.T
        arrays[f"{target}.layers.{i}.bias"] = as_float32(variables[f"Dense{i}/bias"])
        # The activation has a gain of sqrt(2) here. Being homogeneous it may stand for the one that
        # StyleGAN 1 has in its weights, once the bias is freed of it.
        gain = 1 / math.sqrt(weight.shape[0]) if equalised else math.sqrt(0.5)
        layers.append(
            {
                "in_features": weight.shape[0],
                "out_features": weight.shape[1],
                "weight_gain": rate * gain,
                "lr_multiplier": rate * math.sqrt(0.5) if root_two_inside else rate,
                "activation": activation,
            }
        )
    average = as_float32(network.top.variables["dlatent_avg"])
    if average.ndim != 1:
        raise ValueError(f"an average latent of shape {average.shape}")
    arrays[f"{target}.w_avg"] = average
    width = layers[0]["in_features"] if layers else average.shape[0]
    embed = None
    label = "LabelConcat" if "LabelConcat/weight" in variables else "LabelEmbed"
    if f"{label}/weight" in variables:
        weight = as_float32(variables[f"{label}/weight"])
        arrays[f"{target}.embed.weight"] = weight.T
        width -= weight.shape[1]
        embed = {"in_features": weight.shape[0], "out_features": weight.shape[1], "bias": False}
        if label == "LabelConcat":
            embed["weight_gain"] = 1.0
        else:
            embed["bias"] = True
            arrays[f"{target}.embed.bias"] = as_float32(variables["LabelEmbed/bias"])
    config = {
        "z_dim": width,
        "c_dim": embed["in_features"] if embed else 0,
        "w_dim": average.shape[0],
        "embed": embed,
        "joint_norm": embed is not None and label == "LabelConcat",
        "normalize_z": normalise,
        "layers": layers,
    }
    return config, arrays
