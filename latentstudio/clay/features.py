"""Explicit features of a head: colours, pose, light, shape and what is there, for a network to learn from.

Owns the 114 numbers that training starts from: factors mix up what a picture shows (hues are circles, hair
is there or not), these do not. NumPy only, any thread.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from latentstudio.clay.factors import latents_to_factors
from latentstudio.clay.heads import Look, head_numbers

# Distances that put a part out of sight, and whether a large one means that it is there.
_SWITCHES = ("opn", "hoff", "loff", "bunoff", "boff", "moff", "goff")
_COLOURS = ("sk", "lp", "ha", "ir", "cl", "ba", "bb")
_PLAIN = ("ox", "oy", "oz", "kr", "kg", "kb", "sr", "sg", "sb", "blush", "lash", "stub", "gzx", "gzy")


def explicit_features(latents: NDArray[np.float32]) -> NDArray[np.float32]:
    """Latents (N, 64) -> features float32 (N, 114)."""
    rows = []
    for factors in latents_to_factors(latents):
        shape, look = head_numbers(factors)
        numbers: dict[str, float] = dict(shape._asdict())
        for name in _SWITCHES:
            numbers[name] = float(numbers[name] < 1)
        # What is not there has no size.
        numbers["beard"] *= numbers["boff"]
        numbers["must"] *= numbers["moff"]
        for name in ("grx", "gry", "gk"):
            numbers[name] *= numbers["goff"]
        rim = np.array([look.glr, look.glg, look.glb]) ** (1 / 2.2) * numbers["goff"]
        names = [name for name in Look._fields if name[:2] in _COLOURS and name != "bgl"]
        colours = np.array([getattr(look, name) for name in names]) ** (1 / 2.2)
        rotation = np.array(look[:9]).reshape(3, 3)
        light = np.array([look.lx, look.ly, look.lz])
        plain = [getattr(look, name) for name in _PLAIN]
        rows.append(
            np.concatenate(
                [list(numbers.values()), rotation.ravel(), light, rotation @ light, plain, colours, rim]
            )
        )
    return np.array(rows, np.float32)
