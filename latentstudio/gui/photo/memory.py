"""Which photograph a picture was inverted from, remembered on this machine.

Owns a small file in the user's data folder: by what a recipe starts from, where the photo lies and how it was
cut. No pixel of a photo is kept. Any thread.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latentstudio.atomic_file import write_atomically
from latentstudio.document.recipe import Recipe
from latentstudio.document.recipe_json import source_to_json
from latentstudio.errors import InputError
from latentstudio.inversion.target import Alignment
from latentstudio.settings import Folders, user_folders

MOST = 200


@dataclass(frozen=True)
class Remembered:
    """A photograph and its cut.

    Attributes:
        path: the photograph's file.
        alignment: where the cut is.
    """

    path: Path
    alignment: Alignment


def start_key(recipe: Recipe) -> str:
    """What a recipe starts from, as a name: edits don't change it."""
    stored = [recipe.model.sha256, [source_to_json(source) for source in recipe.sources]]
    return hashlib.sha256(json.dumps(stored, sort_keys=True).encode()).hexdigest()


def remember(recipe: Recipe, found: Remembered, folders: Folders | None = None) -> None:
    """Put one at the head of the list.

    Raises:
        SaveError: the disk refuses.
    """
    entries = {start_key(recipe): {"path": str(found.path), **found.alignment.to_json()}}
    for key, value in _stored(folders).items():
        entries.setdefault(key, value)
    kept = dict(list(entries.items())[:MOST])
    write_atomically(_path(folders), json.dumps(kept, indent=1).encode())


def recall(recipe: Recipe, folders: Folders | None = None) -> Remembered | None:
    """The photograph of a recipe; None where none is known or its file is gone."""
    stored = _stored(folders).get(start_key(recipe))
    try:
        if isinstance(stored, dict) and Path(stored["path"]).is_file():
            return Remembered(Path(stored["path"]), Alignment.from_json(stored))
    except (InputError, KeyError, TypeError, ValueError, OSError):
        pass
    return None


def _path(folders: Folders | None) -> Path:
    return (folders or user_folders()).data / "photos.json"


def _stored(folders: Folders | None) -> dict[str, Any]:
    try:
        stored = json.loads(_path(folders).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stored if isinstance(stored, dict) else {}
