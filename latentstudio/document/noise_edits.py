"""What a person does to the noise inputs: strength, on and off, freeze.

Owns the edits of a `Noise` value; an input that no longer differs is no longer listed, so that equal
noise is an equal recipe. Plain values, any thread.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from latentstudio.document.recipe import Noise, NoiseLayer


def layer_of(noise: Noise, index: int) -> NoiseLayer:
    """What is said of one input; the default where nothing is."""
    return next((layer for layer in noise.layers if layer.index == index), NoiseLayer(index))


def mode_of(noise: Noise, index: int) -> str:
    """The mode that one input has in the end."""
    return layer_of(noise, index).mode or noise.mode


def with_layer(noise: Noise, layer: NoiseLayer) -> Noise:
    """One input described anew."""
    others = [other for other in noise.layers if other.index != layer.index]
    if layer != NoiseLayer(layer.index):
        others.append(layer)
    return replace(noise, layers=tuple(sorted(others, key=lambda other: other.index)))


def with_strength(noise: Noise, index: int, strength: float) -> Noise:
    """One input stronger or weaker."""
    return with_layer(noise, replace(layer_of(noise, index), strength=float(strength)))


def switched(noise: Noise, indices: Iterable[int], on: bool) -> Noise:
    """Some inputs silenced, or heard again as they were."""
    for index in indices:
        layer = layer_of(noise, index)
        if on:
            # A frozen draw comes back as it was; with no noise anywhere, the stored map is what is left.
            mode = "random" if layer.seed is not None else "const" if noise.mode == "none" else None
        else:
            mode = None if noise.mode == "none" else "none"
        noise = with_layer(noise, replace(layer, mode=mode))
    return noise


def frozen(noise: Noise, indices: Iterable[int]) -> Noise:
    """The present draw of some inputs kept, whatever the seed or the mode becomes."""
    for index in indices:
        layer = layer_of(noise, index)
        if mode_of(noise, index) == "random" and layer.values is None:
            seed = noise.seed if layer.seed is None else layer.seed
            noise = with_layer(noise, replace(layer, mode="random", seed=seed))
    return noise


def released(noise: Noise, indices: Iterable[int]) -> Noise:
    """Frozen inputs follow the seed and the mode again."""
    for index in indices:
        layer = layer_of(noise, index)
        if layer.seed is not None:
            mode = None if layer.mode == "random" else layer.mode
            noise = with_layer(noise, replace(layer, mode=mode, seed=None))
    return noise


def is_frozen(noise: Noise, index: int) -> bool:
    """Whether one input keeps a draw of its own."""
    return layer_of(noise, index).seed is not None
