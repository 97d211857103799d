"""Write the bundled file of the clay renderer: sixty means and deviations, and the names of z.

    python pretrained/clayfaces/make_renderer.py [--size 128]

The means and deviations are those of 200,000 random heads, so that one unit of w is one deviation.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from latentstudio import clay
from latentstudio.clay.words import Z_NAMES
from latentstudio.models.generator import Provenance
from latentstudio.models.spec import NetworkSpec, write_spec

TARGET = Path(__file__).parents[1] / "clayrenderer" / "clayrenderer.safetensors"

PROVENANCE = Provenance(
    title="Clay renderer",
    licence="MIT",
    caution="No network: it draws the heads that clay faces learn from. Needs numba (the extra clay).",
    origin="bundled:clayrenderer",
    source="Written by the LatentStudio founders",
    z_names=Z_NAMES,
)


def spec(size: int, rays: int = 2) -> NetworkSpec:
    """The renderer on paper."""
    factors = clay.sample_factors(200_000, 0).astype(np.float64)
    arrays = {
        "factor_mean": factors.mean(0).astype(np.float32),
        "factor_std": factors.std(0).astype(np.float32),
    }
    return NetworkSpec("clay-renderer", {"size": size, "rays": rays}, arrays, PROVENANCE)


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--size", type=int, default=128)
    told = parser.parse_args()
    TARGET.parent.mkdir(exist_ok=True)
    write_spec(TARGET, spec(told.size))


if __name__ == "__main__":
    main()
