"""Direction files: those that people publish, and our own.

Owns reading the field's shapes and writing the own form; a file is data and never runs. What a model
can use is decided by its sizes: a file for another model is refused with a sentence. NumPy only.

Sources: the shapes of GANSpace's saved components, InterFaceGAN's boundaries, StyleCLIP's and e4e's
direction files, as their authors publish them.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentstudio.atomic_file import write_atomically
from latentstudio.errors import InputError
from latentstudio.formats import StoredArray, read_checkpoint, read_numpy
from latentstudio.latent.directions import Direction
from latentstudio.latent.spaces import Latent, W, Z

FORMAT = "latentstudio.directions"
SUFFIX = ".directions.json"
MAX_BYTES = 256 * 1024 * 1024
MAX_DIRECTIONS = 2000

# Names that the field's files use for the same three things.
_COMPONENTS = ("lat_comp", "act_comp", "comp", "components", "eigvec", "vectors")
_SIGMAS = ("lat_stdev", "act_stdev", "stdev", "stdevs", "std", "sigmas")
_NOT_DIRECTIONS = ("mean", "lat_mean", "act_mean", "random_stdevs", "var_ratio")


def read_directions(path: str | Path, *, z_dim: int, w_dim: int, space: str | None = None) -> list[Direction]:
    """The directions of a file that fit a model.

    Args:
        path: .npy, .npz, .pt, .safetensors, or the own .directions.json.
        z_dim: length of the model's z.
        w_dim: length of the model's w.
        space: "z" or "w" where the file does not say; None takes w where the length fits it.

    Returns:
        At least one direction; rows (18 x 512, say) are kept, a model with fewer uses its first ones.

    Raises:
        InputError: the file can't be read, holds no direction, or belongs to another model.
    """
    path = Path(path)
    found = _own(path) if path.name.endswith(".json") else list(_foreign(path))
    if not found:
        raise InputError(f'"{path.name}" holds no direction.', path=path)
    fitting, lengths = [], set()
    for direction in found:
        length = direction.values.shape[-1]
        lengths.add(length)
        chosen = space or (direction.space if direction.space == Z else None)
        if chosen is None:
            chosen = W if length == w_dim else Z
        if length == (z_dim if chosen == Z else w_dim) and not (
            chosen == Z and len(direction.values.shape) == 2
        ):
            fitting.append(replace(direction, space=chosen))
    if not fitting:
        raise InputError(
            f'"{path.name}" belongs to another model: its directions have '
            f"{', '.join(map(str, sorted(lengths)))} numbers, this model's w has {w_dim} and its z {z_dim}.",
            path=path,
        )
    return fitting


def directions_beside(model: str, *, z_dim: int, w_dim: int) -> list[Direction]:
    """The named directions that travel with a model, in `<stem>.directions.json` beside its file.

    None where there is no such file, or it belongs to another model: a bad extra must not keep a model from
    opening.
    """
    if not model:
        return []
    path = Path(model)
    path = path.with_name(path.stem + SUFFIX)
    if not path.is_file():
        return []
    with contextlib.suppress(InputError):
        return read_directions(path, z_dim=z_dim, w_dim=w_dim)
    return []


def write_directions(path: str | Path, directions: list[Direction]) -> None:
    """Write the own form; SaveError when the disk refuses."""
    stored = {"format": FORMAT, "version": 1, "directions": [d.to_json() for d in directions]}
    write_atomically(Path(path), json.dumps(stored, indent=1).encode())


def _own(path: Path) -> list[Direction]:
    try:
        if not path.is_file() or path.stat().st_size > MAX_BYTES:
            raise InputError(f'Can\'t read "{path.name}": it is no file of directions.', path=path)
        stored = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f'Can\'t read "{path.name}": it is no file of directions.', path=path) from error
    if not isinstance(stored, dict) or stored.get("format") != FORMAT:
        raise InputError(f'"{path.name}" is no file of directions.', path=path)
    entries = stored.get("directions")
    if stored.get("version") != 1 or not isinstance(entries, list):
        raise InputError(f'"{path.name}" was written by another version.', "Update LatentStudio.", path=path)
    return [Direction.from_json(entry) for entry in entries[:MAX_DIRECTIONS]]


def _foreign(path: Path) -> Iterator[Direction]:
    tree: Any
    if path.suffix.lower() in (".npy", ".npz"):
        tree = read_numpy(path)
        if set(tree) == {"arr_0"}:
            tree = tree["arr_0"]
    else:
        tree = read_checkpoint(path).root
    yield from _from_tree(tree, path.stem, 0)


def _from_tree(tree: Any, name: str, depth: int) -> Iterator[Direction]:
    array = _array(tree)
    if array is not None:
        yield from _from_array(array, name, None)
        return
    if not isinstance(tree, dict) or depth > 4:
        return
    keys = {str(key).lower(): key for key in tree}
    components = next((keys[k] for k in _COMPONENTS if k in keys), None)
    if components is not None:
        sigmas = next((_array(tree[keys[k]]) for k in _SIGMAS if k in keys), None)
        array = _array(tree[components])
        if array is not None:
            yield from _from_array(array, name, sigmas, many=True)
        return
    for key, value in tree.items():
        if str(key).lower() not in _NOT_DIRECTIONS + _SIGMAS:
            yield from _from_tree(value, str(key), depth + 1)


def _from_array(
    array: NDArray[Any], name: str, sigmas: NDArray[Any] | None, *, many: bool = False
) -> Iterator[Direction]:
    """Directions of an array: (D,), (1, D), (L, D), (1, L, D); with `many` (k, D) or (k, rows, D)."""
    if array.dtype.kind not in "fiu" or array.ndim == 0 or array.size == 0:
        return
    if not many:
        values = array.reshape(array.shape[-2:]) if array.ndim == 3 and array.shape[0] == 1 else array
        if values.ndim == 3:
            many = True
        elif values.ndim <= 2:
            yield _direction(name, values)
            return
    if array.ndim not in (2, 3):
        return
    flat = None if sigmas is None else np.asarray(sigmas, np.float64).reshape(-1)
    for i, values in enumerate(array[:MAX_DIRECTIONS]):
        direction = _direction(f"{name} {i + 1}", values)
        if flat is not None and i < len(flat):
            direction = Direction(direction.name, W, direction.values, float(flat[i]), "file")
        yield direction


def _direction(name: str, values: NDArray[Any]) -> Direction:
    values = np.asarray(values, np.float32)
    if values.ndim == 2 and values.shape[0] == 1:
        values = values[0]
    return Direction(name, W, Latent(values), 1.0, "file")


def _array(value: Any) -> NDArray[Any] | None:
    if isinstance(value, StoredArray):
        return np.array(value.numpy())
    return value if isinstance(value, np.ndarray) else None
