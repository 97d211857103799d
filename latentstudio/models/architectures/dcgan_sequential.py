"""State dicts of plain generator stacks: DCGAN and its kin, MLP GANs, labels beside z.

Owns the choice of the generator in a file, the reading of labels, and the config for `dcgan`. What a
state dict does not say (strides, activations, epsilons) is inferred from shapes and, where there are
trained batch norms, from their statistics.

Source: Radford et al. and Mirza and Osindero, as in `dcgan`; the layouts were measured on files.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentstudio.errors import MismatchError
from latentstudio.formats import Contents, StoredArray, state_dict
from latentstudio.models.architectures.batch_statistics import Verdict, Witness
from latentstudio.models.architectures.ganzoo_container import gan_zoo, without_prefix
from latentstudio.models.architectures.sequential_layout import (
    Layout,
    LayoutError,
    Leaf,
    Steps,
    find_leaves,
    lay_out,
)
from latentstudio.models.generator import Option, Provenance
from latentstudio.models.spec import NetworkSpec, as_float32

Named = dict[str, NDArray[np.float32]]

# Where files keep a generator, the averaged ones first.
_HOLDERS = (
    "g_ema", "G_ema", "netG_ema", "generator_ema", "ema_generator", "ema", "netG_state_dict",
    "generator_state_dict", "gen_state_dict", "G_state_dict", "g_state_dict", "netG", "generator", "gen",
    "G", "g", "model_G", "modelG", "state_dict", "model_state_dict", "model", "params",
)  # fmt: skip
_GENERATOR = re.compile(r"^(?:net_?g|generator|gen|g|model_?g|g_ema|ema)$", re.IGNORECASE)
_CRITIC = re.compile(r"^(?:net_?d|discriminator|disc|critic|d|model_?d)$", re.IGNORECASE)
_LABEL = re.compile(r"emb|label|class", re.IGNORECASE)
# Lengths of z that people choose; what the first layer reads beyond one of them is a one-hot label.
_USUAL_Z = (100, 128, 64, 256, 512)


def generator_arrays(contents: Contents) -> tuple[dict[str, StoredArray], tuple[str, ...]] | None:
    """The generator's arrays by name, and notes; None where the file holds no plain state dict."""
    zoo = gan_zoo(contents)
    if zoo is not None and zoo.settings:
        return zoo.generator, zoo.notes
    root: Any = contents.root
    for _ in range(3):
        arrays = state_dict(root)
        if arrays is not None:
            return _of_generator(without_prefix(arrays))
        if not isinstance(root, dict):
            return None
        holder = next((key for key in _HOLDERS if isinstance(root.get(key), dict) and root[key]), None)
        if holder is None:
            return None
        root = root[holder]
    return None


def _of_generator(arrays: dict[str, StoredArray]) -> tuple[dict[str, StoredArray], tuple[str, ...]]:
    """The part that belongs to the generator, where a critic lies beside it."""
    roots = dict.fromkeys(key.partition(".")[0] for key in arrays)
    if len(roots) > 1 and any(_CRITIC.match(root) for root in roots):
        chosen = [root for root in roots if _GENERATOR.match(root)]
        if chosen:
            prefix = f"{chosen[-1]}."
            found = {key[len(prefix) :]: value for key, value in arrays.items() if key.startswith(prefix)}
            return found, ("It holds a discriminator too.",)
    return arrays, ()


class Reading:
    """A file's generator, as far as names and shapes tell.

    Args:
        arrays: of the generator.

    Raises:
        LayoutError: it is no such stack.
    """

    def __init__(self, arrays: dict[str, StoredArray]) -> None:
        self.arrays = arrays
        leaves = find_leaves({key: array.shape for key, array in arrays.items()})
        self.embedding = self._take_embedding(leaves)
        self.leaves = leaves
        self.layout: Layout = lay_out(leaves)

    @staticmethod
    def _take_embedding(leaves: list[Leaf]) -> Leaf | None:
        for leaf in leaves:
            if len(leaf.shape) == 2 and leaf.parts == {"weight"} and _LABEL.search(leaf.name):
                leaves.remove(leaf)
                return leaf
        return None


def claims(contents: Contents) -> bool:
    """A state dict whose shapes form one chain from a vector to a picture."""
    found = generator_arrays(contents)
    if found is None:
        return False
    try:
        Reading(found[0])
    except (LayoutError, IndexError, ArithmeticError, RecursionError):
        return False
    return True


def convert(contents: Contents) -> NetworkSpec:
    """Config and arrays; what is open is settled by the batch norms or by custom.

    Raises:
        MismatchError: the labels do not fit the first layer.
    """
    found = generator_arrays(contents)
    assert found is not None
    arrays, notes = found
    try:
        spec = _spec(Reading(arrays), contents)
    except (LayoutError, KeyError, ValueError) as error:
        raise MismatchError(
            f'"{contents.path.name}" looks like a DCGAN, but its layers do not fit together: {error}.',
            path=contents.path,
        ) from error
    return spec.changed(notes=(*spec.notes, *notes))


def _spec(reading: Reading, contents: Contents) -> NetworkSpec:
    layout = reading.layout
    arrays: Named = {key: as_float32(array) for key, array in reading.arrays.items()}
    zoo = gan_zoo(contents)
    settings = zoo.settings if zoo is not None else {}
    known = int(settings["categoryVectorDim"] or 0) if "categoryVectorDim" in settings else None
    _apply_customs(reading)
    witness = Witness(arrays)
    label, classes, spread = _label(reading, arrays, witness, known)
    notes = []
    if spread == "uniform":
        notes.append("It was trained on numbers from -1 to 1, not on normal ones: lower truncation suits it.")
    if label in ("after", "before") and known is None:
        notes.append(
            f"Of its {layout.inputs} inputs, {classes} are taken for a class; the option says otherwise."
        )
    embedding = arrays[f"{reading.embedding.name}.weight"] if reading.embedding else None
    draw = _drawer(layout.inputs, label, classes, spread, embedding)
    steps, sources, picture = _settled(layout, witness, draw)
    if settings.get("lossCriterion") != "WGANGP":
        last = len(steps) - (1 if steps[-1]["op"] == "reshape" else 0)
        steps.insert(last, {"op": "activation", "name": "tanh"})
        sources.insert(last, "")
    config = {
        "family": "DCGAN" if any(step["op"] == "deconv" for step in steps) else "GAN",
        "inputs": layout.inputs,
        "classes": classes,
        "label": label,
        "steps": steps,
        "img_channels": picture[0],
        "img_size": [picture[1], picture[2]],
    }
    named = step_arrays(steps, sources, arrays)
    options: tuple[Option, ...] = ()
    if embedding is not None:
        config["embedding"] = list(embedding.shape)
        named["embedding"] = embedding
    elif known is None:
        most = min(layout.inputs - 1, 1000)
        options = (Option("classes", 0, most, classes, whole=True),)
    provenance = Provenance(class_names=zoo.class_names() if zoo is not None else ())
    return NetworkSpec("dcgan", config, named, provenance, tuple(notes), options)


def step_arrays(steps: Steps, sources: list[str], arrays: Named, prefix: str = "steps") -> Named:
    """Arrays by the names of the network's state dict."""
    parts: dict[str, tuple[str, ...]] = {
        "linear": ("weight", "bias"),
        "conv": ("weight", "bias"),
        "deconv": ("weight", "bias"),
    }
    parts |= {"prelu": ("weight",), "norm": ("weight", "bias", "running_mean", "running_var")}
    return {
        f"{prefix}.{i}.{part}": arrays[f"{source}.{part}"]
        for i, (step, source) in enumerate(zip(steps, sources, strict=True))
        for part in parts.get(step["op"], ())
        if f"{source}.{part}" in arrays
    }


def _apply_customs(reading: Reading) -> None:
    """Guesses that one well-known collection of GANs makes better: leaky layers and a large epsilon."""
    names = [leaf.name for leaf in reading.leaves]
    leaky_mlp = names[:3] == ["model.0", "model.2", "model.3"]
    if not leaky_mlp and not any(name.startswith("conv_blocks.") for name in names):
        return
    for steps in reading.layout.plans:
        norms = [step for step in steps if step["op"] == "norm"]
        for step in norms if leaky_mlp else norms[1:]:
            step["eps"] = 0.8
        for step in steps:
            if step.get("open"):
                step |= {"name": "lrelu", "slope": 0.2}


def _label(reading: Reading, arrays: Named, witness: Witness, known: int | None) -> tuple[str, int, str]:
    """Where the label is, how many classes it has, and how z is spread ("normal" or "uniform")."""
    layout, inputs = reading.layout, reading.layout.inputs
    candidates: list[tuple[str, int, str]] = []
    embedding = None
    if reading.embedding is not None:
        embedding = arrays[f"{reading.embedding.name}.weight"]
        classes, width = embedding.shape
        if width == inputs:
            kinds = ["times"]
        elif width < inputs:
            kinds = ["embedded before", "embedded after"]
        else:
            raise LayoutError(f"its labels have {width} numbers, but the first layer reads {inputs}")
        candidates = [(kind, classes, "normal") for kind in kinds]
    elif known:
        return "after", known, "normal"
    elif known == 0:
        return "none", 0, "normal"
    else:
        split = [inputs - z for z in _USUAL_Z if 3 <= inputs - z <= 12]
        candidates = [("after", n, "normal") for n in split] + [("before", n, "normal") for n in split]
        candidates.append(("none", 0, "normal"))
    if not candidates[0][0].startswith("after"):
        candidates += [(kind, classes, "uniform") for kind, classes, _ in candidates]
    scores = []
    for label, classes, spread in candidates:
        draw = _drawer(inputs, label, classes, spread, embedding)
        scores.append(witness.first(layout.plans[0], layout.sources[0], draw))
    best = min(range(len(scores)), key=scores.__getitem__)
    convinces = scores[best] < 0.35 and scores[best] < 0.75 * scores[0]
    return candidates[best if convinces else 0]


def _drawer(inputs: int, label: str, classes: int, spread: str, embedding: NDArray[np.float32] | None) -> Any:
    """A function that draws n inputs as training would have."""

    def draw(n: int) -> Tensor:
        random = torch.Generator().manual_seed(0)
        c = torch.nn.functional.one_hot(torch.arange(n) % classes, classes).float() if classes else None
        if c is not None and embedding is not None:
            c = c @ torch.from_numpy(np.array(embedding))
        width = inputs - (c.shape[1] if c is not None and label != "times" else 0)
        if spread == "uniform":
            z = torch.rand((n, width), generator=random) * 2 - 1
        else:
            z = torch.randn((n, width), generator=random)
        if c is None:
            return z
        if label == "times":
            return z * c
        return torch.cat([c, z] if label.endswith("before") else [z, c], 1)

    return draw


def _settled(layout: Layout, witness: Witness, draw: Any) -> tuple[Steps, list[str], tuple[int, int, int]]:
    """The plan that the batch norms know best; the first where they don't tell."""
    verdicts: list[Verdict] = []
    for steps, sources in zip(layout.plans, layout.sources, strict=True):
        verdicts.append(witness.settle(steps, sources, draw))
        score = verdicts[-1].score
        if not witness.speaks or (score is not None and score < 0.15):
            break
    best = 0
    for i, verdict in enumerate(verdicts):
        first = verdicts[best].score
        asked = verdict.score is not None and verdict.asked >= verdicts[best].asked
        if asked and (verdict.score or 0.0) < (0.2 if first is None else 0.7 * first):
            best = i
    return verdicts[best].steps, layout.sources[best], layout.pictures[best]
