"""Projections turned into statistics, for many pictures at a time.

Owns the way from pictures at the model's own size to `Measurement`s, by a protocol; long work is a
generator of `Progress`, so that previews go first and cancelling is closing. One thread at a time per
model.
"""

from __future__ import annotations

import time
from collections.abc import Generator as Iteration
from collections.abc import Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image

from latentstudio.detection.protocol import Protocol
from latentstudio.detection.statistics import Evidence, WSpread, measure
from latentstudio.engine.requests import Progress
from latentstudio.inversion.options import PUBLISHED, ProjectionOptions
from latentstudio.inversion.projection import Projection
from latentstudio.inversion.projector import project
from latentstudio.inversion.starts import statistics
from latentstudio.inversion.synthesis import pictures, rungs
from latentstudio.inversion.target import Target
from latentstudio.latent.sampling import z_from_seed
from latentstudio.models.discriminators import DiscriminatorNetwork, load_discriminator
from latentstudio.models.generator import Generator

Picture = NDArray[np.uint8]
SPREAD_SAMPLES, SPREAD_SEED = 8192, 11
# Samples that a picture's nearest neighbour is looked for among; few where drawing one takes long.
SAMPLES, FEW_SAMPLES, SAMPLES_BATCH, SAMPLES_PSI, SMALL_PX = 256, 32, 16, 0.7, 64
# Adam's largest step in w+: from where the projection in w ended, not anew.
PLUS_RATE = 0.03
# Adam's largest step in w, in units of w's spread in one direction.
LOOK_RATE = 0.9


@dataclass(frozen=True, eq=False)
class Measurement:
    """One picture, measured.

    Attributes:
        values: the statistics by name.
        resynthesis: uint8 (H, W, 3), the generator's closest picture.
        seconds: what it took; pictures that were measured together share the time.
    """

    values: dict[str, float]
    resynthesis: Picture
    seconds: float


Measuring = Iteration[Progress, None, list[Measurement]]


def measure_pictures(generator: Generator, targets: Sequence[Picture], protocol: Protocol) -> Measuring:
    """Measure pictures.

    Args:
        generator: the model they are compared with.
        targets: uint8 (H, W, 3) at its own size.
        protocol: how.

    Yields:
        progress, at least once a step. The returned value is one `Measurement` a picture.
    """
    started = time.perf_counter()
    known = own_kind(generator)
    aims = [Target(picture) for picture in targets]
    tries: list[list[Projection]] = []
    for restart in range(protocol.restarts):
        options = protocol.projection.changed(seed=protocol.projection.seed + restart, tune_steps=0)
        words = "Projecting" if protocol.restarts == 1 else f"Projecting, try {restart + 1}"
        tries.append((yield from _projections(generator, aims, options, words)))
    evidence = []
    for i, target in enumerate(aims):
        own = [some[i] for some in tries]
        best = min(own, key=lambda one: one.distance)
        freer = best
        if protocol.plus_steps:
            options = protocol.projection.changed(
                space="w+",
                method=PUBLISHED,
                steps=protocol.plus_steps,
                start=best.source,
                classes=best.classes,
                class_mode="given",
                fit_noise=False,
                learning_rate=PLUS_RATE,
                rampup=0.0,
                noise_factor=0.0,
                tune_steps=0,
            )
            (freer,) = yield from _projections(generator, [target], options, "Looking beyond w")
        evidence.append(_evidence(target.image, best, freer, own, known))
    seconds = (time.perf_counter() - started) / max(len(targets), 1)
    return [Measurement(measure(e, known.spread), e.resynthesis, seconds) for e in evidence]


def _projections(
    generator: Generator, targets: Sequence[Target], options: ProjectionOptions, words: str
) -> Iteration[Progress, None, list[Projection]]:
    steps = project(generator, targets, options)
    try:
        while True:
            try:
                step = next(steps)
            except StopIteration as end:
                found: list[Projection] = end.value
                return found
            yield Progress(step.step, step.steps, words)
    finally:
        steps.close()


def _evidence(
    picture: Picture, best: Projection, freer: Projection, own: list[Projection], known: OwnKind
) -> Evidence:
    return Evidence(
        target=picture,
        resynthesis=best.image,
        freer=freer.image,
        curve=best.curve,
        distance=best.distance,
        nearest=known.nearest(picture),
        ws=best.ws,
        restarts=tuple(one.distance for one in own),
        critic=known.critic(picture, best.image),
    )


@dataclass(frozen=True, eq=False)
class OwnKind:
    """What the model's own pictures are like.

    Attributes:
        spread: where its w's lie.
        samples: float32 (K, h, w, 3), some of its pictures in levels of 255, small.
        judge: the discriminator its checkpoint holds; None where it holds none.
    """

    spread: WSpread
    samples: NDArray[np.float32]
    judge: DiscriminatorNetwork | None = None

    def nearest(self, picture: Picture) -> float:
        """Mean square difference of a picture (H, W, 3) to the nearest of the samples."""
        height, width = self.samples.shape[1:3]
        image = Image.fromarray(picture).resize((width, height), Image.Resampling.BOX)
        rest = self.samples - np.asarray(image, np.float32)
        return float(np.square(rest).mean((1, 2, 3)).min())

    @torch.inference_mode()
    def critic(self, picture: Picture, resynthesis: Picture) -> tuple[float, float] | None:
        """What the discriminator says of both; None where there is none."""
        if self.judge is None:
            return None
        both = torch.from_numpy(np.stack([picture, resynthesis])).permute(0, 3, 1, 2).float() / 127.5 - 1
        device = next(iter(self.judge.parameters())).device
        # One at a time: a discriminator may compare the pictures of a batch.
        scores = [float(self.judge(one[None].to(device))) for one in both]
        return scores[0], scores[1]


def usual_protocol(generator: Generator) -> Protocol:
    """How a model's pictures are measured unless told otherwise.

    The learning rate is written down rather than left to the projector: a calibration must mean the same
    when the projector's defaults change.
    """
    usual = Protocol.for_model(generator.info)
    if generator.info.c_dim:
        return usual
    rate = LOOK_RATE * statistics(generator).std / generator.info.w_dim**0.5
    return Protocol(usual.projection.changed(learning_rate=rate), usual.restarts, usual.plus_steps)


_known: WeakKeyDictionary[Generator, OwnKind] = WeakKeyDictionary()


def own_kind(generator: Generator) -> OwnKind:
    """What the model's own pictures are like; measured once and kept as long as the model is."""
    if generator not in _known:
        from latentstudio.engine.discovery import sample_w

        w = sample_w(generator, SPREAD_SAMPLES, np.random.RandomState(SPREAD_SEED))
        _known[generator] = OwnKind(WSpread.of(w), _small_pictures(generator, w), _judge_of(generator))
    return _known[generator]


def _judge_of(generator: Generator) -> DiscriminatorNetwork | None:
    info = generator.info
    if info.c_dim or info.img_channels != 3:
        return None
    judge = load_discriminator(info.path)
    if judge is None or judge.c_dim or (judge.resolution, judge.resolution) != info.img_size:
        return None
    return judge.to(generator.device).eval()


@torch.inference_mode()
def _small_pictures(generator: Generator, w: NDArray[np.float32]) -> NDArray[np.float32]:
    ladder = rungs(generator)
    rung = next((r for r in ladder if max(r.size) >= SMALL_PX), ladder[-1])
    count = FEW_SAMPLES if max(rung.size) > 4 * SMALL_PX else SAMPLES
    scale = min(1.0, SMALL_PX / max(rung.size))
    size = [max(1, round(side * scale)) for side in rung.size]
    found = []
    for start in range(0, count, SAMPLES_BATCH):
        ws = torch.from_numpy(w[start : min(start + SAMPLES_BATCH, count)]).to(generator.device)
        rows = generator.truncate(ws[:, None].expand(-1, generator.info.num_ws, -1), SAMPLES_PSI)
        images = F.interpolate(pictures(generator, rows, rung), size, mode="area")
        found.append(((images.clamp(-1, 1) + 1) * 127.5).permute(0, 2, 3, 1).cpu().numpy())
    stacked = np.concatenate(found)
    return stacked[..., :3] if stacked.shape[3] >= 3 else stacked[..., :1].repeat(3, 3)


@torch.inference_mode()
def own_picture(generator: Generator, seed: int, psi: float) -> Picture:
    """The model's picture of a seed, uint8 (H, W, 3); conditional models draw one of their classes."""
    info = generator.info
    z = torch.from_numpy(z_from_seed(seed, info.z_dim))[None]
    c = None
    if info.c_dim:
        c = torch.zeros((1, info.c_dim))
        c[0, seed % info.c_dim] = 1
    pixels = generator.to_uint8(generator(z, c, psi))[0].permute(1, 2, 0).cpu().numpy()
    if pixels.shape[2] < 3:
        pixels = pixels[..., :1].repeat(3, 2)
    return np.ascontiguousarray(pixels[..., :3])
