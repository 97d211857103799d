"""A projection looked at through what may have happened to the photo, and fitted further that way.

Owns the softenings (resizing, blur and the coarse colours of JPEG as linear maps, so that gradients pass)
and the further steps in w and w+. Whoever fits a softened photo with sharp pictures is led away from the
latent that made it; through the right softening the generator's own pictures come all the way. One thread
at a time per generator.
"""

from __future__ import annotations

from collections.abc import Generator as Iteration
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from latentstudio.inversion.latents import Latents, Start
from latentstudio.inversion.pictures import exact_picture, nominal
from latentstudio.inversion.pixel_terms import shown
from latentstudio.inversion.projection import Projection
from latentstudio.inversion.quasi_newton import QuasiNewton
from latentstudio.inversion.starts import Statistics, class_tensor
from latentstudio.inversion.synthesis import Rung, gradients, rungs
from latentstudio.latent.spaces import W_PLUS, Z
from latentstudio.models.generator import Generator, Inputs

# Down and up again by so much, blurred by so many pixels, or colours at half the size as JPEG keeps them.
RESIZES, BLURS = (1.5, 2.0, 2.5, 4.0), (0.5, 0.7, 1.0, 1.4)
# The first trial goes this share of the latents' spread.
FIRST_STEP = 0.01
# Rows: brightness and the two colour differences of JFIF, of red, green and blue.
_YCC = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))


@dataclass(frozen=True, eq=False)
class Softenings:
    """Linear maps of pictures of one size; the first leaves them alone.

    Attributes:
        names: of each.
        rows: float32 (K, 2, H, H), what is done along the height: to brightness, to colour differences.
        columns: float32 (K, 2, W, W), the same along the width.
    """

    names: tuple[str, ...]
    rows: Tensor
    columns: Tensor

    def soft(self, images: Tensor, which: Tensor) -> Tensor:
        """Pictures (N, C, H, W), each through one of the maps; which: int64 (N,)."""
        if images.shape[1] != 3:
            rows, columns = self.rows[which, :1], self.columns[which, :1]
            return rows @ images @ columns.mT
        change = torch.tensor(_YCC, device=images.device)
        parts = torch.einsum("dc,nchw->ndhw", change, images)
        # Brightness has its map, both colour differences the other one.
        rows, columns = self.rows[which][:, [0, 1, 1]], self.columns[which][:, [0, 1, 1]]
        return torch.einsum("cd,ndhw->nchw", torch.linalg.inv(change), rows @ parts @ columns.mT)

    @torch.no_grad()
    def best(self, images: Tensor, targets: Tensor) -> Tensor:
        """Which one brings each picture nearest to its target, int64 (N,)."""
        n = len(images)
        misses = []
        for k in range(len(self.names)):
            soft = self.soft(images, torch.full((n,), k, device=images.device))
            misses.append(_miss(soft, targets))
        return torch.stack(misses).argmin(0)


def _miss(images: Tensor, targets: Tensor) -> Tensor:
    """Mean square difference in levels of 255, (N,)."""
    return (shown(images, targets) - targets).square().mean((1, 2, 3)) * 127.5**2


@lru_cache(maxsize=2)
def softenings(height: int, width: int) -> Softenings:
    """The softenings of pictures of a size."""
    names, rows, columns = [], [], []

    def add(name: str, along_height: tuple[Tensor, Tensor], along_width: tuple[Tensor, Tensor]) -> None:
        names.append(name)
        rows.append(torch.stack(along_height))
        columns.append(torch.stack(along_width))

    none = torch.eye(height), torch.eye(width)
    add("clean", (none[0], none[0]), (none[1], none[1]))
    halves = _resized(height, 2, Image.Resampling.BOX), _resized(width, 2, Image.Resampling.BOX)
    add("jpeg", (none[0], halves[0]), (none[1], halves[1]))
    for factor in RESIZES:
        down, across = (_resized(side, factor, Image.Resampling.LANCZOS) for side in (height, width))
        add(f"resize{factor:g}", (down, down), (across, across))
    for sigma in BLURS:
        down, across = _blurred(height, sigma), _blurred(width, sigma)
        add(f"blur{sigma:g}", (down, down), (across, across))
    return Softenings(tuple(names), torch.stack(rows), torch.stack(columns))


def _resized(side: int, factor: float, down: Image.Resampling) -> Tensor:
    """What resizing down and up again does to a line of pixels, (side, side)."""
    small = max(1, round(side / factor))
    # Every column is one pixel alone, and only the height is resized.
    image = Image.fromarray(np.eye(side, dtype=np.float32)).resize((side, small), down)
    return torch.from_numpy(np.array(image.resize((side, side), Image.Resampling.BICUBIC), np.float32))


def _blurred(side: int, sigma: float) -> Tensor:
    at = np.arange(side)
    reach = int(np.ceil(4 * sigma))
    taps = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * sigma**2))
    taps /= taps.sum()
    found = np.zeros((side, side), np.float32)
    for offset, tap in zip(range(-reach, reach + 1), taps, strict=True):
        # Beyond the edge its last pixel goes on.
        np.add.at(found, (at, np.clip(at + offset, 0, side - 1)), tap)
    return torch.from_numpy(found)


@dataclass(frozen=True, eq=False)
class Further:
    """Where further steps led.

    Attributes:
        softening: the name of the map that the photo was looked at through.
        ws: float32 (num_ws, w_dim).
        image: uint8 (H, W, 3), the picture of ws, not softened.
        freer: uint8 (H, W, 3), the same in w+ after more steps; `image` where there were none.
        curve: (steps + 1,), mean square difference through the map, in levels of 255: before the first step
            and after each.
    """

    softening: str
    ws: NDArray[np.float32]
    image: NDArray[np.uint8]
    freer: NDArray[np.uint8]
    curve: NDArray[np.float32]


def go_further(
    generator: Generator,
    images: Tensor,
    found: Sequence[Projection],
    spread: Statistics,
    pace: Tensor | None,
    steps: int,
    plus_steps: int,
) -> Iteration[int, None, list[Further]]:
    """Fit photos further, each through the softening that explains most of what is left.

    Args:
        generator: the model.
        images: float32 (N, C, H, W) in [-1, 1], the photos.
        found: their projections, all in the same space, w or z.
        spread: of the generator's ws.
        pace: see `metric.pace`.
        steps: in that space.
        plus_steps: in w+ from there.

    Yields:
        the number of the step; the returned value is one result a photo.
    """
    known = softenings(*generator.info.img_size)
    known = Softenings(known.names, known.rows.to(images.device), known.columns.to(images.device))
    maps = [torch.from_numpy(np.stack(m))[:, None].to(images.device) for m in _noise(found)]
    latents = Latents(generator, found[0].source.space, _start(generator, found), spread, fits_class=False)
    with torch.no_grad():
        drawn = [exact_picture(generator, one.ws, one.noise)[0] for one in found]
        begun = nominal(generator, torch.cat(drawn))
    which = known.best(begun, images)
    fitting = _Fitting(generator, images, known, which, maps, None if latents.space == Z else pace)
    yield from fitting.run(latents, steps, 0)
    curve = np.stack([_miss(known.soft(begun, which), images).cpu().numpy(), *fitting.curve], 1)
    rows, pixels = _results(generator, latents, found)
    freer = pixels
    if plus_steps:
        start = Start(torch.zeros(len(found), generator.info.z_dim), latents.ws().detach(), latents.c)
        rows_apart = Latents(generator, W_PLUS, start, spread, fits_class=False)
        yield from fitting.run(rows_apart, plus_steps, steps)
        freer = _results(generator, rows_apart, found)[1]
    return [
        Further(known.names[int(which[i])], rows[i], pixels[i], freer[i], curve[i].astype(np.float32))
        for i in range(len(found))
    ]


class _Fitting:
    """Steps for a batch of photos."""

    def __init__(
        self,
        generator: Generator,
        images: Tensor,
        known: Softenings,
        which: Tensor,
        maps: list[Tensor],
        pace: Tensor | None,
    ) -> None:
        self.generator, self.images, self.known = generator, images, known
        self.which, self.maps, self.pace = which, maps, pace
        self.rung: Rung = rungs(generator)[-1]
        self.curve: list[NDArray[np.float32]] = []

    def run(self, latents: Latents, steps: int, done: int) -> Iteration[int, None, None]:
        """Move latents; they hold the best point afterwards, and `curve` its miss after each step."""
        begun = latents.values.detach().clone()
        moves = torch.zeros_like(begun).requires_grad_()
        optimiser = QuasiNewton([moves], FIRST_STEP * latents.unit)
        self.curve = []
        for step in range(steps):
            optimiser.try_out()
            self._place(latents, begun, moves)
            misses = yield from self._passed(latents, done + step)
            gradient = latents.values.grad
            latents.values.grad = None
            assert gradient is not None
            moves.grad = gradient if self.pace is None else gradient @ self.pace
            optimiser.take(misses)
            self.curve.append(optimiser.loss.cpu().numpy().copy())
        self._place(latents, begun, moves)

    @torch.no_grad()
    def _place(self, latents: Latents, begun: Tensor, moves: Tensor) -> None:
        latents.values.copy_(begun + (moves if self.pace is None else moves @ self.pace))

    def _passed(self, latents: Latents, step: int) -> Iteration[int, None, Tensor]:
        """Forward and backward: the misses (N,), and gradients on the latents."""
        ws = latents.ws()
        leaf = ws.detach().requires_grad_()
        inputs = Inputs(leaf, "const", dict(enumerate(self.maps)))
        misses: list[Tensor] = []

        def loss_of(image: Tensor) -> Tensor:
            misses.append(_miss(self.known.soft(image, self.which), self.images))
            return misses[0].sum()

        generator = self.generator
        before, passing = generator.compute_dtype, gradients(generator, inputs, self.rung, loss_of)
        while True:
            # Others may draw while this waits: they must find the generator as they left it.
            generator.compute_dtype = torch.float32
            try:
                next(passing)
            except StopIteration:
                break
            finally:
                generator.compute_dtype = before
            yield step
        torch.autograd.backward([ws], [leaf.grad])
        return misses[0].detach()


def _noise(found: Sequence[Projection]) -> list[list[NDArray[np.float32]]]:
    """Each noise map of all photos; none where none was fitted."""
    return [[one.noise[k] for one in found] for k in range(len(found[0].noise))]


def _start(generator: Generator, found: Sequence[Projection]) -> Start:
    device, info = generator.device, generator.info
    ws = torch.from_numpy(np.stack([one.ws for one in found])).to(device)
    if found[0].source.space != Z:
        # From w on nothing depends on a class.
        return Start(torch.zeros((len(found), info.z_dim), device=device), ws, None)
    arrays = [one.source.values.array for one in found if one.source.values is not None]
    z = torch.from_numpy(np.stack(arrays).astype(np.float32)).to(device)
    each = [class_tensor(generator, one.classes) for one in found]
    classes = [one for one in each if one is not None]
    return Start(z, ws, torch.cat(classes) if classes else None)


def _results(
    generator: Generator, latents: Latents, found: Sequence[Projection]
) -> tuple[list[NDArray[np.float32]], list[NDArray[np.uint8]]]:
    """Rows and pictures, each drawn alone, as a recipe is rendered."""
    rows, pixels = [], []
    with torch.no_grad():
        everything = latents.ws().expand(-1, generator.info.num_ws, -1).cpu().numpy()
    for one, ws in zip(found, everything, strict=True):
        rows.append(np.array(ws, np.float32))
        pixels.append(exact_picture(generator, rows[-1], one.noise)[1])
    return rows, pixels
