"""What can be read off a model's pictures as numbers with a name: for clay faces, the renderer's factors.

Owns the choice of estimator for a generator. Engine's thread or any other that owns the pictures.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from latentstudio import clay
from latentstudio.clay.words import WORDS
from latentstudio.models.generator import Generator

FactorEstimator = Callable[[NDArray[np.float32]], dict[str, NDArray[np.float32]]]


def factor_estimator(generator: Generator) -> FactorEstimator | None:
    """The estimator of a generator's pictures; None where none is known.

    The estimator takes float32 (N, H, W, 3) in 0..1 and gives (N,) for each factor, by the words that a
    person reads, in the factor's own unit.
    """
    if not generator.info.provenance.origin.startswith("bundled:clay"):
        return None
    from latentstudio.models.clay_factors import estimate_factors

    def estimate(images: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        pixels = (np.clip(images, 0, 1) * 255).round().astype(np.uint8)
        factors = estimate_factors(pixels)
        return {WORDS[name]: factors[:, i] for i, name in enumerate(clay.NAMES) if name in WORDS}

    return estimate
