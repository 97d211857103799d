"""From a recipe to what the synthesis reads.

Owns the order in which the parts of a recipe act: z (with sliders in z), mapping, weighted sum, mixing,
truncation, sliders in w, style channels, noise, transform. One thread at a time per generator.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentstudio.document.recipe import DirectionEdit, Noise, Recipe, Source
from latentstudio.engine.noise_paths import noise_paths, noise_strengths
from latentstudio.errors import InputError
from latentstudio.latent.directions import add_to_ws
from latentstudio.latent.sampling import class_vector
from latentstudio.latent.spaces import Z, as_rows, layer_range
from latentstudio.models.generator import Generator, Inputs

Array = NDArray[np.float32]


def resolve_ws(recipe: Recipe, generator: Generator) -> Array:
    """The latents of a recipe after every edit: float32 (num_ws, w_dim).

    Raises:
        InputError: a latent, a direction or a class does not fit the generator.
    """
    resolver = _Resolver(recipe, generator)
    ws = resolver.mixed(resolver.start())
    result = np.ascontiguousarray(resolver.truncated(ws).detach().cpu().numpy(), np.float32)
    for edit in recipe.directions:
        if edit.direction.space != Z:
            result = add_to_ws(result, edit.direction, edit.amount, edit.start, edit.stop)
    if not np.isfinite(result).all():
        raise InputError("The latent has left the range of numbers.", "Take some sliders back.")
    return result


def resolve_inputs(recipe: Recipe, generator: Generator) -> Inputs:
    """Everything the stages read for one picture.

    Raises:
        InputError: see `resolve_ws`; or an edit names a layer, a channel or a noise input that the
            generator does not have.
    """
    transform = None
    if recipe.transform is not None and generator.info.has_transform:
        transform = recipe.transform.matrix()
    inputs = generator.inputs(
        torch.from_numpy(resolve_ws(recipe, generator))[None],
        "none" if recipe.noise.mode == "none" else "const",
        noise_maps=_noise_maps(recipe.noise, generator),
        transform=transform,
        truncation_psi=recipe.truncation_psi,
    )
    layers = recipe.noise.layers
    return replace(
        inputs,
        noise_modes={layer.index: layer.mode for layer in layers if layer.mode in ("const", "none")},
        noise_paths=noise_paths(recipe.noise, generator),
        noise_scale=noise_strengths(recipe.noise, len(generator.noise_shapes)),
        style_offsets=_style_offsets(recipe, generator),
    )


def noise_tokens(noise: Noise, count: int) -> list[str]:
    """For each noise input a text that is equal exactly when its map is."""
    by_index = {layer.index: layer for layer in noise.layers}
    tokens = []
    for index in range(count):
        layer = by_index.get(index)
        mode = noise.mode if layer is None or layer.mode is None else layer.mode
        seed = noise.seed if layer is None or layer.seed is None else layer.seed
        values = None if layer is None or layer.values is None else layer.values.digest
        strength = 1.0 if layer is None else layer.strength
        tokens.append(f"{mode}:{seed if mode == 'random' else 0}:{values}:{strength!r}")
    if noise.toward is None:
        return tokens
    others = noise_tokens(noise.toward, count)
    return [f"({own} > {other} {noise.share!r})" for own, other in zip(tokens, others, strict=True)]


def class_tensor(recipe: Recipe, generator: Generator) -> Tensor | None:
    """The class vector (1, c_dim); class 0 where a conditional model's recipe names none."""
    if not generator.info.c_dim:
        return None
    classes = recipe.classes or ((0, 1.0),)
    return torch.from_numpy(class_vector(classes, generator.info.c_dim))[None].to(generator.device)


class _Resolver:
    """The steps of one recipe on one generator."""

    def __init__(self, recipe: Recipe, generator: Generator) -> None:
        self.recipe, self.generator, self.info = recipe, generator, generator.info
        self.c = class_tensor(recipe, generator)
        self.in_z = [e for e in recipe.directions if e.direction.space == Z and e.amount != 0]

    def start(self) -> Tensor:
        """The sum of the sources, (num_ws, w_dim)."""
        sources = self.recipe.sources
        if len(sources) == 1 and sources[0].weight == 1:
            return self.source(sources[0], must_edit=True)
        if self.recipe.combine != "w":
            return self.mapped(self._sum_in_z(sources))
        # In 64 bits: a film's path sums many small weights, and must meet its keyframes to the last bit.
        mean = self._mean().cpu().double()
        total = mean.clone()
        for source in sources:
            total += (self.source(source, must_edit=True).cpu().double() - mean) * source.weight
        return total.float().to(self.generator.device)

    def mixed(self, ws: Tensor) -> Tensor:
        """Rows replaced by, or moved toward, those of other latents."""
        num_ws = self.info.num_ws
        result = ws
        for mix in self.recipe.mixing:
            amounts = np.zeros(num_ws, np.float32)
            used = mix.amounts[:num_ws]
            amounts[: len(used)] = used
            if not amounts.any():
                continue
            other = self.source(mix.source, must_edit=False)
            share = torch.from_numpy(amounts)[:, None].to(ws.device)
            # A whole row is copied, so that it is that source's to the last bit.
            result = torch.where(share == 1, other, result + share * (other - ws))
        return result

    def truncated(self, ws: Tensor) -> Tensor:
        """Rows moved toward the centre."""
        recipe, generator = self.recipe, self.generator
        if not recipe.truncation_curve and recipe.truncation_center is None:
            return generator.truncate(ws[None], recipe.truncation_psi, recipe.truncation_cutoff)[0]
        if self.info.truncates_in_synthesis:
            return ws
        num_ws = self.info.num_ws
        psi = np.full(num_ws, recipe.truncation_psi, np.float32)
        curve = recipe.truncation_curve[:num_ws]
        psi[: len(curve)] = curve
        if recipe.truncation_cutoff is not None:
            psi[recipe.truncation_cutoff :] = 1
        center = self._mean()
        if recipe.truncation_center is not None:
            mean, chosen = center, recipe.truncation_center
            center = self.source(chosen, must_edit=False)
            if chosen.weight != 1:
                center = mean + chosen.weight * (center - mean)
        share = torch.from_numpy(psi)[:, None].to(ws.device)
        columns = generator.truncated_columns
        moved = torch.where(share == 1, ws, center + share * (ws - center))
        return moved if columns is None else torch.cat([moved[:, :columns], ws[:, columns:]], 1)

    def source(self, source: Source, *, must_edit: bool) -> Tensor:
        """The rows (num_ws, w_dim) of one source.

        Args:
            source: a seed, a z, a w or a w+.
            must_edit: sliders in z act on this source, so it has to be a z when there are any.
        """
        if source.space == Z:
            return self.mapped(source.z(self.info.z_dim))
        if must_edit and self.in_z:
            raise InputError(
                f'The slider "{self.in_z[0].direction.name}" acts on z, but this picture starts from a w.',
                "Use a direction of w instead.",
            )
        assert source.values is not None
        values = source.values.array
        if values.shape[-1] != self.info.w_dim:
            raise InputError(
                f"The start has {values.shape[-1]} numbers a row, but this model's w has {self.info.w_dim}."
            )
        return torch.from_numpy(np.array(as_rows(values, self.info.num_ws))).to(self.generator.device)

    def mapped(self, z: Array) -> Tensor:
        """Rows of one z; sliders in z that act on some layers change those rows only."""
        num_ws = self.info.num_ws
        by_rows: dict[tuple[int, ...], list[int]] = {}
        for row in range(num_ws):
            active = tuple(
                i
                for i, e in enumerate(self.in_z)
                if row in layer_range(e.start, e.stop, num_ws) and e.direction.moves(row)
            )
            by_rows.setdefault(active, []).append(row)
        # One at a time: a batch could differ in the last bit, and a recipe has one picture.
        mapped = [
            self.generator.mapping(
                torch.from_numpy(self._moved(z, [self.in_z[i] for i in active]))[None], self.c
            )[0]
            for active in by_rows
        ]
        if len(mapped) == 1:
            return mapped[0]
        ws = torch.empty_like(mapped[0])
        for rows, variant in zip(by_rows.values(), mapped, strict=True):
            ws[rows] = variant[rows]
        return ws

    def _moved(self, z: Array, edits: list[DirectionEdit]) -> Array:
        moved = z.copy()
        for edit in edits:
            direction = edit.direction
            if direction.values.shape != z.shape:
                raise InputError(
                    f'The direction "{direction.name}" has {direction.values.shape[-1]} numbers, '
                    f"but this model's z has {len(z)}."
                )
            moved += np.float32(edit.amount * direction.sigma) * direction.values.array
        return moved

    def _sum_in_z(self, sources: tuple[Source, ...]) -> Array:
        if any(source.space != Z for source in sources):
            raise InputError("A w can't be summed in z.", "Sum in w, or use sources that are a z.")
        total = sum(
            (np.float32(s.weight) * s.z(self.info.z_dim) for s in sources),
            np.zeros(self.info.z_dim, np.float32),
        )
        if self.recipe.combine == "z normalized":
            # A typical z has the length sqrt(z_dim); a mean of several is shorter.
            total = total * np.float32(np.sqrt(self.info.z_dim) / max(float(np.linalg.norm(total)), 1e-12))
        return total.astype(np.float32)

    def _mean(self) -> Tensor:
        return self.generator.mean_latent.expand(self.info.num_ws, -1)


def _noise_maps(noise: Noise, generator: Generator) -> dict[int, Tensor]:
    shapes = generator.noise_shapes
    by_index = {layer.index: layer for layer in noise.layers}
    if by_index and max(by_index) >= len(shapes):
        raise InputError(f"There is no noise input {max(by_index)}: this model has {len(shapes)}.")
    drawn: dict[int, dict[int, Tensor]] = {}
    maps: dict[int, Tensor] = {}
    for index, shape in enumerate(shapes):
        layer = by_index.get(index)
        if layer is not None and layer.values is not None:
            if layer.values.shape != shape:
                raise InputError(f"Noise map {index} has shape {layer.values.shape}, but {shape} is needed.")
            maps[index] = torch.from_numpy(np.array(layer.values.array))[None, None].to(generator.device)
            continue
        mode = noise.mode if layer is None or layer.mode is None else layer.mode
        if mode == "random":
            seed = noise.seed if layer is None or layer.seed is None else layer.seed
            if seed not in drawn:
                drawn[seed] = generator.draw_noise(seed)
            maps[index] = drawn[seed][index]
    return maps


def _style_offsets(recipe: Recipe, generator: Generator) -> dict[str, Tensor]:
    if not recipe.channels:
        return {}
    if not generator.has_style_edits:
        raise InputError("This model's style channels can't be moved one by one.")
    sizes = {style.layer: len(style.weight) for style in generator.style_weights()}
    offsets: dict[str, Tensor] = {}
    for edit in recipe.channels:
        if edit.channel >= sizes.get(edit.layer, 0):
            raise InputError(f'This model has no style channel {edit.channel} in a layer "{edit.layer}".')
        if edit.layer not in offsets:
            offsets[edit.layer] = torch.zeros(sizes[edit.layer], device=generator.device)
        offsets[edit.layer][edit.channel] += edit.amount * edit.sigma
    return offsets
