"""CLIP's weights from a person's own file or folder, in the two naming schemes that are about.

Owns the names and where the vocabulary is looked for. A file is read as data. Any thread.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from latentstudio.errors import CheckpointError, MismatchError, ModelNotFoundError
from latentstudio.formats import StoredArray, read_checkpoint, walk_arrays
from latentstudio.models.clip.network import Clip, ClipSizes
from latentstudio.models.clip.words import MERGES, Words, read_words
from latentstudio.models.feature_networks.features import fill

VOCABULARIES = ("bpe_simple_vocab_16e6.txt.gz", "bpe_simple_vocab_16e6.txt", "merges.txt")
ENDINGS = ("*.safetensors", "*.bin", "*.pt", "*.pth")
NOT_INSTALLED = (
    "Text directions need CLIP, and no weights of it are named.",
    "LatentStudio brings none. Point at a folder of your own that holds CLIP's weights (open_clip's or "
    "Hugging Face's files, such as open_clip_model.safetensors) and its list of words "
    "(bpe_simple_vocab_16e6.txt.gz or merges.txt).",
)

Arrays = dict[str, Any]


def require_clip(path: str | Path | None) -> None:
    """Raise ModelNotFoundError, in plain words, when no weights are named or none are there."""
    if not path:
        raise ModelNotFoundError(*NOT_INSTALLED)
    _weights(Path(path).expanduser())


def load_clip(path: str | Path | None, words: str | Path | None = None) -> Clip:
    """CLIP from a file or folder.

    Args:
        path: a weights file (a plain state dict or safetensors), or a folder that holds one.
        words: the list of merges; by default it is looked for beside the weights.

    Raises:
        ModelNotFoundError: no path is given, or nothing is there.
        CheckpointError: what is there is not CLIP with a picture transformer.
    """
    require_clip(path)
    assert path is not None
    weights = _weights(Path(path).expanduser())
    try:
        contents = read_checkpoint(weights)
    except CheckpointError as error:
        if "TorchScript" in error.message:
            raise CheckpointError(
                f'"{weights.name}" is a program (TorchScript), and programs are not run here.',
                "Use a file of plain weights: open_clip_model.safetensors, or Hugging Face's "
                "model.safetensors.",
                path=weights,
            ) from error
        raise
    stored: Arrays = {_plain_name(name): array for name, array in walk_arrays(contents.root)}
    if "vision_model.embeddings.patch_embedding.weight" in stored:
        stored = _from_huggingface(stored)
    config = contents.side_files.get("config.json", {})
    quick = _is_quick(config, weights)
    sizes = _sizes(stored, quick, weights)
    network = Clip(sizes, _vocabulary(words, weights, sizes.words))
    fill(network, _named(stored, sizes), weights)
    network.requires_grad_(False).eval()
    network.sha256 = contents.sha256
    return network


def _plain_name(name: str) -> str:
    """A name without the wrappings that training scripts put around a state dict."""
    for prefix in ("state_dict.", "module.", "model."):
        name = name.removeprefix(prefix)
    return name


def _weights(path: Path) -> Path:
    if path.is_file():
        return path
    if not path.is_dir():
        raise ModelNotFoundError(f'There is no file or folder "{path}".', NOT_INSTALLED[1])
    for ending in ENDINGS:
        found = sorted(path.glob(ending))
        if found:
            return found[0]
    raise ModelNotFoundError(f'The folder "{path.name}" holds no weights.', NOT_INSTALLED[1])


def _vocabulary(words: str | Path | None, weights: Path, size: int) -> Words:
    places = [Path(words).expanduser()] if words else [weights.parent / name for name in VOCABULARIES]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise ModelNotFoundError(
            "CLIP's list of words is missing.", f"Put {VOCABULARIES[0]} or merges.txt beside {weights.name}."
        )
    vocabulary = read_words(found, min(MERGES, max(0, size - 514)))
    if len(vocabulary) != size:
        raise MismatchError(
            f'"{found.name}" has {len(vocabulary)} words, but "{weights.name}" knows {size}.', path=found
        )
    return vocabulary


def _sizes(stored: Mapping[str, Any], quick: bool, path: Path) -> ClipSizes:
    try:
        patch, places = stored["visual.conv1.weight"].shape, stored["visual.positional_embedding"].shape
        words, text = stored["token_embedding.weight"].shape, stored["positional_embedding"].shape
        side = round(float(np.sqrt(places[0] - 1))) * patch[2]
        return ClipSizes(
            side_px=int(side),
            patch_px=int(patch[2]),
            width=int(patch[0]),
            layers=_depth(stored, "visual.transformer.resblocks."),
            text_width=int(words[1]),
            text_layers=_depth(stored, "transformer.resblocks."),
            words=int(words[0]),
            places=int(text[0]),
            shared=int(stored["text_projection"].shape[1]),
            quick=quick,
        )
    except (KeyError, IndexError) as error:
        raise MismatchError(
            f'"{path.name}" is not CLIP with a picture transformer, such as ViT-B/32.',
            NOT_INSTALLED[1],
            path=path,
        ) from error


def _depth(stored: Mapping[str, Any], prefix: str) -> int:
    numbers = {int(name[len(prefix) :].split(".")[0]) for name in stored if name.startswith(prefix)}
    return max(numbers, default=-1) + 1


def _named(stored: Mapping[str, Any], sizes: ClipSizes) -> dict[str, np.ndarray | StoredArray]:
    """The arrays by the network's own names; a missing one is found out when they are put in."""
    names = {
        "patch.weight": "visual.conv1.weight",
        "first": "visual.class_embedding",
        "places": "visual.positional_embedding",
        "shared": "visual.proj",
        "text_words.weight": "token_embedding.weight",
        "text_places": "positional_embedding",
        "text_shared": "text_projection",
    }
    for own, theirs in (
        ("ln_pre", "visual.ln_pre"),
        ("ln_post", "visual.ln_post"),
        ("text_ln", "ln_final"),
    ):
        names |= {f"{own}.{kind}": f"{theirs}.{kind}" for kind in ("weight", "bias")}
    for own, theirs, depth in (
        ("blocks", "visual.transformer.resblocks", sizes.layers),
        ("text_blocks", "transformer.resblocks", sizes.text_layers),
    ):
        for i in range(depth):
            for kind in ("weight", "bias"):
                for part, there in (
                    ("ln_1", f"ln_1.{kind}"),
                    ("ln_2", f"ln_2.{kind}"),
                    ("qkv", f"attn.in_proj_{kind}"),
                    ("out", f"attn.out_proj.{kind}"),
                    ("fc", f"mlp.c_fc.{kind}"),
                    ("proj", f"mlp.c_proj.{kind}"),
                ):
                    names[f"{own}.{i}.{part}.{kind}"] = f"{theirs}.{i}.{there}"
    return {own: stored[theirs] for own, theirs in names.items() if theirs in stored}


def _from_huggingface(stored: Mapping[str, Any]) -> Arrays:
    """Hugging Face's names as the original's; three projections become one, and two are transposed."""
    simple = {
        "vision_model.embeddings.patch_embedding.weight": "visual.conv1.weight",
        "vision_model.embeddings.class_embedding": "visual.class_embedding",
        "vision_model.embeddings.position_embedding.weight": "visual.positional_embedding",
        "text_model.embeddings.token_embedding.weight": "token_embedding.weight",
        "text_model.embeddings.position_embedding.weight": "positional_embedding",
    }
    norms = {
        "vision_model.pre_layrnorm": "visual.ln_pre",
        "vision_model.post_layernorm": "visual.ln_post",
        "text_model.final_layer_norm": "ln_final",
    }
    layers = {"layer_norm1": "ln_1", "layer_norm2": "ln_2", "self_attn.out_proj": "attn.out_proj"}
    layers |= {"mlp.fc1": "mlp.c_fc", "mlp.fc2": "mlp.c_proj"}
    found: Arrays = {own: stored[theirs] for theirs, own in simple.items() if theirs in stored}
    for name, array in stored.items():
        module, _, kind = name.rpartition(".")
        if module in norms:
            found[f"{norms[module]}.{kind}"] = array
        elif name in ("visual_projection.weight", "text_projection.weight"):
            own = "visual.proj" if name.startswith("visual") else "text_projection"
            found[own] = np.ascontiguousarray(array.numpy().T)
        elif ".encoder.layers." in module:
            side, _, rest = module.partition("_model.encoder.layers.")
            number, _, part = rest.partition(".")
            prefix = "visual.transformer" if side == "vision" else "transformer"
            if part in layers:
                found[f"{prefix}.resblocks.{number}.{layers[part]}.{kind}"] = array
            elif part == "self_attn.q_proj":
                three = [stored.get(f"{module[:-6]}{each}_proj.{kind}") for each in "qkv"]
                if all(each is not None for each in three):
                    joined = np.concatenate([each.numpy() for each in three])  # type: ignore[union-attr]
                    found[f"{prefix}.resblocks.{number}.attn.in_proj_{kind}"] = joined
    return found


def _is_quick(config: Mapping[str, Any], weights: Path) -> bool:
    """Whether the weights were trained with the quick GELU; the arrays do not tell."""
    for part in (config, config.get("vision_config"), config.get("model_cfg")):
        if isinstance(part, Mapping):
            if "hidden_act" in part:
                return str(part["hidden_act"]) == "quick_gelu"
            if "quick_gelu" in part:
                return bool(part["quick_gelu"])
    # LAION's weights, which open_clip publishes, were trained with the plain one and say so in their names.
    return not any(word in str(weights).lower() for word in ("laion", "datacomp", "dfn"))
