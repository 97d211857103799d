"""The quickest way to a convolution that keeps the size, for a weight that stays as it is.

Owns the choice: fewer multiplications where there are many channels, a weight that is laid out once
where there are few pixels, the library's own way everywhere else. Differentiable.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from latentstudio.models import packed_conv, winograd
from latentstudio.models.layers import KeepsDerived


def convolve_same(layer: KeepsDerived, x: Tensor, in_type: Callable[[torch.dtype], Tensor]) -> Tensor:
    """The convolution of features (N, in, H, W) with a layer's weight (out, in, k, k), without a bias.

    Args:
        layer: keeps what follows from its weight.
        x: the features.
        in_type: the layer's weight in the type of the features.
    """
    weight, kept = layer.weight, layer.kept
    size = weight.shape[-1]
    if winograd.fits(x, weight):
        tiles = kept(f"tiles {x.dtype}", lambda: winograd.transform(weight).to(x.dtype))
        return winograd.convolve(x, tiles)
    if packed_conv.fits(x, weight):
        key = f"{x.dtype} {tuple(x.shape)}"
        return packed_conv.convolve(x, kept(key, lambda: packed_conv.pack(weight.to(x.dtype), x)), size)
    return F.conv2d(x, in_type(x.dtype), padding=size // 2)
