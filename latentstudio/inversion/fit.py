"""One batch of photographs being fitted: the variables, the steps, what is kept.

Owns the loop of `projector.project`. Nothing of the generator is changed except its compute type, and
that only within a step. One thread at a time per generator.

Source: Karras et al., "Analyzing and Improving the Image Quality of StyleGAN", appendix D.
"""

from __future__ import annotations

import time
from collections.abc import Generator as Iteration
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from latentstudio.errors import InputError
from latentstudio.inversion.adam import Adam
from latentstudio.inversion.distance import Prepared, make_distance, shrunk
from latentstudio.inversion.latents import DEFAULT_PULL, Latents
from latentstudio.inversion.noise_maps import acts, autocorrelation, drawn_maps, normalise
from latentstudio.inversion.options import ProjectionOptions
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
from latentstudio.inversion.schedule import added_noise, learning_rate, phases
from latentstudio.inversion.starting import find_start
from latentstudio.inversion.starts import class_tensor, statistics
from latentstudio.inversion.synthesis import Rung, gradients, rungs
from latentstudio.inversion.target import Target
from latentstudio.models.generator import Generator, Inputs

# A step that takes longer than this reports in between, so that a person can stop it.
PATIENCE_S = 0.2
# How often a fit that is asked for it tells where it stands.
CHECKPOINT_EVERY = 10


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

    # --- from start to end --------------------------------------------------------------------

    def run(self, resume: Sequence[Checkpoint | None] = ()) -> Iterator[ProjectionProgress]:
        """Fit; afterwards `projections` holds the results."""
        started = time.perf_counter()
        options, generator = self.options, self.generator
        c = None
        if generator.info.c_dim and (options.class_mode == "given" or options.classes):
            c = class_tensor(generator, options.classes)
        yield self._progress("Looking for a start")
        self.spread = statistics(generator, c)
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
        if options.fit_noise and acts(generator, self.latents.ws().detach()):
            self.noise = drawn_maps(generator, self.streams)
            normalise(self.noise)
            for values in self.noise:
                values.requires_grad_()
        self.adam = Adam([*self.latents.variables, *self.noise])
        if any(resume):
            self._restore(resume)
        yield from self._steps()
        self.seconds = time.perf_counter() - started
        for index in range(len(self.targets)):
            self.projections.append(self._projection(index))
            yield self._progress("Drawing the result")

    def _steps(self) -> Iterator[ProjectionProgress]:
        options = self.options
        plan = phases(rungs(self.generator), options)
        prepared: Prepared | None = None
        for phase in plan:
            if self.step >= phase.stop:
                continue
            size = phase.rung.size
            mask = None if self.mask is None else shrunk(self.mask, size)
            prepared = self.distance.prepare(shrunk(self.images, size), mask)
            while self.step < phase.stop and not self.control.stops:
                self._maybe_settle_class()
                told = time.perf_counter()
                one = self._one(phase.rung, prepared)
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
                is_due = options.preview_every and (
                    self.step % options.preview_every == 0 or self.step in (1, options.total_steps)
                )
                yield self._progress("Fitting", image if is_due else None)

    def _one(self, rung: Rung, prepared: Prepared) -> Iteration[None, None, Tensor]:
        """One step: forward, backward, Adam; gives the picture."""
        options, generator = self.options, self.generator
        amount = added_noise(self.step, options)
        added = None
        shape = self.latents.values.shape[1:]
        if amount:
            drawn = torch.stack([torch.randn(shape, generator=s) for s in self.streams])
            added = drawn.to(generator.device) * (amount * self.latents.unit)
        ws = self.latents.ws(added)
        leaf = ws.detach().requires_grad_()
        inputs = Inputs(leaf, "const", dict(enumerate(self.noise)))
        terms: dict[str, Tensor] = {}

        def loss_of(image: Tensor) -> Tensor:
            terms.update(prepared.terms(image))
            return torch.stack(list(terms.values())).sum()

        before = generator.compute_dtype
        passing = gradients(generator, inputs, rung, loss_of)
        while True:
            # Others may draw while this waits: they must find the generator as they left it.
            generator.compute_dtype = self.dtype
            try:
                next(passing)
            except StopIteration as end:
                image: Tensor = end.value
                break
            finally:
                generator.compute_dtype = before
            yield
        penalties = self._penalties()
        if penalties:
            torch.autograd.backward([torch.stack(list(penalties.values())).sum()])
        torch.autograd.backward([ws], [leaf.grad])
        self.adam.step(learning_rate(self.step, options))
        normalise(self.noise)
        everything = terms | penalties
        self.history.append({name: value.detach().cpu().numpy() for name, value in everything.items()})
        return image

    @property
    def dtype(self) -> torch.dtype:
        """In which type the features of a step are computed."""
        return torch.float32

    def _penalties(self) -> dict[str, Tensor]:
        """What is minimised beside the distance, each (N,)."""
        found: dict[str, Tensor] = {}
        if self.noise and self.options.noise_weight:
            found["noise"] = self.options.noise_weight * autocorrelation(self.noise)
        weight = self.options.pull
        weight = DEFAULT_PULL[self.options.space] if weight is None else weight
        if weight and self.generator.info.z_shape is None:
            found["pull"] = weight * self.latents.pull()
        return found

    def _maybe_settle_class(self) -> None:
        """After two thirds of the steps a fitted class becomes one class."""
        if self.options.class_mode != "fitted" or self.latents.logits is None:
            return
        if self.step >= self.options.total_steps * 2 // 3:
            at = len(self.latents.variables) - 1
            self.latents.keep_best_class()
            for states in (self.adam.variables, self.adam.first, self.adam.second):
                del states[at]

    # --- what is told and kept ----------------------------------------------------------------

    def _progress(self, text: str, image: Tensor | None = None) -> ProjectionProgress:
        terms = self.history[-1] if self.history else {}
        pixels = None
        snapshots: tuple[Snapshot, ...] = ()
        if image is not None:
            pixels = as_pixels(image, self.generator.info.img_size)
            snapshots = tuple(self._snapshot(i) for i in range(len(self.targets)))
        return ProjectionProgress(
            self.step, self.options.total_steps, terms, pixels, text, (0, len(self.targets)), snapshots
        )

    def _snapshot(self, index: int) -> Snapshot:
        return Snapshot(
            self.latents.source(index), self._noise_of(index), self.latents.classes(index), self.step
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
        names = list(dict.fromkeys(name for row in self.history for name in row))
        terms = {
            name: np.array([row[name][index] if name in row else 0 for row in self.history], np.float32)
            for name in names
        }
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
        for i, parts in enumerate(zip(self.adam.variables, self.adam.first, self.adam.second, strict=True)):
            for name, part in zip(("value", "first", "second"), parts, strict=True):
                arrays[f"{name}{i}"] = part.detach()[index].cpu().numpy().copy()
        for row_name in {name for row in self.history for name in row}:
            arrays[f"curve.{row_name}"] = np.array(
                [row[row_name][index] if row_name in row else 0 for row in self.history], np.float32
            )
        return Checkpoint(self.step, arrays)

    def _restore(self, resume: Sequence[Checkpoint | None]) -> None:
        known = [one for one in resume if one is not None]
        if len(known) != len(self.targets) or len({one.step for one in known}) != 1:
            raise InputError("Photographs of one batch can only go on together, from the same step.")
        self.step = known[0].step
        self._maybe_settle_class()
        self.adam.steps = self.step
        with torch.no_grad():
            for i, parts in enumerate(
                zip(self.adam.variables, self.adam.first, self.adam.second, strict=True)
            ):
                for name, part in zip(("value", "first", "second"), parts, strict=True):
                    try:
                        stored = np.stack([one.arrays[f"{name}{i}"] for one in known])
                        part.copy_(torch.from_numpy(stored))
                    except (KeyError, ValueError, RuntimeError) as error:
                        raise InputError(
                            "The stored fit belongs to other options or to another model."
                        ) from error
        for stream, one in zip(self.streams, known, strict=True):
            stream.set_state(torch.from_numpy(one.arrays["stream"]))
        names = [name.removeprefix("curve.") for name in known[0].arrays if name.startswith("curve.")]
        self.history = [
            {name: np.array([one.arrays[f"curve.{name}"][step] for one in known]) for name in names}
            for step in range(self.step)
        ]
