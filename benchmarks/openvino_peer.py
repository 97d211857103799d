"""OpenVINO beside ours, where its package is installed: `pip install latentstudio[openvino]`.

Two things: MobileStyleGAN's published graph in the engine it was published for (`--demo-graphs` points at
the folder with SynthesisNetwork.xml), and our StyleGAN2 written as a graph of OpenVINO's own operations,
the way that measured best there: activations scaled by style, constant weights, transposed convolutions.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from latentstudio.models.generator import Generator

GRAPH = "SynthesisNetwork.xml"


def is_installed() -> bool:
    """Whether OpenVINO is there to be measured."""
    try:
        import openvino  # noqa: F401
    except ImportError:
        return False
    return True


class Engine:
    """A compiled graph that draws one fixed picture again and again.

    Args:
        model: the graph, or the path of its XML file.
        values: what its inputs get, in order.
        precision: "f32" or "bf16".
    """

    def __init__(self, model: Any, values: list[np.ndarray], precision: str) -> None:
        import openvino

        core = openvino.Core()
        options = {
            "INFERENCE_PRECISION_HINT": precision,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        }
        started = time.perf_counter()
        self._request = core.compile_model(model, "CPU", options).create_infer_request()
        self.compile_s = time.perf_counter() - started
        # The engine reads this memory at every frame.
        self._values = [np.ascontiguousarray(value, np.float32) for value in values]
        for index, value in enumerate(self._values):
            self._request.set_input_tensor(index, openvino.Tensor(value))

    def frame(self) -> None:
        """Draw once."""
        self._request.infer()

    @property
    def picture(self) -> torch.Tensor:
        """What was drawn last."""
        return torch.from_numpy(np.array(self._request.get_output_tensor(0).data))


def engines(name: str, network: Generator, ws: torch.Tensor, demo: Path | None) -> dict[str, Engine]:
    """The engines that can draw what `network` draws, by the name of their row."""
    if not is_installed():
        return {}
    if name.startswith("stylegan2 "):
        make: Callable[[str], Engine] = lambda p: Engine(*stylegan2_graph(network, ws), p)  # noqa: E731
    elif demo is not None and network.info.architecture == "mobile-stylegan":
        path = str(demo / GRAPH)
        make = lambda p: Engine(path, [ws[:, 0].numpy()], p)  # noqa: E731
    else:
        return {}
    return {f"{name} OpenVINO {precision}": make(precision) for precision in ("f32", "bf16")}


def stylegan2_graph(network: Generator, ws: torch.Tensor) -> tuple[Any, list[np.ndarray]]:
    """A skip StyleGAN2 as an OpenVINO graph, and the values of its inputs: styles, factors, noise."""
    import openvino
    from openvino import opset13 as op

    inputs, parameters, values = network.inputs(ws), [], []

    def given(value: torch.Tensor) -> Any:
        values.append(value.numpy())
        parameters.append(op.parameter(list(value.shape), np.float32))
        return parameters[-1]

    def fixed(value: Any) -> Any:
        return op.constant(np.ascontiguousarray(value, np.float32))

    x = img = None
    ones, none, pair = [1, 1], [0, 0], [2, 2]
    for name, layer, row, noise_index in network._steps:  # type: ignore[union-attr]
        block = network._block(name)  # type: ignore[operator]
        module = getattr(block, layer)
        style, weight = module.affine(ws[:, row]), module.weight.detach()
        out, inside = weight.shape[:2]
        if x is None:
            x = fixed(block.const.detach()[None])
        if layer == "torgb":
            scaled = op.multiply(x, given((style * module.weight_gain).reshape(1, inside, 1, 1)))
            y = op.convolution(scaled, fixed(weight), ones, none, none, ones)
            y = op.add(y, fixed(module.bias.detach().reshape(1, -1, 1, 1)))
            if img is not None:
                kernel = np.zeros((3, 3, 4, 4), np.float32)
                kernel[range(3), range(3)] = module.resample_filter.numpy() * 4
                y = op.add(y, op.convolution_backprop_data(img, fixed(kernel), pair, None, ones, ones))
            img = y
            continue
        factor = (style.square() @ module._energy().t() + 1e-8).rsqrt() * module.gain
        x = op.multiply(x, given(style.reshape(1, inside, 1, 1)))
        if module.up == 1:
            x = op.convolution(x, fixed(weight), ones, ones, ones, ones)
        else:
            x = op.convolution_backprop_data(x, fixed(weight.transpose(0, 1)), pair, None, none, none)
            taps = np.tile(module.resample_filter.numpy() * 4, (out, 1, 1, 1, 1))
            x = op.group_convolution(x, fixed(taps), ones, ones, ones, ones)
        noise = inputs.noise(noise_index, module.noise_const, *module.resolution)
        assert noise is not None
        noise = noise * (module.noise_strength * module.gain)
        x = op.multiply(x, given(factor.reshape(1, out, 1, 1)))
        x = op.add(x, fixed((module.bias * module.gain).detach().reshape(1, out, 1, 1)))
        x = op.add(x, given(noise.reshape(1, 1, *module.resolution)))
        x = op.prelu(x, fixed([module.slope]))
        if module.clamp is not None:
            x = op.clamp(x, -module.clamp, module.clamp)
    return openvino.Model([img], parameters), values
