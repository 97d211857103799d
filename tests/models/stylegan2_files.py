"""Small StyleGAN2 generators in NVIDIA's layout, and their mathematics said once more and slowly."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from nvidia_files import Module, Random, generator, plain_linear, plain_resample


def binomial(taps):
    """A filter as the original stores it: two-dimensional below eight taps."""
    line = torch.tensor([float(math.comb(taps - 1, i)) for i in range(taps)])
    line = line / line.sum()
    return line if taps >= 8 else torch.outer(line, line)


def make(
    channels=(10, 8, 6),
    *,
    architecture="skip",
    taps=4,
    lopsided=False,
    clamp=256,
    noise=True,
    c_dim=0,
    z_dim=8,
    w_dim=8,
    mapping_layers=3,
    img_channels=3,
    const=(4, 4),
    fp16_from=None,
    seed=0,
):
    """A random Generator; `channels` are the features at `const`, twice that, ..."""
    random = Random(seed)
    kernel = random.filter(*binomial(taps).shape) if lopsided else binomial(taps)
    count = len(channels)
    num_ws = 2 * count
    children = {}

    def conv(before, width, size, up):
        parameters = {
            "weight": random.normal(width, before, 3, 3),
            "bias": random.normal(width, std=0.3),
        }
        buffers = {"resample_filter": kernel if up > 1 else binomial(4)}
        if noise:
            parameters["noise_strength"] = random.normal(std=0.3)
            buffers["noise_const"] = random.normal(*size)
        return Module(
            "SynthesisLayer",
            parameters,
            buffers,
            {"affine": random.linear(w_dim, before, mean=1.0, std=0.5)},
            w_dim=w_dim,
            resolution=size[0],
            up=up,
            use_noise=noise,
            activation="lrelu",
            conv_clamp=clamp,
            padding=1,
            act_gain=2**0.5,
        )

    for i, width in enumerate(channels):
        size, last = (const[0] * 2**i, const[1] * 2**i), i == count - 1
        parts = {}
        if i:
            parts["conv0"] = conv(channels[i - 1], width, size, 2)
        parts["conv1"] = conv(width, width, size, 1)
        if last or architecture == "skip":
            parts["torgb"] = Module(
                "ToRGBLayer",
                {
                    "weight": random.normal(img_channels, width, 1, 1),
                    "bias": random.normal(img_channels, std=0.3),
                },
                children={"affine": random.linear(w_dim, width, mean=1.0, std=0.5)},
                conv_clamp=clamp,
                weight_gain=1 / math.sqrt(width),
            )
        if i and architecture == "resnet":
            parts["skip"] = Module(
                "Conv2dLayer",
                {"weight": random.normal(width, channels[i - 1], 1, 1)},
                {"resample_filter": kernel},
                activation="linear",
                up=2,
                down=1,
                conv_clamp=None,
                weight_gain=1 / math.sqrt(channels[i - 1]),
                act_gain=1,
            )
        half = fp16_from is not None and i >= fp16_from
        children[f"b{const[0] * 2**i}"] = Module(
            "SynthesisBlock",
            {} if i else {"const": random.normal(width, *const)},
            {"resample_filter": kernel},
            parts,
            resolution=size[0],
            architecture=architecture,
            use_fp16=half,
            channels_last=half,
            num_conv=1 + bool(i),
            num_torgb=int(last or architecture == "skip"),
            is_last=last,
        )
    synthesis = Module(
        "SynthesisNetwork",
        children=children,
        w_dim=w_dim,
        num_ws=num_ws,
        img_resolution=const[0] * 2 ** (count - 1),
        img_channels=img_channels,
    )
    return generator(random.mapping(z_dim, c_dim, w_dim, num_ws, mapping_layers), synthesis)


def plain_conv(module, x, w, noise, gain=1.0):
    """Modulate, demodulate and convolve sample by sample, after upsampling by the filter."""
    own, weight = module.attributes, module.parameters["weight"].double()
    results = []
    for sample, row in zip(x, plain_linear(module.children["affine"], w.double()), strict=True):
        kernel = weight * row[None, :, None, None]
        kernel = kernel / (kernel.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
        if own["up"] == 2:
            taps = module.buffers["resample_filter"]
            sample = plain_resample(sample[None], taps, up=2, padding=_pads(taps, 1), gain=4)
            results.append(F.conv2d(sample, kernel.flip(2, 3)))
        else:
            results.append(F.conv2d(sample[None], kernel, padding=1))
    y = torch.cat(results)
    if noise is not None:
        y = y + noise.double() * module.parameters["noise_strength"].double()
    y = y + module.parameters["bias"].double()[:, None, None]
    y = torch.where(y > 0, y, 0.2 * y) * (own["act_gain"] * gain)
    clamp = own["conv_clamp"]
    return y if clamp is None else y.clamp(-clamp * gain, clamp * gain)


def _pads(taps, border):
    height, width = taps.shape[0], taps.shape[-1]
    left, right = border + (width + 1) // 2, border + (width - 2) // 2
    return left, right, border + (height + 1) // 2, border + (height - 2) // 2


def plain_torgb(module, x, w):
    style = plain_linear(module.children["affine"], w.double()) * module.attributes["weight_gain"]
    weight = module.parameters["weight"].double()[:, :, 0, 0]
    y = torch.einsum("oi,ni,nihw->nohw", weight, style, x)
    y = y + module.parameters["bias"].double()[:, None, None]
    clamp = module.attributes["conv_clamp"]
    return y if clamp is None else y.clamp(-clamp, clamp)


def plain_synthesis(model, ws, noise="const", maps=None):
    """Pictures of ws (N, num_ws, w_dim); `noise` is "const", "none", or "random" with its maps given."""
    x = img = None
    row = index = 0
    for block in model.find("synthesis").children.values():
        names = [name for name in ("conv0", "conv1") if name in block.children]
        if x is None:
            x = block.parameters["const"].double().expand(len(ws), -1, -1, -1)
        beside = None
        if "skip" in block.children:
            skip = block.children["skip"]
            weight = skip.parameters["weight"].double() * skip.attributes["weight_gain"]
            taps = skip.buffers["resample_filter"]
            beside = plain_resample(F.conv2d(x, weight), taps, up=2, padding=_pads(taps, 0), gain=4)
        for name in names:
            layer, given = block.children[name], None
            if layer.attributes["use_noise"] and noise != "none":
                given = layer.buffers["noise_const"] if noise == "const" else maps[index]
                index += 1
            gain = 0.5**0.5 if beside is not None and name == "conv1" else 1.0
            x = plain_conv(layer, x, ws[:, row], given, gain)
            row += 1
        if beside is not None:
            x = x + beside * 0.5**0.5
        taps = block.buffers["resample_filter"]
        if img is not None:
            img = plain_resample(img, taps, up=2, padding=_pads(taps, 0), gain=4)
        if "torgb" in block.children:
            y = plain_torgb(block.children["torgb"], x, ws[:, row])
            img = y if img is None else img + y
    return img
