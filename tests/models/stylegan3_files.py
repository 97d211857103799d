"""Small StyleGAN3 generators in the original's layout, and their mathematics said once more and slowly."""

from __future__ import annotations

import math

import numpy as np
import torch
from nvidia_files import Module, Random, generator, plain_linear, plain_resample


def design(
    resolution,
    layers=6,
    *,
    channel_base=512,
    channel_max=8,
    img_channels=3,
    first_cutoff=2.0,
    first_stopband=2**2.1,
    critical=2,
    margin=5,
    kernel=3,
    radial=False,
    filter_size=6,
    lrelu_upsampling=2,
    clamp=256,
):
    """Layers after the paper's section 3.2; `resolution` is (width, height)."""
    longer = max(resolution)
    last_cutoff = longer / 2
    last_stopband = last_cutoff * 2**0.3
    exponents = np.minimum(np.arange(layers + 1) / (layers - critical), 1)
    cutoffs = first_cutoff * (last_cutoff / first_cutoff) ** exponents
    stopbands = first_stopband * (last_stopband / first_stopband) ** exponents
    rates = np.exp2(np.ceil(np.log2(np.minimum(stopbands * 2, longer))))
    half_widths = np.maximum(stopbands, rates / 2) - cutoffs
    aspect = np.array(resolution) / longer
    sizes = np.rint(rates[:, None] * aspect + margin * 2)
    sizes[-2:] = resolution
    channels = np.rint(np.minimum(channel_base / 2 / cutoffs, channel_max)).astype(int)
    channels[-1] = img_channels
    found = []
    for i in range(layers + 1):
        before = max(i - 1, 0)
        torgb = i == layers
        rate = max(rates[before], rates[i]) * (1 if torgb else lrelu_upsampling)
        up, down = int(rate // rates[before]), int(rate // rates[i])
        up_taps = filter_size * up if up > 1 and not torgb else 1
        down_taps = filter_size * down if down > 1 and not torgb else 1
        k = 1 if torgb else kernel
        total = (sizes[i] - 1) * down + 1 - (sizes[before] + k - 1) * up + up_taps + down_taps - 2
        low = (total + up) // 2
        high = total - low
        found.append(
            {
                "in_channels": int(channels[before]),
                "out_channels": int(channels[i]),
                "in_size": sizes[before].astype(np.int64),
                "out_size": sizes[i].astype(np.int64),
                "up_factor": up,
                "down_factor": down,
                "up_taps": up_taps,
                "down_taps": down_taps,
                "down_radial": radial and i < layers - critical,
                "padding": [int(low[0]), int(high[0]), int(low[1]), int(high[1])],
                "conv_kernel": k,
                "conv_clamp": clamp,
                "is_torgb": torgb,
                "use_fp16": np.bool_(i > 2),
                "in_cutoff": np.float64(cutoffs[before]),
                "out_half_width": np.float64(half_widths[i]),
            }
        )
    first = {
        "channels": int(channels[0]),
        "size": sizes[0].astype(np.int64),
        "sampling_rate": float(rates[0]),
        "bandwidth": float(cutoffs[0]),
    }
    return first, found


def make(
    resolution=16, layers=6, *, seed=0, z_dim=8, c_dim=0, w_dim=8, mapping_layers=2, transform=None, **options
):
    """A random Generator; `resolution` is one number or (width, height)."""
    random = Random(seed)
    shape = (resolution, resolution) if isinstance(resolution, int) else tuple(resolution)
    first, found = design(shape, layers, **options)
    channels = first["channels"]
    affine = random.linear(w_dim, 4, mean=0.0, std=0.3)
    affine.parameters["bias"] = torch.tensor([0.9, 0.2, 0.05, -0.1])
    source = Module(
        "SynthesisInput",
        {"weight": random.normal(channels, channels)},
        {
            "transform": torch.eye(3) if transform is None else transform,
            "freqs": random.normal(channels, 2, std=first["bandwidth"]),
            "phases": random.normal(channels, std=0.3),
        },
        {"affine": affine},
        w_dim=w_dim,
        **first,
    )
    children, names = {"input": source}, []
    for i, layer in enumerate(found):
        name = f"L{i}_{layer['out_size'][0]}_{layer['out_channels']}"
        names.append(name)
        taps = layer["down_taps"]
        down_shape = (taps, taps) if layer["down_radial"] else (taps,)
        children[name] = Module(
            "SynthesisLayer",
            {
                "weight": random.normal(
                    layer["out_channels"],
                    layer["in_channels"],
                    layer["conv_kernel"],
                    layer["conv_kernel"],
                    std=0.7,
                ),
                "bias": random.normal(layer["out_channels"], std=0.3),
            },
            {
                "magnitude_ema": random.normal(mean=1.5, std=0.1).abs(),
                "up_filter": random.filter(layer["up_taps"]) if layer["up_taps"] > 1 else None,
                "down_filter": random.filter(*down_shape) if taps > 1 else None,
            },
            {"affine": random.linear(w_dim, layer["in_channels"], mean=1.0, std=0.5)},
            **layer,
        )
    synthesis = Module(
        "SynthesisNetwork",
        children=children,
        w_dim=w_dim,
        num_ws=len(names) + 1,
        img_resolution=max(shape),
        img_channels=found[-1]["out_channels"],
        num_layers=layers,
        output_scale=0.25,
        layer_names=names,
    )
    mapping = random.mapping(z_dim, c_dim, w_dim, len(names) + 1, mapping_layers)
    return generator(mapping, synthesis, img_resolution=max(shape), img_channels=found[-1]["out_channels"])


def plain_input(module, w, transform=None):
    """Waves on the grid, one sample of w at a time."""
    own = module.attributes
    width, height = (int(side) for side in np.broadcast_to(own["size"], 2))
    rate, bandwidth = own["sampling_rate"], own["bandwidth"]
    freqs, phases = module.buffers["freqs"].double(), module.buffers["phases"].double()
    pictures = []
    for row in plain_linear(module.children["affine"], w.double()):
        row = row / math.hypot(float(row[0]), float(row[1]))
        cosine, sine, right, down = row.tolist()
        turn = torch.tensor([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]], dtype=torch.float64)
        move = torch.tensor([[1, 0, -right], [0, 1, -down], [0, 0, 1]], dtype=torch.float64)
        matrix = turn @ move
        if transform is not None:
            matrix = matrix @ torch.linalg.inv(transform.double())
        x = ((torch.arange(width) + 0.5) / width - 0.5) * width / rate
        y = ((torch.arange(height) + 0.5) / height - 0.5) * height / rate
        point = torch.stack(
            [x.expand(height, -1), y[:, None].expand(-1, width), torch.ones(height, width)], -1
        ).double()
        moved = (point @ matrix.t())[..., :2]
        waves = torch.sin(2 * math.pi * (moved @ freqs.t() + phases))
        length = (freqs @ matrix[:2, :2]).square().sum(1).sqrt()
        waves = waves * (1 - (length - bandwidth) / (rate / 2 - bandwidth)).clamp(0, 1)
        mixed = waves @ module.parameters["weight"].double().t() / math.sqrt(len(freqs))
        pictures.append(mixed.permute(2, 0, 1))
    return torch.stack(pictures)


def plain_layer(module, x, w):
    """One layer; the styles are normalised over the whole batch, as the original does."""
    own = module.attributes
    weight = module.parameters["weight"].double()
    style = plain_linear(module.children["affine"], w.double())
    gain = module.buffers["magnitude_ema"].double().rsqrt()
    results = []
    if own["is_torgb"]:
        style = style / math.sqrt(weight[0].numel())
    else:
        weight = weight * weight.square().mean((1, 2, 3), keepdim=True).rsqrt()
        style = style * style.square().mean().rsqrt()
    for sample, row in zip(x, style, strict=True):
        kernel = weight * row[None, :, None, None]
        if not own["is_torgb"]:
            kernel = kernel * (kernel.square().sum((1, 2, 3), keepdim=True) + 1e-8).rsqrt()
        results.append(torch.nn.functional.conv2d(sample[None], kernel * gain, padding=weight.shape[-1] - 1))
    y = torch.cat(results) + module.parameters["bias"].double()[:, None, None]
    one = torch.ones(1)
    up_filter, down_filter = module.buffers["up_filter"], module.buffers["down_filter"]
    y = plain_resample(
        y,
        one if up_filter is None else up_filter,
        up=own["up_factor"],
        padding=own["padding"],
        gain=own["up_factor"] ** 2,
    )
    if not own["is_torgb"]:
        y = torch.where(y > 0, y, 0.2 * y) * 2**0.5
    if own["conv_clamp"] is not None:
        y = y.clamp(-own["conv_clamp"], own["conv_clamp"])
    return plain_resample(y, one if down_filter is None else down_filter, down=own["down_factor"])


def plain_synthesis(module, ws, transform=None):
    """Pictures of ws (N, num_ws, w_dim), and the features after every layer."""
    synthesis = module.children["synthesis"]
    x = plain_input(synthesis.children["input"], ws[:, 0], transform)
    features = [x]
    for i, name in enumerate(synthesis.attributes["layer_names"], 1):
        x = plain_layer(synthesis.children[name], x, ws[:, i])
        features.append(x)
    return x * synthesis.attributes["output_scale"], features
