"""Random checkpoints as BigGAN's authors save them, and the maths on their names, one line a step."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F

# --- a random checkpoint in the original layout -----------------------------------------------


class Maker:
    """Collects random arrays under the original's names."""

    def __init__(self, spectral: bool = True, norms: str = "stored") -> None:
        self.random = torch.Generator().manual_seed(3)
        self.arrays: dict[str, torch.Tensor] = {}
        self.spectral, self.norms = spectral, norms

    def draw(self, *shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=self.random)

    def layer(self, name: str, *shape: int, bias: bool = True) -> None:
        fan_in = int(np.prod(shape[1:]))
        self.arrays[f"{name}.weight"] = self.draw(*shape) / fan_in**0.5
        if bias:
            self.arrays[f"{name}.bias"] = self.draw(shape[0]) * 0.1
        if self.spectral:
            self.arrays[f"{name}.u0"] = self.draw(1, shape[0])
            self.arrays[f"{name}.sv0"] = torch.ones(1)

    def statistics(self, name: str, channels: int) -> None:
        place, kind = {
            "stored": (name, "stored"),
            "mybn": (f"{name}.bn", "stored"),
            "sync": (f"{name}.bn", "running"),
        }[self.norms]
        self.arrays[f"{place}.{kind}_mean"] = self.draw(channels) * 0.2
        self.arrays[f"{place}.{kind}_var"] = 0.5 + self.draw(channels).abs()
        if self.norms == "mybn":
            self.arrays[f"{place}.accumulation_counter"] = torch.full((1,), 4.0)
        if self.norms == "sync":
            self.arrays[f"{place}.num_batches_tracked"] = torch.tensor(9)

    def attention(self, name: str, channels: int) -> None:
        self.arrays[f"{name}.gamma"] = torch.tensor(0.7)
        for part, shape in {
            "theta": (channels // 8, channels),
            "phi": (channels // 8, channels),
            "g": (channels // 2, channels),
            "o": (channels, channels // 2),
        }.items():
            self.layer(f"{name}.{part}", *shape, 1, 1, bias=False)


def checkpoint(
    *,
    widths: tuple[int, ...] = (16, 16, 8),
    z_dim: int = 12,
    classes: int = 5,
    shared_dim: int = 6,
    kind: str = "hierarchical",
    attention: tuple[int, ...] = (),
    bottom: int = 4,
    **options: object,
) -> dict[str, torch.Tensor]:
    """`widths`: features before and after each stage; `kind`: hierarchical, shared, unshared or deep."""
    make = Maker(**options)  # type: ignore[arg-type]
    stages = len(widths) - 1
    chunk = z_dim // (stages + 1)
    cond = {"hierarchical": shared_dim + chunk, "shared": shared_dim, "deep": shared_dim + z_dim}.get(kind, 0)
    first = {"hierarchical": chunk, "deep": cond}.get(kind, z_dim)
    if cond:
        make.arrays["shared.weight"] = make.draw(classes, shared_dim)
    make.layer("linear", widths[0] * bottom**2, first)

    def norm(name: str, channels: int) -> None:
        for part in ("gain", "bias"):
            if cond:
                make.layer(f"{name}.{part}", channels, cond, bias=False)
            else:
                make.arrays[f"{name}.{part}.weight"] = make.draw(classes, channels) * 0.3
        make.statistics(name, channels)

    index = 0
    for stage, (before, after) in enumerate(pairwise(widths)):
        if kind == "deep":
            hidden = before // 4
            for last in (False, True):
                name, out = f"blocks.{index}.0", after if last else before
                make.layer(f"{name}.conv1", hidden, before, 1, 1)
                make.layer(f"{name}.conv2", hidden, hidden, 3, 3)
                make.layer(f"{name}.conv3", hidden, hidden, 3, 3)
                make.layer(f"{name}.conv4", out, hidden, 1, 1)
                for i, channels in enumerate((before, hidden, hidden, hidden), 1):
                    norm(f"{name}.bn{i}", channels)
                index += 1
        else:
            name = f"blocks.{index}.0"
            make.layer(f"{name}.conv1", after, before, 3, 3)
            make.layer(f"{name}.conv2", after, after, 3, 3)
            make.layer(f"{name}.conv_sc", after, before, 1, 1)
            norm(f"{name}.bn1", before)
            norm(f"{name}.bn2", after)
            index += 1
        if stage in attention:
            make.attention(f"blocks.{index - 1}.1", after)
    make.arrays["output_layer.0.gain"] = 1 + 0.1 * make.draw(widths[-1])
    make.arrays["output_layer.0.bias"] = 0.1 * make.draw(widths[-1])
    make.statistics("output_layer.0", widths[-1])
    make.layer("output_layer.2", 3, widths[-1], 3, 3)
    return make.arrays


# --- the maths, in float64 and one line a step ------------------------------------------------


class Plain:
    def __init__(self, arrays: dict[str, torch.Tensor], eps: float = 1e-5, standing: bool = False) -> None:
        self.a = {name: array.double() for name, array in arrays.items()}
        self.eps, self.standing = eps, standing

    def weight(self, name: str) -> torch.Tensor:
        weight = self.a[f"{name}.weight"]
        if f"{name}.u0" not in self.a:
            return weight
        matrix = weight.flatten(1)
        v = F.normalize(self.a[f"{name}.u0"] @ matrix)
        u = F.normalize(v @ matrix.T)
        return weight / (v @ matrix.T @ u.T).squeeze()

    def conv(self, name: str, x: torch.Tensor) -> torch.Tensor:
        weight = self.weight(name)
        return F.conv2d(x, weight, self.a.get(f"{name}.bias"), padding=weight.shape[-1] // 2)

    def norm(self, name: str, x: torch.Tensor, y: torch.Tensor | None, labels: torch.Tensor) -> torch.Tensor:
        if y is None and f"{name}.gain" in self.a:
            gain, bias = self.a[f"{name}.gain"][None], self.a[f"{name}.bias"][None]
        elif y is None:
            gain = 1 + self.a[f"{name}.gain.weight"][labels]
            bias = self.a[f"{name}.bias.weight"][labels]
        else:
            gain, bias = 1 + y @ self.weight(f"{name}.gain").T, y @ self.weight(f"{name}.bias").T
        gain, bias = gain[:, :, None, None], bias[:, :, None, None]
        for place, kind in ((name, "stored"), (f"{name}.bn", "stored"), (f"{name}.bn", "running")):
            if f"{place}.{kind}_mean" in self.a:
                mean, var = self.a[f"{place}.{kind}_mean"], self.a[f"{place}.{kind}_var"]
                if self.standing:
                    count = self.a[f"{place}.accumulation_counter"]
                    mean, var = mean / count, var / count
                hat = (x - mean[:, None, None]) / (var[:, None, None] + self.eps).sqrt()
                # Synchronised batch norm adds in evaluation what it multiplies in training.
                return torch.relu(hat + gain + bias if kind == "running" else hat * gain + bias)
        raise AssertionError(name)

    def attend(self, name: str, x: torch.Tensor) -> torch.Tensor:
        n, c, h, w = x.shape
        theta = self.conv(f"{name}.theta", x).view(n, -1, h * w)
        phi = F.max_pool2d(self.conv(f"{name}.phi", x), 2).view(n, -1, h * w // 4)
        g = F.max_pool2d(self.conv(f"{name}.g", x), 2).view(n, -1, h * w // 4)
        beta = torch.softmax(torch.einsum("ncq,nck->nqk", theta, phi), -1)
        seen = torch.einsum("nck,nqk->ncq", g, beta).view(n, c // 2, h, w)
        return self.a[f"{name}.gamma"] * self.conv(f"{name}.o", seen) + x

    def picture(self, z: torch.Tensor, labels: torch.Tensor, kind: str, bottom: int = 4) -> torch.Tensor:
        z = z.double()
        names = sorted({int(key.split(".")[1]) for key in self.a if key.startswith("blocks.")})
        y = self.a["shared.weight"][labels] if "shared.weight" in self.a else None
        ys = [y] * len(names)
        if kind == "hierarchical":
            first, *rest = z.chunk(len(names) + 1, 1)
            z, ys = first, [torch.cat([y, part], 1) for part in rest]
        elif kind == "deep":
            z = torch.cat([y, z], 1)
            ys = [z] * len(names)
        x = F.linear(z, self.weight("linear"), self.a["linear.bias"])
        x = x.view(len(z), -1, bottom, bottom)
        for i, cond in zip(names, ys, strict=True):
            name = f"blocks.{i}.0"
            up = i % 2 == 1 if kind == "deep" else True

            def double(x: torch.Tensor, up: bool = up) -> torch.Tensor:
                return x.repeat_interleave(2, 2).repeat_interleave(2, 3) if up else x

            if kind == "deep":
                h = self.conv(f"{name}.conv1", self.norm(f"{name}.bn1", x, cond, labels))
                h = double(self.norm(f"{name}.bn2", h, cond, labels))
                h = self.norm(f"{name}.bn3", self.conv(f"{name}.conv2", h), cond, labels)
                h = self.norm(f"{name}.bn4", self.conv(f"{name}.conv3", h), cond, labels)
                h = self.conv(f"{name}.conv4", h)
                x = h + double(x[:, : h.shape[1]])
            else:
                h = self.conv(f"{name}.conv1", double(self.norm(f"{name}.bn1", x, cond, labels)))
                h = self.conv(f"{name}.conv2", self.norm(f"{name}.bn2", h, cond, labels))
                x = h + self.conv(f"{name}.conv_sc", double(x))
            if f"blocks.{i}.1.gamma" in self.a:
                x = self.attend(f"blocks.{i}.1", x)
        eps, self.eps = self.eps, 1e-5  # the last norm keeps its own
        x = self.conv("output_layer.2", self.norm("output_layer.0", x, None, labels))
        self.eps = eps
        return torch.tanh(x)
