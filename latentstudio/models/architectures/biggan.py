"""BigGAN's network: plain and deep residual blocks, attention anywhere, z whole or in chunks.

Owns the network for every checkpoint that is BigGAN underneath; the `biggan_*` files beside it read
the checkpoints and give the `config` that `build` takes. There is no mapping: row 0 of ws feeds the
first linear layer, and each block reads a row of its own, columns of z first, then those of the
class; so styles and classes mix block by block. Trainable.

Source: Brock et al., "Large Scale GAN Training for High Fidelity Natural Image Synthesis" (section
3, hierarchical latents and shared embeddings; section 3.1, truncation; appendix B).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from latentstudio.models.architectures.residual_layers import (
    DeepBlock,
    Norm,
    PlainBlock,
    SelfAttention,
    statistics_position,
)
from latentstudio.models.generator import Generator, GeneratorInfo, Inputs, StageInfo, State, StyleWeight


class BigGAN(Generator):
    """The network; see `build` for the config."""

    architecture = "biggan"

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        self.config = config
        self.classes, embed_dim = int(config.get("classes", 0)), int(config.get("embed_dim", 0))
        self.slots = int(config.get("slots", 1))
        chunk = int(config["z_dim"]) // self.slots
        w_dim = chunk + (embed_dim or self.classes)
        self.first, cond = slice(*config["first"]), config.get("cond")
        self.cond = slice(*cond) if cond else None
        self.truncated_columns = chunk if w_dim > chunk else None
        channels, height, width = self.bottom = tuple(config["bottom"])
        if embed_dim:
            # Not normal: on the meta device torch imports a second's worth of compiler for that.
            self.embedding = nn.Parameter(torch.empty(self.classes, embed_dim).uniform_(-1, 1))
        self.linear = nn.Linear(self.first.stop - self.first.start, channels * height * width)
        self.blocks = nn.ModuleList()
        self._steps: list[tuple[str, int, int]] = [("linear", -1, 0)]  # kind, index of block, row of ws
        stages = [StageInfo("linear", (height, width), (0,))]
        many = int(config.get("n_stats", 1)) > 1
        for index, block in enumerate(config["blocks"]):
            if block["kind"] == "attention":
                self.blocks.append(SelfAttention(*block["channels"]))
                self._steps.append(("attention", index, -1))
                # Named after the block it follows.
                name = f"attention{stages[-1].name.removeprefix('block').removeprefix('linear')}"
                stages.append(StageInfo(name, (height, width), ()))
                continue
            self.blocks.append(self._block(block))
            if block["up"]:
                height, width = height * 2, width * 2
            count = sum(kind == "block" for kind, _, _ in self._steps)
            row = count + 1 if self.cond else -1
            self._steps.append(("block", index, row))
            rows = (row,) if self.cond else ()
            stages.append(StageInfo(f"block{count}", (height, width), rows, reads_truncation=many))
        self.head_norm = Norm(config["head_channels"], 0, **self._norm_options(config["head_eps"]))
        self.head = nn.Conv2d(config["head_channels"], config["img_channels"], 3, padding=1)
        self._steps.append(("head", -1, -1))
        self.stages = (*stages, StageInfo("head", (height, width), (), reads_truncation=many))
        self.info = GeneratorInfo(
            architecture=self.architecture,
            family=str(config["family"]),
            z_dim=int(config["z_dim"]),
            w_dim=w_dim,
            # Where there is only one class there is nothing to choose.
            c_dim=self.classes if self.classes > 1 else 0,
            num_ws=1 + sum(kind == "block" for kind, _, _ in self._steps) if self.cond else 1,
            img_resolution=max(height, width),
            img_channels=int(config["img_channels"]),
            img_size=(height, width),
            has_noise=False,
            has_mapping=False,
            truncates_in_synthesis=many,
        )

    def _norm_options(self, eps: float) -> dict[str, Any]:
        config = self.config
        return {
            "n_stats": int(config.get("n_stats", 1)),
            "eps": float(eps),
            "plus_one": bool(config.get("plus_one", True)),
            "gain_adds": bool(config.get("gain_adds", False)),
            "counters": bool(config.get("counters", False)),
            "standing": bool(config.get("standing_stats", False)),
        }

    def _block(self, block: dict[str, Any]) -> nn.Module:
        before, between, after = (int(n) for n in block["channels"])
        cond_dim = self.cond.stop - self.cond.start if self.cond else 0
        deep = block["kind"] == "deep"
        options = self._norm_options(self.config["bn_eps"])
        norms = [Norm(c, cond_dim, **options) for c in [before] + [between] * (3 if deep else 1)]
        channels, up = (before, between, after), bool(block["up"])
        if deep:
            return DeepBlock(norms, channels, up=up)
        mode = str(self.config.get("upsampling", "nearest"))
        return PlainBlock(norms, channels, up=up, shortcut=bool(block["shortcut"]), mode=mode)

    def _map(self, z: Tensor, c: Tensor | None) -> Tensor:
        rows = self.info.num_ws
        parts = [z.reshape(len(z), self.slots, -1).expand(-1, rows, -1)]
        if self.classes:
            if c is None:
                c = torch.ones((len(z), 1), device=z.device)
            y = c @ self.embedding if hasattr(self, "embedding") else c
            parts.append(y[:, None].expand(-1, rows, -1))
        return torch.cat(parts, 2)

    def inputs(self, ws: Any, noise_mode: str = "const", **others: Any) -> Inputs:
        """See `Generator.inputs`; where psi picks the statistics it must be in (0, 1]."""
        if self.info.truncates_in_synthesis:
            statistics_position(float(others.get("truncation_psi", 1.0)), 2)
        return super().inputs(ws, noise_mode, **others)

    def run_stage(self, index: int, state: State, inputs: Inputs) -> State:
        """The first linear layer, one block, one attention, or the head."""
        kind, block, row = self._steps[index]
        psi = inputs.truncation_psi
        if kind == "linear":
            return State(self.linear(inputs.ws[:, 0, self.first]).reshape(-1, *self.bottom))
        x = state.x
        assert x is not None
        if kind == "head":
            return State(x, self.squash(self.head(self.head_norm(x, None, psi))))
        if kind == "attention":
            return State(self.blocks[block](x))
        y = inputs.ws[:, row, self.cond] if self.cond else None
        return State(self.blocks[block](x, y, psi))

    def squash(self, x: Tensor) -> Tensor:
        """The last step, which bounds the picture."""
        return torch.tanh(x)

    def to_uint8(self, img: Tensor) -> Tensor:
        """(N, C, H, W) to uint8, with as many levels as the original spreads the range over."""
        levels = self.config.get("levels")
        if levels is None:
            return super().to_uint8(img)
        return ((img + 1) / 2 * float(levels)).clamp(0, 255).to(torch.uint8)

    def style_weights(self) -> list[StyleWeight]:
        """What reads z: the first layer, and every norm's maps where z reaches the blocks.

        Columns of the class are zero, so that a direction found here keeps the class.
        """
        known = self.truncated_columns or self.info.w_dim
        weights = [StyleWeight("linear", 0, self._in_row(self.linear.weight, self.first, known))]
        for stage, (kind, block, row) in zip(self.stages, self._steps, strict=True):
            if kind != "block" or self.cond is None or self.cond.start >= known:
                continue
            for norm in self.blocks[block].modules():
                if isinstance(norm, Norm):
                    style = torch.cat([norm.gain, norm.bias])
                    weights.append(StyleWeight(stage.name, row, self._in_row(style, self.cond, known)))
        return weights

    def _in_row(self, weight: Tensor, columns: slice, known: int) -> Tensor:
        """A weight that reads some columns of a row, as one that reads the whole row."""
        whole = weight.new_zeros((len(weight), self.info.w_dim))
        whole[:, columns] = weight.detach()
        whole[:, known:] = 0
        return whole


def build(config: dict[str, Any]) -> Generator:
    """The network of a config.

    Args:
        config: "family"; "z_dim"; "slots": chunks that z is cut into, one for each row of ws;
            "classes": their number, 0 for none; "embed_dim": length of a class's embedding, 0 where
            the class vector itself is read; "first" and "cond": columns (start, stop) of a row that
            the first layer and the blocks read, "cond" None where the norms are constant; "bottom":
            (channels, height, width); "blocks": a list of {"kind" ("plain", "deep", "attention"),
            "channels", "up", "shortcut"}; "upsampling"; "head_channels"; "img_channels"; "bn_eps",
            "head_eps"; "n_stats", "plus_one", "gain_adds", "counters", "standing_stats": see `Norm`;
            "levels": of `to_uint8`.
    """
    return BigGAN(config)
