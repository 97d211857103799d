"""The clay renderer as a generator: exact sliders, no weights, no gradients.

Owns the bridge between the renderer and the seam that every family fits. z are the renderer's 64 normal
numbers, w the 60 factors of a head in deviations from their mean, so a slider of w moves one factor and
nothing else: what a latent direction of a network should do. Pictures come from NumPy; needs numba.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from latentstudio import clay
from latentstudio.errors import InputError
from latentstudio.formats import Contents
from latentstudio.models.generator import Generator, GeneratorInfo, Inputs, StageInfo, State
from latentstudio.models.spec import NetworkSpec

ARCHITECTURE = "clay-renderer"


class ClayRenderer(Generator):
    """Draws heads of a size with a number of rays; its config is {"size": pixels, "rays": per pixel side}."""

    factor_mean: Tensor
    factor_std: Tensor

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        self.config = config
        self.size, self.rays = int(config["size"]), int(config["rays"])
        self.register_buffer("factor_mean", torch.zeros(len(clay.NAMES)))
        self.register_buffer("factor_std", torch.zeros(len(clay.NAMES)))
        # A rough picture first: a quarter of the pixels, one ray each.
        self.stages = tuple(
            StageInfo(name, (size, size), (0,))
            for name, size in (("sketch", self.size // 2), ("picture", self.size))
        )
        self.info = GeneratorInfo(
            architecture=ARCHITECTURE,
            family="Clay renderer",
            z_dim=clay.LATENT_DIM,
            w_dim=len(clay.NAMES),
            c_dim=0,
            num_ws=1,
            img_resolution=self.size,
            img_channels=3,
            img_size=(self.size, self.size),
            has_noise=False,
        )

    @property
    def device(self) -> torch.device:
        """Where w is; the drawing itself is the processor's work."""
        return self.factor_mean.device

    def _map(self, z: Tensor, c: Tensor | None) -> Tensor:
        factors = torch.from_numpy(clay.latents_to_factors(z.detach().cpu().numpy())).to(self.device)
        return ((factors - self.factor_mean) / self.factor_std)[:, None]  # (N, 1, 60)

    def factors(self, w: Tensor) -> np.ndarray[Any, np.dtype[np.float32]]:
        """The factors of w (N, 60), kept within what can be drawn: float32 (N, 60)."""
        low, high = (np.array([getattr(f, end) for f in clay.FACTORS], np.float32) for end in ("low", "high"))
        factors = (w.detach() * self.factor_std + self.factor_mean).cpu().numpy()
        kept: np.ndarray[Any, np.dtype[np.float32]] = np.clip(factors, low, high).astype(np.float32)
        return kept

    def run_stage(self, index: int, state: State, inputs: Inputs) -> State:
        """Draw the sketch, then the picture.

        Raises:
            InputError: a gradient is asked for, or numba is missing.
        """
        w = inputs.ws[:, 0]
        if torch.is_grad_enabled() and w.requires_grad:
            raise InputError(
                "The clay renderer draws without gradients, so nothing can be fitted through it.",
                "Choose a network, such as Clay faces 64.",
            )
        size, rays = (self.size // 2, 1) if index == 0 else (self.size, self.rays)
        pixels = torch.from_numpy(clay.render(self.factors(w), size, rays)).to(self.device)
        return State(None, pixels.permute(0, 3, 1, 2).float() / 127.5 - 1)

    def gives_picture(self, index: int) -> bool:
        """Both stages do."""
        return True


def build(config: dict[str, Any]) -> Generator:
    """The generator of a config.

    Raises:
        InputError: numba is missing.
    """
    if not clay.has_compiler():
        raise InputError(
            "The clay renderer needs the package numba, which is not installed.",
            'Install it with: pip install "latentstudio[clay]"',
        )
    return ClayRenderer(config)


def claims(contents: Contents) -> bool:
    """No foreign file holds it."""
    return False


def convert(contents: Contents) -> NetworkSpec:
    """Never asked: see `claims`."""
    raise InputError("The clay renderer is read from the program's own format only.", path=contents.path)
