"""Train the small variational autoencoder of clay faces and write its bundle.

    python pretrained/clayfaces/train_vae.py DATA [--minutes 10]

A second family that can be tried without a download: it has no w and no layers to mix, but an encoder, so a
picture goes in and comes out again. The last 1,000 pictures are held out; figures go beside the weights.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from clay_grids import save_grid
from torch import Tensor, nn

from latentstudio.models.generator import Provenance
from latentstudio.models.registry import read_network
from latentstudio.models.spec import write_spec

TARGET = Path(__file__).parents[1] / "clayvae64" / "clayvae64.safetensors"
HELD_OUT = 1000
Z_DIM = 32
WIDTHS = (16, 32, 64, 128)  # at 32, 16, 8, 4 pixels
NOISE = 0.06  # error granted to a pixel, of a range of 1

PROVENANCE = Provenance(
    title="Clay VAE 64",
    licence="MIT",
    caution="An autoencoder: soft by nature. Trained on rendered heads; no real person is in it.",
    origin="bundled:clayvae64",
    source="Made by the LatentStudio founders from pictures of an own renderer",
)


class VAE(nn.Module):
    """Plain layers, as the program reads them: encoder, two layers for z, decoder."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        for width in WIDTHS:
            layers += [nn.Conv2d(before, width, 4, 2, 1), nn.ReLU()]
            before = width
        self.encoder = nn.Sequential(*layers)
        self.fc_mu, self.fc_var = nn.Linear(before * 16, Z_DIM), nn.Linear(before * 16, Z_DIM)
        self.decoder_input = nn.Linear(Z_DIM, before * 16)
        layers = []
        for width in (*WIDTHS[-2::-1], 3):
            layers += [nn.ConvTranspose2d(before, width, 4, 2, 1), nn.ReLU()]
            before = width
        self.decoder = nn.Sequential(*layers[:-1])

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures (N, 3, 64, 64) in [0, 1] -> mean and log variance of z, (N, 32)."""
        y = self.encoder(x).flatten(1)
        return self.fc_mu(y), self.fc_var(y)

    def decode(self, z: Tensor) -> Tensor:
        """Z -> pictures in [0, 1]."""
        picture: Tensor = self.decoder(self.decoder_input(z).reshape(len(z), WIDTHS[-1], 4, 4))
        return picture.float().sigmoid()


def loss_of(net: VAE, x: Tensor) -> tuple[Tensor, Tensor]:
    """Negative evidence lower bound a picture (up to a constant), and the mean absolute error."""
    mean, log_variance = (t.float() for t in net.encode(x))
    said = net.decode(mean + torch.randn_like(mean) * (0.5 * log_variance).exp())
    kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean()
    error = (said - x).abs()
    # Laplace's law, which is L1: edges stay sharper than with squares.
    return error.sum((1, 2, 3)).mean() / NOISE / 8 + kl, error.mean()


def train(folder: Path, minutes: float, batch: int = 48) -> tuple[VAE, dict[str, float]]:
    """The trained network and its figures on held-out pictures."""
    torch.manual_seed(0)
    images = np.load(folder / "images.npy", mmap_mode="r")
    count = len(images) - min(HELD_OUT, len(images) // 5)
    net = VAE().to(memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-3, fused=True)
    start, step = time.monotonic(), 0
    while (share := (time.monotonic() - start) / (60 * minutes)) < 1:
        optimiser.param_groups[0]["lr"] = (
            1.5e-3 * min(1, (step + 1) / 200) * 0.5 * (1 + math.cos(math.pi * share))
        )
        i = np.sort(np.random.default_rng(step).choice(count, batch, replace=False))
        x = torch.from_numpy(np.ascontiguousarray(images[i])).permute(0, 3, 1, 2).float() / 255
        x = torch.where(torch.rand(batch, 1, 1, 1) < 0.5, x.flip(3), x).contiguous(
            memory_format=torch.channels_last
        )
        with torch.autocast("cpu", torch.bfloat16):
            loss, error = loss_of(net, x)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        step += 1
        if step % 200 == 0:
            sys.stdout.write(f"{step} steps, {time.monotonic() - start:.0f} s: loss {loss.item():.1f}, ")
            sys.stdout.write(f"error {error.item():.4f}\n")
            sys.stdout.flush()
    with torch.inference_mode():
        x = torch.from_numpy(np.array(images[count:])).permute(0, 3, 1, 2).float() / 255
        said = torch.cat([net.decode(net.encode(part)[0]) for part in x.split(100)])
        psnr = float((-10 * (said - x).square().mean((1, 2, 3)).log10()).mean())
    told = {"pictures_shown": step * batch, "minutes": minutes, "psnr_held_out": round(psnr, 2)}
    return net.to(memory_format=torch.contiguous_format), told


def write(net: VAE, target: Path) -> None:
    """Store it in the program's own format, as the program itself converts such files."""
    target.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        torch.save(net.state_dict(), Path(folder) / "vae.pt")
        spec, _ = read_network(Path(folder) / "vae.pt")
    write_spec(target, spec.changed(provenance=PROVENANCE), half=True)


def main() -> None:
    """Read the arguments, train, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--out", type=Path, default=TARGET)
    parser.add_argument("--threads", type=int, default=1)
    told = parser.parse_args()
    torch.set_num_threads(told.threads)
    net, figures = train(told.data, told.minutes)
    write(net, told.out)
    told.out.with_name("figures.json").write_text(json.dumps(figures, indent=1) + "\n")
    with torch.inference_mode():
        z = torch.randn(64, Z_DIM, generator=torch.Generator().manual_seed(0))
        save_grid(net.decode(z) * 2 - 1, told.out.with_name("grid.png"), 8)


if __name__ == "__main__":
    main()
