"""StyleGAN2's network: mapping, modulated convolutions, and the three ways to gather a picture.

Owns the network for every checkpoint that is StyleGAN2 underneath; reading the checkpoints is done
in the `stylegan2_*` files beside it, which give the `config` that `build` takes. Trainable.

Sources: Karras et al., "Analyzing and Improving the Image Quality of StyleGAN" (section 2.2, weight
demodulation, equation 3; figure 7, skip and residual architectures); Karras et al., "Training
Generative Adversarial Networks with Limited Data" (clamping).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from latentstudio.models.architectures.stylegan2_layers import Mapping, ModulatedConv, Skip, ToRGB
from latentstudio.models.generator import Generator, GeneratorInfo, Inputs, StageInfo, State, StyleWeight
from latentstudio.models.layers import random_normal, upsample2d


class Block(nn.Module):
    """All layers of one resolution; the stages call them one by one."""

    const: nn.Parameter
    torgb: ToRGB
    skip: Skip

    def __init__(
        self, config: dict[str, Any], w_dim: int, img_channels: int, conv: type[ModulatedConv]
    ) -> None:
        super().__init__()
        if config.get("const"):
            self.const = nn.Parameter(random_normal(*config["const"]))
        for name in ("conv0", "conv1"):
            if config.get(name):
                setattr(self, name, conv(w_dim=w_dim, **config[name]))
        if config.get("torgb"):
            self.torgb = ToRGB(img_channels=img_channels, w_dim=w_dim, **config["torgb"])
        if config.get("skip"):
            self.skip = Skip(**config["skip"])


class StyleGAN2(Generator):
    """The network; see `build` for the config."""

    architecture = "stylegan2"
    family = "StyleGAN2"
    conv_class = ModulatedConv
    has_fast_precision = True
    half_dtype = torch.float16
    has_style_edits = True

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        self.config = config
        self.mapping_network = Mapping(config["mapping"])
        self.blocks = nn.ModuleDict()
        self._steps: list[tuple[str, str, int, int]] = []  # block, layer, row of ws, index of noise
        stages: list[StageInfo] = []
        noise_shapes: list[tuple[int, int]] = []
        row = 0
        for block in config["blocks"]:
            name, size = block["name"], tuple(block["size"])
            self.blocks[name] = Block(block, config["w_dim"], config["img_channels"], self.conv_class)
            for layer in ("conv0", "conv1"):
                if not block.get(layer):
                    continue
                index = -1
                if block[layer].get("noise", True):
                    index = len(noise_shapes)
                    noise_shapes.append(size)
                self._steps.append((name, layer, row, index))
                stages.append(StageInfo(f"{name}.{layer}", size, (row,), (index,) if index >= 0 else ()))
                row += 1
            if block.get("torgb"):
                self._steps.append((name, "torgb", row, -1))
                stages.append(StageInfo(f"{name}.torgb", size, (row,)))
        self.stages, self.noise_shapes = tuple(stages), tuple(noise_shapes)
        height, width = stages[-1].resolution
        self.info = GeneratorInfo(
            architecture=self.architecture,
            family=self.family,
            z_dim=config["mapping"]["z_dim"],
            w_dim=config["w_dim"],
            c_dim=config["mapping"]["c_dim"],
            num_ws=config["num_ws"],
            img_resolution=max(height, width),
            img_channels=config["img_channels"],
            img_size=(height, width),
            has_noise=bool(noise_shapes),
        )

    @property
    def mean_latent(self) -> Tensor:
        """The running mean of w, (w_dim,)."""
        return self.mapping_network.w_avg

    def _map(self, z: Tensor, c: Tensor | None) -> Tensor:
        w: Tensor = self.mapping_network(z, c)
        return w[:, None].expand(-1, self.info.num_ws, -1)

    def run_stage(self, index: int, state: State, inputs: Inputs) -> State:
        """One layer: a convolution moves the features on, a ToRGB adds to the picture."""
        name, layer, row, noise_index = self._steps[index]
        stage_info = self.stages[index]
        stage, block = stage_info.name, self._block(name)
        w = inputs.ws[:, row]
        x, img = state
        if layer == "torgb":
            assert x is not None
            y = block.torgb(x, w, inputs, stage)
            return State(x, y if img is None else self._upsample_picture(img, block.torgb) + y)
        if x is None:
            x = self._first_features(block, w)
        x = x.to(dtype=self._feature_dtype(stage_info), memory_format=torch.channels_last)
        if hasattr(block, "skip") and layer == "conv0":
            # The residual branch rides in the picture's place, empty until the very last layer.
            return State(getattr(block, layer)(x, w, inputs, stage, noise_index), block.skip(x))
        y = getattr(block, layer)(x, w, inputs, stage, noise_index)
        if hasattr(block, "skip"):
            assert img is not None
            return State(y + img, None)
        return State(y, img)

    def _feature_dtype(self, stage: StageInfo) -> torch.dtype:
        """As published, 16 bits of small range serve the last four resolutions only."""
        is_coarse = 16 * max(stage.resolution) < 2 * self.info.img_resolution
        return torch.float32 if self.compute_dtype == torch.float16 and is_coarse else self.compute_dtype

    def _block(self, name: str) -> Block:
        block = self.blocks[name]
        assert isinstance(block, Block)
        return block

    def _first_features(self, block: Block, w: Tensor) -> Tensor:
        """What the first convolution reads: (N, C, H, W)."""
        return block.const.expand(len(w), -1, -1, -1)

    def _upsample_picture(self, img: Tensor, torgb: ToRGB) -> Tensor:
        return upsample2d(img, torgb.resample_filter)

    def gives_picture(self, index: int) -> bool:
        """Skip generators have a picture after every ToRGB."""
        return self._steps[index][1] == "torgb"

    def style_weights(self) -> list[StyleWeight]:
        """The affines of every convolution and ToRGB, in order of execution."""
        weights = []
        for stage, (name, layer, row, _) in zip(self.stages, self._steps, strict=True):
            affine = getattr(self._block(name), layer).affine
            weights.append(StyleWeight(stage.name, row, affine.weight.detach() * affine.weight_gain))
        return weights


def build(config: dict[str, Any]) -> Generator:
    """The network of a config.

    Args:
        config: "w_dim", "num_ws", "img_channels", "architecture" ("skip", "resnet", "orig");
            "mapping": see `Mapping`; "blocks": a list of {"name", "size" (height, width), "const"
            (channels, height, width) in the first, "conv0", "conv1", "torgb", "skip": keyword
            arguments of those layers, or absent}.
    """
    return StyleGAN2(config)
