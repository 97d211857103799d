"""Projections turned into statistics, for many pictures at a time.

Owns the way from pictures at the model's own size to `Measurement`s, by a protocol; long work is a
generator of `Progress`, so that previews go first and cancelling is closing. One thread at a time per
model.
"""

from __future__ import annotations

import time
from collections.abc import Generator as Iteration
from collections.abc import Sequence
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image

from latentstudio.detection.explaining import Further, go_further
from latentstudio.detection.metric import pace
from latentstudio.detection.protocol import Protocol
from latentstudio.detection.statistics import Evidence, WSpread, measure
from latentstudio.engine.requests import Progress
from latentstudio.inversion.encoder import encoder_for
from latentstudio.inversion.options import ProjectionOptions
from latentstudio.inversion.pictures import nominal, target_tensor
from latentstudio.inversion.projection import Projection
from latentstudio.inversion.projector import batch_size, project
from latentstudio.inversion.schedule import WHITENED, phases
from latentstudio.inversion.starts import statistics
from latentstudio.inversion.synthesis import pictures, rungs
from latentstudio.inversion.target import Target
from latentstudio.latent.sampling import z_from_seed
from latentstudio.latent.spaces import W
from latentstudio.models.discriminators import DiscriminatorNetwork, load_discriminator
from latentstudio.models.generator import Generator

Picture = NDArray[np.uint8]
SPREAD_SAMPLES, SPREAD_SEED = 8192, 11
# Samples that a picture's nearest neighbour is looked for among; few where drawing one takes long.
SAMPLES, FEW_SAMPLES, SAMPLES_BATCH, SAMPLES_PSI, SMALL_PX = 256, 32, 16, 0.7, 64
# Where there is an encoder: one try from its answer and one from samples, with fewer steps each.
TWO_TRIES_STEPS = 36
# The largest step in w, in units of w's spread in one direction: with Adam, and along axes of its own (there
# it is that of all directions together).
LOOK_RATE, LOOK_RATE_WHITENED = 0.9, 0.26


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
        if restart and options.start == "encoder":
            # An encoder always says the same, and is led astray by what happened to a photo: samples next.
            options = options.changed(start="samples")
        words = "Projecting" if protocol.restarts == 1 else f"Projecting, try {restart + 1}"
        tries.append((yield from _projections(generator, aims, options, words)))
    best = [min((some[i] for some in tries), key=lambda one: one.distance) for i in range(len(aims))]
    further: list[Further | None] = [None] * len(aims)
    if protocol.further_steps or protocol.plus_steps:
        further = list((yield from _gone_further(generator, aims, best, protocol, known)))
    evidence = []
    for i, target in enumerate(aims):
        distances = tuple(some[i].distance for some in tries)
        evidence.append(_evidence(target.image, best[i], further[i], distances, known))
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


def _gone_further(
    generator: Generator,
    aims: Sequence[Target],
    best: Sequence[Projection],
    protocol: Protocol,
    known: OwnKind,
) -> Iteration[Progress, None, list[Further]]:
    total = protocol.further_steps + protocol.plus_steps
    found: list[Further] = []
    size = batch_size(generator)
    for start in range(0, len(aims), size):
        some = range(start, min(start + size, len(aims)))
        steps = go_further(
            generator,
            target_tensor(generator, [aims[i] for i in some]),
            [best[i] for i in some],
            statistics(generator),
            known.pace,
            protocol.further_steps,
            protocol.plus_steps,
        )
        while True:
            try:
                step = next(steps)
            except StopIteration as end:
                found += end.value
                break
            yield Progress(step, total, "Looking through what may have happened")
    return found


def _evidence(
    picture: Picture, best: Projection, further: Further | None, tries: tuple[float, ...], known: OwnKind
) -> Evidence:
    resynthesis = further.image if further else best.image
    return Evidence(
        target=picture,
        resynthesis=resynthesis,
        freer=further.freer if further else resynthesis,
        curve=best.curve,
        distance=best.distance,
        nearest=known.nearest(picture),
        ws=further.ws if further else best.ws,
        further=further.curve if further else np.zeros(0, np.float32),
        restarts=tries,
        critic=known.critic(picture, resynthesis),
    )


@dataclass(frozen=True, eq=False)
class OwnKind:
    """What the model's own pictures are like.

    Attributes:
        spread: where its w's lie.
        samples: float32 (K, h, w, 3), some of its pictures in levels of 255, small.
        pace: see `metric.pace`.
        judge: the discriminator its checkpoint holds; None where it holds none.
    """

    spread: WSpread
    samples: NDArray[np.float32]
    pace: torch.Tensor | None = None
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
    usual = replace(usual, projection=usual.projection.changed(fit_noise=_shows_noise(generator)))
    if usual.projection.space == W and encoder_for(generator) is not None:
        few = usual.projection.changed(start="encoder", steps=TWO_TRIES_STEPS)
        usual = replace(usual, projection=few, restarts=2)
    if generator.info.c_dim:
        return usual
    way = phases(rungs(generator), usual.projection, False, generator.info.w_dim)[0].way
    rate = LOOK_RATE_WHITENED if way == WHITENED else LOOK_RATE
    rate *= statistics(generator).std / generator.info.w_dim**0.5
    return replace(usual, projection=usual.projection.changed(learning_rate=rate))


@torch.no_grad()
def _shows_noise(generator: Generator) -> bool:
    """Whether its noise can be seen: by a level of 255 or more in the mean square.

    Where it can't, fitting it would only lend other pictures a freedom.
    """
    info = generator.info
    if not generator.noise_shapes:
        return False
    z = torch.from_numpy(np.random.RandomState(SPREAD_SEED).randn(4, info.z_dim).astype(np.float32))
    c = torch.eye(info.c_dim)[:1].expand(4, -1).to(generator.device) if info.c_dim else None
    ws = generator.mapping(z.to(generator.device), c, SAMPLES_PSI)
    const, none = (nominal(generator, generator.synthesis(ws, mode)) for mode in ("const", "none"))
    return float((const - none).square().mean()) * 127.5**2 >= 1


_known: WeakKeyDictionary[Generator, OwnKind] = WeakKeyDictionary()


def own_kind(generator: Generator) -> OwnKind:
    """What the model's own pictures are like; measured once and kept as long as the model is."""
    if generator not in _known:
        from latentstudio.engine.discovery import sample_w

        w = sample_w(generator, SPREAD_SAMPLES, np.random.RandomState(SPREAD_SEED))
        _known[generator] = OwnKind(
            WSpread.of(w), _small_pictures(generator, w), pace(generator), _judge_of(generator)
        )
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
    """The model's picture of a seed, uint8 (H, W, 3); conditional models draw one of their classes.

    Odd seeds have noise drawn from the seed, even ones the model's own: people make pictures both ways.
    """
    info = generator.info
    z = torch.from_numpy(z_from_seed(seed, info.z_dim))[None]
    c = None
    if info.c_dim:
        c = torch.zeros((1, info.c_dim))
        c[0, seed % info.c_dim] = 1
    noise = generator.draw_noise(seed) if seed % 2 else None
    image = generator(z, c, psi, noise_maps=noise)
    pixels = generator.to_uint8(image)[0].permute(1, 2, 0).cpu().numpy()
    if pixels.shape[2] < 3:
        pixels = pixels[..., :1].repeat(3, 2)
    return np.ascontiguousarray(pixels[..., :3])
