"""Train the small autoencoder of clay faces and write its bundle.

    python pretrained/clayfaces/train_vae.py DATA [--run RUN] [--minutes 10]
    python pretrained/clayfaces/train_vae.py DATA --run RUN --write

A second family that can be tried without a download: it has no w and no layers to mix, but an encoder, so
a picture goes in and comes out again. It grows: pictures of 16 pixels first, then of 32, then of 64. A
run goes on where it stopped. The last 1,000 pictures are held out.

Sources: Kingma and Welling, "Auto-Encoding Variational Bayes" (the bound; here the noise around z has one
deviation for each coordinate, whatever the picture); Ghosh et al., "From Variational to Deterministic
Autoencoders" (a normal law fitted to z after training, which is what z is drawn from).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from clay_grids import save_grid
from torch import Tensor, nn
from vae_network import DECODER, Z_DIM, batches, move_latents, naming, new_vae, whitening

from latentstudio.models.architectures.dcgan import Step
from latentstudio.models.architectures.vae import VAE
from latentstudio.models.clay_factors import FactorNetwork, load_factor_network
from latentstudio.models.generator import Provenance
from latentstudio.models.spec import NetworkSpec, write_spec

TARGET = Path(__file__).parents[1] / "clayvae64" / "clayvae64.safetensors"
HELD_OUT = 1000
GROWS = {16: 13_000, 32: 25_000}  # pictures shown until the next size
KL = 5e-5  # a nat of z, in shares of the whole range of a pixel
EVERY_S = 120

PROVENANCE = Provenance(
    title="Clay VAE 64",
    licence="MIT",
    caution="An autoencoder: soft by nature. Trained on rendered heads; no real person is in it.",
    origin="bundled:clayvae64",
    source="Made by the LatentStudio founders from pictures of an own renderer",
)


class Training(nn.Module):
    """The network with what only training needs: heads for small pictures, and the noise around z."""

    def __init__(self, z_dim: int = Z_DIM, channels: tuple[int, ...] = DECODER) -> None:
        super().__init__()
        self.net = new_vae(z_dim, channels)
        self.heads = nn.ModuleDict(
            {str(size): nn.Conv2d(channels[level], 3, 3, padding=1) for level, size in ((2, 16), (3, 32))}
        )
        self.log_spread = nn.Parameter(torch.full((z_dim,), -1.5))

    def look(self, images: Tensor, *, learn: bool) -> Tensor:
        """Mean z (N, z_dim) of pictures (N, 3, 64, 64); what is before the last layer learns where asked."""
        *eyes, last = self.net.encoder
        with torch.set_grad_enabled(learn and torch.is_grad_enabled()):
            for step in eyes:
                images = step(images)
        z: Tensor = last(images)
        return z.float()

    def draw(self, z: Tensor, size: int = 64) -> Tensor:
        """Pictures (N, 3, size, size) of z."""
        x = z
        for step, after in zip(self.net.steps, [*self.net.steps[1:], None], strict=True):
            x = step(x)
            # The head stands where the next doubling would begin.
            is_end = isinstance(after, Step) and after.op == "deconv"
            if size < 64 and is_end and x.shape[-1] == size:
                return self.heads[str(size)](x).float()  # type: ignore[no-any-return]
        return x.float()

    def bound(self, mean: Tensor) -> Tensor:
        """Nats of z a picture, the mean over (N, z_dim)."""
        variance = (2 * self.log_spread).exp()
        return 0.5 * (mean.square() + variance - 1 - 2 * self.log_spread).sum(1).mean()


def seen(network: FactorNetwork, images: Tensor) -> list[Tensor]:
    """What the factor network's first three layers make of pictures."""
    found, x = [], images
    for layer in network.look:
        x = layer(x)
        if isinstance(layer, nn.ReLU):
            found.append(x)
            if len(found) == 3:
                break
    return found


def loss_of(training: Training, x: Tensor, size: int, critic: FactorNetwork) -> tuple[Tensor, Tensor]:
    """What is minimised, and the mean absolute error at `size` pixels."""
    with torch.autocast("cpu", torch.bfloat16):
        mean = training.look(x, learn=size == 64)
    z = mean + torch.randn_like(mean) * training.log_spread.exp()
    with torch.autocast("cpu", torch.bfloat16):
        said = training.draw(z, size)
    wanted = F.avg_pool2d(x, 64 // size) if size < 64 else x
    apart = said - wanted
    error = apart.abs().mean()
    loss = error + 0.5 * F.avg_pool2d(apart, 4).abs().mean() + KL * training.bound(mean)
    # Edges: what differs between neighbours counts by itself, so that thin lines are worth drawing.
    loss = loss + 0.5 * (apart.diff(dim=2).abs().mean() + apart.diff(dim=3).abs().mean())
    if size == 64:
        with torch.autocast("cpu", torch.bfloat16):
            pairs = list(zip(seen(critic, said), seen(critic, x), strict=True))
        for a, b in pairs:
            scale = b.float().abs().mean().detach()
            loss = loss + 0.05 * (a.float() - b.float()).abs().mean() / scale
    return loss, error


class Run:
    """A training that can stop and go on."""

    def __init__(self, images: np.ndarray, z_dim: int = Z_DIM, channels: tuple[int, ...] = DECODER) -> None:
        torch.manual_seed(0)
        self.images = images
        self.training = Training(z_dim, channels)
        if len(images):
            self._centre()
        self.average = deepcopy(self.training).requires_grad_(False)
        self.optimiser = torch.optim.Adam(self.training.parameters(), lr=1e-3, betas=(0.9, 0.99), fused=True)
        self.critic = load_factor_network()
        self.step = self.shown = 0
        self.seconds = 0.0

    @torch.no_grad()
    def _centre(self) -> None:
        """Bring the first z to mean 0 and deviation 1 in every coordinate."""
        z = torch.cat([self.training.look(x, learn=False) for x in batches(self.images[:1000])])
        last = self.training.net.encoder[-1]
        scale = z.std(0).clamp(min=1e-3)
        last.weight.div_(scale[:, None])
        last.bias.sub_(z.mean(0)).div_(scale)

    @property
    def size(self) -> int:
        """Side of the pictures that are learnt now."""
        return next((size for size, until in GROWS.items() if self.shown < until), 64)

    def train_step(self, batch: int, lr: float) -> float:
        """One step; the mean absolute error, of a range of 2."""
        i = np.sort(np.random.default_rng(self.step).choice(len(self.images), batch, replace=False))
        x = next(batches(self.images[i], batch))
        x = torch.where(torch.rand(batch, 1, 1, 1) < 0.5, x.flip(3), x)
        x = x.contiguous(memory_format=torch.channels_last)
        self.optimiser.param_groups[0]["lr"] = lr * min(1, (self.step + 1) / 100)
        loss, error = loss_of(self.training, x, self.size, self.critic)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        self.step, self.shown = self.step + 1, self.shown + batch
        keep = min(0.998, self.step / (self.step + 10))
        with torch.no_grad():
            mine, theirs = list(self.average.parameters()), list(self.training.parameters())
            torch._foreach_lerp_(mine, theirs, 1 - keep)
        return float(error.detach())

    def state(self) -> dict[str, Any]:
        """Everything that a run needs to go on."""
        nets = {name: getattr(self, name).state_dict() for name in ("training", "average", "optimiser")}
        return {**nets, "counters": (self.step, self.shown, self.seconds)}

    def restore(self, state: dict[str, Any]) -> None:
        """The inverse of `state`."""
        for name in ("training", "average", "optimiser"):
            getattr(self, name).load_state_dict(state[name])
        self.step, self.shown, self.seconds = state["counters"]

    @torch.inference_mode()
    def quality(self, held: np.ndarray) -> float:
        """Mean PSNR in dB of pictures that went through the averaged network, at the size learnt now."""
        found = []
        for x in batches(held):
            said = self.average.draw(self.average.look(x, learn=False), self.size).clamp(-1, 1)
            wanted = F.avg_pool2d(x, 64 // self.size) if self.size < 64 else x
            found.append(-10 * ((said - wanted).square().mean((1, 2, 3)) / 4).log10())
        return float(torch.cat(found).mean())


def train(run: Run, held: np.ndarray, folder: Path, minutes: float, batch: int, lr: float) -> None:
    """Train against the clock; the rate falls in the last quarter."""
    start = saved = time.monotonic()
    before, busy = run.seconds, time.process_time()
    errors: list[float] = []
    while (share := (time.monotonic() - start) / (60 * minutes)) < 1:
        errors.append(run.train_step(batch, lr * min(1, 4 * (1 - share))))
        if time.monotonic() - saved > EVERY_S:
            saved = time.monotonic()
            run.seconds = before + time.process_time() - busy
            save(run, held, folder, errors)
    run.seconds = before + time.process_time() - busy
    save(run, held, folder, errors)


def save(run: Run, held: np.ndarray, folder: Path, errors: list[float]) -> None:
    """State, a line of the log, a picture of how it goes."""
    temporary = folder / "state.part"
    torch.save(run.state(), temporary)
    os.replace(temporary, folder / "state.pt")
    line = {
        "pictures": run.shown,
        "processor_seconds": round(run.seconds),
        "size": run.size,
        "error": round(float(np.mean(errors or [0])), 4),
        "psnr_held_out": round(run.quality(held[:100]), 2),
    }
    errors.clear()
    with (folder / "log.jsonl").open("a") as log:
        log.write(json.dumps(line) + "\n")
    with torch.inference_mode():
        x = next(batches(held[:16], 16))
        said = run.average.draw(run.average.look(x, learn=False))
        save_grid(torch.cat([x, said]), folder / "pairs.png", 16)


@torch.inference_mode()
def finished(run: Run, latents: np.ndarray) -> tuple[VAE, tuple[str, ...]]:
    """The averaged network with its prior baked in, and the names of its leading coordinates.

    Args:
        run: the training; its pictures are those that `latents` drew.
        latents: the renderer's own numbers, (N, 64).
    """
    z = torch.cat([run.average.look(x, learn=False) for x in batches(run.images)])
    mean, root = whitening(z, run.average.log_spread.exp())
    white = torch.linalg.solve(root, (z.double() - mean).T).T
    turn, names = naming(white, torch.from_numpy(latents).double())
    net = deepcopy(run.average.net).to(memory_format=torch.contiguous_format)
    move_latents(net, mean.float(), (root @ turn).float())
    return net, names


def write(net: VAE, names: tuple[str, ...], target: Path) -> None:
    """Store it in the program's own format."""
    target.parent.mkdir(parents=True, exist_ok=True)
    arrays = {key: value.numpy() for key, value in net.state_dict().items()}
    provenance = Provenance(**{**PROVENANCE.__dict__, "z_names": names})
    write_spec(target, NetworkSpec("vae", net.config, arrays, provenance), half=True)


def write_bundle(run: Run, latents: np.ndarray, held: np.ndarray, target: Path) -> None:
    """Model file, figures, and grids of samples and of reconstructions."""
    net, names = finished(run, latents)
    write(net, names, target)
    with torch.inference_mode():
        z = torch.randn(64, net.info.z_dim, generator=torch.Generator().manual_seed(0))
        save_grid(net(z), target.with_name("samples.png"), 16)
        pairs = [(x, net(net.encode(x))) for x in batches(held)]
        x, said = (torch.cat(column) for column in zip(*pairs, strict=True))
        save_grid(torch.cat([x[:16], said[:16]]), target.with_name("reconstructions.png"), 16)
        psnr = float((-10 * ((said.clamp(-1, 1) - x).square().mean((1, 2, 3)) / 4).log10()).mean())
    figures = {
        "pictures_shown": run.shown,
        "steps": run.step,
        "processor_minutes": round(run.seconds / 60, 1),
        "psnr_held_out": round(psnr, 2),
        "parameters": sum(p.numel() for p in net.parameters()),
        "named": len(names),
    }
    target.with_name("figures.json").write_text(json.dumps(figures, indent=1) + "\n")
    sys.stdout.write(json.dumps(figures) + "\n")


def main() -> None:
    """Read the arguments, train, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--run", type=Path, default=Path("vae-run"))
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--batch", type=int, default=48)
    parser.add_argument("--lr", type=float, default=1.5e-3)
    parser.add_argument("--out", type=Path, default=TARGET)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--write", action="store_true", help="train no more, write what there is")
    told = parser.parse_args()
    torch.set_num_threads(told.threads)
    images = np.load(told.data / "images.npy", mmap_mode="r")
    count = len(images) - min(HELD_OUT, len(images) // 5)
    held = np.array(images[count:])
    told.run.mkdir(parents=True, exist_ok=True)
    run = Run(np.array(images[:count]))
    if (told.run / "state.pt").exists():
        run.restore(torch.load(told.run / "state.pt", weights_only=True))
    if not told.write:
        train(run, held, told.run, told.minutes, told.batch, told.lr)
    write_bundle(run, np.load(told.data / "latents.npy")[:count], held, told.out)


if __name__ == "__main__":
    main()
