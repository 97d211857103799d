"""From a recipe to what the synthesis reads.

Owns the order in which the parts of a recipe act: z (with sliders in z), mapping, weighted sum around
the mean, truncation, sliders in w, noise, transform. One thread at a time per generator.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentstudio.document.recipe import DirectionEdit, Recipe, Source
from latentstudio.errors import InputError
from latentstudio.latent.directions import add_to_ws
from latentstudio.latent.sampling import class_vector, z_from_seed
from latentstudio.latent.spaces import Z, as_rows, layer_range
from latentstudio.models.generator import Generator, Inputs


def resolve_ws(recipe: Recipe, generator: Generator) -> NDArray[np.float32]:
    """The latents of a recipe after every edit: float32 (num_ws, w_dim).

    Raises:
        InputError: a latent, a direction or a class does not fit the generator.
    """
    info = generator.info
    c = class_tensor(recipe, generator)
    in_z = [e for e in recipe.directions if e.direction.space == Z and e.amount != 0]
    mean: Tensor | None = None
    total: Tensor | None = None
    for source in recipe.sources:
        if source.space == Z:
            ws = _mapped(_z_values(source, info.z_dim), in_z, c, generator)
        else:
            ws = _given(source, in_z, generator)
        if len(recipe.sources) == 1 and source.weight == 1:
            total = ws
            break
        if mean is None:
            mean = generator.mean_latent.expand(info.num_ws, -1)
        moved = (ws - mean) * source.weight
        total = moved if total is None else total + moved
    assert total is not None
    if mean is not None:
        total = total + mean
    total = generator.truncate(total[None], recipe.truncation_psi, recipe.truncation_cutoff)[0]
    result: NDArray[np.float32] = total.detach().cpu().numpy()
    for edit in recipe.directions:
        if edit.direction.space != Z:
            result = add_to_ws(result, edit.direction, edit.amount, edit.start, edit.stop)
    if not np.isfinite(result).all():
        raise InputError("The latent has left the range of numbers.", "Take some sliders back.")
    return np.ascontiguousarray(result, np.float32)


def resolve_inputs(recipe: Recipe, generator: Generator) -> Inputs:
    """Everything the stages read for one picture."""
    maps = generator.draw_noise(recipe.noise.seed) if recipe.noise.mode == "random" else None
    transform = None
    if recipe.transform is not None and generator.info.has_transform:
        transform = recipe.transform.matrix()
    mode = "none" if recipe.noise.mode == "none" else "const"
    return generator.inputs(
        torch.from_numpy(resolve_ws(recipe, generator))[None],
        mode,
        noise_maps=maps,
        transform=transform,
        truncation_psi=recipe.truncation_psi,
    )


def class_tensor(recipe: Recipe, generator: Generator) -> Tensor | None:
    """The class vector (1, c_dim); class 0 where a conditional model's recipe names none."""
    if not generator.info.c_dim:
        return None
    classes = recipe.classes or ((0, 1.0),)
    return torch.from_numpy(class_vector(classes, generator.info.c_dim))[None].to(generator.device)


def _z_values(source: Source, z_dim: int) -> NDArray[np.float32]:
    if source.values is None:
        assert source.seed is not None
        return z_from_seed(source.seed, z_dim)
    z = source.values.array.reshape(-1)
    if len(z) != z_dim:
        raise InputError(f"The start has {len(z)} numbers, but this model's z has {z_dim}.")
    return z


def _mapped(
    z: NDArray[np.float32], edits: list[DirectionEdit], c: Tensor | None, generator: Generator
) -> Tensor:
    """ws (num_ws, w_dim) of one z; sliders in z that act on some layers change those rows only."""
    num_ws = generator.info.num_ws
    by_rows: dict[tuple[int, ...], list[int]] = {}
    for row in range(num_ws):
        active = tuple(i for i, e in enumerate(edits) if row in layer_range(e.start, e.stop, num_ws))
        by_rows.setdefault(active, []).append(row)
    variants = []
    for active in by_rows:
        moved = z.copy()
        for i in active:
            direction = edits[i].direction
            if direction.values.shape != z.shape:
                raise InputError(
                    f'The direction "{direction.name}" has {direction.values.shape[-1]} numbers, '
                    f"but this model's z has {len(z)}."
                )
            moved += np.float32(edits[i].amount * direction.sigma) * direction.values.array
        variants.append(moved)
    # One at a time: a batch could differ in the last bit, and a recipe has one picture.
    mapped = [generator.mapping(torch.from_numpy(v)[None], c)[0] for v in variants]
    if len(mapped) == 1:
        return mapped[0]
    ws = torch.empty_like(mapped[0])
    for rows, variant in zip(by_rows.values(), mapped, strict=True):
        ws[rows] = variant[rows]
    return ws


def _given(source: Source, edits: list[DirectionEdit], generator: Generator) -> Tensor:
    info = generator.info
    assert source.values is not None
    if edits:
        raise InputError(
            f'The slider "{edits[0].direction.name}" acts on z, but this picture starts from a w.',
            "Use a direction of w instead.",
        )
    values = source.values.array
    if values.shape[-1] != info.w_dim:
        raise InputError(
            f"The start has {values.shape[-1]} numbers a row, but this model's w has {info.w_dim}."
        )
    return torch.from_numpy(np.array(as_rows(values, info.num_ws))).to(generator.device)
