"""Learning to invert: an encoder trained on pictures of which the latent is known, since it made them.

Owns the samples, the losses, the steps and the file in between from which it goes on. One thread at a
time per generator.

Sources: Zhu et al., "Generative Visual Manipulation on the Natural Image Manifold", section 3.1;
Tov et al., "Designing an Encoder for StyleGAN Image Manipulation", for comparing pictures as well.
"""

from __future__ import annotations

import io
import math
import time
from collections.abc import Generator as Iteration
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from latentstudio.atomic_file import write_atomically
from latentstudio.errors import InputError, SaveError
from latentstudio.inversion.adam import Adam
from latentstudio.inversion.distance import shrunk
from latentstudio.inversion.encoder import Encoder, config_for, encoder_path, write_encoder
from latentstudio.inversion.pictures import as_pixels
from latentstudio.inversion.pixel_terms import pyramid
from latentstudio.inversion.projection import Control
from latentstudio.inversion.starts import statistics
from latentstudio.inversion.synthesis import Rung, has_quick_bfloat16, picture, pictures, rungs
from latentstudio.models.generator import Generator, State

# Pictures of this size say enough about most latents.
LOOKS_AT_PX = 64
# Pictures that are kept to be shown again, and new ones a step; of these, some are of two latents at once,
# which no single latent draws: as photographs are, they are to be met as nearly as can be.
BANK, FRESH, MIXED = 8192, 16, 4
# Of large models so few are drawn at once, so that others need not wait.
LARGE_PX, FEW = 256, 4
# A step that takes longer than this reports in between.
PATIENCE_S = 0.2
# From this share of the steps on, the pictures of the guesses are compared too.
PICTURES_FROM = 0.4
_STORE_EVERY = 200
_STATE_VERSION = 1


@dataclass(frozen=True)
class TrainingOptions:
    """How an encoder is trained.

    Attributes:
        steps: in all, with those of earlier runs.
        batch: pictures a step.
        learning_rate: largest; it falls to zero along half a cosine.
        seed: of the samples and the initial weights.
        picture_weight: on the distance of pictures, beside that of latents.
    """

    steps: int = 3000
    batch: int = 64
    learning_rate: float = 2e-3
    seed: int = 0
    picture_weight: float = 4.0

    def __post_init__(self) -> None:
        if not 1 <= self.steps <= 1_000_000 or not 2 <= self.batch <= 4096:
            raise InputError("Training needs 1 to 1,000,000 steps and 2 to 4096 pictures a step.")


@dataclass(frozen=True)
class TrainingProgress:
    """How far a training has come.

    Attributes:
        step: steps done.
        steps: in all.
        losses: by name: "latent" (mean squared error in units of each number's own variance; 1 is a
            guess of the mean), "picture" (Laplacian pyramid).
        images: uint8 (2, H, W, 3): a sample and what its guess draws; None where none is due.
    """

    step: int
    steps: int
    losses: dict[str, float]
    images: NDArray[np.uint8] | None = None


def train(
    generator: Generator,
    options: TrainingOptions | None = None,
    *,
    out: Path | None = None,
    control: Control | None = None,
) -> Iteration[TrainingProgress, None, Path]:
    """Train an encoder for a generator, from where an earlier run stopped.

    Args:
        generator: whose samples; it stays as it is.
        options: how.
        out: the file; by default where `encoder_for` looks.
        control: stops early; the encoder so far is written.

    Yields:
        progress, once a step, and between the pieces of a long one. The returned value is the encoder's
        file. Closing the iterator leaves the state of the last two hundred steps behind, from which the
        next run goes on.

    Raises:
        InputError: the generator is in no file, so that no one could find its encoder again.
        SaveError: the disk refuses.
    """
    options, control = options or TrainingOptions(), control or Control()
    if not generator.info.sha256:
        raise InputError("An encoder belongs to a model's file; this model is in none.")
    path = out or encoder_path(generator)
    state_path = encoder_path(generator).with_suffix(".training")
    for folder in {path.parent, state_path.parent}:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SaveError(f'Can\'t create the folder "{folder}": {error.strerror}.') from error
    trainer = _Trainer(generator, options)
    trainer.restore(state_path)
    losses: dict[str, float] = {}
    while trainer.step < options.steps and not control.stops:
        told, working = time.perf_counter(), trainer.one()
        while True:
            try:
                next(working)
            except StopIteration as end:
                losses = end.value
                break
            if time.perf_counter() - told > PATIENCE_S:
                yield TrainingProgress(trainer.step, options.steps, losses)
                told = time.perf_counter()
        due = trainer.step % 20 == 0 or trainer.step == options.steps
        yield TrainingProgress(trainer.step, options.steps, losses, trainer.example() if due else None)
        if trainer.step % _STORE_EVERY == 0:
            trainer.store(state_path)
    trainer.store(state_path)
    about = {"steps": float(trainer.step), "samples": float(trainer.step * FRESH)}
    write_encoder(path, trainer.encoder.eval(), generator.info.sha256, about)
    return path


class _Trainer:
    """Samples, network and optimiser of one training."""

    def __init__(self, generator: Generator, options: TrainingOptions) -> None:
        self.generator, self.options = generator, options
        ladder = rungs(generator)
        self.rung = next((r for r in ladder if min(r.size) >= LOOKS_AT_PX), ladder[-1])
        # Guesses are drawn small: what an encoder gets wrong is seen there, at a fraction of the cost.
        self.small = next((r for r in ladder if min(r.size) >= LOOKS_AT_PX // 2), self.rung)
        height, width = self.rung.size
        scale = min(1.0, LOOKS_AT_PX / min(height, width))
        self.size = (max(4, 2 * round(height * scale / 2)), max(4, 2 * round(width * scale / 2)))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(options.seed)
            encoder = Encoder(config_for(generator, self.size))
        encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.encoder = encoder.to(generator.device).train()
        self._set_scale()
        self.adam = Adam([p for p in self.encoder.parameters() if p.requires_grad], beta2=0.99)
        self.step = 0
        self.images: list[NDArray[np.uint8]] = []
        self.latents: list[NDArray[np.float32]] = []
        self.is_known: list[bool] = []

    def _set_scale(self) -> None:
        """Guesses are in units of each number's own spread."""
        generator, encoder = self.generator, self.encoder
        with torch.no_grad():
            if encoder.config.in_w:
                z = torch.from_numpy(
                    np.random.RandomState(self.options.seed).randn(4096, generator.info.z_dim)
                ).float()
                w = generator.mapping(z.to(generator.device), self._labels(4096, 0))[:, 0]
                encoder.center.copy_(statistics_mean(generator, w))
                encoder.scale.copy_(w.std(0).clamp_min(1e-4))

    def _labels(self, count: int, offset: int) -> Tensor | None:
        c_dim = self.generator.info.c_dim
        if not c_dim:
            return None
        which = (torch.arange(count) + offset) % c_dim
        return torch.eye(c_dim)[which].to(self.generator.device)

    def one(self) -> Iteration[None, None, dict[str, float]]:
        """One step, in pieces; gives the losses."""
        for _ in self._add_samples():
            yield
        random = np.random.RandomState((self.options.seed * 7919 + self.step) % 2**32)
        chosen = random.randint(0, len(self.images), self.options.batch)
        device = self.generator.device
        images = torch.from_numpy(np.stack([self.images[i] for i in chosen])).to(device)
        images = images.float() / 127.5 - 1
        wanted = torch.from_numpy(np.stack([self.latents[i] for i in chosen])).to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=has_quick_bfloat16(device)):
            guess = self.encoder(_as_photographed(images, random))
        yield
        known = torch.tensor([float(self.is_known[i]) for i in chosen], device=device)
        errors = ((guess - wanted) / self.encoder.scale).square().mean(1)
        error = (errors * known).sum() / known.sum().clamp_min(1)
        losses = {"latent": error}
        loss = error
        if self.step >= PICTURES_FROM * self.options.steps and self.step % 2:
            # First those of which no latent is known: the picture is all they teach.
            few = torch.argsort(known, stable=True)[:FRESH]
            losses["picture"] = self._picture_error(guess[few], images[few])
            loss = loss + self.options.picture_weight * losses["picture"]
            yield
        torch.autograd.backward([loss])
        self.adam.step(self._rate())
        self.step += 1
        return {name: float(value.detach()) for name, value in losses.items()}

    def example(self) -> NDArray[np.uint8]:
        """The newest sample and what its guess draws."""
        image = torch.from_numpy(self.images[self._newest()][None]).to(self.generator.device)
        image = image.float() / 127.5 - 1
        self.encoder.eval()
        with torch.no_grad():
            drawn = pictures(self.generator, self._ws(self.encoder(image)), self.rung)
        self.encoder.train()
        return np.concatenate([as_pixels(image, self.size), as_pixels(shrunk(drawn, self.size), self.size)])

    def _newest(self) -> int:
        return (self.step * FRESH - 1) % BANK if len(self.images) == BANK else len(self.images) - 1

    def _rate(self) -> float:
        t = self.step / self.options.steps
        return self.options.learning_rate * min(1.0, 50 * t) * (0.5 + 0.5 * math.cos(math.pi * t))

    def _ws(self, guess: Tensor) -> Tensor:
        if self.encoder.config.in_w:
            return guess[:, None].expand(-1, self.generator.info.num_ws, -1)
        return self.generator.mapping(guess, self._labels(len(guess), 0))

    def _picture_error(self, guess: Tensor, images: Tensor) -> Tensor:
        drawn = _drawn(self.generator, self._ws(guess), self.small)
        target = shrunk(images, (drawn.shape[2], drawn.shape[3]))
        return pyramid(target)(shrunk(drawn, (target.shape[2], target.shape[3]))).mean()

    def _add_samples(self) -> Iterator[None]:
        """New pictures with their latents, some at a time; the oldest give way."""
        generator, info = self.generator, self.generator.info
        random = np.random.RandomState((self.options.seed * 104729 + 17 * self.step) % 2**32)
        count = FRESH if self.images else self.options.batch
        z = torch.from_numpy(random.randn(count, info.z_dim).astype(np.float32)).to(generator.device)
        # Many photographs lie nearer to the mean than free samples do, some farther off.
        psi = float(random.uniform(0.5, 1.15)) if info.has_mapping else 1.0
        with torch.no_grad():
            ws = generator.mapping(z, self._labels(count, self.step * FRESH), psi)
        mixed = (
            count // FRESH * MIXED if self.encoder.config.in_w and info.num_ws > 1 and not info.c_dim else 0
        )
        if mixed:
            ws = ws.clone()
            row = int(random.randint(1, info.num_ws))
            ws[:mixed, row:] = ws[mixed : 2 * mixed, row:]
        latents = (ws[:, 0] if self.encoder.config.in_w else z).cpu().numpy()
        some = FRESH if info.img_resolution < LARGE_PX else FEW
        for start in range(0, count, some):
            images = shrunk(pictures(generator, ws[start : start + some], self.rung), self.size)
            levels = (images * 127.5 + 127.5).round().clamp(0, 255).to(torch.uint8).cpu().numpy()
            for i, image in enumerate(levels, start):
                if len(self.images) < BANK:
                    self.images.append(image.copy())
                    self.latents.append(latents[i].copy())
                    self.is_known.append(i >= mixed)
                else:
                    at = (self.step * FRESH + i) % BANK
                    self.images[at], self.latents[at] = image.copy(), latents[i].copy()
                    self.is_known[at] = i >= mixed
            yield

    # --- to go on later -----------------------------------------------------------------------

    def store(self, path: Path) -> None:
        """Write everything but the samples, which are drawn again."""
        arrays = {f"network.{name}": value.cpu().numpy() for name, value in self.encoder.state_dict().items()}
        for i, (first, second) in enumerate(zip(self.adam.first, self.adam.second, strict=True)):
            arrays[f"first.{i}"], arrays[f"second.{i}"] = first.cpu().numpy(), second.cpu().numpy()
        arrays["step"] = np.array([_STATE_VERSION, self.step, self.adam.steps])
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)
        write_atomically(path, buffer.getvalue())

    def restore(self, path: Path) -> None:
        """Take up a stored training; one that does not fit is left alone and begun anew."""
        try:
            with np.load(path, allow_pickle=False) as stored:
                version, step, adam_steps = (int(value) for value in stored["step"])
                if version != _STATE_VERSION:
                    return
                network = {
                    name: torch.from_numpy(stored[f"network.{name}"]) for name in self.encoder.state_dict()
                }
                first = [torch.from_numpy(stored[f"first.{i}"]) for i in range(len(self.adam.first))]
                second = [torch.from_numpy(stored[f"second.{i}"]) for i in range(len(self.adam.first))]
            self.encoder.load_state_dict(network)
        except (OSError, ValueError, KeyError, EOFError, RuntimeError):
            return
        device = self.generator.device
        self.adam.first = [value.to(device) for value in first]
        self.adam.second = [value.to(device) for value in second]
        self.step, self.adam.steps = step, adam_steps


def statistics_mean(generator: Generator, w: Tensor) -> Tensor:
    """The mean w: of an unconditional generator the published one, else that of the samples."""
    return w.mean(0) if generator.info.c_dim else statistics(generator).mean[0]


def _as_photographed(images: Tensor, random: np.random.RandomState) -> Tensor:
    """Half of the pictures (N, C, H, W) with another light, a softer lens and some grain."""
    count = len(images)

    def drawn(low: float, high: float, channels: int = 1) -> Tensor:
        values = torch.from_numpy(random.uniform(low, high, (count, channels, 1, 1)).astype(np.float32))
        return values.to(images.device)

    soft = F.avg_pool2d(F.pad(images, (1, 1, 1, 1), mode="replicate"), 3, 1)
    other = torch.lerp(images, soft, drawn(0, 0.8))
    other = other * drawn(0.9, 1.1) + drawn(-0.06, 0.06, images.shape[1])
    grain = torch.from_numpy(random.standard_normal(images.shape).astype(np.float32)).to(images.device)
    other = (other + grain * drawn(0, 0.05)).clamp(-1, 1)
    return torch.where(drawn(0, 1) < 0.5, other, images)


def _drawn(generator: Generator, ws: Tensor, rung: Rung) -> Tensor:
    """Pictures at a rung, with gradients for the latents."""
    inputs, state = generator.inputs(ws), State()
    for index in range(rung.stage + 1):
        state = generator.run_stage(index, state, inputs)
    return picture(generator, rung, state)
