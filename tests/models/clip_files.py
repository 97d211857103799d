"""A tiny random CLIP, as the field's files hold it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

# A few merges, so that "smiling face" falls into whole words and parts.
MERGES = (
    ("f", "a"),
    ("fa", "c"),
    ("fac", "e</w>"),
    ("s", "m"),
    ("i", "l"),
    ("sm", "il"),
    ("i", "n"),
    ("in", "g</w>"),
    ("smil", "ing</w>"),
)
WORDS = 512 + len(MERGES) + 2
WIDTH, LAYERS, SHARED, PATCH, SIDE, PLACES = 64, 2, 16, 8, 16, 20


def arrays(seed: int = 0, width: int = WIDTH) -> dict[str, np.ndarray]:
    """A state dict under the original's names."""
    random = np.random.default_rng(seed)

    def normal(*shape: int, scale: float = 0.15) -> np.ndarray:
        return (random.standard_normal(shape) * scale).astype(np.float32)

    found = {
        "visual.conv1.weight": normal(width, 3, PATCH, PATCH),
        "visual.class_embedding": normal(width),
        "visual.positional_embedding": normal((SIDE // PATCH) ** 2 + 1, width),
        "visual.proj": normal(width, SHARED),
        "token_embedding.weight": normal(WORDS, width, scale=1.0),
        "positional_embedding": normal(PLACES, width),
        "text_projection": normal(width, SHARED),
        "logit_scale": np.float32([4.6]).reshape(()),
    }
    for norm in ("visual.ln_pre", "visual.ln_post", "ln_final"):
        found |= {f"{norm}.weight": 1 + normal(width), f"{norm}.bias": normal(width)}
    for prefix in ("visual.transformer", "transformer"):
        for i in range(LAYERS):
            at = f"{prefix}.resblocks.{i}"
            for norm in ("ln_1", "ln_2"):
                found |= {f"{at}.{norm}.weight": 1 + normal(width), f"{at}.{norm}.bias": normal(width)}
            for part, out, into in (
                ("attn.in_proj_", 3 * width, width),
                ("attn.out_proj.", width, width),
                ("mlp.c_fc.", 4 * width, width),
                ("mlp.c_proj.", width, 4 * width),
            ):
                found |= {f"{at}.{part}weight": normal(out, into), f"{at}.{part}bias": normal(out)}
    return found


def as_huggingface(stored: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The same under Hugging Face's names."""
    renamed = {}
    for name, value in stored.items():
        side = "vision_model" if name.startswith("visual.") else "text_model"
        plain = name.removeprefix("visual.")
        if plain.startswith("transformer.resblocks."):
            _, _, number, part = plain.split(".", 3)
            at = f"{side}.encoder.layers.{number}"
            if part.startswith("attn.in_proj_"):
                for each, third in zip("qkv", np.split(value, 3), strict=True):
                    renamed[f"{at}.self_attn.{each}_proj.{part.rpartition('_')[2]}"] = third
                continue
            for theirs, own in (
                ("ln_1", "layer_norm1"),
                ("ln_2", "layer_norm2"),
                ("attn.out_proj", "self_attn.out_proj"),
                ("mlp.c_fc", "mlp.fc1"),
                ("mlp.c_proj", "mlp.fc2"),
            ):
                part = part.replace(theirs, own)
            renamed[f"{at}.{part}"] = value
            continue
        simple = {
            "visual.conv1.weight": "vision_model.embeddings.patch_embedding.weight",
            "visual.class_embedding": "vision_model.embeddings.class_embedding",
            "visual.positional_embedding": "vision_model.embeddings.position_embedding.weight",
            "visual.proj": "visual_projection.weight",
            "token_embedding.weight": "text_model.embeddings.token_embedding.weight",
            "positional_embedding": "text_model.embeddings.position_embedding.weight",
            "text_projection": "text_projection.weight",
            "logit_scale": "logit_scale",
        }
        norms = {
            "visual.ln_pre": "vision_model.pre_layrnorm",
            "visual.ln_post": "vision_model.post_layernorm",
            "ln_final": "text_model.final_layer_norm",
        }
        module, _, kind = name.rpartition(".")
        if module in norms:
            renamed[f"{norms[module]}.{kind}"] = value
        else:
            flips = name in ("visual.proj", "text_projection")
            renamed[simple[name]] = np.ascontiguousarray(value.T) if flips else value
    return renamed


def write_words(path: Path) -> Path:
    """The list of merges."""
    path.write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in MERGES), encoding="utf-8")
    return path


def write_clip(folder: Path, stored: dict[str, np.ndarray] | None = None) -> Path:
    """A folder with weights and words."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file(arrays() if stored is None else stored, folder / "open_clip_model.safetensors")
    write_words(folder / "merges.txt")
    return folder
