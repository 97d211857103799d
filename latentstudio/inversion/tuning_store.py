"""Where tunings are: in the user's folder by their hash, and beside the recipes that need them.

Owns the store and the way in and out of it. Any thread.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from latentstudio.atomic_file import atomic_writer
from latentstudio.document.recipe import Recipe, TuningRef
from latentstudio.errors import ModelNotFoundError, SaveError
from latentstudio.models.tuning import SUFFIX, Tuning, read_tuning, write_tuning
from latentstudio.settings import Folders, user_folders


def tuning_path(sha256: str, folders: Folders | None = None) -> Path:
    """Where a tuning of this hash is kept."""
    return (folders or user_folders()).data / "tunings" / f"{sha256}.safetensors"


def keep_tuning(tuning: Tuning, name: str, folders: Folders | None = None) -> TuningRef:
    """Store a tuning where recipes find it.

    Raises:
        SaveError: the disk refuses.
    """
    folder = tuning_path("", folders).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SaveError(f'Can\'t create the folder "{folder}": {error.strerror}.', path=folder) from error
    draft = folder / ".new.safetensors"
    write_tuning(draft, tuning)
    reference = TuningRef(file_hash(draft), name)
    draft.replace(tuning_path(reference.sha256, folders))
    return reference


def load_tuning(reference: TuningRef, folders: Folders | None = None) -> Tuning:
    """The tuning that a recipe names.

    Raises:
        ModelNotFoundError: it is not on this machine.
        CheckpointError: its file is damaged.
    """
    path = tuning_path(reference.sha256, folders)
    if not path.is_file():
        raise ModelNotFoundError(
            f'The picture needs its tuning "{reference.name or reference.sha256[:12]}".',
            "Keep that file beside the picture and open the picture again.",
        )
    return read_tuning(path)


def adopt_tuning(recipe: Recipe, folder: Path, folders: Folders | None = None) -> None:
    """Store the tuning that lies beside a recipe's file; nothing happens where there is none.

    A file of the right name with another content is left alone: the hash decides.
    """
    reference = recipe.tuning
    if reference is None or tuning_path(reference.sha256, folders).is_file():
        return
    beside = folder / reference.name
    if not reference.name or not beside.is_file() or file_hash(beside) != reference.sha256:
        return
    _copy(beside, tuning_path(reference.sha256, folders))


def export_tuning(recipe: Recipe, folder: Path, folders: Folders | None = None) -> Path | None:
    """Put the tuning of a recipe beside its file; None where it has none.

    Raises:
        SaveError: the file could not be written.
        ModelNotFoundError: the tuning is not on this machine.
    """
    reference = recipe.tuning
    if reference is None:
        return None
    load_tuning(reference, folders)
    target = folder / (reference.name or f"{reference.sha256[:12]}{SUFFIX}")
    if not target.is_file() or file_hash(target) != reference.sha256:
        _copy(tuning_path(reference.sha256, folders), target)
    return target


def file_hash(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _copy(source: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SaveError(f'Can\'t create the folder "{target.parent}".', path=target.parent) from error
    with source.open("rb") as file, atomic_writer(target) as out:
        shutil.copyfileobj(file, out)
