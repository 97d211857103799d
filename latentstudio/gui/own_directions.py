"""Directions of a person's own, kept for each model.

Owns the files (by the model's hash) and the open model's list `directions["mine"]`; how directions are
found is the business of whoever adds them. GUI thread; files are read and written on others.
"""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from latentstudio.atomic_file import write_atomically
from latentstudio.document.direction_file import SUFFIX, read_directions, write_directions
from latentstudio.document.recipe import DirectionEdit
from latentstudio.errors import LatentStudioError
from latentstudio.gui.studio import OpenModel, Studio
from latentstudio.latent.directions import Direction
from latentstudio.settings import user_folders

MINE = "mine"


def own(model: OpenModel) -> list[Direction]:
    """The own directions of an open model."""
    return model.directions.setdefault(MINE, [])


def load_own(studio: Studio, model: OpenModel) -> None:
    """Read what was kept of this model; `directions_found` tells."""

    def done(found: list[Direction]) -> None:
        if studio.model is model:
            names = {d.name for d in own(model)}
            own(model)[:0] = [d for d in found if d.name not in names]
            studio.directions_found.emit(MINE)

    info = model.info
    studio.background.run(lambda: _read(_path(info.sha256), info.z_dim, info.w_dim), done, studio.tell_error)


def add_own(studio: Studio, direction: Direction) -> Direction | None:
    """Keep a direction, under a name that is free; returns it as it was kept."""
    return next(iter(add_all(studio, [direction])), None)


def add_all(studio: Studio, directions: Sequence[Direction]) -> list[Direction]:
    """Keep several directions."""
    model = studio.model
    if model is None:
        return []
    kept = []
    for direction in directions:
        # What was found by PCA and kept in a file is a person's own from here on.
        origin = "file" if direction.origin in ("named", "pca", "sefa") else direction.origin
        named = replace(direction, name=free_name(model, direction.name), origin=origin)
        own(model).append(named)
        kept.append(named)
    _store(studio, model)
    return kept


def change_own(studio: Studio, old: Direction, new: Direction | None, label: str = "") -> None:
    """Replace a direction, or remove it with None; a slider in the recipe follows under `label`."""
    model = studio.model
    if model is None or old not in own(model):
        return
    index = own(model).index(old)
    own(model)[index : index + 1] = [] if new is None else [new]
    if new is not None and label:
        studio.document.edit(label, studio.document.recipe.changed(directions=_followed(studio, old, new)))
    _store(studio, model)


def free_name(model: OpenModel, name: str) -> str:
    """A name that no direction of the model has: "Smile", "Smile 2", ..."""
    taken = {d.name for group in model.directions.values() for d in group}
    name = name.strip() or "Direction"
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name} {number}"
    return free


def stars(model: OpenModel) -> set[str]:
    """Names of the starred own directions."""
    try:
        stored = json.loads(_star_path(model.info.sha256).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return set()
    return {str(name) for name in stored} if isinstance(stored, list) else set()


def set_starred(studio: Studio, direction: Direction, starred: bool) -> None:
    """Put a direction among the first, or back."""
    model = studio.model
    if model is None:
        return
    names = stars(model) - {direction.name} | ({direction.name} if starred else set())
    try:
        write_atomically(_star_path(model.info.sha256), json.dumps(sorted(names)).encode())
    except LatentStudioError as error:
        studio.tell_error(error)
    own(model).sort(key=lambda d: d.name not in names)
    _store(studio, model)


def _followed(studio: Studio, old: Direction, new: Direction) -> tuple[DirectionEdit, ...]:
    """The recipe's sliders with `old` replaced; amounts change so that the picture stays."""
    scale = old.sigma / new.sigma
    if old.values != new.values:
        scale = -scale if (old.values.array == -new.values.array).all() else 1.0
    return tuple(
        replace(edit, direction=new, amount=edit.amount * scale) if edit.direction == old else edit
        for edit in studio.document.recipe.directions
    )


def _store(studio: Studio, model: OpenModel) -> None:
    directions, path = list(own(model)), _path(model.info.sha256)
    studio.directions_found.emit(MINE)
    ticket = next(_tickets)
    studio.background.run(lambda: _write(path, directions, ticket), lambda _: None, studio.tell_error)


# Two quick changes are two threads: one writes at a time, and an older list never replaces a newer.
_tickets = itertools.count()
_writing = threading.Lock()
_written: dict[Path, int] = {}


def _write(path: Path, directions: list[Direction], ticket: int) -> None:
    with _writing:
        if _written.get(path, -1) < ticket:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_directions(path, directions)
            _written[path] = ticket


def _read(path: Path, z_dim: int, w_dim: int) -> list[Direction]:
    if not path.is_file():
        return []
    found = read_directions(path, z_dim=z_dim, w_dim=w_dim) if path.stat().st_size > 120 else []
    names = _star_names(path)
    return sorted(found, key=lambda d: d.name not in names)


def _star_names(path: Path) -> set[str]:
    try:
        return set(json.loads(path.with_name(path.name.replace(SUFFIX, ".stars.json")).read_text()))
    except (OSError, ValueError, TypeError):
        return set()


def _path(sha256: str) -> Path:
    return user_folders().data / "directions" / f"{sha256[:32] or 'unnamed'}{SUFFIX}"


def _star_path(sha256: str) -> Path:
    folder = user_folders().data / "directions"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{sha256[:32] or 'unnamed'}.stars.json"
