"""Which models this machine has, so that a recipe finds its generator by hash.

Owns the list of models opened before (a small JSON file), the bundled and the installed ones.
Any thread.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from latentstudio.atomic_file import write_atomically
from latentstudio.errors import InputError, ModelNotFoundError
from latentstudio.settings import Folders, resource_dir, user_folders

if TYPE_CHECKING:
    from latentstudio.document.recipe import ModelRef

MAX_RECENT = 40
SUFFIX = ".safetensors"
DEFAULT = "clayfaces128"


@dataclass(frozen=True)
class KnownModel:
    """A model that was opened before.

    Attributes:
        path: the file or folder.
        sha256: its hash when it was opened.
        title: a name for people.
        family: such as "StyleGAN2".
        resolution: longer side of its pictures, in pixels.
        source_sha256: hash of the file it was converted from; empty for an original.
    """

    path: str
    sha256: str
    title: str = ""
    family: str = ""
    resolution: int = 0
    source_sha256: str = ""


def known_models(folders: Folders | None = None) -> list[KnownModel]:
    """The models opened before, the latest first; those whose file is gone are left out."""
    path = (folders or user_folders()).data / "models.json"
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        models = [KnownModel(**entry) for entry in stored]
    except (OSError, ValueError, TypeError):
        return []
    return [model for model in models if Path(model.path).exists()]


def remember_model(model: KnownModel, folders: Folders | None = None) -> None:
    """Put a model at the head of the list."""
    folders = folders or user_folders()
    models = [model] + [m for m in known_models(folders) if m.path != model.path]
    text = json.dumps([asdict(m) for m in models[:MAX_RECENT]], indent=1)
    write_atomically(folders.data / "models.json", text.encode())


def bundled_models() -> list[Path]:
    """The models that travel with the program, the default first, then those of its family.

    A model's file is named like its folder; other weights there (encoders, estimators) belong to one.
    """
    folders = sorted(path for path in resource_dir("pretrained").iterdir() if path.is_dir())
    models = [path for folder in folders if (path := folder / f"{folder.name}{SUFFIX}").is_file()]
    family = DEFAULT.rstrip("0123456789")
    return sorted(models, key=lambda path: (path.stem != DEFAULT, not path.stem.startswith(family)))


def default_model() -> Path:
    """The model a first start opens.

    Raises:
        InputError: the installation carries none.
    """
    models = bundled_models()
    if not models:
        raise InputError("This installation carries no model.", "Install LatentStudio again.")
    return models[0]


def find_model(reference: ModelRef, folders: Folders | None = None) -> Path:
    """The file of a recipe's generator.

    Raises:
        ModelNotFoundError: no model on this machine has that hash.
    """
    folders = folders or user_folders()
    if not reference.sha256:
        return default_model()
    for model in known_models(folders):
        if reference.sha256 in (model.sha256, model.source_sha256):
            return Path(model.path)
    for path in [*bundled_models(), *sorted(folders.models.glob("*" + SUFFIX))]:
        if _sha256(path) == reference.sha256:
            return path
    name = reference.name or reference.sha256[:12]
    hint = f'Open the model "{name}" once (hash {reference.sha256[:12]}...); the recipe will find it then.'
    kind, _, identity = reference.origin.partition(":")
    if kind == "catalogue":
        hint = f"Install it from the catalogue: latentstudio models install {identity}"
    raise ModelNotFoundError(f'The recipe\'s model "{name}" is not on this machine.', hint)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
