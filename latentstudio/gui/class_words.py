"""How classes are called on screen, and arithmetic of their weights.

Owns the wording and the pure functions on (class, weight) pairs; no widgets. Any thread.
"""

from __future__ import annotations

from collections.abc import Sequence

from latentstudio.gui.words import plain

ClassWeights = tuple[tuple[int, float], ...]


def class_name(index: int, names: Sequence[str]) -> str:
    """What a class is called: its name, or its number."""
    return names[index] if index < len(names) and names[index] else f"Class {index}"


def class_line(index: int, names: Sequence[str]) -> str:
    """Number and name, as a list shows it."""
    name = class_name(index, names)
    return name if name == f"Class {index}" else f"{index}  {name}"


def mix_words(classes: ClassWeights, names: Sequence[str]) -> str:
    """A choice of classes in one line: "tabby", "tabby 0.6 + beagle 0.4", "5 classes"."""
    if len(classes) == 1 and classes[0][1] == 1:
        return class_name(classes[0][0], names)
    if len(classes) > 2:
        return f"{len(classes)} classes"
    return " + ".join(f"{class_name(index, names)} {plain(weight)}" for index, weight in classes)


def normalized(classes: ClassWeights) -> ClassWeights:
    """The same proportions, summing to 1; equal shares where they sum to nothing."""
    total = sum(weight for _, weight in classes)
    if abs(total) < 1e-9:
        return tuple((index, 1 / len(classes)) for index, _ in classes)
    return tuple((index, weight / total) for index, weight in classes)


def with_weight(classes: ClassWeights, index: int, weight: float, *, keep_sum: bool) -> ClassWeights:
    """One weight changed; with `keep_sum` the others share what is left of 1 as they did before."""
    if not keep_sum or len(classes) < 2:
        return tuple((i, weight if i == index else w) for i, w in classes)
    others = sum(w for i, w in classes if i != index)
    left = 1 - weight
    if abs(others) < 1e-9:
        share = left / (len(classes) - 1)
        return tuple((i, weight if i == index else share) for i, w in classes)
    return tuple((i, weight if i == index else w * left / others) for i, w in classes)


def with_class(classes: ClassWeights, index: int, *, keep_sum: bool) -> ClassWeights:
    """One more class: an equal share of the whole, or half strength beside the others."""
    if any(i == index for i, _ in classes):
        return classes
    if not keep_sum:
        return (*classes, (index, 0.5))
    count = len(classes)
    return (*((i, w * count / (count + 1)) for i, w in classes), (index, 1 / (count + 1)))


def without_class(classes: ClassWeights, index: int, *, keep_sum: bool) -> ClassWeights:
    """One class fewer; the last one stays."""
    left = tuple((i, w) for i, w in classes if i != index)
    if not left:
        return classes
    return normalized(left) if keep_sum else left
