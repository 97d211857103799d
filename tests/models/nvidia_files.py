"""Small generators in the layout of NVIDIA's persistent pickles, made of nothing but random arrays.

Stand-ins for the original classes are pickled by Python's own pickle, so tensors, storages and
protocols come out as they do in the originals' files.
"""

from __future__ import annotations

import pickle
import sys
import warnings
from collections import OrderedDict
from contextlib import contextmanager
from types import ModuleType

import numpy as np
import torch

from latentstudio.models.generator import State


def _reconstruct_persistent_obj(meta):
    raise AssertionError("a checkpoint is data")


_reconstruct_persistent_obj.__module__ = "torch_utils.persistence"


class EasyDict(dict):
    pass


EasyDict.__module__, EasyDict.__qualname__ = "dnnlib.util", "EasyDict"


class Module:
    """A persistent module: parameters, buffers (None for an absent one), children, attributes."""

    def __init__(self, class_name, parameters=(), buffers=(), children=(), **attributes):
        self.class_name = class_name
        self.parameters, self.buffers = dict(parameters), dict(buffers)
        self.children, self.attributes = dict(children), attributes

    def __reduce__(self):
        parameters = OrderedDict(
            (name, torch.nn.Parameter(value, requires_grad=False)) for name, value in self.parameters.items()
        )
        state = {
            "training": False,
            "_parameters": parameters,
            "_buffers": OrderedDict(self.buffers),
            "_non_persistent_buffers_set": set(),
            "_backward_hooks": OrderedDict(),
            "_modules": OrderedDict(self.children),
            **self.attributes,
            "_init_args": (),
            "_init_kwargs": EasyDict(self.attributes),
        }
        meta = {
            "type": "class",
            "version": 6,
            "module_src": "# omitted",
            "class_name": self.class_name,
            "state": state,
        }
        return _reconstruct_persistent_obj, (meta,)

    def find(self, path):
        """A module inside this one, by dotted path."""
        found = self
        for name in path.split(".") if path else []:
            found = found.children[name]
        return found


@contextmanager
def stand_ins():
    """The names under which the originals are pickled, for as long as this is open."""
    persistence, util = ModuleType("torch_utils.persistence"), ModuleType("dnnlib.util")
    persistence._reconstruct_persistent_obj = _reconstruct_persistent_obj
    util.EasyDict = EasyDict
    modules = {
        "torch_utils": ModuleType("torch_utils"),
        "torch_utils.persistence": persistence,
        "dnnlib": ModuleType("dnnlib"),
        "dnnlib.util": util,
    }
    before = {name: sys.modules.get(name) for name in modules}
    sys.modules.update(modules)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of storages, which torch itself writes this way
            yield
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def write(path, root, protocol=4):
    """Write a file as the originals' training loops do; `root` may be a generator alone."""
    with stand_ins():
        path.write_bytes(pickle.dumps(root, protocol=protocol))
    return path


def write_with_torch(path, root):
    """Write a generator as those do who tune it: with torch.save."""
    with stand_ins():
        torch.save(root, path)
    return path


def whole(generator):
    """The root of a training snapshot."""
    return EasyDict(
        G=generator, D=Module("Discriminator"), G_ema=generator, augment_pipe=None, training_set_kwargs={}
    )


class Random:
    """Random arrays, every one of them away from 0 and 1, so that a forgotten term shows."""

    def __init__(self, seed):
        self.source = torch.Generator().manual_seed(seed)

    def normal(self, *shape, mean=0.0, std=1.0):
        return torch.randn(shape, generator=self.source) * std + mean

    def filter(self, *shape):
        """Low-pass taps, a sixth of them within a period, without symmetry; their sum is one."""
        lines = [
            np.sinc((np.arange(n) - (n - 1) / 2) / max(n / 6, 1)) * np.hanning(n + 2)[1:-1] for n in shape
        ]
        taps = torch.from_numpy(lines[0] if len(shape) == 1 else np.outer(*lines)).float()
        taps = taps + 0.03 * torch.randn(shape, generator=self.source)
        return taps / taps.sum()

    def linear(self, in_features, out_features, *, activation="linear", lr=1.0, mean=0.0, std=1.0):
        return Module(
            "FullyConnectedLayer",
            {
                "weight": self.normal(out_features, in_features, std=std / lr),
                "bias": self.normal(out_features, mean=mean / lr, std=0.3 / lr),
            },
            activation=activation,
            weight_gain=np.float64(lr / np.sqrt(in_features)),
            bias_gain=lr,
        )

    def mapping(self, z_dim, c_dim, w_dim, num_ws, num_layers, lr=0.01, hidden=None):
        """`hidden` is the width between the layers, and `c_dim` > 0 brings an embedding of the label."""
        hidden = hidden or w_dim
        children = {}
        features = z_dim
        if c_dim:
            children["embed"] = self.linear(c_dim, w_dim)
            features += w_dim
        for i in range(num_layers):
            width = w_dim if i == num_layers - 1 else hidden
            children[f"fc{i}"] = self.linear(features, width, activation="lrelu", lr=lr)
            features = width
        return Module(
            "MappingNetwork",
            buffers={"w_avg": self.normal(w_dim, std=0.5)},
            children=children,
            z_dim=z_dim,
            c_dim=c_dim,
            w_dim=w_dim,
            num_ws=num_ws,
            num_layers=num_layers,
            w_avg_beta=0.998,
        )


def generator(mapping, synthesis, **attributes):
    """A Generator of its two parts."""
    own = mapping.attributes
    return Module(
        "Generator",
        children={"synthesis": synthesis, "mapping": mapping},
        **{key: own[key] for key in ("z_dim", "c_dim", "w_dim", "num_ws")},
        **attributes,
    )


def same(result, expected, tolerance=2e-5):
    """Whether float32 gave what float64 gave, measured against the largest value."""
    scale = max(float(expected.abs().max()), 1e-3)
    torch.testing.assert_close(result.detach().double() / scale, expected / scale, atol=tolerance, rtol=0)


# --- the mathematics that both networks share, said slowly and in float64 ---------------------------


def plain_linear(module, x):
    weight = module.parameters["weight"].double() * float(module.attributes["weight_gain"])
    x = x @ weight.t() + module.parameters["bias"].double() * module.attributes["bias_gain"]
    return torch.where(x > 0, x, 0.2 * x) * 2**0.5 if module.attributes["activation"] == "lrelu" else x


def plain_mapping(module, z, c=None):
    """w (N, w_dim) of z (N, z_dim)."""

    def unit(x):
        return x / (x.square().mean(1, keepdim=True) + 1e-8).sqrt()

    x = unit(z.double())
    if c is not None and module.attributes["c_dim"]:
        x = torch.cat([x, unit(plain_linear(module.children["embed"], c.double()))], 1)
    for i in range(module.attributes["num_layers"]):
        x = plain_linear(module.children[f"fc{i}"], x)
    return x


def plain_resample(x, taps, up=1, down=1, padding=(0, 0, 0, 0), gain=1.0):
    """Zeros between the samples, padding or cropping, a true convolution, every `down`-th sample.

    The convolution is written as a sum of shifted pictures, one for each tap.
    """
    taps = taps.double()
    n, channels, height, width = x.shape
    spread = torch.zeros(n, channels, height * up, width * up, dtype=torch.float64)
    spread[:, :, ::up, ::up] = x
    left, right, top, bottom = padding
    border = 64
    around = torch.zeros(n, channels, height * up + 2 * border, width * up + 2 * border, dtype=torch.float64)
    around[:, :, border:-border, border:-border] = spread
    # What is cropped is gone, even where a tap could still reach it.
    size = (height * up + top + bottom, width * up + left + right)
    area = around[:, :, border - top : border - top + size[0], border - left : border - left + size[1]]
    if taps.ndim == 1:
        gain = gain**0.5
        area = _convolve(_convolve(area, taps[None] * gain), taps[:, None] * gain)
    else:
        area = _convolve(area, taps * gain)
    return area[:, :, ::down, ::down]


def _convolve(area, taps):
    rows, columns = area.shape[2] - taps.shape[0] + 1, area.shape[3] - taps.shape[1] + 1
    result = torch.zeros(*area.shape[:2], rows, columns, dtype=torch.float64)
    for i in range(taps.shape[0]):
        for j in range(taps.shape[1]):
            tap = taps[taps.shape[0] - 1 - i, taps.shape[1] - 1 - j]
            result += tap * area[:, :, i : i + rows, j : j + columns]
    return result


# --- the original's renderer, as far as the references use it -----------------------------------------


def rendered(generator, args):
    """uint8 (H, W, C) and six statistics of what the original's window would show."""
    info = generator.info
    mean = generator.mean_latent

    def moved(seed):
        z = np.random.RandomState(seed).randn(1, info.z_dim).astype(np.float32)
        return generator.mapping(z, None, args.get("trunc_psi", 1), args.get("trunc_cutoff")) - mean

    w = sum(weight * moved(seed) for seed, weight in args["w0_seeds"]).clone()
    if "stylemix_idx" in args:
        w[:, args["stylemix_idx"]] = moved(args["stylemix_seed"])[:, args["stylemix_idx"]]
    inputs, state = generator.inputs(w + mean, transform=args.get("input_transform")), State()
    for index, stage in enumerate(generator.stages):
        state = generator.run_stage(index, state, inputs)
        if stage.name == args.get("layer_name"):
            shown = state.x[0]
            break
    else:
        shown = generator.image(state)[0]
    first = args.get("base_channel", 0)
    chosen = shown[first : first + args.get("sel_channels", 3)]
    statistics = [
        number for kind in ("mean", "std") for number in (getattr(shown, kind)(), getattr(chosen, kind)())
    ]
    statistics += [shown.abs().max(), chosen.abs().max()]
    img = chosen
    if args.get("img_normalize"):
        img = img / img.abs().amax((1, 2), keepdim=True)
    img = img * 10 ** (args.get("img_scale_db", 0) / 20)
    return generator.to_uint8(img).permute(1, 2, 0).numpy(), np.array([float(s) for s in statistics])
