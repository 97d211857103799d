"""Terms of a distance that need no network: pixels, a Laplacian pyramid, MS-SSIM.

Each takes targets (N, 3, H, W) in [-1, 1] and gives a function from pictures of that shape to one
number each, (N,), 0 where they are equal. Any thread.

Sources: Burt and Adelson, "The Laplacian Pyramid as a Compact Image Code"; Bojanowski et al.,
"Optimizing the Latent Space of Generative Networks", section 3.3; Wang, Simoncelli and Bovik,
"Multiscale structural similarity for image quality assessment", sections 2 and 3.2.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

# Pyramids end before a side falls below this.
SMALLEST_PX = 8
# Below this difference (of a range of 2) the pyramid's penalty turns from linear to square.
SOFT = 0.01
_WINDOW, _SIGMA = 11, 1.5
# The published exponents of the scales, finest first.
_SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_C1, _C2 = (0.01 * 2) ** 2, (0.03 * 2) ** 2


def pixel(targets: Tensor) -> Callable[[Tensor], Tensor]:
    """Mean squared difference."""
    return lambda images: (shown(images, targets) - targets).square().mean((1, 2, 3))


def shown(images: Tensor, targets: Tensor) -> Tensor:
    """The pictures without what goes beyond white and black where the target is white or black.

    Bytes can't tell it, so it is no difference; everywhere else a picture out of range is pulled back.
    """
    beyond = ((targets >= 1) & (images > targets)) | ((targets <= -1) & (images < targets))
    return torch.where(beyond, targets, images)


def pyramid(targets: Tensor) -> Callable[[Tensor], Tensor]:
    """Mean absolute difference of each band of a Laplacian pyramid, averaged over the bands."""

    def measure(images: Tensor) -> Tensor:
        # The pyramid is linear: the bands of the difference are the differences of the bands.
        bands = laplacian(shown(images, targets) - targets)
        each = [((band.square() + SOFT**2).sqrt() - SOFT).mean((1, 2, 3)) for band in bands]
        return torch.stack(each).mean(0)

    return measure


def laplacian(x: Tensor) -> list[Tensor]:
    """The bands of (N, C, H, W), finest first; the last is what is left over."""
    bands = []
    while min(x.shape[2:]) >= 2 * SMALLEST_PX:
        small = _halved(x)
        bands.append(x - F.interpolate(small, size=x.shape[2:], mode="bilinear", align_corners=False))
        x = small
    return [*bands, x]


def multiscale_ssim(targets: Tensor) -> Callable[[Tensor], Tensor]:
    """1 - MS-SSIM, over as many scales as the size allows."""
    kernel = _gaussian(min(_WINDOW, *targets.shape[2:]), targets)
    scales = [targets]
    while len(scales) < len(_SCALES) and min(scales[-1].shape[2:]) >= 2 * len(kernel):
        scales.append(F.avg_pool2d(scales[-1], 2))
    exponents = torch.tensor(_SCALES[: len(scales)], device=targets.device)
    exponents = exponents / exponents.sum()
    stored = [
        (scale, mean := _blurred(scale, kernel), _blurred(scale * scale, kernel) - mean * mean)
        for scale in scales
    ]

    def measure(images: Tensor) -> Tensor:
        total: Tensor | None = None
        images = shown(images, targets)
        for index, (y, mean_y, variance_y) in enumerate(stored):
            if index:
                images = F.avg_pool2d(images, 2)
            mean_x = _blurred(images, kernel)
            variance_x = _blurred(images * images, kernel) - mean_x * mean_x
            covariance = _blurred(images * y, kernel) - mean_x * mean_y
            likeness = (2 * covariance + _C2) / (variance_x + variance_y + _C2)
            if index == len(stored) - 1:
                likeness = likeness * (2 * mean_x * mean_y + _C1) / (mean_x.square() + mean_y.square() + _C1)
            # A negative likeness has no root; its gradient there would be nobody's.
            part = likeness.mean((1, 2, 3)).clamp_min(1e-3) ** exponents[index]
            total = part if total is None else total * part
        assert total is not None
        return 1 - total

    return measure


def _halved(x: Tensor) -> Tensor:
    return F.interpolate(x, size=(x.shape[2] // 2, x.shape[3] // 2), mode="area")


def _gaussian(size: int, like: Tensor) -> Tensor:
    at = torch.arange(size, device=like.device, dtype=torch.float32) - (size - 1) / 2
    taps = torch.exp(-at.square() / (2 * _SIGMA**2))
    return taps / taps.sum()


def _blurred(x: Tensor, kernel: Tensor) -> Tensor:
    """Every channel through the window, without a border: (N, C, H - k + 1, W - k + 1)."""
    channels = x.shape[1]
    row = kernel[None, None, None].expand(channels, 1, 1, -1)
    column = kernel[None, None, :, None].expand(channels, 1, -1, 1)
    return F.conv2d(F.conv2d(x, row, groups=channels), column, groups=channels)
