"""One batch of photographs being fitted: the variables, the steps, what is kept.

Owns the loop of `projector.project`. Nothing of the generator is changed except its compute type, and
that only within a step. One thread at a time per generator.

Source: Karras et al., "Analyzing and Improving the Image Quality of StyleGAN", appendix D.
"""

from __future__ import annotations

import time
from collections.abc import Generator as Iteration
from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentstudio.errors import InputError
from latentstudio.inversion.adam import Adam
from latentstudio.inversion.distance import Prepared, make_distance, shrunk
from latentstudio.inversion.latents import DEFAULT_PULL, Latents
from latentstudio.inversion.noise_maps import acts_steps, autocorrelation, drawn_maps, normalise
from latentstudio.inversion.options import FAST, PUBLISHED, ProjectionOptions
from latentstudio.inversion.pictures import (
    as_pixels,
    exact_picture,
    mask_tensor,
    nominal,
    target_tensor,
)
from latentstudio.inversion.projection import (
    Checkpoint,
    Control,
    Floats,
    Projection,
    ProjectionProgress,
    Snapshot,
)
from latentstudio.inversion.quasi_newton import QuasiNewton
from latentstudio.inversion.schedule import (
    EARLY_FROM_PX,
    Phase,
    added_noise,
    phases,
)
from latentstudio.inversion.starting import find_start
from latentstudio.inversion.starts import Statistics, class_tensor, statistics_steps
from latentstudio.inversion.synthesis import gradients, rungs
from latentstudio.inversion.target import Target
from latentstudio.inversion.terms import history_of, terms_of
from latentstudio.inversion.ways import Way, advance, dtype_of, way_of
from latentstudio.models.generator import Generator, Inputs
from latentstudio.models.preview_heads import fit_steps

# A step that takes longer than this reports in between, so that a person can stop it.
PATIENCE_S = 0.2
# How often a fit that is asked for it tells where it stands.
CHECKPOINT_EVERY = 10

Value = TypeVar("Value")


class Fit:
    """A batch.

    Args:
        generator: what is inverted.
        targets: at its own size.
        options: how.
        control: asked after every step.
    """

    def __init__(
        self,
        generator: Generator,
        targets: Sequence[Target],
        options: ProjectionOptions,
        control: Control,
    ) -> None:
        self.generator, self.targets, self.options, self.control = generator, targets, options, control
        self.images = target_tensor(generator, targets)
        self.mask = mask_tensor(generator, targets) if options.use_mask else None
        self.distance = make_distance(
            options.distance, generator, dict(options.weights), vgg_path=options.vgg_path
        )
        self.projections: list[Projection] = []
        self.step = 0
        self.history: list[dict[str, Floats]] = []
        self.streams: list[torch.Generator] = []
        self.seconds = 0.0
        # What the newest picture was drawn from, and where a line search has its best picture.
        self.drawn_from: tuple[Snapshot, ...] = ()
        self.best: Tensor | None = None

    # --- from start to end --------------------------------------------------------------------

    def run(self, resume: Sequence[Checkpoint | None] = ()) -> Iterator[ProjectionProgress]:
        """Fit; afterwards `projections` holds the results."""
        started = time.perf_counter()
        options, generator = self.options, self.generator
        c = None
        if generator.info.c_dim and (options.class_mode == "given" or options.classes):
            c = class_tensor(generator, options.classes)
        yield self._progress("Looking for a start")
        self.spread: Statistics = yield from self._told(
            statistics_steps(generator, c), "Measuring the latents"
        )
        if options.method == FAST and not generator.has_preview and not generator.preview_heads:
            # Early pictures where the family has none: the same that the window's previews use.
            for _ in fit_steps(generator) if generator.info.img_resolution >= EARLY_FROM_PX else ():
                yield self._progress("Fitting early pictures")
        found = None
        for candidate in find_start(generator, self.images, self.mask, options, self.spread, c):
            found = candidate
            yield self._progress("Looking for a start")
        assert found is not None
        fits_class = options.class_mode != "given"
        self.latents = Latents(generator, options.space, found, self.spread, fits_class=fits_class)
        # One stream of numbers a photograph, so that its result does not depend on its neighbours.
        self.streams = [torch.Generator().manual_seed(options.seed) for _ in self.targets]
        self.noise: list[Tensor] = []
        # Noise that changes no level is not worth the steps of the fast method.
        levels = 0.0 if options.method == PUBLISHED else 0.5
        looking = acts_steps(generator, self.latents.ws().detach(), levels) if options.fit_noise else None
        if looking is not None and (yield from self._told(looking, "Looking at the noise")):
            self.noise = drawn_maps(generator, self.streams)
            normalise(self.noise)
            for values in self.noise:
                values.requires_grad_()
        numbers = self.latents.values[0].numel()
        self.plan = phases(rungs(generator), options, bool(self.noise), numbers)
        self.optimiser: Way = way_of(self.plan[0], self._variables(self.plan[0]), self.latents.unit)
        if any(resume):
            self._restore(resume)
        yield from self._steps()
        self.seconds = time.perf_counter() - started
        for index in range(len(self.targets)):
            self.projections.append(self._projection(index))
            yield self._progress("Drawing the result")

    def _told(
        self, steps: Iteration[None, None, Value], text: str
    ) -> Iteration[ProjectionProgress, None, Value]:
        """Work in pieces, told between them."""
        while True:
            try:
                next(steps)
            except StopIteration as end:
                value: Value = end.value
                return value
            yield self._progress(text)

    def _steps(self) -> Iterator[ProjectionProgress]:
        for phase in self.plan:
            if self.step >= phase.stop or self.control.stops:
                continue
            if self.step == phase.start:
                self._begin(phase)
            size = phase.rung.size
            mask = None if self.mask is None else shrunk(self.mask, size)
            prepared = self.distance.prepare(shrunk(self.images, size), mask)
            while self.step < phase.stop and not self.control.stops:
                self._maybe_settle_class()
                told = time.perf_counter()
                one = self._one(phase, prepared)
                while True:
                    try:
                        next(one)
                    except StopIteration as end:
                        image = end.value
                        break
                    if time.perf_counter() - told > PATIENCE_S:
                        yield self._progress("Fitting")
                        told = time.perf_counter()
                self.step += 1
                if self.control.asks_checkpoints and self.step % CHECKPOINT_EVERY == 0:
                    photos = range(len(self.targets))
                    self.control.checkpoints = tuple(self._checkpoint(i) for i in photos)
                yield self._progress("Fitting", image if self._is_due(self.step) else None)

    def _is_due(self, step: int) -> bool:
        """Whether the picture of a step is told."""
        every = self.options.preview_every
        return bool(every) and (step % every == 0 or step in (1, self.options.total_steps))

    def _variables(self, phase: Phase) -> list[Tensor]:
        return [*self.latents.variables, *(self.noise if phase.fits_noise else [])]

    def _begin(self, phase: Phase) -> None:
        """Start a phase with what it needs to know of the steps: nothing yet."""
        if phase.start and self.options.class_mode == "fitted":
            self.latents.keep_best_class()
        self.best = None
        self.optimiser = way_of(phase, self._variables(phase), self.latents.unit)

    def _one(self, phase: Phase, prepared: Prepared) -> Iteration[None, None, Tensor | None]:
        """One step: forward, backward, and what the phase makes of the gradients.

        Gives the picture, and leaves in `drawn_from` what draws it again; None where nobody knows it.
        """
        options, generator, optimiser = self.options, self.generator, self.optimiser
        if isinstance(optimiser, QuasiNewton):
            optimiser.try_out()
        amount = added_noise(self.step, options)
        added = None
        shape = self.latents.values.shape[1:]
        if amount:
            drawn = torch.stack([torch.randn(shape, generator=s) for s in self.streams])
            added = drawn.to(generator.device) * (amount * self.latents.unit)
        # Before it moves on.
        self.drawn_from = self._snapshots(added) if self._is_due(self.step + 1) else ()
        ws = self.latents.ws(added)
        leaf = ws.detach().requires_grad_()
        maps = self.noise if phase.fits_noise else [values.detach() for values in self.noise]
        inputs = Inputs(leaf, "const", dict(enumerate(maps)))
        terms: dict[str, Tensor] = {}

        def loss_of(image: Tensor) -> Tensor:
            terms.update(prepared.terms(image))
            return torch.stack(list(terms.values())).sum()

        before = generator.compute_dtype
        passing = gradients(generator, inputs, phase.rung, loss_of)
        while True:
            # Others may draw while this waits: they must find the generator as they left it.
            generator.compute_dtype = dtype_of(phase, self.step, generator, options)
            try:
                next(passing)
            except StopIteration as end:
                image: Tensor | None = end.value
                break
            finally:
                generator.compute_dtype = before
            yield
        penalties = self._penalties(phase)
        if penalties:
            torch.autograd.backward([torch.stack(list(penalties.values())).sum()])
        torch.autograd.backward([ws], [leaf.grad])
        everything = {name: value.detach() for name, value in (terms | penalties).items()}
        told = {name: value.cpu().numpy() for name, value in everything.items()}
        if isinstance(optimiser, QuasiNewton):
            accepted = optimiser.take(torch.stack(list(everything.values())).sum(0)).cpu().numpy()
            if self.history and self.step > phase.start:
                # A trial that was not accepted is no step: the curve stays where it was.
                before_it = self.history[-1]
                told = {name: np.where(accepted, told[name], before_it[name]) for name in told}
            image = self._best(image, accepted)
        else:
            advance(optimiser, self.step, phase, options, self.latents)
            if phase.fits_noise:
                normalise(self.noise)
        self.history.append(told)
        return image

    def _penalties(self, phase: Phase) -> dict[str, Tensor]:
        """What is minimised beside the distance, each (N,)."""
        found: dict[str, Tensor] = {}
        if self.noise and phase.fits_noise and self.options.noise_weight:
            found["noise"] = self.options.noise_weight * autocorrelation(self.noise)
        weight = self.options.pull
        weight = DEFAULT_PULL[self.options.space] if weight is None else weight
        if weight and self.generator.info.z_shape is None:
            found["pull"] = weight * self.latents.pull()
        return found

    def _maybe_settle_class(self) -> None:
        """Where one phase is all there is, a fitted class becomes one class after two thirds of it."""
        if self.options.class_mode != "fitted" or self.latents.logits is None or len(self.plan) > 1:
            return
        if self.step >= self.options.total_steps * 2 // 3:
            at = len(self.latents.variables) - 1
            self.latents.keep_best_class()
            assert isinstance(self.optimiser, Adam)
            for states in (self.optimiser.variables, self.optimiser.first, self.optimiser.second):
                del states[at]

    # --- what is told and kept ----------------------------------------------------------------

    def _progress(self, text: str, image: Tensor | None = None) -> ProjectionProgress:
        terms = self.history[-1] if self.history else {}
        pixels = None
        snapshots: tuple[Snapshot, ...] = ()
        if image is not None:
            pixels = as_pixels(image, self.generator.info.img_size)
            snapshots = self.drawn_from
        return ProjectionProgress(
            self.step, self.options.total_steps, terms, pixels, text, (0, len(self.targets)), snapshots
        )

    def _best(self, image: Tensor | None, accepted: NDArray[np.bool_]) -> Tensor | None:
        """The picture of where a line search stands: a trial that was not accepted is not it."""
        if image is not None and not accepted.all():
            chosen = torch.from_numpy(accepted).to(image.device)[:, None, None, None]
            image = None if self.best is None else torch.where(chosen, image, self.best)
        self.best = image
        if self.drawn_from:
            self.drawn_from = self._snapshots(None)
        return image

    def _snapshots(self, added: Tensor | None) -> tuple[Snapshot, ...]:
        """What draws the present picture of each photograph."""
        latents = self.latents
        return tuple(
            Snapshot(latents.source(i, added), self._noise_of(i), latents.classes(i), self.step + 1)
            for i in range(len(self.targets))
        )

    def _noise_of(self, index: int) -> tuple[Floats, ...]:
        return tuple(values.detach()[index, 0].cpu().numpy().copy() for values in self.noise)

    def _projection(self, index: int) -> Projection:
        latents, generator = self.latents, self.generator
        with torch.no_grad():
            # Alone, as a recipe is rendered: a batch could differ in the last bit.
            source, noise = latents.source(index), self._noise_of(index)
            c = latents.class_weights()
            if source.space == "z":
                z = latents.values.detach()[index : index + 1].clone()
                ws = generator.mapping(z, None if c is None else c[index : index + 1])[0]
            else:
                ws = latents.values.detach()[index].expand(generator.info.num_ws, -1)
            rows = np.array(ws.cpu().numpy(), np.float32)
            image, pixels = exact_picture(generator, rows, noise)
            mask = None if self.mask is None else self.mask[index : index + 1]
            prepared = self.distance.prepare(self.images[index : index + 1], mask)
            distance = float(prepared(nominal(generator, image)))
        terms = terms_of(self.history, index)
        parts = [values for name, values in terms.items() if name not in ("noise", "pull")]
        curve: Floats = np.stack(parts).sum(0).astype(np.float32) if parts else np.zeros(0, np.float32)
        return Projection(
            source,
            rows,
            noise,
            latents.classes(index),
            pixels,
            distance,
            curve,
            terms,
            self.distance.describe(),
            self.options,
            self.seconds,
            self.targets[index].name,
            None,
            self._checkpoint(index),
        )

    # --- to go on later -----------------------------------------------------------------------

    def _checkpoint(self, index: int) -> Checkpoint:
        arrays: dict[str, np.ndarray] = {"stream": self.streams[index].get_state().numpy().copy()}
        for i, variable in enumerate([*self.latents.variables, *self.noise]):
            arrays[f"value{i}"] = variable.detach()[index].cpu().numpy().copy()
        c = self.latents.c
        if c is not None:
            arrays["class"] = c[index].cpu().numpy().copy()
        for name, part in self.optimiser.state.items():
            arrays[f"way.{name}"] = part[index].cpu().numpy().copy()
        arrays |= {f"curve.{name}": values for name, values in terms_of(self.history, index).items()}
        return Checkpoint(self.step, arrays)

    def _restore(self, resume: Sequence[Checkpoint | None]) -> None:
        known = [one for one in resume if one is not None]
        if len(known) != len(self.targets) or len({one.step for one in known}) != 1:
            raise InputError("Photographs of one batch can only go on together, from the same step.")
        self.step = known[0].step
        phase = next((p for p in self.plan if p.start < self.step <= p.stop), self.plan[0])
        if len(self.plan) > 1:
            self._begin(phase)
        self._maybe_settle_class()

        def stored(name: str) -> Tensor:
            return torch.from_numpy(np.stack([one.arrays[name] for one in known]))

        try:
            with torch.no_grad():
                for i, variable in enumerate([*self.latents.variables, *self.noise]):
                    variable.copy_(stored(f"value{i}"))
                if self.latents.c is not None:
                    self.latents.c = stored("class").to(self.images.device)
                self.optimiser.restore({name: stored(f"way.{name}") for name in self.optimiser.state})
        except (KeyError, ValueError, RuntimeError) as error:
            raise InputError("The stored fit belongs to other options or to another model.") from error
        for stream, one in zip(self.streams, known, strict=True):
            stream.set_state(torch.from_numpy(one.arrays["stream"]))
        curves = [
            {name.removeprefix("curve."): a for name, a in one.arrays.items() if name.startswith("curve.")}
            for one in known
        ]
        self.history = history_of(curves, self.step)
