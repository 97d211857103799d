"""Generators that are one stack of plain layers: DCGAN, MLP GANs, WGAN-GP digits and their kin.

Owns the network that a list of steps describes; reading checkpoints is done in `dcgan_sequential` and
`vae_state_dict`, which give that list. Batch norms use their stored statistics always, in training
too. Trainable.

Source: Radford et al., "Unsupervised Representation Learning with Deep Convolutional Generative
Adversarial Networks" (section 3, figure 1); Mirza and Osindero, "Conditional Generative Adversarial
Nets" (labels beside z).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latentstudio.models import packed_conv
from latentstudio.models.generator import Generator, GeneratorInfo, Inputs, StageInfo, State, StyleWeight
from latentstudio.models.layers import KeepsDerived, may_overwrite

WEIGHTED = ("linear", "conv", "deconv")


def activate(x: Tensor, name: str, slope: float = 0.2) -> Tensor:
    """An elementwise activation by name; x may be overwritten where no gradient needs it."""
    if name in ("identity", "none"):
        return x
    if name in ("relu", "lrelu"):
        slope = 0.0 if name == "relu" else slope
        return F.leaky_relu_(x, slope) if may_overwrite(x) else F.leaky_relu(x, slope)
    functions: dict[str, Callable[[Tensor], Tensor]] = {
        "tanh": torch.tanh,
        "sigmoid": torch.sigmoid,
        "elu": F.elu,
        "selu": F.selu,
        "gelu": F.gelu,
        "silu": F.silu,
        "softplus": F.softplus,
    }
    return functions[name](x)


class Step(KeepsDerived):
    """One step of a stack.

    Args:
        step: "op" and its arguments: "linear" (in, out, bias), "conv" and "deconv" (in, out, kernel,
            stride, padding, bias; "deconv" also output_padding), "norm" (features, eps, affine),
            "prelu" (count), "activation" (name, slope), "upsample" (factor, mode), "reshape" (shape).
    """

    def __init__(self, step: dict[str, Any]) -> None:
        super().__init__()
        self.step, self.op = step, str(step["op"])
        if self.op in WEIGHTED:
            inside, out = int(step["in"]), int(step["out"])
            shape: tuple[int, ...] = (out, inside)
            if self.op != "linear":
                kernel = int(step["kernel"])
                shape = ((out, inside) if self.op == "conv" else (inside, out)) + (kernel, kernel)
            self.weight = nn.Parameter(torch.empty(shape))
            self.bias = nn.Parameter(torch.zeros(out)) if step["bias"] else None
        elif self.op == "norm":
            features = int(step["features"])
            if step["affine"]:
                self.weight = nn.Parameter(torch.ones(features))
                self.bias = nn.Parameter(torch.zeros(features))
            self.register_buffer("running_mean", torch.zeros(features))
            self.register_buffer("running_var", torch.ones(features))
        elif self.op == "prelu":
            self.weight = nn.Parameter(torch.full((int(step["count"]),), 0.25))
        elif self.op not in ("activation", "upsample", "reshape"):
            raise ValueError(f'there is no step "{self.op}"')

    def forward(self, x: Tensor) -> Tensor:
        """(N, in) or (N, in, H, W) -> likewise, as the step says."""
        if self.op == "deconv" and x.ndim == 4 and self._is_quicker_packed(x):
            packed = self.kept(f"phases {tuple(x.shape)}", lambda: packed_conv.pack_four_taps(self.weight, x))
            x = packed_conv.convolve_four_taps(x, packed)
            return x if self.bias is None else x + self.bias[:, None, None]
        return apply_step(self.step, x, {**dict(self.named_parameters()), **dict(self.named_buffers())})

    def _is_quicker_packed(self, x: Tensor) -> bool:
        """Whether this is the usual doubling, of few pixels or into few channels."""
        shape = [self.step[name] for name in ("kernel", "stride", "padding", "output_padding")]
        is_small = x.shape[2] * x.shape[3] <= packed_conv.MAX_PHASE_PIXELS or self.weight.shape[1] <= 4
        return shape == [4, 2, 1, 0] and is_small and packed_conv.fits(x, self.weight)


def apply_step(step: dict[str, Any], x: Tensor, arrays: Mapping[str, Tensor]) -> Tensor:
    """One step on x (N, in) or (N, in, H, W) with its "weight", "bias", ... by name; see `Step`."""
    op = step["op"]
    if op == "linear":
        x = x.flatten(1)
        return F.linear(x, arrays["weight"], arrays.get("bias"))
    if op in ("conv", "deconv"):
        x = x[:, :, None, None] if x.ndim == 2 else x
        weight, bias = arrays["weight"], arrays.get("bias")
        stride, padding = int(step["stride"]), int(step["padding"])
        if op == "conv":
            return F.conv2d(x, weight, bias, stride, padding)
        return F.conv_transpose2d(x, weight, bias, stride, padding, int(step["output_padding"]))
    if op == "norm":
        mean, var, eps = arrays["running_mean"], arrays["running_var"], float(step["eps"])
        return F.batch_norm(x, mean, var, arrays.get("weight"), arrays.get("bias"), False, 0.0, eps)
    if op == "prelu":
        return F.prelu(x, arrays["weight"])
    if op == "activation":
        return activate(x, str(step["name"]), float(step.get("slope", 0.2)))
    if op == "upsample":
        mode = str(step.get("mode", "nearest"))
        corners = False if mode == "bilinear" else None
        return F.interpolate(x, scale_factor=float(step["factor"]), mode=mode, align_corners=corners)
    return x.reshape(len(x), *(int(side) for side in step["shape"]))


def group_steps(steps: list[dict[str, Any]]) -> list[list[int]]:
    """Indices of the steps by stage: each layer with weights, what leads to it and what follows it."""
    groups: list[list[int]] = [[]]
    weighted = False
    for index, step in enumerate(steps):
        leads = step["op"] in (*WEIGHTED, "upsample", "reshape")
        if weighted and leads:
            groups.append([])
            weighted = False
        groups[-1].append(index)
        weighted = weighted or step["op"] in WEIGHTED
    if not weighted and len(groups) > 1:  # a reshape at the very end is no stage of its own
        groups[-2].extend(groups.pop())
    return groups


class SequentialGenerator(Generator):
    """The network; see `build` for the config."""

    architecture = "dcgan"

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        self.config = config
        self.family = str(config["family"])
        steps = config["steps"]
        self.steps = nn.ModuleList(Step(step) for step in steps)
        self.label = str(config.get("label", "none"))
        # Where labels join z as they are, how many there are may be set when the file is loaded.
        c_dim = int(config["classes"]) if self.label in ("none", "after", "before") else 0
        z_dim = int(config["inputs"]) - c_dim
        if config.get("embedding"):
            c_dim, width = (int(n) for n in config["embedding"])
            self.embedding = nn.Parameter(torch.empty(c_dim, width))
            z_dim = int(config["inputs"]) - (0 if self.label == "times" else width)
        if z_dim < 1:
            raise ValueError(f"{c_dim} classes leave no z")
        self.truncated_columns = z_dim if c_dim else None
        self._groups = group_steps(steps)
        height, width = (int(side) for side in config["img_size"])
        self._lay_out_stages(steps)
        self.info = GeneratorInfo(
            architecture=self.architecture,
            family=self.family,
            z_dim=z_dim,
            w_dim=z_dim + c_dim,
            c_dim=c_dim,
            num_ws=1,
            img_resolution=max(height, width),
            img_channels=int(config["img_channels"]),
            img_size=(height, width),
            has_noise=False,
            has_mapping=False,
        )

    def _lay_out_stages(self, steps: list[dict[str, Any]]) -> None:
        stages = []
        size = (1, 1)
        for number, group in enumerate(self._groups):
            for index in group:
                size = size_after(steps[index], size)
            layer = next((steps[i]["op"] for i in group if steps[i]["op"] in WEIGHTED), "reshape")
            stages.append(StageInfo(f"{layer}{number}", size, (0,) if number == 0 else ()))
        self.stages = tuple(stages)

    def _map(self, z: Tensor, c: Tensor | None) -> Tensor:
        """One row of ws: z and, for conditional models, the class weights after it."""
        return (z if c is None else torch.cat([z, c], 1))[:, None]

    def _read(self, w: Tensor) -> Tensor:
        """What the first layer reads (N, inputs), from a row of ws (N, z_dim + c_dim)."""
        z, c = w[:, : self.info.z_dim], w[:, self.info.z_dim :]
        if self.config.get("embedding"):
            c = c @ self.embedding
        if self.label == "times":
            return z * c
        return torch.cat([c, z] if self.label.endswith("before") else [z, c], 1)

    def run_stage(self, index: int, state: State, inputs: Inputs) -> State:
        """One layer with its normalisation and activation."""
        x = self._read(inputs.ws[:, 0]) if index == 0 else state.x
        assert x is not None
        for number in self._groups[index]:
            x = self.steps[number](x)
        if x.ndim == 2:
            x = x[:, :, None, None]  # vectors travel as maps of one pixel
        return State(x, x if index == len(self.stages) - 1 else None)

    def style_weights(self) -> list[StyleWeight]:
        """What reads z: the first layer, as SeFa factorises it for such families."""
        if self.label == "times" or self.config.get("embedding"):
            return []  # the class weights come through an embedding, not through one matrix
        step = next(s for s in self.steps if isinstance(s, Step) and s.op in WEIGHTED)
        weight = step.weight.detach()
        if step.op == "deconv":
            weight = weight.flatten(1).t()  # (out k k, in)
        elif step.op == "conv":
            weight = weight.permute(0, 2, 3, 1).flatten(0, 2)
        if self.label == "before":
            weight = torch.roll(weight, -self.info.c_dim, dims=1)
        return [StyleWeight(self.stages[0].name, 0, weight)]

    @property
    def img_range(self) -> tuple[float, float]:
        """The range [0, 1] where the last activation is a sigmoid, else [-1, 1]."""
        last = [step["name"] for step in self.config["steps"] if step["op"] == "activation"][-1:]
        return (0.0, 1.0) if last == ["sigmoid"] else (-1.0, 1.0)

    def to_uint8(self, img: Tensor) -> Tensor:
        """Sigmoid pictures are rounded, others converted as usual."""
        if self.img_range == (0.0, 1.0):
            return (img * 255 + 0.5).clamp(0, 255).to(torch.uint8)
        return super().to_uint8(img)


def size_after(step: dict[str, Any], size: tuple[int, int]) -> tuple[int, int]:
    """(height, width) after a step."""
    op = step["op"]
    if op == "reshape":
        return (int(step["shape"][1]), int(step["shape"][2]))
    if op == "upsample":
        return (size[0] * int(step["factor"]), size[1] * int(step["factor"]))
    if op not in ("conv", "deconv"):
        return size
    kernel, stride, padding = int(step["kernel"]), int(step["stride"]), int(step["padding"])
    if op == "conv":
        height, width = ((side + 2 * padding - kernel) // stride + 1 for side in size)
    else:
        grow = kernel + int(step["output_padding"]) - 2 * padding
        height, width = ((side - 1) * stride + grow for side in size)
    return (height, width)


def build(config: dict[str, Any]) -> Generator:
    """The network of a config.

    Args:
        config: "family"; "inputs": what the first layer reads; "classes": how many of them are a
            one-hot label; "label": "none", "after" or "before" (the label as it is, on that side of z),
            "embedded after", "embedded before", "times" (its embedding, beside z or multiplied with
            it); "embedding": (classes, width) or absent; "steps": see `Step`; "img_channels"; "img_size"
            (height, width).
    """
    return SequentialGenerator(config)
