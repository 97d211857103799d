"""ProGAN's network: a dense 4 x 4 start, blocks that double the size, one picture head a size.

Owns the network for every checkpoint of progressive growing; reading them is done in the `progan_*`
files beside it, which scale the weights and give the `config` that `build` takes. Trainable.

Source: Karras et al., "Progressive Growing of GANs for Improved Quality, Stability, and Variation"
(section 2 and figure 2, fading in a new size; section 4.2, pixelwise feature normalisation; table 2).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latentstudio.models.generator import Generator, GeneratorInfo, Inputs, StageInfo, State, StyleWeight
from latentstudio.models.layers import may_overwrite, normalize_2nd_moment


class Layer(nn.Module):
    """A linear map of a vector, or a convolution that keeps the size.

    Args:
        shape: (out, in) or (out, in, kernel size, kernel size).
        gained: whether the output, bias included, is multiplied by He's constant for that shape.
    """

    def __init__(self, shape: tuple[int, ...], gained: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(shape))
        self.bias = nn.Parameter(torch.zeros(shape[0]))
        self.gain = math.sqrt(2 / math.prod(shape[1:])) if gained else 1.0

    def forward(self, x: Tensor) -> Tensor:
        """(N, in) -> (N, out), or (N, in, H, W) -> (N, out, H, W)."""
        if self.weight.ndim == 2:
            x = F.linear(x, self.weight, self.bias)
        else:
            x = F.conv2d(x, self.weight, self.bias, padding=self.weight.shape[-1] // 2)
        return x if self.gain == 1 else x * self.gain


class ProGAN(Generator):
    """The network; see `build` for the config."""

    architecture = "progan"
    family = "ProGAN"

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        self.config = config
        self.base = (int(config["base"][0]), int(config["base"][1]))
        self.slope, self.eps = float(config["slope"]), float(config["eps"])
        blocks = [[tuple(map(int, conv)) for conv in block] for block in config["blocks"]]
        width = int(config["z_dim"]) + int(config["c_dim"])
        self.start_channels = int(config["start_channels"])
        gained = bool(config.get("gain_on_output", False))
        self.dense = Layer((self.start_channels * math.prod(self.base), width), gained)
        self.blocks = nn.ModuleList(
            nn.ModuleList(Layer((out, inside, size, size), gained) for inside, out, size in block)
            for block in blocks
        )
        channels = int(config["img_channels"])
        self.heads = nn.ModuleList(Layer((channels, int(n), 1, 1), gained) for n in config["heads"])
        if len(self.heads) != len(blocks):
            raise ValueError(f"{len(blocks)} sizes, but {len(self.heads)} picture heads")
        self.used, self.coarse_share, self.enlarge = progress(config, len(blocks))
        self._lay_out_stages(blocks)
        height, width_px = (side * 2 ** (self.used - 1) * self.enlarge for side in self.base)
        if config["c_dim"]:
            self.truncated_columns = int(config["z_dim"])
        self.info = GeneratorInfo(
            architecture=self.architecture,
            family=self.family,
            z_dim=int(config["z_dim"]),
            w_dim=width,
            c_dim=int(config["c_dim"]),
            num_ws=1,
            img_resolution=max(height, width_px),
            img_channels=channels,
            img_size=(height, width_px),
            has_noise=False,
            has_mapping=False,
        )

    def _lay_out_stages(self, blocks: list[list[tuple[int, ...]]]) -> None:
        self._steps: list[tuple[str, int, int]] = []  # what, block, convolution
        stages = []

        def add(what: str, block: int, conv: int, name: str, rows: tuple[int, ...] = ()) -> None:
            height, width = (side * 2**block for side in self.base)
            self._steps.append((what, block, conv))
            stages.append(StageInfo(f"b{max(height, width)}.{name}", (height, width), rows))

        add("dense", 0, 0, "dense", (0,))
        for i in range(self.used):
            for k in range(len(blocks[i])):
                add("conv", i, k, f"conv{k}")
            if self.coarse_share > 0 and i == self.used - 2:
                add("coarse", i, 0, "torgb")
        add("head", self.used - 1, 0, "torgb")
        last = stages[-1]
        size = (last.resolution[0] * self.enlarge, last.resolution[1] * self.enlarge)
        stages[-1] = StageInfo(last.name, size, ())
        self.stages = tuple(stages)

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> ProGAN:
        # Normalised at every layer, this family magnifies rounding: another memory layout adds up in
        # another order, and that alone would cost the last digit that agrees with the originals.
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        for parameter in self.parameters():
            parameter.data = parameter.data.contiguous()
        return self

    def _map(self, z: Tensor, c: Tensor | None) -> Tensor:
        """One row of ws: z and, for conditional models, the class weights after it."""
        return (z if c is None else torch.cat([z, c], 1))[:, None]

    def run_stage(self, index: int, state: State, inputs: Inputs) -> State:
        """The dense start, a convolution, or a picture head."""
        what, block, conv = self._steps[index]
        x, img = state
        if what == "dense":
            z = inputs.ws[:, 0]
            if self.config["norm_latent"]:
                z = self._normalize(z)
            x = self.dense(z).reshape(len(z), self.start_channels, *self.base)
            return State(self._activate(x, bool(self.config["norm_dense"])))
        assert x is not None
        if what == "conv":
            if block and not conv:
                x = F.interpolate(x, scale_factor=2, mode="nearest")
            x = self._conv(block, conv)(x)
            return State(self._activate(x, bool(self.config["norm"])), img)
        picture: Tensor = self.heads[block](x)
        if what == "coarse":
            return State(x, picture)
        if img is not None:
            coarse = F.interpolate(img, scale_factor=2, mode="nearest")
            picture = self.coarse_share * coarse + (1 - self.coarse_share) * picture
        if self.config.get("output") == "tanh":
            picture = torch.tanh(picture)
        if self.enlarge > 1:
            picture = F.interpolate(picture, scale_factor=self.enlarge, mode="nearest")
        return State(x, picture)

    def _conv(self, block: int, conv: int) -> nn.Module:
        layers = self.blocks[block]
        assert isinstance(layers, nn.ModuleList)
        return layers[conv]

    def _activate(self, x: Tensor, norm: bool) -> Tensor:
        x = F.leaky_relu_(x, self.slope) if may_overwrite(x) else F.leaky_relu(x, self.slope)
        return self._normalize(x) if norm else x

    def _normalize(self, x: Tensor) -> Tensor:
        if self.config.get("divides"):  # the same number, rounded as that original rounds it
            return x / (x.square().mean(1, keepdim=True) + self.eps).sqrt()
        return normalize_2nd_moment(x, eps=self.eps)

    def gives_picture(self, index: int) -> bool:
        """Heads give pictures: the last one, and the coarser one that is faded out."""
        return self._steps[index][0] in ("coarse", "head")

    def style_weights(self) -> list[StyleWeight]:
        """What reads z: the dense start, as SeFa factorises it for this family."""
        return [StyleWeight(self.stages[0].name, 0, self.dense.weight.detach())]


def progress(config: dict[str, Any], count: int) -> tuple[int, float, int]:
    """How far the growth has come.

    Args:
        config: either "lod", sizes below the full one (a fraction fades), or "depth", counted so that
            "depth_of_first" is the first block alone, and "alpha", the share of the size before
            ("alpha_of": "coarse") or of the new one ("fine").
        count: how many blocks there are.

    Returns:
        Blocks used, share of the coarser picture, factor on the finished picture's side.

    Raises:
        ValueError: there is no such depth.
    """
    if "lod" in config:
        lod = min(max(float(config["lod"]), 0.0), count - 1.0)
        return count - int(lod), lod - int(lod), 2 ** int(lod)
    used = int(config.get("depth", count)) - int(config.get("depth_of_first", 1)) + 1
    if not 1 <= used <= count:
        raise ValueError(f"depth {config.get('depth')} of {count} blocks")
    alpha = float(config.get("alpha", 0.0))
    share = alpha if config.get("alpha_of", "coarse") == "coarse" else 1 - alpha
    return used, (share if used > 1 else 0.0), 1


def build(config: dict[str, Any]) -> Generator:
    """The network of a config.

    Args:
        config: "z_dim", "c_dim", "img_channels"; "base": (height, width) of the start;
            "start_channels"; "blocks": for each size a list of [channels in, channels out, kernel
            size]; "heads": channels into each size's picture head; "gain_on_output": see `Layer`;
            "slope" of the leaky ReLU; "eps", "norm_latent", "norm_dense", "norm": pixelwise
            normalisation and where it stands; "divides": by a root, not times its inverse;
            "output": "tanh" or None; and what `progress` reads.
    """
    return ProGAN(config)
