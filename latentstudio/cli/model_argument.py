"""What a person may write where a command wants a model: a path, or the id of a known one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from latentstudio.errors import CatalogueError, UnreadableFileError
from latentstudio.models.catalogue import catalogue_rows, installed_path
from latentstudio.models.library import KnownModel, bundled_models, remember_model

if TYPE_CHECKING:
    from latentstudio.document.recipe import ModelRef
    from latentstudio.models.generator import GeneratorInfo


def model_path(text: str) -> Path:
    """The file of a model.

    Args:
        text: a path, the id of a bundled model or of an installed one.

    Raises:
        CatalogueError: the catalogue has it, but it is not installed.
        UnreadableFileError: there is no such file and no such id.
    """
    path = Path(text).expanduser()
    if path.exists():
        return path
    bundled = {model.stem: model for model in bundled_models()}
    if text in bundled:
        return bundled[text]
    ids = [row.id for row in catalogue_rows() if row.kind == "generator"]
    if text in ids:
        installed = installed_path(text)
        if installed is None:
            raise CatalogueError(
                f'"{text}" is not installed.', f"Install it first: latentstudio models install {text}"
            )
        return installed
    raise UnreadableFileError(
        f'There is no file "{text}", and no model of that name.',
        f"Known models: {', '.join([*bundled, *ids])}.",
        path=path,
    )


def reference(info: GeneratorInfo) -> ModelRef:
    """How a recipe names a loaded generator; from now on the recipe finds it on this machine."""
    from latentstudio.document.recipe import ModelRef

    provenance = info.provenance
    if info.path not in map(str, bundled_models()):
        remember_model(
            KnownModel(
                info.path,
                info.sha256,
                provenance.title,
                info.family,
                info.img_resolution,
                provenance.source_sha256,
            )
        )
    return ModelRef(info.sha256, provenance.title, provenance.origin or Path(info.path).name)
