"""The seam that every family fits: a mapping and an ordered list of synthesis stages.

Owns `Generator` and the values around it. From this seam come rendering, re-rendering from the first
stage an edit touches, layer groups, style mixing and direction finding, for every family alike. Must
not know files, recipes or windows. One thread at a time per generator.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from latentstudio.errors import InputError
from latentstudio.models.info import GeneratorInfo, Option, Provenance, StageInfo

__all__ = [
    "Generator",
    "GeneratorInfo",
    "Inputs",
    "Option",
    "Provenance",
    "StageInfo",
    "State",
    "StyleWeight",
    "stage_of_row",
]

NOISE_MODES = ("const", "random", "none")


class State(NamedTuple):
    """What one stage hands to the next: features, and the picture so far in skip architectures."""

    x: Tensor | None = None
    img: Tensor | None = None


@dataclass(frozen=True)
class Inputs:
    """Everything the stages read besides the state.

    Attributes:
        ws: float32 (N, num_ws, w_dim).
        noise_mode: "const", "random" or "none".
        noise_maps: noise by index, in place of what `noise_mode` would give; each (N or 1, 1, H, W).
        noise_modes: modes by index, in place of `noise_mode`.
        noise_paths: by index, what to make of the stored map (None where there is none), for noise that
            lies between others.
        noise_scale: factors on the noise by index.
        style_offsets: by stage name, what is added to its style, (style_dim,).
        transform: float32 (3, 3), as a person means it (not its inverse); None for the identity.
        truncation_psi: for families whose stages read it.
    """

    ws: Tensor
    noise_mode: str = "const"
    noise_maps: Mapping[int, Tensor] = field(default_factory=dict)
    noise_modes: Mapping[int, str] = field(default_factory=dict)
    noise_paths: Mapping[int, Callable[[Tensor | None], Tensor | None]] = field(default_factory=dict)
    noise_scale: Mapping[int, float] = field(default_factory=dict)
    style_offsets: Mapping[str, Tensor] = field(default_factory=dict)
    transform: Tensor | None = None
    truncation_psi: float = 1.0

    def noise(self, index: int, const: Tensor | None, height: int, width: int) -> Tensor | None:
        """The noise input `index` (N or 1, 1, H, W), or None for no noise.

        "random" draws from torch's global generator in the order of execution, as the originals do.
        """
        mode = self.noise_modes.get(index, self.noise_mode)
        if index in self.noise_paths:
            noise = self.noise_paths[index](const)
        elif index in self.noise_maps:
            noise = self.noise_maps[index]
        elif mode == "random":
            noise = torch.randn((len(self.ws), 1, height, width), device=self.ws.device)
        else:
            noise = const if mode == "const" else None
        factor = self.noise_scale.get(index, 1.0)
        return noise if noise is None or factor == 1 else noise * factor

    def styled(self, stage: str, style: Tensor) -> Tensor:
        """A stage's style (N, style_dim) with the offset that an edit asks for."""
        offset = self.style_offsets.get(stage)
        return style if offset is None else style + offset


class StyleWeight(NamedTuple):
    """The affine that turns w into a layer's style: what SeFa factorises."""

    layer: str
    row: int
    weight: Tensor  # (style_dim, w_dim)


class PreviewHead(NamedTuple):
    """A linear map from the features of a stage to the picture at that stage's resolution."""

    weight: Tensor  # (img_channels, features, 1, 1)
    bias: Tensor  # (img_channels,)


class Generator(nn.Module, ABC):
    """A loaded network: `mapping`, then `stages` in order.

    Subclasses give `info`, `stages`, `_map` and `run_stage`; everything else follows.
    """

    info: GeneratorInfo
    stages: tuple[StageInfo, ...]
    # (height, width) of each noise input, in order of execution.
    noise_shapes: tuple[tuple[int, int], ...] = ()
    # How many leading columns of w truncation moves; None means all. The rest (a class, say) stays.
    truncated_columns: int | None = None
    # The type in which the features are computed: float32 for the exact picture.
    compute_dtype: torch.dtype = torch.float32
    # Whether the stages follow `compute_dtype`.
    has_fast_precision: bool = False
    # The lower precision of graphics cards; float16 where the family keeps its sums within that range.
    half_dtype: torch.dtype = torch.bfloat16
    # What "fast" means here; float32 until a measurement has shown a gain by another type.
    fast_dtype: torch.dtype = torch.float32
    # Linear maps from a stage's features to a small picture, where the family itself has none.
    preview_heads: Mapping[int, PreviewHead] = MappingProxyType({})

    # --- what an architecture gives ---------------------------------------------------------

    @abstractmethod
    def _map(self, z: Tensor, c: Tensor | None) -> Tensor:
        """z (N, z_dim), c (N, c_dim) or None -> ws (N, num_ws, w_dim) before truncation."""

    @abstractmethod
    def run_stage(self, index: int, state: State, inputs: Inputs) -> State:
        """Stage `index` on what the stage before it left."""

    @property
    def mean_latent(self) -> Tensor:
        """What truncation moves toward: (w_dim,) or (num_ws, w_dim)."""
        return torch.zeros(self.info.w_dim, device=self.device)

    # Whether every style passes `Inputs.styled`, so that single style channels can be moved.
    has_style_edits: bool = False

    def style_weights(self) -> list[StyleWeight]:
        """The style affines in order of execution; empty where the family has none."""
        return []

    def encode(self, images: Tensor) -> Tensor:
        """Latents z (N, z_dim) of pictures (N, img_channels, H, W) in [-1, 1], where there is an encoder.

        Raises:
            InputError: this model has no encoder.
        """
        raise InputError("This model has no encoder.", "Invert the picture instead.")

    @property
    def img_range(self) -> tuple[float, float]:
        """The nominal range of `synthesis`: what black and white are."""
        return (-1.0, 1.0)

    def to_uint8(self, img: Tensor) -> Tensor:
        """The original's conversion of its output (N, C, H, W) to uint8 (N, C, H, W)."""
        return (img * 127.5 + 128).clamp(0, 255).to(torch.uint8)

    # --- what follows from it ----------------------------------------------------------------

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(iter(self.parameters())).device

    def mapping(
        self,
        z: Any,
        c: Any = None,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
    ) -> Tensor:
        """Latents for the synthesis.

        Args:
            z: (N, z_dim), tensor or array.
            c: (N, c_dim) class weights; needed by conditional models, ignored by others.
            truncation_psi: 1 leaves w as it is, 0 gives the mean.
            truncation_cutoff: how many rows are truncated; None means all.

        Returns:
            ws, float32 (N, num_ws, w_dim).

        Raises:
            InputError: a shape does not fit, or a class is missing.
        """
        z = self._as_input(z, "z", self.info.z_dim)
        if self.info.c_dim:
            if c is None:
                raise InputError(
                    f"This model needs a class (0 to {self.info.c_dim - 1}).", "Choose one, for example 0."
                )
            c = self._as_input(c, "c", self.info.c_dim)
            if len(c) == 1 and len(z) > 1:
                c = c.expand(len(z), -1)
            if len(c) != len(z):
                raise InputError(f"There are {len(z)} latents but {len(c)} class vectors.")
        else:
            c = None
        ws = self._map(z, c)
        if self.info.truncates_in_synthesis:
            return ws
        return self.truncate(ws, truncation_psi, truncation_cutoff)

    def truncate(self, ws: Tensor, psi: float = 1.0, cutoff: int | None = None) -> Tensor:
        """Move the first `cutoff` rows of ws toward the mean latent; psi 1 returns ws itself."""
        if psi == 1 or self.info.truncates_in_synthesis:
            return ws
        rows = ws.shape[1] if cutoff is None else min(max(int(cutoff), 0), ws.shape[1])
        mean = self.mean_latent.expand(ws.shape[1:])[:rows]
        moved = mean.expand_as(ws[:, :rows]).lerp(ws[:, :rows], psi)
        if self.truncated_columns is not None:
            moved = torch.cat(
                [moved[..., : self.truncated_columns], ws[:, :rows, self.truncated_columns :]], 2
            )
        return torch.cat([moved, ws[:, rows:]], 1)

    def synthesis(
        self,
        ws: Any,
        noise_mode: str = "const",
        *,
        noise_maps: Mapping[int, Tensor] | None = None,
        transform: Any = None,
        truncation_psi: float = 1.0,
    ) -> Tensor:
        """Pictures from latents.

        Args:
            ws: (N, num_ws, w_dim); (N, w_dim) is repeated for every row.
            noise_mode: "const", "random" (torch's global generator) or "none".
            noise_maps: noise inputs by index, each (N or 1, 1, H, W), in place of the mode's.
            transform: the 3 x 3 matrix that moves the picture (StyleGAN3); its inverse is taken here.
            truncation_psi: for families whose stages read it; others ignore it, their ws carry it.

        Returns:
            float32 (N, img_channels, H, W), nominally [-1, 1], not clamped.

        Raises:
            InputError: a shape does not fit or the mode does not exist.
        """
        inputs = self.inputs(
            ws, noise_mode, noise_maps=noise_maps, transform=transform, truncation_psi=truncation_psi
        )
        state = State()
        for index in range(len(self.stages)):
            state = self.run_stage(index, state, inputs)
        return self.image(state)

    def inputs(
        self,
        ws: Any,
        noise_mode: str = "const",
        *,
        noise_maps: Mapping[int, Tensor] | None = None,
        transform: Any = None,
        truncation_psi: float = 1.0,
    ) -> Inputs:
        """Check and bundle what the stages read; see `synthesis`."""
        info = self.info
        ws = torch.as_tensor(ws, dtype=torch.float32, device=self.device)
        if ws.ndim == 2:
            ws = ws[:, None].expand(-1, info.num_ws, -1)
        if ws.ndim != 3 or tuple(ws.shape[1:]) != (info.num_ws, info.w_dim):
            raise InputError(
                f"ws has shape {tuple(ws.shape)}, but this model needs (N, {info.num_ws}, {info.w_dim})."
            )
        if noise_mode not in NOISE_MODES:
            raise InputError(f'There is no noise mode "{noise_mode}".', "Use const, random or none.")
        if transform is not None:
            if not info.has_transform:
                raise InputError("This model has no transform; only StyleGAN3 does.")
            transform = torch.as_tensor(transform, dtype=torch.float32, device=self.device)
            if tuple(transform.shape) != (3, 3) or not bool(torch.isfinite(transform).all()):
                raise InputError("The transform must be a 3 x 3 matrix of finite numbers.")
            if abs(float(torch.linalg.det(transform.detach()))) < 1e-8:
                raise InputError("The transform can't be inverted: it squeezes the picture flat.")
        return Inputs(
            ws,
            noise_mode,
            dict(noise_maps or {}),
            transform=transform,
            truncation_psi=truncation_psi,
        )

    def image(self, state: State) -> Tensor:
        """The picture of a finished state: float32 (N, img_channels, H, W)."""
        picture = state.img if state.img is not None else state.x
        assert picture is not None, "no stage has run"
        return picture.float()

    def picture_share(self, index: int) -> tuple[float, float]:
        """The part (of the height, of the width) of stage `index`'s features that the picture covers.

        It lies in their middle. Below 1 where features reach beyond the picture, as StyleGAN3's do.
        """
        return (1.0, 1.0)

    def gives_picture(self, index: int) -> bool:
        """Whether stage `index` leaves a picture worth showing; the last one always does."""
        return index == len(self.stages) - 1

    @property
    def has_preview(self) -> bool:
        """Whether some stage before the last leaves a picture."""
        return any(self.gives_picture(i) for i in range(len(self.stages) - 1))

    def preview(self, state: State) -> Tensor | None:
        """The picture so far, at its own lower resolution; None where the family has none."""
        return None if state.img is None or not self.has_preview else state.img.float()

    def forward(
        self,
        z: Any,
        c: Any = None,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
        noise_mode: str = "const",
        **synthesis: Any,
    ) -> Tensor:
        """`synthesis(mapping(z, c, ...))`: float32 (N, img_channels, H, W)."""
        ws = self.mapping(z, c, truncation_psi, truncation_cutoff)
        return self.synthesis(ws, noise_mode, truncation_psi=truncation_psi, **synthesis)

    def draw_noise(self, seed: int, batch: int = 1) -> dict[int, Tensor]:
        """The noise maps of a seed: the same numbers as `torch.manual_seed(seed)` and mode "random".

        Drawn on the CPU whatever the device, so that a picture does not depend on the machine.
        """
        generator = torch.Generator().manual_seed(seed)
        return {
            index: torch.randn((batch, 1, *shape), generator=generator).to(self.device)
            for index, shape in enumerate(self.noise_shapes)
        }

    def _as_input(self, values: Any, name: str, dim: int) -> Tensor:
        tensor = torch.as_tensor(values, dtype=torch.float32, device=self.device)
        if tensor.ndim != 2 or tensor.shape[1] != dim:
            raise InputError(f"{name} has shape {tuple(tensor.shape)}, but this model needs (N, {dim}).")
        return tensor


def stage_of_row(stages: Sequence[StageInfo], row: int) -> int:
    """Index of the first stage that reads row `row` of ws; the last stage when none does."""
    return next((i for i, stage in enumerate(stages) if row in stage.ws_rows), len(stages) - 1)
