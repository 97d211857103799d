"""StyleGAN2's configurations B to D: modulated convolutions, but a picture grown as in StyleGAN 1.

Owns the fading between two resolutions, and the reader of such files, which exist as TensorFlow
pickles only. Finished networks (lod 0) show their last resolution alone. Trainable.

Sources: Karras et al., "Analyzing and Improving the Image Quality of StyleGAN" (table 1); Karras et
al., "Progressive Growing of GANs" (figure 2, the fading).
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from latentstudio.formats import Contents
from latentstudio.models.architectures.stylegan2 import StyleGAN2
from latentstudio.models.architectures.stylegan2_tensorflow import is_growing, is_stylegan2, read
from latentstudio.models.architectures.tensorflow_networks import style_network
from latentstudio.models.generator import Generator, Inputs, Option, State
from latentstudio.models.spec import NetworkSpec


class GrowingStyleGAN2(StyleGAN2):
    """The network; its config is StyleGAN2's and "lod", how many doublings are still to come."""

    architecture = "stylegan2-growing"
    family = "StyleGAN2 (progressive growing)"

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        names = [block["name"] for block in config["blocks"]]
        lod = min(max(float(config.get("lod", 0.0)), 0.0), float(len(names) - 1))
        self.missing = int(lod)
        self.fade = lod - self.missing
        active = names[: len(names) - self.missing]
        heads = active[-2:] if self.fade else active[-1:]
        kept = [
            i
            for i, (name, layer, _, _) in enumerate(self._steps)
            if name in active and (layer != "torgb" or name in heads)
        ]
        self._steps = [self._steps[i] for i in kept]
        self.stages = tuple(self.stages[i] for i in kept)

    def run_stage(self, index: int, state: State, inputs: Inputs) -> State:
        """One layer; the last head fades from the picture of the resolution below."""
        if self._steps[index][1] != "torgb":
            return super().run_stage(index, state, inputs)
        img = super().run_stage(index, State(state.x, None), inputs).img
        assert img is not None
        if state.img is not None:
            img = img.lerp(_repeat(state.img, 2), self.fade)
        if index == len(self.stages) - 1:
            img = _repeat(img, 2**self.missing)
        return State(state.x, img)

    def gives_picture(self, index: int) -> bool:
        """Only the last head: the others were left behind when the training went on."""
        return index == len(self.stages) - 1


def _repeat(img: Tensor, factor: int) -> Tensor:
    return img.repeat_interleave(factor, 2).repeat_interleave(factor, 3) if factor > 1 else img


def build(config: dict[str, Any]) -> Generator:
    """The network of a config; see `GrowingStyleGAN2`."""
    return GrowingStyleGAN2(config)


def claims(contents: Contents) -> bool:
    """A TensorFlow generator with modulated convolutions and a way to the picture from each resolution."""
    network = style_network(contents)
    return network is not None and is_stylegan2(network) and is_growing(network)


def convert(contents: Contents) -> NetworkSpec:
    """Config and arrays from the generator's variables.

    Raises:
        MismatchError: a part of the network is missing, or it does what this program cannot.
    """
    spec = read(contents, "stylegan2-growing")
    network = style_network(contents)
    assert network is not None
    # A network that was built without growing ignores where the growing stood.
    lod = 0.0 if network.settings.get("structure") == "fixed" else network.lod
    highest = float(len(spec.config["blocks"]) - 1)
    lod = min(max(lod, 0.0), highest)
    return spec.changed(config={**spec.config, "lod": lod}, options=(Option("lod", 0.0, highest, lod),))
