from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from latentstudio.detection.protocol import Protocol, quick_projection
from latentstudio.detection.records import GENERATED, REAL, Record
from latentstudio.detection.statistics import STATISTICS
from latentstudio.models.info import GeneratorInfo


@pytest.fixture
def hasty() -> Protocol:
    """A protocol that takes no time on a tiny network."""
    return Protocol(quick_projection().changed(steps=4, start_samples=4), further_steps=2, plus_steps=1)


@pytest.fixture
def info() -> GeneratorInfo:
    return GeneratorInfo(
        "stylegan2", "StyleGAN2", 8, 8, 0, 6, 16, 3, (16, 16), has_noise=True, sha256="ab" * 32
    )


@pytest.fixture
def records() -> Callable[..., list[Record]]:
    """Made-up measurements: two statistics tell the classes apart by `gap`, the others are noise."""

    def make(
        count: int = 40, gap: float = 3.0, copies: tuple[str, ...] = ("clean", "jpeg75"), seed: int = 0
    ) -> list[Record]:
        random = np.random.default_rng(seed)
        found = []
        for kind in (GENERATED, REAL):
            shift = -gap if kind == GENERATED else 0.0
            for i in range(count):
                own = random.normal(size=len(STATISTICS))
                for copy in copies:
                    values = dict(zip(STATISTICS, own + 0.3 * random.normal(size=len(own)), strict=True))
                    values["pixels"] += shift
                    values["detail"] += shift / 2
                    values["distance"] += shift / 3
                    found.append(Record(f"{kind}/{i}", kind, copy, values, 0.5))
        return found

    return make
