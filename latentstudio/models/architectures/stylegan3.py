"""StyleGAN3's network, configurations T and R: mapping, Fourier input, alias-free layers.

Owns the network for every checkpoint that is StyleGAN3 underneath; reading is done in
`stylegan3_nvidia`, which gives the `config` that `build` takes. Trainable.

Source: Karras et al., "Alias-Free Generative Adversarial Networks".
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from latentstudio.models.architectures.stylegan2_layers import Mapping
from latentstudio.models.architectures.stylegan3_layers import FourierInput, SynthesisLayer
from latentstudio.models.generator import Generator, GeneratorInfo, Inputs, StageInfo, State, StyleWeight


class StyleGAN3(Generator):
    """The network; see `build` for the config."""

    has_style_edits = True

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        self.config = config
        w_dim = config["w_dim"]
        self.mapping_network = Mapping(config["mapping"])
        self.input = FourierInput(w_dim, **config["input"])
        self.layers = nn.ModuleDict(
            {name: SynthesisLayer(w_dim=w_dim, **layer) for name, layer in config["layers"]}
        )
        stages = [StageInfo("input", self.input.size, (0,), reads_transform=True)]
        for row, (name, _) in enumerate(config["layers"], 1):
            stages.append(StageInfo(name, self._layer(name).size, (row,)))
        self.stages = tuple(stages)
        self.output_scale = float(config["output_scale"])
        height, width = stages[-1].resolution
        self.info = GeneratorInfo(
            architecture="stylegan3",
            family="StyleGAN3",
            z_dim=config["mapping"]["z_dim"],
            w_dim=w_dim,
            c_dim=config["mapping"]["c_dim"],
            num_ws=len(stages),
            img_resolution=max(height, width),
            img_channels=config["layers"][-1][1]["out_channels"],
            img_size=(height, width),
            has_noise=False,
            has_transform=True,
        )

    @property
    def mean_latent(self) -> Tensor:
        """The running mean of w, (w_dim,)."""
        return self.mapping_network.w_avg

    def _map(self, z: Tensor, c: Tensor | None) -> Tensor:
        w: Tensor = self.mapping_network(z, c)
        return w[:, None].expand(-1, self.info.num_ws, -1)

    def run_stage(self, index: int, state: State, inputs: Inputs) -> State:
        """The Fourier input, or one layer; the last leaves its features and the picture."""
        w = inputs.ws[:, index]
        if index == 0:
            x: Tensor = self.input(w, inputs.transform)
            return State(x.to(dtype=self.compute_dtype, memory_format=torch.channels_last))
        assert state.x is not None
        name = self.stages[index].name
        x = self._layer(name)(state.x, w, inputs, name)
        return State(x, x.float() * self.output_scale if index == len(self.stages) - 1 else None)

    def picture_share(self, index: int) -> tuple[float, float]:
        """The features reach beyond the picture by a margin that the filters need."""
        rate = self.input.sampling_rate
        for stage in self.stages[1 : index + 1]:
            layer = self._layer(stage.name)
            rate *= layer.up / layer.down
        height, width = self.stages[index].resolution
        return min(rate / height, 1.0), min(rate / width, 1.0)

    def style_weights(self) -> list[StyleWeight]:
        """The affines of every layer; that of the input holds a movement, not a style, and is left out."""
        weights = []
        for row, stage in enumerate(self.stages[1:], 1):
            affine = self._layer(stage.name).affine
            weights.append(StyleWeight(stage.name, row, affine.weight.detach() * affine.weight_gain))
        return weights

    def _layer(self, name: str) -> SynthesisLayer:
        layer = self.layers[name]
        assert isinstance(layer, SynthesisLayer)
        return layer


def build(config: dict[str, Any]) -> Generator:
    """The network of a config.

    Args:
        config: "w_dim", "output_scale"; "mapping": see `stylegan2.Mapping`; "input": keyword
            arguments of FourierInput; "layers": pairs of a name and the keyword arguments of a
            SynthesisLayer, in order of execution.
    """
    return StyleGAN3(config)
