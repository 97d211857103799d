"""Masks at the size of a stage's features.

Owns the resizing, and that a mask covers the picture while features may reach beyond it. Any thread.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def fitted_mask(shares: Tensor, size: tuple[int, ...], picture_share: tuple[float, float]) -> Tensor:
    """A mask for features: each sample gets the mean of the mask over its own area.

    Args:
        shares: float32 (H, W), 0 to 1, over the whole picture.
        size: (h, w) of the features.
        picture_share: which part of them the picture covers, in their middle.

    Returns:
        float32 (h, w), 0 to 1; beyond the picture the mask's edge is continued.
    """
    height, width = (
        min(side, max(1, round(side * share))) for side, share in zip(size, picture_share, strict=True)
    )
    if height <= shares.shape[0] and width <= shares.shape[1]:
        fitted = F.interpolate(shares[None, None], size=(height, width), mode="area")
    else:
        # A mask coarser than the features must not show its own pixels.
        fitted = F.interpolate(shares[None, None], size=(height, width), mode="bilinear", align_corners=False)
    left, top = (size[1] - width) // 2, (size[0] - height) // 2
    padding = (left, size[1] - width - left, top, size[0] - height - top)
    if any(padding):
        fitted = F.pad(fitted, padding, mode="replicate")
    return fitted[0, 0].clamp(0, 1)
